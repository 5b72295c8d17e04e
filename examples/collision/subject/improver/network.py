"""A ReLU network in numpy: ONNX in and out, widening, and training by Adam. Arrays are (features, batch), float32.

The result of training is to be the same bytes on every amd64 machine, so nothing here calls BLAS (whose kernels differ
from CPU to CPU): products are np.einsum, whose loops Debian's numpy compiles once for the amd64 baseline, without fused
multiply-add; no exp, log or normal variates are used either, whose last bits depend on vector extensions.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUTS, OUTPUTS = 5, 5


class Network:
    """weights[k]: (out, in), biases[k]: (out,); ReLU between the layers."""

    def __init__(self, weights, biases):
        self.weights = [np.ascontiguousarray(w, dtype=np.float32) for w in weights]
        self.biases = [np.ascontiguousarray(b, dtype=np.float32) for b in biases]

    @staticmethod
    def random(hidden, generator):
        """He-scaled uniform weights, zero biases."""
        sizes = [INPUTS, *hidden, OUTPUTS]
        weights = []
        for before, after in zip(sizes, sizes[1:]):
            bound = np.sqrt(6.0 / before)
            weights.append((generator.random((after, before)) * 2.0 - 1.0) * bound)
        return Network(weights, [np.zeros(after) for after in sizes[1:]])

    def copy(self):
        return Network([w.copy() for w in self.weights], [b.copy() for b in self.biases])

    @property
    def hidden(self):
        return [len(b) for b in self.biases[:-1]]

    def parameters(self):
        return self.weights + self.biases

    def between(self, other, share):
        """The network share of the way from this one to `other`, tensor by tensor; both have one shape."""
        mix = lambda a, b: a + np.float32(share) * (b - a)
        return Network([mix(a, b) for a, b in zip(self.weights, other.weights)],
                       [mix(a, b) for a, b in zip(self.biases, other.biases)])

    def names(self):
        """Of the parameters' tensors in the file, in the order of `parameters()`."""
        return [f"w{k}" for k in range(len(self.weights))] + [f"b{k}" for k in range(len(self.biases))]

    def layers(self, x):
        """Inputs of every layer, then the outputs."""
        values = [x]
        for k, (w, b) in enumerate(zip(self.weights, self.biases)):
            z = np.einsum("oi,ib->ob", w, values[-1]) + b[:, None]
            values.append(np.maximum(z, np.float32(0)) if k + 1 < len(self.weights) else z)
        return values

    def __call__(self, x):
        return self.layers(x)[-1]

    def gradients(self, values, output_gradient):
        """Of the parameters, in the order of `parameters()`, from `layers(x)`."""
        weight_gradients, bias_gradients = [], []
        delta = output_gradient
        for k in range(len(self.weights) - 1, -1, -1):
            weight_gradients.insert(0, np.einsum("ob,ib->oi", delta, values[k]))
            bias_gradients.insert(0, delta.sum(axis=1))
            if k:
                delta = np.einsum("oi,ob->ib", self.weights[k], delta) * (values[k] > 0)
        return weight_gradients + bias_gradients

    def wider(self, layer, count, generator):
        """`count` more neurons in a hidden layer, computing the same function up to rounding (Net2WiderNet: Chen,
        Goodfellow and Shlens, ICLR 2016): a copied neuron shares its outgoing weight with its copy, unevenly so that
        training tells them apart."""
        w, b, out = self.weights[layer], self.biases[layer], self.weights[layer + 1].copy()
        chosen = generator.choice(len(b), size=count, replace=False)
        share = (0.25 + 0.5 * generator.random(count)).astype(np.float32)
        copies = out[:, chosen] * share
        out[:, chosen] -= copies
        weights, biases = list(self.weights), list(self.biases)
        weights[layer], biases[layer] = np.vstack([w, w[chosen]]), np.concatenate([b, b[chosen]])
        weights[layer + 1] = np.hstack([out, copies])
        return Network(weights, biases)

    def deeper(self):
        """One more hidden layer before the last one, the identity at first (ReLU outputs are not negative)."""
        size = len(self.biases[-2])
        weights = [*self.weights[:-1], np.eye(size, dtype=np.float32), self.weights[-1]]
        return Network(weights, [*self.biases[:-1], np.zeros(size, dtype=np.float32), self.biases[-1]])


class Adam:
    """Kingma and Ba, ICLR 2015."""

    def __init__(self, network, rate):
        self.network, self.rate, self.steps = network, rate, 0
        self.first = [np.zeros_like(p) for p in network.parameters()]
        self.second = [np.zeros_like(p) for p in network.parameters()]
        self.decay1 = self.decay2 = 1.0

    def step(self, gradients, rate_share=1.0):
        self.decay1 *= 0.9
        self.decay2 *= 0.999
        scale = np.float32(self.rate * rate_share * np.sqrt(1.0 - self.decay2) / (1.0 - self.decay1))
        for p, g, m, v in zip(self.network.parameters(), gradients, self.first, self.second):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            p -= scale * m / (np.sqrt(v) + np.float32(1e-8))


def load(path):
    model = onnx.load(path)
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    gemms = [node for node in model.graph.node if node.op_type == "Gemm"]
    if len(gemms) < 2 or any(node.op_type not in ("Gemm", "Relu") for node in model.graph.node):
        raise ValueError(f"{path}: not a chain of Gemm and Relu")
    return Network([tensors[node.input[1]] for node in gemms], [tensors[node.input[2]] for node in gemms])


def to_bytes(network):
    nodes, tensors, last = [], [], "x"
    for k, (w, b) in enumerate(zip(network.weights, network.biases)):
        final = k + 1 == len(network.weights)
        tensors += [numpy_helper.from_array(w, f"w{k}"), numpy_helper.from_array(b, f"b{k}")]
        nodes.append(helper.make_node("Gemm", [last, f"w{k}", f"b{k}"], ["y" if final else f"z{k}"], transB=1))
        if not final:
            nodes.append(helper.make_node("Relu", [f"z{k}"], [f"a{k}"]))
            last = f"a{k}"
    graph = helper.make_graph(
        nodes, "collision-avoidance",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, OUTPUTS])], tensors)
    model = helper.make_model(graph, producer_name="pawl-example",
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model.SerializeToString()


def save(network, path):
    data = to_bytes(network)
    with open(path, "wb") as file:
        file.write(data)
