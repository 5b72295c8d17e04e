"""The vertical encounter as a Markov decision process, and its solution by value iteration.

State: h (intruder altitude minus own altitude, ft), own and intruder vertical rates (ft/s, up is positive), tau (seconds
to loss of horizontal separation, 0..40) and the previous advisory. Each second one advisory is issued.

Sources. Form of the state, one-second step, three-point accelerations, target rates and the kinds of cost: Julian and
Kochenderfer, "Guaranteeing Safety for Neural Network-Based Aircraft Collision Avoidance Systems", DASC 2019, and its
published program (sisl/VerticalCAS); the decision process itself: Kochenderfer, Holland and Chryssanthacopoulos,
"Next-Generation Airborne Collision Avoidance System", Lincoln Laboratory Journal 19(1), 2012.
Where this departs: five of the nine advisories (the preventive pair and the 1500 ft/min strengthened pair are left out:
sense, strengthening and reversal, which the properties speak of, need only these five); the pilot follows an advisory with a fixed probability each second
instead of a response state; the cost
of closeness falls linearly from 100 ft to 500 ft instead of stopping at 175 ft; the weights are this example's own.

Arithmetic: only + - * / sqrt, comparison and gathering, each exactly rounded, so the tables are the same on every CPU.
"""

import numpy as np

# Previous advisory as the network sees it: sense and strength on one axis.
ADVISORIES = ("SDES2500", "DES1500", "COC", "CL1500", "SCL2500")
SDES, DES, COC, CL, SCL = range(5)
TARGET_RATE_FT_S = np.array([-2500.0 / 60, -1500.0 / 60, 0.0, 1500.0 / 60, 2500.0 / 60])
ACCELERATION_FT_S2 = np.array([-10.7, -8.33, 0.0, 8.33, 10.7])  # about g/3 for the strong pair, g/4 for the others
TAU_MAX_S = 40
RATE_MAX_FT_S = 50.0
ALTITUDE_MAX_FT = 4000.0

POSITIVE_FT = (75, 150, 225, 300, 400, 500, 600, 700, 800, 1000, 1250, 1500, 2000, 2500, 3000, 4000)
H_GRID = np.array([-x for x in reversed(POSITIVE_FT)] + [0] + list(POSITIVE_FT), dtype=np.float64)
V_GRID = np.arange(-6, 7) * (50.0 / 6.0)  # 25 ft/s and 41.67 ft/s, the advised rates, are grid points

# Costs. One unit is a collision.
COSTS = {
    "alert": 0.012,          # per second of any advisory
    "strong": 0.006,         # per second of a 2500 ft/min advisory
    "strengthening": 0.02,   # 1500 to 2500 ft/min in the same sense
    "reversal": 0.15,        # climb to descend or back
    "crossing": 0.05,        # an advisory through the intruder's altitude, more than 100 ft away
    "sudden_strong": 1.0,    # a first advisory that is strong at once: not allowed by the source either
}


def closeness(h_ft):
    """Cost of vertical separation h at loss of horizontal separation: 1 below 100 ft, 0 above 500 ft."""
    return np.clip((500.0 - np.abs(h_ft)) / 400.0, 0.0, 1.0)


def advance(h, own, intruder, advisory, own_noise, intruder_noise):
    """One second. `advisory` is an index or an array of them; noise is acceleration in ft/s^2."""
    target = TARGET_RATE_FT_S[advisory]
    pull = ACCELERATION_FT_S2[advisory]
    free = np.asarray(advisory) == COC
    climbing = pull > 0
    missing = np.where(climbing, np.maximum(target - own, 0.0), np.minimum(target - own, 0.0))
    wanted = np.where(missing == 0.0, 0.0, pull + own_noise)
    wanted = np.where(climbing, np.minimum(wanted, missing), np.maximum(wanted, missing))
    own_acceleration = np.where(free, own_noise, wanted)
    own_next = np.clip(own + own_acceleration, -RATE_MAX_FT_S, RATE_MAX_FT_S)
    intruder_next = np.clip(intruder + intruder_noise, -RATE_MAX_FT_S, RATE_MAX_FT_S)
    h_next = h + (intruder + intruder_next) / 2.0 - (own + own_next) / 2.0
    return h_next, own_next, intruder_next


