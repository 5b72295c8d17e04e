"""Rehearsal of online bin packing, many instances at a time: the improver's own, the evaluator has another."""
import numpy as np

CAPACITY = 100
ITEMS = 120


def draw(generator, count):
    """Item sizes, as (instances, items): Weibull with shape 3 and scale 45, as in the literature on this problem."""
    return np.clip(np.rint(generator.weibull(3.0, (count, ITEMS)) * 45), 1, CAPACITY).astype(np.int64)


def bins_used(items, table):
    """Packs each instance online; table[item, free] is the score of a bin with that much room."""
    count = items.shape[0]
    rows = np.arange(count)
    free = np.full((count, ITEMS + 1), CAPACITY, dtype=np.int64)
    opened = np.zeros(count, dtype=np.int64)
    for turn in range(ITEMS):
        item = items[:, turn]
        width = int(opened.max()) + 1
        room = free[:, :width]
        scores = np.where(room >= item[:, None], table[item[:, None], room], -np.inf)
        scores[np.arange(width)[None, :] > opened[:, None]] = -np.inf
        chosen = scores.argmax(axis=1)
        free[rows, chosen] -= item
        opened = np.maximum(opened, chosen + 1)
    return opened


def quality(items, table):
    """Mean of (bins that no packing can do without) / (bins used); 1 is perfect."""
    return float((np.ceil(items.sum(axis=1) / CAPACITY) / bins_used(items, table)).mean())
