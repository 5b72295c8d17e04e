#!/usr/bin/python3
"""How much workers shorten a hard proof: one and two real ones on this machine, and up to 64 by simulation with the
times that the parts took.

usage: workers_bench.py [--network 3_3] [--property 2] [--weight-radius R] [--part-seconds S] [--parts N]
PAWL_BIN: folder with pawl; PAWL_VNNCOMP_DIR: folder with acasxu

For tools/bench (workers_bench.py REPETITIONS FOLDER) the proof is one of 1,024 parts of like size (tests/postgresql/waves.py),
done once by one real worker; how long so many workers would take with these parts is printed in the form of Google
Benchmark's JSON.

The simulation takes from the run with one worker how long each part took, which part left it open, and how long its
answer took to check. Parts go out as the queue gives them: the largest first, and of equal ones the oldest. A worker
needs --overhead-ms more for each. Answers are checked by as many threads of the asker as --check-threads says; a part
that was left open is there when its parent's answer has been checked. Times of parts and checks are processor time, so
that what else runs on the machine does not count; those of the real runs are by the clock.
"""

import argparse
import heapq
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/postgresql"))
sys.dont_write_bytecode = True
import onnx  # noqa: E402
import waves  # noqa: E402
from server import Server  # noqa: E402

BIN = pathlib.Path(os.environ.get("PAWL_BIN", ROOT / "build/release/bin"))
OVERHEAD_MS = 5  # of a worker for each part: taking it, and giving the answer


def prove(folder, server, options, workers):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    keys = []
    for name in range(workers):
        home = folder / f"worker-{workers}-{name}"
        made = subprocess.run([BIN / "pawl", "--json", "--home", home, "key", "new", home.name], stdout=subprocess.PIPE,
                              check=True, text=True)
        keys.append((home, json.loads(made.stdout)["key"]))
    (folder / "keys").write_text("".join(key + "\n" for _, key in keys), encoding="utf-8")
    running = [subprocess.Popen([BIN / "pawl", "--quiet", "--json", "--home", home, "work", "--log", server.url("pawl_worker"),
                                 "--as", home.name], stdout=subprocess.DEVNULL, env=environment) for home, _ in keys]
    asked = subprocess.run([BIN / "pawl", "--json", "prove", *options, "--threads", "1", "--workers", server.url(),
                            "--worker-keys", folder / "keys", "--timeout", "3600"], stdout=subprocess.PIPE, check=False,
                           text=True)
    for process in running:
        process.terminate()
        process.wait()
    found = json.loads(asked.stdout.splitlines()[-1])
    if found.get("status") != "proven":
        sys.exit(f"not proven: {asked.stdout}")
    return found


def simulate(parts, workers, overhead, checkers):
    """Seconds until the last answer has been checked."""
    ready = []  # (depth, part)
    children = {}
    by_number = {part["part"]: part for part in parts}
    for part in parts:
        if part["from"] < 0:
            heapq.heappush(ready, (part["depth"], part["part"]))
        else:
            children.setdefault(part["from"], []).append(part["part"])
    events = []  # (time, kind, what)
    idle, asker, now, last = workers, [0.0] * checkers, 0.0, 0.0
    while True:
        while idle and ready:
            part = by_number[heapq.heappop(ready)[1]]
            idle -= 1
            heapq.heappush(events, (now + overhead + part["seconds"], 0, part["part"]))
        if not events:
            return last
        now, kind, number = heapq.heappop(events)
        if kind == 0:
            idle += 1
            begins = max(now, heapq.heappop(asker))
            ends = begins + by_number[number]["check_seconds"]
            heapq.heappush(asker, ends)
            heapq.heappush(events, (ends, 1, number))
        else:
            last = max(last, now)
            for child in children.get(number, []):
                heapq.heappush(ready, (by_number[child]["depth"], child))


