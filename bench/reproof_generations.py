#!/usr/bin/python3
"""What a parent's certificate is worth under real fine-tuning: generations of the collision example.

The example's own improver writes each generation from the one before. Every property of the charter is proven for it
twice, by `pawl prove` as a whole process: from scratch, and with --parent, the certificate of the generation before.
Prints processor time, boxes, leaves and bytes a generation, and the geometric mean of the ratios.

The improver stops where training gains too little to be shown in a trial, after about six generations. What is measured
here is proofs: from there on it is told to take any step that loses next to nothing (RELAXED), and goes on training.

With --svg the proof time a generation (all properties together) and the size of the certificates are drawn as well.

  PAWL_BIN=build/release/bin bench/reproof_generations.py [--generations N] [--seed N] [--svg FILE]
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples/collision"
PAWL = pathlib.Path(os.environ.get("PAWL_BIN", "build/release/bin")).resolve() / "pawl"
PROPERTIES = sorted((EXAMPLE / "charter/properties").glob("*.vnnlib"))


# Hyperparameters of the improver once it finds no step with its own. The promises keep their margin.
RELAXED = {"target_gain": 0.002, "least_gain": -0.005, "near_miss_slack": 0.01}


def next_generation(measure, live, out, seed):
    """The improver's candidate from `live`; False where it finds none even with RELAXED."""
    if measure.improve(live, out, seed):
        return True
    relaxed = pathlib.Path(f"{out}.live")
    shutil.copytree(live, relaxed)
    settings = relaxed / "improver/hyperparameters.json"
    settings.write_text(json.dumps(json.loads(settings.read_text(encoding="utf-8")) | RELAXED), encoding="utf-8")
    return any(measure.improve(str(relaxed), out, seed + 1000 * k) for k in range(1, 4))


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


SERIES = (("from scratch", "#9a3412"), ("from the parent", "#1d4ed8"))
WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 200, 64, 40, 60  # of one panel's area, and around it


def label(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def panel(top, title, values, unit):
    """One panel of the picture: a line for each of SERIES over the generations, from 0."""
    most = max(max(line) for line in values) or 1
    count = max(len(line) for line in values)
    x = lambda k: LEFT + WIDTH * (k / max(1, count - 1))
    y = lambda value: top + HEIGHT * (1 - value / most)
    parts = [f'<text x="{LEFT}" y="{top - 12}" font-weight="bold">{title}</text>']
    for share in (0, 0.5, 1):
        at = y(most * share)
        parts.append(f'<line x1="{LEFT}" y1="{at:.1f}" x2="{LEFT + WIDTH}" y2="{at:.1f}" stroke="#cbd5e1"/>'
                     f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{label(most * share)}{unit}</text>')
    for k in sorted({0, (count - 1) // 2, count - 1}):
        parts.append(f'<text x="{x(k):.1f}" y="{top + HEIGHT + 18}" text-anchor="middle">{k + 1}</text>')
    for line, (name, colour) in zip(values, SERIES):
        points = " ".join(f"{x(k):.1f},{y(value):.1f}" for k, value in enumerate(line))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2">'
                     f"<title>{name}</title></polyline>")
    return parts


def picture(rows):
    """`rows`: for each generation (seconds from scratch, from the parent), (bytes from scratch, from the parent)."""
    height = TOP + 2 * (HEIGHT + GAP) + 10
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    seconds, sizes = ([[row[which][line] for row in rows] for line in (0, 1)] for which in (0, 1))
    parts += panel(TOP, "processor time of all proofs of a generation", seconds, " s")
    parts += panel(TOP + HEIGHT + GAP, "bytes of its certificates", sizes, "")
    for k, (name, colour) in enumerate(SERIES):
        parts.append(f'<text x="{LEFT + 130 * k}" y="{height - 8}" fill="{colour}">{name}</text>')
    parts.append(f'<text x="{LEFT + WIDTH}" y="{height - 8}" text-anchor="end">generation</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--svg", help="where to draw time and size over the generations")
    options = parser.parse_args()
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(EXAMPLE / "subject/improver"), str(EXAMPLE)]
    import measure  # pylint: disable=import-outside-toplevel

    ratios, box_ratios, rows, bad = [], [], [], 0
    print(f"{'':10} {'from scratch':>33} {'from the parent':>42}")
    print(f"{'generation':10} {'s':>8} {'boxes':>8} {'leaves':>7} {'bytes':>7} {'s':>10} {'boxes':>8} {'leaves':>7} "
          f"{'bytes':>7} {'kept':>7}")
    with tempfile.TemporaryDirectory() as scratch:
        parents, tree = {}, str(EXAMPLE / "subject")
        for k in range(options.generations + 1):
            live, tree = tree, os.path.join(scratch, f"generation-{k}") if k else tree
            if k and not next_generation(measure, live, tree, options.seed * 1000 + k):
                print("the improver found no further step")
                break
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
            rows.append(tuple((total(fresh, key), total(again, key)) for key in ("cpu_s", "certificate_bytes")))
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
    if options.svg:
        pathlib.Path(options.svg).write_text(picture(rows), encoding="utf-8")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
