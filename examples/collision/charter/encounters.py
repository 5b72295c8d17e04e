"""The encounters that the charter's evaluator flies: two aircraft, 40 seconds to loss of horizontal separation.

Every random number of an episode comes from its own 32-byte seed, all 256 bits used, by four rounds of the SplitMix64
finaliser (Steele, Lea and Flood, OOPSLA 2014) over a counter. Episodes do not influence one another, so order and batch
size change nothing. The model is the charter's own and shares no code with the subject. It differs on purpose from the
model that the subject is trained on: pilots respond late and pull differently, and the intruder may level off.
"""

import numpy as np

ADVISORIES = ("SDES2500", "DES1500", "COC", "CL1500", "SCL2500")
COC = 2
SECONDS = 40
DELAY_MAX_S = 4
RATE_MAX_FT_S = 50.0
ALTITUDE_MAX_FT = 4000.0
TARGET_FT_S = np.array([-2500.0 / 60, -1500.0 / 60, 0.0, 1500.0 / 60, 2500.0 / 60])
NEAR_MISS_FT = 100.0       # the vertical half of a near mid-air collision
SEPARATED_FT = 500.0
CLIMBING_FT_S = 20.0       # an intruder that climbs faster at the start: a group of its own
SCORE_WEIGHTS = {"closeness": 0.5, "alert_rate": 0.35, "reversals": 0.15}


def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniforms(seeds, count):
    """seeds: (n, 4) uint64. Numbers in [0, 1), shape (count, n)."""
    counter = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))[:, None]
    z = _mix(seeds[None, :, 0] + counter)
    for word in (1, 2, 3):
        z = _mix(z ^ seeds[None, :, word])
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def read_seeds(data):
    """32 bytes an episode, each word little-endian."""
    if len(data) % 32 or not data:
        raise ValueError("the seeds file must hold 32 bytes per episode and at least one episode")
    return np.frombuffer(data, dtype="<u8").reshape(-1, 4).astype(np.uint64)


_PARAMETERS = 16


def draw(seeds):
    """What happens in each episode apart from the advisories: a dict of arrays of length n (noise: (40, n))."""
    u = uniforms(seeds, _PARAMETERS + 2 * SECONDS)
    span = lambda row, low, high: low + (high - low) * u[row]
    own = np.where(u[0] < 0.4, 0.0, span(1, -30.0, 30.0))
    intruder = np.where(u[2] < 0.3, 0.0, span(3, -30.0, 30.0))
    # 55 % on a conflict course, 45 % that would pass at 300 to 2,500 ft, half of them above.
    passing = span(5, 300.0, 2500.0) * np.where(u[6] < 0.5, 1.0, -1.0)
    miss = np.where(u[4] < 0.55, span(5, -300.0, 300.0), passing)
    noise = span(7, 0.0, 2.0)
    three_point = lambda x: np.where(x < 0.25, -1.0, np.where(x < 0.5, 1.0, 0.0))
    return {
        "own": own,
        "intruder": intruder,
        "h": miss - (intruder - own) * SECONDS,
        "pull": span(8, 6.5, 9.5),             # ft/s^2 for a 1500 ft/min advisory
        "strong_pull": span(9, 9.0, 11.5),
        "delay": 1 + (u[10] * 4.0).astype(np.int64),   # 1 to 4 seconds until a new advisory is flown
        "level_off": np.where(u[11] < 0.25, (span(12, 5.0, 35.0)).astype(np.int64), SECONDS),
        "own_noise": noise * three_point(u[_PARAMETERS:_PARAMETERS + SECONDS]) * 0.5,
        "intruder_noise": noise * three_point(u[_PARAMETERS + SECONDS:]),
    }


def observe(h, own, intruder, tau, previous):
    """The network's inputs, float32, shape (5, n): kft, 50 ft/s, 50 ft/s, 40 s, half a step of advisory strength."""
    h = np.clip(h, -ALTITUDE_MAX_FT, ALTITUDE_MAX_FT)
    return np.stack([h / 1000.0, own / 50.0, intruder / 50.0, np.broadcast_to(tau / 40.0, h.shape),
                     (previous - COC) / 2.0]).astype(np.float32)


