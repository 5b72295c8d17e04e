"""Where the live release's proofs hold as well: the weights that keep a candidate inside every envelope.

The gate gives an improver /in/envelope where the live release's certificates cover the networks around theirs:
envelopes.json, one entry a property with its centre and a radius for each tensor, and the centres' files. A candidate in
all of them needs no search for a proof. It knows nothing of what the gate then makes of the candidate.
"""

import json
import os

import numpy as np

import network


class Inside:
    """low[k] <= parameter k <= high[k], in the order of Network.parameters(); float32."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def project(self, policy):
        """To the nearest network inside, in place."""
        for parameter, low, high in zip(policy.parameters(), self.low, self.high):
            np.clip(parameter, low, high, out=parameter)


def towards(values, rounded, up):
    """`rounded`, moved to the next float32 where it is on the wrong side of `values` (float64)."""
    wrong = rounded < values if up else rounded > values
    return np.where(wrong, np.nextafter(rounded, np.float32(np.inf if up else -np.inf)), rounded)


def load(directory, live, path="policy.onnx"):
    """The weights inside every envelope of `path`, or None: there is none, or another shape or file is proven."""
    listed = os.path.join(directory, "envelopes.json")
    if not os.path.exists(listed):
        return None
    with open(listed, encoding="utf-8") as file:
        entries = [entry for entry in json.load(file) if entry["network"] == path]
    low = [np.full(p.shape, -np.inf) for p in live.parameters()]
    high = [np.full(p.shape, np.inf) for p in live.parameters()]
    for entry in entries:
        centre_path = os.path.join(directory, entry["centre"])
        centre = network.load(centre_path)
        with open(centre_path, "rb") as file:
            # What is written has to be the centre's file but for the weights.
            if centre.hidden != live.hidden or network.to_bytes(centre) != file.read():
                return None
        for k, (name, values) in enumerate(zip(live.names(), centre.parameters())):
            radius = entry["radii"].get(name, 0.0)
            low[k] = np.maximum(low[k], values.astype(np.float64) - radius)
            high[k] = np.minimum(high[k], values.astype(np.float64) + radius)
    if not entries or any((l > h).any() for l, h in zip(low, high)):
        return None
    return Inside([towards(l, l.astype(np.float32), up=True) for l in low],
                  [towards(h, h.astype(np.float32), up=False) for h in high])
