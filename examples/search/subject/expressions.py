"""Heuristics as syntax trees: read from and written to the source of heuristic.py, changed by small moves.

The grammar is closed: numbers; item, free, left, capacity; + - * /; min and max of two; and `a if b < c else d`.
"""
import ast
import copy

import numpy as np

NAMES = ("item", "free", "left", "capacity")
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
NODES_MAX = 40

HEADER = '''"""Which open bin an item goes into: the one with the highest score. Found by improve.py, read by answer.py."""


def score(item, free, capacity):
    left = free - item
    return '''


def read(source):
    """The expression that heuristic.py returns."""
    function = ast.parse(source).body[-1]
    return function.body[-1].value


def write(expression):
    return HEADER + ast.unparse(ast.fix_missing_locations(expression)) + "\n"


def size(expression):
    return sum(isinstance(node, ast.expr) for node in ast.walk(expression))


def table(expression, capacity):
    """Scores for every item and amount of room; what cannot be computed is the worst."""
    item = np.arange(capacity + 1, dtype=float)[:, None]
    free = np.arange(capacity + 1, dtype=float)[None, :]
    names = {"item": item, "free": free, "left": free - item, "capacity": np.array(float(capacity))}
    with np.errstate(all="ignore"):
        scores = _value(expression, names) + 0.0 * item * free
    return np.where(np.isfinite(scores), np.round(scores, 6), -np.inf)


def _value(node, names):
    if isinstance(node, ast.Constant):
        return np.array(float(node.value))
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, names)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, names), _value(node.right, names)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        return left * right if isinstance(node.op, ast.Mult) else np.where(right == 0, np.nan, left / right)
    if isinstance(node, ast.IfExp):
        test = _value(node.test.left, names) < _value(node.test.comparators[0], names)
        return np.where(test, _value(node.body, names), _value(node.orelse, names))
    function = np.minimum if node.func.id == "min" else np.maximum
    return function(*(_value(argument, names) for argument in node.args))


# ---- moves: each takes an expression and a generator, and returns a changed copy


def _number(generator):
    return ast.Constant(round(float(generator.normal(0, 30)), 1))


def _leaf(generator):
    return ast.Name(str(generator.choice(NAMES))) if generator.random() < 0.7 else _number(generator)


def _pick(expression, generator, wanted):
    found = [node for node in ast.walk(expression) if wanted(node)]
    return found[int(generator.integers(len(found)))] if found else None


def _replace(expression, old, new):
    class Replacer(ast.NodeTransformer):
        def visit(self, node):
            return new if node is old else super().generic_visit(node)
    return Replacer().visit(expression)


def change_number(expression, generator):
    node = _pick(expression, generator, lambda n: isinstance(n, ast.Constant))
    if node is not None:
        node.value = round(float(node.value) * float(generator.normal(1, 0.3)) + float(generator.normal(0, 3)), 1)
    return expression


def change_leaf(expression, generator):
    node = _pick(expression, generator, lambda n: isinstance(n, (ast.Name, ast.Constant)) and _is_value(n))
    return expression if node is None else _replace(expression, node, _leaf(generator))


def change_operator(expression, generator):
    node = _pick(expression, generator, lambda n: isinstance(n, ast.BinOp))
    if node is not None:
        node.op = OPERATORS[int(generator.integers(len(OPERATORS)))]()
    return expression


def combine(expression, generator):
    node = _pick(expression, generator, _is_value)
    other = _leaf(generator)
    if generator.random() < 0.3:
        new = ast.Call(ast.Name(str(generator.choice(("min", "max")))), [node, other], [])
    else:
        new = ast.BinOp(node, OPERATORS[int(generator.integers(len(OPERATORS)))](), other)
    return _replace(expression, node, new)


def branch(expression, generator):
    test = ast.Compare(_leaf(generator), [ast.Lt()], [_leaf(generator)])
    other = ast.BinOp(_leaf(generator), OPERATORS[int(generator.integers(len(OPERATORS)))](), _leaf(generator))
    return ast.IfExp(test, other, expression)


def negate(expression, generator):
    node = _pick(expression, generator, lambda n: isinstance(n, (ast.BinOp, ast.IfExp)))
    return expression if node is None else _replace(expression, node, ast.UnaryOp(ast.USub(), node))


def cut(expression, generator):
    node = _pick(expression, generator, lambda n: isinstance(n, (ast.BinOp, ast.IfExp, ast.Call)))
    if node is None:
        return expression
    inner = node.body if isinstance(node, ast.IfExp) else node.args[0] if isinstance(node, ast.Call) else node.left
    return _replace(expression, node, inner)


def _is_value(node):
    """Not the name of a function, and not the condition of a branch."""
    return (isinstance(node, ast.expr) and not isinstance(node, ast.Compare)
            and not (isinstance(node, ast.Name) and node.id in ("min", "max")))


MOVES = {"branch": branch, "change-leaf": change_leaf, "change-number": change_number,
         "change-operator": change_operator, "combine": combine, "cut": cut, "negate": negate}


def apply(expression, moves, generator):
    expression = copy.deepcopy(expression)
    for move in moves:
        expression = MOVES[move](expression, generator)
    return expression
