"""VNN-LIB text to cases: boxes of inputs, each with conjunctions of rows, in exact rationals.

The order of cases, conjunctions and rows is the specification's ("The cases of a property file"), since a certificate
names them by number.
"""
import re
from dataclasses import dataclass
from fractions import Fraction

from . import Refused

DEPTH_MAX, CONJUNCTIONS_MAX, CONSTRAINTS_MAX, DIGITS_MAX, EXPONENT_MAX = 64, 10_000, 10_000_000, 120, 400
TOKEN = re.compile(r"[()]|[^()\s;]+|;[^\n]*|\s+")
NUMBER = re.compile(r"[+-]?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")
VARIABLE = re.compile(r"([XY])_(0|[1-9]\d{0,8})")


@dataclass
class Row:
    """Sum of coefficients[variable] * variable <= bound; variables are ("X", i) and ("Y", j)."""
    coefficients: dict
    bound: Fraction
    strict: bool

    def over_inputs(self) -> bool:
        return all(variable[0] == "X" for variable in self.coefficients)

    def plain(self) -> bool:
        return len(self.coefficients) == 1 and abs(next(iter(self.coefficients.values()))) == 1


@dataclass
class Case:
    box: list  # one an input: (lower, upper, lower is strict, upper is strict)
    conjunctions: list  # lists of Row


@dataclass
class Property:
    input_count: int
    output_count: int
    cases: list


def malformed(rule: str, message: str = "") -> Refused:
    return Refused("malformed", "vnnlib." + rule, message)


def expressions(text: str) -> list:
    """Nested lists of words."""
    stack, at = [[]], 0
    for match in TOKEN.finditer(text):
        token = match.group()
        if token == "(":
            stack.append([])
            if len(stack) > DEPTH_MAX + 1:
                raise Refused("limit", "vnnlib.limit", "depth")
        elif token == ")":
            if len(stack) == 1:
                raise malformed("syntax", "an unmatched )")
            done = stack.pop()
            stack[-1].append(done)
        elif token[0] != ";" and not token.isspace():
            stack[-1].append(token)
    if len(stack) != 1:
        raise malformed("syntax", "an unmatched (")
    return stack[0]


def number(word: str) -> Fraction | None:
    match = NUMBER.fullmatch(word)
    if not match or not word.isascii():
        return None
    digits, exponent = match.group(1) + (match.group(2) or ""), match.group(3) or "0"
    if len(digits) > DIGITS_MAX or len(exponent) > 6 or abs(int(exponent)) > EXPONENT_MAX:
        raise Refused("limit", "vnnlib.limit", "a number")
    return Fraction(word)


class Reader:
    def __init__(self, text: str):
        self.counts = {"X": 0, "Y": 0}
        declared, formulas = set(), []
        for expression in expressions(text):
            if not isinstance(expression, list) or not expression:
                raise malformed("syntax")
            if expression[0] == "assert" and len(expression) == 2:
                self.declared = declared
                formulas.append(self.formula(expression[1]))
                continue
            constant = expression[0] == "declare-const" and len(expression) == 3
            function = expression[0] == "declare-fun" and len(expression) == 4 and expression[2] == []
            if not (constant or function) or expression[-1] != "Real" or not isinstance(expression[1], str):
                raise malformed("syntax")
            match = VARIABLE.fullmatch(expression[1])
            if not match:
                raise malformed("syntax", expression[1])
            variable = (match.group(1), int(match.group(2)))
            if variable in declared:
                raise malformed("duplicate-declaration")
            declared.add(variable)
        for letter in "XY":
            count = sum(1 for variable in declared if variable[0] == letter)
            if count == 0:
                raise malformed("no-variables")
            if any((letter, i) not in declared for i in range(count)):
                raise malformed("gap")
            self.counts[letter] = count
        self.asserted = ("and", formulas)

    def linear(self, expression) -> tuple:
        """(coefficients, constant)."""
        if isinstance(expression, str):
            match = VARIABLE.fullmatch(expression)
            if match:
                variable = (match.group(1), int(match.group(2)))
                if variable not in self.declared:
                    raise malformed("undeclared-variable", expression)
                return {variable: Fraction(1)}, Fraction(0)
            value = number(expression)
            if value is None:
                raise malformed("syntax", expression)
            return {}, value
        if len(expression) < 2 or expression[0] not in ("+", "-", "*"):
            raise malformed("syntax")
        parts = [self.linear(part) for part in expression[1:]]
        coefficients, constant = dict(parts[0][0]), parts[0][1]
        if expression[0] == "*":
            for more, value in parts[1:]:
                if more and coefficients:
                    raise malformed("nonlinear")
                if more:
                    coefficients, constant, value = dict(more), value, constant
                coefficients = {v: c * value for v, c in coefficients.items()}
                constant *= value
            return coefficients, constant
        sign = 1 if expression[0] == "+" else -1
        if sign == -1 and len(parts) == 1:
            return {v: -c for v, c in coefficients.items()}, -constant
        for more, value in parts[1:]:
            constant += sign * value
            for variable, coefficient in more.items():
                coefficients[variable] = coefficients.get(variable, 0) + sign * coefficient
        return coefficients, constant

    def formula(self, expression):
        """("row", Row), ("and", parts) or ("or", parts)."""
        if not isinstance(expression, list) or len(expression) < 2:
            raise malformed("syntax")
        name = expression[0]
        if name in ("and", "or"):
            return name, [self.formula(part) for part in expression[1:]]
        if name not in ("<=", ">=", "<", ">", "=") or len(expression) != 3:
            raise malformed("syntax", str(name))
        left, right = self.linear(expression[1]), self.linear(expression[2])
        if name == "=":
            return "and", [self.row(left, right, False), self.row(right, left, False)]
        return self.row(left, right, "=" not in name) if name[0] == "<" else self.row(right, left, "=" not in name)

    @staticmethod
    def row(left, right, strict):
        coefficients = dict(left[0])
        for variable, coefficient in right[0].items():
            coefficients[variable] = coefficients.get(variable, 0) - coefficient
        coefficients = {v: c for v, c in coefficients.items() if c != 0}
        if not coefficients:
            raise malformed("constant-comparison")
        return "row", Row(coefficients, right[1] - left[1], strict)


