#!/usr/bin/python3
"""What a parent's certificate is worth under real fine-tuning: generations of the collision example.

The example's own improver writes each generation from the one before. Every property of the charter is proven for it
twice, by `pawl prove` as a whole process: from scratch, and with --parent, the certificate of the generation before.
Prints processor time, boxes, leaves and bytes a generation, and the geometric mean of the ratios.

  PAWL_BIN=build/release/bin bench/reproof_generations.py [--generations N] [--seed N]
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples/collision"
PAWL = pathlib.Path(os.environ.get("PAWL_BIN", "build/release/bin")).resolve() / "pawl"
PROPERTIES = sorted((EXAMPLE / "charter/properties").glob("*.vnnlib"))


def prove(network, spec, certificate, parent=None):
    """The answer of one process, with its processor time in seconds."""
    words = [str(PAWL), "--json", "prove", str(network), str(spec), "--threads", "1", "--certificate", str(certificate)]
    if parent is not None:
        words += ["--parent", str(parent)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(words, stdout=output)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        output.seek(0)
        answer = json.loads(output.read())
    answer["cpu_s"] = usage.ru_utime + usage.ru_stime
    return answer


def total(answers, key):
    return sum(answer.get(key, 0) for answer in answers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(EXAMPLE / "subject/improver"), str(EXAMPLE)]
    import measure  # pylint: disable=import-outside-toplevel

    ratios, box_ratios, bad = [], [], 0
    print(f"{'':10} {'from scratch':>33} {'from the parent':>42}")
    print(f"{'generation':10} {'s':>8} {'boxes':>8} {'leaves':>7} {'bytes':>7} {'s':>10} {'boxes':>8} {'leaves':>7} "
          f"{'bytes':>7} {'kept':>7}")
    with tempfile.TemporaryDirectory() as scratch:
        parents = {}
        for k, tree in enumerate(measure.generations(str(EXAMPLE / "subject"), options.generations, options.seed,
                                                     scratch)):
            network = pathlib.Path(tree) / "policy.onnx"
            fresh, again = [], []
            for spec in PROPERTIES:
                first = pathlib.Path(scratch) / f"{spec.stem}-{k}.scratch"
                fresh.append(prove(network, spec, first))
                if spec not in parents:
                    parents[spec] = first
                    continue
                certificate = pathlib.Path(scratch) / f"{spec.stem}-{k}.cert"
                again.append(prove(network, spec, certificate, parents[spec]))
                bad += fresh[-1]["status"] != again[-1]["status"] or not again[-1]["parent"]["used"]
                if again[-1]["status"] == "proven":
                    parents[spec] = certificate
                ratios.append(fresh[-1]["cpu_s"] / again[-1]["cpu_s"])
                box_ratios.append(fresh[-1]["boxes"] / max(1, again[-1]["boxes"]))
            if not again:
                continue
            kept = sum(answer["parent"]["kept"] for answer in again)
            leaves = sum(answer["parent"]["leaves"] for answer in again)
            print(f"{k:10} {total(fresh, 'cpu_s'):8.3f} {total(fresh, 'boxes'):8} {total(fresh, 'leaves'):7} "
                  f"{total(fresh, 'certificate_bytes'):7} {total(again, 'cpu_s'):10.3f} {total(again, 'boxes'):8} "
                  f"{total(again, 'leaves'):7} {total(again, 'certificate_bytes'):7} {kept / max(1, leaves):7.1%}",
                  flush=True)
    if not ratios:
        sys.exit("the improver found no generation")
    for name, values in (("processor time of the whole process", ratios), ("boxes", box_ratios)):
        mean = math.exp(sum(map(math.log, values)) / len(values))
        print(f"{name}: from scratch {mean:.2f} times as much (geometric mean of {len(values)} proofs, "
              f"least {min(values):.2f})")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
