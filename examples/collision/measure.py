#!/usr/bin/python3
"""Measures what the charter's numbers rest on: generations of the improver, seen by the charter's evaluator.

  measure.py [--generations 6] [--index 20] [--seed 1]

For each generation: score, near-miss rate, step and paired deviation against the parent, drift against the baseline,
and whether the charter's conditions would be shown at budget index `--index` (a late, hard one) by the tests that the
gate uses: betting e-processes, and upper bounds by betting (Waudby-Smith and Ramdas, JRSS-B 2024). `..._shown` is the
number of episodes after which the condition was shown, None where it was not.
"""

import argparse
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import tomllib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
C = 0.9  # cap of the bets, as in the gate


def charter_template():
    """The charter's tables without those that make_charter.py fills in."""
    with open(os.path.join(HERE, "charter", "charter.toml.in"), encoding="utf-8") as file:
        return tomllib.loads(re.sub(r"^@[A-Z]+@$", "", file.read(), flags=re.MULTILINE))


def trial_alpha(lifetime_error, index):
    return 6 * lifetime_error / (math.pi**2 * index**2)


def e_process(x, m, alpha, mixed=False):
    """Observations after which 'mean > m' is shown at alpha, or None. x in [0, 1].

    The bet adapts to the variance; `mixed` splits the wealth between it and the best bet for 0/1 values, as the gate does
    for harm (src/trial/e_process.h).
    """
    logs = [0.0, 0.0]  # of the two bets' wealths
    total, squares, mean, variance = 0.5, 0.25, 0.5, 0.25
    for t, value in enumerate(x.tolist(), 1):
        edge = max(mean - m, 0.0)
        for i, bet in enumerate((edge / (variance + edge * edge), edge / (m * (1 - m)))):
            logs[i] += math.log1p(min(bet, C / m) * (value - m))
        if (np.logaddexp(*logs) - math.log(2) if mixed else logs[0]) >= math.log(1 / alpha):
            return t
        total += value
        mean = total / (t + 1)
        squares += (value - mean) ** 2
        variance = squares / (t + 1)
    return None


def upper_bound(x, alpha):
    """Upper confidence bound of the mean by inverting bets against 'mean >= m'."""
    n = len(x)
    counts = np.arange(1, n + 1)
    means = (0.5 + np.cumsum(x)) / (counts + 1)
    variances = (0.25 + np.cumsum((x - means) ** 2)) / (counts + 1)
    lagged = np.concatenate([[0.25], variances[:-1]])
    bets = np.sqrt(2 * math.log(1 / alpha) / (n * lagged))
    low, high = float(x.mean()), 1.0
    for _ in range(40):
        m = (low + high) / 2
        wealth = np.cumsum(np.log1p(np.minimum(bets, C / max(1 - m, 1e-12)) * (m - x)))
        low, high = (low, m) if wealth.max() >= math.log(1 / alpha) else (m, high)
    return high


def seeds(purpose, count):
    return b"".join(hashlib.sha256(f"{purpose} {i}".encode()).digest() for i in range(count))


def evaluate(mode, tree, seed_bytes, scratch):
    with open(os.path.join(scratch, "seeds"), "wb") as file:
        file.write(seed_bytes)
    out = os.path.join(scratch, "out.jsonl")
    subprocess.run(["/usr/bin/python3", "evaluate.py", mode, "--subject", tree, "--seeds",
                    os.path.join(scratch, "seeds"), "--out", out], check=True, cwd=os.path.join(HERE, "charter"))
    with open(out, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    if mode == "decisions":
        return np.array([row["decision"] for row in rows])
    metrics = {name: np.array([row["metrics"][name] for row in rows]) for name in rows[0]["metrics"]}
    return {**metrics, "group": np.array([row["group"] for row in rows])}


def improve(live, out, seed):
    """One run of the release's own improver, as the sandbox starts it. False where it found no step."""
    done = subprocess.run(["/usr/bin/python3", "improver/improve.py", "--live", live, "--out", out, "--seed", str(seed)],
                          cwd=live, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise SystemExit(done.stderr)
    return done.returncode == 0


def assess(charter, metrics, parent, drifted, index):
    """A row of figures; `parent` is None for the first release."""
    bounds = charter["bounds"]
    harms = [(harm, trial_alpha(harm["lifetime_error"], index)) for harm in bounds["harm"]]
    alpha = trial_alpha(bounds["capability"]["lifetime_error"], index)
    row = {"score": metrics["score"].mean(), "near_miss": metrics["near_miss"].mean(),
           "alert_rate": metrics["alert_rate"].mean(), "reversals": metrics["reversals"].mean()}
    for harm, harm_alpha in harms:
        values = metrics[harm["metric"]]
        if "group" in harm:
            values = values[metrics["group"] == harm["group"]]
        name = harm["metric"] + (f"_{harm['group']}" if "group" in harm else "")
        row[f"{name}_shown"] = e_process(1 - values, 1 - harm["limit"], harm_alpha, mixed=True)
    row["ceiling_bound"] = upper_bound(metrics["score"], alpha)
    if parent is not None:
        mapped = (metrics["score"] - parent["score"] + 1) / 2
        row["step"], row["deviation"] = 2 * mapped.mean() - 1, 2 * mapped.std()
        row["step_bound"] = 2 * upper_bound(mapped, alpha) - 1
        row["improvement_shown"] = e_process(
            mapped, 0.5, trial_alpha(bounds["improvement"]["lifetime_error"], index))
        row["drift"], row["drift_bound"] = drifted.mean(), upper_bound(
            drifted.astype(float), trial_alpha(bounds["drift"]["lifetime_error"], index))
    return row


def generations(first, count, seed, scratch):
    """Trees of the releases, the first included; fewer where the improver finds no further step."""
    trees = [first]
    for k in range(count):
        out = os.path.join(scratch, f"generation-{k + 1}")
        if not improve(trees[-1], out, seed * 1000 + k):
            break
        trees.append(out)
    return trees


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=6)
    parser.add_argument("--index", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    charter = charter_template()
    episodes, probes = charter["evaluation"]["episodes"], charter["evaluation"]["probes"]
    with tempfile.TemporaryDirectory() as scratch:
        parent, baseline = None, None
        trees = generations(os.path.join(HERE, "subject"), options.generations, options.seed, scratch)
        for k, tree in enumerate(trees):
            fresh = seeds(f"measure {options.seed} {k}", episodes)
            metrics = evaluate("episodes", tree, fresh, scratch)
            if k:
                parent = evaluate("episodes", trees[k - 1], fresh, scratch)
            decisions = evaluate("decisions", tree, seeds("measured probes", probes), scratch)
            baseline = decisions if k == 0 else baseline
            row = assess(charter, metrics, parent, decisions != baseline, options.index)
            print(k, " ".join(f"{name}={value:.4f}" if isinstance(value, float) else f"{name}={value}"
                              for name, value in row.items()), flush=True)
        if len(trees) <= options.generations:
            print("the improver found no further step")


if __name__ == "__main__":
    sys.exit(main())
