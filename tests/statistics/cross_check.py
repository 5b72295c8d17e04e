#!/usr/bin/python3
"""Compares src/trial with a second implementation of the same formulas, written from the papers and in another language.

  cross_check.py PROGRAM      PROGRAM is pawl-statistics-table

Nothing is taken from the C++: bounds are found by scanning, energy distances from all pairs by the definition, p-values
from all swaps. Exit status 1 where an answer differs.

That the constants of the methods are pinned is checked too: with any of them a hundredth off, some answer has to differ.
"""
import itertools
import math
import subprocess
import sys

import numpy

QUESTIONS_MIN = 200

CONSTANTS = {
    "prior mean": 0.5,         # what a mean is before the first value
    "prior variance": 0.25,
    "bet": 0.9,                # the largest share of its wealth that a bet may lose
    "Bernstein bet": 0.5,      # the largest weight of the empirical-Bernstein sequence
    "account": 0.5,            # the share that the mixed bet begins with on the variance-adaptive account
    "budget": 6 / math.pi**2,  # the share of a lifetime error that the first trial may spend
}


def moments(values):
    """Mean and variance before each value, shrunk towards 1/2 and 1/4."""
    total, squares = mean, variance = CONSTANTS["prior mean"], CONSTANTS["prior variance"]
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
        bet = min(max(edge / (variance + edge * edge), 0), CONSTANTS["bet"] / m)
        log += math.log1p(bet * (x - m))
        peak = max(peak, log)
    return log, peak


def mixed_above(values, m):
    """Two accounts side by side, as long as neither holds less than a millionth."""
    adaptive, binary, peak = CONSTANTS["account"], 1 - CONSTANTS["account"], 0.0
    for x, (mean, variance) in zip(values, moments(values)):
        edge = mean - m
        first = min(max(edge / (variance + edge * edge), 0), CONSTANTS["bet"] / m)
        second = min(max(edge / (m * (1 - m)), 0), CONSTANTS["bet"] / m)
        adaptive *= 1 + first * (x - m)
        binary *= 1 + second * (x - m)
        peak = max(peak, math.log(adaptive + binary))
    share = adaptive / (adaptive + binary)
    assert 1e-5 < share < 1 - 1e-5, "choose another question"
    return math.log(adaptive + binary), peak


def bernstein_lower(values, alpha):
    weighted, weight, penalty, lower = 0.0, 0.0, 0.0, 0.0
    for i, (x, (mean, variance)) in enumerate(zip(values, moments(values)), 1):
        bet = min(CONSTANTS["Bernstein bet"], math.sqrt(2 * math.log(1 / alpha) / (i * math.log(1 + i) * variance)))
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
        cap = CONSTANTS["bet"] / (1 - grid)
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
        bet = min(max(edge / (variance + edge * edge), 0), CONSTANTS["bet"] / m)
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


def budget(error, k, required, evaluators):
    """What the k-th trial may spend, and what all later ones may."""
    spent = sum(1 / i**2 for i in range(1, k + 1))
    share = CONSTANTS["budget"]
    return share * error / k**2 * required / evaluators, error * (1 - share * spent)


def evidence_share(log, peak, alpha):
    """In millionths of what is needed; and the two smaller of it, 900,000 and -30,000, together."""
    needed = math.log(1 / alpha)
    alone = 1_000_000 if peak >= needed + 1e-9 else min(math.floor(1e6 * (log - 1e-9) / needed), 999_999)
    return alone, sum(sorted((alone, 900_000, -30_000))[:2])


def fixed_drift(limit, alpha, changed, probes):
    """Chernoff's exponent at the limit, and the least limit at which it is ln(1/alpha)."""
    share = changed / probes

    def exponent(m):
        return probes * ((share and share * math.log(share / m)) + (1 - share) * math.log((1 - share) / (1 - m)))

    low, high = share, 1 - 1e-15
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if exponent(middle) >= math.log(1 / alpha) else (middle, high)
    return exponent(limit) if share < limit else 0, high


