"""Random networks, properties and certificates with every feature of the format, and their bytes.

The prover here knows nothing of tightness: it draws recipes, slopes, groups, splits and multipliers at random and keeps
what the second checker's bounds confirm. So certificates look like no prover would write them.
"""
import hashlib
import math
import pathlib
import random
import struct
import sys
from fractions import Fraction

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

from second_checker import Refused, verdict  # noqa: E402
from second_checker import certificate as format_  # noqa: E402
from second_checker.drift import Joiner, drift_property  # noqa: E402
from second_checker.envelope import stored  # noqa: E402
from second_checker.onnx import read_network  # noqa: E402
from second_checker.program import make_program  # noqa: E402
from second_checker.vnnlib import read_property  # noqa: E402

# Bytes of ONNX.


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(result) + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


class NetworkWriter:
    """Dense layers in several ONNX forms."""

    def __init__(self, draw: random.Random, wide: bool):
        self.draw, self.wide, self.nodes, self.constants = draw, wide, [], []
        self.letter, self.kind = ("d", 11) if wide else ("f", 1)

    def constant(self, axes: list, values: list) -> str:
        name = f"c{len(self.constants)}"
        data = struct.pack(f"<{len(values)}{self.letter}", *values)
        head = b"".join(number(1, axis) for axis in axes)
        self.constants.append(head + number(2, self.kind) + block(8, name) + block(9, data))
        return name

    def weights(self, axes: list) -> str:
        count = 1
        for axis in axes:
            count *= axis
        values = [0.0 if self.draw.random() < 0.1 else self.draw.gauss(0, 1) for _ in range(count)]
        return self.constant(axes, values)

    def node(self, operator: str, inputs: list, attributes: list = ()) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(b"".join(block(1, i) for i in inputs) + block(2, name) + block(4, operator)
                          + b"".join(block(5, a) for a in attributes))
        return name

    def affine(self, value: str, size: int, to: int) -> str:
        draw = self.draw.random()
        if draw < 0.4:
            return self.node("Gemm", [value, self.weights([to, size]), self.weights([to])],
                             [block(1, "transB") + number(3, 1) + number(20, 2)])
        if draw < 0.55:
            attributes = [block(1, name) + varint(2 << 3 | 5) + struct.pack("<f", self.draw.uniform(-2, 2))
                          + number(20, 1) for name in ("alpha", "beta") if self.draw.random() < 0.7]
            return self.node("Gemm", [value, self.weights([size, to]), self.weights([to])], attributes)
        if draw < 0.65:
            return self.left_affine(value, size, to)
        product = self.node("MatMul", [value, self.weights([size, to])])
        if draw < 0.75:
            return self.node("Add", [product, self.weights(self.draw.choice([[1, to], [to], [1], []]))])
        if draw < 0.8:  # of one more axis for a while
            deeper = self.node("Unsqueeze", [product, self.shape([0])])
            sum_ = self.node("Add", [self.weights([1, 1, to]), deeper])
            return self.node("Identity", [self.node("Squeeze", [sum_, self.shape([0])])])
        return self.node("Sub", [self.weights([to]), product] if draw < 0.9 else [product, self.weights([to])])

    def left_affine(self, value: str, size: int, to: int) -> str:
        """The constant on the left, the activation upright."""
        upright = self.node("Transpose", [value])
        if self.draw.random() < 0.5:
            result = self.node("MatMul", [self.weights([to, size]), upright])
        else:
            bias = self.weights(self.draw.choice([[to, 1], [1, 1], [1]]))
            result = self.node("Gemm", [self.weights([size, to]), upright, bias],
                               [block(1, "transA") + number(3, 1) + number(20, 2)])
        return self.node("Flatten", [result], [block(1, "axis") + number(3, 0) + number(20, 2)])

    def shape(self, values: list) -> str:
        name = f"s{len(self.constants)}"
        data = struct.pack(f"<{len(values)}q", *values)
        self.constants.append(number(1, len(values)) + number(2, 7) + block(8, name) + block(9, data))
        return name

    def file(self, inputs: int, result: str, outputs: int) -> bytes:
        def end(name, size):
            shape = b"".join(block(1, number(1, axis)) for axis in (1, size))
            return block(1, name) + block(2, block(1, number(1, self.kind) + block(2, shape)))
        graph = (b"".join(block(1, n) for n in self.nodes) + block(2, "g") + b"".join(block(5, c) for c in self.constants)
                 + block(11, end("x", inputs)) + block(12, end(result, outputs)))
        return number(1, 7) + block(7, graph) + block(8, block(1, "") + number(2, 13))


