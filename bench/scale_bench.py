#!/usr/bin/python3
"""What the programs take on a ledger of 10^4 and 10^5 events beside a store of 10^4 trees.

A small home is made with the real programs, its ledger and store are made large by bench/large_log (signed and valid;
`pawl log verify` is one of the measurements), and a proposal is then led to its last approval on top. Measured as whole
processes: the start alone (a gate that finds nothing to do), status, verifying the whole log, and a release. Start and
status begin from the gate's snapshot; log verify never does.

Prints results in the form of Google Benchmark's JSON, for tools/bench, which gives it the folder of the programs in
PAWL_BIN, the number of repetitions and a folder to work in.

  PAWL_BIN=build/release/bin bench/scale_bench.py REPETITIONS FOLDER
"""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/crash"))
from small_world import BIN, PEOPLE, SUBJECT, World  # noqa: E402

TREES = 10_000
SIZES = (10_000, 100_000)


def led_to_release(world, proposal):
    for reviewer in ("prover-a", "evaluator-a", "auditor-b"):
        world.pawl("review", "--as", reviewer)
    world.pawl("advance", proposal, expect=(6,))
    for person in PEOPLE[:2]:
        world.pawl("--json", "approve", proposal, "--key", world.root / person, expect=(6,))


def large_world(root, events):
    world = World(root)
    world.prepare()
    world.pawl("init", world.charter)
    world.pawl("propose", world.root / "baseline", expect=(6,))
    led_to_release(world, "p1")
    time.sleep(1.1)
    world.pawl("release", "p1")
    world.run(BIN / "large_log", world.home, SUBJECT, events - 30, TREES)
    time.sleep(1.1)
    proposal = world.json("propose", world.root / "better", expect=(6,))["proposal"]
    led_to_release(world, proposal)
    time.sleep(1.1)
    return world, proposal


def timed(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def measure(events, repetitions, folder):
    root = pathlib.Path(tempfile.mkdtemp(prefix="scale-", dir=folder))
    try:
        world, proposal = large_world(root / "world", events)
        power = len(str(events)) - 1
        loader, ledger = world.home / "loader", world.home / "ledger"
        for part in (loader, ledger):
            shutil.copytree(part, root / f"before-{part.name}")
        times = {f"{name}Of1e{power}Events": [] for name in ("Start", "Status", "LogVerify", "Release")}
        for number in range(repetitions):
            times[f"StartOf1e{power}Events"].append(timed(lambda: world.pawl("advance", "p1")))
            times[f"StatusOf1e{power}Events"].append(timed(lambda: world.pawl("status")))
            if number < 2:
                times[f"LogVerifyOf1e{power}Events"].append(timed(lambda: world.pawl("log", "verify")))
            times[f"ReleaseOf1e{power}Events"].append(timed(lambda: world.json("release", proposal)))
            for part in (loader, ledger):
                shutil.rmtree(part)
                shutil.copytree(root / f"before-{part.name}", part)
        return times
    finally:
        subprocess.run(["chmod", "-R", "u+w", root], check=False)
        shutil.rmtree(root)


def main():
    rows = []
    for events in SIZES:
        for name, values in measure(events, max(2, int(sys.argv[1])), sys.argv[2]).items():
            for aggregate, value in (("median", statistics.median(values)), ("stddev", statistics.stdev(values))):
                rows.append({"run_name": name, "name": name, "aggregate_name": aggregate, "real_time": value, "time_unit": "ms"})
    print(json.dumps({"benchmarks": rows}))


if __name__ == "__main__":
    main()
