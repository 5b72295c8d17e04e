#!/usr/bin/python3
"""Evolves the heuristic, and the operators that change it: improve.py --live DIR --out DIR --seed N

1. Starts from the live heuristic and changes it by the live operators, drawn by their weights; keeps the best few of a
   population on rehearsed instances.
2. Paces itself: of everything it has seen it takes the one whose rehearsed gain is nearest to `target_gain_percent`,
   not the largest. Without any gain it gives up: no candidate, exit status 1.
3. Changes its own operators: those that led to better heuristics weigh more, the two best are joined to a new one, the
   worst is dropped.
4. Writes the complete candidate: heuristic.py, operators.json, the rest unchanged.

It knows nothing of the gate and is not trusted. Same live release, same seed: same bytes.
"""
import argparse
import json
import pathlib
import shutil
import sys

import numpy as np

import expressions
import packing

INSTANCES = 300
CHECKED_INSTANCES = 1500  # fresh ones, so that luck in the search is not taken for a gain
OPERATORS_MAX = 12


def evolve(live, settings, generator):
    """(everything tried as (quality, order, expression), successes and trials of each operator)."""
    items = packing.draw(generator, INSTANCES)
    operators = settings["operators"]
    weights = np.array([operator["weight"] for operator in operators], dtype=float)
    tried = [(packing.quality(items, expressions.table(live, packing.CAPACITY)), 0, live)]
    population = tried[:]
    successes, trials = np.zeros(len(operators)), np.zeros(len(operators))
    seen = {expressions.write(live)}
    for _ in range(settings["rounds"]):
        for _ in range(settings["population"]):
            parent_quality, _, parent = population[int(generator.integers(len(population)))]
            which = int(generator.choice(len(operators), p=weights / weights.sum()))
            child = expressions.apply(parent, operators[which]["moves"], generator)
            text = expressions.write(child)
            if text in seen or expressions.size(child) > expressions.NODES_MAX:
                continue
            seen.add(text)
            quality = packing.quality(items, expressions.table(child, packing.CAPACITY))
            trials[which] += 1
            successes[which] += quality > parent_quality
            tried.append((quality, len(tried), child))
        population = sorted(tried, key=lambda entry: (-entry[0], entry[1]))[:6]
    return tried, successes, trials


def nearest(tried, target, generator):
    """The expression whose gain on fresh instances is nearest to the target, among those that gain."""
    items = packing.draw(generator, CHECKED_INSTANCES)
    live = packing.quality(items, expressions.table(tried[0][2], packing.CAPACITY))
    hopeful = sorted((entry for entry in tried[1:] if entry[0] > tried[0][0]),
                     key=lambda entry: (abs(entry[0] - tried[0][0] - target), entry[1]))[:20]
    gains = [(packing.quality(items, expressions.table(entry[2], packing.CAPACITY)) - live, entry[2])
             for entry in hopeful]
    gains = [entry for entry in gains if target / 3 < entry[0] < 1.4 * target]
    return min(gains, key=lambda entry: abs(entry[0] - target), default=None)


def adapted(settings, successes, trials):
    """The operators for the next generation."""
    rates = (successes + 1) / (trials + 4)
    operators = [{"moves": operator["moves"],
                  "weight": int(np.clip(round(operator["weight"] * (0.5 + rate / rates.mean() / 2)), 1, 100))}
                 for operator, rate in zip(settings["operators"], rates)]
    best, second = np.argsort(-rates, kind="stable")[:2]
    joined = {"moves": (operators[best]["moves"] + operators[second]["moves"])[:4], "weight": 10}
    if all(operator["moves"] != joined["moves"] for operator in operators):
        operators.append(joined)
    if len(operators) > OPERATORS_MAX:
        operators.remove(min(operators, key=lambda operator: operator["weight"]))
    return dict(settings, operators=operators)


def dump(settings):
    """The same layout in every generation, one operator a line, so that differences can be read."""
    lines = ",\n".join("    " + json.dumps(operator, sort_keys=True) for operator in settings["operators"])
    rest = ",\n".join(f'  "{key}": {json.dumps(settings[key])}' for key in sorted(settings) if key != "operators")
    return '{\n  "operators": [\n' + lines + "\n  ],\n" + rest + "\n}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    settings = json.loads((options.live / "operators.json").read_text())
    live = expressions.read((options.live / "heuristic.py").read_text())
    generator = np.random.default_rng(options.seed)
    tried, successes, trials = evolve(live, settings, generator)
    found = nearest(tried, settings["target_gain_percent"] / 100, generator)
    if found is None:
        print("improve: no heuristic with a gain near the target", file=sys.stderr)
        return 1
    shutil.copytree(options.live, options.out, dirs_exist_ok=True, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    (options.out / "heuristic.py").write_text(expressions.write(found[1]))
    (options.out / "operators.json").write_text(dump(adapted(settings, successes, trials)))
    print(f"improve: rehearsed gain {found[0]:.4f}, {len(tried)} heuristics tried")
    return 0


if __name__ == "__main__":
    sys.exit(main())
