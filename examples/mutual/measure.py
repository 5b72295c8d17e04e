#!/usr/bin/python3
"""What the pair finds that a fixed evaluator misses: measure.py [--faults N --releases N --seed N --honest N]

The controller is examples/collision's first release. Its faulty successors are made here: each is silent in one rare
kind of encounter (adversary/improver/faults.py), drawn from another seed than anything the adversary has seen. Each is
shown to the fixed evaluator, that is, its harm limit, and to a paired test of candidate against parent on as many
encounters as the adversary flies; and to each release of the adversary. Between its releases the adversary learns, and
the controller judges what it has learned. --honest N: N generations of the collision improver as well, which nobody
should object to (a minute each on a slow machine).
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
COLLISION = os.path.join(os.path.dirname(HERE), "collision")
PYTHON = "/usr/bin/python3"
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "adversary"), os.path.join(HERE, "adversary/improver"), os.path.join(COLLISION, "charter")]
import numpy as np  # noqa: E402
import encounters  # noqa: E402
import faults  # noqa: E402
import network  # noqa: E402
import search  # noqa: E402
import trees  # noqa: E402

HARM_LIMIT = 0.025          # of examples/collision/charter
EVALUATED = 16_000          # encounters of the fixed evaluator here
SHARE_MIN, SHARE_MAX = 0.02, 0.08
ALPHA = 1e-4


def run(*words):
    return subprocess.run([PYTHON, "-B", *map(str, words)], check=True, capture_output=True, text=True).stdout


def learned(*words):
    """Runs the improver; whether there was anything new to learn."""
    done = subprocess.run([PYTHON, "-B", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0 and "nothing new learned" not in done.stderr:
        raise SystemExit(f"measure: {done.stderr}")
    return done.returncode == 0


def decides(layers):
    return lambda x: network.advisories(layers, x)


def learn(folder, releases, seed, faults_each):
    """The adversary's releases, each judged by the controller; [experience, ...] from the first on."""
    charter = trees.adversary_rules(os.path.join(folder, "charter"))
    policy = os.path.join(COLLISION, "subject/policy.onnx")
    live, known = trees.adversary_tree(os.path.join(folder, "adversary-0")), []
    for number in range(releases + 1):
        if number > 0:
            out = os.path.join(folder, f"adversary-{number}")
            words = ("--live", live, "--out", out, "--seed", seed + number, "--controller", policy, "--faults", faults_each)
            if not learned(f"{live}/improver/improve.py", *words):
                known.append(known[-1])
                continue
            seed_file = os.path.join(folder, f"seed-{number}")
            with open(seed_file, "wb") as file:
                file.write(bytes([number]) * 32)
            opinion = json.loads(run(f"{HERE}/controller/judge.py", "--candidate", out, "--charter", charter, "--seed",
                                     seed_file, "--policy", policy))
            if opinion["objection"]:
                raise SystemExit(f"the controller objects to release {number} of the adversary: {opinion['reasons']}")
            live = out
        with open(f"{live}/experience.json", encoding="utf-8") as file:
            known.append(json.load(file))
    return known


def fixed_evaluator(sound, broken, seeds):
    """(near-miss rate, whether a paired test on the first so many encounters as the adversary flies would object)."""
    ours, theirs = (encounters.fly(seeds, decide)["near_miss"] > 0 for decide in (broken, sound))
    flown = search.FIRST + search.ROUNDS * search.ROUND + search.TESTED
    worse, better = ((a & ~b)[:flown].sum() for a, b in ((ours, theirs), (theirs, ours)))
    return float(ours.mean()), bool(search.sign_test(int(worse), int(better)) <= ALPHA)


def measure(known, layers, faults_count, seed):
    """One row a fault: its share, the evaluator's figures, and which of the adversary's releases find it."""
    generator = np.random.default_rng(seed + 1_000)
    sound, rows = decides(layers), []
    for _ in range(faults_count):
        where = faults.corner(generator, SHARE_MIN, SHARE_MAX)
        broken = decides(faults.break_at(layers, where))
        rate, paired = fixed_evaluator(sound, broken, search.seeds_from(generator, EVALUATED))
        found = [search.search(encounters, broken, sound, experience, generator)["found"] for experience in known]
        rows.append({"where": where, "near_miss": rate, "paired": paired, "found": found})
    return rows


def honest_objections(known, layers, generations, seed, folder):
    """How many of the improver's own generations the last release of the adversary objects to."""
    generator, live, objections = np.random.default_rng(seed + 2_000), os.path.join(COLLISION, "subject"), 0
    for number in range(generations):
        out = os.path.join(folder, f"controller-{number + 1}")
        run(f"{live}/improver/improve.py", "--live", live, "--out", out, "--seed", seed + number)
        candidate = network.read(f"{out}/policy.onnx")
        objections += search.search(encounters, decides(candidate), decides(layers), known[-1], generator)["found"]
        live, layers = out, candidate
    return objections


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--learned", type=int, default=6, help="faults that the adversary makes for itself between releases")
    parser.add_argument("--releases", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--honest", type=int, default=0)
    options = parser.parse_args()
    layers = network.read(os.path.join(COLLISION, "subject/policy.onnx"))
    with tempfile.TemporaryDirectory() as folder:
        known = learn(folder, options.releases, options.seed, options.learned)
        rows = measure(known, layers, options.faults, options.seed)
        print(f"{len(rows)} faulty successors, near-miss rate at most {max(row['near_miss'] for row in rows):.4f}")
        print("| who looks | places learned | finds |\n|---|---|---|")
        over = sum(row["near_miss"] >= HARM_LIMIT for row in rows)
        print(f"| the fixed evaluator's harm limit of {HARM_LIMIT}, {EVALUATED} encounters | | {over} |")
        print(f"| a paired test on as many encounters as the adversary flies | | {sum(row['paired'] for row in rows)} |")
        for number, experience in enumerate(known):
            found = sum(row["found"][number] for row in rows)
            print(f"| release {number} of the adversary | {len(experience['components'])} | {found} |")
        if options.honest:
            objections = honest_objections(known, layers, options.honest, options.seed, folder)
            print(f"objections to {options.honest} honest generations: {objections}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
