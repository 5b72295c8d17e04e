#!/usr/bin/python3
"""Writes charter/mutants/*.onnx: the baseline with one fault each, so that every property is seen to be able to fail.

  python3 authoring/make_mutants.py [--out DIR]

Each mutant is named after the property that it violates. witnesses.json holds, for each, a state in the property's
box and the advisory that the mutant issues there, found by sampling and checked here.
"""

import argparse
import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SUBJECT = os.path.join(os.path.dirname(HERE), "subject")
sys.path.insert(0, os.path.join(SUBJECT, "improver"))
import acas  # noqa: E402
import network  # noqa: E402
import training  # noqa: E402


def cheaper(advisory):
    """The cost of one advisory is one unit too low everywhere."""
    def fault(policy):
        policy.biases[-1][acas.ADVISORIES.index(advisory)] -= np.float32(1)
    return fault


def swapped(pairs):
    """Pairs of outputs are wired the wrong way round."""
    def fault(policy):
        order = list(range(5))
        for a, b in pairs:
            order[a], order[b] = b, a
        policy.weights[-1] = np.ascontiguousarray(policy.weights[-1][order])
        policy.biases[-1] = policy.biases[-1][order]
    return fault


def upside_down(column):
    """One input is read with the wrong sign."""
    def fault(policy):
        policy.weights[0][:, column] *= np.float32(-1)
    return fault


FAULTS = {
    "alert-when-imminent": cheaper("COC"),
    "clear-above": cheaper("DES1500"),
    "clear-below": cheaper("CL1500"),
    "first-advisory-not-strong": swapped([(acas.SDES, acas.DES), (acas.CL, acas.SCL)]),
    "keep-climbing": swapped([(acas.SDES, acas.SCL), (acas.DES, acas.CL)]),
    "keep-descending": swapped([(acas.SDES, acas.SCL), (acas.DES, acas.CL)]),
    "no-climb-into-traffic": upside_down(0),
    "no-descent-into-traffic": upside_down(0),
}


def witness(policy, promise):
    # Well inside the box: a bound rounded to float32 may lie outside its decimal.
    u = 0.05 + 0.9 * np.random.Generator(np.random.PCG64(1)).random((5, 5000)).astype(np.float32)
    x = promise.low + u * (promise.high - promise.low)
    y = policy(x)
    broken = promise.shortfall(y) - np.float32(training.PROMISE_MARGIN)
    worst = int(broken.argmax())
    if broken[worst] <= 0:
        raise SystemExit(f"the mutant for {promise.name} does not violate it")
    advisory = acas.ADVISORIES[int(y[:, worst].argmin())]
    return {"input": [float(v) for v in x[:, worst]], "advisory": advisory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(HERE), "charter", "mutants"))
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    baseline = network.load(os.path.join(SUBJECT, "policy.onnx"))
    witnesses = {}
    for promise in training.load_promises():
        policy = baseline.copy()
        FAULTS[promise.name](policy)
        witnesses[promise.name] = witness(policy, promise)
        network.save(policy, os.path.join(options.out, promise.name + ".onnx"))
    with open(os.path.join(options.out, "witnesses.json"), "w", encoding="utf-8") as file:
        json.dump(witnesses, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
