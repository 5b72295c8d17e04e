#!/usr/bin/python3
"""Two checkers, one specification: whatever the first accepts the second must accept, and whatever the second rejects
the first must reject. Where only the second accepts, its exact margin must be below what the first rounds away, or hang
on a tie: two members of a maximum with equal bounds, a ReLU with l = -u. Roundings break ties, in one way or the other.

Certificates: those that `pawl prove` finds for the example's properties, and random ones with every feature of the
format (corpus.py). Mutations: of bytes, of the proof's structure, of the property's numbers and of the network's
weights (with digests made to fit again), of the arithmetic that is asked for.

usage: differential_test.py [--budget SECONDS] [--seed N] [--certificates N] [--mutations N]
environment: PAWL_BIN, the directory of the built programs
"""
import argparse
import collections
import copy
import hashlib
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

import corpus
from second_checker.certificate import read_certificate
from second_checker.verdict import check

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("PAWL_BIN", ROOT / "build/release/bin"))
# Relative to the largest bound of any value and the growth of errors: far above the first checker's rounding on networks of this size (about
# 2^-46), far below the margins of most certificates. Where bounds are huge the first checker's doubles overflow.
NEAR_MISS, HUGE = 2.0**-36, 2.0**400


class Judge:
    """The first checker, kept running."""

    def __init__(self, folder: pathlib.Path):
        self.process = subprocess.Popen([BIN / "soundness_judge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.paths = [folder / name for name in ("network", "property", "certificate", "candidate", "baseline")]

    def __call__(self, files: tuple, arithmetic: str, candidate: bytes | None, baseline: bytes | None) -> str:
        others = candidate, baseline
        for path, data in zip(self.paths, (*files, *others)):
            path.write_bytes(data or b"")
        words = [*map(str, self.paths[:3]), arithmetic,
                 *("" if data is None else str(path) for path, data in zip(self.paths[3:], others))]
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit("FAILED: the first checker ended")
        return answer


class Comparison:
    def __init__(self, judge: Judge):
        self.judge, self.counts, self.near_misses, self.failures = judge, collections.Counter(), 0, 0

    def __call__(self, what: str, files: tuple, arithmetic: str = "-", candidate: bytes | None = None,
                 baseline: bytes | None = None) -> bool:
        """Whether both accept."""
        first = self.judge(files, arithmetic, candidate, baseline)
        second = check(*files, None if arithmetic == "-" else arithmetic, candidate, baseline)
        self.counts[what] += 1
        self.counts["both accept" if first == "proven" and second.proven else "rejected"] += 1
        # Whether a file is refused by its reader, too: not only whether there is a proof.
        stages = [rule.split(".")[0] for rule in (first, second.rule)]
        readers_agree = stages[0] == stages[1] or not {"onnx", "vnnlib", "certificate"} & set(stages)
        narrow = second.proven and (second.margin_of_ties < NEAR_MISS * max(1.0, second.magnitude)
                                    or second.magnitude > HUGE)
        if (first == "checker.leaf" and narrow) or (first == "checker.rounding" and second.proven):
            self.near_misses += 1
        elif (first == "proven") != second.proven or not readers_agree:
            self.failures += 1
            kept = pathlib.Path(tempfile.mkdtemp(prefix="pawl-disagreement-"))
            names = "network.onnx", "property.vnnlib", "certificate", "candidate.onnx", "baseline.onnx"
            for name, data in zip(names, (*files, candidate or b"", baseline or b"")):
                (kept / name).write_bytes(data)
            print(f"FAILED ({what}): the first says {first}, the second {second}; kept in {kept}")
        return first == "proven" and second.proven


# Mutations.


def subtree_end(nodes: list, at: int) -> int:
    open_ = 1
    while open_:
        open_ += -1 if nodes[at][0] == "leaf" else 1
        at += 1
    return at


def flip_bytes(draw, data: bytes) -> bytes:
    data = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 5])):
        at = draw.randrange(75, len(data)) if draw.random() < 0.9 else draw.randrange(len(data))
        kind = draw.randrange(5)
        if kind == 0:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at] = draw.choice([0, 1, 2, 3, 0x11, 0x12, 0x13, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x80, 0x81, 0xFF])
        elif kind == 2:
            data.insert(at, draw.choice([0, 1, 0x80, draw.randrange(256)]))
        elif kind == 3:
            del data[at:at + draw.choice([1, 1, 1, 3, 40])]
            if len(data) < 77:
                return bytes(data)
        else:
            data[at:at] = data[at:at + draw.randrange(1, 9)]
    return bytes(data)


