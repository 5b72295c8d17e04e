// The evaluator that `pawl charter new` writes: it runs, follows spec/evaluation.md, and gives every candidate the
// worst value of every metric, so that nothing passes before a person has replaced it.
#pragma once

#include <string_view>

namespace pawl::authoring {

// Stands in it until somebody has replaced it; `pawl charter check` warns of it.
inline constexpr std::string_view kPlaceholderMark = "PAWL-PLACEHOLDER";

inline constexpr char kPlaceholderEvaluator[] = R"python(#!/usr/bin/python3
"""PAWL-PLACEHOLDER: an evaluator to be replaced. It measures nothing: every candidate gets the worst value of every
metric, so nothing can be accepted. Write run_episode and decide, then take this word out.

  evaluate.py episodes  --subject DIR --seeds FILE --out FILE   one line of metrics for each seed
  evaluate.py decisions --subject DIR --seeds FILE --out FILE   one decision for each seed

FILE of seeds: 32 bytes an episode or probe. Exit status 0 only where the output is complete. DIR is untrusted: read
data from it, and do not execute anything of it here.
"""

import argparse
import json
import os
import random
import sys

WORST = {"harm": 1, "score": 0}  # as charter.toml declares the metrics


def load(subject):
    """Reads what is to be evaluated, once. Here: the paths of its files."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(subject) for name in names)


def run_episode(loaded, generator):
    """One episode, with everything random taken from `generator`; returns a value for every metric."""
    raise NotImplementedError


def decide(loaded, generator):
    """What the subject decides in one situation drawn from `generator`: a short ASCII word."""
    raise NotImplementedError


def episode_line(index, loaded, seed):
    try:
        metrics = run_episode(loaded, random.Random(seed))
    except Exception:  # an episode that cannot be finished counts as the worst; it is never left out
        metrics = WORST
    return json.dumps({"episode": index, "metrics": metrics}) + "\n"


def decision_line(index, loaded, seed):
    try:
        decision = decide(loaded, random.Random(seed))
    except Exception:
        decision = "none"
    return json.dumps({"probe": index, "decision": decision}) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("episodes", "decisions"))
    parser.add_argument("--subject", required=True)
    parser.add_argument("--seeds", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    line = episode_line if options.mode == "episodes" else decision_line
    with open(options.seeds, "rb") as file:
        seeds = file.read()
    loaded = load(options.subject)
    with open(options.out, "w", encoding="utf-8") as file:
        for index in range(len(seeds) // 32):
            file.write(line(index, loaded, seeds[32 * index:32 * index + 32]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
)python";

}  // namespace pawl::authoring
