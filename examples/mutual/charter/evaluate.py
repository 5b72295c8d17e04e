#!/usr/bin/python3
"""The adversary's evaluator: does it see a fault that it has never met? Nothing of the candidate is executed.

  evaluate.py episodes  --subject DIR --seeds FILE --out FILE   one JSON line a seed: does the first look show the fault
  evaluate.py decisions --subject DIR --seeds FILE --out FILE   one fault a seed: does it look there at all

An episode is a fault of faults.py, drawn from its seed, in the first controller (policy.onnx). The adversary's first look
is the FIRST encounters of search.py, drawn from its places and everywhere; up to FLOWN of those that lie in the fault's
corner are flown, with the fault and without. The fault is seen where one of them ends in a near miss with it alone. What
follows the first look in search.py only narrows down what was seen. Exit 0 only where the output is complete; 1 where the
subject cannot be evaluated.
"""
import argparse
import json
import math
import os
import sys

import numpy as np

import encounters
import faults
import network
import search

HERE = os.path.dirname(os.path.abspath(__file__))
EPISODES_MAX = 100_000
BYTES_MAX = 16_384
COMPONENTS_MAX = 24
FLOWN = 4
SHARE_MIN, SHARE_MAX = 0.02, 0.10
LIMITS = [(-30.0, 30.0), (-30.0, 30.0), (-300.0, 300.0), (0.01, 0.5)]


def components_of(folder):
    """The places of experience.json, or a ValueError: the file may be hostile."""
    with open(os.path.join(folder, "experience.json"), "rb") as file:
        data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise ValueError("experience.json is too large")
    components = json.loads(data.decode("utf-8")).get("components")
    if not isinstance(components, list) or len(components) > COMPONENTS_MAX:
        raise ValueError(f"experience.json: components must be a list of at most {COMPONENTS_MAX}")
    for place in components:
        if (not isinstance(place, list) or len(place) != 4 or not all(type(x) in (int, float) for x in place) or
                not all(math.isfinite(x) and low <= x <= high for x, (low, high) in zip(place, LIMITS))):
            raise ValueError("experience.json: a place is four numbers within what encounters span")
    return components


def first_looks(components, seeds):
    """For each seed: its fault's corner, which of the first looks lie in it, and the generator to go on with."""
    for seed in seeds:
        generator = np.random.default_rng(int.from_bytes(seed.tobytes(), "little"))
        corner = faults.corner(generator, SHARE_MIN, SHARE_MAX)
        points = search.sample(components, search.FIRST, generator)
        yield corner, points[corner[0] * points[:, 0] + corner[1] * points[:, 1] > corner[2]], generator


def words(corner):
    return f"silent beyond {corner[2]:.1f} ft/s towards own rate {corner[0]:+.2f}, its rate {corner[1]:+.2f}"


def episodes(components, seeds):
    layers = network.read(os.path.join(HERE, "policy.onnx"))
    corners, points, flights, owners, described = [], [], [], [], []
    for number, (corner, inside, generator) in enumerate(first_looks(components, seeds)):
        inside = inside[:FLOWN]
        described.append(words(corner))
        corners += [corner] * len(inside)
        points.append(inside)
        flights.append(search.seeds_from(generator, len(inside)))
        owners += [number] * len(inside)
    seen = np.zeros(len(described), dtype=bool)
    if owners:
        cos, sin, distance = np.array(corners).T
        drawn = search.encounters_at(encounters, np.concatenate(points), np.concatenate(flights))

        def broken(x):  # each encounter with its own fault; faults.break_at as a formula
            costs = network.run(layers, x)
            costs[faults.COC] -= faults.DISCOUNT * np.maximum(0.0, cos * x[1] + sin * x[2] - distance / faults.RATE_FT_S)
            return costs.argmin(axis=0)

        ours, theirs = (encounters.fly_drawn(drawn, decide)["separation"] < encounters.NEAR_MISS_FT
                        for decide in (broken, lambda x: network.advisories(layers, x)))
        seen[np.array(owners)[ours & ~theirs]] = True
    for number, (one, what) in enumerate(zip(seen.tolist(), described)):
        yield (f'{{"episode":{number},"input":"{what}",'
               f'"metrics":{{"missed":{int(not one)},"seen":{int(one)}}}}}\n')


def decisions(components, seeds):
    for number, (corner, inside, _) in enumerate(first_looks(components, seeds)):
        yield f'{{"probe":{number},"decision":"{"looks" if len(inside) else "passes"}","input":"{words(corner)}"}}\n'


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
        components = components_of(options.subject)
        lines = "".join((episodes if options.mode == "episodes" else decisions)(components, seeds))
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(lines)
    except (ValueError, OSError, AttributeError, RecursionError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