def change_table(draw, table):
    if not table:
        return table
    table = bytearray(table)
    table[draw.randrange(len(table))] = draw.choice([0, 0xFF, 0xFE, draw.randrange(256)])
    return bytes(table)


def change_radii(draw, certificate):
    names = [*certificate.radii, b"c0", b"c1", b"x", b"", b"v0", b"c0\n", b"w" * 1025]
    for _ in range(draw.choice([1, 1, 2])):
        name, kind = draw.choice(names), draw.randrange(4)
        radius = certificate.radii.pop(name, 0.01)
        if kind == 0:
            radius *= draw.choice([0.5, 1.01, 3, 100, 1e30, 1e300])
        elif kind == 1:
            radius = draw.choice([0.0, -0.0, -radius, float("nan"), float("inf"), 5e-324, 1e308])
        elif kind == 2:
            name = draw.choice(names)
        if kind < 3:
            certificate.radii[name] = radius
    if draw.random() < 0.9:
        certificate.radii = dict(sorted(certificate.radii.items()))


def change_trees(draw, layer):
    """Other neurons, other multipliers, leaves that change places, or a tree that has lost its splits."""
    at, kind = draw.randrange(len(layer.trees)), draw.randrange(4)
    tree = layer.trees[at]
    if kind == 0 and tree[0][0]:
        was, neuron = draw.choice(draw.choice(tree)[0])[0], draw.randrange(14)
        layer.trees[at] = [([(neuron if n == was else n, side) for n, side in path], w) for path, w in tree]
    elif kind == 1:
        layer.trees[at] = [(path, bytes(draw.choice([0, 140, 176, 255, b]) for b in w)) for path, w in tree]
    elif kind == 2:
        layer.tables = layer.tables[::-1]
    else:
        first = sum(map(len, layer.trees[:at]))
        layer.tables[first:first + len(tree)] = layer.tables[first:first + 1]
        layer.trees[at] = [([], b"")]


def change_structure(draw, certificate):
    """A deep copy with one thing changed; often no longer a proof, sometimes another one."""
    certificate = copy.deepcopy(certificate)
    proof = draw.choice(certificate.cases)
    group = draw.choice(proof.groups)
    argument = draw.choice(group.arguments)
    refutation = draw.choice(argument.refutations)
    at = draw.randrange(len(group.nodes))
    node = group.nodes[at]
    kind = draw.randrange(17)
    with_trees = [layer for layer in proof.layers if layer.mode == 3]
    if kind == 16 or certificate.radii and draw.random() < 0.2:
        change_radii(draw, certificate)
    elif with_trees and draw.random() < 0.3:
        change_trees(draw, draw.choice(with_trees))
    elif kind == 0:
        argument.recipe = draw.choice([1, 2, 3])
    elif kind == 1:
        refutation.rows = tuple((max(0, r + draw.choice([-1, 1])), w) for r, w in refutation.rows)
    elif kind == 2:
        refutation.rows = tuple((r, draw.choice(list(corpus.MULTIPLIERS))) for r, _ in refutation.rows)
    elif kind == 3:
        refutation.table = change_table(draw, refutation.table)
    elif kind == 4 and proof.layers:
        layer = draw.choice(proof.layers)
        layer.tables = [change_table(draw, table) for table in layer.tables]
    elif kind == 5 and proof.layers:
        layer = draw.choice(proof.layers)
        layer.listed = sorted(set(layer.listed) ^ {draw.randrange(layer.neurons)})
    elif kind == 6:
        group.nodes[at:subtree_end(group.nodes, at)] = [("leaf", draw.randrange(len(group.arguments)), None)]
    elif kind == 7 and node[0] != "leaf":
        middle = subtree_end(group.nodes, at + 1)
        end = subtree_end(group.nodes, middle)
        group.nodes[at + 1:end] = group.nodes[middle:end] + group.nodes[at + 1:middle]
    elif kind == 8 and node[0] != "leaf":
        group.nodes[at] = ("phase", draw.randrange(12)) if draw.random() < 0.5 else ("middle", draw.randrange(4))
    elif kind == 9 and node[0] == "leaf":
        weights = node[2] and bytes(draw.choice([0, 140, 255, b]) for b in node[2])
        group.nodes[at] = ("leaf", draw.randrange(len(group.arguments)), weights)
    elif kind == 10:
        value = draw.choice([0.0, -0.0, float("nan"), float("inf"), 1e300, draw.uniform(-1, 1)])
        end = subtree_end(group.nodes, at)
        twice = group.nodes[at:end] * 2 if node[0] == "leaf" else [("leaf", 0, None)] * 2
        group.nodes[at:end] = [("value", draw.randrange(3), value)] + twice
    elif kind == 11:
        depth = draw.choice([3, 60, 1100, 4097, 5000])
        group.nodes[at:subtree_end(group.nodes, at)] = (
            [("middle", 0)] * depth + [("leaf", 0, None)] * (depth + 1))
    elif kind == 12:
        proof.layers = []
    elif kind == 13:
        certificate.cases = certificate.cases[::-1] if draw.random() < 0.5 else certificate.cases + [proof]
    elif kind == 14:
        proof.groups = proof.groups[::-1] if draw.random() < 0.5 else proof.groups[:1]
    else:
        group.nodes[at:at + 1] = [("phase", draw.randrange(10)), *(["leaf", 0, bytes([200])],) * 2]
    return certificate


