"""Which open bin an item goes into: the one with the highest score. Found by improve.py, read by answer.py."""


def score(item, free, capacity):
    left = free - item
    return left if free < capacity else -capacity
