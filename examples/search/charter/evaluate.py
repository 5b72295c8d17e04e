#!/usr/bin/python3
"""The charter's evaluator. The subject's program answers in a sandbox of its own; only a table of numbers comes back.

  evaluate.py episodes  --converse --seeds FILE --out FILE   packs one instance a seed
  evaluate.py decisions --converse --seeds FILE --out FILE   the bin that is chosen in one situation a seed

The whole heuristic is asked for in one request, before the first instance is packed: the program answers without having
seen any. Exit 0 only where the output is complete.
"""
import argparse
import json
import math
import sys

import numpy as np

import instances

BLOCK = 2000  # instances packed together; bounds the memory, changes no result


def ask():
    """table[item, free]; -inf where there is no score, everywhere where there is no proper answer."""
    size = instances.CAPACITY + 1
    table = np.full((size, size), -np.inf)
    print(json.dumps({"items": list(range(1, size)), "capacity": instances.CAPACITY}), flush=True)
    answer = sys.stdin.readline()
    if not answer.startswith("+"):
        print(f"evaluate: no answer from the subject: {answer[1:].strip()}", file=sys.stderr)
        return table
    try:
        rows = json.loads(answer[1:])
        shaped = isinstance(rows, list) and len(rows) == size - 1 and all(
            isinstance(row, list) and len(row) == size for row in rows)
    except (ValueError, RecursionError):
        shaped = False
    if not shaped:
        print("evaluate: the subject's answer is not a table of scores", file=sys.stderr)
        return table
    for item, row in enumerate(rows, start=1):
        for free, score in enumerate(row):
            if type(score) in (int, float) and abs(score) < 1e300 and math.isfinite(score):
                table[item, free] = score
    return table


def episodes(seeds, table):
    for start in range(0, len(seeds), BLOCK):
        score, waste = instances.metrics(instances.items(seeds[start:start + BLOCK]), table)
        for offset, (one, other) in enumerate(zip(score.tolist(), waste.tolist())):
            yield f'{{"episode":{start + offset},"metrics":{{"score":{one:.9f},"waste":{int(other)}}}}}\n'


def decisions(seeds, table):
    chosen, items, rooms = instances.choices(seeds, table)
    for probe, (room, item, free) in enumerate(zip(chosen.tolist(), items.tolist(), rooms.tolist())):
        yield (f'{{"probe":{probe},"decision":"{room}",'
               f'"input":"an item of {item}, bins with room for {" ".join(map(str, free))}"}}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("episodes", "decisions"))
    parser.add_argument("--converse", action="store_true", required=True)
    parser.add_argument("--seeds", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    with open(options.seeds, "rb") as file:
        seeds = instances.read_seeds(file.read(32 * 1_000_000 + 1))
    lines = "".join((episodes if options.mode == "episodes" else decisions)(seeds, ask()))
    with open(options.out, "w", encoding="utf-8") as file:
        file.write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
