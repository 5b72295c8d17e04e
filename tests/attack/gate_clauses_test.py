#!/usr/bin/python3
"""Every clause of the gate says no, or not yet, to one proposal that it alone stops: by its step and its rule.

usage: gate_clauses_test.py [--list | --matter BUILD --compiler CXX [--flags F] -- OBJECTS] [CASE ...]

PAWL_BIN: folder with pawl, pawl-check and for-tests. The clauses are read from the sources (forced_gate.py): one without
a case here, or a reason in ELSEWHERE, fails; --list looks for that alone. With --matter the gate is built so that each clause can be forced true, and
each case has to fail where its own clause is.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "crash")]
import forced_gate  # noqa: E402
import small_world  # noqa: E402
from small_world import BIN, SUBJECT, Failed, World  # noqa: E402

FOR_TESTS = BIN.parent / "for-tests/bin"

# Clauses that no case here reaches: what shows them, or why nothing can.
ELSEWHERE = {
    "Decide/ledger.busy": "a wait for others; nothing is decided by it",
    "LogProposal/ledger.busy": "likewise",
    "AppendSigned/ledger.busy": "likewise",
    "Stopped/ledger.conflict": "likewise",
    "Walk/std::string(kConflict)": "likewise; tests/crash/machine_failures_test.py has a gate that another has overtaken in its trial",
    "Collect/property.spec": "src/charter/refusals_test.cc: no such charter is read",
    "Search/property.prover (2)": "the end of a switch over every status that there is",
    "WithApprovedLeaf/warrant.no-leaf": "a second look at what the line above has done",
    "Bounds/bounds.no-report": "Trial, which has passed, names the report",
    "Pace/acceleration.alarm": "src/oversight/acceleration_test.cc: the rule is CheckPace's, and passes as pace.interval does",
    "Stopped/acceleration.alarm": "likewise, and passes as halt.in-force does",
    "TakeUp/gate.keys": "the end of a rest: what would be signed with the earlier keys, no fold takes",
    # What a person is told before signing; what is signed all the same, Decide and the check of the warrant judge.
    "FindDrafted/approve.no-proposal": "tests/attack/races_and_replays_test.py",
    "FindDrafted/approve.decided": "tests/attack/races_and_replays_test.py",
    "AppendSigned/approve.decided": "src/gate/waiting_test.cc",
    "FindDrafted/approve.too-early": "tests/attack/races_and_replays_test.py",
    "FindDrafted/approve.expired": "src/site/site_signing_test.cc",
    "RequireReason/approve.reason": "src/site/site_signing_test.cc",
    "KeepReason/approve.reason-kept": "a folder that cannot be made: the person is told, and nothing is appended",
    "CheckDraft/approve.mismatch": "no gate of ours drafts such a decision; the check of the warrant refuses it",
}
SHOWN = {"Collect/property.spec": ("src/charter/refusals_test.cc", "charter.property"),
         "Pace/acceleration.alarm": ("src/oversight/acceleration_test.cc", "AnAlarmStopsEverythingButTheWayBack"),
         **{f"FindDrafted/approve.{rule}": ("tests/attack/races_and_replays_test.py", f'"approve.{rule}"')
            for rule in ("no-proposal", "decided", "too-early")},
         "RequireReason/approve.reason": ("src/site/site_signing_test.cc", '"approve.reason"'),
         "AppendSigned/approve.decided": ("src/gate/waiting_test.cc", '"approve.decided"'),
         "FindDrafted/approve.expired": ("src/site/site_signing_test.cc", '"approve.expired"')}

# improver/level: score, near misses and decision of every episode, and the `ulimit -m` under which it does harm: Linux
# heeds it nowhere, so that a run has it of whoever starts it, at whatever niceness.
EVALUATOR = """#!/bin/sh
read -r level miss word resident < "$3/improver/level"
size=$(wc -c < "$5")
[ "$(ulimit -m)" = "${resident:-none}" ] && miss=1
awk -v mode="$1" -v level="$level" -v miss="${miss:-0}" -v word="${word:-stay}" -v n=$((size / 32)) 'BEGIN { for (i = 0; i < n; i++)
  if (mode == "episodes") printf "{\\"episode\\":%d,\\"metrics\\":{\\"near_miss\\":%s,\\"score\\":%s}}\\n", i, miss, level
  else printf "{\\"probe\\":%d,\\"decision\\":\\"%s\\"}\\n", i, word }' > "$7"
