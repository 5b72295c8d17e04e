#!/usr/bin/python3
"""How far weights may move before a proof no longer covers them: the largest radius that `pawl prove --weight-radius auto`
finds, as a share of each tensor's largest weight, for the collision example's properties and some ACAS Xu instances.

Prints for each: processor time, leaves and bytes of the proof of the network alone; the radius, and the smallest one that
was tried in vain; leaves and bytes of its certificate, and what checking that takes.

  PAWL_BIN=build/release/bin PAWL_VNNCOMP_DIR=… bench/envelope_radii.py [--seconds N] [--instances N]
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples/collision"
BIN = pathlib.Path(os.environ.get("PAWL_BIN", "build/release/bin")).resolve()
# Instances that hold, and that a second or two decide.
ACASXU = [("1_1", 1), ("1_1", 4), ("2_1", 3), ("3_1", 4), ("4_5", 3), ("5_9", 4), ("1_9", 1), ("4_2", 4)]


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def prove(network, spec, certificate, words):
    done = subprocess.run([BIN / "pawl", "--json", "prove", network, spec, "--threads", "1", "--certificate", certificate,
                           *words], capture_output=True, text=True)
    return json.loads(done.stdout)


def check_seconds(network, spec, certificate):
    before = processor_seconds()
    subprocess.run([BIN / "pawl-check-certificate", network, spec, certificate], check=True, capture_output=True)
    return processor_seconds() - before


def instances(limit):
    found = [("collision", EXAMPLE / "subject/policy.onnx", path)
             for path in sorted((EXAMPLE / "charter/properties").glob("*.vnnlib"))]
    data = os.environ.get("PAWL_VNNCOMP_DIR")
    if data:
        folder = pathlib.Path(data) / "acasxu"
        found += [(f"ACAS Xu {name}", folder / f"onnx/ACASXU_run2a_{name}_batch_2000.onnx",
                   folder / f"vnnlib/prop_{number}.vnnlib") for name, number in ACASXU]
    return found[:limit]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--instances", type=int, default=1000)
    options = parser.parse_args()
    print(f"{'':40} {'alone: s':>9} {'leaves':>7} {'bytes':>8} {'radius':>9} {'not':>9} {'trials':>6} {'leaves':>8} "
          f"{'bytes':>9} {'check s':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        certificate = pathlib.Path(scratch) / "c"
        for name, network, spec in instances(options.instances):
            before = processor_seconds()
            alone = prove(network, spec, certificate, ["--timeout", str(options.seconds)])
            seconds, size = processor_seconds() - before, alone.get("certificate_bytes", 0)
            if alone["status"] != "proven":
                print(f"{name + ' ' + spec.stem:40} {alone['status']}")
                continue
            found = prove(network, spec, certificate, ["--weight-radius", "auto", "--timeout", str(options.seconds)])
            radius = found["weight_radius"]
            print(f"{name + ' ' + spec.stem:40} {seconds:9.2f} {alone['leaves']:7} {size:8} {100 * radius['share']:8.3g}% "
                  f"{100 * radius['share_open']:8.3g}% {radius['trials']:6} {found['leaves']:8} "
                  f"{found['certificate_bytes']:9} {check_seconds(network, spec, certificate):8.2f}", flush=True)


if __name__ == "__main__":
    main()
