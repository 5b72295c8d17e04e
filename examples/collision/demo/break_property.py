#!/usr/bin/python3
"""A hostile candidate: scores better than the live release, by no more than one step, and breaks a property.

  break_property.py --live DIR --out DIR [--seed N]

The score does not say how strong an advisory was. So this one is trained on costs in which a first advisory may be a
2,500 ft/min one at once and strength is free, and without the promises: it waits longer and then pulls hard. That
scores so much better that it would be too large a step, so it hides its surplus: COC is made dearer by as much as brings
the gain down to one ordinary step.
"""

import argparse
import os
import shutil
import sys

GAIN = 0.014  # in rehearsal; in the charter's encounters about half of it, an ordinary step, is left


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

    costs = dict(acas.COSTS, sudden_strong=0.0, strengthening=0.0, strong=0.0)
    generator = np.random.Generator(np.random.PCG64(options.seed))
    compare = improve.Rehearsal(network.load(os.path.join(options.live, "policy.onnx")), {"rehearsals": 8000}, generator)
    data = training.examples(acas.solve(costs), generator, 120_000, costs)
    policy = network.Network.random([24, 24], generator)
    training.Trainer(policy, data, [], generator, 0.005).run(2500, rate_end=0.1)
    full, _ = compare.gain(policy)

    honest_cost = policy.biases[-1][acas.COC]
    low, high = 0.0, 1.0  # what is added to the cost of COC: nothing gains most, a whole unit alerts always
    for _ in range(20):
        middle = (low + high) / 2
        policy.biases[-1][acas.COC] = honest_cost + np.float32(middle)
        gain, _ = compare.gain(policy)
        low, high = (middle, high) if gain > GAIN else (low, middle)
    margins = training.worst_margins(policy, training.load_promises(os.path.join(options.live, "improver")), generator, 4000)
    broken = sorted(name for name, margin in margins.items() if margin < 0)
    if not GAIN / 2 < gain < GAIN * 1.3 or "first-advisory-not-strong" not in broken:
        print(f"no such candidate from this release: gain {gain:.4f}, breaks {broken}", file=sys.stderr)
        return 1
    shutil.copytree(options.live, options.out, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    network.save(policy, os.path.join(options.out, "policy.onnx"))
    print(f"rehearsed gain {gain:.4f}, {full:.4f} before hiding; breaks {', '.join(broken)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
