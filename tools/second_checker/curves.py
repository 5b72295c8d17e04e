"""Lines above and below LeakyRelu, Clip, Sigmoid, Tanh and maxima, in fixed point: integers over 2^bits.

A line is sound for any slope, once its offset is the extreme of f(x) - slope·x over the interval; slopes are chosen as
spec/certificate.md has it.
"""
from fractions import Fraction

from .exact import ceil_fixed, ceil_shift, floor_fixed

GUARD = 128
NARROW, WIDE, BISECTIONS = 20, 1024, 12


def power(t: int, bits: int) -> int:
    """e^-t for t >= 0, within one unit."""
    if t >> bits > bits + 8:
        return 0
    halvings = max(0, t.bit_length() - bits + 8)
    precision = bits + GUARD
    x = (t << GUARD) >> halvings
    total = term = 1 << precision
    k = 1
    while term:
        term = (term * x >> precision) // k
        total += -term if k % 2 else term
        k += 1
    for _ in range(halvings):
        total = total * total >> precision
    return total >> GUARD


def centred(x: int, bits: int) -> int:
    """h(x) = 1/(1 + e^-x) - 1/2, within three units."""
    e, one = power(abs(x), bits), 1 << bits
    value = (one >> 1) - (e << bits) // (one + e)
    return value if x >= 0 else -value


def derivative(value: int, bits: int) -> int:
    """From h(x); within eight units."""
    return max(0, (1 << bits >> 2) - (value * value >> bits))