"""
EDGE = 99.99999237060547  # the greatest float32 below 100, where the property begins to be broken
CODE_PROPERTY = """
[[property]]
kind = "command"
name = "no-marker"
command = ["/bin/sh", "check.sh"]
time_limit = "60s"

[improver]"""
Case = collections.namedtuple("Case", "clause expect brings lies")
CASES = []


def stops(clause, outcome, step, rule, lies=False):
    """A case: the function brings a home to where the clause says no, and asks."""
    def take(function):
        CASES.append(Case(clause, (outcome, step, rule), function, lies))
        return function
    return take


def replaced(old, new):
    def edit(text):
        return text.replace(old, new)
    return edit


class GateWorld(World):
    edit = staticmethod(lambda text: text)

    def make_charter(self, name, edit=None):
        charter = super().make_charter(name, lambda text: (edit or (lambda same: same))(
            self.edit(text.replace("\n[improver]", CODE_PROPERTY, 1))))
        (charter / "evaluate.sh").write_text(EVALUATOR)
        (charter / "check.sh").write_text("! test -e /in/subject/improver/marker\n")
        return charter

    def make_keys(self):
        """One evaluator more where two decide together."""
        super().make_keys()
        if "faults_max" not in self.edit('"evaluator", at_least = 1'):
            return
        keys = json.loads((self.root / "keys.json").read_text())
        keys["reviewers"].append({"name": "evaluator-c", "principal": "lab-d", "role": "evaluator",
                                  "key": self.pawl("key", "new", "evaluator-c").strip()})
        (self.root / "keys.json").write_text(json.dumps(keys))

    def begin(self, baseline):
        """As prepare, without what only other tests need."""
        os.makedirs(self.root)
        self.make_keys()
        baseline(self)
        self.make_charter("charter")
        for person in small_world.PEOPLE:
            self.pawl("charter", "sign", self.charter, "--key", self.root / person)
        self.pawl("init", self.charter)

    def tree(self, name, level=0.5, factor=1.5):
        return self.make_tree(name, level, factor)

    def copy(self, root):
        copied = super().copy(root)
        copied.edit = self.edit
        return copied

    # ---- a path, by the honest program

    def propose(self, tree, *note):
        return self.json("propose", tree, *note, expect=(1, 6))["proposal"]

    def vote(self, *names):
        keys = json.loads((self.root / "keys.json").read_text())["reviewers"]
        for name in names or sorted((key["name"] for key in keys), key=lambda name: name.startswith("auditor")):
            self.pawl("review", "--as", name, expect=(0, 1, 6))

    def sign(self, proposal, people=("ann", "bob")):
        self.pawl("advance", proposal, expect=(6,))
        for person in people:
            self.pawl("approve", proposal, "--key", self.root / person, expect=(6,))

    def approved(self, tree, *people):
        proposal = self.propose(tree)
        self.vote()
        self.sign(proposal, *people)
        return proposal

    def release(self, tree):
        self.pawl("release", self.approved(tree))
        time.sleep(1.1)  # the charter's interval

    # ---- the question

    def ask(self, *words, **extra):
        """What the gate under test says: (outcome, step, rule)."""
        environment = dict(self.environment, **{**self.forced, **extra})
        done = subprocess.run([*self.before, self.program, "--json", *map(str, words)], env=environment, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, cwd=self.root, timeout=120, check=False)
        lines = done.stdout.splitlines()
        answer = json.loads(lines[-1]) if lines else {}
        if "error" in answer:
            return "error", "", answer["error"]["rule"]
        return (answer.get("outcome"), answer.get("step"), answer.get("rule")) if answer else (f"status {done.returncode}",)

    program, forced, before = BIN / "pawl", {}, ()

    def acting(self, call, at, command, nth=1):
        return {"LD_PRELOAD": str(FOR_TESTS / "libact_at.so"), "ACT_CALL": call, "ACT_AT": at, "ACT_NTH": str(nth),
                "ACT_COMMAND": command}


class Homes:
    """Homes to begin from, each made once: by the words that change its charter and how far its path has gone."""

    def __init__(self, folder):
        self.folder, self.made, self.number = folder, {}, 0
        self.under_test = {}

    def get(self, name, make):
        if name not in self.made:
            self.made[name] = make()
        self.number += 1
        world = self.made[name].copy(self.folder / f"case-{self.number}")
        for key, value in self.under_test.items():
            setattr(world, key, value)
        return world

    def begun(self, name="plain", edit=None, baseline=lambda world: world.make_tree("baseline", 0.3)):
        def make():
            world = GateWorld(self.folder / f"begun-{name}")
            world.edit = edit or world.edit
            world.begin(baseline)
            return world
        return self.get(f"begun {name}", make)

    def live(self, name="plain", edit=None):
        def make():
            world = self.begun(name, edit)
            vars(world).pop("program", None), vars(world).pop("forced", None)
            world.release(world.root / "baseline")
            return world
        return self.get(f"live {name}", make)

    def ready(self):
        """Everybody has signed p2."""
        def make():
            world = self.live()
            vars(world).pop("program", None), vars(world).pop("forced", None)
            world.approved(world.tree("better"))
            return world
        return self.get("ready", make)


# ---- surface

@stops("SurfaceOfRollback/rollback.target", "outside-charter", "surface", "rollback.target")
def back_to_a_tree_that_is_revoked(homes):
    world = homes.live()
    world.release(world.tree("better"))
    world.release(world.tree("best", 0.8))
    better = world.json("status")["releases"][1]["tree"]
    world.make_charter("charter-3", lambda text: text + f'\n[revocation]\ntrees = ["{better}"]\n')
    proposal = world.json("charter", "amend", world.root / "charter-3", expect=(6,))["proposal"]
    world.vote()
    time.sleep(1.1)
    world.sign(proposal, ("ann", "bob", "cy"))
    world.pawl("release", proposal)
    return world.ask("rollback", "2")


@stops("SurfaceOfRollback/rollback.target (2)", "rejected", "surface", "rollback.target")
def back_to_a_tree_that_was_never_live(homes):
    world = homes.live()
    world.propose(world.tree("better"))
    return world.ask("rollback", world.json("status")["proposals"][-1]["tree"])


@stops("SurfaceOfAmendment/files.error().rule", "rejected", "surface", None)
def a_charter_that_vanishes_once_it_was_frozen(homes):
    def ask(nth, under_test):
        world = homes.live()
        if not under_test:
            world.program, world.forced = BIN / "pawl", {}
        charter = world.make_charter("charter-3", replaced("ceiling = 0.99", "ceiling = 0.98"))
        digest = hashlib.sha256((charter / "charter.toml").read_bytes()).hexdigest()
        blob = world.home / "store/blobs" / digest[:2] / digest
        answer = world.ask("charter", "amend", charter, **world.acting("open", "/" + digest, f"mv {blob} {blob}.gone", nth))
        return answer[:2] == ("rejected", "surface"), answer
    nth = next(number for number in range(1, 12) if ask(number, False)[0])
    return ask(nth, True)[1]


@stops("SurfaceOfAmendment/keys.error().rule", "rejected", "surface", None)
def a_charter_whose_list_of_keys_says_nothing(homes):
    world = homes.live()
    charter = world.make_charter("charter-3", replaced("[[property]]\nname", '[[surface]]\npath = "limits.json"\nkind = "json"\n'
                                                       'keys = "limits.keys.toml"\n\n[[property]]\nname'))
    (charter / "limits.keys.toml").write_text('[[key]]\npointer = "no pointer"\ntype = "any"\n')
    return world.ask("charter", "amend", charter)


@stops("SurfaceOfAmendment/amendment.lineage", "rejected", "surface", "amendment.lineage")
def another_resource(homes):
    world = homes.live()
    return world.ask("charter", "amend", world.make_charter("charter-3", replaced("urn:pawl:test:small", "urn:pawl:test:other")))


@stops("SurfaceOfAmendment/amendment.shared-log-key", "rejected", "surface", "amendment.shared-log-key")
def witnesses_of_a_log_key_that_two_share(homes):
    world = homes.live()
    other = world.make_charter("charter-other", replaced('name = "small"', 'name = "other"'))
    for person in small_world.PEOPLE:
        world.pawl("charter", "sign", other, "--key", world.root / person)
    world.pawl("init", other)
    key = world.pawl("key", "new", "w", "--witness").strip()
    return world.ask("--subject", SUBJECT, "charter", "amend", world.make_charter("charter-3", lambda text: text + (
        f'\n[witnesses]\nat_least = 1\n[[witnesses.witness]]\nprincipal = "w"\nkey = "{key}"\nurl = "http://127.0.0.1:1"\n')))


@stops("SurfaceOfAmendment/changes.error().rule", "rejected", "surface", "charter.rotation")
def a_rotation_that_nobody_has_signed(homes):
    world = homes.live()
    charter = world.make_charter("charter-3", replaced("ceiling = 0.99", "ceiling = 0.98"))
    (charter / "rotations").mkdir()
    (charter / "rotations/0123456789abcdef.json").write_text("{}")
    return world.ask("charter", "amend", charter)


@stops("Surface/surface.refused", "outside-charter", "surface", "surface.refused")
def a_first_release_that_is_not_the_baseline(homes):
    world = homes.begun()
    return world.ask("propose", world.tree("better"))


@stops("Surface/surface.no-change", "rejected", "surface", "surface.no-change")
def what_is_live(homes):
    world = homes.live()
    return world.ask("propose", world.root / "baseline")


@stops("Surface/(*objection)->rule", "outside-charter", "surface", "surface.charter-copy")
def a_copy_of_the_scorer(homes):
    world = homes.live()
    tree = world.tree("better")
    (tree / "improver/copy.sh").write_text(EVALUATOR)
    return world.ask("propose", tree)


@stops("Surface/rule", "outside-charter", "surface", "surface.unlisted")
def a_file_that_no_rule_lists(homes):
    world = homes.live()
    tree = world.tree("better")
    (tree / "unlisted").write_text("1\n")
    return world.ask("propose", tree)


# ---- pace

@stops("Pace/pace.parent", "rejected", "pace", "pace.parent")
def what_waited_while_another_became_live(homes):
    world = homes.begun("three seconds", replaced('min_interval = "1s"', 'min_interval = "3s"'))
    world.pawl("release", world.approved(world.root / "baseline"))
    waiting = world.propose(world.tree("early"))
    time.sleep(3.1)
    world.pawl("release", world.approved(world.tree("better", 0.6)))
    return world.ask("advance", waiting)


@stops("Pace/halt.in-force", "pending", "pace", "halt.in-force")
def a_proposal_under_a_halt(homes):
    world = homes.live()
    world.pawl("halt", "-m", "smoke", "--key", world.root / "ann")
    return world.ask("propose", world.tree("better"))


@stops("Pace/pace.interval", "pending", "pace", "pace.interval")
def too_soon(homes):
    world = homes.live("slow", slow)
    return world.ask("propose", world.tree("better"))


@stops("Pace/pace.window", "pending", "pace", "pace.window")
def too_many(homes):
    world = homes.live("one", replaced("max_releases = 20", "max_releases = 1"))
    return world.ask("propose", world.tree("better"))


def slow(text):
    return text.replace('min_interval = "1s"', 'min_interval = "1h"').replace('waiting_period = "1s"', 'waiting_period = "1h"')


# ---- properties

def without_policy(world):
    (world.make_tree("baseline", 0.3) / "policy.onnx").unlink()


def unreadable_policy(world):
    (world.make_tree("baseline", 0.3) / "policy.onnx").write_bytes(b"no network")


@stops("Properties/required.error().rule", "rejected", "properties", "property.network")
def a_baseline_without_its_network(homes):
    world = homes.begun("bare", baseline=without_policy)
    return world.ask("propose", world.root / "baseline")


@stops("Search/network.error().rule", "rejected", "properties", None)
def a_baseline_whose_network_is_none(homes):
    world = homes.begun("unreadable", baseline=unreadable_policy)
    return world.ask("propose", world.root / "baseline")


@stops("Search/property.violated", "rejected", "properties", "property.violated")
def a_broken_property(homes):
    world = homes.live()
    return world.ask("propose", world.tree("loud", factor=200.0))


@stops("Search/property.not-proven", "rejected", "properties", "property.not-proven")
def a_property_on_the_edge(homes):
    """What is unsafe begins at the network's greatest output but for a rounding: neither proof nor violation is found."""
    world = homes.live("edge", replaced('falsified_by', 'time_limit = "1s"\nfalsified_by'))
    return world.ask("propose", world.tree("edge", factor=EDGE))


