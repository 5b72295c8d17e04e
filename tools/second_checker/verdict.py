"""When yes is said: one conjunction at the end of check()."""
import hashlib
from dataclasses import dataclass
from fractions import Fraction

from . import Refused
from .bounds import ROOT, Bounder, Empty, OutputRow
from .drift import Joiner, drift_property
from .envelope import require_inside
from .certificate import CaseProof, Group, leaves, read_certificate, slope, split_weight
from .onnx import read_network
from .program import Program, make_program
from .vnnlib import Case, read_property

# Bits after the point, and as many more as large weights and radii can eat. A leaf that fails narrowly is tried again
# with more bits, and with the slopes that hung on a tie turned over: the specification allows any sound bound, and the
# first checker rounds too.
BITS, BITS_MORE = 256, 2400


@dataclass
class Verdict:
    proven: bool = False
    rule: str = "not-run"
    message: str = ""
    status: int = 5
    leaves: int = 0
    margin: float | None = None  # the smallest over the leaves; 2^1000 where all are empty
    margin_of_ties: float | None = None  # the same where each tie is broken the wrong way
    # What a rounding is relative to: the largest bound of any value, or how much an error may grow, if that is more.
    magnitude: float = 0


class CaseCheck:
    def __init__(self, program: Program, case: Case, proof: CaseProof, box: tuple):
        self.program, self.case, self.proof = program, case, proof
        self.lower, self.upper = box
        self.rows, self.roots, self.leaves, self.margin, self.magnitude = {}, {}, 0, float("inf"), Fraction(0)
        self.margin_of_ties = float("inf")
        self.bits = BITS + program.growth_bits + program.radius_bits
        sizes = [program.sizes[value] for value in program.relus]
        if proof.layers and [layer.neurons for layer in proof.layers] != sizes:
            raise Refused("no", "root", "the root section is not of this network")
        # (ReLU's value, element) of the listed neurons of all layers, in the order of tables.
        self.listed = [(value, n) for value, layer in zip(program.relus, proof.layers) for n in layer.listed]
        for layer in proof.layers:
            place = {n: i for i, n in enumerate(layer.listed)}
            tables = [self.slopes(table) for table in layer.tables]
            if layer.mode == 1:
                layer.slopes = lambda i, side, t=tables: t[0 if side > 0 else 1]
            elif layer.mode == 2:
                layer.slopes = lambda i, side, t=tables, p=place: t[2 * p[i] + (side < 0)] if i in p else None
        self.prepare_trees()

    def prepare_trees(self):
        """Gives each layer with trees, for a neuron and a side, the slopes, cuts and multipliers of each leaf."""
        for value, layer in zip(self.program.relus, self.proof.layers):
            if layer.mode != 3:
                continue
            operand = self.program.steps[value - 1].operand
            tables, leaves = iter(layer.tables), []
            for tree in layer.trees:
                leaves.append([])
                for path, weights in tree:
                    numbers = [neuron for neuron, _ in path]
                    if len(set(numbers)) < len(numbers) or any(n >= self.program.neuron_count for n in numbers):
                        raise Refused("no", "root", "a tree splits a neuron twice, or one that does not exist")
                    places = [(self.program.neuron(neuron), side) for neuron, side in path]
                    if any(at >= operand for (at, _), _ in places):
                        raise Refused("no", "root", "a tree splits what has no bounds yet")
                    cuts = {}
                    for where, side in places:
                        cuts.setdefault(where, set()).add(side)
                    multipliers = [(*where, -side * split_weight(w)) for (where, side), w in zip(places, weights) if w]
                    leaves[-1].append((self.slopes(next(tables)), cuts, multipliers))
            place = {n: i for i, n in enumerate(layer.listed)}
            layer.leaves = lambda i, side, t=leaves, p=place: t[2 * p[i] + (side < 0)] if i in p else None

    def slopes(self, table: bytes | None) -> dict | None:
        return None if table is None else {neuron: slope(byte) for neuron, byte in zip(self.listed, table)}

    def row(self, conjunction: int, terms: tuple, bits: int) -> OutputRow:
        key = conjunction, terms, bits
        if key not in self.rows:
            rows = self.case.conjunctions[conjunction]
            if terms[-1][0] >= len(rows):
                raise Refused("no", "row", "a row that does not exist")
            self.rows[key] = OutputRow(self.program, [(rows[r], weight) for r, weight in terms], bits)
        return self.rows[key]

    def root(self, bits: int, flip: bool) -> Bounder:
        if (bits, flip) not in self.roots:
            bounder = Bounder(self.program, bits, flip)
            bounder.set_box(self.lower, self.upper, {})
            bounder.root(self.proof.layers)
            self.roots[bits, flip] = bounder
        return self.roots[bits, flip]

    def leaf_margin(self, group: Group, leaf: tuple, bits: int, flip: bool) -> tuple:
        """(the smallest margin over the conjunctions, by its largest multiplier; whether something hung on a tie)."""
        lower, upper, phases, argument, weights = leaf
        argument = group.arguments[argument]
        bounder = Bounder(self.program, bits, flip)
        places = [(self.program.neuron(neuron), side) for neuron, side in phases]
        # One value may be the operand of several ReLU nodes, and so have several numbers: all phases hold then.
        merged = {}
        for place, side in places:
            merged.setdefault(place, set()).add(side)
        bounder.set_box(lower, upper, merged)
        try:
            if argument.recipe == ROOT:
                root = self.root(bits, flip)
                bounder.near_tie = root.near_tie
                bounder.use_root(root)
            else:
                bounder.forward(argument.recipe)
        except Empty:
            return float("inf"), bounder.near_tie
        self.magnitude = max(self.magnitude, Fraction(bounder.magnitude, 1 << bits))
        smallest = float("inf")
        for at, (conjunction, refutation) in enumerate(zip(group.conjunctions, argument.refutations)):
            multipliers = []
            if weights is not None:
                own = weights[at * len(phases):(at + 1) * len(phases)]
                multipliers = [(*place, -side * split_weight(w)) for (place, side), w in zip(places, own) if w]
            row = self.row(conjunction, refutation.rows, bits)
            margin = bounder.row_margin(row, argument.recipe, self.slopes(refutation.table), multipliers)
            scale = max(weight for _, weight in refutation.rows)
            smallest = min(smallest, Fraction(margin, scale << bits))
        return smallest, bounder.near_tie

    def check_leaf(self, group: Group, leaf: tuple):
        bits = self.bits
        margin, tie = self.leaf_margin(group, leaf, bits, False)
        margins = [margin, self.leaf_margin(group, leaf, bits, True)[0]] if tie else [margin]
        if -Fraction(1, 1 << BITS // 2) < max(margins) <= 0:
            margins = [self.leaf_margin(group, leaf, bits + BITS_MORE, flip)[0] for flip in (False, True)]
        if not max(margins) > 0:
            raise Refused("no", "leaf", f"bound {shown(max(margins)):.6g}")
        self.leaves += 1
        self.margin = min(self.margin, max(margins))
        self.margin_of_ties = min(self.margin_of_ties, *margins)

    def run(self):
        for conjunction, rows in enumerate(self.case.conjunctions):
            for group in self.proof.groups:
                if conjunction in group.conjunctions:
                    at = group.conjunctions.index(conjunction)
                    if any(a.refutations[at].rows[-1][0] >= len(rows) for a in group.arguments):
                        raise Refused("no", "row", "a row that does not exist")
        for group in self.proof.groups:
            for leaf in leaves(self.lower, self.upper, group.nodes, self.program.neuron_count):
                self.check_leaf(group, leaf)


def shown(value) -> float:
    return float(max(min(value, Fraction(2) ** 1000), -Fraction(2) ** 1000))


def nearest_double(value: Fraction, direction: int) -> float:
    from .exact import FLOAT64
    rounded = FLOAT64.round(value, direction)
    if rounded is None:
        raise Refused("no", "box", "a bound beyond double precision")
    return float(rounded)


def root_box(case: Case, program: Program) -> tuple:
    lower, upper, fmt = [], [], program.format
    for low, high, _, _ in case.box:
        if fmt is None:
            low, high = nearest_double(low, -1), nearest_double(high, 1)
        else:
            low, high = fmt.round(low), fmt.round(high)
            if low is None or high is None:
                raise Refused("no", "box", "a bound beyond the format")
            low = Fraction(0) if 0 < low < fmt.normal_min else low
            high = Fraction(0) if -fmt.normal_min < high < 0 else high
            low, high = float(low), float(high)
        if low > high:
            raise Refused("no", "box", "an empty box")
        lower.append(low)
        upper.append(high)
    return lower, upper


def check(network_bytes: bytes, property_bytes: bytes, certificate_bytes: bytes, arithmetic: str | None,
          candidate: bytes | None = None, baseline: bytes | None = None, within: Fraction | None = None) -> Verdict:
    """candidate: another network, where network_bytes are the centre of an envelope that is to hold it. baseline: what
    drift is asked from, by `within` at most."""
    verdict = Verdict()
    try:
        network = read_network(network_bytes)
        prop = read_property(property_bytes.decode("latin-1"))
        certificate = read_certificate(certificate_bytes)
        networks = [network] if baseline is None else [network, read_network(baseline)]
        if any((prop.input_count, prop.output_count) != (one.input_size, one.output_size) for one in networks):
            raise Refused("malformed", "property.size")
        if certificate.baseline != (baseline and hashlib.sha256(baseline).digest()):
            raise Refused("no", "baseline", "of drift from another network, or of no drift, or of drift alone")
        bounds = [Fraction(text.decode()) for text in certificate.within]
        if within is not None and max(bounds, default=0) > within:
            raise Refused("no", "within", "more drift than was asked for")
        if baseline is not None:
            prop = drift_property(prop, bounds)
        if certificate.arithmetic != (arithmetic or certificate.arithmetic):
            raise Refused("no", "arithmetic", "another one was asked for")
        if certificate.network != hashlib.sha256(network_bytes).digest():
            raise Refused("no", "digest", "of another network")
        if certificate.property != hashlib.sha256(property_bytes).digest():
            raise Refused("no", "digest", "of another property")
        if len(certificate.cases) != len(prop.cases):
            raise Refused("no", "cases")
        if candidate is not None:
            require_inside(network_bytes, candidate, certificate.radii)
        radii = {name.decode("utf-8", "surrogateescape"): Fraction(r) for name, r in certificate.radii.items()}
        program, *others = [make_program(one, certificate.arithmetic, radii) for one in networks]
        for other in others:
            program = Joiner(program, network.nodes, other, networks[1].nodes).join()
        boxes = [root_box(case, program) for case in prop.cases]
        margin, margin_of_ties, proven_cases = float("inf"), float("inf"), 0
        for case, proof, box in zip(prop.cases, certificate.cases, boxes):
            if proof.conjunctions != len(case.conjunctions):
                raise Refused("no", "conjunctions")
            run = CaseCheck(program, case, proof, box)
            run.run()
            verdict.leaves += run.leaves
            margin, margin_of_ties = min(margin, run.margin), min(margin_of_ties, run.margin_of_ties)
            largest = max(run.magnitude, Fraction(2) ** program.growth_bits)
            verdict.magnitude = max(verdict.magnitude, shown(largest))
            proven_cases += 1
        if proven_cases == len(prop.cases) and proven_cases > 0:
            verdict.proven, verdict.rule, verdict.status = True, "proven", 0
            verdict.margin, verdict.margin_of_ties = shown(margin), shown(margin_of_ties)
    except Refused as refused:
        verdict.rule, verdict.message, verdict.status = refused.rule, refused.message, refused.KINDS[refused.kind]
    return verdict
