"""Numbers: exact dyadics as integers over a power of two, and fixed-point integers that are rounded outward.

A bound is an integer b that stands for b / 2^bits. Whatever rounds, rounds in the direction that is safe, so more bits
give tighter bounds and never different claims.
"""
from fractions import Fraction


def floor_shift(value: int, by: int) -> int:
    return value >> by


def ceil_shift(value: int, by: int) -> int:
    return -(-value >> by)


def floor_fixed(value: Fraction, bits: int) -> int:
    return (value.numerator << bits) // value.denominator


def ceil_fixed(value: Fraction, bits: int) -> int:
    return -((-value.numerator << bits) // value.denominator)


def dyadic(values) -> tuple:
    """(integers, power): each value is its integer / 2^power, exactly."""
    ratios = [value.as_integer_ratio() for value in values]
    power = max((den.bit_length() - 1 for _, den in ratios), default=0)
    return [num << (power - den.bit_length() + 1) for num, den in ratios], power


class Format:
    """binary32 or binary64."""

    def __init__(self, precision: int, exponent_min: int, exponent_max: int):
        self.precision, self.exponent_min = precision, exponent_min
        self.unit = Fraction(1, 1 << precision)
        self.normal_min = Fraction(1, 1 << -exponent_min)
        self.finite_max = (2 - Fraction(2, 1 << precision)) * (1 << exponent_max)

    def spacing(self, magnitude: Fraction) -> Fraction:
        """Distance to the next larger number of the format, for magnitude >= 0."""
        if magnitude < self.normal_min:
            return self.normal_min * 2 * self.unit
        exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
        if Fraction(2) ** exponent > magnitude:
            exponent -= 1
        return Fraction(2) ** exponent * 2 * self.unit

    def round(self, value: Fraction, direction: int = 0) -> Fraction | None:
        """To nearest with ties to even (0), down (-1) or up (1); None where that is not finite."""
        step = self.spacing(abs(value))
        quotient, rest = divmod(value, step)
        if direction == 1 and rest:
            quotient += 1
        if direction == 0 and (2 * rest > step or (2 * rest == step and quotient % 2)):
            quotient += 1
        rounded = quotient * step
        return rounded if abs(rounded) <= self.finite_max else None


FLOAT32, FLOAT64 = Format(24, -126, 127), Format(53, -1022, 1023)
FORMATS = {"real": None, "float32": FLOAT32, "float64": FLOAT64}