def above_centred(low: int, high: int, bits: int) -> tuple:
    """(slope, offset) of a line above h over [low, high]."""
    width, at_low, at_high = high - low, centred(low, bits), centred(high, bits)
    if width > WIDE << bits:
        return 0, at_high + 3
    chord = max(0, (at_high - at_low << bits) // width) if width << NARROW > 1 << bits else derivative(at_high, bits)
    touch, slope = high, chord
    if high > 0:
        start = max(low, 0)
        if low >= 0:
            touch = start + high >> 1
        else:
            for _ in range(BISECTIONS):
                middle = start + touch >> 1
                value = centred(middle, bits)
                if value + (derivative(value, bits) * (low - middle) >> bits) >= at_low:
                    touch = middle
                else:
                    start = middle
        slope = derivative(centred(touch, bits), bits)
        if touch == high:
            slope = min(slope, chord)
    offset = max(value - (slope * x >> bits) for x, value in ((low, at_low), (high, at_high)))
    if high > 0:
        offset = max(offset, centred(touch, bits) - (slope * touch >> bits))
    return slope, offset + 8 + ceil_shift(8 * width, bits)


def bent_lines(f, first, last, leak: int, low: int, high: int, bits: int, flip: bool) -> tuple:
    """Of a function that is linear between its bends `first` and `last` (None: there is none)."""
    first = low if first is None else min(max(first, low), high)
    last = high if last is None else min(max(last, low), high)
    one = 1 << bits
    slope = (f(last) - f(low) << bits) // (last - low) if last > low else 0
    keep = (f(high) - f(first) << bits) // (high - first) if high > first else leak
    if first == high:
        slope = leak
    tie = False
    for is_so, left, right in ((low < first and last == high, high - first, first - low),
                               (last < high and first == low, last - low, high - last)):
        if not is_so:
            continue
        near = abs(left - right) << 30 < left + right
        tie = tie or near
        if (left <= right) != (near and flip):
            if first > low:
                keep = leak
            else:
                slope = 0
    slope, keep = min(max(slope, 0), one), min(max(keep, 0), one)
    points = (low, first, last, high)
    offset = max(f(x) - (slope * x >> bits) for x in points)
    keep_offset = min(f(x) - ceil_shift(keep * x, bits) for x in points)
    return slope, offset + 1, keep, keep_offset - 1, f(low) - 1, f(high) + 1, tie


def curve_lines(step, low: int, high: int, bits: int, fmt, flip: bool) -> tuple:
    """(slope, offset, keep, keep_offset, lower, upper, whether something hung on less than a rounding)."""
    size = max(abs(low), abs(high))
    if step.kind in ("sigmoid", "tanh"):
        factor, shift = (1, 1 << bits >> 1) if step.kind == "sigmoid" else (2, 0)
        slope, offset = above_centred(factor * low, factor * high, bits)
        keep, mirrored = above_centred(-factor * high, -factor * low, bits)
        lines = (factor * factor * slope, factor * offset + shift, factor * factor * keep, shift - factor * mirrored,
                 factor * centred(factor * low, bits) + shift - 8, factor * centred(factor * high, bits) + shift + 8, False)
        error = ceil_fixed(32 * fmt.unit + 4 * fmt.normal_min, bits) if fmt else 0
    elif step.kind == "clip":
        limits = [None if v is None else floor_fixed(v, bits) for v in (step.low, step.high)]

        def f(x):
            x = x if limits[0] is None else max(x, limits[0])
            return x if limits[1] is None else min(x, limits[1])
        lines = bent_lines(f, *limits, 0, low, high, bits, flip)
        error = ceil_fixed(2 * fmt.normal_min, bits) + 1 if fmt else 1
    else:
        slope = step.low
        leak = floor_fixed(slope, bits)
        lines = bent_lines(lambda x: x if x >= 0 else leak * x >> bits, 0, None, leak, low, high, bits, flip)
        error = ceil_shift(2 * size, bits) + 2
        if fmt:
            g = 2 * fmt.unit / (1 - 2 * fmt.unit)
            error += ceil_fixed((g * slope + fmt.normal_min * (1 + g)) * Fraction(size, 1 << bits)
                                + fmt.normal_min * (1 + g) * (slope + 4), bits)
    slope, offset, keep, keep_offset, lower, upper, tie = lines
    return slope, offset + error, keep, keep_offset - error, lower - error, upper + error, tie


def difference_lines(difference: tuple, network: tuple, baseline: tuple, bits: int, flip: bool) -> tuple:
    """Of max(x', 0) - max(x, 0) over x' - x, from intervals: (slope, offset, keep, keep_offset, lower, upper, tie)."""
    (low, high), one = difference, 1 << bits
    share = one if low >= 0 else 0 if high <= 0 else (high << bits) // (high - low)
    tie = False

    def lowest(ends: int, *lines: tuple) -> tuple:
        """The line that is lowest in the middle, where the operand is ends/2; the first of equal ones."""
        nonlocal tie
        best = lines[0]
        for line in lines[1:]:
            gap = ((line[0] - best[0]) * ends >> bits) + 2 * (line[1] - best[1])
            near = line != best and abs(gap) << 30 <= abs(line[1]) + abs(best[1]) + high - low
            tie = tie or near
            if (gap < 0) != (near and flip):
                best = line
        return best

    is_open, rest = low < 0 < high, one - share
    above = max(-(share * low >> bits), (rest * high >> bits) + 1) if is_open else 0
    slope, offset = lowest(low + high, (share, above), (one, max(-network[0], 0)), (0, max(network[1], 0)))
    # A line is below f(d) where its mirror image is above -f(-d).
    below = max(ceil_shift(rest * high, bits), -(share * low >> bits)) if is_open else 0
    keep, mirrored = lowest(-low - high, (rest, below), (one, max(-baseline[0], 0)), (0, max(baseline[1], 0)))
    return slope, offset, keep, -mirrored, min(low, 0), max(high, 0), tie


def maximum_lines(members: list, lower: list, upper: list, bits: int, flip: bool) -> tuple:
    """({member: slope}, offset, member below, lower, upper, tie)."""
    floor, ceiling = max(lower[j] for j in members), max(upper[j] for j in members)
    sums = [lower[j] + upper[j] for j in members]
    largest = max(sums)
    close = [j for j, s in zip(members, sums) if abs(largest - s) << 30 <= abs(largest) + (ceiling - floor)]
    below = close[-1 if flip else 0] if len(close) > 1 else members[sums.index(largest)]
    rising = [j for j in members if upper[j] > floor]
    above = sum(upper[j] - floor for j in rising)
    tie = len(close) > 1 or abs(above - 2 * (ceiling - floor)) << 30 < above
    if not (above < 2 * (ceiling - floor)) != (flip and tie and above > 0):
        return {}, ceiling, below, floor, ceiling, tie
    slopes = {j: -((floor - upper[j] << bits) // (upper[j] - lower[j])) for j in rising}
    offset = floor + sum(-(slopes[j] * lower[j] >> bits) for j in rising) + 1
    return slopes, offset, below, floor, ceiling, tie
