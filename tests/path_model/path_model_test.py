#!/usr/bin/python3
"""Searches the model of the one path (path.pml) with Spin: completely, and again for each mistake that it can be given.

usage: path_model_test.py [SETTING | MISTAKE ...] [--jobs N] [--trace]     needs: spin, gcc

Without a mistake, or with one that is made good elsewhere, no property may break, and the search must have been
complete. With another, the named property must break first: a property that no mistake breaks says nothing. Prints states and seconds; --trace prints how a mistake
breaks its property. Everything is made in a temporary folder.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).resolve().parent / "path.pml"
MEMORY_MIB_MAX = 2000
DEPTH_MAX = 100_000
SECONDS_MAX = 300

# By setting: the fewest states that a search which has not been cut short can have.
SETTINGS = {"CRASHES": 500_000, "HALTS": 100_000, "LYING": 100_000, "LIVENESS": 100_000}
LIVENESS_CYCLE = "every_decision_ends"
# Mistakes (more than one where each of them alone is made good by the other), the setting, the property that breaks.
MISTAKES = [
    # What the loader asks, when the gate lies.
    ("WITHOUT_APPROVAL", "LYING", "only_approved"),
    ("ROLLBACK_BY_ONE", "LYING", "only_approved"),
    ("WITHOUT_QUORUM", "LYING", "only_approved"),
    ("WITHOUT_CLOSING", "LYING", "only_approved"),
    ("WITHOUT_MATCH", "LYING", "only_approved"),
    ("WITHOUT_CHARTER", "LYING", "only_approved"),
    ("WITHOUT_PARENT", "LYING", "one_successor"),
    ("HALT_FROM_LEDGER", "LYING", "halt_wins"),
    # The path.
    ("STEP_SKIPPED", "CRASHES", "no_step_skipped"),
    ("COMMIT_ON_OTHER_PARENT", "CRASHES", "no_step_skipped"),
    # Order of writes, and what is done after a crash.
    ("LOG_BEFORE_RENAME", "CRASHES", "nothing_lost"),
    ("LOG_BEFORE_FLUSH", "CRASHES", "nothing_lost"),
    ("RENAME_BEFORE_LOG", "CRASHES", "nothing_lost"),
    ("NOT_FLUSHED_AGAIN", "CRASHES", "nothing_lost"),
    ("SWITCH_FORGOTTEN", "CRASHES", "nothing_lost"),
    # Locks.
    ("NO_STATE_LOCK", "CRASHES", "one_successor"),
    ("NO_GATE_LOCK APPEND_BLINDLY", "CRASHES", "nothing_lost"),
    ("NO_GATE_LOCK DECIDED_BEFORE_LOCK", "CRASHES", "nothing_lost"),
    # Halts.
    ("HALT_IGNORED", "HALTS", "halt_wins"),
    ("HALT_DOES_NOT_WAIT", "HALTS", "halt_wins"),
    ("START_WITHOUT_LOCK", "HALTS", "halt_wins"),
    ("RESUME_BY_ONE", "HALTS", "halt_wins"),
    # Whether it ends.
    ("LOCK_KEPT", "LIVENESS", LIVENESS_CYCLE),
]
# What may fail without harm: searched completely, and nothing may break. A gate's lock in PostgreSQL ends with its
# connection; the ledger's own append, which names the size that it is about, and the lock on the state are left.
MADE_GOOD = [("NO_GATE_LOCK", "CRASHES")]
INCOMPLETE = re.compile(r"max search depth too small|out of memory|reached -DMEMLIM|search not completed|bit statespace|"
                        r"aborting|hash-compact", re.IGNORECASE)


class Problem(Exception):
    """The text says what is wrong."""


def build(folder, setting, mistakes):
    """The verifier for a setting with mistakes; returns the words to run it."""
    is_liveness = setting == "LIVENESS"
    macros = [f"-D{name}" for name in [setting, *mistakes.split()]]
    made = subprocess.run(["spin", *macros, "-a", str(MODEL)], cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode != 0 or "error" in made.stdout.lower():
        raise Problem(f"spin does not read the model: {made.stdout.strip()}")
    # What ends at the first error is compiled for the compiler's time, the rest for the search's.
    is_complete = not mistakes or (mistakes, setting) in MADE_GOOD
    options = ["-O1" if is_complete else "-O0", "-w", f"-DMEMLIM={MEMORY_MIB_MAX}"]
    options += ["-DNFAIR=4"] if is_liveness else ["-DSAFETY"]
    subprocess.run(["gcc", *options, "-o", "pan", "pan.c"], cwd=folder, check=True)
    return ["./pan", f"-m{DEPTH_MAX}"] + (["-a", "-f"] if is_liveness else [])


def trace(folder, setting, mistakes):
    """How the property breaks: the steps of every process, as Spin prints them."""
    macros = [f"-D{name}" for name in [setting, *mistakes.split()]]
    told = subprocess.run(["spin", *macros, "-p", "-k", "path.pml.trail", str(MODEL)], cwd=folder, capture_output=True,
                          text=True, check=False)
    return "\n".join(line for line in told.stdout.splitlines() if re.match(r"\s*\d+:\s+proc", line))


def broken_property(output):
    """The property that broke; "" where none did."""
    found = re.search(r"pan:\d+: (.*)", output)
    if found is None:
        return ""
    claim = re.match(r"assertion violated \((\w+)\|\|", found.group(1))
    if claim:
        return claim.group(1)
    return LIVENESS_CYCLE if found.group(1).startswith("acceptance cycle") else found.group(1)


def search(setting, mistakes, is_traced):
    """Searches once. Returns a line about it; a Problem where it is not as it should be."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pawl-path-model-") as folder:
        words = build(folder, setting, mistakes)
        run = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
        output = run.stdout + run.stderr
        told = "\n" + trace(folder, setting, mistakes) if is_traced and mistakes else ""
    found = broken_property(output)
    states = re.search(r"(\d+) states, stored", output)
    if states is None:
        raise Problem(f"{setting} {mistakes}: the search ended with status {run.returncode}: {output[-500:]}")
    seconds = time.monotonic() - begun
    line = f"{setting:9} {mistakes or 'as it is':30} {int(states.group(1)):9,} states {seconds:5.1f} s  "
    if mistakes and (mistakes, setting) not in MADE_GOOD:
        expected = next(name for one, where, name in MISTAKES if (one, where) == (mistakes, setting))
        if found != expected:
            raise Problem(f"{line}{expected} should break, not {found or 'nothing'}{told}")
        return f"{line}breaks {found}{told}"
    incomplete = INCOMPLETE.search(output)
    if found or run.returncode != 0 or "errors: 0" not in output:
        raise Problem(f"{line}BREAKS {found}: {output[-500:]}")
    if incomplete:
        raise Problem(f"{line}not searched completely: {incomplete.group()}")
    if int(states.group(1)) < SETTINGS[setting]:
        raise Problem(f"{line}fewer than {SETTINGS[setting]:,}: something cannot happen any more")
    return f"{line}breaks nothing"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="settings or mistakes; default: all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--trace", action="store_true")
    options = parser.parse_args()
    searches = [(setting, "") for setting in SETTINGS] + [(setting, mistakes) for mistakes, setting in MADE_GOOD]
    searches += [(setting, mistakes) for mistakes, setting, _ in MISTAKES]
    if options.names:
        searches = [one for one in searches if (one[1] or one[0]) in options.names]
        if len(searches) != len(options.names):
            parser.error("no such setting or mistake")
    begun, problems = time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for future in [pool.submit(search, *one, options.trace) for one in searches]:
            try:
                print(future.result(), flush=True)
            except (Problem, subprocess.SubprocessError) as problem:
                print(f"FAILED: {problem}", flush=True)
                problems += 1
    print(f"path model: {len(searches)} searches, {problems} not as they should be, {time.monotonic() - begun:.0f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
