#!/usr/bin/python3
"""The charter's evaluator. Runs the candidate's network itself; nothing of the candidate is executed.

  evaluate.py episodes  --subject DIR --seeds FILE --out FILE   closed-loop encounters, one JSON line a seed
  evaluate.py decisions --subject DIR --seeds FILE --out FILE   what the network decides in one state a seed

FILE of seeds: 32 bytes an episode. Exit 0 only where the output is complete; 1 where the subject cannot be evaluated.
"""

import argparse
import os
import sys

import encounters
import network

EPISODES_MAX = 1_000_000
BLOCK = 4096  # episodes flown together; bounds the memory, changes no result


def episodes(layers, seeds):
    for start in range(0, len(seeds), BLOCK):
        metrics = encounters.fly(seeds[start:start + BLOCK], lambda x: network.advisories(layers, x))
        rows = zip(*(metrics[name].tolist() for name in ("climbing", "alert_rate", "near_miss", "reversals", "score")))
        for offset, ((climbing, alert_rate, near_miss, reversals, score), (h, own, intruder, delay)) in enumerate(
                zip(rows, metrics["begins"])):
            yield (f'{{"episode":{start + offset},"group":"{"climbing" if climbing else "other"}",'
                   f'"input":"intruder {h:+.0f} ft, own rate {own:+.0f} ft/s, its rate {intruder:+.0f} ft/s, '
                   f'pilot {delay} s late",'
                   f'"metrics":{{"alert_rate":{alert_rate:.6f},'
                   f'"near_miss":{int(near_miss)},"reversals":{reversals:.1f},"score":{score:.9f}}}}}\n')


def decisions(layers, seeds):
    for start in range(0, len(seeds), BLOCK):
        observed, states = encounters.probe(seeds[start:start + BLOCK])
        chosen = network.advisories(layers, observed)
        for offset, (advisory, (h, own, intruder, tau, previous)) in enumerate(zip(chosen.tolist(), states)):
            yield (f'{{"probe":{start + offset},"decision":"{encounters.ADVISORIES[advisory]}",'
                   f'"input":"intruder {h:+.0f} ft, own rate {own:+.0f} ft/s, its rate {intruder:+.0f} ft/s, '
                   f'{tau:.0f} s left, advised {previous}"}}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("episodes", "decisions"))
    parser.add_argument("--subject", required=True)
    parser.add_argument("--seeds", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    try:
        with open(options.seeds, "rb") as file:
            seeds = encounters.read_seeds(file.read(32 * EPISODES_MAX + 1))
        layers = network.read(os.path.join(options.subject, "policy.onnx"))
        lines = "".join((episodes if options.mode == "episodes" else decisions)(layers, seeds))
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(lines)
    except (ValueError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
