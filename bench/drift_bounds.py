#!/usr/bin/python3
"""How near to the truth drift is proven: for networks and copies with noise on all weights, the smallest bound that
`pawl prove --against` proves, and the largest that it refutes by a counterexample, found by bisection.

Noise is relative and normal. Prints for each: the two bounds, their ratio, leaves, bytes and seconds of the smallest
proof, and the smallest bound that is proven when differences are not carried through the layers: then the copy has a
node more (a Mul by 1), so that no node of it corresponds to one of the network.

  PAWL_BIN=build/release/bin PAWL_VNNCOMP_DIR=… bench/drift_bounds.py [--seconds N] [--arithmetic float32|real]
"""
import argparse
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from second_checker.envelope import stored  # noqa: E402

BIN = pathlib.Path(os.environ.get("PAWL_BIN", "build/release/bin")).resolve()
NOISE = [0.001, 0.01]
ACASXU = [("1_1", 1), ("1_1", 3), ("2_1", 3), ("1_9", 1), ("4_2", 4)]
STEP = 1.1


def noisy(network: bytes, share: float) -> bytes:
    draw, made = random.Random(1), bytearray(network)
    for begin, end, letter in stored(network).values():
        for at in range(begin, end, struct.calcsize(letter)):
            (value,) = struct.unpack_from("<" + letter, network, at)
            struct.pack_into("<" + letter, made, at, value * (1 + share * draw.gauss(0, 1)))
    return bytes(made)


def with_a_node_more(network: bytes) -> bytes:
    """Behind the input, by the onnx package."""
    import onnx
    from onnx import helper, numpy_helper
    import numpy
    model = onnx.load_from_string(network)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    name = next(value.name for value in graph.input if value.name not in constants)
    for node in graph.node:
        for i, used in enumerate(node.input):
            if used == name:
                node.input[i] = "same"
    graph.node.insert(0, helper.make_node("Mul", [name, "one"], ["same"]))
    graph.initializer.append(numpy_helper.from_array(numpy.ones([], numpy.float32), "one"))
    return model.SerializeToString()


def prove(network, spec, baseline, within, options):
    done = subprocess.run([BIN / "pawl", "--json", "prove", network, spec, "--threads", "1", "--against", baseline, "--within",
                           f"{within:.9f}", "--timeout", str(options.seconds), "--arithmetic", options.arithmetic],
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def smallest(ask, low: float, high: float):
    """The least bound that is proven in [low, high], and its answer."""
    best = None
    while high / low > STEP:
        middle = (low * high) ** 0.5
        answer = ask(middle)
        if answer["status"] == "proven":
            high, best = middle, answer
        else:
            low = middle
    return high, best


def largest(ask, low: float, high: float) -> float:
    while high / low > 1.02:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if ask(middle)["status"] == "violated" else (low, middle)
    return low


def instances():
    for path in sorted((ROOT / "examples/collision/charter/properties").glob("*.vnnlib")):
        yield path.stem, ROOT / "examples/collision/subject/policy.onnx", path
    data = os.environ.get("PAWL_VNNCOMP_DIR")
    for name, number in ACASXU if data else []:
        folder = pathlib.Path(data) / "acasxu"
        yield (f"ACAS Xu {name}, property {number}", folder / f"onnx/ACASXU_run2a_{name}_batch_2000.onnx",
               folder / f"vnnlib/prop_{number}.vnnlib")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--arithmetic", default="float32")
    options = parser.parse_args()
    print(f"{'':28} {'noise':>6} {'refuted':>9} {'proven':>9} {'ratio':>6} {'leaves':>7} {'bytes':>7} {'s':>6} {'plain':>9}")
    with tempfile.TemporaryDirectory() as scratch:
        copy, other = pathlib.Path(scratch) / "copy.onnx", pathlib.Path(scratch) / "other.onnx"
        for name, network, spec in instances():
            for share in NOISE:
                made = noisy(network.read_bytes(), share)
                copy.write_bytes(made)
                other.write_bytes(with_a_node_more(made))
                refuted = largest(lambda within: prove(copy, spec, network, within, options), 1e-6, 1e3)
                within, proof = smallest(lambda bound: prove(copy, spec, network, bound, options), refuted, 1e3)
                plain, _ = smallest(lambda bound: prove(other, spec, network, bound, options), within, 1e6)
                print(f"{name:28} {share:6} {refuted:9.6f} {within:9.6f} {within / refuted:6.2f} {proof['leaves']:7} "
                      f"{proof['certificate_bytes']:7} {proof['seconds']:6.2f} {plain:9.4g}", flush=True)


if __name__ == "__main__":
    main()