def for_tools():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-workers-"))
    folder.chmod(0o755)
    server = Server(folder / "server")
    try:
        onnx.save(waves.network(32), folder / "waves.onnx")
        (folder / "spec.vnnlib").write_text(waves.SPEC)
        found = prove(folder, server, [folder / "waves.onnx", folder / "spec.vnnlib", "--arithmetic", "real", "--alone-seconds", "0",
                                       "--parts", "1024", "--part-seconds", "60"], 1)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    parts = [{**part, "check_seconds": 0.0} for part in found["workers"]["parts"]]
    rows = [{"name": f"ProofByWorkers/{workers}", "aggregate_name": "median", "time_unit": "s",
             "real_time": simulate(parts, workers, OVERHEAD_MS / 1000, 1)} for workers in (1, 2, 64)]
    print(json.dumps({"benchmarks": rows}))


def main():
    if sys.argv[1:] and not sys.argv[1].startswith("-"):
        for_tools()
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="3_3")
    parser.add_argument("--property", default="2")
    parser.add_argument("--weight-radius")
    parser.add_argument("--part-seconds", default="5")
    parser.add_argument("--parts", default="64")
    parser.add_argument("--overhead-ms", type=float, default=OVERHEAD_MS)
    parser.add_argument("--check-threads", type=int, default=8)
    parser.add_argument("--record", help="file with the JSON of an earlier run with one worker: simulate alone")
    arguments = parser.parse_args()
    runs = {}
    if arguments.record and pathlib.Path(arguments.record).exists():
        runs[1] = json.loads(pathlib.Path(arguments.record).read_text(encoding="utf-8"))
    else:
        data = pathlib.Path(os.environ["PAWL_VNNCOMP_DIR"]) / "acasxu"
        options = [data / f"onnx/ACASXU_run2a_{arguments.network}_batch_2000.onnx",
                   data / f"vnnlib/prop_{arguments.property}.vnnlib", "--alone-seconds", "0.1", "--part-seconds",
                   arguments.part_seconds, "--parts", arguments.parts]
        if arguments.weight_radius:
            options += ["--weight-radius", arguments.weight_radius]
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-workers-"))
        folder.chmod(0o755)
        server = Server(folder / "server")
        try:
            for workers in (1, 2):
                runs[workers] = prove(folder, server, options, workers)
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)
        if arguments.record:
            pathlib.Path(arguments.record).write_text(json.dumps(runs[1]), encoding="utf-8")
    for workers, found in runs.items():
        report = found["workers"]
        parts = report["parts"]
        print(f"{workers} real workers: {found['seconds']:.1f} s, of which shared {report['shared_seconds']:.1f} s; "
              f"{len(parts)} answers, {found['leaves']} leaves; worked {sum(p['seconds'] for p in parts):.1f} s, "
              f"longest {max(p['seconds'] for p in parts):.2f} s, answers checked in "
              f"{sum(p['check_seconds'] for p in parts):.2f} s, the whole in {report['check_seconds']:.2f} s")
    report = runs[1]["workers"]
    parts = report["parts"]
    work = sum(part["seconds"] for part in parts)
    checks = sum(part["check_seconds"] for part in parts)
    overhead, threads = arguments.overhead_ms / 1000, arguments.check_threads
    print(f"{work:.1f} s of work in {len(parts)} parts, {checks:.1f} s of checks; simulated with {arguments.overhead_ms} ms "
          f"more for each part")
    print(f"workers   parts: s, efficiency   checked by {threads} threads: s, efficiency   whole: s, speed-up")
    one = work + overhead * len(parts)
    free = [{**part, "check_seconds": 0.0} for part in parts]
    for workers in (1, 2, 4, 8, 16, 32, 64):
        alone, checked = simulate(free, workers, overhead, 1), simulate(parts, workers, overhead, threads)
        whole = checked + report["check_seconds"] / threads
        print(f"{workers:7}  {alone:10.2f}  {one / workers / alone:8.0%}   {checked:20.2f}  {one / workers / checked:8.0%}"
              f"   {whole:20.2f}  {(one + report['check_seconds']) / whole:8.1f}")


if __name__ == "__main__":
    main()
