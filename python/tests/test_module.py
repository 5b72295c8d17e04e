"""A PyTorch module as a candidate. The export itself is tested where PyTorch is installed, and skipped, with word of it,
where it is not."""

import importlib.util
import sys
import unittest
import unittest.mock

from stand_in import StandInTest, current, position
import pawl


class Modules(StandInTest):
    def client(self):
        answers = {"--file=policy.onnx": (b"old", 0), "current": (current(files={"policy.onnx": ""}), 0)}
        self.pawl({**answers, "propose": (position(), 6)})
        program = self.folder / "pawl"  # keeps what is proposed, which is removed afterwards
        keep = f'case "$*" in *propose*) for last; do :; done; cp -r "$last" {self.folder}/proposed;; esac\n'
        program.write_text(program.read_text().replace("case ", keep + "case ", 1))
        return pawl.Client("s", binary=program)

    def test_without_pytorch_it_says_so(self):
        with unittest.mock.patch.dict(sys.modules, {"torch": None}):
            with self.assertRaises(pawl.Refused) as caught:
                pawl.propose_module(self.client(), None, None, "policy.onnx")
        self.assertEqual(caught.exception.rule, "module.torch")

    @unittest.skipUnless(importlib.util.find_spec("torch"), "python3-torch is not installed: the export was not tested")
    def test_exports_and_proposes(self):
        import numpy
        import onnx
        from onnx import numpy_helper
        import torch
        module = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 5)).train()
        decision = pawl.propose_module(self.client(), module, torch.zeros(1, 5), "policy.onnx", "wider")
        self.assertEqual((decision.outcome, module.training), ("pending", True))
        network = onnx.load(self.folder / "proposed/policy.onnx")
        onnx.checker.check_model(network)
        self.assertEqual([node.op_type for node in network.graph.node], ["Gemm", "Relu", "Gemm"])
        weights = {one.name: numpy_helper.to_array(one) for one in network.graph.initializer}
        example = numpy.random.default_rng(1).standard_normal((1, 5)).astype(numpy.float32)
        value = example
        for node in network.graph.node:
            value = value @ weights[node.input[1]].T + weights[node.input[2]] if node.op_type == "Gemm" else value.clip(0)
        with torch.no_grad():
            numpy.testing.assert_allclose(value, module(torch.from_numpy(example)).numpy(), rtol=1e-5, atol=1e-6)
        with self.assertRaises(pawl.Refused):
            pawl.propose_module(self.client(), module, torch.zeros(1, 5), "../up.onnx")


if __name__ == "__main__":
    unittest.main()
