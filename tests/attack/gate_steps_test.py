#!/usr/bin/python3
"""Every step of the path matters: for each one a proposal that it alone stops, and that goes on where it says yes.

The steps are read from src/gate/decide.cc: one without a case here fails. Two of them judge nothing: `freeze` and
`warrant` only fail where bytes are missing.

usage: gate_steps_test.py [TestName ...]     PAWL_BIN: folder with pawl and pawl-check
"""

import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_home import AttackHome, AttackSuite, BIN, FOR_TESTS, ROOT, VOTERS  # noqa: E402
from compromised_gate_test import an_hour_apart, breaks_property, edits_controller  # noqa: E402

JUDGE_NOTHING = {"freeze", "warrant"}


def crashes(tree):
    path = tree / "improver/hyperparameters.json"
    path.write_text(path.read_text().replace("{", '{"crash": 1,', 1))


class GateSteps(AttackSuite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.slow = AttackHome.made(cls.folder / "slow", edit=an_hour_apart)

    # ---- each brings a proposal to its step: gives the words that move it on

    def at_surface(self, home):
        return "propose", home.candidate("candidate", edit=edits_controller)

    def at_pace(self, home):
        return "propose", home.candidate("candidate")

    def at_properties(self, home):
        return "propose", home.candidate("candidate", edit=breaks_property)

    def at_trial(self, home):
        return "propose", home.candidate("candidate", edit=crashes)

    def at_bounds(self, home):
        return "propose", home.candidate("candidate", better=6)

    def at_quorum(self, home):
        proposal = home.position("propose", home.candidate("candidate"), expect=(6,))["proposal"]
        home.review(VOTERS + ("auditor-a",))  # one of two auditors
        return "advance", proposal

    def at_approval(self, home):
        proposal = home.position("propose", home.candidate("candidate"), expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal, people=("ada",))  # one of two people
        return "advance", proposal

    def at_release(self, home):
        proposal = home.position("propose", home.candidate("candidate"), expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        tree = json.loads(home.pawl("--json", "status"))["proposals"][-1]["tree"]
        manifest = json.loads(home.blob(tree).read_text())
        digest = next(file["digest"] for file in manifest["resources"] if file["name"] == "improver/hyperparameters.json")
        home.blob(digest).chmod(0o644)
        home.blob(digest).write_bytes(home.blob(digest).read_bytes() + b" ")
        return "release", proposal

    # step: the lies that say yes to it, and what the honest gate says
    CASES = {"surface": (("surface",), "outside-charter", "surface.unlisted"),
             "pace": (("pace",), "pending", "pace.interval"),
             "properties": (("proof",), "rejected", "property.violated"),
             "trial": (("trial", "bounds"), "rejected", None),
             "bounds": (("bounds",), "outside-charter", "bounds.step-too-large"),
             "quorum": (("quorum",), "pending", "quorum.closing"),
             "approval": (("approval",), "pending", "approval.waiting"),
             "release": (("release",), "rejected", "tree.bytes")}

    def test_the_program_for_people_cannot_lie(self):
        self.assertIn(b"PAWL_LIES", (FOR_TESTS / "pawl-compromised").read_bytes())
        for name in ("pawl", "pawl-check"):
            self.assertNotIn(b"PAWL_LIES", (BIN / name).read_bytes())

    def test_every_step_has_a_case(self):
        source = (ROOT / "src/gate/decide.cc").read_text()
        table = re.search(r"constexpr PathStep kPath\[\] = \{(.*?)\n\};", source, re.S).group(1)
        steps = [name.lower() for name in re.findall(r"\{audit::Step::k(\w+),", table)]
        self.assertEqual(len(steps), 10)
        self.assertEqual(set(steps), set(self.CASES) | JUDGE_NOTHING)

    def test_each_step_stops_what_no_other_does(self):
        for step, (lies, outcome, rule) in self.CASES.items():
            for lying in (False, True):
                with self.subTest(step=step, lying=lying):
                    home = (self.slow if step == "pace" else self.template).copy(self.folder / f"{step}-{lying}")
                    live = home.starts()[1]
                    words = getattr(self, f"at_{step}")(home)
                    told = home.root / "told"
                    environment = {"PAWL_LIES": ",".join(lies) if lying else "", "PAWL_LIES_TOLD": str(told)}
                    result = home.run_lying("pawl-compromised", environment, "--json", *words)
                    answer = json.loads(result.stdout.splitlines()[-1])
                    if not lying:
                        self.assertEqual((answer["step"], answer["outcome"]), (step, outcome), answer)
                        self.assertIn(answer["rule"], (rule,) if rule else (answer["rule"],))
                        self.assertFalse(told.exists())
                    else:
                        self.assertTrue(told.exists(), "there was nothing to lie about")
                        self.assertNotEqual((answer.get("step"), answer.get("rule")), (step, rule), answer)
                    # Either way, nothing became live.
                    self.assertEqual(home.starts(), (0, live))

    def test_freeze_fails_where_bytes_are_missing(self):
        """A file of the candidate vanishes from the store between the freezing and the first step."""
        home = self.template.copy(self.folder / "freeze")
        tree = home.candidate("candidate")
        digest = next(file["digest"] for file in self.manifest(home, tree)["resources"]
                      if file["name"] == "improver/hyperparameters.json")
        blob = home.blob(digest)
        environment = {"LD_PRELOAD": str(FOR_TESTS / "libact_at.so"), "ACT_CALL": "open", "ACT_AT": "/" + blob.name,
                       "ACT_NTH": "3", "ACT_COMMAND": f"rm {blob}"}
        result = home.run_lying("pawl", environment, "--json", "propose", tree)
        self.assertFalse(blob.exists(), "the file was to vanish")
        answer = json.loads(result.stdout.splitlines()[-1])
        self.assertIn("store.", json.dumps(answer))
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual([event for event in home.events() if event["kind"] == "candidate"
                          and event["predicate"]["proposal"] == "p2"], [])

    @staticmethod
    def manifest(home, tree):
        """As `pawl tree` computes it, from the files."""
        import hashlib
        files = sorted(path for path in tree.rglob("*") if path.is_file())
        return {"resources": [{"name": str(path.relative_to(tree)),
                               "digest": hashlib.sha256(path.read_bytes()).hexdigest()} for path in files]}


if __name__ == "__main__":
    unittest.main()
