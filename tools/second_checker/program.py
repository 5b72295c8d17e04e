"""The network as steps, each a sum of products or a ReLU, with what the specification charges for its roundings."""
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


@dataclass
class Relu:
    operand: int
    size: int


@dataclass
class Program:
    steps: list  # step i makes value i + 1
    sizes: list
    output: int
    arithmetic: str
    format: object
    relus: list  # values that ReLU nodes make, in order
    first_neuron: list  # of each of them, in the numbering of splits

    @property
    def growth_bits(self) -> int:
        """Bits by which an error may grow on its way through the network, roughly."""
        steps = [step for step in self.steps if isinstance(step, Linear)]
        products = [max(sum(map(abs, weights)) for _, rows, _ in step.blocks for _, weights in rows) for step in steps]
        return sum((largest + max(map(abs, step.bias)) >> step.power).bit_length() for step, largest in zip(steps, products))

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


def make_program(network: Network, arithmetic: str) -> Program:
    if arithmetic not in ("real", network.element):
        raise Refused("no", "arithmetic", f"the network computes in {network.element}")
    fmt = FORMATS[arithmetic]
    steps, relus, first, neurons = [], [], [], 0
    for node in network.nodes:
        if node.kind == "relu":
            steps.append(Relu(node.inputs[0], node.size))
            relus.append(len(steps))
            first.append(neurons)
            neurons += node.size
        else:
            steps.append(affine(node, fmt) if node.kind == "affine" else elementwise(node, fmt))
    return Program(steps, network.sizes, network.output, arithmetic, fmt, relus, first)
