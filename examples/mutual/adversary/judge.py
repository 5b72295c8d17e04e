#!/usr/bin/python3
"""The adversary as a peer of the controller: judge.py [--candidate DIR --parent DIR --charter DIR --seed FILE]

Looks for encounters in which the candidate's network fails and its parent's does not, beginning where it has learned to
look (experience.json). Objects if a fresh test confirms what it found. Prints an opinion as spec/charter.md has it.
"""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidate", default="/in/subject")
    parser.add_argument("--parent", default="/in/parent")
    parser.add_argument("--charter", default="/in/charter")
    parser.add_argument("--seed", default="/in/seed")
    options = parser.parse_args()
    sys.path[:0] = [HERE, options.charter]
    import numpy as np
    import encounters
    import network
    import search

    with open(options.seed, "rb") as file:
        generator = np.random.default_rng(int.from_bytes(file.read(32), "big"))
    with open(os.path.join(HERE, "experience.json"), encoding="utf-8") as file:
        experience = json.load(file)
    candidate, parent = (network.read(os.path.join(folder, "policy.onnx")) for folder in (options.candidate, options.parent))
    found = search.search(encounters, lambda x: network.advisories(candidate, x), lambda x: network.advisories(parent, x),
                          experience, generator)
    own, intruder, miss = found["centre"]
    reason = (f"{found['worse']} of {found['tested']} fresh encounters end in a near miss with the candidate alone, "
              f"{found['better']} with its parent alone, around own rate {own:.0f} ft/s, intruder {intruder:.0f} ft/s, "
              f"miss {miss:.0f} ft (p = {found['p']:.1e})")
    print(json.dumps({"objection": found["found"], "reasons": [reason], "references": ["policy.onnx"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
