#!/usr/bin/python3
"""A candidate that is good and keeps every promise, but gains too much at once.

  too_large_step.py --live DIR --out DIR [--seed N]

A larger network, trained in full and from nothing, on costs that are closer to the score than the improver's: strength
and strengthening are free (a strong *first* advisory still is not).
"""

import argparse
import os
import shutil
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.path.insert(0, os.path.join(options.live, "improver"))
    import numpy as np
    import acas
    import improve
    import network
    import training

    generator = np.random.Generator(np.random.PCG64(options.seed))
    live = network.load(os.path.join(options.live, "policy.onnx"))
    compare = improve.Rehearsal(live, {"rehearsals": 8000}, generator)
    promises = training.load_promises(os.path.join(options.live, "improver"))
    costs = dict(acas.COSTS, strengthening=0.0, strong=0.0)
    data = training.examples(acas.solve(costs), generator, 200_000, costs)
    policy = network.Network.random([32, 32], generator)
    trainer = training.Trainer(policy, data, promises, generator, 0.005)
    best = None
    for _ in range(8):
        trainer.run(400, rate_end=0.9)
        trainer.adam.rate *= 0.85
        gain, harm = compare.gain(policy)
        margins = training.worst_margins(policy, promises, generator, 4000)
        if harm <= 0 and min(margins.values()) >= improve.MARGIN_MIN and (best is None or gain > best[0]):
            best = (gain, policy.copy())
    if best is None or best[0] < 0.02:
        print(f"no such candidate from this release: {best and best[0]}", file=sys.stderr)
        return 1
    shutil.copytree(options.live, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    network.save(best[1], os.path.join(options.out, "policy.onnx"))
    print(f"rehearsed gain {best[0]:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