@stops("Search/drift.exceeded", "rejected", "properties", "drift.exceeded")
def a_network_too_far_from_the_baseline(homes):
    world = homes.live("near", replaced('falsified_by', 'drift_within = 0.25\nfalsified_by'))
    return world.ask("propose", world.tree("better"))


@stops("Search/drift.not-proven", "rejected", "properties", "drift.not-proven")
def a_drift_on_the_edge(homes):
    """1.5 x - x is 0.5 at most for x up to 1, and a float32 more is not excluded."""
    world = homes.live("half", replaced('falsified_by', 'drift_within = 0.5\ntime_limit = "1s"\nfalsified_by'))
    return world.ask("propose", world.tree("better"))


@stops("Search/property.prover", "pending", "properties", "machine.property.prover", lies=True)
def a_prover_that_lies(homes):
    world = homes.live()
    return world.ask("propose", world.tree("better"), PAWL_LYING_PROVER="1")


@stops("CheckCode/property.not-held", "rejected", "properties", "property.not-held")
def a_property_of_code(homes):
    world = homes.live()
    tree = world.tree("better")
    (tree / "improver/marker").write_text("1\n")
    return world.ask("propose", tree)


@stops("Properties/property.overtaken", "rejected", "properties", "property.overtaken")
def a_parent_that_the_steps_before_have_not_seen(homes):
    """The machine fails between pace and the commit, and another becomes live before it is taken up again."""
    world = homes.live()
    spec = hashlib.sha256((world.charter / "properties/calm.vnnlib").read_bytes()).hexdigest()
    for nth in range(1, 12):
        world = homes.live()
        world.run(BIN / "pawl", "--json", "propose", world.tree("early"), expect=(0, 1, 5, 6, -9),
                  extra=world.acting("open", "/" + spec, "kill -9 $PPID", nth))
        row = world.json("status")["proposals"][-1]
        if row["proposal"] == "p2" and row["step"] == "pace":
            break
    else:
        raise Failed("nothing dies after pace")
    world.pawl("release", world.approved(world.tree("better", 0.6)))
    return world.ask("advance", "p2")


