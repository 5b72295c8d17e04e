"""The network as steps, each a sum of products, an activation or a maximum, with what the specification charges for its roundings."""
import math
from dataclasses import dataclass
from fractions import Fraction

from . import Refused
from .exact import FORMATS, dyadic
from .onnx import Network


@dataclass
class Linear:
    """z_i = sum over blocks of sum_j W_ij x_j, plus b_i; W and b are integers over 2^power."""
    blocks: list  # (value, rows, columns): rows[i] = (indices, weights); columns[j] = all rows' weights, or None: sparse
    bias: list
    power: int
    size: int
    products: int  # n
    gamma: Fraction
    weight_sums: list  # sum_j |W_ij|, for the second summand of the radius
    underflow: Fraction  # what the second summand is multiplied with
    underflow_count: int
    overflow: Fraction  # the factor of the overflow test; 0: the plain one
    elementwise: bool  # z_i has the i-th element of each block alone
    # Of weights that are no dyadics: each is within `slack` of the exact one, and so is each bias over its second number.
    slack: Fraction = Fraction(0)
    bias_slack: list | None = None
    bias_sizes: list | None = None  # Σ of the magnitudes that a bias is made of, where those are not |bias|
    # Of an envelope: how far each weight and each bias may be from these, and what a row has of operands, where that is
    # not all of them.
    weight_radius: Fraction = Fraction(0)
    bias_radius: Fraction = Fraction(0)
    reach: list | None = None
    # Of differences, which no deployed evaluation computes: the values whose radii are theirs; none of what is exact.
    of: tuple | None = None


@dataclass
class Relu:
    operand: int
    size: int


@dataclass
class Curve:
    """LeakyRelu, Clip, Sigmoid or Tanh."""
    operand: int
    size: int
    kind: str
    low: Fraction | None  # Clip; None: no limit. LeakyRelu: its slope
    high: Fraction | None

    @property
    def is_rectifier(self) -> bool:
        return self.kind == "leaky"


@dataclass
class Maximum:
    operand: int
    size: int
    members: list


@dataclass
class ReluDifference:
    """max(x', 0) - max(x, 0) of x' in value `network` and x in value `baseline`, by x' - x, the operand."""
    operand: int
    size: int
    network: int
    baseline: int


@dataclass
class Program:
    steps: list  # step i makes value i + 1
    sizes: list
    output: int
    arithmetic: str
    format: object
    relus: list  # values that rectifiers make, in order
    first_neuron: list  # of each of them, in the numbering of splits

    @property
    def growth_bits(self) -> int:
        """Bits by which an error may grow on its way through the network, roughly."""
        steps = [step for step in self.steps if isinstance(step, Linear)]
        products = [max(sum(map(abs, weights)) for _, rows, _ in step.blocks for _, weights in rows) for step in steps]
        return sum((largest + max(map(abs, step.bias)) >> step.power).bit_length() for step, largest in zip(steps, products))

    @property
    def radius_bits(self) -> int:
        """Bits that weight radii add to that: an operand that is 0 but for its last bit counts as often."""
        steps = [step for step in self.steps if isinstance(step, Linear)]
        return sum(int(step.weight_radius + step.bias_radius).bit_length() for step in steps)

    @property
    def neuron_count(self) -> int:
        return sum(self.sizes[value] for value in self.relus)

    def neuron(self, number: int) -> tuple:
        """(operand's value, element)."""
        for value, first in zip(reversed(self.relus), reversed(self.first_neuron)):
            if number >= first:
                return self.steps[value - 1].operand, number - first
        raise AssertionError


def gamma(k: int, fmt) -> Fraction:
    if fmt is None:
        return Fraction(0)
    ku = k * fmt.unit
    if ku >= Fraction(1, 2):
        raise Refused("no", "rounding", "a sum too long")
    return ku / (1 - ku)


def sparse(weights: list) -> tuple:
    indices = [j for j, weight in enumerate(weights) if weight]
    return indices, [weights[j] for j in indices]


