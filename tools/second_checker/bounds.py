"""The bounds of spec/certificate.md: forward forms, backward substitution, the root section; in fixed point.

A form is a list of integers: one coefficient for each input's d, then the constant. None is the form 0. All integers
stand for themselves over 2^bits unless said otherwise. "Unit" is 2^-bits.
"""
from fractions import Fraction
from operator import mul

from . import Refused
from .exact import ceil_fixed, ceil_shift, floor_fixed
from .curves import curve_lines, difference_lines, maximum_lines
from .program import Curve, Linear, Maximum, Program, Relu, ReluDifference

DOUBLE_MAX = Fraction(2) ** 1024
FORWARD, BACKWARD, ROOT = 1, 2, 3


class Empty(Exception):
    """The phases of the leaf contradict its bounds: there is no evaluation in it."""


class Value:
    """What is known of one value of the network over the current leaf."""

    def __init__(self, lower: list, upper: list, radius: list | None = None):
        self.lower, self.upper = lower, upper  # of the deployed value
        self.radius = radius  # of the linear step that made it
        self.below = self.above = None  # forms, where they are wanted

    def magnitudes(self) -> list:
        return [max(-low, high, 0) for low, high in zip(self.lower, self.upper)]


class Bounder:
    def __init__(self, program: Program, bits: int, flip_ties: bool = False):
        self.program, self.bits, self.flip_ties = program, bits, flip_ties
        self.curves = {}  # lines that were found
        self.near_tie = False  # whether some lower slope hung on less than a rounding
        self.magnitude = 0  # of the largest bound
        self.one = 1 << bits
        self.unbounded = ceil_fixed(DOUBLE_MAX, bits)
        self.overflow = floor_fixed(program.format.finite_max, bits) if program.format else None

    # The leaf.

    def set_box(self, lower: list, upper: list, phases: dict):
        """phases: (value, element) -> {-1} where the deployed value is at most 0, {1} where it is at least 0, or both."""
        self.phases = phases
        bits = self.bits
        box = [(Fraction(a), Fraction(b)) for a, b in zip(lower, upper)]
        self.centre = [floor_fixed((a + b) / 2, bits) for a, b in box]
        # One unit more than half the width, for the rounding of the centre.
        self.spread = [ceil_fixed((b - a) / 2, bits) + 1 for a, b in box]
        # What rounding every coefficient of a form by a unit may move it by.
        self.form_unit = ceil_shift(sum(self.spread), bits) + 1
        self.values = [Value([floor_fixed(a, bits) for a, _ in box], [ceil_fixed(b, bits) for _, b in box])]
        # What inputs lie in: the box, cut by the phases of inputs that are neurons.
        sides = [phases.get((0, i), ()) for i in range(len(box))]
        self.inputs = [(max(a, 0) if 1 in cuts else a, min(b, 0) if -1 in cuts else b) for (a, b), cuts in zip(box, sides)]
        self.ends = [floor_fixed(a, bits) for a, _ in self.inputs], [ceil_fixed(b, bits) for _, b in self.inputs]

    def finish(self, value: Value):
        """Cuts the newest value by the phases. Bounds are final from here on."""
        at = len(self.values) - 1
        if self.phases:
            for i in range(len(value.lower)):
                sides = self.phases.get((at, i), ())
                if (value.lower[i] > 0 and -1 in sides) or (value.upper[i] < 0 and 1 in sides):
                    raise Empty
                if -1 in sides:
                    value.upper[i] = min(value.upper[i], 0)
                if 1 in sides:
                    value.lower[i] = max(value.lower[i], 0)
        self.set_units(value)

    def set_units(self, value: Value):
        largest = max(map(abs, value.lower + value.upper))
        self.magnitude = max(self.magnitude, largest)
        if largest >= self.unbounded:
            raise Refused("no", "leaf", "a bound is not finite")
        # What rounding every coefficient of a row over this value by a unit may move it by.
        value.row_unit = ceil_shift(sum(value.magnitudes()), self.bits) + 1

    # Roundings of the deployed network.

    def radii(self, step: Linear) -> list:
        """e_i of each neuron; refuses where some order of summation may overflow."""
        fmt = self.program.format
        if step.of is not None:
            return [sum(errors) for errors in zip([0] * step.size, *(self.values[value].radius for value in step.of))]
        is_envelope = step.weight_radius or step.bias_radius
        if fmt is None and not step.slack and not is_envelope:
            return [0] * step.size
        bits, one = self.bits, self.one
        magnitudes = [self.values[value].magnitudes() for value, _, _ in step.blocks]
        everything = sum(map(sum, magnitudes))
        # Of weights that are no dyadics.
        own = ceil_fixed(step.slack * everything, 0) + 1 if step.slack else 0
        own = [own + (ceil_fixed(slack, bits) if slack else 0) for slack in step.bias_slack or [0] * step.size]
        moved = [0] * step.size
        if is_envelope:
            reached = [sum(magnitudes[0][j] for j in row) for row in step.reach or []] or [everything] * step.size
            bias = ceil_fixed(step.bias_radius, bits)
            moved = [bias + ceil_fixed(step.weight_radius * operands, 0) for operands in reached]
        if fmt is None:
            return [a + b for a, b in zip(own, moved)]
        gamma = ceil_fixed(step.gamma, bits)
        result = []
        for i in range(step.size):
            products = sum(sum(abs(w) * sizes[j] for j, w in zip(*rows[i]))
                           for (_, rows, _), sizes in zip(step.blocks, magnitudes))
            if step.bias_sizes:
                size = ceil_shift(products, step.power) + ceil_fixed(step.bias_sizes[i], bits)
            else:
                size = ceil_shift(products + (abs(step.bias[i]) << bits), step.power)
            size += moved[i]
            operands = sum(sizes[i] for sizes in magnitudes) if step.elementwise else everything
            weights = ceil_fixed(step.weight_sums[i], bits)
            second = weights + operands + step.underflow_count * one
            second = ceil_fixed(second * step.underflow * fmt.normal_min * (1 + step.gamma), 0)
            if step.overflow:
                largest = ceil_fixed((1 + step.gamma) * step.overflow * (size + operands + weights + one), 0)
            else:
                largest = size + ceil_shift(gamma * size, bits)
            if largest + second >= self.overflow:
                raise Refused("no", "leaf", "an order of summation may overflow")
            result.append(ceil_shift(gamma * size, bits) + second + own[i] + moved[i])
        return result

    # Forward forms.

    def forward(self, recipe: int):
        """Bounds and forms of all values over the leaf."""
        count = len(self.centre)
        first = self.values[0]
        first.below = first.above = [[self.one if i == j else 0 for j in range(count)] + [self.centre[i]]
                                     for i in range(count)]
        self.finish(first)
        for at, step in enumerate(self.program.steps, 1):
            if isinstance(step, Linear):
                self.forward_linear(step)
            elif isinstance(step, Relu):
                self.forward_relu(step)
            elif isinstance(step, (Curve, ReluDifference)):
                self.forward_curve(step)
            else:
                self.forward_maximum(step)
            if recipe == BACKWARD:
                for user in self.benders(at):
                    self.tighten(at, user)
            self.finish(self.values[at])

    def benders(self, at: int) -> list:
        """The steps that are relaxed by the bounds of value `at`, as far as substitutions may better them."""
        made = self.program.steps[at - 1] if at else None
        return [s for s in self.program.steps if not isinstance(s, Linear) and s.operand == at
                and not (isinstance(s, Maximum) and made is not None and not isinstance(made, Linear))]

    def is_open(self, user, i: int, low: int, high: int) -> bool:
        """Whether a step is not exact in element i, whose operand is in [low, high]."""
        bits = self.bits
        if isinstance(user, ReluDifference):
            operands = self.values[user.network], self.values[user.baseline]
            return any(value.lower[i] < 0 for value in operands) and any(value.upper[i] > 0 for value in operands)
        if isinstance(user, Relu) or isinstance(user, Curve) and user.is_rectifier:
            return low < 0 < high
        if isinstance(user, Curve) and user.kind == "clip":
            return any(low < bend * (1 << bits) < high for bend in (user.low, user.high) if bend is not None)
        return low < high

    def forward_linear(self, step: Linear):
        radii, width = self.radii(step), len(self.centre) + 1
        made = Value([], [], radii)
        made.below, made.above = [], []
        for i in range(step.size):
            weights, low, high = [], [], []
            for value, rows, _ in step.blocks:
                operand = self.values[value]
                for j, w in zip(*rows[i]):
                    below, above = operand.below[j], operand.above[j]
                    if below is None and above is None:
                        continue
                    below, above = below or [0] * width, above or [0] * width
                    weights.append(w)
                    low.append(below if w > 0 else above)
                    high.append(above if w > 0 else below)
            below = [sum(map(mul, weights, column)) for column in zip(*low)] or [0] * width
            above = [sum(map(mul, weights, column)) for column in zip(*high)] or [0] * width
            bias = step.bias[i] << self.bits
            constants = (below[-1] + bias >> step.power) - radii[i] - self.form_unit, ceil_shift(
                above[-1] + bias, step.power) + radii[i] + self.form_unit
            below, above = [c >> step.power for c in below], [c >> step.power for c in above]
            below[-1], above[-1] = constants
            made.below.append(below)
            made.above.append(above)
            made.lower.append(self.least(below))
            made.upper.append(-self.least([-c for c in above]))
        self.values.append(made)

    def least(self, form: list | None) -> int:
        """A lower bound of a form over the box."""
        return form[-1] - ceil_shift(sum(map(mul, map(abs, form), self.spread)), self.bits) if form else 0

    def relaxation(self, low: int, high: int) -> tuple:
        """(s, t) of an open neuron: s at least u/(u - l), t the default slope below."""
        slope = -((-high << self.bits) // (high - low))
        if abs(high + low) << 30 < high - low:
            self.near_tie = True
            return slope, int((high > -low) != self.flip_ties)
        return slope, int(high > -low)

    def hangs_on_tie(self, low: int, high: int) -> bool:
        """Whether an end of [low, high] is so near to 0 that rounding may open the neuron, and that is to be tried."""
        is_near = low < high and (0 <= low << 30 < high - low or 0 <= -high << 30 < high - low)
        self.near_tie = self.near_tie or is_near
        return is_near and self.flip_ties

    def forward_relu(self, step: Relu):
        operand = self.values[step.operand]
        made = Value([max(low, 0) for low in operand.lower], [max(high, 0) for high in operand.upper])
        made.below, made.above = [], []
        for i in range(step.size):
            low, high, below, above = operand.lower[i], operand.upper[i], operand.below[i], operand.above[i]
            if high <= 0 and low < 0:
                below = above = None
            elif low < 0:
                slope, keep = self.relaxation(low, high)
                below = below if keep else None
                above = above or [0] * (len(self.centre) + 1)
                constant = ceil_shift(slope * (above[-1] - low), self.bits) + self.form_unit
                above = [slope * c >> self.bits for c in above]
                above[-1] = constant
            made.below.append(below)
            made.above.append(above)
        self.values.append(made)

    def curve(self, step: Curve | ReluDifference, i: int) -> tuple:
        operand = self.values[step.operand]
        if isinstance(step, ReluDifference):
            intervals = [(v.lower[i], v.upper[i]) for v in (operand, self.values[step.network], self.values[step.baseline])]
            *lines, tie = difference_lines(*intervals, self.bits, self.flip_ties)
            self.near_tie = self.near_tie or tie
            return lines
        key = (id(step), *sorted((operand.lower[i], operand.upper[i])))
        if key not in self.curves:
            self.curves[key] = curve_lines(step, *key[1:], self.bits, self.program.format, self.flip_ties)
        *lines, tie = self.curves[key]
        self.near_tie = self.near_tie or tie
        return lines

    def maximum(self, step: Maximum, i: int) -> tuple:
        operand = self.values[step.operand]
        *lines, tie = maximum_lines(step.members[i], operand.lower, operand.upper, self.bits, self.flip_ties)
        self.near_tie = self.near_tie or tie
        return lines

    def scaled(self, form: list | None, slope: int, offset: int, up: bool) -> list:
        """slope·form + offset, rounded."""
        form = [slope * c >> self.bits for c in form or [0] * (len(self.centre) + 1)]
        form[-1] += offset + (self.form_unit if up else -self.form_unit)
        return form

    def forward_curve(self, step: Curve):
        operand, made = self.values[step.operand], Value([], [])
        made.below, made.above = [], []
        for i in range(step.size):
            slope, offset, keep, keep_offset, low, high = self.curve(step, i)
            made.lower.append(low)
            made.upper.append(high)
            made.below.append(self.scaled(operand.below[i], keep, keep_offset, False))
            made.above.append(self.scaled(operand.above[i], slope, offset + 1, True))
        self.values.append(made)

    def forward_maximum(self, step: Maximum):
        operand, made = self.values[step.operand], Value([], [])
        made.below, made.above = [], []
        for i in range(step.size):
            slopes, offset, below, low, high = self.maximum(step, i)
            made.lower.append(low)
            made.upper.append(high)
            made.below.append(operand.below[below])
            above = [0] * (len(self.centre) + 1)
            for j, slope in slopes.items():
                above = [a + b for a, b in zip(above, self.scaled(operand.above[j], slope, 1, True))]
            above[-1] += offset
            made.above.append(above)
        self.values.append(made)

    # Backward substitution.

    def tighten(self, at: int, user, tables=None, trees=None):
        """One substitution below and one above for each neuron of value `at` that is open for the step `user`;
        tables(i, side) gives its slopes. Where trees(i, side) gives leaves, one for each, and the least counts."""
        value = self.values[at]
        for i in range(len(value.lower)):
            if self.is_open(user, i, value.lower[i], value.upper[i]):
                bounds = []
                for side in (1, -1):
                    row = {at: [0] * len(value.lower)}
                    row[at][i] = side * self.one
                    leaves = trees(i, side) if trees else None
                    if leaves is None:
                        bounds.append(self.backward(row, 0, tables(i, side) if tables else None))
                    else:
                        bounds.append(min((self.under(row, *leaf) for leaf in leaves), key=lambda b: (b is None, b)))
                if bounds[0] is not None:
                    value.lower[i] = max(value.lower[i], bounds[0])
                if bounds[1] is not None:
                    value.upper[i] = min(value.upper[i], -bounds[1])

    def under(self, row: dict, slopes: dict | None, cuts: dict, multipliers: list) -> int | None:
        """A lower bound of the row where values are on the sides of 0 that cuts names; None where nothing is."""
        kept = {at: (list(self.values[at].lower), list(self.values[at].upper)) for at, _ in cuts}
        ends, row = self.ends, dict(row)
        try:
            for (at, i), sides in cuts.items():
                lower, upper = self.values[at].lower, self.values[at].upper
                if (lower[i] > 0 and -1 in sides) or (upper[i] < 0 and 1 in sides):
                    return None
                lower[i] = max(lower[i], 0) if 1 in sides else lower[i]
                upper[i] = min(upper[i], 0) if -1 in sides else upper[i]
            self.ends = self.values[0].lower, self.values[0].upper
            for value, element, weight in multipliers:
                added = [0] * self.program.sizes[value]
                added[element] = ceil_fixed(weight, self.bits)  # exact: bits are many more than a weight's
                self.add(row, value, added)
            return self.backward(row, 0, slopes)
        finally:
            self.ends = ends
            for at, (lower, upper) in kept.items():
                self.values[at].lower, self.values[at].upper = lower, upper

    def backward(self, row: dict, constant: int, slopes: dict | None) -> int:
        """A lower bound of sum over values of row[value]·value + constant. slopes: (ReLU's value, element) -> 0..256."""
        row = dict(row)
        for at in range(max(row), 0, -1):
            coefficients = row.pop(at, None)
            if coefficients is None or not any(coefficients):
                continue
            step = self.program.steps[at - 1]
            if isinstance(step, Linear):
                constant += self.backward_linear(step, self.values[at], coefficients, row)
            elif isinstance(step, Relu):
                constant += self.backward_relu(at, step, coefficients, slopes, row)
            elif isinstance(step, (Curve, ReluDifference)):
                constant += self.backward_curve(at, step, coefficients, slopes, row)
            else:
                constant += self.backward_maximum(step, coefficients, row)
        coefficients = row.get(0)
        if coefficients is None:
            return constant
        products = sum(c * (low if c > 0 else high) for c, low, high in zip(coefficients, *self.ends))
        return constant + (products >> self.bits)

    @staticmethod
    def add(row: dict, value: int, coefficients: list):
        row[value] = [a + b for a, b in zip(row[value], coefficients)] if value in row else coefficients

    def backward_linear(self, step: Linear, made: Value, coefficients: list, row: dict) -> int:
        gained = sum(map(mul, coefficients, step.bias)) >> step.power
        gained -= ceil_shift(sum(map(mul, map(abs, coefficients), made.radius)), self.bits)
        for value, rows, columns in step.blocks:
            operand = self.values[value]
            if columns:
                result = [sum(map(mul, coefficients, column)) >> step.power for column in columns]
            else:
                result = [0] * len(operand.lower)
                for a, (indices, weights) in zip(coefficients, rows):
                    if a:
                        for j, w in zip(indices, weights):
                            result[j] += a * w
                result = [c >> step.power for c in result]
            self.add(row, value, result)
            gained -= operand.row_unit
        return gained

    def backward_relu(self, at: int, step: Relu, coefficients: list, slopes: dict | None, row: dict) -> int:
        operand = self.values[step.operand]
        result, gained = [0] * step.size, 0
        for i, a in enumerate(coefficients):
            low, high = operand.lower[i], operand.upper[i]
            if self.hangs_on_tie(low, high) and a > 0 and slopes is not None and (at, i) in slopes:
                result[i] = a * slopes[at, i] >> 8  # as open as rounding could have made it
                continue
            if low >= 0:  # before the other case: both may hold
                result[i] = a
                continue
            if not a or high <= 0:
                continue
            slope, keep = self.relaxation(low, high)
            if a < 0:
                result[i] = a * slope >> self.bits
                gained += a * slope * -low >> 2 * self.bits
            elif slopes is not None and (at, i) in slopes:
                result[i] = a * slopes[at, i] >> 8
            else:
                result[i] = a * keep
        self.add(row, step.operand, result)
        return gained - operand.row_unit

    def backward_curve(self, at: int, step: Curve, coefficients: list, slopes: dict | None, row: dict) -> int:
        operand = self.values[step.operand]
        result, gained = [0] * step.size, 0
        for i, a in enumerate(coefficients):
            if not a:
                continue
            slope, offset, keep, keep_offset, _, _ = self.curve(step, i)
            if a > 0 and slopes is not None and (at, i) in slopes and operand.lower[i] < 0 < operand.upper[i]:
                leak = floor_fixed(step.low, self.bits)
                keep = leak + ((self.one - leak) * slopes[at, i] >> 8)
            result[i] = a * (slope if a < 0 else keep) >> self.bits
            gained += a * (offset if a < 0 else keep_offset) >> self.bits
        self.add(row, step.operand, result)
        return gained - operand.row_unit

    def backward_maximum(self, step: Maximum, coefficients: list, row: dict) -> int:
        operand = self.values[step.operand]
        result, gained = [0] * len(operand.lower), 0
        for i, a in enumerate(coefficients):
            if not a:
                continue
            slopes, offset, below, _, _ = self.maximum(step, i)
            if a > 0:
                result[below] += a
                continue
            gained += a * offset >> self.bits
            for j, slope in slopes.items():
                result[j] += a * slope >> self.bits
                gained -= ceil_shift(max(-operand.lower[j], operand.upper[j], 0), self.bits) + 1
        self.add(row, step.operand, result)
        return gained - operand.row_unit

    # The root section.

    def root(self, layers: list):
        """Bounds of all values over the whole case. layers: one of each ReLU; see certificate.Layer."""
        self.finish(self.values[0])
        layer_of = {id(self.program.steps[value - 1]): layer for value, layer in zip(self.program.relus, layers)}
        for at in range(len(self.program.steps) + 1):
            if at:
                self.interval(self.program.steps[at - 1])
                self.set_units(self.values[at])
            for user in self.benders(at)[:1]:  # a value that several read is substituted once, for the first of them
                layer = layer_of.get(id(user))
                tables = layer.slopes if layer and layer.mode in (1, 2) else None
                self.tighten(at, user, tables, layer.leaves if layer and layer.mode == 3 else None)
            self.set_units(self.values[at])

    def interval(self, step):
        if isinstance(step, Linear):
            return self.interval_linear(step)
        operand = self.values[step.operand]
        if isinstance(step, Relu):
            bounds = [(max(low, 0), max(high, 0)) for low, high in zip(operand.lower, operand.upper)]
        else:
            find = self.maximum if isinstance(step, Maximum) else self.curve
            bounds = [tuple(find(step, i)[-2:]) for i in range(step.size)]
        self.values.append(Value([low for low, _ in bounds], [high for _, high in bounds]))

    def interval_linear(self, step: Linear):
        radii = self.radii(step)
        made = Value([], [], radii)
        for i in range(step.size):
            low = high = step.bias[i] << self.bits
            for value, rows, _ in step.blocks:
                operand = self.values[value]
                for j, w in zip(*rows[i]):
                    low += w * (operand.lower[j] if w > 0 else operand.upper[j])
                    high += w * (operand.upper[j] if w > 0 else operand.lower[j])
            made.lower.append((low >> step.power) - radii[i])
            made.upper.append(ceil_shift(high, step.power) + radii[i])
        self.values.append(made)

    def use_root(self, root: "Bounder"):
        """Recipe 03: the root's bounds, cut by this leaf's phases; set_box has set the leaf's box."""
        cut, self.magnitude = {value for value, _ in self.phases}, root.magnitude
        box, self.values = self.values[0], []
        for at, value in enumerate(root.values):
            own = Value(list(value.lower), list(value.upper), value.radius) if at in cut else value
            self.values.append(own)
            for value_, i in self.phases if at == 0 else ():
                if value_ == 0:
                    own.lower[i], own.upper[i] = box.lower[i], box.upper[i]
            if at in cut:
                self.finish(own)

    # Rows over the outputs.

    def row_margin(self, row: "OutputRow", recipe: int, slopes: dict | None, multipliers: list) -> int:
        """The lower bound of the row; multipliers: (value, element, weight) with the sign of the phase applied."""
        outputs = self.values[self.program.output]
        constant = row.constant - outputs.row_unit - self.values[0].row_unit - row.distance(self.inputs, self.bits)
        start = {self.program.output: row.outputs}
        if any(row.inputs):
            self.add(start, 0, row.inputs)
        forward = self.forward_row(row, constant) if recipe in (FORWARD, BACKWARD) else None
        for value, element, weight in multipliers:
            added = [0] * self.program.sizes[value]
            added[element] = ceil_fixed(weight, self.bits)  # exact: bits are many more than a weight's
            self.add(start, value, added)
        bound = self.backward(start, constant, slopes)
        return bound if forward is None else max(bound, forward)

    def forward_row(self, row: "OutputRow", constant: int) -> int:
        outputs, width = self.values[self.program.output], len(self.centre) + 1
        total = [a << self.bits for a in row.inputs] + [sum(map(mul, row.inputs, self.centre))]
        for a, below, above in zip(row.outputs, outputs.below, outputs.above):
            form = below if a > 0 else above
            if a and form:
                total = [t + a * c for t, c in zip(total, form)]
        total = [c >> self.bits for c in total]
        assert len(total) == width
        total[-1] += constant - self.form_unit
        return self.least(total)


class OutputRow:
    """Sum of m_r (a_r·y + b_r·x - c_r), to be shown positive, rounded down to a unit in every coefficient."""

    def __init__(self, program: Program, rows: list, bits: int):
        """rows: of the property, with weights."""
        outputs = [Fraction(0)] * program.sizes[program.output]
        self.exact_inputs = [Fraction(0)] * program.sizes[0]
        constant = Fraction(0)
        for row, weight in rows:
            constant -= weight * row.bound
            for (letter, index), coefficient in row.coefficients.items():
                (self.exact_inputs if letter == "X" else outputs)[index] += weight * coefficient
        self.outputs = [floor_fixed(a, bits) for a in outputs]
        self.inputs = [floor_fixed(b, bits) for b in self.exact_inputs]
        self.constant = floor_fixed(constant, bits)
        self.format = program.format

    def distance(self, box: list, bits: int) -> int:
        """What the row may lose because x is the real point whose rounding is in the box."""
        if self.format is None:
            return 0
        far = sum(abs(b) * self.format.spacing(max(abs(low), abs(high))) / 2
                  for b, (low, high) in zip(self.exact_inputs, box) if b)
        return ceil_fixed(Fraction(far), bits)