def advisory_cost(h, previous, advisory, costs=COSTS):
    """Cost of issuing `advisory` for one second after `previous`; arrays broadcast."""
    h, previous, advisory = np.broadcast_arrays(h, previous, advisory)
    sense, before = np.sign(advisory - COC), np.sign(previous - COC)
    strong, was_strong = np.abs(advisory - COC) == 2, np.abs(previous - COC) == 2
    cost = costs["alert"] * (sense != 0) + costs["strong"] * strong
    cost = cost + costs["strengthening"] * (strong & ~was_strong & (sense == before))
    cost = cost + costs["reversal"] * (sense * before < 0)
    cost = cost + costs["crossing"] * (sense * h > 100.0)
    return cost + costs["sudden_strong"] * (strong & (before == 0))


def _axis(grid, x):
    """Cell index and weight of the upper neighbour for linear interpolation; outside, the nearest edge."""
    x = np.clip(x, grid[0], grid[-1])
    low = np.clip(np.searchsorted(grid, x, side="right") - 1, 0, len(grid) - 2)
    return low, (x - grid[low]) / (grid[low + 1] - grid[low])


def corners(h, own, intruder):
    """The eight neighbours of each point in the flattened table and their weights: two lists of eight arrays."""
    (i, wi), (j, wj), (k, wk) = _axis(H_GRID, h), _axis(V_GRID, own), _axis(V_GRID, intruder)
    indices, weights = [], []
    for di in (0, 1):
        for dj in (0, 1):
            for dk in (0, 1):
                indices.append(((i + di) * len(V_GRID) + j + dj) * len(V_GRID) + k + dk)
                weights.append((wi if di else 1 - wi) * (wj if dj else 1 - wj) * (wk if dk else 1 - wk))
    return indices, weights


NOISE_FREE = ((0.0, 0.5), (3.0, 0.25), (-3.0, 0.25))
NOISE_ADVISED = ((0.0, 0.5), (1.0, 0.25), (-1.0, 0.25))
RESPONSE_PROBABILITY = 0.5  # that the pilot flies the advisory in this second, independently of the others


def own_moves(advisory):
    """(what is flown, acceleration noise in ft/s^2, probability) for one second under `advisory`."""
    free = [(COC, noise, p) for noise, p in NOISE_FREE]
    if advisory == COC:
        return free
    followed = [(advisory, noise, p * RESPONSE_PROBABILITY) for noise, p in NOISE_ADVISED]
    return followed + [(flown, noise, p * (1 - RESPONSE_PROBABILITY)) for flown, noise, p in free]


def solve(costs=COSTS):
    """Expected cost to go: future[tau, advisory, state], the cost after `advisory` was flown for a second from `state`.

    The cost of issuing the advisory itself depends on the previous one and is added by `action_costs`. Shape
    (41, 5, 33*13*13); row tau = 0 is the terminal cost for every advisory. About two seconds.
    """
    h, own, intruder = (x.ravel() for x in np.meshgrid(H_GRID, V_GRID, V_GRID, indexing="ij"))
    moves = []
    for advisory in range(5):
        for flown, own_noise, p in own_moves(advisory):
            for intruder_noise, q in NOISE_FREE:
                after = advance(h, own, intruder, flown, own_noise, intruder_noise)
                indices, weights = corners(*after)
                moves.append((advisory, indices, [p * q * w for w in weights]))
    future = np.zeros((TAU_MAX_S + 1, 5, len(h)))
    future[0] = closeness(h)
    issue = np.stack([[advisory_cost(h, previous, a, costs) for a in range(5)] for previous in range(5)])
    value = np.repeat(closeness(h)[None], 5, axis=0)  # by previous advisory
    for tau in range(1, TAU_MAX_S + 1):
        for advisory, indices, weights in moves:
            row = value[advisory]
            for index, weight in zip(indices, weights):
                future[tau, advisory] += row[index] * weight
        value = (issue + future[tau][None]).min(axis=1)
    return future


def action_costs(future, h, own, intruder, tau, previous, costs=COSTS):
    """Cost of each advisory at arbitrary states; tau is rounded to whole seconds, at least 1. Shape (5, n)."""
    step = np.clip(np.rint(tau).astype(np.int64), 1, TAU_MAX_S)
    indices, weights = corners(h, own, intruder)
    out = np.empty((5, len(h)))
    for advisory in range(5):
        total = advisory_cost(h, previous, advisory, costs)
        for index, weight in zip(indices, weights):
            total = total + future[step, advisory, index] * weight
        out[advisory] = total
    return out