def questions(random):
    """Line for the program, whether its answer takes little time, and a function that gives the numbers that are wanted
    and how near they have to be."""
    for case in range(30):
        n = int(random.integers(20, 200))
        m = float(random.uniform(0.05, 0.6))
        values = list(random.choice([0, 1], n, p=[0.7, 0.3])) if case % 3 == 0 else list(random.beta(2, 3, n))
        text = " ".join(repr(float(x)) for x in values)
        mirrored = [1 - x for x in values]
        yield f"above {m!r} 0 {text}", True, lambda v=values, m=m: (above(v, m), 1e-9)
        yield f"below {m!r} 0 {text}", True, lambda v=mirrored, m=m: (above(v, 1 - m), 1e-9)
        if n < 60:
            yield f"below-mixed {m!r} 0 {text}", True, lambda v=mirrored, m=m: (mixed_above(v, 1 - m), 1e-9)
        yield f"bernstein 0.1 0 {text}", True, lambda v=values, w=mirrored: (
            (bernstein_lower(v, 0.05), 1 - bernstein_lower(w, 0.05)), 1e-8)
        yield f"betting 0.02 0 {text}", False, lambda v=values, w=mirrored: (
            (1 - betting_upper(w, 0.02), betting_upper(v, 0.02)), 1.1e-4)
        steps = list(random.normal(0.012, 0.006, n))
        text = " ".join(repr(float(x)) for x in steps)
        yield f"detector 0.01 0.02 {text}", True, lambda s=steps: ((detector(s, 0.01, 0.02),), 1e-9)
        error, k = float(10 ** random.uniform(-6, -1)), int(10 ** random.uniform(0, 3.5))
        evaluators = int(random.integers(1, 8))
        required = int(random.integers(1, evaluators + 1))
        yield f"budget {error!r} {k} {required} {evaluators}", True, lambda e=error, k=k, r=required, n=evaluators: (
            budget(e, k, r, n), 2e-12 * e)
        log = float(random.uniform(-3, 1.5) * math.log(1 / error))
        peak = max(log, 0, float(random.uniform(0.5, 1.05) * math.log(1 / error)))
        yield f"share {error!r} {peak!r} {log!r}", True, lambda g=log, p=peak, e=error: (evidence_share(g, p, e), 0)
        probes, limit = int(random.integers(50, 3000)), float(random.uniform(0.02, 0.3))
        changed = int(probes * min(limit * random.uniform(0, 1.2), 1))
        yield f"fixed {limit!r} {error!r} {changed} {probes}", True, lambda l=limit, e=error, c=changed, n=probes: (
            fixed_drift(l, budget(e, 1, 1, 1)[0], c, n), 1e-8)
    for case in range(6):
        x, y = list(random.uniform(0, 1, 8)), list(random.uniform(0, 1, 8) ** (1 + case))
        text = " ".join(repr(float(v)) for v in x + y)
        yield f"energy 0 0 {text}", False, lambda x=x, y=y: ((energy(x, y),), 1e-9)
        yield f"energy 0 0 {text}", False, lambda x=x, y=y: ((energy(x, y), energy_share(x, y)), 0.05)


def differences(asked, answers, fast_alone=False):
    """The questions whose answers are others, with what was expected."""
    for (line, fast, expect), answer in zip(asked, answers):
        if fast_alone and not fast:
            continue
        wanted, within = expect()
        got = [float(word) for word in answer.split()]
        if any(not abs(g - w) <= within for g, w in zip(got, wanted)) or len(got) < len(wanted):
            yield f"{line[:60]}…: {got} where {wanted} was expected"


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    asked = list(questions(numpy.random.default_rng(20260101)))
    lines = "".join(line + "\n" for line, _, _ in asked)
    output = subprocess.run([sys.argv[1], "--reference"], input=lines, capture_output=True, text=True, check=True).stdout
    answers = output.splitlines()
    wrong = list(differences(asked, answers))
    for problem in wrong:
        print(problem)
    print(f"{len(asked)} questions, {len(wrong)} answered differently")
    loose = []
    for name, value in CONSTANTS.items():
        CONSTANTS[name] = 1.01 * value
        noticed = sum(1 for _ in differences(asked, answers, fast_alone=True))
        CONSTANTS[name] = value
        print(f"  with the {name} a hundredth off, {noticed}")
        if noticed == 0:
            loose.append(name)
    return 0 if not wrong and not loose and len(answers) == len(asked) >= QUESTIONS_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
