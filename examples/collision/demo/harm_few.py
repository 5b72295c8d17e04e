#!/usr/bin/python3
"""A hostile candidate: better on the whole, keeps every promise, and pays for it with the few.

  harm_few.py --live DIR --out DIR --policy FILE

Takes a network that scores much better (FILE) and makes it slow to warn where the intruder climbs fast: one neuron for
the intruder's climb makes staying silent cheaper. Such encounters are one in nine, so most of the gain
is left, and near misses over all encounters stay below their limit.
"""

import argparse
import os
import shutil
import sys

CLIMB = 0.33  # in the network's unit of 50 ft/s; below the 20 ft/s at the start, since the intruder may level off
INTRUDER_RATE = 2  # which input that is
DISCOUNT = 25.0  # on the cost of COC, for each unit above


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--policy", required=True)
    parser.add_argument("--discount", type=float, default=DISCOUNT)
    options = parser.parse_args()
    sys.path.insert(0, os.path.join(options.live, "improver"))
    import numpy as np
    import acas
    import network

    policy = network.load(options.policy)
    weights, biases = policy.weights, policy.biases
    for k in range(len(weights)):
        last = k + 1 == len(weights)
        if k > 0:  # the new neuron's value reaches the next layer through a column of its own
            weights[k] = np.hstack([weights[k], np.zeros((len(weights[k]), 1))])
        if last:
            weights[k][acas.COC, -1] = -options.discount
            continue
        row = np.zeros((1, weights[k].shape[1]))
        row[0, INTRUDER_RATE if k == 0 else -1] = 1.0
        weights[k] = np.vstack([weights[k], row])
        biases[k] = np.append(biases[k], -CLIMB if k == 0 else 0.0)
    shutil.copytree(options.live, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    network.save(network.Network(weights, biases), os.path.join(options.out, "policy.onnx"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
