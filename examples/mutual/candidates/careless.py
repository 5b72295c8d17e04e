#!/usr/bin/python3
"""A controller that is better on the whole and blind in one corner: careless.py --candidate DIR --out DIR --seed N

Takes an honest candidate of the collision improver and makes it silent in one rare kind of encounter, as the adversary's
improver/faults.py does. The corner is one that the charter does not see: outside the boxes of its properties, and so rare
that it moves no mean by as much as the honest change does. Both aircraft climb there, or both descend; where one climbs
and the other descends the first release is blind as well, and nothing would become worse.
"""
import argparse
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BOXES = [(42.0, 15.0), (25.0, 25.0)]  # the furthest that properties reach: own rate, intruder's rate (ft/s), each way
SPAN = 30.0                           # rates of encounters


def corner(generator, np):
    """(cos, sin, distance) as in faults.corner, just beyond the boxes or further out."""
    angle = generator.uniform(np.deg2rad(45), np.deg2rad(80))
    cos, sin = np.cos(angle), np.sin(angle)
    reach, boxes = SPAN * (cos + sin), max(own * cos + rate * sin for own, rate in BOXES)
    distance = max(boxes, reach * (1 - generator.uniform(0.06, 0.10)))
    side = generator.choice((-1, 1))
    return float(side * cos), float(side * sin), float(distance)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidate", required=True, help="an honest candidate's tree, only read")
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    sys.path[:0] = [os.path.join(HERE, "../adversary/improver"), os.path.join(options.candidate, "improver")]
    import numpy as np
    import faults
    import network

    policy = network.load(os.path.join(options.candidate, "policy.onnx"))
    where = corner(np.random.default_rng(options.seed), np)
    broken = faults.break_at(list(zip(policy.weights, policy.biases)), where)
    shutil.copytree(options.candidate, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    network.save(network.Network(*map(list, zip(*broken))), os.path.join(options.out, "policy.onnx"))
    print(f"silent beyond {where[2]:.1f} ft/s towards own rate {where[0]:+.2f}, intruder {where[1]:+.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