class Expander:
    def __init__(self):
        self.alternatives = 0

    def expand(self, formula) -> list:
        """Disjuncts in order, each (rows, alternatives it belongs to)."""
        name, parts = formula
        if name == "row":
            return [([parts], ())]
        if name == "or":
            result = []
            for part in parts:
                alternative = self.alternatives
                self.alternatives += 1
                result += [(rows, inside + (alternative,)) for rows, inside in self.expand(part)]
            self.check(len(result), sum(len(rows) for rows, _ in result))
            return result
        result = [([], ())]
        for part in parts:
            more = self.expand(part)
            self.check(len(result) * len(more), sum(len(r) for r, _ in result) * len(more)
                       + sum(len(r) for r, _ in more) * len(result))
            result = [(a + b, i + j) for a, i in result for b, j in more]
        return result

    @staticmethod
    def check(conjunctions, constraints):
        if conjunctions > CONJUNCTIONS_MAX or constraints > CONSTRAINTS_MAX:
            raise Refused("limit", "vnnlib.limit", "alternatives")


def bounds_of(rows: list) -> dict:
    """Of plain rows: variable -> [lower, lower is strict, upper, upper is strict]; None where there is none."""
    bounds = {}
    for row in rows:
        if not row.plain():
            continue
        (variable, coefficient), = row.coefficients.items()
        entry = bounds.setdefault(variable, [None, False, None, False])
        value = row.bound * coefficient  # coefficient is 1 or -1
        at = 2 if coefficient > 0 else 0
        tighter = entry[at] is None or (value < entry[at] if at else value > entry[at])
        if tighter:
            entry[at], entry[at + 1] = value, row.strict
        elif value == entry[at]:
            entry[at + 1] = entry[at + 1] or row.strict
    return bounds


def empty(entry: list) -> bool:
    lower, lower_strict, upper, upper_strict = entry
    return None not in (lower, upper) and (lower > upper or (lower == upper and (lower_strict or upper_strict)))


def read_property(text: str) -> Property:
    reader, expander = Reader(text), Expander()
    disjuncts = expander.expand(reader.asserted)
    satisfiable, cases = set(), []
    for rows, alternatives in disjuncts:
        bounds = bounds_of(rows)
        if any(empty(entry) for entry in bounds.values()):
            continue
        box = []
        for i in range(reader.counts["X"]):
            lower, lower_strict, upper, upper_strict = bounds.get(("X", i), [None, False, None, False])
            if lower is None or upper is None:
                raise malformed("unbounded-input", f"X_{i}")
            box.append((lower, upper, lower_strict, upper_strict))
        kept = [row for row in rows if not (row.plain() and row.over_inputs())]
        if all(row.over_inputs() for row in kept):
            raise malformed("no-output-assertion")
        if not cases or cases[-1].box != box:
            cases.append(Case(box, []))
        cases[-1].conjunctions.append(kept)
        satisfiable.update(alternatives)
    if not cases:
        raise malformed("empty")
    if len(satisfiable) != expander.alternatives:
        raise malformed("empty-alternative")
    return Property(reader.counts["X"], reader.counts["Y"], cases)