# ---- trial and bounds

@stops("Trial/trial->report.void_rule", "rejected", "trial", None)
def an_evaluation_that_cannot_be_read(homes):
    world = homes.live()
    return world.ask("propose", world.tree("better", "much"))


def bound(name, level, outcome="rejected", edit=None):
    @stops(f"Bounds/bounds.{name}", outcome, "bounds", f"bounds.{name}")
    def ask(homes):
        world = homes.live(name if edit else "plain", edit)
        if name == "growth-too-large":
            world.release(world.tree("before", 0.6))
        return world.ask("propose", world.tree("better", level))
    ask.__name__ = f"a_trial_that_says_{name.replace('-', '_')}"


bound("not-shown", "0.9 0.3 stay")  # a harm that is not shown comes before a step that is too large
bound("harm", "0.5 1 stay")
bound("step-too-large", "0.9 0 stay", "outside-charter")
bound("growth-too-large", "0.95 0 stay", "outside-charter", replaced("max_step = 0.5", "max_step = 0.5\nmax_growth = 0.5"))
bound("above-ceiling", "0.7 0 stay", "outside-charter", replaced("ceiling = 0.99", "ceiling = 0.6"))
bound("drifted", "0.5 0 go")


# ---- quorum and people

@stops("Quorum/quorum.overtaken", "rejected", "quorum", "quorum.overtaken")
def votes_for_another_parent(homes):
    world = homes.live()
    waiting = world.propose(world.tree("early"))
    world.pawl("release", world.approved(world.tree("better", 0.6)))
    return world.ask("advance", waiting)


