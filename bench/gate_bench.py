#!/usr/bin/python3
"""What the gate itself takes for a proposal, beside proof and trial (goal: under 50 ms).

With the real programs, in a home of its own, on the collision example: a candidate that is turned away at the surface
goes through opening, freezing, surface and its events; releasing an approved baseline goes through opening, quorum,
warrant, the loader's own check and the switch. Neither proves, tries or reviews anything, so the two together are the
gate's own part of a proposal, with the start of two processes and every flush to disk in it.

Prints results in the form of Google Benchmark's JSON, for tools/bench, which gives it the folder of the programs in
PAWL_BIN, the number of repetitions and a folder to work in.

  PAWL_BIN=build/release/bin bench/gate_bench.py REPETITIONS FOLDER
"""

import importlib.machinery
import importlib.util
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples/collision"


def demo_module():
    loader = importlib.machinery.SourceFileLoader("demo", str(EXAMPLE / "demo/run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def timed(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def approved_baseline(demo, root):
    """A demo whose baseline waits for nothing but its release."""
    run = demo.Demo(root)
    run.make_keys()
    run.begin()
    position = run.position("propose", run.subject, "--review", "-m", "baseline", expect=(6,))
    run.approve(position["proposal"])
    return run, position["proposal"]


def measure(demo, repetitions, folder):
    turned_away, released = [], []
    root = pathlib.Path(tempfile.mkdtemp(prefix="gate-", dir=folder))
    try:
        run, proposal = approved_baseline(demo, root / "home-0")
        before = root / "before"
        shutil.copytree(run.home, before)
        for _ in range(repetitions):
            released.append(timed(lambda: run.position("release", proposal, expect=(0,))))
            run.hostile("edit_evaluator.py", "evaluator", "--edit", "evaluator")
            turned_away.append(timed(lambda: run.position("propose", root / "home-0/evaluator", "-m", "no", expect=(1,))))
            for name in ("evaluator", "live-for-evaluator"):
                shutil.rmtree(root / "home-0" / name)
            subprocess.run(["chmod", "-R", "u+w", run.home], check=True)
            shutil.rmtree(run.home)
            shutil.copytree(before, run.home)
    finally:
        subprocess.run(["chmod", "-R", "u+w", root], check=False)
        shutil.rmtree(root)
    together = [a + b for a, b in zip(turned_away, released)]
    return {"ProposalTurnedAwayAtTheSurface": turned_away, "ReleaseOfWhatWasApproved": released,
            "GateBesideProofAndTrial": together}


def main():
    times = measure(demo_module(), int(sys.argv[1]), sys.argv[2])
    rows = []
    for name, values in times.items():
        for aggregate, value in (("median", statistics.median(values)), ("stddev", statistics.stdev(values))):
            rows.append({"run_name": name, "name": name, "aggregate_name": aggregate, "real_time": value, "time_unit": "ms"})
    print(json.dumps({"benchmarks": rows}))


if __name__ == "__main__":
    main()
