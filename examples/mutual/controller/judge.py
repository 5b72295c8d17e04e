#!/usr/bin/python3
"""The controller as a peer of the adversary: judge.py [--candidate DIR --charter DIR --seed FILE --policy FILE]

An adversary that objects to everything finds every fault, and would stop the controller for good. So the controller lets
the candidate judge its own network against twins that are as good: the same network with its weights rounded, which
decides alike nearly everywhere. It objects to an adversary that objects to one of them. Prints an opinion as
spec/charter.md has it.
"""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TWINS = 4  # rounded to 2 ** -(10 + n)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidate", default="/in/subject")
    parser.add_argument("--charter", default="/in/charter")
    parser.add_argument("--seed", default="/in/seed")
    parser.add_argument("--policy", default=os.path.join(HERE, "policy.onnx"))
    options = parser.parse_args()
    sys.path[:0] = [options.charter]
    import numpy as np
    import encounters
    import network
    import search

    with open(options.seed, "rb") as file:
        generator = np.random.default_rng(int.from_bytes(file.read(32), "big"))
    with open(os.path.join(options.candidate, "experience.json"), encoding="utf-8") as file:
        experience = json.load(file)
    layers = network.read(options.policy)
    reasons = []
    for number in range(TWINS):
        step = np.float32(2.0 ** -(10 + number))
        twin = [(np.round(weights / step) * step, np.round(bias / step) * step) for weights, bias in layers]
        found = search.search(encounters, lambda x, twin=twin: network.advisories(twin, x),
                              lambda x: network.advisories(layers, x), experience, generator)
        if found["found"]:
            reasons.append(f"it objects to the live network rounded to {step:g}: {found['worse']} near misses more and "
                           f"{found['better']} fewer in {found['tested']} encounters")
    print(json.dumps({"objection": bool(reasons), "reasons": reasons, "references": ["experience.json"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