def affine(node, fmt) -> Linear:
    columns = len(node.weights[0])
    flat, power = dyadic([weight for row in node.weights for weight in row])
    bias, bias_power = dyadic(node.bias if node.bias is not None else [0.0] * node.size)
    beta = Fraction(node.beta if node.bias is not None else 1)
    alpha = Fraction(node.alpha)
    scaled = alpha != 1 or beta != 1
    plain_sums = [Fraction(sum(map(abs, flat[i * columns:(i + 1) * columns])), 1 << power) for i in range(node.size)]
    for factor, values in ((alpha, flat), (beta, bias)):
        values[:] = [value * factor.numerator for value in values]
    power += alpha.denominator.bit_length() - 1
    bias_power += beta.denominator.bit_length() - 1
    common = max(power, bias_power)
    flat = [value << (common - power) for value in flat]
    bias = [value << (common - bias_power) for value in bias]
    matrix = [flat[i * columns:(i + 1) * columns] for i in range(node.size)]
    own_bias = [Fraction(abs(value)) for value in (node.bias or [])] if scaled and node.bias else [0] * node.size
    sums = [max(plain, abs(alpha) * plain) + own for plain, own in zip(plain_sums, own_bias)]
    factor = (1 + abs(alpha)) * (1 + abs(beta)) if scaled else Fraction(1)
    overflow = Fraction(0)
    if scaled and fmt:
        if alpha == 0 or beta == 0:
            raise Refused("no", "rounding", "alpha or beta is 0")
        overflow = factor * max(1, 1 / abs(alpha)) * max(1, 1 / abs(beta))
    rows = [sparse(row) for row in matrix]
    dense = 3 * sum(len(indices) for indices, _ in rows) > len(flat)
    block = (node.inputs[0], rows, list(zip(*matrix)) if dense else None)
    k = columns + (4 if scaled else 2)
    return Linear([block], bias, common, node.size, columns, gamma(k, fmt), sums, factor,
                  2 * columns + 2 + (4 if scaled else 0), overflow, False)


def elementwise(node, fmt) -> Linear:
    """One rounding an element: a factor, a constant added, or two values added."""
    size, ones = node.size, [1.0] * node.size
    factors = [ones]
    if node.kind == "scale":
        factors = [node.weights]
    elif node.kind == "shift":
        factors = [[float(node.sign)] * size]
    else:
        factors.append([float(node.sign)] * size)
    everything, power = dyadic([*(f for column in factors for f in column), *(node.bias or [0.0] * size)])
    blocks = []
    for at, value in enumerate(node.inputs):
        weights = everything[at * size:(at + 1) * size]
        blocks.append((value, [((i,), (weights[i],)) for i in range(size)], None))
    sums = [sum(abs(Fraction(column[i])) for column in factors) for i in range(size)]
    n = len(factors)
    return Linear(blocks, everything[len(factors) * size:], power, size, n, gamma(2, fmt), sums, Fraction(1), 2 * n + 2,
                  Fraction(0), True)


# Bits of weights that are no dyadics, after their first one.
WEIGHT_BITS = 600


def magnitude_bits(values) -> int:
    """Bits of the integer part of the largest."""
    return max(int(abs(Fraction(value))).bit_length() for value in values)


def quotient(a: Fraction, b: Fraction, bits: int = WEIGHT_BITS) -> int:
    """a/b over 2^bits, rounded down."""
    return (a.numerator * b.denominator << bits) // (a.denominator * b.numerator)


def window(node, fmt) -> Linear:
    """A convolution, or an average."""
    bias = node.bias or [0.0] * node.size
    average = node.divisors is not None
    k = node.products + (4 if average else 2)
    if average:
        power = WEIGHT_BITS
        rows = [(indices, [quotient(Fraction(1), Fraction(d))] * len(indices)) for (indices, _), d in zip(node.rows, node.divisors)]
        biases = [0] * node.size
    else:
        flat, power = dyadic([*bias, *(w for _, weights in node.rows for w in weights)])
        biases, flat, rows = flat[:node.size], iter(flat[node.size:]), []
        for indices, weights in node.rows:
            pairs = [(j, w) for j, w in zip(indices, (next(flat) for _ in weights)) if w]
            rows.append(([j for j, _ in pairs], [w for _, w in pairs]))
    return Linear([(node.inputs[0], rows, None)], biases, power, node.size, node.products, gamma(k, fmt),
                  [Fraction(w) * (1 + Fraction(1, 1 << 40)) for w in node.weights], Fraction(1), 2 * node.products + 2,
                  Fraction(1) if average else Fraction(0), False, Fraction(1, 1 << WEIGHT_BITS) if average else Fraction(0))


def divide(node, fmt) -> Linear:
    if fmt and any(abs(Fraction(c)) < fmt.normal_min for c in node.weights):
        raise Refused("no", "rounding", "a divisor that may be flushed")
    bits = WEIGHT_BITS + magnitude_bits(node.weights)
    weights = [quotient(Fraction(1), Fraction(c), bits) for c in node.weights]
    rows = [((i,), (w,)) for i, w in enumerate(weights)]
    return Linear([(node.inputs[0], rows, None)], [0] * node.size, bits, node.size, 1, gamma(2, fmt),
                  [abs(1 / Fraction(c)) for c in node.weights], Fraction(1), 4, Fraction(0), True, Fraction(1, 1 << bits))


