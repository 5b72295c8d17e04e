#!/usr/bin/python3
"""Trains the first release from nothing: python3 improver/train.py --out policy.onnx

Deliberately small and short (a few seconds), so that it is safe enough to start with and leaves honest work to do.
"""

import argparse

import numpy as np

import acas
import network
import training

HIDDEN = [12, 12]
STEPS = 1500
RATE = 0.004


def train(seed):
    generator = np.random.Generator(np.random.PCG64(seed))
    data = training.examples(acas.solve(), generator, 100_000)
    policy = network.Network.random(HIDDEN, generator)
    training.Trainer(policy, data, training.load_promises(), generator, RATE).run(STEPS)
    return policy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", required=True, help="the ONNX file to write")
    options = parser.parse_args()
    network.save(train(options.seed), options.out)


if __name__ == "__main__":
    main()
