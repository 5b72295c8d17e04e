"""A PyTorch module as a candidate: exported to ONNX into a copy of what is live, and proposed."""

import inspect
import pathlib
import tempfile
import typing

from ._client import Client, Decision
from ._program import Refused

if typing.TYPE_CHECKING:
    import torch


def propose_module(client: Client, module: "torch.nn.Module", example_input: typing.Any, path: str, note: str = "", *,
                   opset: int = 13) -> Decision:
    """Exports a module to ONNX, puts it at `path` in a copy of the live release, and proposes that.

        model = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 5))
        decision = pawl.propose_module(client, model, torch.zeros(1, 5), "policy.onnx", "second layer widened")

    client         a Client or a Gate
    module         is put into evaluation mode for the export, and back afterwards
    example_input  a tensor, or a tuple of them, of the shapes that the network is used with; shapes are fixed in the file
    path           which file of the tree the network is; everything else stays as it is live

    Only the file is judged: the module is never loaded by Pawl, and nothing is pickled. What the export cannot say in the
    operators that the charter allows is refused at the step surface. Raises Refused "module.torch" where PyTorch is not
    installed, and what Client.check_out and Client.propose raise; errors of the export are PyTorch's own.
    """
    try:
        import torch  # pylint: disable=import-outside-toplevel
    except ImportError as error:
        raise Refused("module.torch", "PyTorch is not installed", "apt-get install python3-torch") from error
    with tempfile.TemporaryDirectory(prefix="pawl-module-") as folder:
        tree = pathlib.Path(folder) / "candidate"
        client.check_out(tree)
        target = tree / path
        if path.startswith("/") or ".." in pathlib.PurePosixPath(path).parts:
            raise Refused("module.arguments", f"{path!r} is no path of a tree")
        target.parent.mkdir(parents=True, exist_ok=True)
        options: typing.Dict[str, typing.Any] = {"opset_version": opset, "input_names": ["input"],
                                                 "output_names": ["output"]}
        if "dynamo" in inspect.signature(torch.onnx.export).parameters:
            options["dynamo"] = False  # the exporter that needs no further package
        was_training = module.training
        module.eval()
        try:
            with torch.no_grad():
                torch.onnx.export(module, example_input, str(target), **options)
        finally:
            module.train(was_training)
        return client.propose(tree, note)
