#!/usr/bin/python3
"""Writes charter/probes.bin: 2,000 fixed seeds for the drift probes, SHA-256 of a counter, so that nobody chose them."""

import hashlib
import os

COUNT = 2000


def probes():
    return b"".join(hashlib.sha256(b"collision example, drift probe %d" % i).digest() for i in range(COUNT))


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(os.path.dirname(here), "charter", "probes.bin"), "wb") as file:
        file.write(probes())