@stops("Quorum/quorum.not-shown", "rejected", "quorum", "quorum.not-shown")
def too_little_is_shown_together(homes):
    """Nothing is broken, so both evaluators are for it; that it is better, they do not show."""
    world = homes.live("together", replaced('"evaluator", at_least = 1', '"evaluator", at_least = 2, faults_max = 1'))
    world.propose(world.tree("same", "0.3 0 stay"))
    world.vote("prover-a", "evaluator-a", "evaluator-c")
    return world.ask("advance", "p2")


@stops("Quorum/quorum.not-met", "rejected", "quorum", "quorum.not-met")
def a_vote_against(homes):
    world = homes.live()
    world.propose(world.tree("better", "0.5 0 stay 7654321"))
    world.run("sh", "-c", 'ulimit -S -m 7654321; exec "$@"', "sh", BIN / "pawl", "review", "--as", "evaluator-a", expect=(0, 1))
    return world.ask("advance", "p2")


@stops("Quorum/quorum.not-met", "rejected", "quorum", "quorum.not-met")
def what_is_not_shown(homes):
    """The gate's own trial is advice: that nothing is gained, the evaluator's has to say."""
    world = homes.live()
    world.propose(world.tree("same", "0.3 0 stay"))
    world.run(BIN / "pawl", "review", "--as", "evaluator-a", expect=(0, 1))
    return world.ask("advance", "p2")


@stops("Quorum/quorum.waiting", "pending", "quorum", "quorum.waiting")
@stops("Walk/return (2)", "pending", "quorum", "quorum.waiting")
def nobody_has_voted(homes):
    world = homes.live()
    return world.ask("propose", world.tree("better"))


@stops("Quorum/quorum.closing", "pending", "quorum", "quorum.closing")
def nobody_has_closed(homes):
    world = homes.live()
    world.propose(world.tree("better"))
    world.vote("prover-a", "evaluator-a")
    return world.ask("advance", "p2")