def change_number(draw, text: str) -> str:
    places = [m for m in re.finditer(r"-?\d+\.\d+", text)]
    match = draw.choice(places)
    value = float(match.group())
    value = draw.choice([value + 0.01, value - 0.01, value + 1, value - 1, -value, value * 1.001, value + 1e-6])
    return text[:match.start()] + f"{value:.6f}" + text[match.end():]


def change_weight(draw, network: bytes) -> bytes:
    """Four bytes of a constant's data, which follows its name, a key and a length."""
    places = [m for m in re.finditer(rb"c\d+J([\x04-\x7f])", network)]
    if not places:
        return network
    match = draw.choice(places)
    at = match.end() + 4 * draw.randrange(match.group(1)[0] // 4)
    value = struct.unpack("<f", network[at:at + 4])[0]
    value = draw.choice([value * 1.01, -value, value + 0.1, 0.0, value * 1e30, float("nan"), 1e-42])
    return network[:at] + struct.pack("<f", max(min(value, 3e38), -3e38)) + network[at + 4:]


def with_digests(certificate, network: bytes, text: str):
    certificate = copy.deepcopy(certificate)
    certificate.network = hashlib.sha256(network).digest()
    certificate.property = hashlib.sha256(text.encode()).digest()
    return certificate


def change_drift(draw, compare: Comparison, instance: tuple, other: tuple):
    """Other bounds, another baseline, or another kind of claim."""
    network, text, arithmetic, certificate, baseline = instance
    certificate, kind = copy.deepcopy(certificate), draw.randrange(6)
    if kind == 0:
        certificate.baseline = None if certificate.baseline else hashlib.sha256(network).digest()
    elif kind == 1:
        baseline = None if baseline else network
    elif kind == 2 and baseline:
        network, baseline = baseline, network
    elif kind == 3 and baseline:
        baseline = change_weight(draw, baseline)
        if draw.random() < 0.8:
            certificate.baseline = hashlib.sha256(baseline).digest()
    elif kind == 4:
        certificate.baseline, baseline = (hashlib.sha256(other[0]).digest(), other[0])
        certificate.within = certificate.within or [b"1"]
    elif certificate.within:
        at = draw.randrange(len(certificate.within))
        bound = corpus.Fraction(certificate.within[at].decode())
        exact = bound * draw.choice([1, 2, corpus.Fraction(1, 2), corpus.Fraction(999, 1000), corpus.Fraction(9, 10)])
        certificate.within[at] = draw.choice([corpus.bound_text(exact)] * 3 + [b"0", b"-1", b"1.", b"1e0", b"01", b"",
                                                                                     b"." + certificate.within[at]])
        if draw.random() < 0.2:
            certificate.within = certificate.within[:at]
    compare("changed drift", (network, text.encode(), corpus.write_certificate(certificate)), baseline=baseline)


def mutate(draw, compare: Comparison, instance: tuple, other: tuple):
    network, text, arithmetic, certificate, baseline = instance
    data = corpus.write_certificate(certificate)
    if certificate.radii and draw.random() < 0.3 or draw.random() < 0.02:
        candidate = corpus.random_candidate(draw, network, certificate.radii)
        if compare("candidates", (network, text.encode(), data), candidate=candidate):
            compare.counts["candidates inside"] += 1
        return None
    if certificate.baseline is not None and draw.random() < 0.3 or draw.random() < 0.02:
        return change_drift(draw, compare, instance, other)
    kind = draw.random()
    if kind < 0.25:
        return compare("mutated bytes", (network, text.encode(), flip_bytes(draw, data)), baseline=baseline)
    if kind < 0.28:
        return compare("truncated", (network, text.encode(), data[:draw.randrange(len(data))]), baseline=baseline)
    if kind < 0.7:
        try:
            changed = corpus.write_certificate(change_structure(draw, certificate))
        except (KeyError, IndexError):
            return compare("mutated bytes", (network, text.encode(), flip_bytes(draw, data)), baseline=baseline)
        return compare("mutated structure", (network, text.encode(), changed), baseline=baseline)
    if kind < 0.85:
        text = change_number(draw, text)
        changed = corpus.write_certificate(with_digests(certificate, network, text))
        return compare("mutated property", (network, text.encode(), changed), baseline=baseline)
    if kind < 0.93:
        network = change_weight(draw, network)
        changed = corpus.write_certificate(with_digests(certificate, network, text))
        return compare("mutated network", (network, text.encode(), changed), baseline=baseline)
    if kind < 0.96:
        changed = corpus.write_certificate(with_digests(other[3], network, text))
        return compare("another's certificate", (network, text.encode(), changed), baseline=baseline)
    if kind < 0.98:
        files = draw.choice([(other[0], text.encode(), data), (network, other[1].encode(), data)])
        return compare("another's file", files, baseline=baseline)
    asked = draw.choice(["real", "float32", "float64"])
    return compare("another arithmetic", (network, text.encode(), data), asked, baseline=baseline)


def proven(network: pathlib.Path, prop: pathlib.Path, arithmetic: str, made: pathlib.Path, seconds: int,
           *others: str | pathlib.Path) -> bool:
    done = subprocess.run([BIN / "pawl", "prove", network, prop, "--arithmetic", arithmetic, "--certificate", made,
                           "--timeout", str(seconds), "--threads", "1", *others], capture_output=True, text=True)
    return done.returncode == 0


def example_certificates(folder: pathlib.Path):
    network, made = ROOT / "examples/collision/subject/policy.onnx", folder / "made"
    for path in sorted((ROOT / "examples/collision/charter/properties").glob("*.vnnlib")):
        for arithmetic in ("real", "float32"):
            if not proven(network, path, arithmetic, made, 60):
                sys.exit(f"FAILED: {path.name} is not proven")
            yield network.read_bytes(), path.read_bytes().decode(), arithmetic, read_certificate(made.read_bytes()), None


def prover_certificates(draw, folder: pathlib.Path, count: int):
    """Of random networks, some with more inputs than the random prover has, so that slopes and phases are optimised."""
    paths = [folder / name for name in ("made.onnx", "made.vnnlib", "made", "made-baseline.onnx")]
    while count > 0:
        large = draw.random() < 0.6
        # From 25 inputs on, phases are split, and hidden bounds may be by trees.
        sizes = draw.choice([(14, 12), (26, 6, 25)]) if large else (4, 6)
        image = draw.random() < 0.3
        network = corpus.random_image_network(draw) if image else corpus.random_network(draw, False, *sizes)
        try:
            text = corpus.random_property(draw, corpus.read_network(network), 0.4 if large else 1.5)
            corpus.read_property(text)
        except corpus.Refused:
            continue
        paths[0].write_bytes(network)
        paths[1].write_text(text)
        arithmetic = draw.choice(["real", "float32"])
        others, baseline = [], None
        if draw.random() < 0.4:
            baseline = corpus.random_baseline(draw, network)
            paths[3].write_bytes(baseline)
            others = ["--against", paths[3], "--within", draw.choice(["0.01", "0.1", "0.5"])]
        elif draw.random() < 0.5:
            others = ["--weight-radius", draw.choice(["1e-4", "0.05%"])]
        if proven(*paths[:2], arithmetic, paths[2], 3, *others) and paths[2].stat().st_size < 1500:
            yield network, text, arithmetic, read_certificate(paths[2].read_bytes()), baseline
            count -= 1


def programs_disagree(folder: pathlib.Path) -> int:
    """An update inside an envelope and one outside, put to all three programs: how many of their answers are wrong."""
    network, made = ROOT / "examples/collision/subject/policy.onnx", folder / "envelope"
    text = ROOT / "examples/collision/charter/properties/clear-below.vnnlib"
    if not proven(network, text, "float32", made, 60, "--weight-radius", "0.1%"):
        sys.exit("FAILED: no envelope of the example is proven")
    begin, end, _ = corpus.stored(network.read_bytes())["w1"]
    wrong = 0
    for share, wanted in ((0.5, 0), (1.5, 1)):
        data = bytearray(network.read_bytes())
        weights = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
        moved = weights[0] + share * 0.001 * max(map(abs, weights))
        data[begin:begin + 4] = struct.pack("<f", moved)
        update = folder / "update.onnx"
        update.write_bytes(data)
        for program in ([BIN / "pawl-check", "certificate"], [BIN / "pawl-check-certificate"], [ROOT / "tools/second-checker"]):
            done = subprocess.run([*program, update, text, made, "--centre", network], capture_output=True, text=True)
            alone = subprocess.run([*program, update, text, made], capture_output=True, text=True)
            if done.returncode != wanted or alone.returncode != 1:
                print(f"FAILED: {program[0].name} says {done.returncode} and {alone.returncode} of an update at {share} of "
                      f"the radius: {done.stdout} {done.stderr}")
                wrong += 1
            if wanted == 0 and program[0].name != "second-checker" and "w1" not in done.stdout:
                print(f"FAILED: {program[0].name} does not say how far out the update is: {done.stdout}")
                wrong += 1
    return wrong + drift_disagreements(folder, network, text, update)


def drift_disagreements(folder: pathlib.Path, network: pathlib.Path, text: pathlib.Path, update: pathlib.Path) -> int:
    """The drift of that update from the network, put to all three programs with right and wrong files."""
    made, wrong = folder / "drift", 0
    if not proven(update, text, "float32", made, 60, "--against", network, "--within", "0.05"):
        sys.exit("FAILED: no drift of the example is proven")
    cases = [([update, text, made, "--against", network], 0), ([update, text, made, "--against", network, "--within", "0.05"], 0),
             ([update, text, made, "--against", network, "--within", "0.049"], 1), ([update, text, made], 1),
             ([network, text, made, "--against", update], 1), ([update, text, made, "--against", update], 1)]
    for program in ([BIN / "pawl-check", "certificate"], [BIN / "pawl-check-certificate"], [ROOT / "tools/second-checker"]):
        for arguments, wanted in cases:
            done = subprocess.run([*program, *arguments], capture_output=True, text=True)
            if done.returncode != wanted:
                print(f"FAILED: {program[0].name} says {done.returncode} of {arguments[3:]}: {done.stdout} {done.stderr}")
                wrong += 1
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--certificates", type=int, default=200)
    parser.add_argument("--mutations", type=int, default=2000)
    options = parser.parse_args()
    start, draw = time.monotonic(), random.Random(options.seed)
    features, by_prover = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        compare = Comparison(Judge(pathlib.Path(name)))
        for what, network, row, recipe, tree, is_proof in corpus.old_differences():
            text, certificate = corpus.old_difference(network, row, recipe, tree)
            if compare("old differences", (network, text.encode(), corpus.write_certificate(certificate))) != is_proof:
                print(f"FAILED: {what}: not {'proven' if is_proof else 'refused'} by both")
                compare.failures += 1
        compare.failures += programs_disagree(pathlib.Path(name))
        examples = list(example_certificates(pathlib.Path(name)))
        kept = list(prover_certificates(draw, pathlib.Path(name), options.certificates // 8))
        for network, text, _, certificate, baseline in examples + kept:
            files = network, text.encode(), corpus.write_certificate(certificate)
            if not compare("certificates of the prover", files, baseline=baseline):
                print("FAILED: a certificate of the prover is not accepted by both")
                compare.failures += 1
            by_prover.update(corpus.features(certificate))
        for instance in corpus.instances(options.seed):
            network, text, arithmetic, certificate, baseline = instance
            files = network, text.encode(), corpus.write_certificate(certificate)
            compare("random certificates", files, baseline=baseline)
            kept.append(instance)
            features.update(corpus.features(certificate))
            if len(kept) + len(examples) >= options.certificates:
                break
        mutations = 0  # not of the example: its network takes a second in exact arithmetic
        while mutations < options.mutations or time.monotonic() - start < options.budget:
            mutate(draw, compare, draw.choice(kept), draw.choice(kept))
            mutations += 1
    for what, count in sorted(compare.counts.items()):
        print(f"{count:8} {what}")
    print("features:", ", ".join(f"{name} {count}" for name, count in sorted(features.items())))
    print("of the prover's:", ", ".join(f"{name} {count}" for name, count in sorted(by_prover.items())))
    print(f"{len(kept) + len(examples)} certificates, {mutations} mutations, {compare.near_misses} near misses, "
          f"{compare.failures} failures ({time.monotonic() - start:.0f} s)")
    missing = [name for name in corpus.FEATURES if not features[name]]
    if missing:
        print(f"FAILED: the corpus lacks {missing}")
    return 1 if compare.failures or missing or compare.near_misses > mutations // 100 else 0


if __name__ == "__main__":
    sys.exit(main())
