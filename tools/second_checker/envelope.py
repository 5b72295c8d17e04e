"""Whether a network lies in a certificate's envelope: where the tensors' bytes are in the centre's file, and how the two
files differ. The candidate is not parsed."""
import struct
from fractions import Fraction

from . import Refused
from .onnx import DOUBLE, FLOAT, integer, fields, malformed, text, varint


def places(data: bytes, begin: int, end: int):
    """(number, first byte, end) of each length-delimited field of the message at [begin, end) of the file."""
    at = begin
    while at < end:
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            _, at = varint(data, at)
            continue
        size = {1: 8, 5: 4}.get(wire)
        if wire == 2:
            size, at = varint(data, at)
            yield number, at, at + size
        if size is None or at + size > end:
            raise malformed("truncated")
        at += size


def tensor_at(data: bytes, name: str, begin: int, end: int):
    """(name, (first byte, end, format of an element)) of a tensor of floats with raw data."""
    letter = {FLOAT: "f", DOUBLE: "d"}.get(integer(fields(data[begin:end]), 2))
    for number, first, last in places(data, begin, end):
        if number == 9 and letter:
            yield name, (first, last, letter)


def stored(data: bytes) -> dict:
    """Where the file holds its constants, by name."""
    found = {}
    for number, begin, end in places(data, 0, len(data)):
        if number != 7:
            continue
        for part, first, last in places(data, begin, end):
            if part == 5:
                found.update(tensor_at(data, text(fields(data[first:last]), 8), first, last))
            elif part == 1:
                node = fields(data[first:last])
                if text(node, 4) != "Constant":
                    continue
                for inner, a, b in places(data, first, last):
                    if inner == 5:
                        for value, c, d in places(data, a, b):
                            if value == 5:
                                found.update(tensor_at(data, text(node, 2), c, d))
    return found


def require_inside(centre: bytes, candidate: bytes, radii: dict):
    def outside(what: str) -> Refused:
        return Refused("no", "envelope", what)
    if len(centre) != len(candidate):
        raise outside("another size")
    tensors = stored(centre)
    same = bytearray(candidate)
    for name, radius in radii.items():
        place = tensors.get(name.decode("utf-8", "surrogateescape"))
        if place is None:
            raise Refused("no", "radius", f"{name!r} is not in the centre as raw data")
        begin, end, letter = place
        pairs = zip(*(struct.iter_unpack("<" + letter, data[begin:end]) for data in (centre, candidate)))
        for (w,), (moved,) in pairs:
            if moved - moved != 0 or abs(Fraction(moved) - Fraction(w)) > Fraction(radius):
                raise outside(f"{name!r}: {moved} for {w}")
        same[begin:end] = centre[begin:end]
    if bytes(same) != centre:
        raise outside("more than its tensors differs")
