#!/usr/bin/python3
"""Measures the figures of README.md: generations one after another, outside of Pawl, on instances of fresh seeds.

  measure.py [--generations 6] [--instances 4000] [--seed 1]

Generation k is searched for with seed `seed` + k - 1. First fit and best fit are measured on the same instances.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE / "charter"), str(HERE / "subject")]
import expressions  # noqa: E402
import instances  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=6)
    parser.add_argument("--instances", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seeds = np.random.default_rng(0).integers(0, 2**64, (options.instances, 4), dtype=np.uint64)
    sizes = instances.items(seeds)
    before = None

    def row(name, source, seconds):
        nonlocal before
        table = expressions.table(expressions.read(source), instances.CAPACITY)
        score, waste = instances.metrics(sizes, table)
        gain = "" if before is None else f"gain {(score - before).mean():+.4f} sd {(score - before).std():.4f}"
        heuristic = source.splitlines()[-1].strip().removeprefix("return ")
        print(f"{name:<13} score {score.mean():.4f} waste {waste.mean():.4f} {gain:<27} {seconds:5.1f} s  {heuristic}")
        return score

    for name, expression in (("first fit", "0"), ("best fit", "item - free")):
        row(name, expressions.HEADER + expression + "\n", 0)
    with tempfile.TemporaryDirectory() as folder:
        live = HERE / "subject"
        before = row("generation 0", (live / "heuristic.py").read_text(), 0)
        for generation in range(1, options.generations + 1):
            out, started = pathlib.Path(folder) / str(generation), time.time()
            out.mkdir()
            subprocess.run(["/usr/bin/python3", live / "improve.py", "--live", live, "--out", out, "--seed",
                            str(options.seed + generation - 1)], check=True, stdout=subprocess.DEVNULL,
                           env={"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"})
            live = out
            before = row(f"generation {generation}", (live / "heuristic.py").read_text(), time.time() - started)


if __name__ == "__main__":
    main()
