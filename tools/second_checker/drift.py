"""The claim of drift: two networks joined, and the property that the difference of their outputs has to have."""
from dataclasses import replace
from fractions import Fraction

from . import Refused
from .program import Linear, Program, Relu, ReluDifference
from .vnnlib import Case, Property, Row

ELEMENTWISE = ("scale", "shift", "divide", "norm")


def drift_property(prop: Property, within: list) -> Property:
    """Of `prop` the boxes alone."""
    if len(within) != prop.output_count:
        raise Refused("no", "within", "a bound for each output is needed")
    if any(row.over_inputs() for case in prop.cases for rows in case.conjunctions for row in rows):
        raise Refused("no", "input-rows", "inputs are constrained by more than boxes")
    sides = [[Row({("Y", i): Fraction(sign)}, -bound, True)] for i, bound in enumerate(within) for sign in (-1, 1)]
    return Property(prop.input_count, prop.output_count, [Case(case.box, sides) for case in prop.cases])


def merged(*rows: tuple) -> tuple:
    """The sum of sparse rows, each with a factor: (indices, weights, factor)."""
    total = {}
    for indices, weights, factor in rows:
        for j, weight in zip(indices, weights):
            total[j] = total.get(j, 0) + factor * weight
    pairs = [(j, weight) for j, weight in sorted(total.items()) if weight]
    return [j for j, _ in pairs], [weight for _, weight in pairs]


def exact(blocks: list, bias: list, power: int, of: tuple) -> Linear:
    """A step that no deployed evaluation makes; `of`: the values whose errors it inherits."""
    size = len(bias)
    return Linear(blocks, bias, power, size, 0, Fraction(0), [Fraction(0)] * size, Fraction(0), 0, Fraction(0), False, of=of)


def ones(size: int, factor: int = 1) -> list:
    return [((i,), (factor,)) for i in range(size)]


def corresponds(a, b) -> bool:
    """Whether two nodes are one function but for their constants."""
    if a.inputs != b.inputs or a.size != b.size:
        return False
    if a.kind in ELEMENTWISE and b.kind in ELEMENTWISE:
        return True
    if a.kind != b.kind:
        return False
    if a.kind == "affine":
        return len(a.weights[0]) == len(b.weights[0])
    if a.kind == "window":
        return [row[0] for row in a.rows] == [row[0] for row in b.rows] and a.divisors == b.divisors
    return a.kind == "relu" or (a.kind == "sum" and a.sign == b.sign)


class Joiner:
    def __init__(self, network: Program, network_nodes: list, baseline: Program, baseline_nodes: list):
        self.network, self.baseline = network, baseline
        self.nodes = network_nodes, baseline_nodes
        self.offset = len(baseline.steps)
        self.steps = baseline.steps + [self.shifted(step) for step in network.steps]
        self.sizes = baseline.sizes + network.sizes[1:]
        self.differences = [None]  # of value v of both networks; of the input it is 0

    def of_network(self, value: int) -> int:
        return value + self.offset if value else 0

    def shifted(self, step):
        if isinstance(step, Linear):
            return replace(step, blocks=[(self.of_network(value), *rest) for value, *rest in step.blocks])
        return replace(step, operand=self.of_network(step.operand))

    def append(self, step) -> int:
        self.steps.append(step)
        self.sizes.append(step.size)
        return len(self.steps)

    def plain(self, first: int, second: int) -> Linear:
        """The difference of two values as it stands."""
        size = self.sizes[first]
        blocks = [(first, ones(size), None), (second, ones(size, -1), None)]
        if first == second:  # the input
            blocks = [(first, ones(size, 0), None)]
        return exact(blocks, [0] * size, 0, ())

    def affine(self, at: int, operand: int | None) -> Linear:
        new, old = self.network.steps[at - 1], self.baseline.steps[at - 1]
        power = max(new.power, old.power)
        factors = 1 << power - new.power, -(1 << power - old.power)
        (value, rows, _), (_, old_rows, _) = new.blocks[0], old.blocks[0]
        changed = [merged((*a, factors[0]), (*b, factors[1])) for a, b in zip(rows, old_rows)]
        blocks = [(value, changed, None)]
        if operand is not None:
            blocks.append((operand, [merged((*row, factors[0])) for row in rows], None))
        bias = [a * factors[0] + b * factors[1] for a, b in zip(new.bias, old.bias)]
        return exact(blocks, bias, power, (self.of_network(at), at))

    def difference(self, at: int) -> int | None:
        new, old = (nodes[at - 1] for nodes in self.nodes)
        if new.size != old.size:
            return None
        if corresponds(new, old):
            operands = [self.differences[value] for value in new.inputs]
            if new.kind == "sum":
                if None not in operands:
                    blocks = [(operands[0], ones(new.size), None), (operands[1], ones(new.size, new.sign), None)]
                    return self.append(exact(blocks, [0] * new.size, 0, (self.of_network(at), at)))
            elif new.kind == "relu":
                if operands[0] is not None:
                    value = new.inputs[0]
                    return self.append(ReluDifference(operands[0], new.size, self.of_network(value), value))
            elif operands[0] is not None or new.inputs[0] == 0:
                return self.append(self.affine(at, operands[0]))
        return self.append(self.plain(self.of_network(at), at))

    def join(self) -> Program:
        network, baseline = self.network, self.baseline
        common = min(len(network.steps), len(baseline.steps))
        for at in range(1, common + 1):
            self.differences.append(self.difference(at))
        output = self.differences[network.output] if network.output == baseline.output and network.output <= common else None
        if output is None:
            output = self.append(self.plain(self.of_network(network.output), baseline.output))
        neurons = baseline.neuron_count
        return Program(self.steps, self.sizes, output, network.arithmetic, network.format,
                       baseline.relus + [self.of_network(value) for value in network.relus],
                       baseline.first_neuron + [neurons + first for first in network.first_neuron])
