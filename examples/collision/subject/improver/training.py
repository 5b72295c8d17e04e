"""What the network is trained on: the decision process's costs, and the promises that a release must keep.

Targets are the cost of each advisory above the best one, compressed by a square root so that the small differences that
decide between alerting and waiting are as visible as a collision: y = sqrt(min(1, excess / 0.1)). Order is kept.
"""

import json
import os

import numpy as np

import acas
from network import Adam

EXCESS_MAX = 0.1
PROMISE_MARGIN = 0.08  # by which a forbidden advisory has to lose against the best allowed one, in units of y
INPUT_SCALE = np.array([1000.0, 50.0, 50.0, 40.0, 2.0])  # ft, ft/s, ft/s, s, steps of advisory strength


def inputs(h, own, intruder, tau, previous):
    """Network inputs, float32 (5, n), from physical units; `previous` is an index and may be between two."""
    h = np.clip(h, -acas.ALTITUDE_MAX_FT, acas.ALTITUDE_MAX_FT)
    rows = np.broadcast_arrays(h, own, intruder, tau, np.asarray(previous) - float(acas.COC))
    return np.stack([row / scale for row, scale in zip(rows, INPUT_SCALE)]).astype(np.float32)


def draw_states(generator, count):
    """States worth learning: most on or near a conflict course, some anywhere. Physical units."""
    u = generator.random((7, count))
    own, intruder = (u[0] * 2 - 1) * 45.0, (u[1] * 2 - 1) * 45.0
    own = np.where(u[6] < 0.3, own * 0.1, own)
    tau = 1.0 + np.floor(u[2] * acas.TAU_MAX_S)
    near = (u[3] * 2 - 1) * 1000.0 - (intruder - own) * tau
    anywhere = (u[3] * 2 - 1) * acas.ALTITUDE_MAX_FT
    h = np.clip(np.where(u[4] < 0.75, near, anywhere), -acas.ALTITUDE_MAX_FT, acas.ALTITUDE_MAX_FT)
    previous = np.where(u[5] < 0.4, acas.COC, np.floor((u[5] - 0.4) / 0.6 * 5.0).astype(np.int64))
    return h, own, intruder, tau, previous


def examples(future, generator, count, costs=acas.COSTS):
    """(inputs (5, n), targets (5, n)), both float32."""
    state = draw_states(generator, count)
    costs_to_go = acas.action_costs(future, *state, costs)
    excess = costs_to_go - costs_to_go.min(axis=0)
    return inputs(*state), np.sqrt(np.minimum(1.0, excess / EXCESS_MAX)).astype(np.float32)


class Promise:
    """In a box of states some advisories must never be the one issued. One of charter/properties in other words."""

    def __init__(self, name, entry):
        self.name = name
        self.ranges = [entry[key] for key in ("h_ft", "own_ft_s", "intruder_ft_s", "tau_s", "previous")]
        self.never = [acas.ADVISORIES.index(a) for a in entry["never"]]
        self.allowed = [a for a in range(5) if a not in self.never]
        low, high = (inputs(*[r[side] for r in self.ranges]) for side in (0, 1))
        self.low, self.high = low.reshape(5, 1), high.reshape(5, 1)

    def sample(self, generator, count):
        """Network inputs (5, n): points of the box, one in four coordinates pushed to an end."""
        u, ends = generator.random((5, count)), generator.random((5, count))
        u = np.where(ends < 0.125, 0.0, np.where(ends > 0.875, 1.0, u)).astype(np.float32)
        return self.low + u * (self.high - self.low)

    def shortfall(self, y):
        """How much less than the margin the best forbidden advisory loses by, per point; > margin is a violation."""
        return np.float32(PROMISE_MARGIN) - (y[self.never].min(axis=0) - y[self.allowed].min(axis=0))

    def gradient(self, y):
        """Of the mean positive shortfall."""
        columns = np.arange(y.shape[1])
        bad = np.array(self.never)[y[self.never].argmin(axis=0)]
        good = np.array(self.allowed)[y[self.allowed].argmin(axis=0)]
        active = (self.shortfall(y) > 0).astype(np.float32) / np.float32(y.shape[1])
        gradient = np.zeros_like(y)
        gradient[bad, columns] -= active
        gradient[good, columns] += active
        return gradient


def load_promises(directory=os.path.dirname(os.path.abspath(__file__))):
    with open(os.path.join(directory, "promises.json"), encoding="utf-8") as file:
        return [Promise(name, entry) for name, entry in json.load(file).items()]


def worst_margins(network, promises, generator, count):
    """Smallest sampled margin for each promise; negative: broken."""
    return {p.name: float(PROMISE_MARGIN - p.shortfall(network(p.sample(generator, count))).max()) for p in promises}


class Trainer:
    """Adam on squared error plus the promises' shortfalls. One object per run; deterministic from its generator."""

    def __init__(self, network, data, promises, generator, rate, promise_weight=1.0, batch=512, promise_batch=48,
                 project=None):
        self.project = project  # takes the network back to where it may be, after each step
        self.network, self.data, self.promises, self.generator = network, data, promises, generator
        self.adam = Adam(network, rate)
        self.promise_weight, self.batch, self.promise_batch = promise_weight, batch, promise_batch
        self.kept = [np.empty((5, 0), dtype=np.float32) for _ in promises]  # hard points found on the way

    def run(self, steps, rate_end=1.0):
        """`steps` of Adam; the rate falls linearly to `rate_end` of its start. Returns the mean squared error."""
        x_all, y_all = self.data
        error = 0.0
        for step in range(steps):
            chosen = self.generator.integers(0, x_all.shape[1], self.batch)
            parts = [x_all[:, chosen]]
            for promise, kept in zip(self.promises, self.kept):
                parts.append(np.hstack([promise.sample(self.generator, self.promise_batch), kept]))
            values = self.network.layers(np.hstack(parts))
            y = values[-1]
            gradient = np.zeros_like(y)
            difference = y[:, :self.batch] - y_all[:, chosen]
            gradient[:, :self.batch] = difference * np.float32(2.0 / self.batch)
            start = self.batch
            for k, promise in enumerate(self.promises):
                stop = start + parts[k + 1].shape[1]
                gradient[:, start:stop] = promise.gradient(y[:, start:stop]) * np.float32(self.promise_weight)
                start = stop
            self.adam.step(self.network.gradients(values, gradient), 1.0 - (1.0 - rate_end) * step / steps)
            if self.project:
                self.project(self.network)
            error += float((difference * difference).mean())
            if step % 50 == 49:
                self.keep_hard_points()
        return error / max(steps, 1)

    def keep_hard_points(self, count=2000, each=24):
        """Counterexample-guided: remembers the points of each promise that lack most margin."""
        for k, promise in enumerate(self.promises):
            x = np.hstack([promise.sample(self.generator, count), self.kept[k]])
            shortfall = promise.shortfall(self.network(x))
            worst = np.argsort(-shortfall, kind="stable")[:each]
            self.kept[k] = x[:, worst[shortfall[worst] > 0]]
