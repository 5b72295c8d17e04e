"""The improver's own guess at how a network will do in trial: a cheap closed loop over the decision process's dynamics.

It decides nothing outside this program. It is simpler than the charter's encounters (no levelling off, one pilot) and
its random numbers are its own; the weights of the score are known to everybody.
"""

import numpy as np

import acas
import training


def draw(generator, count):
    """Encounters, reusable so that two networks are compared on the same ones."""
    u = generator.random((8, count))
    own = np.where(u[0] < 0.4, 0.0, (u[1] * 2 - 1) * 30.0)
    intruder = np.where(u[2] < 0.3, 0.0, (u[3] * 2 - 1) * 30.0)
    passing = (300.0 + 2200.0 * u[5]) * np.where(u[6] < 0.5, 1.0, -1.0)
    miss = np.where(u[4] < 0.55, (u[5] * 2 - 1) * 300.0, passing)
    noise = generator.integers(0, 4, (2, acas.TAU_MAX_S, count))
    three_point = np.array([-1.0, 0.0, 0.0, 1.0])[noise]
    return {"own": own, "intruder": intruder, "h": miss - (intruder - own) * acas.TAU_MAX_S,
            "delay": 1 + (u[7] * 4).astype(np.int64), "noise": three_point * np.array([0.5, 1.0])[:, None, None]}


def fly(network, encounters):
    """(score, near miss), each an array with one number an encounter."""
    h, own, intruder = (encounters[key] for key in ("h", "own", "intruder"))
    count, columns = len(h), np.arange(len(h))
    issued = np.full((acas.TAU_MAX_S + 4, count), acas.COC)
    sense, alerts, turns = np.zeros(count), np.zeros(count), np.zeros(count)
    for t in range(acas.TAU_MAX_S):
        x = training.inputs(h, own, intruder, float(acas.TAU_MAX_S - t), issued[t + 3])
        issued[t + 4] = network(x).argmin(axis=0)
        now = np.sign(issued[t + 4] - acas.COC)
        turns += now * sense < 0
        sense = np.where(now != 0, now, sense)
        alerts += now != 0
        flown = issued[t + 4 - encounters["delay"], columns]
        own_noise, intruder_noise = encounters["noise"][:, t]
        h, own, intruder = acas.advance(h, own, intruder, flown, own_noise, intruder_noise)
    cost = 0.5 * acas.closeness(h) + 0.35 * alerts / acas.TAU_MAX_S + 0.15 * np.minimum(turns, 2.0) / 2.0
    return 1.0 - cost, np.abs(h) < 100.0
