"""The two subjects' first trees and their charters, put together from this folder and examples/collision.

  adversary_tree(out)    controller_tree(out)     directories that `pawl propose` takes
  adversary_charter(out, baseline, keys, signers, peer)     controller_charter(out, baseline, keys_file, signers_file)
"""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
COLLISION = os.path.join(os.path.dirname(HERE), "collision")
PYTHON = "/usr/bin/python3"
IGNORED = shutil.ignore_patterns("__pycache__")
sys.path.insert(0, COLLISION)
import make_charter  # noqa: E402

CONTROLLER_QUORUM = """[quorum]
all = [
  { role = "prover", at_least = 1, against_max = 0 },
  { role = "evaluator", at_least = 1, against_max = 0 },
  { role = "integrity", at_least = 1, against_max = 0 },
  { role = "peer", at_least = 1, against_max = 0 },
  { role = "auditor", at_least = 1, against_max = 0 },
]
"""


def copy(folder, *paths):
    for path in paths:
        shutil.copyfile(path, os.path.join(folder, os.path.basename(path)))


def adversary_tree(out):
    """Its own files, and for its improver the simulator of the encounters."""
    shutil.copytree(os.path.join(HERE, "adversary"), out, copy_function=shutil.copyfile, ignore=IGNORED)
    copy(os.path.join(out, "improver"), f"{COLLISION}/charter/encounters.py", f"{COLLISION}/charter/network.py")
    return out


def controller_tree(out):
    """The first release of examples/collision, and its opinion of an adversary."""
    shutil.copytree(os.path.join(COLLISION, "subject"), out, copy_function=shutil.copyfile, ignore=IGNORED)
    copy(out, f"{HERE}/controller/judge.py")
    return out


def adversary_rules(out):
    """What evaluator and judges find in the adversary's charter beside charter.toml. The controller that faults are
    built into is the first one, for good: an evaluator does not change with what it measures."""
    os.makedirs(out)
    copy(out, f"{COLLISION}/charter/encounters.py", f"{COLLISION}/charter/network.py", f"{COLLISION}/subject/policy.onnx",
         f"{HERE}/adversary/search.py", f"{HERE}/adversary/improver/faults.py",
         *(f"{HERE}/charter/{name}" for name in ("evaluate.py", "experience-keys.toml", "peers.toml")))
    return out


def adversary_charter(out, baseline, keys, signers, peer):
    """`peer` says whether the controller judges already."""
    adversary_rules(out)
    if not peer:
        os.remove(os.path.join(out, "peers.toml"))
    reviewers = [entry for entry in keys["reviewers"] if peer or entry["role"] != "peer"]
    with open(f"{HERE}/charter/charter.toml.in", encoding="utf-8") as file:
        text = make_charter.fill(file.read(), {
            "BASELINE": baseline, "REVIEWERS": make_charter.reviewers(reviewers),
            "PEER": '  { role = "peer", at_least = 1, against_max = 0 },\n' if peer else "",
            "LOG_KEY": keys["log"], "CLOCK_KEY": keys["clock"]})
    shutil.copyfile(signers, os.path.join(out, "approvers.allowed_signers"))
    with open(os.path.join(out, "charter.toml"), "w", encoding="utf-8") as file:
        file.write(text)
    return out


def controller_charter(out, baseline, keys_file, signers):
    """That of examples/collision with two differences: a peer judges as well, and of the other roles one is enough."""
    subprocess.run([PYTHON, "-B", f"{COLLISION}/make_charter.py", "--out", out, "--baseline", baseline, "--signers", signers,
                    "--keys", keys_file, "--presence", "software", "--min-interval", "1s", "--no-envelope"], check=True)
    copy(out, f"{HERE}/controller/peers.toml")
    with open(os.path.join(out, "charter.toml"), encoding="utf-8") as file:
        text, changed = re.subn(r"\[quorum\]\nall = \[\n.*?\n\]\n", CONTROLLER_QUORUM, file.read(), flags=re.DOTALL)
    if changed != 1:
        raise SystemExit("trees: the collision example's charter has another [quorum]")
    with open(os.path.join(out, "charter.toml"), "w", encoding="utf-8") as file:
        file.write(text)
    return out
