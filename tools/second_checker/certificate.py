"""The bytes of a certificate, version 1, and the walk over the boxes of its trees."""
import struct
from dataclasses import dataclass, field

from . import Refused

ARITHMETICS = ("real", "float32", "float64")
NODES_MAX, DEPTH_MAX, ARGUMENTS_MAX, TERMS_MAX, CASES_MAX = 64_000_000, 4096, 1_000_000, 4_000_000, 100_000
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
class Argument:
    recipe: int
    refutations: list  # one a conjunction: tuple of (row, weight)


@dataclass
class CaseProof:
    conjunctions: int
    arguments: list
    # In the order of the bytes: ("leaf", argument), ("middle", input) or ("value", input, value).
    nodes: list = field(default_factory=list)


@dataclass
class Certificate:
    arithmetic: str
    network: bytes
    property: bytes
    cases: list


def read_argument(reader: Reader, conjunctions: int, budget: list) -> Argument:
    recipe = reader.byte()
    if recipe not in (1, 2):
        raise malformed("an unknown recipe")
    refutations = []
    for _ in range(conjunctions):
        row = reader.varint()
        if row:
            budget[0] -= 1
            refutations.append(((row - 1, 1),))
        else:
            count = reader.varint()
            if count < 2:
                raise malformed("a combination of fewer than two rows")
            budget[0] -= count
            if budget[0] < 0:
                raise limit("terms")
            terms = []
            for _ in range(count):
                row, multiplier = reader.varint(), reader.byte()
                if row == 0 or (terms and row - 1 <= terms[-1][0]):
                    raise malformed("rows of a combination do not increase")
                terms.append((row - 1, (8 + (multiplier & 7)) << (multiplier >> 3)))
            refutations.append(tuple(terms))
        if budget[0] < 0:
            raise limit("terms")
    return Argument(recipe, refutations)


def read_tree(reader: Reader, argument_count: int, nodes_left: int) -> list:
    nodes, used = [], 0
    # For each split on the path: whether its high child is being read.
    path, closed = [], False
    while not closed:
        if len(nodes) == nodes_left:
            raise limit("nodes")
        first = reader.byte()
        if first <= 0x60:
            argument = first if first < 0x60 else 0x60 + reader.varint()
            if argument > used or argument >= argument_count:
                raise malformed("arguments are not numbered by first use")
            used = max(used, argument + 1)
            nodes.append(("leaf", argument))
            while path and path[-1]:
                path.pop()
            if path:
                path[-1] = True
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
            if value != value or value in (float("inf"), float("-inf")) or (value == 0 and struct.pack("<d", value)[7]):
                raise malformed("a split value that is not finite, or minus zero")
            nodes.append(("value", index, value))
        else:
            raise malformed("a reserved node")
        path.append(False)
        if len(path) > DEPTH_MAX:
            raise limit("depth")
    if used != argument_count:
        raise malformed("an argument is not used")
    return nodes


def read_certificate(data: bytes) -> Certificate:
    if len(data) > BYTES_MAX:
        raise limit("bytes")
    reader = Reader(data)
    if reader.take(8) != b"PAWLCERT":
        raise malformed("not a certificate")
    if reader.byte() != 1:
        raise malformed("another version")
    arithmetic = reader.byte()
    if arithmetic >= len(ARITHMETICS):
        raise malformed("an unknown arithmetic")
    if reader.byte() != 0:
        raise malformed("a weight radius")
    network, property_digest = reader.take(32), reader.take(32)
    count = reader.varint()
    if count > CASES_MAX:
        raise limit("cases")
    cases, nodes_left, arguments_left, budget = [], NODES_MAX, ARGUMENTS_MAX, [TERMS_MAX]
    for _ in range(count):
        conjunctions = reader.varint()
        if conjunctions < 1:
            raise malformed("a case without conjunctions")
        if reader.byte() != 0:
            raise malformed("slope tables")
        argument_count = reader.varint()
        if argument_count < 1:
            raise malformed("a case without arguments")
        arguments_left -= argument_count
        if arguments_left < 0:
            raise limit("arguments")
        arguments = []
        for _ in range(argument_count):
            arguments.append(read_argument(reader, conjunctions, budget))
        if len({(a.recipe, tuple(a.refutations)) for a in arguments}) != argument_count:
            raise malformed("equal arguments")
        proof = CaseProof(conjunctions, arguments, read_tree(reader, argument_count, nodes_left))
        nodes_left -= len(proof.nodes)
        cases.append(proof)
    if reader.at != len(data):
        raise malformed("bytes after the end")
    return Certificate(ARITHMETICS[arithmetic], network, property_digest, cases)


def leaves(lower: list, upper: list, nodes: list):
    """Yields (lower, upper, argument) of each leaf; the lists are reused. Raises Refused where a split is not one."""
    lower, upper = list(lower), list(upper)
    path = []  # (input, cut, the parent's upper bound), with the lower one kept until the high child is left
    for node in nodes:
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
            path.append([index, cut, low, high, False])
            upper[index] = cut
            continue
        yield lower, upper, node[1]
        while path and path[-1][4]:
            index, _, low, _, _ = path.pop()
            lower[index] = low
        if path:
            index, cut, _, high, _ = path[-1]
            path[-1][4] = True
            lower[index], upper[index] = cut, high
