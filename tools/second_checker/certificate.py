"""The bytes of a certificate, version 2, and the walk over the boxes of its trees."""
import math
import re
import struct
from dataclasses import dataclass, field
from fractions import Fraction

from . import Refused

ARITHMETICS = ("real", "float32", "float64")
NODES_MAX, DEPTH_MAX, ARGUMENTS_MAX, TERMS_MAX, CASES_MAX = 64_000_000, 4096, 1_000_000, 4_000_000, 100_000
TENSORS_MAX, NAME_BYTES_MAX, OUTPUTS_MAX, DIGITS_MAX = 30_000, 1024, 100_000, 120
BOUND = re.compile(rb"(0|[1-9]\d*)(\.\d*[1-9])?")
BYTES_MAX = 256 << 20


def malformed(what: str) -> Refused:
    return Refused("malformed", "certificate", what)


def limit(what: str) -> Refused:
    return Refused("limit", "certificate.limit", what)


class Reader:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise malformed("it ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
            if shift == 35:
                raise malformed("a varint of more than five bytes")
        if value >= 1 << 32 or (byte == 0 and shift > 7):
            raise malformed("a varint that is too large or not the shortest")
        return value


@dataclass
class Layer:
    """The root section's part about one ReLU node. Slopes are in 256ths."""
    neurons: int
    listed: list  # indices, ascending
    mode: int
    tables: list  # mode 1: two; mode 2: two for each listed neuron; mode 3: one for each leaf of all trees
    # Mode 3: two trees for each listed neuron, each a list of leaves: [(neuron, -1 or 1) from the root down], weights.
    trees: list = field(default_factory=list)


@dataclass
class Refutation:
    rows: tuple  # of (row, weight)
    table: bytes | None  # slopes of the listed neurons of all layers, as they are in the file


@dataclass
class Argument:
    recipe: int  # 1, 2 or 3; whether it has slopes is in the refutations
    refutations: list  # one a conjunction of the group


@dataclass
class Group:
    conjunctions: list
    arguments: list
    # In the order of the bytes: ("leaf", argument, weights), ("middle", input), ("value", input, value) or
    # ("phase", neuron). The weights of a leaf are bytes, one a conjunction and split neuron, or None.
    nodes: list


@dataclass
class CaseProof:
    conjunctions: int
    layers: list
    groups: list


@dataclass
class Certificate:
    arithmetic: str
    network: bytes
    property: bytes
    cases: list
    radii: dict = field(default_factory=dict)  # name of a tensor (bytes) -> radius (float), in order
    baseline: bytes | None = None  # digest; none: not of drift
    within: list = field(default_factory=list)  # bounds of drift, as their decimals are written (bytes)


@dataclass
class Budget:
    nodes: int = NODES_MAX
    arguments: int = ARGUMENTS_MAX
    terms: int = TERMS_MAX

    def take(self, what: str, count: int):
        left = getattr(self, what) - count
        if left < 0:
            raise limit(what)
        setattr(self, what, left)


def slope(byte: int) -> int:
    """In 256ths."""
    return 256 if byte == 0xFF else byte


def split_weight(byte: int) -> Fraction:
    return (8 + (byte & 7)) * Fraction(2) ** ((byte >> 3) - 23) if byte else Fraction(0)


def read_bound_tree(reader: Reader, budget: Budget) -> list:
    """The paths to its leaves, in order: for each split from the root down (neuron, -1 in the low child or 1)."""
    paths, path = [], []
    while True:
        budget.take("nodes", 1)
        node = reader.varint()
        if node:
            path.append((node - 1, -1))
            if len(path) > DEPTH_MAX:
                raise limit("depth")
            continue
        paths.append(list(path))
        budget.take("nodes", len(path))
        while path and path[-1][1] > 0:
            path.pop()
        if not path:
            return paths
        path[-1] = path[-1][0], 1


def read_layer(reader: Reader, listed_before: int, budget: Budget) -> Layer:
    neurons = reader.varint()
    if neurons < 1:
        raise malformed("a layer without neurons")
    bits = reader.take((neurons + 7) // 8)
    listed = [n for n in range(8 * len(bits)) if bits[n >> 3] >> (n & 7) & 1]
    if listed and listed[-1] >= neurons:
        raise malformed("a bit beyond the neurons")
    mode = reader.byte()
    if mode > 3 or (mode and not listed_before) or (mode >= 2 and not listed):
        raise malformed("the mode of a layer")
    if mode == 3:
        trees = [read_bound_tree(reader, budget) for _ in range(2 * len(listed))]
        if not any(path for tree in trees for path in tree):
            raise malformed("trees without a split")
        tables = [reader.take(listed_before) for tree in trees for _ in tree]
        return Layer(neurons, listed, mode, tables, [[(path, reader.take(len(path))) for path in tree] for tree in trees])
    count = (0, 2, 2 * len(listed))[mode]
    return Layer(neurons, listed, mode, [reader.take(listed_before) for _ in range(count)])


def read_argument(reader: Reader, conjunctions: int, layers: list, budget: Budget) -> Argument:
    recipe = reader.byte()
    listed = sum(len(layer.listed) for layer in layers)
    if recipe not in (0x01, 0x02, 0x03, 0x11, 0x12, 0x13) or (recipe & 0x10 and not listed):
        raise malformed("a recipe that is unknown or not possible here")
    refutations = []
    for _ in range(conjunctions):
        row = reader.varint()
        if row:
            budget.take("terms", 1)
            terms = [(row - 1, 1)]
        else:
            count = reader.varint()
            if count < 2:
                raise malformed("a combination of fewer than two rows")
            budget.take("terms", count)
            terms = []
            for _ in range(count):
                row, multiplier = reader.varint(), reader.byte()
                if row == 0 or (terms and row - 1 <= terms[-1][0]):
                    raise malformed("rows of a combination do not increase")
                terms.append((row - 1, (8 + (multiplier & 7)) << (multiplier >> 3)))
        refutations.append(Refutation(tuple(terms), reader.take(listed) if recipe & 0x10 else None))
    return Argument(recipe & 3, refutations)


def read_tree(reader: Reader, argument_count: int, conjunctions: int, budget: Budget) -> list:
    nodes, used = [], 0
    # For each split on the path: [whether its high child is being read, whether it is of a neuron].
    path, phases, closed = [], 0, False
    while not closed:
        budget.take("nodes", 1)
        first = reader.byte()
        if first <= 0x60 or first == 0x65:
            argument = first if first < 0x60 else reader.varint() + (0x60 if first == 0x60 else 0)
            if argument > used or argument >= argument_count:
                raise malformed("arguments are not numbered by first use")
            used = max(used, argument + 1)
            weights = reader.take(conjunctions * phases) if first == 0x65 else None
            if weights is not None and not any(weights):
                raise malformed("split multipliers that are all 0")
            nodes.append(("leaf", argument, weights))
            while path and path[-1][0]:
                phases -= path.pop()[1]
            if path:
                path[-1][0] = True
            else:
                closed = True
            continue
        if first >= 0x80:
            nodes.append(("middle", first - 0x80))
        elif first == 0x61:
            nodes.append(("middle", 0x80 + reader.varint()))
        elif first == 0x62:
            index = reader.varint()
            value = struct.unpack("<d", reader.take(8))[0]
            if value - value != 0 or struct.pack("<d", value) == struct.pack("<d", -0.0):
                raise malformed("a split value that is not finite, or minus zero")
            nodes.append(("value", index, value))
        elif first == 0x63:
            nodes.append(("phase", reader.varint()))
            phases += 1
        else:
            raise malformed("a reserved node")
        path.append([False, first == 0x63])
        if len(path) > DEPTH_MAX:
            raise limit("depth")
    if used != argument_count:
        raise malformed("an argument is not used")
    return nodes


def read_group(reader: Reader, groups: int, conjunctions: int, layers: list, budget: Budget) -> Group:
    members = list(range(conjunctions))
    if groups > 1:
        count = reader.varint()
        if not 1 <= count <= conjunctions:
            raise malformed("the members of a group")
        members = [reader.varint() for _ in range(count)]
        if members[-1] >= conjunctions or any(a >= b for a, b in zip(members, members[1:])):
            raise malformed("the members of a group")
    count = reader.varint()
    if count < 1:
        raise malformed("a group without arguments")
    budget.take("arguments", count)
    arguments = [read_argument(reader, len(members), layers, budget) for _ in range(count)]
    if len({(a.recipe, tuple((r.rows, r.table) for r in a.refutations)) for a in arguments}) != count:
        raise malformed("equal arguments")
    return Group(members, arguments, read_tree(reader, count, len(members), budget))


def read_case(reader: Reader, budget: Budget) -> CaseProof:
    conjunctions = reader.varint()
    if conjunctions < 1:
        raise malformed("a case without conjunctions")
    layers, listed = [], 0
    for _ in range(reader.varint()):
        layers.append(read_layer(reader, listed, budget))
        listed += len(layers[-1].listed)
    count = reader.varint()
    if not 1 <= count <= conjunctions:
        raise malformed("the number of groups")
    groups = [read_group(reader, count, conjunctions, layers, budget) for _ in range(count)]
    members = sorted(member for group in groups for member in group.conjunctions)
    if members != list(range(conjunctions)) or any(
            a.conjunctions[0] >= b.conjunctions[0] for a, b in zip(groups, groups[1:])):
        raise malformed("each conjunction has to be in one group, and groups in order")
    return CaseProof(conjunctions, layers, groups)


def read_radii(reader: Reader) -> dict:
    count, radii, last = reader.varint(), {}, b""
    if count < 1:
        raise malformed("an envelope without a tensor")
    if count > TENSORS_MAX:
        raise limit("radii")
    for _ in range(count):
        length = reader.varint()
        if length > NAME_BYTES_MAX:
            raise limit("name-bytes")
        name, radius = reader.take(length), struct.unpack("<d", reader.take(8))[0]
        if not last < name or any(byte < 0x20 or byte == 0x7F for byte in name):
            raise malformed("a name that is empty, does not increase, or has control characters")
        if not 0 < radius < math.inf:
            raise malformed("a radius that is not above 0, or not finite")
        radii[name], last = radius, name
    return radii


def read_within(reader: Reader) -> list:
    count, within = reader.varint(), []
    if count < 1:
        raise malformed("drift of no output")
    if count > OUTPUTS_MAX:
        raise limit("outputs")
    for _ in range(count):
        length = reader.varint()
        if length > NAME_BYTES_MAX:
            raise limit("name-bytes")
        text = reader.take(length)
        if not BOUND.fullmatch(text) or text == b"0" or len(text.replace(b".", b"")) > DIGITS_MAX:
            raise malformed("a bound of drift that is not a decimal above 0 in its shortest form")
        within.append(text)
    return within


def read_certificate(data: bytes) -> Certificate:
    if len(data) > BYTES_MAX:
        raise limit("bytes")
    reader = Reader(data)
    if reader.take(8) != b"PAWLCERT":
        raise malformed("not a certificate")
    if reader.byte() != 2:
        raise malformed("another version")
    arithmetic = reader.byte()
    if arithmetic >= len(ARITHMETICS):
        raise malformed("an unknown arithmetic")
    kind = reader.byte()
    if kind > 2:
        raise malformed("an unknown kind of claim")
    network, property_digest = reader.take(32), reader.take(32)
    radii = read_radii(reader) if kind == 1 else {}
    baseline = reader.take(32) if kind == 2 else None
    within = read_within(reader) if kind == 2 else []
    count = reader.varint()
    if count > CASES_MAX:
        raise limit("cases")
    budget = Budget()
    cases = [read_case(reader, budget) for _ in range(count)]
    if reader.at != len(data):
        raise malformed("bytes after the end")
    return Certificate(ARITHMETICS[arithmetic], network, property_digest, cases, radii, baseline, within)


def leaves(lower: list, upper: list, nodes: list, neuron_count: int):
    """Yields (lower, upper, phases, argument, weights) of each leaf; the first two are reused. phases is a list of
    (neuron, -1 for the low child or 1) from the root down. Raises Refused where a split is not one."""
    lower, upper, phases = list(lower), list(upper), []
    path = []  # [whether the high child is open, input or None, cut, the parent's lower and upper bound]
    for node in nodes:
        if node[0] == "phase":
            if node[1] >= neuron_count or any(node[1] == neuron for neuron, _ in phases):
                raise Refused("no", "split", "a neuron that does not exist or is split already")
            path.append([False, None, 0, 0, 0])
            phases.append((node[1], -1))
            continue
        if node[0] != "leaf":
            index = node[1]
            if index >= len(lower):
                raise Refused("no", "split", f"input {index} does not exist")
            low, high = lower[index], upper[index]
            middle = low * 0.5 + high * 0.5
            cut = middle if node[0] == "middle" else node[2]
            if not low < cut < high:
                raise Refused("no", "split", "the cut is not strictly inside")
            if node[0] == "value" and cut == middle:
                raise Refused("no", "split", "the midpoint is given as a value")
            path.append([False, index, cut, low, high])
            upper[index] = cut
            continue
        yield lower, upper, list(phases), node[1], node[2]
        while path and path[-1][0]:
            _, index, _, low, _ = path.pop()
            if index is None:
                phases.pop()
            else:
                lower[index] = low
        if path:
            path[-1][0] = True
            _, index, cut, _, high = path[-1]
            if index is None:
                phases[-1] = (phases[-1][0], 1)
            else:
                lower[index], upper[index] = cut, high
