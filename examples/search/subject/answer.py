"""Answers the evaluator: one line of JSON in, one line out.

  {"items": [1, 2], "capacity": 100}  ->  one row an item, one score for each amount of free room from 0 to capacity

A score that cannot be computed is null. Nothing else is known about the evaluation.
"""
import json
import math
import sys

from heuristic import score


def finite(item, free, capacity):
    try:
        value = float(score(item, free, capacity))
    except (ArithmeticError, TypeError, ValueError):
        return None
    return round(value, 6) if math.isfinite(value) else None


for line in sys.stdin:
    request = json.loads(line)
    capacity = request["capacity"]
    print(json.dumps([[finite(item, free, capacity) if free >= item else None for free in range(capacity + 1)]
                      for item in request["items"]], separators=(",", ":")), flush=True)
