#!/usr/bin/python3
"""A charter that asks for no trials, with the real programs: from a network and a property to a started release, and
what nobody gets past it.

usage: untried_test.py [TestName ...]        PAWL_BIN: folder with pawl and pawl-check
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/crash"))
import small_world  # noqa: E402
from small_world import BIN, PEOPLE, SUBJECT, World, without_trials  # noqa: E402


class Untried(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="untried-"))
        self.addCleanup(self.remove)

    def remove(self):
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the small world, with and without trials

    def begin(self, edit, reviewers):
        self.addCleanup(setattr, small_world, "REVIEWERS", small_world.REVIEWERS)
        small_world.REVIEWERS = reviewers
        self.names = [name for name, _, _ in reviewers]
        self.world = World(self.folder / "world")
        self.world.root.mkdir()
        self.world.make_keys()
        self.world.make_tree("baseline", 0.3)
        self.world.make_charter("charter", edit)
        for person in PEOPLE:
            self.world.pawl("charter", "sign", self.world.charter, "--key", self.world.root / person)
        self.world.pawl("init", self.world.charter)

    def tree(self, name, factor):
        return self.world.make_tree(name, 0.3, factor)

    def propose(self, *words, expect=(6,)):
        return self.world.json(*words, expect=expect)

    def decide(self, proposal, people=PEOPLE[:2], expect=(0,)):
        """Votes, approvals and release; gives the last position."""
        for name in self.names:
            self.world.pawl("review", "--as", name, expect=(0, 6))
        self.world.pawl("advance", proposal, expect=(6,))
        for person in people:
            self.world.pawl("approve", proposal, "--key", self.world.root / person, expect=(6,))
        time.sleep(1.1)  # min_interval, and an amendment's waiting period
        return self.world.json("release", proposal, expect=expect)

    def released(self, tree):
        proposal = self.propose("propose", tree)["proposal"]
        self.assertEqual(self.decide(proposal)["outcome"], "accepted")
        return proposal

    def events(self, kind, proposal):
        return [event["predicate"] for event in map(json.loads, self.world.pawl("--json", "log", "list").splitlines())
                if event["kind"] == kind and event["predicate"].get("proposal") == proposal]

    # ---- the tests

    def test_a_proven_network_goes_the_whole_path(self):
        self.begin(without_trials, small_world.UNTRIED_REVIEWERS)
        world = self.world
        words = world.pawl("charter", "check", world.charter, "--baseline", world.root / "baseline")
        self.assertIn("NONE: this charter asks for no trial", words)
        self.assertIn("no output of policy.onnx is further than 1 from the baseline's", words)
        self.assertIn("warning: no trial is asked for", words)
        self.assertNotIn("what the limits need", words)
        self.assertEqual(world.json("charter", "plan", world.charter, expect=(2,))["error"]["rule"], "plan.no-trial")
        self.assertEqual(world.json("budget")["conditions"], [])
        self.assertEqual(world.json("budget", "--episodes", "10", expect=(2,))["error"]["rule"], "plan.no-trial")

        self.released(world.root / "baseline")
        self.assertIn("note: nothing is tried", world.pawl("status"))
        proposal = self.released(self.tree("better", 1.5))
        findings = {one["step"]: one for one in self.events("finding", proposal) if one["outcome"] == "pass"}
        self.assertEqual(findings["trial"]["summary"], "this charter asks for no trial")
        self.assertEqual(findings["trial"]["evidence"], {})
        self.assertIn("no bound that a trial would show", findings["bounds"]["summary"])
        self.assertIn("drift within 1 proven", findings["properties"]["summary"])
        self.assertIsNone(self.events("candidate", proposal)[0]["environment"])

        # A loader elsewhere, from the warrants alone; and a program on what is live.
        state = world.root / "loader/state.json"
        state.parent.mkdir()
        world.run(BIN / "pawl-check", "state", "init", "--charter", world.charter, "--genesis",
                  f"{world.charter}.genesis.json", "--state", state)
        for epoch in (1, 2):
            time.sleep(1.1 * (epoch - 1))
            answer = json.loads(world.run(
                BIN / "pawl-check", "warrant", world.home / f"loader/{SUBJECT}/warrants/{epoch}.json", "--charter",
                world.charter, "--store", world.home / "store", "--state", state, "--commit", "--json").splitlines()[-1])
            self.assertTrue(answer["accepted"])
            self.assertIn("no trial: the charter has no evaluation", answer["warnings"])
        world.pawl("exec", SUBJECT, "--", "cmp", "policy.onnx", world.root / "better/policy.onnx")
        world.pawl("report", world.root / "report")
        report = (world.root / "report/report.md").read_text()
        self.assertIn("asks for no trials", report)
        self.assertNotIn("breaks a harm limit", report)
        back = self.propose("rollback")["proposal"]
        self.assertEqual(self.decide(back)["outcome"], "accepted")

        # What is not proven, or is no network of a property, goes nowhere.
        for name, factor, rule in (("far", 3.0, "drift.exceeded"), ("loud", 200.0, "property.violated")):
            position = self.propose("propose", self.tree(name, factor), expect=(1,))
            self.assertEqual((position["outcome"], position["rule"]), ("rejected", rule))
        noted = self.tree("noted", 1.5)
        with open(noted / "policy.onnx", "ab") as file:
            file.write(b"\x72\x0a\x0a\x05scale\x12\x017")  # metadata_props
        position = self.propose("propose", noted, expect=(1,))
        self.assertEqual((position["outcome"], position["rule"]), ("outside-charter", "surface.beside-graph"))
        other = self.tree("other", 1.5)
        (other / "improver/level").write_text("0.9\n")
        position = self.propose("propose", other, expect=(1,))
        self.assertEqual((position["outcome"], position["rule"]), ("outside-charter", "surface.unlisted"))

    def test_trials_end_by_an_amendment_that_says_so_and_nothing_slips_through(self):
        self.begin(None, small_world.REVIEWERS)
        world = self.world
        self.released(world.root / "baseline")
        # Committed under the charter that asks for trials, tried by the gate, and left until it asks for none.
        tree = self.tree("better", 1.5)
        (tree / "improver/level").write_text("0.5\n")
        waiting = self.propose("propose", tree)["proposal"]
        self.assertIsNotNone(self.events("candidate", waiting)[0]["environment"])
        draft = world.root / "charter-2"
        shutil.copytree(world.charter, draft)
        (draft / "charter.toml").write_text(without_trials((draft / "charter.toml").read_text()))
        amendment = self.propose("charter", "amend", draft, "-m", "no trials")["proposal"]
        for name in ("prover-a", "auditor-b"):
            world.pawl("review", "--as", name, expect=(0, 6))
        world.pawl("advance", amendment, expect=(6,))
        shown = world.pawl("approve", amendment, "--key", world.root / "ann", "--yes", expect=(6,))
        first = next(line for line in shown.splitlines() if "ALLOWS MORE" in line)
        self.assertIn("a trial of every release: /bin/sh evaluate.sh -> none", first)
        self.assertIn("ALLOWS MORE  harm limit: near_miss -> none", shown)
        for person in ("bob", "cy"):
            world.pawl("approve", amendment, "--key", world.root / person, expect=(6,))
        time.sleep(1.1)
        self.assertEqual(world.json("release", amendment)["outcome"], "accepted")
        for name in ("prover-a", "auditor-b"):
            world.pawl("review", "--as", name, expect=(0, 1, 6))
        position = world.json("advance", waiting, expect=(1, 6))
        self.assertNotEqual(position["outcome"], "accepted")
        self.assertEqual(world.json("advance", waiting, expect=(1, 6))["outcome"], "rejected")
        self.names = ["prover-a", "auditor-b"]
        self.released(self.tree("other", 1.5))


if __name__ == "__main__":
    unittest.main()
