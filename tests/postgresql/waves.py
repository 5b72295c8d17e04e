"""A proof that falls into many parts of like size, whatever its length: two triangle waves of so many teeth.

  onnx.save(waves.network(16), "waves.onnx")      SPEC is its property: 1 is the most that there is
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

# 1 is reached everywhere along the crests of the first wave, so each of the teeth * teeth cells is as much work.
SPEC = """(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(assert (>= X_0 0))
(assert (<= X_0 1))
(assert (>= X_1 0))
(assert (<= X_1 1))
(assert (>= Y_0 1.02))
"""


def network(teeth):
    """y = relu(u + v - 1) + relu(u - v) of the triangle waves u(x0) and v(x1)."""
    count = 2 * teeth
    knots, waves = np.zeros((2 * count, 2)), np.zeros((2, 2 * count))
    for i in range(2):
        knots[i * count:(i + 1) * count, i] = 1
        waves[i, i * count:(i + 1) * count] = [count * (1 if k == 0 else 2 * (-1) ** k) for k in range(count)]
    layers = [(knots, -np.tile(np.arange(count) / count, 2)), (np.array([[1, 1], [1, -1]]) @ waves, np.array([-1, 0])),
              (np.ones((1, 2)), np.zeros(1))]
    nodes, constants, value = [], [], "x"
    for i, (weights, bias) in enumerate(layers):
        constants += [numpy_helper.from_array(np.asarray(array, np.float32), name)
                      for array, name in ((weights, f"W{i}"), (bias, f"b{i}"))]
        nodes.append(helper.make_node("Gemm", [value, f"W{i}", f"b{i}"], [f"h{i}"], transB=1))
        value = f"h{i}"
        if i < 2:
            nodes.append(helper.make_node("Relu", [value], [f"r{i}"]))
            value = f"r{i}"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (("x", 2), (value, 1))]
    model = helper.make_model(helper.make_graph(nodes, "waves", ends[:1], ends[1:], constants),
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    return model
