#!/usr/bin/python3
"""Makes a candidate whose heuristic comes from a language model: ask_model.py --endpoint URL --model NAME --live DIR --out DIR

The improver in the sandbox has no network, and gets none for this. So the model is asked from here, outside, and what
comes of it is proposed by hand (`pawl propose`): the gate takes it for as little as anything else. What the model says is
never run here: a line counts if it is an expression of the closed grammar of heuristics, which numpy then computes.
Nothing of the live release is run either; its heuristic is read as an expression, the search's code is that of this folder.

--endpoint: the base of an OpenAI-compatible API, as http://127.0.0.1:8080/v1. --key-file: a file with its key.
Exit status 0: the candidate is in --out. 1: the model had nothing with a gain near the target. 2: it gave no answer.
"""
import argparse
import ast
import json
import pathlib
import shutil
import sys
import urllib.error
import urllib.request

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE / "subject"))
import expressions  # noqa: E402
import improve  # noqa: E402
import packing  # noqa: E402

ANSWER_BYTES_MAX = 1 << 20
LINE_BYTES_MAX = 400
LINES_MAX = 200
PROMPT = """You improve a heuristic for online bin packing. Items of size 1 to {capacity} come one by one; each goes into the
open bin with the highest score. Write {count} different expressions for the score, one a line and nothing else. Allowed:
numbers; the names item (size of the item), free (room in the bin), left (free - item), capacity; + - * /; min(a, b) and
max(a, b); and `a if b < c else d`. At most {nodes} nodes. Live now: {live}
Tried before, with the share of bins that no packing can do without (higher is better):
{tried}"""


def allowed(node):
    """Whether the tree is one of the closed grammar of expressions.py."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float) and abs(node.value) <= 1e9
    if isinstance(node, ast.Name):
        return node.id in expressions.NAMES
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and allowed(node.operand)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, expressions.OPERATORS) and allowed(node.left) and allowed(node.right)
    if isinstance(node, ast.IfExp):
        test = node.test
        return (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Lt)
                and all(map(allowed, (test.left, test.comparators[0], node.body, node.orelse))))
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max")
            and len(node.args) == 2 and not node.keywords and all(map(allowed, node.args)))


def read_line(line):
    """The expression of a line of the model's, or None."""
    line = line.strip().strip("`")
    if not line or len(line) > LINE_BYTES_MAX:
        return None
    try:
        expression = ast.parse(line, mode="eval").body
        fits = allowed(expression) and expressions.size(expression) <= expressions.NODES_MAX
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return expression if fits else None


def ask(options, prompt):
    """The lines that the model answers with."""
    headers = {"Content-Type": "application/json"}
    if options.key_file:
        headers["Authorization"] = "Bearer " + options.key_file.read_text().strip()
    body = {"model": options.model, "messages": [{"role": "user", "content": prompt}]}
    request = urllib.request.Request(options.endpoint.rstrip("/") + "/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=options.timeout) as response:
        answer = response.read(ANSWER_BYTES_MAX + 1)
    if len(answer) > ANSWER_BYTES_MAX:
        raise ValueError("the answer has more than 1 MiB")
    return json.loads(answer)["choices"][0]["message"]["content"].splitlines()[:LINES_MAX]


def search(options, live, generator):
    """Everything that could be computed, as improve.nearest takes it."""
    items = packing.draw(generator, improve.INSTANCES)
    tried = [(packing.quality(items, expressions.table(live, packing.CAPACITY)), 0, live)]
    seen = {expressions.write(live)}
    for _ in range(options.rounds):
        best = sorted(tried, key=lambda entry: -entry[0])[:8]
        prompt = PROMPT.format(capacity=packing.CAPACITY, count=16, nodes=expressions.NODES_MAX, live=ast.unparse(live),
                               tried="\n".join(f"{quality:.4f}  {ast.unparse(entry)}" for quality, _, entry in best))
        for line in ask(options, prompt):
            expression = read_line(line)
            if expression is None or expressions.write(expression) in seen:
                continue
            seen.add(expressions.write(expression))
            quality = packing.quality(items, expressions.table(expression, packing.CAPACITY))
            tried.append((quality, len(tried), expression))
    return tried


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--key-file", type=pathlib.Path)
    parser.add_argument("--live", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--timeout", type=float, default=120)
    options = parser.parse_args()
    if not options.endpoint.startswith(("http://", "https://")):
        parser.error("the endpoint begins with http:// or https://")
    live = expressions.read((options.live / "heuristic.py").read_text())
    if not allowed(live):
        parser.error("the live heuristic is no expression of the grammar")
    generator = np.random.default_rng(options.seed)
    try:
        tried = search(options, live, generator)
    except (urllib.error.URLError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as failure:
        print(f"ask_model: no answer from the model: {failure}", file=sys.stderr)
        return 2
    target = json.loads((options.live / "operators.json").read_text())["target_gain_percent"] / 100
    found = improve.nearest(tried, target, generator)
    if found is None:
        print(f"ask_model: {len(tried) - 1} heuristics, none with a gain near the target", file=sys.stderr)
        return 1
    shutil.copytree(options.live, options.out, dirs_exist_ok=True, copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"))
    (options.out / "heuristic.py").write_text(expressions.write(found[1]))
    print(f"ask_model: rehearsed gain {found[0]:.4f}, {len(tried) - 1} heuristics tried")
    return 0


if __name__ == "__main__":
    sys.exit(main())
