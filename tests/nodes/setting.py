"""Who is where: four nodes, of which two have a gate and three reviewers, people and witnesses, so that one may be gone."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "crash"))
import small_world  # noqa: E402
from small_world import BIN, PEOPLE, SUBJECT, World  # noqa: E402, F401

small_world.REVIEWERS = [*[(f"prover-{i}", f"lab-{i}", "prover") for i in (1, 2, 3)], ("evaluator-3", "lab-4", "evaluator"),
                         *[(f"auditor-{i}", f"lab-{i}", "auditor") for i in (1, 2, 3)]]
NODES = 4
REVIEWERS_OF = {1: ("prover-1", "auditor-1"), 2: ("prover-2", "auditor-2"), 3: ("prover-3", "auditor-3", "evaluator-3")}
GATES = (0, 1)
KEEPER = 1                               # the gate there also runs by itself
NODE_OF = {"ann": 2, "bob": 3, "cy": 3}  # where people sign; the last is asked where the others are not enough
ENOUGH = {"ann", "bob"}                  # for a release, a rollback, a resume; an amendment takes all three
WITNESSES = {"w1": 1, "w2": 2, "w3": 3}  # on which node
# What a command may say while the world around it breaks. It is asked again.
PASSING = {"ledger.unreachable", "ledger.unclear", "ledger.busy", "ledger.conflict", "gate.busy", "oversee.busy"}


def light(text, keys, ports):
    """The charter: two of three provers, auditors and witnesses; no limit on the number of releases, nor on growth."""
    for role in ("prover", "auditor"):
        text = text.replace(f'role = "{role}", at_least = 1', f'role = "{role}", at_least = 2')
    text = text.replace("expected_step = 0.2", "expected_step = 0.49")
    text = text.replace("max_releases = 20", "max_releases = 10000") + "\n[witnesses]\nat_least = 2\n"
    for name in WITNESSES:
        text += f'[[witnesses.witness]]\nprincipal = "of {name}"\nkey = "{keys[name]}"\nurl = "http://127.0.0.1:{ports[name].port}"\n'
    return text
