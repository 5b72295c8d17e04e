#!/usr/bin/python3
"""What `pawl report` takes on a life of 10^4 releases, all of it: start, ledger, figures, pictures, files on disk.

bench/long_life makes the home: 260,001 signed events, 20,000 whole trial reports of two evaluators, and the gate's
snapshot, from which a report begins where the gate's key is (else every event is folded, as in scale_bench.py's
LogVerify). One core: the process may run on no other. `processor_time` is what it took of that core; the difference is
waiting, for the disk and for whatever else runs.

Prints results in the form of Google Benchmark's JSON, for tools/bench, which gives it the folder of the programs in
PAWL_BIN, the number of repetitions and a folder to work in.

  PAWL_BIN=build/release/bin bench/life_bench.py REPETITIONS FOLDER
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(os.environ["PAWL_BIN"])
RELEASES = 10_000


def report(home, directory):
    """Wall and processor time of one report, in milliseconds."""
    start = time.perf_counter()
    process = subprocess.Popen([BIN / "pawl", "--home", home, "--json", "report", directory], stdout=subprocess.DEVNULL,
                               preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"pawl report ended with {process.returncode}")
    return (time.perf_counter() - start) * 1e3, (used.ru_utime + used.ru_stime) * 1e3


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="life-", dir=sys.argv[2]))
    try:
        subprocess.run([BIN / "long_life", folder / "home", str(RELEASES)], check=True, stdout=subprocess.DEVNULL)
        times = [report(folder / "home", folder / "report") for _ in range(max(3, int(sys.argv[1])))]
    finally:
        shutil.rmtree(folder)
    rows = []
    for name, values in zip(("one_core", "processor_time"), zip(*times)):
        name = f"ReportOf1e4Releases/{name}"
        for aggregate, value in (("median", statistics.median(values)), ("stddev", statistics.stdev(values))):
            rows.append({"run_name": name, "name": name, "aggregate_name": aggregate, "real_time": value, "time_unit": "ms"})
    print(json.dumps({"benchmarks": rows}))


if __name__ == "__main__":
    main()
