"""Reads a candidate's network and runs it: the evaluator's own reader, strict because the file may be hostile.

Accepted: one chain Gemm, Relu, Gemm, ..., Gemm with float32 weights from 5 inputs to 5 outputs, at most LAYERS_MAX
layers of at most WIDTH_MAX neurons, every number finite. Everything else is a ValueError, and so no trial.
"""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

BYTES_MAX = 1 << 20
LAYERS_MAX = 8
WIDTH_MAX = 256
INPUTS, OUTPUTS = 5, 5


def _require(condition, what):
    if not condition:
        raise ValueError(f"policy.onnx: {what}")


def _tensor(tensor):
    _require(tensor.data_type == TensorProto.FLOAT, f"{tensor.name} is not float32")
    _require(tensor.data_location == TensorProto.DEFAULT, f"{tensor.name} lies outside the file")
    _require(1 <= len(tensor.dims) <= 2 and all(0 < d <= WIDTH_MAX for d in tensor.dims), f"{tensor.name} has odd sizes")
    array = numpy_helper.to_array(tensor)
    _require(np.isfinite(array).all(), f"{tensor.name} holds a number that is not finite")
    return array


def _gemm_layer(node, tensors):
    attributes = {a.name: a for a in node.attribute}
    _require(attributes.keys() <= {"alpha", "beta", "transA", "transB"}, f"unknown attribute of {node.name}")
    _require(all(attributes[k].f == 1.0 for k in ("alpha", "beta") if k in attributes), "alpha and beta must be 1")
    _require("transA" not in attributes or attributes["transA"].i == 0, "transA must be 0")
    _require(len(node.input) == 3 and node.input[1] in tensors and node.input[2] in tensors, "weights must be constants")
    weights, bias = tensors[node.input[1]], tensors[node.input[2]]
    _require(weights.ndim == 2 and bias.ndim == 1, "weights must be a matrix and a vector")
    if "transB" not in attributes or attributes["transB"].i == 0:
        weights = weights.T
    _require(weights.shape[0] == len(bias), "sizes of weights and bias differ")
    return np.ascontiguousarray(weights), bias


def read(path):
    """The layers [(weights (out, in), bias (out,)), ...]."""
    with open(path, "rb") as file:
        data = file.read(BYTES_MAX + 1)
    _require(len(data) <= BYTES_MAX, f"larger than {BYTES_MAX} bytes")
    try:
        graph = onnx.load_model_from_string(data).graph
    except Exception as error:  # protobuf's own exception types differ between its implementations
        raise ValueError(f"policy.onnx: not an ONNX file: {error}") from error
    _require(len(graph.input) == 1 and len(graph.output) == 1, "one input and one output expected")
    _require(0 < len(graph.node) <= 2 * LAYERS_MAX and len(graph.initializer) <= 2 * LAYERS_MAX, "too many layers")
    _require(len({t.name for t in graph.initializer}) == len(graph.initializer), "two tensors have one name")
    tensors = {t.name: _tensor(t) for t in graph.initializer}
    names = [graph.input[0].name] + [name for node in graph.node for name in node.output]
    _require(len(set(names)) == len(names) and not tensors.keys() & set(names), "two values have one name")
    layers, value = [], graph.input[0].name
    for position, node in enumerate(graph.node):
        expected = "Relu" if position % 2 else "Gemm"
        _require(node.op_type == expected and node.domain == "", f"{expected} expected, found {node.op_type}")
        _require(len(node.input) > 0 and node.input[0] == value and len(node.output) == 1, "not a plain chain")
        value = node.output[0]
        if expected == "Gemm":
            layers.append(_gemm_layer(node, tensors))
    _require(value == graph.output[0].name and len(graph.node) % 2 == 1, "the chain does not end in the output")
    sizes = [INPUTS] + [len(bias) for _, bias in layers]
    _require(all(w.shape[1] == size for (w, _), size in zip(layers, sizes)) and sizes[-1] == OUTPUTS, "sizes differ")
    return layers


def run(layers, x):
    """Outputs (5, n) for inputs (5, n), in float32. No BLAS: the same on every CPU (np.einsum's own loops)."""
    for k, (weights, bias) in enumerate(layers):
        x = np.einsum("oi,ib->ob", weights, x) + bias[:, None]
        if k + 1 < len(layers):
            x = np.maximum(x, np.float32(0))
    _require(np.isfinite(x).all(), "an output is not finite")
    return x


def advisories(layers, x):
    """The cheapest advisory for each column; of equal ones the first."""
    return run(layers, x).argmin(axis=0)
