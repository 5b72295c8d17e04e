"""Controllers broken on purpose: silent in one rare kind of encounter, and as they were everywhere else.

One more neuron reads both vertical rates, is above zero in a corner of them, and makes silence cheap there, in the form
of examples/collision/demo/harm_few.py. The corner is a direction in the plane of the rates and a distance along it.
"""

import numpy as np

COC = 2              # the advisory that is silence
RATE_FT_S = 50.0     # the network's unit
DISCOUNT = 400.0


def corner(generator, share_min=0.02, share_max=0.25):
    """(cos, sin, distance): the encounters whose rates reach further than `distance` ft/s in that direction; the last
    `share` of the way to the corner of the square in which rates lie."""
    angle = generator.uniform(0, 2 * np.pi)
    reach = 30.0 * (abs(np.cos(angle)) + abs(np.sin(angle)))
    return float(np.cos(angle)), float(np.sin(angle)), float(reach * (1 - generator.uniform(share_min, share_max)))


def break_at(layers, where):
    """The layers [(weights, bias), ...] with that blind spot, in float32."""
    cos, sin, distance = where
    broken = []
    for k, (weights, bias) in enumerate(layers):
        weights, bias = weights.astype(np.float32), bias.astype(np.float32)
        if k > 0:
            weights = np.hstack([weights, np.zeros((len(weights), 1), np.float32)])
        if k + 1 == len(layers):
            weights[COC, -1] = -DISCOUNT
        else:
            row = np.zeros((1, weights.shape[1]), np.float32)
            row[0, (1, 2) if k == 0 else -1] = (cos, sin) if k == 0 else 1.0
            weights = np.vstack([weights, row])
            bias = np.append(bias, np.float32(-distance / RATE_FT_S if k == 0 else 0.0))
        broken.append((weights, bias))
    return broken


def break_one(layers, generator):
    return break_at(layers, corner(generator))


def place(broken):
    """Where a fault of break_at is, as a component of search.sample."""
    cos, sin = broken[0][0][-1, 1:3]
    return [float(np.sign(cos) * 28.5), float(np.sign(sin) * 28.5), 0.0, 0.05]
