#!/usr/bin/python3
"""Compares src/trial with a second implementation of the same formulas, written from the papers and in another language.

  cross_check.py PROGRAM      PROGRAM is pawl-statistics-table

Nothing is taken from the C++: bounds are found by scanning, energy distances from all pairs by the definition, p-values
from all swaps. Exit status 1 where an answer differs.
"""
import itertools
import math
import subprocess
import sys

import numpy

QUESTIONS_MIN = 100


def moments(values):
    """Mean and variance before each value, shrunk towards 1/2 and 1/4."""
    total, squares, mean, variance = 0.5, 0.25, 0.5, 0.25
    for count, x in enumerate(values, 1):
        yield mean, variance
        total += x
        mean = total / (count + 1)
        squares += (x - mean) ** 2
        variance = squares / (count + 1)


def above(values, m):
    log, peak = 0.0, 0.0
    for x, (mean, variance) in zip(values, moments(values)):
        edge = mean - m
        bet = min(max(edge / (variance + edge * edge), 0), 0.9 / m)
        log += math.log1p(bet * (x - m))
        peak = max(peak, log)
    return log, peak


def mixed_above(values, m):
    """Two accounts side by side, as long as neither holds less than a millionth."""
    adaptive, binary, peak = 0.5, 0.5, 0.0
    for x, (mean, variance) in zip(values, moments(values)):
        edge = mean - m
        first = min(max(edge / (variance + edge * edge), 0), 0.9 / m)
        second = min(max(edge / (m * (1 - m)), 0), 0.9 / m)
        adaptive *= 1 + first * (x - m)
        binary *= 1 + second * (x - m)
        peak = max(peak, math.log(adaptive + binary))
    share = adaptive / (adaptive + binary)
    assert 1e-5 < share < 1 - 1e-5, "choose another question"
    return math.log(adaptive + binary), peak


def bernstein_lower(values, alpha):
    weighted, weight, penalty, lower = 0.0, 0.0, 0.0, 0.0
    for i, (x, (mean, variance)) in enumerate(zip(values, moments(values)), 1):
        bet = min(0.5, math.sqrt(2 * math.log(1 / alpha) / (i * math.log(1 + i) * variance)))
        weighted += bet * x
        weight += bet
        penalty += (x - mean) ** 2 * (-math.log(1 - bet) - bet)
        lower = max(lower, (weighted - math.log(1 / alpha) - penalty) / weight)
    return lower


def betting_upper(values, alpha):
    """The least m on a grid from which on every m is rejected at some time."""
    n = len(values)
    planned = math.sqrt(2 * math.log(1 / alpha) / n)
    grid = numpy.linspace(0, 1, 20001)[1:-1]
    first, second = numpy.full(grid.shape, 0.5), numpy.full(grid.shape, 0.5)
    peak = numpy.ones(grid.shape)
    for x, (_, variance) in zip(values, moments(values)):
        cap = 0.9 / (1 - grid)
        first *= 1 + numpy.minimum(planned / math.sqrt(variance), cap) * (grid - x)
        second *= 1 + numpy.minimum(planned / numpy.sqrt(grid * (1 - grid)), cap) * (grid - x)
        peak = numpy.maximum(peak, first + second)
    rejected = peak >= 1 / alpha
    return grid[rejected][0] if rejected.any() else 1.0


def detector(steps, expected, largest):
    m, value = expected / largest, 0.0
    scaled = [min(max(step / largest, 0), 1) for step in steps]
    for y, (mean, variance) in zip(scaled, moments(scaled)):
        edge = mean - m
        bet = min(max(edge / (variance + edge * edge), 0), 0.9 / m)
        value = (1 + bet * (y - m)) * (value + 1)
    return math.log(value)


def energy(x, y):
    n = len(x)
    cross = sum(abs(a - b) for a in x for b in y)
    return (2 * cross - sum(abs(a - b) for a in x for b in x) - sum(abs(a - b) for a in y for b in y)) / n**2


def energy_share(x, y):
    observed, count = energy(x, y), 0
    for swaps in itertools.product((False, True), repeat=len(x)):
        a = [q if s else p for p, q, s in zip(x, y, swaps)]
        b = [p if s else q for p, q, s in zip(x, y, swaps)]
        count += energy(a, b) >= observed - 1e-12
    return count / 2 ** len(x)


def questions(random):
    """Line for the program, and a function from its two numbers to what is wrong with them."""
    def near(*wanted, within=1e-9):
        return lambda got: [f"{g} where {w} was expected" for g, w in zip(got, wanted) if abs(g - w) > within]

    for case in range(30):
        n = int(random.integers(20, 200))
        m = float(random.uniform(0.05, 0.6))
        values = list(random.choice([0, 1], n, p=[0.7, 0.3])) if case % 3 == 0 else list(random.beta(2, 3, n))
        text = " ".join(repr(float(x)) for x in values)
        mirrored = [1 - x for x in values]
        yield f"above {m!r} 0 {text}", near(*above(values, m))
        yield f"below {m!r} 0 {text}", near(*above(mirrored, 1 - m))
        if n < 60:
            yield f"below-mixed {m!r} 0 {text}", near(*mixed_above(mirrored, 1 - m))
        yield f"bernstein 0.1 0 {text}", near(bernstein_lower(values, 0.05), 1 - bernstein_lower(mirrored, 0.05), within=1e-8)
        yield f"betting 0.02 0 {text}", near(1 - betting_upper(mirrored, 0.02), betting_upper(values, 0.02), within=1.1e-4)
        steps = list(random.normal(0.012, 0.006, n))
        text = " ".join(repr(float(x)) for x in steps)
        yield f"detector 0.01 0.02 {text}", near(detector(steps, 0.01, 0.02))
    for case in range(6):
        x, y = list(random.uniform(0, 1, 8)), list(random.uniform(0, 1, 8) ** (1 + case))
        text = " ".join(repr(float(v)) for v in x + y)
        yield f"energy 0 0 {text}", (lambda got, x=x, y=y: near(energy(x, y))(got[:1]) + near(energy_share(x, y), within=0.05)(got[1:]))


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    asked = list(questions(numpy.random.default_rng(20260101)))
    lines = "".join(line + "\n" for line, _ in asked)
    output = subprocess.run([sys.argv[1], "--reference"], input=lines, capture_output=True, text=True, check=True).stdout
    answers = output.splitlines()
    wrong = 0
    for (line, check), answer in zip(asked, answers):
        problems = check([float(word) for word in answer.split()])
        wrong += bool(problems)
        for problem in problems:
            print(f"{line[:60]}…: {problem}")
    print(f"{len(asked)} questions, {wrong} answered differently")
    return 0 if wrong == 0 and len(answers) == len(asked) >= QUESTIONS_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