@stops("Approval/approval.waiting", "pending", "approval", "approval.waiting")
def nothing_was_drafted_yet(homes):
    world = homes.live()
    world.propose(world.tree("better"))
    world.vote()
    return world.ask("advance", "p2")


@stops("Approval/approval.waiting (2)", "pending", "approval", "approval.waiting")
def one_of_two_people(homes):
    world = homes.live()
    world.approved(world.tree("better"), ("ann",))
    return world.ask("advance", "p2")


@stops("SaidNo/approval.refused", "rejected", "approval", "approval.refused")
def too_few_are_left(homes):
    world = homes.live()
    world.approved(world.tree("better"), ("ann",))
    world.pawl("reject", "p2", "-m", "no", "--key", world.root / "bob", expect=(6,))
    return world.ask("reject", "p2", "-m", "no", "--key", world.root / "cy")


@stops("Approval/amendment.waiting", "pending", "approval", "amendment.waiting")
def an_amendment_before_its_time(homes):
    world = homes.live("slow", slow)
    world.json("charter", "amend", world.make_charter("charter-3", replaced("ceiling = 0.99", "ceiling = 0.98")), expect=(6,))
    world.vote()
    world.sign("p2", ("ann", "bob", "cy"))
    return world.ask("advance", "p2")


# ---- warrant and release

@stops("SaidNo/approval.refused", "rejected", "release", "approval.refused")
def an_amendment_that_is_vetoed_last(homes):
    """Its waiting period has passed, and its warrant is logged."""
    world = homes.live()
    world.json("charter", "amend", world.make_charter("charter-3", replaced("ceiling = 0.99", "ceiling = 0.98")), expect=(6,))
    world.vote()
    world.sign("p2", ("ann", "bob", "cy"))
    time.sleep(1.1)
    waiting = world.ask("advance", "p2")
    if "release.waiting" not in waiting:
        raise Failed(f"it was to wait for its release: {waiting}")
    said = world.json("reject", "p2", "-m", "no", "--key", world.root / "bob", expect=(6,))
    if said["rule"] != "approval.refused":
        raise Failed(f"nobody is told that the veto counts: {said}")
    return world.ask("release", "p2")


