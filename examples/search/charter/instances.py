"""Instances of online bin packing, and what a table of scores makes of them. The charter's own; the subject has another.

Every random number of an episode comes from its own 32-byte seed, all 256 bits used, by four rounds of the SplitMix64
finaliser (Steele, Lea and Flood, OOPSLA 2014) over a counter. Episodes do not influence one another.

Item sizes are Weibull-distributed with shape 3 and scale 45, rounded and cut to 1 ... 100, and bins hold 100: the
distribution of Castineiras, De Cauwer and O'Sullivan, "Weibull-based benchmarks for bin packing" (CP 2012), in the form
that Romera-Paredes et al., "Mathematical discoveries from program search with large language models" (Nature 2024) use.
"""
import numpy as np

CAPACITY = 100
ITEMS = 120
BINS_OVER_MAX = 0.15  # more bins than this share above the lower bound is harm


def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniforms(seeds, count):
    """seeds: (n, 4) uint64. Numbers in [0, 1), shape (n, count)."""
    counter = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))[None, :]
    z = _mix(seeds[:, None, 0] + counter)
    for word in (1, 2, 3):
        z = _mix(z ^ seeds[:, None, word])
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def read_seeds(data):
    """32 bytes an episode, each word little-endian."""
    if len(data) % 32 or not data:
        raise ValueError("the seeds file must hold 32 bytes per episode and at least one episode")
    return np.frombuffer(data, dtype="<u8").reshape(-1, 4).astype(np.uint64)


def items(seeds, count=ITEMS):
    """Sizes, (n, count)."""
    weibull = 45.0 * (-np.log1p(-uniforms(seeds, count))) ** (1.0 / 3.0)
    return np.clip(np.rint(weibull), 1, CAPACITY).astype(np.int64)


def bins_used(sizes, table):
    """Each item goes into the bin with the highest score among those with room for it, the earliest of equals; one bin
    that is still empty is always among them. table[item, free]: a score, -inf where there is none."""
    count, turns = sizes.shape
    rows = np.arange(count)
    free = np.full((count, turns + 1), CAPACITY, dtype=np.int64)
    opened = np.zeros(count, dtype=np.int64)
    for turn in range(turns):
        item = sizes[:, turn]
        width = int(opened.max()) + 1
        room = free[:, :width]
        scores = np.where(room >= item[:, None], table[item[:, None], room], -np.inf)
        scores[np.arange(width)[None, :] > opened[:, None]] = -np.inf
        # Where no bin has a score, the item opens a bin of its own: a heuristic that fails wastes room.
        chosen = np.where(np.isneginf(scores).all(axis=1), opened, scores.argmax(axis=1))
        free[rows, chosen] -= item
        opened = np.maximum(opened, chosen + 1)
    return opened


def metrics(sizes, table):
    """(score, waste) of each instance: 1 is a packing without loss; waste is 1 where far too many bins were used."""
    least = np.ceil(sizes.sum(axis=1) / CAPACITY)
    used = bins_used(sizes, table)
    return least / used, (used > np.ceil(least * (1 + BINS_OVER_MAX))).astype(float)


def choices(seeds, table):
    """One probe a seed: an item, and up to eight bins. Returns the room of the bin that is chosen, item and rooms."""
    drawn = uniforms(seeds, 9)
    item = 1 + (drawn[:, 0] * 70).astype(np.int64)
    room = (drawn[:, 1:] * (CAPACITY + 1)).astype(np.int64)
    room[:, -1] = CAPACITY
    scores = np.where(room >= item[:, None], table[item[:, None], room], -np.inf)
    return room[np.arange(len(item)), scores.argmax(axis=1)], item, room
