#!/usr/bin/python3
"""The adversary learns where to look: improve.py --live DIR --out DIR --seed N [--controller FILE --faults N]

Breaks the controller that is live in ways of its own, looks for where each broken one fails, and keeps the places at
which it had to look long. The next release of the adversary begins there. Gives no candidate, and ends with 1, where it
has learned nothing new. Run by `pawl cycle`, which shows it the live release of the controller because the charter says so
(`improver_sees` in peers.toml).
"""
import argparse
import json
import os
import shutil
import sys

FAULTS = 6            # broken controllers a run
COMPONENTS_MAX = 24
APART = 0.12          # places nearer than that, as a share of the span, are one


def learn(experience, layers, faults_count, generator):
    """The experience with the places that so many faults have taught."""
    import numpy as np
    import encounters
    import faults
    import network
    import search

    sound = lambda x: network.advisories(layers, x)
    components = list(experience["components"])
    experience = dict(experience, components=components)  # what one fault has taught helps with the next
    for _ in range(faults_count):
        broken = faults.break_one(layers, generator)
        decide = lambda x, broken=broken: network.advisories(broken, x)
        # Two looks: from what is known, and from the place of the fault itself, which only who made it knows.
        known = search.search(encounters, decide, sound, experience, generator)
        told = dict(experience, components=[faults.place(broken)])
        shown = known if known["found"] else search.search(encounters, decide, sound, told, generator)
        if not shown["found"] or len(components) >= COMPONENTS_MAX:
            continue
        place = np.array(shown["centre"])
        distances = [np.abs((place - np.array(old[:3])) / (search.HIGH - search.LOW)).max() for old in components]
        if not distances or min(distances) > APART:
            components.append([*shown["centre"], max(0.05, shown["spread"])])
    return experience


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--controller", default="/in/peers/collision-avoidance/policy.onnx")
    parser.add_argument("--faults", type=int, default=FAULTS)
    options = parser.parse_args()
    sys.path[:0] = [options.live, os.path.join(options.live, "improver")]
    import numpy as np
    import network

    with open(os.path.join(options.live, "experience.json"), encoding="utf-8") as file:
        experience = json.load(file)
    after = learn(experience, network.read(options.controller), options.faults, np.random.default_rng(options.seed))
    if len(after["components"]) == len(experience["components"]):
        print("improve: nothing new learned", file=sys.stderr)
        return 1
    shutil.copytree(options.live, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    with open(os.path.join(options.out, "experience.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(after, indent=2, sort_keys=True) + "\n")
    print(f"improve: {len(after['components'])} places to look at")
    return 0


if __name__ == "__main__":
    sys.exit(main())