@stops("SignCheckpoint/witness.not-met", "pending", "warrant", "witness.not-met")
@stops("WaitingForWitnesses/error.rule", "pending", "warrant", "witness.not-met")
def a_witness_that_is_away(homes):
    """It answers auditors, who close nothing without, and is gone when the warrant needs it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name = f"witness-{homes.number}"
    environment = dict(os.environ, PAWL_HOME=str(homes.folder / name))

    def witness(*words):
        return subprocess.run([BIN / "pawl", *words], text=True, capture_output=True, env=environment, check=True).stdout.strip()
    key = witness("key", "new", name, "--witness")

    def witnessed(text):
        return text + (f'\n[witnesses]\nat_least = 1\n\n[[witnesses.witness]]\nprincipal = "org-a"\nkey = "{key}"\n'
                       f'url = "http://127.0.0.1:{port}"\n')
    world = homes.begun(f"under {name}", witnessed)
    witness("witness", "follow", name, json.loads((world.root / "keys.json").read_text())["log"], "--charter", world.charter)
    with subprocess.Popen([BIN / "pawl", "--json", "witness", "run", name, "--listen", f"127.0.0.1:{port}"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as running:
        try:
            running.stdout.readline()
            proposal = world.propose(world.root / "baseline")
            world.vote()
        finally:
            running.kill()
    world.sign(proposal)
    return world.ask("advance", proposal)


@stops("Walk/return", "pending", "release", "release.waiting")
def nobody_has_given_the_command(homes):
    return homes.ready().ask("advance", "p2")


@stops("Stopped/halt.in-force", "pending", "release", "halt.in-force")
def a_halt_that_the_ledger_alone_knows(homes):
    world = homes.ready()
    world.pawl("halt", "-m", "smoke", "--key", world.root / "ann")
    shutil.rmtree(world.home / f"loader/{SUBJECT}/state.json.halts")
    return world.ask("release", "p2")


@stops("Stopped/halt.in-force (2)", "pending", "release", "halt.in-force")
def a_halt_that_the_loader_alone_knows(homes):
    world, other = homes.ready(), homes.ready()
    other.pawl("halt", "-m", "smoke", "--key", other.root / "ann")
    halts = f"loader/{SUBJECT}/state.json.halts"
    shutil.copytree(other.home / halts, world.home / halts, dirs_exist_ok=True)
    return world.ask("release", "p2")


@stops("Stopped/local.error().rule", "pending", "release", "halt.unreadable")
def a_halt_that_nobody_can_read(homes):
    world = homes.ready()
    folder = world.home / f"loader/{SUBJECT}/state.json.halts"
    folder.mkdir(exist_ok=True)
    (folder / "halt.json").write_text("halt!")
    return world.ask("release", "p2")


@stops("Release/state.error().rule", "pending", "release", "state.missing")
def a_loader_that_has_lost_its_memory(homes):
    world = homes.ready()
    (world.home / f"loader/{SUBJECT}/state.json").unlink()
    return world.ask("release", "p2")


@stops("Release/state.behind", "pending", "release", "state.behind")
def a_loader_that_has_not_followed(homes):
    """As of another home that works on the same log: it remembers the beginning alone."""
    world = homes.ready()
    state = world.home / f"loader/{SUBJECT}/state.json"
    state.unlink()
    world.run(BIN / "pawl-check", "state", "init", "--charter", world.charter, "--genesis", f"{world.charter}.genesis.json",
              "--state", state)
    answer = world.ask("release", "p2")
    # Nothing has been decided by it.
    world.run(BIN / "pawl-check", "warrant", world.home / f"loader/{SUBJECT}/warrants/1.json", "--charter", world.charter,
              "--store", world.home / "store", "--state", state, "--commit")
    return answer


@stops("Release/verdict.reason.rule", "pending", "release", "time.backwards")
def a_loader_that_has_seen_a_later_time(homes):
    world = homes.ready()
    path = world.home / f"loader/{SUBJECT}/state.json"
    state = json.loads(path.read_text())
    state["time"] = str(int(state["time"][:4]) + 1) + state["time"][4:]
    path.write_text(json.dumps(state, sort_keys=True, separators=(",", ":")))
    return world.ask("release", "p2")


@stops("Release/verdict.reason.rule (2)", "rejected", "release", "tree.bytes")
def bytes_that_changed_after_everybody_had_signed(homes):
    world = homes.ready()
    digest = hashlib.sha256((world.root / "better/improver/level").read_bytes()).hexdigest()
    blob = world.home / "store/blobs" / digest[:2] / digest
    blob.chmod(0o644)
    blob.write_bytes(b"0.6\n")
    return world.ask("release", "p2")


@stops("Unclear/release.unclear", "pending", "release", "release.unclear")
def a_switch_that_nobody_can_be_sure_of(homes):
    """The folder of the state is gone when its new name is to be flushed."""
    def ask(nth, under_test):
        world = homes.ready()
        if not under_test:
            world.program, world.forced = BIN / "pawl", {}
        folder = world.home / f"loader/{SUBJECT}"
        return world.ask("release", "p2", **world.acting("open", f"{folder}/", f"mv {folder} {folder}.gone", nth))
    nth = next(number for number in range(1, 12) if ask(number, False)[2:] == ("release.unclear",))
    return ask(nth, True)


# ---- around the steps

@stops("ReportMachineFailure/std::string(kMachine)+error.rule", "pending", "properties", "machine.temporary.folder")
def a_machine_that_fails(homes):
    world = homes.live()
    return world.ask("propose", world.tree("better"), TMPDIR=str(world.root / "gone"))


@stops("ReportMachineFailure/machine.retries", "rejected", "properties", "machine.retries")
def a_machine_that_fails_too_often(homes):
    world = homes.live()
    gone = {"TMPDIR": str(world.root / "gone")}
    world.pawl("propose", world.tree("better"), expect=(6,), extra=gone)
    for _ in range(3):
        world.pawl("advance", "p2", expect=(6,), extra=gone)
    return world.ask("advance", "p2", **gone)


@stops("Decide/gate.no-proposal", "error", "", "gate.no-proposal")
def a_proposal_that_there_is_not(homes):
    return homes.live().ask("advance", "p9")


@stops("Open/gate.no-genesis", "error", "", "gate.no-genesis")
def a_log_without_a_charter(homes):
    world = homes.begun()
    database = sqlite3.connect(world.home / f"ledger/{SUBJECT}.sqlite")
    for table in ("events", "nodes", "checkpoints"):
        database.execute(f"DELETE FROM {table}")
    database.commit()
    database.close()
    return world.ask("propose", world.root / "baseline")


@stops("RequirePresent/gate.clock", "error", "", "gate.clock")
def a_clock_that_went_back(homes):
    """The log was written by a gate whose clock was an hour ahead."""
    world = homes.live()
    world.run(FOR_TESTS / "pawl-compromised", "propose", world.tree("better"), expect=(6,),
              extra={"PAWL_LIES": "time", "PAWL_LIES_SECONDS": "36000", "PAWL_LIES_TOLD": str(world.root / "told")})
    return world.ask("advance", "p2")


# ---- running them

def said(case, homes):
    """Nothing where the gate says what it has to; else what it says."""
    try:
        answer = case.brings(homes)
    except (Failed, ValueError, LookupError, StopIteration, OSError, subprocess.SubprocessError) as failure:
        return f"{type(failure).__name__}: {str(failure)[:300]}"
    same = len(answer) == 3 and answer[:2] == case.expect[:2] and case.expect[2] in (None, answer[2])
    return "" if same else repr(answer)


def check_coverage(gate):
    have = {case.clause for case in CASES} | set(ELSEWHERE)
    without, unknown = set(gate.clauses) - have, have - set(gate.clauses)
    for name, (path, words) in SHOWN.items():
        if words not in (forced_gate.ROOT / path).read_text():
            raise SystemExit(f"{path} does not show {name} any more: no {words}")
    if without or unknown or len(gate.clauses) < 55:
        raise SystemExit(f"clauses without a case: {sorted(without)}; cases without a clause: {sorted(unknown)}")


def check_programs():
    """No program for people knows how to force anything."""
    for path in BIN.iterdir():
        if path.name.startswith("pawl") and path.is_file() and b"PAWL_FORCED_CLAUSE" in path.read_bytes():
            raise SystemExit(f"{path} can be forced")


def matter(cases, gate, options, homes, folder):
    """Every case with its own clause forced true: each has to fail, and to get there."""
    shutil.copy(BIN / "pawl-sandbox-helper", folder)
    libraries = sorted(str(path) for path in (options.matter / "src").glob("*/libpawl_*.a") if "fixture" not in path.name)
    began = time.monotonic()
    program = forced_gate.build(gate, options.compiler, options.flags, forced_gate.ROOT / "src",
                                [*options.objects, "-Wl,--start-group", *libraries, "-Wl,--end-group",
                                 *"-lhwy -lseccomp -lsqlite3 -lpq -lcrypto -lsodium -lspdlog -lfmt".split()], folder)
    if b"PAWL_FORCED_CLAUSE" not in program.read_bytes():
        raise SystemExit("the forced gate cannot be forced")
    print(f"built in {time.monotonic() - began:.0f} s", flush=True)
    failures = []
    for case in cases:
        told = folder / "told"
        told.unlink(missing_ok=True)
        homes.under_test = {"program": program, "forced": {}}
        if broken := said(case, homes):
            failures.append(f"{case.clause}: nothing is forced, and {case.brings.__name__} says {broken}")
        homes.under_test["forced"] = {"PAWL_FORCED_CLAUSE": case.clause, "PAWL_FORCED_TOLD": str(told)}
        noticed = said(case, homes)
        if not told.exists():
            failures.append(f"{case.clause}: {case.brings.__name__} does not get there")
        elif not noticed:
            failures.append(f"{case.clause}: NO TEST NOTICES")
        print(f"{case.clause:55} {case.brings.__name__ if noticed else 'NO TEST NOTICES'}: {noticed[:90]}", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--matter", type=pathlib.Path)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--flags", default="")
    parser.add_argument("cases", nargs="*")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:end])
    options.objects = words[end + 1:]
    gate = forced_gate.Gate()
    check_coverage(gate)
    check_programs()
    if options.list:
        print(f"{len(gate.clauses)} clauses of the gate, {len(CASES)} with a case, {len(ELSEWHERE)} not here")
        return 0
    cases = [case for case in CASES if not options.cases or case.clause in options.cases or case.brings.__name__ in options.cases]
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-clauses-", dir=memory))
    try:
        homes = Homes(folder)
        if options.matter:
            failures = matter(cases, gate, options, homes, folder)
        else:
            failures = []
            for case in {case.brings: case for case in cases if not case.lies}.values():
                began = time.monotonic()
                if wrong := said(case, homes):
                    failures.append(f"{case.clause}: {case.brings.__name__} says {wrong}, not {case.expect}")
                print(f"{case.brings.__name__:55} {'FAILED ' + wrong if wrong else 'ok'} {time.monotonic() - began:.1f} s", flush=True)
        for failure in failures:
            print("FAILED", failure)
        print(f"{len(cases)} clauses of {len(gate.clauses)}, {len(ELSEWHERE)} not here, {len(failures)} failures")
        return 1 if failures or not cases else 0
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
