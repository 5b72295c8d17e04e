"""ONNX bytes to a list of nodes over flat values, reading only the protobuf fields that are needed.

Constants stay exact: (integer, power) pairs are made from them later, here they are Python floats, which hold float32
and float64 values without rounding.
"""
import math
import struct
from dataclasses import dataclass, field

from . import Refused

OPERATORS = {"Gemm", "MatMul", "Add", "Sub", "Mul", "Relu", "Flatten", "Reshape", "Identity", "Squeeze", "Unsqueeze",
             "Transpose", "Constant", "Conv", "AveragePool", "GlobalAveragePool", "MaxPool", "BatchNormalization", "Div",
             "LeakyRelu", "Clip", "Sigmoid", "Tanh"}
FLOAT, INT64, DOUBLE = 1, 7, 11
ELEMENTS_MAX = 1 << 25


def malformed(rule: str, message: str = "") -> Refused:
    return Refused("malformed", "onnx." + rule, message)


def varint(data: bytes, at: int) -> tuple:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise malformed("truncated")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value & (1 << 64) - 1, at


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def fields(data: bytes) -> dict:
    """number -> list of values: integers, or bytes for the fixed and length-delimited wire types."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        else:
            if wire == 2:
                size, at = varint(data, at)
            elif wire in (1, 5):
                size = 8 if wire == 1 else 4
            else:
                raise malformed("wire-type")
            if at + size > len(data):
                raise malformed("truncated")
            value, at = data[at:at + size], at + size
        found.setdefault(number, []).append(value)
    return found


def text(message: dict, number: int) -> str:
    values = message.get(number, [b""])
    return values[-1].decode("utf-8", "surrogateescape")


def integer(message: dict, number: int, otherwise: int = 0) -> int:
    return signed(message[number][-1]) if number in message else otherwise


def integers(message: dict, number: int) -> list:
    """A repeated integer field, packed or not."""
    result = []
    for value in message.get(number, []):
        if isinstance(value, int):
            result.append(signed(value))
            continue
        at = 0
        while at < len(value):
            one, at = varint(value, at)
            result.append(signed(one))
    return result


def packed(message: dict, number: int, kind: str) -> list:
    size = struct.calcsize(kind)
    data = b"".join(message.get(number, []))
    if len(data) % size:
        raise malformed("truncated")
    return list(struct.unpack(f"<{len(data) // size}{kind}", data))


@dataclass
class Value:
    shape: tuple
    constant: list | None = None  # flat, row-major
    origin: str = ""  # the initialiser or Constant that a constant was relabelled from


@dataclass
class Node:
    """One operation on flat values. Activations are numbered: 0 is the input, i + 1 what nodes[i] computes."""
    kind: str  # "affine", "scale", "shift", "sum", "relu", "window", "norm", "divide", "max", "leaky", "clip", "sigmoid", "tanh"
    inputs: list
    size: int
    weights: list = field(default_factory=list)  # affine: one list a row; scale: one number an element
    bias: list | None = None
    alpha: float = 1.0
    beta: float = 1.0
    sign: int = 1  # shift: of the operand; sum: of the second operand
    from_matmul: bool = False
    rows: list = field(default_factory=list)  # window: (indices, weights) of each; max: the members of each
    divisors: list | None = None  # window: of an average, one a row
    products: int = 0  # window: n
    norm: list = field(default_factory=list)  # norm: (scale, bias, mean, variance) of each element
    low: float = -math.inf  # clip; leaky: the slope
    high: float = math.inf
    # Origins of its constants: of weights, of what is added, and of all others.
    weights_from: str = ""
    bias_from: str = ""
    others_from: list = field(default_factory=list)


@dataclass
class Network:
    element: str  # "float32" or "float64"
    input_size: int
    output: int
    nodes: list
    sizes: list
    origins: set  # names of float constants that are raw data, and that no number of the graph is read from

    @property
    def output_size(self) -> int:
        return self.sizes[self.output]


def count(shape) -> int:
    return math.prod(shape)


def read_tensor(message: dict, element: list) -> Value:
    for number, what in ((14, "external data"), (3, "a segment"), (6, "strings")):
        if number in message and not (number == 14 and message[14] == [0]):
            raise malformed("unsupported-tensor", what)
    shape = tuple(integers(message, 1))
    kind = integer(message, 2)
    if any(axis < 1 for axis in shape) or count(shape) > ELEMENTS_MAX:
        raise malformed("shape")
    formats = {FLOAT: ("f", 4), DOUBLE: ("d", 10), INT64: ("q", 7)}
    if kind not in formats:
        raise malformed("unsupported-tensor", f"data type {kind}")
    letter, number = formats[kind]
    if 9 in message:
        if number in message:
            raise malformed("unsupported-tensor", "data given twice")
        values = packed({9: message[9][-1:]}, 9, letter)
    else:
        values = integers(message, 7) if kind == INT64 else packed(message, number, letter)
    if len(values) != count(shape):
        raise malformed("shape", "elements of a tensor")
    if kind != INT64:
        if not all(map(math.isfinite, values)):
            raise malformed("non-finite")
        element.append(kind)
    return Value(shape, values)


def strided(values: list, shape: tuple, steps: list) -> list:
    result = [0]
    for axis, step in zip(shape, steps):
        result = [base + i * step for base in result for i in range(axis)]
    return [values[i] for i in result]


def steps_of(shape: tuple) -> list:
    steps = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        steps[i] = steps[i + 1] * shape[i + 1]
    return steps


def broadcast(value: Value, shape: tuple) -> list:
    own = (1,) * (len(shape) - len(value.shape)) + tuple(value.shape)
    if len(own) != len(shape) or any(a not in (1, b) for a, b in zip(own, shape)):
        raise malformed("shape", "broadcast")
    return strided(value.constant, shape, [0 if a == 1 else s for a, s in zip(own, steps_of(own))])


def transposed(matrix: list) -> list:
    return [list(column) for column in zip(*matrix)]


class Builder:
    def __init__(self, model: dict):
        if not 3 <= integer(model, 1) <= 10:
            raise malformed("ir-version")
        for number in (20, 25):  # training information, functions
            if number in model:
                raise malformed("unsupported-model")
        opsets = {}
        for entry in map(fields, model.get(8, [])):
            domain = text(entry, 1)
            opsets["" if domain == "ai.onnx" else domain] = integer(entry, 2)
        self.opset = opsets.get("", 0)
        if not 7 <= self.opset <= 21:
            raise malformed("opset")
        if len(model.get(7, [])) != 1:
            raise malformed("no-graph")
        graph = fields(model[7][0])
        if 15 in graph:
            raise malformed("unsupported-tensor", "sparse")
        self.element, self.values, self.nodes, self.sizes, self.activations = [], {}, [], [], {}
        self.origins = set()
        for tensor in map(fields, graph.get(5, [])):
            self.define(text(tensor, 8), self.named(text(tensor, 8), tensor))
        self.read_ends(graph)
        for node in map(fields, graph.get(1, [])):
            self.add(node)
        if self.result not in self.activations:
            raise malformed("undefined-value", "the output")
        if set(self.element) != {FLOAT} and set(self.element) != {DOUBLE}:
            raise malformed("element-type")

    def named(self, name: str, tensor: dict) -> Value:
        value = read_tensor(tensor, self.element)
        if 9 in tensor and integer(tensor, 2) != INT64:
            self.origins.add(name)
        return Value(value.shape, value.constant, name)

    def define(self, name: str, value: Value):
        if not name or name in self.values:
            raise malformed("duplicate-name", name)
        self.values[name] = value

    def read_ends(self, graph: dict):
        inputs = [fields(entry) for entry in graph.get(11, [])]
        inputs = [entry for entry in inputs if text(entry, 1) not in self.values]
        outputs = [fields(entry) for entry in graph.get(12, [])]
        if len(inputs) != 1 or len(outputs) != 1:
            raise malformed("inputs", "one input and one output are supported")
        self.result = text(outputs[0], 1)
        kind = fields(fields(inputs[0].get(2, [b""])[-1]).get(1, [b""])[-1])
        axes = []
        for at, axis in enumerate(map(fields, fields(kind.get(2, [b""])[-1]).get(1, []))):
            if 1 in axis:
                axes.append(integer(axis, 1))
            elif at == 0:
                axes.append(1)
            else:
                raise malformed("shape", "a symbolic axis")
        if 2 not in kind or any(axis < 1 for axis in axes) or count(axes) > ELEMENTS_MAX:
            raise malformed("shape", "of the input")
        self.element.append(integer(kind, 1))
        name = text(inputs[0], 1)
        self.define(name, Value(tuple(axes)))
        self.activations[name] = 0
        self.sizes.append(count(axes))

    def attributes(self, node: dict, allowed: dict) -> dict:
        """Values of the allowed attributes; allowed[name] is ("f" or "i" or "is" or "t", value where absent)."""
        result = {name: otherwise for name, (_, otherwise) in allowed.items()}
        for attribute in map(fields, node.get(5, [])):
            name = text(attribute, 1)
            if name not in allowed:
                raise malformed("unsupported-attribute", name)
            kind = allowed[name][0]
            if kind == "f":
                result[name] = struct.unpack("<f", attribute[2][-1])[0] if 2 in attribute else 0.0
            elif kind == "i":
                result[name] = integer(attribute, 3)
            elif kind == "is":
                result[name] = integers(attribute, 8)
            else:
                result[name] = fields(attribute[5][-1])
        return result

    def add(self, node: dict):
        operator, domain = text(node, 4), text(node, 7)
        if operator not in OPERATORS or domain not in ("", "ai.onnx"):
            raise malformed("unsupported-operator", operator)
        names = [value.decode("utf-8", "surrogateescape") for value in node.get(1, [])]
        while names and names[-1] == "":
            names.pop()
        outputs = [value.decode("utf-8", "surrogateescape") for value in node.get(2, [])]
        if len(outputs) != 1:
            raise malformed("outputs")
        if any(name not in self.values for name in names):
            raise malformed("undefined-value", str(names))
        inputs = [self.values[name] for name in names]
        places = [self.activations.get(name) for name in names]
        if operator == "Constant":
            self.define(outputs[0], self.named(outputs[0], self.attributes(node, {"value": ("t", None)})["value"]))
            return
        if operator in ("Flatten", "Reshape", "Identity", "Squeeze", "Unsqueeze", "Transpose"):
            value = self.relabel(operator, node, inputs)
            self.define(outputs[0], value)
            if value.constant is None:
                self.activations[outputs[0]] = places[0]
            return
        made, shape = self.MAKERS[operator](self, node, inputs, places)
        for at, value in enumerate(inputs):
            if value.constant is None:
                continue
            if operator in ("Add", "Sub") or at == 2 and operator in ("Gemm", "Conv"):
                made.bias_from = value.origin
            elif operator in ("Gemm", "MatMul", "Conv"):
                made.weights_from = value.origin
            else:
                made.others_from.append(value.origin)
        if operator == "Clip":
            self.origins.difference_update(made.others_from)
        self.define(outputs[0], Value(tuple(shape)))
        self.nodes.append(made)
        self.sizes.append(made.size)
        self.activations[outputs[0]] = len(self.nodes)

    def relabel(self, operator: str, node: dict, inputs: list) -> Value:
        if not inputs:
            raise malformed("inputs")
        old = inputs[0].shape
        if operator == "Identity":
            self.attributes(node, {})
            return inputs[0]
        if operator == "Transpose":
            order = self.attributes(node, {"perm": ("is", None)})["perm"]
            order = list(reversed(range(len(old)))) if order is None else order
            if sorted(order) != list(range(len(old))):
                raise malformed("shape", "Transpose")
            steps, shape = steps_of(old), tuple(old[axis] for axis in order)
            if inputs[0].constant is not None:
                return Value(shape, strided(inputs[0].constant, shape, [steps[axis] for axis in order]), inputs[0].origin)
            if [axis for axis in order if old[axis] > 1] != sorted(axis for axis in order if old[axis] > 1):
                raise malformed("unsupported-operator", "a Transpose that moves elements")
            return Value(shape)
        if operator == "Flatten":
            axis = self.attributes(node, {"axis": ("i", 1)})["axis"]
            axis += len(old) if axis < 0 else 0
            if not 0 <= axis <= len(old):
                raise malformed("shape", "Flatten")
            shape = (count(old[:axis]), count(old[axis:]))
        elif operator == "Reshape":
            allow_zero = self.attributes(node, {"allowzero": ("i", 0)})["allowzero"]
            wanted = self.whole_numbers(inputs, 1)
            shape = [old[i] if axis == 0 and not allow_zero and i < len(old) else axis for i, axis in enumerate(wanted)]
            if shape.count(-1) == 1:
                rest = -count(shape)
                if rest <= 0 or count(old) % rest:
                    raise malformed("shape", "Reshape")
                shape[shape.index(-1)] = count(old) // rest
        else:
            attributes = self.attributes(node, {"axes": ("is", None)} if self.opset < 13 else {})
            axes = attributes.get("axes") if self.opset < 13 else self.whole_numbers(inputs, 1, optional=True)
            rank = len(old) + (len(axes or []) if operator == "Unsqueeze" else 0)
            if operator == "Squeeze" and axes is None:
                axes = [i for i, axis in enumerate(old) if axis == 1]
            if axes is None or any(not -rank <= axis < rank for axis in axes):
                raise malformed("shape", operator)
            axes = {axis % rank for axis in axes}
            if operator == "Squeeze":
                if any(old[axis] != 1 for axis in axes):
                    raise malformed("shape", "Squeeze")
                shape = [axis for i, axis in enumerate(old) if i not in axes]
            else:
                if len(axes) != rank - len(old):
                    raise malformed("shape", "Unsqueeze")
                rest = iter(old)
                shape = [1 if i in axes else next(rest) for i in range(rank)]
        if any(axis < 1 for axis in shape) or count(shape) != count(old):
            raise malformed("shape", operator)
        return Value(tuple(shape), inputs[0].constant, inputs[0].origin)

    @staticmethod
    def whole_numbers(inputs: list, at: int, optional: bool = False):
        if len(inputs) <= at:
            if optional:
                return None
            raise malformed("inputs")
        if inputs[at].constant is None or not all(isinstance(v, int) for v in inputs[at].constant):
            raise malformed("inputs", "a constant list of integers is needed")
        return inputs[at].constant

    def matrix(self, value: Value) -> list:
        if len(value.shape) < 2 or any(axis != 1 for axis in value.shape[:-2]) or isinstance(value.constant[0], int):
            raise malformed("shape", "a matrix is needed")
        rows, columns = value.shape[-2:]
        return [value.constant[i * columns:(i + 1) * columns] for i in range(rows)]

    def gemm(self, node, inputs, places):
        attributes = self.attributes(node, {"alpha": ("f", 1.0), "beta": ("f", 1.0), "transA": ("i", 0),
                                            "transB": ("i", 0)})
        if len(inputs) not in (2, 3) or (inputs[0].constant is None) == (inputs[1].constant is None):
            raise malformed("inputs", "Gemm")
        if not all(math.isfinite(attributes[name]) for name in ("alpha", "beta")):
            raise malformed("non-finite")
        if any(len(value.shape) != 2 for value in inputs[:2]):
            raise malformed("shape", "Gemm")
        flip = (attributes["transA"] != 0, attributes["transB"] != 0)
        shapes = [value.shape[::-1] if flip[i] else value.shape for i, value in enumerate(inputs[:2])]
        if shapes[0][1] != shapes[1][0]:
            raise malformed("shape", "Gemm")
        shape = (shapes[0][0], shapes[1][1])
        left = inputs[0].constant is not None
        weights = self.matrix(inputs[0] if left else inputs[1])
        if left and flip[0] or not left and not flip[1]:
            weights = transposed(weights)
        if shape[1 if left else 0] != 1:
            raise malformed("unsupported-operator", "Gemm of more than one row")
        bias = None
        if len(inputs) == 3:
            if inputs[2].constant is None:
                raise malformed("inputs", "Gemm")
            bias = broadcast(inputs[2], shape)
        place = places[1] if left else places[0]
        return Node("affine", [place], count(shape), weights, bias, attributes["alpha"], attributes["beta"]), shape

    def matmul(self, node, inputs, places):
        self.attributes(node, {})
        if len(inputs) != 2 or (inputs[0].constant is None) == (inputs[1].constant is None):
            raise malformed("inputs", "MatMul")
        left = inputs[0].constant is not None
        constant, value = (inputs[0], inputs[1]) if left else (inputs[1], inputs[0])
        own = value.shape
        if len(constant.shape) == 1:  # a row on the left, a column on the right
            constant = Value((1, *constant.shape) if left else (*constant.shape, 1), constant.constant)
            keep = False
        else:
            keep = True
        weights = self.matrix(constant)
        weights = weights if left else transposed(weights)
        if not own or len(weights[0]) != count(own):
            raise malformed("shape", "MatMul")
        if len(own) > 1 and own[-2 if left else -1] != count(own):
            raise malformed("unsupported-operator", "MatMul of more than one row")
        extent = [len(weights)] if keep else []
        leading = max(len(own), len(constant.shape)) - 2
        if len(own) == 1:
            shape = [1] * leading + extent
        else:
            shape = [1] * leading + (extent + [1] if left else [1] + extent)
        return Node("affine", [places[1] if left else places[0]], len(weights), weights, from_matmul=True), shape

    def add_or_sub(self, inputs, places, sign):
        if len(inputs) != 2:
            raise malformed("inputs")
        constants = [value.constant is not None for value in inputs]
        if all(constants):
            raise malformed("unsupported-operator", "a constant is computed")
        if not any(constants):
            if inputs[0].shape != inputs[1].shape:
                raise malformed("shape", "a sum of different shapes")
            return Node("sum", list(places), count(inputs[0].shape), sign=sign), inputs[0].shape
        at = constants.index(False)
        shape = self.same(inputs[at].shape, inputs[1 - at].shape)
        offset = broadcast(inputs[1 - at], shape)
        if at == 0:
            return Node("shift", [places[0]], count(shape), bias=[sign * v for v in offset]), shape
        return Node("shift", [places[1]], count(shape), bias=offset, sign=sign), shape

    @staticmethod
    def same(activation: tuple, constant: tuple) -> tuple:
        """The shape after broadcasting, which may gain axes of 1 but no elements."""
        return (1,) * (len(constant) - len(activation)) + tuple(activation)

    def sum(self, node, inputs, places):
        self.attributes(node, {})
        return self.add_or_sub(inputs, places, 1)

    def sub(self, node, inputs, places):
        self.attributes(node, {})
        return self.add_or_sub(inputs, places, -1)

    def mul(self, node, inputs, places):
        self.attributes(node, {})
        constants = [value.constant is not None for value in inputs]
        if constants not in ([True, False], [False, True]):
            raise malformed("unsupported-operator", "Mul of two values")
        at = constants.index(False)
        shape = self.same(inputs[at].shape, inputs[1 - at].shape)
        return Node("scale", [places[at]], count(shape), broadcast(inputs[1 - at], shape)), shape

    def div(self, node, inputs, places):
        self.attributes(node, {})
        if len(inputs) != 2 or inputs[0].constant is not None or inputs[1].constant is None:
            raise malformed("unsupported-operator", "Div that is not by a constant")
        shape = self.same(inputs[0].shape, inputs[1].shape)
        divisors = broadcast(inputs[1], shape)
        if not all(divisors):
            raise malformed("division-by-zero")
        return Node("divide", [places[0]], count(shape), divisors), shape

    def windows(self, shape: tuple, attributes: dict) -> tuple:
        """(lengths of the result's axes, for each position the list of (place in the kernel, place in a channel))."""
        lengths, kernel = shape[2:], attributes["kernel_shape"]
        rank = len(lengths)
        strides, dilations = attributes["strides"] or [1] * rank, attributes.get("dilations") or [1] * rank
        pads = attributes["pads"] or [0] * 2 * rank
        if len(shape) < 3 or shape[0] != 1 or not len(kernel) == len(strides) == len(dilations) == len(pads) // 2 == rank:
            raise malformed("shape", "a window")
        if min(*kernel, *strides, *dilations) < 1 or min(pads) < 0 or attributes.get("ceil_mode"):
            raise malformed("unsupported-attribute", "a window")
        made = [(lengths[i] + pads[i] + pads[i + rank] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1
                for i in range(rank)]
        if min(made) < 1:
            raise malformed("shape", "a window")
        positions = [[]]
        for i in range(rank):
            positions = [[*p, at] for p in positions for at in range(made[i])]
        taps = []
        for position in positions:
            here = [(0, 0)]
            for i in range(rank):
                covered = [(k, position[i] * strides[i] - pads[i] + k * dilations[i]) for k in range(kernel[i])]
                here = [(a * kernel[i] + k, b * lengths[i] + x) for a, b in here for k, x in covered
                        if 0 <= x < lengths[i]]
            taps.append(here)
        return tuple(made), taps

    WINDOW = {"kernel_shape": ("is", None), "strides": ("is", None), "pads": ("is", None)}

    def conv(self, node, inputs, places):
        attributes = self.attributes(node, {**self.WINDOW, "dilations": ("is", None), "group": ("i", 1)})
        if len(inputs) not in (2, 3) or places[0] is None or any(value.constant is None for value in inputs[1:]):
            raise malformed("inputs", "Conv")
        shape, own = inputs[0].shape, inputs[1].shape
        attributes["kernel_shape"] = attributes["kernel_shape"] or list(own[2:])
        groups, channels = attributes["group"], own[0]
        if len(own) != len(shape) or tuple(attributes["kernel_shape"]) != tuple(own[2:]) or channels % groups or (
                own[1] * groups != shape[1]) or (len(inputs) == 3 and inputs[2].shape != (channels,)):
            raise malformed("shape", "Conv")
        made, taps = self.windows(shape, attributes)
        kernel, area, rows = count(own[2:]), count(shape[2:]), []
        for m in range(channels):
            first = m // (channels // groups) * own[1]
            for here in taps:
                rows.append(([(first + c) * area + x for c in range(own[1]) for _, x in here],
                             [inputs[1].constant[(m * own[1] + c) * kernel + k] for c in range(own[1]) for k, _ in here]))
        bias = [b for b in inputs[2].constant for _ in taps] if len(inputs) == 3 else None
        return Node("window", [places[0]], len(rows), bias=bias, rows=rows, products=own[1] * kernel,
                    weights=[sum(map(abs, inputs[1].constant[m * own[1] * kernel:(m + 1) * own[1] * kernel]))
                             for m in range(channels) for _ in taps]), (1, channels, *made)

    def average(self, node, inputs, places):
        attributes = self.attributes(node, {**self.WINDOW, "count_include_pad": ("i", 0), "ceil_mode": ("i", 0)})
        return self.pool(inputs, places, attributes)

    def global_average(self, node, inputs, places):
        self.attributes(node, {})
        if len(inputs) != 1 or len(inputs[0].shape) < 3:
            raise malformed("shape", "GlobalAveragePool")
        return self.pool(inputs, places, {"kernel_shape": list(inputs[0].shape[2:]), "strides": None, "pads": None})

    def pool(self, inputs, places, attributes):
        if len(inputs) != 1 or places[0] is None or attributes["kernel_shape"] is None:
            raise malformed("inputs", "a pool")
        shape = inputs[0].shape
        made, taps = self.windows(shape, attributes)
        kernel, area = count(attributes["kernel_shape"]), count(shape[2:])
        rows = [([c * area + x for _, x in here], [1.0] * len(here)) for c in range(shape[1]) for here in taps]
        divisors = [kernel if attributes.get("count_include_pad") else len(here) for _ in range(shape[1]) for here in taps]
        return Node("window", [places[0]], len(rows), rows=rows, divisors=divisors, products=kernel,
                    weights=[float(kernel)] * len(rows)), (1, shape[1], *made)

    def max_pool(self, node, inputs, places):
        attributes = self.attributes(node, {**self.WINDOW, "dilations": ("is", None), "ceil_mode": ("i", 0),
                                            "storage_order": ("i", 0)})
        made, _ = self.pool(inputs, places, {**attributes, "dilations": None})
        lengths, taps = self.windows(inputs[0].shape, attributes)
        area = count(inputs[0].shape[2:])
        rows = [[c * area + x for _, x in here] for c in range(inputs[0].shape[1]) for here in taps]
        if not all(rows):
            raise malformed("shape", "a maximum of nothing")
        return Node("max", [places[0]], len(rows), rows=rows), (1, inputs[0].shape[1], *lengths)

    def normalisation(self, node, inputs, places):
        attributes = self.attributes(node, {"epsilon": ("f", struct.unpack("<f", struct.pack("<f", 1e-5))[0]),
                                            "momentum": ("f", 0.9), "training_mode": ("i", 0)})
        if len(inputs) != 5 or places[0] is None or any(value.constant is None for value in inputs[1:]):
            raise malformed("inputs", "BatchNormalization")
        shape = inputs[0].shape
        if attributes["training_mode"] or len(shape) < 2 or shape[0] != 1 or any(
                value.shape != (shape[1],) for value in inputs[1:]):
            raise malformed("shape", "BatchNormalization")
        each = list(zip(*(value.constant for value in inputs[1:])))
        if any(variance + attributes["epsilon"] <= 0 for _, _, _, variance in each):
            raise malformed("non-finite", "BatchNormalization")
        norm = [(*each[i // count(shape[2:])], attributes["epsilon"]) for i in range(count(shape))]
        return Node("norm", [places[0]], count(shape), norm=norm), shape

    def clip(self, node, inputs, places):
        names = {} if self.opset >= 11 else {"min": ("f", -math.inf), "max": ("f", math.inf)}
        limits = list(self.attributes(node, names).values()) or [-math.inf, math.inf]
        for at, value in enumerate(inputs[1:]):
            if value.constant is None or len(value.constant) != 1 or self.opset < 11:
                raise malformed("inputs", "Clip")
            limits[at] = value.constant[0]
        if places[0] is None or limits[0] > limits[1]:
            raise malformed("inputs", "Clip")
        return Node("clip", [places[0]], count(inputs[0].shape), low=limits[0], high=limits[1]), inputs[0].shape

    def leaky(self, node, inputs, places):
        slope = self.attributes(node, {"alpha": ("f", struct.unpack("<f", struct.pack("<f", 0.01))[0])})["alpha"]
        return self.curve("leaky", inputs, places, slope)

    def sigmoid(self, node, inputs, places):
        self.attributes(node, {})
        return self.curve("sigmoid", inputs, places)

    def tanh(self, node, inputs, places):
        self.attributes(node, {})
        return self.curve("tanh", inputs, places)

    @staticmethod
    def curve(kind, inputs, places, low=0.0):
        if len(inputs) != 1 or places[0] is None:
            raise malformed("inputs", kind)
        return Node(kind, [places[0]], count(inputs[0].shape), low=low), inputs[0].shape

    def relu(self, node, inputs, places):
        self.attributes(node, {})
        if len(inputs) != 1 or places[0] is None:
            raise malformed("inputs", "Relu")
        return Node("relu", [places[0]], count(inputs[0].shape)), inputs[0].shape

    MAKERS = {"Gemm": gemm, "MatMul": matmul, "Add": sum, "Sub": sub, "Mul": mul, "Div": div, "Relu": relu,
              "Conv": conv, "AveragePool": average, "GlobalAveragePool": global_average, "MaxPool": max_pool,
              "BatchNormalization": normalisation, "LeakyRelu": leaky, "Clip": clip, "Sigmoid": sigmoid, "Tanh": tanh}


def with_biases(builder: Builder, output: int) -> tuple:
    """MatMul followed by the addition of a constant, and nothing else, becomes one node with a bias."""
    uses = {}
    for node in builder.nodes:
        for place in node.inputs:
            uses[place] = uses.get(place, 0) + 1
    uses[output] = uses.get(output, 0) + 1
    nodes, sizes, moved = [], [builder.sizes[0]], {0: 0}
    for at, node in enumerate(builder.nodes):
        source = builder.nodes[node.inputs[0] - 1] if node.inputs[0] else None
        if node.kind == "shift" and node.sign == 1 and source and source.from_matmul and uses[node.inputs[0]] == 1:
            nodes[moved[node.inputs[0]] - 1].bias = node.bias
            nodes[moved[node.inputs[0]] - 1].bias_from = node.bias_from
            moved[at + 1] = moved[node.inputs[0]]
            continue
        node.inputs = [moved[place] for place in node.inputs]
        nodes.append(node)
        sizes.append(node.size)
        moved[at + 1] = len(nodes)
    return nodes, sizes, moved[output]


def without_unused(nodes: list, sizes: list, output: int) -> tuple:
    """The nodes that the output depends on, numbered anew."""
    used = {output}
    for place in range(len(nodes), 0, -1):
        if place in used:
            used.update(nodes[place - 1].inputs)
    kept, kept_sizes, moved = [], [sizes[0]], {0: 0}
    for place, node in enumerate(nodes, start=1):
        if place in used:
            node.inputs = [moved[source] for source in node.inputs]
            kept.append(node)
            kept_sizes.append(node.size)
            moved[place] = len(kept)
    return kept, kept_sizes, moved[output]


def read_network(data: bytes) -> Network:
    if len(data) > 1 << 28:
        raise Refused("limit", "onnx.limit", "bytes")
    try:
        builder = Builder(fields(data))
    except (TypeError, AttributeError, IndexError, ValueError, struct.error) as error:
        raise malformed("wire-type", "a field is not of its type") from error
    nodes, sizes, output = without_unused(*with_biases(builder, builder.activations[builder.result]))
    element = "float32" if builder.element[0] == FLOAT else "float64"
    return Network(element, sizes[0], output, nodes, sizes, builder.origins)