def normalise(node, fmt) -> Linear:
    rows, biases, sums, sizes, slacks, largest = [], [], [], [], [], Fraction(1)
    # As many as the smallest weight needs, whose product with its mean may be large.
    scales = [abs(1 / Fraction(numbers[0])) for numbers in node.norm if numbers[0]]
    bits = WEIGHT_BITS + magnitude_bits(scales or [0])
    unit = Fraction(1, 1 << bits)
    for i, numbers in enumerate(node.norm):
        scale, bias, mean, variance, epsilon = map(Fraction, numbers)
        square = variance + epsilon
        if not Fraction(1, 1 << 60) <= square <= 1 << 60:
            raise Refused("no", "rounding", "a variance too small or too large")
        # 1/sqrt(square) within 2^-bits-64, below.
        finer = bits + 64
        inverse = Fraction(math.isqrt((square.denominator << 2 * finer) // square.numerator), 1 << finer)
        weight = scale * inverse
        fixed = (weight.numerator << bits) // weight.denominator
        error = unit + abs(scale) * Fraction(4, 1 << finer) if scale else Fraction(0)
        exact = Fraction(fixed, 1 << bits)
        rows.append(((i,), (fixed,)))
        offset = bias - exact * mean
        biases.append((offset.numerator << bits) // offset.denominator)
        slacks.append((error, error * abs(mean) + unit))
        sums.append(abs(exact) + abs(mean) + unit)
        sizes.append(abs(bias) + abs(exact * mean) + unit)
        largest = max(largest, (1 + abs(scale)) * (1 + inverse + unit))
    slack = max(error for error, _ in slacks)
    return Linear([(node.inputs[0], rows, None)], biases, bits, node.size, 1, gamma(9, fmt), sums, 12 * largest, 4,
                  largest, True, slack, [s for _, s in slacks], sizes)


MAKERS = {"affine": affine, "window": window, "divide": divide, "norm": normalise}


def curve(node, arithmetic: str) -> Curve:
    if node.kind == "leaky":
        if not 0 <= node.low <= 1:
            raise Refused("no", "unsupported-function", "a LeakyRelu with a slope outside [0, 1]")
        return Curve(node.inputs[0], node.size, "leaky", Fraction(node.low), None)
    limits = [Fraction(v) if math.isfinite(v) else None for v in (node.low, node.high)]
    return Curve(node.inputs[0], node.size, node.kind, *limits)


def widen(step: Linear, node, radii: dict):
    """From a network to all those of an envelope."""
    weight, bias = radii.get(node.weights_from, Fraction(0)), radii.get(node.bias_from, Fraction(0))
    if not weight and not bias:
        return
    alpha, beta = abs(Fraction(node.alpha)), abs(Fraction(node.beta if node.bias is not None else 1))
    scaled = alpha != 1 or beta != 1
    step.weight_radius, step.bias_radius = alpha * weight, beta * bias
    more = step.products * weight * max(1, alpha) + (bias if scaled else 0)
    step.weight_sums = [sum_ + more for sum_ in step.weight_sums]
    if node.kind == "window":
        step.reach = [indices for indices, _ in node.rows]


def make_program(network: Network, arithmetic: str, radii: dict | None = None) -> Program:
    """radii: by the name of a constant."""
    if arithmetic not in ("real", network.element):
        raise Refused("no", "arithmetic", f"the network computes in {network.element}")
    fmt = FORMATS[arithmetic]
    radii = radii or {}
    pinned = {name for node in network.nodes for name in node.others_from}
    for name in radii:
        if name not in network.origins or name in pinned:
            raise Refused("no", "radius", f"{name} cannot have a weight radius")
    steps, relus, first, neurons = [], [], [], 0
    for node in network.nodes:
        if node.kind == "relu":
            steps.append(Relu(node.inputs[0], node.size))
            relus.append(len(steps))
            first.append(neurons)
            neurons += node.size
        elif node.kind in ("leaky", "clip", "sigmoid", "tanh"):
            steps.append(curve(node, arithmetic))
            if node.kind == "leaky":
                relus.append(len(steps))
                first.append(neurons)
                neurons += node.size
        elif node.kind == "max":
            steps.append(Maximum(node.inputs[0], node.size, node.rows))
        else:
            steps.append(MAKERS.get(node.kind, elementwise)(node, fmt))
            widen(steps[-1], node, radii)
    return Program(steps, network.sizes, network.output, arithmetic, fmt, relus, first)