def fly(seeds, decide):
    """Flies every episode. `decide` maps observations (5, n) to advisory indices (n,). Returns the metrics' arrays and,
    by the seed alone, how each encounter begins and which have an intruder that climbs fast."""
    return fly_drawn(draw(seeds), decide)


def fly_drawn(e, decide):
    """The same for episodes as `draw` describes them, however they were chosen; `separation` is what is left in feet."""
    n = len(e["h"])
    h, own, intruder = e["h"].copy(), e["own"].copy(), e["intruder"].copy()
    issued = np.full((SECONDS + DELAY_MAX_S, n), COC, dtype=np.int64)  # row t + DELAY_MAX_S is issued at second t
    sense = np.zeros(n, dtype=np.int64)
    alerts, turns = np.zeros(n), np.zeros(n)
    columns = np.arange(n)
    for t in range(SECONDS):
        advisory = decide(observe(h, own, intruder, float(SECONDS - t), issued[t + DELAY_MAX_S - 1]))
        issued[t + DELAY_MAX_S] = advisory
        now = np.sign(advisory - COC)
        turns += (now * sense) < 0
        sense = np.where(now != 0, now, sense)
        alerts += now != 0
        flown = issued[t + DELAY_MAX_S - e["delay"], columns]
        h, own, intruder = _second(e, t, h, own, intruder, flown)
    closeness = np.clip((SEPARATED_FT - np.abs(h)) / (SEPARATED_FT - NEAR_MISS_FT), 0.0, 1.0)
    alert_rate, reversals = alerts / SECONDS, np.minimum(turns, 2.0) / 2.0
    score = 1.0 - (SCORE_WEIGHTS["closeness"] * closeness + SCORE_WEIGHTS["alert_rate"] * alert_rate +
                   SCORE_WEIGHTS["reversals"] * reversals)
    return {"near_miss": (np.abs(h) < NEAR_MISS_FT).astype(np.float64), "alert_rate": alert_rate,
            "reversals": reversals, "score": np.clip(score, 0.0, 1.0), "climbing": e["intruder"] > CLIMBING_FT_S,
            "separation": np.abs(h), "begins": zip(e["h"], e["own"], e["intruder"], e["delay"])}


def _second(e, t, h, own, intruder, flown):
    target = TARGET_FT_S[flown]
    pull = np.where(np.abs(flown - COC) == 2, e["strong_pull"], e["pull"])
    # An advisory is a least rate: a pilot who already climbs faster than advised goes on.
    up = np.clip(target - own, 0.0, pull)
    down = np.clip(target - own, -pull, 0.0)
    change = np.where(flown > COC, up, np.where(flown < COC, down, e["own_noise"][t]))
    levelling = np.clip(-intruder, -6.0, 6.0)
    own_next = np.clip(own + change, -RATE_MAX_FT_S, RATE_MAX_FT_S)
    intruder_next = np.clip(intruder + np.where(t >= e["level_off"], levelling, e["intruder_noise"][t]),
                            -RATE_MAX_FT_S, RATE_MAX_FT_S)
    return h + (intruder + intruder_next) / 2.0 - (own + own_next) / 2.0, own_next, intruder_next


def probe(seeds):
    """States for the drift probes, one a seed: a conflict course at a random time, any previous advisory. Returns what
    a network observes of them, (5, n), and the states, one a tuple, in feet, feet a second, seconds, and advisories."""
    u = uniforms(seeds, 6)
    own, intruder = -40.0 + 80.0 * u[0], -40.0 + 80.0 * u[1]
    tau = 1.0 + np.floor(u[2] * SECONDS)
    h = -1500.0 + 3000.0 * u[3] - (intruder - own) * tau
    previous = np.where(u[4] < 0.5, COC, np.floor(u[5] * 5.0).astype(np.int64))
    return observe(h, own, intruder, tau, previous), zip(h, own, intruder, tau, (ADVISORIES[a] for a in previous))
