#!/usr/bin/python3
"""What a long life costs, counted and not timed: signatures verified, rows asked for, bytes read, files opened.

A log is grown by bench/large_log, honestly signed, to a size, twice and four times it, beside a store that grows alike.
A start from the gate's snapshot verifies as many signatures and asks for as many rows however long the log is, and opens
as many files however full the store; what it reads grows by the same for every event. What verifies the whole log does
the same for each event. `bench/scale_bench.py` measures the times at 10^5 events and 10^4 trees.

usage: growth_test.py [--events N]      PAWL_BIN: folder with pawl and large_log; COUNT_WORK_LIBRARY: count_work.c, built
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "crash"))
from small_world import BIN, SUBJECT, World  # noqa: E402

LARGE_LOG = pathlib.Path(os.environ.get("PAWL_LARGE_LOG", BIN / "large_log"))
# From a snapshot: what the one proposal on top, the gate's own checks and the opening of a home take. Of any log's. The
# last entries below it are read again, 256 to 511 of them.
AGAIN = {"rows": 255, "bytes": 255 * 1_600}
ALLOWED = {"start": {"verified": 4, "rows": 611, "opened": 100}, "status": {"verified": 4, "rows": 611, "opened": 100},
           "release": {"verified": 100, "rows": 761, "opened": 120}}

# What comes in steps: a page of the database, a level of a tree.
SLACK = {"verified": 4, "rows": 16, "bytes": 32_768, "opened": 4}


def count(world, *words, expect=(0, 1, 6)):
    told = world.root / "counted"
    told.unlink(missing_ok=True)
    world.pawl(*words, expect=expect, extra={"LD_PRELOAD": os.environ["COUNT_WORK_LIBRARY"], "COUNT_WORK": str(told)})
    totals = [json.loads(line) for line in told.read_text().splitlines()]
    return {name: sum(one[name] for one in totals) for name in totals[0]}


def events_of(world):
    return world.json("log", "checkpoint")["size"]


def measure(world, events):
    """What is counted on a log of so many events and a store of a tenth as many trees."""
    world.run(LARGE_LOG, world.home, SUBJECT, events, events // 10)
    world.pawl("advance", "p1", expect=(0, 1, 6))  # the first start folds it all, and leaves a snapshot
    return {"events": events_of(world), "start": count(world, "advance", "p1"), "status": count(world, "status"),
            "verify": count(world, "log", "verify"), "unaided": unaided(world)}


def unaided(world):
    """A start without the snapshot: it folds everything."""
    snapshot = world.home / f"ledger/{SUBJECT}.snapshot"
    snapshot.rename(world.root / "kept")
    counted = count(world, "status")
    (world.root / "kept").rename(snapshot)
    return counted


def led_to_release(world, proposal):
    for reviewer in ("prover-a", "evaluator-a", "auditor-b"):
        world.pawl("review", "--as", reviewer)
    world.pawl("advance", proposal, expect=(6,))
    for person in ("ann", "bob"):
        world.pawl("approve", proposal, "--key", world.root / person, expect=(6,))


def released(world, tree):
    proposal = world.json("propose", world.root / tree, expect=(6,))["proposal"]
    led_to_release(world, proposal)
    counted = count(world, "release", proposal, expect=(0,))
    time.sleep(1.1)
    return counted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-growth-"))
    failures = []
    try:
        world = World(folder / "world")
        world.prepare()
        world.pawl("init", world.charter)
        released(world, "baseline")
        found = [measure(world, options.events * times) for times in (1, 2, 4)]
        found[-1]["release"] = released(world, "better")
        for one in found:
            print(json.dumps(one), flush=True)
        sizes = [one["events"] for one in found]
        if not sizes[0] * 1.9 < sizes[1] < sizes[2] / 1.9:
            failures.append(f"the log did not grow: {sizes}")
        for name, limits in ALLOWED.items():
            for what, most in limits.items():
                counts = [one[name][what] for one in found if name in one]
                if min(counts) == 0 or max(counts) > most or max(counts) > min(counts) + 8 + AGAIN.get(what, 0):
                    failures.append(f"{name}: {what} {counts}: more than {most}, or more for a longer log")
        for name in ("start", "status", "verify", "unaided"):
            for what in ("verified", "rows", "bytes", "opened"):
                counts = [one[name][what] for one in found]
                slack = SLACK[what] + (AGAIN.get(what, 0) if name in ("start", "status") else 0)
                first, second = (counts[i + 1] - counts[i] for i in (0, 1))
                # Fewer the second time is chance: how far the last snapshot happens to be behind.
                if second > 1.1 * max(first, 0) * (sizes[2] - sizes[1]) / (sizes[1] - sizes[0]) + slack:
                    failures.append(f"{name}: {what} {counts} on {sizes} events: more for each event of a longer log")
        for name in ("verify", "unaided"):
            if not all(one["events"] <= one[name]["verified"] <= one["events"] * 1.2 for one in found):
                failures.append(f"{name}: not one signature for each event, or nothing was counted")
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
    for failure in failures:
        print("FAILED", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