def attributes_of(**values) -> list:
    """Lists of integers, integers and floats."""
    result = []
    for name, value in values.items():
        if isinstance(value, list):
            result.append(block(1, name) + b"".join(number(8, v) for v in value) + number(20, 7))
        elif isinstance(value, int):
            result.append(block(1, name) + number(3, value) + number(20, 2))
        else:
            result.append(block(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1))
    return result


def random_image_network(draw: random.Random, wide: bool = False) -> bytes:
    """Convolutions, pools, normalisation and activations of every kind over a small image; a dense layer at the end."""
    writer = NetworkWriter(draw, wide)
    height, width, channels = draw.randint(1, 3), draw.randint(1, 3), 1
    inputs = height * width
    value = writer.node("Reshape", ["x", writer.shape([1, 1, height, width])])
    for _ in range(draw.randint(1, 2)):
        kernel = [draw.randint(1, height), draw.randint(1, width)]
        to = channels * draw.randint(1, 2) if draw.random() < 0.3 else draw.randint(1, 2)
        group = channels if to % channels == 0 and draw.random() < 0.3 else 1
        pad = draw.choice([0, 0, 1])
        made = [writer.weights([to, channels // group, *kernel])] + ([writer.weights([to])] if draw.random() < 0.5 else [])
        value = writer.node("Conv", [value, *made], attributes_of(kernel_shape=kernel, pads=[pad, 0, 0, 0], group=group))
        height, width, channels = height + pad - kernel[0] + 1, width - kernel[1] + 1, to
        if draw.random() < 0.3:
            variance = writer.constant([channels], [draw.uniform(0.1, 2) for _ in range(channels)])
            value = writer.node("BatchNormalization", [value, *(writer.weights([channels]) for _ in range(3)), variance])
        kind = draw.randrange(7)
        if kind < 2:
            value = writer.node("Relu", [value])
        elif kind == 2:
            value = writer.node("LeakyRelu", [value], attributes_of(alpha=draw.uniform(0, 1)))
        elif kind == 3:
            limits = sorted(draw.gauss(0, 1) for _ in range(2))
            value = writer.node("Clip", [value, *(writer.constant([], [limit]) for limit in limits)])
        elif kind < 6:
            value = writer.node("Sigmoid" if kind == 4 else "Tanh", [value])
        kernel = [draw.randint(1, height), draw.randint(1, width)]
        kind = draw.randrange(4)
        if kind < 2:
            value = writer.node("MaxPool" if kind else "AveragePool", [value], attributes_of(kernel_shape=kernel))
            height, width = height - kernel[0] + 1, width - kernel[1] + 1
        elif kind == 2:
            value = writer.node("Div", [value, writer.constant([], [draw.uniform(0.3, 3)])])
    value = writer.node("Flatten", [value])
    outputs = draw.randint(1, 2)
    return writer.file(inputs, writer.affine(value, height * width * channels, outputs), outputs)


def random_network(draw: random.Random, wide: bool = False, inputs_max: int = 4, neurons_max: int = 5,
                   inputs_min: int = 1) -> bytes:
    writer, inputs = NetworkWriter(draw, wide), draw.randint(inputs_min, inputs_max)
    value, size = "x", inputs
    if draw.random() < 0.1:
        value = writer.node("Relu", [value])
    for _ in range(draw.randint(1, 3)):
        to = draw.randint(1, neurons_max)
        value, size = writer.affine(value, size, to), to
        kept = value
        value = writer.node("Relu", [value])
        if draw.random() < 0.2:
            value = writer.node(draw.choice(["Add", "Sub"]), [value, kept])
        if draw.random() < 0.1:  # one operand of two ReLUs, so that it has two numbers
            value = writer.node("Add", [writer.node("Relu", [kept]), value])
        if draw.random() < 0.05:  # read by nobody
            writer.node("Relu", [writer.affine(value, size, draw.randint(1, 3))])
        if draw.random() < 0.15:
            value = writer.node("Mul", [value, writer.weights(draw.choice([[1, size], [1], []]))])
        if draw.random() < 0.1:
            value = writer.node("Sub", [writer.weights([size]), value])
    outputs = draw.randint(1, 3)
    return writer.file(inputs, writer.affine(value, size, outputs), outputs)


# Evaluation for samples, exact but for roots, Clip, Sigmoid and Tanh.


def evaluate(network, point: list) -> list:
    values = [point]
    for node in network.nodes:
        x = values[node.inputs[0]]
        if node.kind == "relu":
            values.append([max(v, Fraction(0)) for v in x])
        elif node.kind == "affine":
            bias = node.bias or [0.0] * node.size
            values.append([Fraction(node.alpha) * sum(Fraction(w) * v for w, v in zip(row, x) if w)
                           + Fraction(node.beta) * Fraction(b) for row, b in zip(node.weights, bias)])
        elif node.kind == "scale":
            values.append([Fraction(w) * v for w, v in zip(node.weights, x)])
        elif node.kind == "shift":
            values.append([node.sign * v + Fraction(b) for v, b in zip(x, node.bias)])
        elif node.kind == "window":
            sums = [sum(Fraction(w) * x[j] for j, w in zip(*row)) + Fraction(b)
                    for row, b in zip(node.rows, node.bias or [0.0] * node.size)]
            values.append([s / d for s, d in zip(sums, node.divisors or [1] * node.size)])
        elif node.kind == "norm":
            values.append([Fraction(s) * (v - Fraction(m)) / Fraction(math.sqrt(r + e)) + Fraction(b)
                           for v, (s, b, m, r, e) in zip(x, node.norm)])
        elif node.kind == "divide":
            values.append([v / Fraction(c) for v, c in zip(x, node.weights)])
        elif node.kind == "max":
            values.append([max(x[j] for j in members) for members in node.rows])
        elif node.kind == "leaky":
            values.append([v if v > 0 else Fraction(node.low) * v for v in x])
        elif node.kind == "clip":
            values.append([Fraction(min(max(float(v), node.low), node.high)) for v in x])
        elif node.kind == "sigmoid":
            values.append([Fraction(1 / (1 + math.exp(-max(float(v), -700)))) for v in x])
        elif node.kind == "tanh":
            values.append([Fraction(math.tanh(float(v))) for v in x])
        else:
            values.append([a + node.sign * b for a, b in zip(x, values[node.inputs[1]])])
    return values[network.output]


def decimal(value: Fraction | float) -> str:
    """A short decimal near the value."""
    return f"{float(value):.6f}"


def bound_text(value: Fraction) -> bytes:
    """A bound of drift near the value, as certificates have it."""
    return (f"{float(value):.9f}".rstrip("0").rstrip(".") or "0").encode()


def random_property(draw: random.Random, network, width: float = 1.5) -> str:
    """Thresholds beyond what samples reach, by a slack that is sometimes tiny."""
    count, outputs = network.input_size, network.output_size
    text = [f"(declare-const X_{i} Real)" for i in range(count)] + [f"(declare-const Y_{j} Real)" for j in range(outputs)]
    boxes = []
    for _ in range(draw.choice([1, 1, 1, 2])):
        lower = [draw.uniform(-1, 1) for _ in range(count)]
        boxes.append([(decimal(l), decimal(l + draw.uniform(0.01, width))) for l in lower])
    points = [[Fraction(l) + (Fraction(u) - Fraction(l)) * Fraction(draw.choice([0, 1, draw.random()])) for l, u in box]
              for box in boxes for _ in range(40)]
    results = [evaluate(network, point) for point in points]

    def row() -> str:
        weights = {("Y", j): Fraction(decimal(draw.gauss(0, 1))) for j in range(outputs) if draw.random() < 0.8}
        if not any(weights.values()):
            weights = {("Y", 0): Fraction(1)}
        if draw.random() < 0.2:
            weights["X", draw.randrange(count)] = Fraction(decimal(draw.gauss(0, 1)))
        least = min(sum(w * (p if v == "X" else y)[i] for (v, i), w in weights.items())
                    for p, y in zip(points, results))
        slack = abs(least) * Fraction(1, 100) + Fraction(draw.choice(["0.3", "0.05", "0.01", "1"]))
        return comparison(weights, decimal(least - slack))

    def comparison(weights: dict, bound: str) -> str:
        """sum <= bound, in one of the ways in which it can be written."""
        terms = [f"(* {decimal(w)} {v}_{i})" for (v, i), w in weights.items()]
        kind = draw.randrange(7)
        if kind == 0:
            return f"(>= {bound} (+ 0 {' '.join(terms)}))"
        if kind == 1:
            return f"(< (+ {' '.join(terms)} 0.5) (+ {bound} 0.5))"
        if kind == 2:  # twice the row, one term on the other side
            return f"(<= (* 2 (+ 0 {' '.join(terms[1:])})) (* 2 (- {bound} {terms[0]})))"
        if kind == 3:
            return f"(>= (- {terms[0]}) (- (+ 0 {' '.join(terms[1:])}) {bound}))"
        return f"(<= (+ {' '.join(terms)} 0) {bound})"

    def conjunction() -> str:
        rows = [row() for _ in range(draw.choice([1, 1, 2, 3]))]
        if draw.random() < 0.2:
            rows.append(f"(<= X_0 (+ Y_0 {decimal(draw.uniform(-9, 9))}))")
        if draw.random() < 0.1:
            rows.append(f"(= (* 3 Y_0) {decimal(draw.uniform(-9, 9))})")
        if draw.random() < 0.2:
            rows.insert(draw.randrange(len(rows) + 1), f"(or {row()} (and {row()} {row()}))")
        return f"(and {' '.join(rows)})" if len(rows) > 1 or draw.random() < 0.5 else rows[0]

    def range_(i: int, lower: str, upper: str) -> str:
        below = [f"(>= X_{i} {lower})", f"(<= {lower} X_{i})", f"(>= (- X_{i} 1) (- {lower} 1))"]
        above = [f"(<= X_{i} {upper})", f"(<= (- {upper}) (- X_{i}))", f"(and (<= X_{i} 9) (< X_{i} {upper}))"]
        return f"{draw.choice(below)} {draw.choice(above)}"

    ranges = [" ".join(range_(i, l, u) for i, (l, u) in enumerate(box)) for box in boxes]
    if len(ranges) == 1 and draw.random() < 0.5:
        text.append(f"(assert (and {ranges[0]})) ; the box")
    else:
        text.append(f"(assert (or {' '.join(f'(and {r})' for r in ranges)}))")
    text.append(f"(assert (or {' '.join(conjunction() for _ in range(draw.choice([1, 1, 2, 3])))}))")
    return "\n".join(text) + "\n"


# Bytes of certificates.

MULTIPLIERS = {(8 + (m & 7)) << (m >> 3): m for m in range(256)}


def write_terms(rows: tuple) -> bytes:
    if len(rows) == 1:
        return varint(rows[0][0] + 1)
    return b"\0" + varint(len(rows)) + b"".join(varint(r + 1) + bytes([MULTIPLIERS[w]]) for r, w in rows)


def write_group(group, grouped: bool) -> bytes:
    text = varint(len(group.conjunctions)) + b"".join(map(varint, group.conjunctions)) if grouped else b""
    text += varint(len(group.arguments))
    for argument in group.arguments:
        slopes = argument.refutations[0].table is not None
        text += bytes([argument.recipe | (0x10 if slopes else 0)])
        for refutation in argument.refutations:
            text += write_terms(refutation.rows) + (refutation.table or b"")
    for node in group.nodes:
        if node[0] == "leaf" and node[2]:
            text += b"\x65" + varint(node[1]) + node[2]
        elif node[0] == "leaf":
            text += bytes([node[1]]) if node[1] < 96 else b"\x60" + varint(node[1] - 96)
        elif node[0] == "middle":
            text += bytes([0x80 + node[1]]) if node[1] < 128 else b"\x61" + varint(node[1] - 128)
        elif node[0] == "value":
            text += b"\x62" + varint(node[1]) + struct.pack("<d", node[2])
        else:
            text += b"\x63" + varint(node[1])
    return text


def write_bound_tree(paths: list) -> bytes:
    """The nodes of a tree whose leaves are at these paths; see certificate.Layer.trees."""
    text, before = b"", None
    for path in paths:
        # Where it leaves the path before it, the low child is closed already.
        same = 0 if before is None else next(i for i, (a, b) in enumerate(zip(path, before)) if a != b) + 1
        text += b"".join(varint(neuron + 1) for neuron, _ in path[same:]) + b"\0"
        before = path
    return text


def write_certificate(certificate) -> bytes:
    kind = 2 if certificate.baseline is not None else 1 if certificate.radii else 0
    text = b"PAWLCERT\x02" + bytes([format_.ARITHMETICS.index(certificate.arithmetic), kind])
    text += certificate.network + certificate.property
    if kind == 2:
        text += certificate.baseline + varint(len(certificate.within))
        text += b"".join(varint(len(bound)) + bound for bound in certificate.within)
    if kind == 1:
        text += varint(len(certificate.radii)) + b"".join(
            varint(len(name)) + name + struct.pack("<d", radius) for name, radius in certificate.radii.items())
    text += varint(len(certificate.cases))
    for proof in certificate.cases:
        text += varint(proof.conjunctions) + varint(len(proof.layers))
        for layer in proof.layers:
            bits = bytearray((layer.neurons + 7) // 8)
            for n in layer.listed:
                bits[n >> 3] |= 1 << (n & 7)
            text += varint(layer.neurons) + bytes(bits) + bytes([layer.mode])
            text += b"".join(write_bound_tree([path for path, _ in tree]) for tree in layer.trees)
            text += b"".join(layer.tables) + b"".join(weights for tree in layer.trees for _, weights in tree)
        text += varint(len(proof.groups)) + b"".join(write_group(g, len(proof.groups) > 1) for g in proof.groups)
    return text


# Networks of one input on which checkers once differed: (what, bytes of the network, row, recipe, tree, whether it is a
# proof). The tree is [neuron, low, high], or the weights of a leaf.


def old_differences():
    def network(*nodes) -> bytes:
        writer = NetworkWriter(random.Random(0), True)
        for operator, *inputs in nodes:
            value = writer.node(operator, [i if isinstance(i, str) else writer.constant([1], [i]) for i in inputs])
        return writer.file(1, value, 1)

    twice_positive = network(("Relu", "x"), ("Add", "v0", "x"))
    yield "an input's phase cuts the box", twice_positive, "(<= Y_0 -1.5)", 1, [0, None, None], True
    yield "both children need it", twice_positive, "(<= Y_0 -0.5)", 1, [0, None, None], False
    # In the high child -relu(x + 1/2) + relu(x) = -1/2, once the first operand's bounds are those of x >= 0.
    earlier = network(("Add", "x", 0.5), ("Relu", "v0"), ("Relu", "x"), ("Sub", "v2", "v1"))
    yield "an input's phase cuts the box of earlier values", earlier, "(<= Y_0 -0.625)", 2, [1, None, None], True
    yield "only a phase of the input does", earlier, "(<= Y_0 -0.625)", 2, None, False
    # Where 0 is all that is left for an operand, it is passed on, and so over the whole box: y = 2x.
    doubled = network(("Mul", "x", 1.0), ("Relu", "v0"), ("Relu", "v0"), ("Add", "v1", "v2"))
    two = bytes([168, 0])  # times the first neuron split
    yield "a ReLU of 0 is passed on", doubled, "(<= Y_0 -1.5)", 1, [0, None, [1, None, two]], False
    yield "a ReLU of 0 is passed on, with a multiplier", doubled, "(<= Y_0 -1.5)", 1, [0, None, [1, two, two]], True
    writer = NetworkWriter(random.Random(0), True)
    image = writer.node("Reshape", ["x", writer.shape([1, 1, 1, 1])])
    constants = [writer.constant([1], [c]) for c in (0.0, -0.375, 1e239, 0.25)]  # scale, bias, mean, variance
    value = writer.node("Flatten", [writer.node("BatchNormalization", [image, *constants])])
    yield "a scale of 0 and a huge mean", writer.file(1, value, 1), "(<= Y_0 -0.376)", 1, None, True


def old_difference(network: bytes, row: str, recipe: int, tree) -> tuple:
    """(text of the property, certificate) with x in [-1, 1]."""
    text = ("(declare-const X_0 Real)\n(declare-const Y_0 Real)\n(assert (>= X_0 -1.0))\n(assert (<= X_0 1.0))\n"
            f"(assert {row})\n")

    def nodes(tree) -> list:
        return [("phase", tree[0]), *nodes(tree[1]), *nodes(tree[2])] if isinstance(tree, list) else [("leaf", 0, tree)]
    argument = format_.Argument(recipe, [format_.Refutation(((0, 1),), None)])
    case = format_.CaseProof(1, [], [format_.Group([0], [argument], nodes(tree))])
    digests = [hashlib.sha256(data).digest() for data in (network, text.encode())]
    return text, format_.Certificate("real", *digests, [case])


# The random prover.


def random_radii(draw: random.Random, network) -> dict:
    names = sorted(name.encode() for name in network.origins - {n for node in network.nodes for n in node.others_from})
    return {name: draw.uniform(1, 2) * 2.0 ** -draw.randrange(5, 30) for name in names if draw.random() < 0.8}


def random_candidate(draw: random.Random, network: bytes, radii: dict) -> bytes:
    """Mostly another network of the envelope, on its rim in places; sometimes one just outside."""
    made, tensors = bytearray(network), stored(network)
    for name, radius in radii.items():
        begin, end, letter = tensors.get(name.decode("utf-8", "surrogateescape"), (0, 0, "f"))
        size = struct.calcsize(letter)
        for at in range(begin, end, size):
            (value,) = struct.unpack_from("<" + letter, network, at)
            share = draw.choice([-1, 1, 0, 0.5, draw.uniform(-1, 1), 1 + 1e-6 if draw.random() < 0.02 else 1])
            try:
                moved = struct.pack("<" + letter, value + share * radius)
            except OverflowError:
                continue
            # A float beyond the rim by rounding is drawn back, most of the time.
            beyond = abs(Fraction(struct.unpack("<" + letter, moved)[0]) - Fraction(value)) > Fraction(radius)
            if not beyond or draw.random() < 0.01:
                made[at:at + size] = moved
    if draw.random() < 0.2:
        made[draw.randrange(len(made))] ^= 1 << draw.randrange(8)
    return bytes(made)


def random_baseline(draw: random.Random, network: bytes) -> bytes:
    """The network with other constants: most of them nearly the same, or few, or none, or all of them others."""
    made, scale, share = bytearray(network), draw.choice([1e-4, 1e-3, 0.01, 0.1, 1]), draw.choice([0.2, 1])
    for begin, end, letter in stored(network).values():
        for at in range(begin, end, struct.calcsize(letter)):
            if draw.random() < share:
                (value,) = struct.unpack_from("<" + letter, network, at)
                moved = value * (1 + scale * draw.gauss(0, 1)) + draw.choice([0, 0, 0, scale]) * draw.gauss(0, 1)
                struct.pack_into("<" + letter, made, at, moved)
    return bytes(made)


def random_within(draw: random.Random, networks: list, prop) -> list:
    """Bounds that samples keep to, by a slack that is sometimes small."""
    widest = [Fraction(0)] * networks[0].output_size
    for case in prop.cases:
        for _ in range(20):
            point = [low + (high - low) * Fraction(draw.choice([0, 1, draw.random()])) for low, high, *_ in case.box]
            first, second = (evaluate(network, point) for network in networks)
            widest = [max(most, abs(a - b)) for most, a, b in zip(widest, first, second)]
    factor = Fraction(draw.choice([1.05, 1.2, 1.5, 2, 4]))
    return [bound_text(most * factor + Fraction(draw.choice([1e-6, 1e-3]))) for most in widest]


class RandomProver:
    LEAVES_MAX = 60

    def __init__(self, draw: random.Random, network_bytes: bytes, property_text: str, arithmetic: str,
                 baseline_bytes: bytes | None):
        self.draw, self.arithmetic = draw, arithmetic
        self.digests = [hashlib.sha256(data).digest() for data in (network_bytes, property_text.encode())]
        network = read_network(network_bytes)
        self.property = read_property(property_text)
        self.radii, self.baseline, self.within = {}, None, []
        if baseline_bytes is not None:
            baseline = read_network(baseline_bytes)
            self.within = random_within(draw, [network, baseline], self.property)
            self.property = drift_property(self.property, [Fraction(bound.decode()) for bound in self.within])
            self.baseline = hashlib.sha256(baseline_bytes).digest()
            parts = make_program(network, arithmetic), network.nodes, make_program(baseline, arithmetic), baseline.nodes
            self.program = Joiner(*parts).join()
            return
        self.radii = random_radii(draw, network) if draw.random() < 0.3 else {}
        self.program = make_program(network, arithmetic, {name.decode(): Fraction(r) for name, r in self.radii.items()})

    def table(self, size: int) -> bytes:
        return bytes(self.draw.choice([0, 0xFF, 128, self.draw.randrange(256)]) for _ in range(size))

    def bound_tree(self, neurons: list, path: list, always: bool = False) -> list:
        """Leaves with their weights, as format_.Layer.trees has them."""
        left = [n for n in neurons if n not in [m for m, _ in path]]
        if left and (always or len(path) < 3 and self.draw.random() < 0.4):
            neuron = self.draw.choice(left)
            return [leaf for side in (-1, 1) for leaf in self.bound_tree(neurons, path + [(neuron, side)])]
        return [(path, bytes(self.draw.choice([0, 150, 168, self.draw.randrange(256)]) for _ in path))]

    def root_section(self) -> list:
        layers, before = [], 0
        for value in self.program.relus:
            size = self.program.sizes[value]
            listed = [n for n in range(size) if self.draw.random() < 0.6]
            modes = [0] + ([1, 1] if before else []) + ([2, 2] if before and listed else [])
            operand = self.program.steps[value - 1].operand
            earlier = [n for n in range(self.program.neuron_count) if self.program.neuron(n)[0] < operand]
            modes += [3, 3, 3] if before and listed and earlier else []
            mode = self.draw.choice(modes)
            trees = [self.bound_tree(earlier, []) for _ in range(2 * len(listed))] if mode == 3 else []
            if mode == 3 and not any(path for tree in trees for path, _ in tree):
                trees[0] = self.bound_tree(earlier, [], always=True)
            count = (0, 2, 2 * len(listed), sum(map(len, trees)))[mode]
            layers.append(format_.Layer(size, listed, mode, [self.table(before) for _ in range(count)], trees))
            before += len(listed)
        return layers

    def certificate(self):
        """None where this draw finds none."""
        made = format_.Certificate(self.arithmetic, *self.digests, [], self.radii, self.baseline, self.within)
        self.leaves = 0
        for case in self.property.cases:
            layers = self.root_section() if self.program.relus and self.draw.random() < 0.6 else []
            count = len(case.conjunctions)
            part = [self.draw.randrange(self.draw.choice([1, count])) for _ in range(count)]
            members = [[i for i in range(count) if part[i] == p] for p in dict.fromkeys(part)]
            proof = format_.CaseProof(count, layers, [format_.Group(m, [], []) for m in members])
            box = verdict.root_box(case, self.program)
            self.check = verdict.CaseCheck(self.program, case, proof, box)
            for group in proof.groups:
                if not self.prove(group, *box, [], 0):
                    return None
            made.cases.append(proof)
        return made

    def refutation(self, conjunction: int, slopes: bool):
        rows = len(self.check.case.conjunctions[conjunction])
        chosen = [self.draw.randrange(rows)]
        if rows > 1 and self.draw.random() < 0.3:
            chosen = sorted(self.draw.sample(range(rows), self.draw.randint(2, rows)))
        terms = tuple((r, 1 if len(chosen) == 1 else self.draw.choice(list(MULTIPLIERS)[:32])) for r in chosen)
        return format_.Refutation(terms, self.table(len(self.check.listed)) if slopes else None)

    def leaf(self, group, lower, upper, phases) -> bool:
        recipe = self.draw.choice([1, 2, 3] if self.check.proof.layers else [1, 2])
        slopes = bool(self.check.listed) and self.draw.random() < 0.5
        refutations = []
        for conjunction in group.conjunctions:
            for _ in range(4):
                weights = None
                if phases and self.draw.random() < 0.5:
                    weights = bytes(self.draw.choice([0, 150, 160, 170]) for _ in phases)
                one = self.refutation(conjunction, slopes)
                trial = format_.Group([conjunction], [format_.Argument(recipe, [one])], [])
                margin = self.check.leaf_margin(trial, (lower, upper, phases, 0, weights), self.check.bits, False)[0]
                if margin > 0:
                    break
            else:
                return False
            refutations.append((one, weights or bytes(len(phases))))
        argument = format_.Argument(recipe, [one for one, _ in refutations])
        if argument not in group.arguments:
            group.arguments.append(argument)
        weights = b"".join(weights for _, weights in refutations)
        group.nodes.append(("leaf", group.arguments.index(argument), weights if any(weights) else None))
        self.leaves += 1
        return True

    def prove(self, group, lower, upper, phases, depth) -> bool:
        if self.draw.random() < 0.9 or depth > 2:
            if self.leaf(group, lower, upper, phases):
                return True
        if self.leaves > self.LEAVES_MAX or depth > 9:
            return False
        free = [n for n in range(self.program.neuron_count) if all(n != m for m, _ in phases)]
        if free and self.draw.random() < 0.4:
            neuron = self.draw.choice(free)
            group.nodes.append(("phase", neuron))
            return (self.prove(group, lower, upper, phases + [(neuron, -1)], depth + 1)
                    and self.prove(group, lower, upper, phases + [(neuron, 1)], depth + 1))
        widths = [u - l for l, u in zip(lower, upper)]
        i = widths.index(max(widths)) if self.draw.random() < 0.8 else self.draw.randrange(len(widths))
        middle = lower[i] * 0.5 + upper[i] * 0.5
        cut = middle if self.draw.random() < 0.7 else lower[i] + widths[i] * self.draw.choice([0.25, 0.375, 0.7])
        if not lower[i] < cut < upper[i]:
            return False
        group.nodes.append(("middle", i) if cut == middle else ("value", i, cut))
        low, high = list(upper), list(lower)
        low[i] = high[i] = cut
        return (self.prove(group, lower, low, phases, depth + 1)
                and self.prove(group, high, upper, phases, depth + 1))


def instances(seed: int):
    """Endless (network bytes, property text, arithmetic, certificate, baseline bytes or None)."""
    draw = random.Random(seed)
    while True:
        wide = draw.random() < 0.15
        network = random_image_network(draw, wide) if draw.random() < 0.3 else random_network(draw, wide)
        arithmetic = draw.choice(["real", "float64" if wide else "float32"])
        try:
            text = random_property(draw, read_network(network))
            read_property(text)
        except Refused:
            continue
        baseline = random_baseline(draw, network) if draw.random() < 0.25 else None
        try:
            certificate = RandomProver(draw, network, text, arithmetic, baseline).certificate()
        except (Refused, ValueError, ZeroDivisionError):  # the last two: of a baseline that cannot be evaluated
            continue
        if certificate:
            yield network, text, arithmetic, certificate, baseline


FEATURES = ["root section", "bound tree", "groups", "midpoint split", "value split", "neuron split", "weighted leaf", "combination",
            *(f"recipe {r:02x}" for r in (1, 2, 3, 0x11, 0x12, 0x13)), "real", "float32", "float64",
            "envelope", "drift"]


def features(certificate) -> set:
    found = {certificate.arithmetic} | ({"envelope"} if certificate.radii else set())
    found |= {"drift"} if certificate.baseline is not None else set()
    names = {"middle": "midpoint split", "value": "value split", "phase": "neuron split"}
    for proof in certificate.cases:
        found.update("bound tree" for layer in proof.layers if layer.mode == 3)
        found.update(["root section"] if proof.layers else [], ["groups"] if len(proof.groups) > 1 else [])
        for group in proof.groups:
            found.update(names[node[0]] for node in group.nodes if node[0] != "leaf")
            found.update("weighted leaf" for node in group.nodes if node[0] == "leaf" and node[2])
            for argument in group.arguments:
                found.add(f"recipe {argument.recipe | (0x10 if argument.refutations[0].table is not None else 0):02x}")
                found.update("combination" for one in argument.refutations if len(one.rows) > 1)
    return found
