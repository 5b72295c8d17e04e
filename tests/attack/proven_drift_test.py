#!/usr/bin/python3
"""A charter that wants it proven how far a network drifts from the baseline, with the real programs: what is within the
bound becomes a release, and nothing else does, whoever lies.

usage: proven_drift_test.py [TestName ...]     PAWL_BIN: folder with pawl and pawl-check
"""

import hashlib
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_home import AUDITORS, ROOT, VOTERS, AttackSuite  # noqa: E402

sys.path.insert(0, str(ROOT / "examples/collision/subject/improver"))
import network  # noqa: E402

WITHIN = "drift_within = 1.0"


def asks(toml):
    return toml.replace('time_limit = "1m"', f'time_limit = "2s"\n{WITHIN}')


def moved(by):
    """Every output is so much larger: the drift is exactly that, and no decision changes."""
    def edit(tree):
        policy = network.load(tree / "policy.onnx")
        policy.biases[-1] = policy.biases[-1] + network.np.float32(by)
        network.save(policy, tree / "policy.onnx")
    return edit


def renumbered(tree):
    """The same function but for rounding, with its hidden neurons in reverse order: nothing corresponds."""
    policy = network.load(tree / "policy.onnx")
    for k in range(len(policy.weights) - 1):
        policy.weights[k], policy.biases[k] = policy.weights[k][::-1].copy(), policy.biases[k][::-1].copy()
        policy.weights[k + 1] = policy.weights[k + 1][:, ::-1].copy()
    network.save(policy, tree / "policy.onnx")


class ProvenDrift(AttackSuite):
    EDIT = staticmethod(asks)

    def setUp(self):
        self.home = self.template.copy(self.folder / self.id().rsplit(".", 1)[1])
        self.live = self.home.starts()[1]

    def released(self, tree, note):
        home = self.home
        proposal = home.position("propose", tree, "-m", note, expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        self.assertEqual(home.position("release", proposal, expect=(0,))["outcome"], "accepted")
        return proposal

    def finding(self, proposal):
        return [event["predicate"] for event in self.home.events() if event["kind"] == "finding"
                and event["predicate"]["proposal"] == proposal and event["predicate"]["step"] == "properties"][-1]

    def amend(self, before, after):
        home = self.home
        charter = home.root / f"charter-{after.split()[-1]}"
        charter.mkdir()
        home.run("cp", "-r", f"{home.charter}/.", charter)
        toml = (charter / "charter.toml").read_text()
        self.assertIn(before, toml)
        (charter / "charter.toml").write_text(toml.replace(before, after))
        name = home.position("charter", "amend", charter, "-m", after, expect=(6,))["proposal"]
        home.review(("integrity-a", *AUDITORS))
        home.wait()
        home.position("advance", name, expect=(6,))
        home.approve(name, people=("ada", "ben", "cho"))
        self.assertEqual(home.position("release", name, expect=(0,))["outcome"], "accepted")

    def test_what_is_proven_is_released_checked_kept_and_reported(self):
        home = self.home
        words = home.pawl("charter", "check", home.charter)
        self.assertIn("no output of policy.onnx is further than 1 from the baseline's", words)
        name = self.released(home.candidate("candidate", edit=moved(0.5)), "half a unit")
        finding = self.finding(name)
        self.assertRegex(finding["summary"], r"'clear-above', drift within 1 proven \(\d+ lea")
        candidate = next(event["predicate"] for event in home.events()
                         if event["kind"] == "candidate" and event["predicate"]["proposal"] == name)
        certificate = candidate["certificates"][1]["certificate"]
        self.assertEqual(finding["evidence"]["drift of clear-above"], certificate)
        # Each prover's vote says what its own checker found.
        votes = [event["predicate"]["evidence"] for event in home.events()
                 if event["kind"] == "vote" and event["predicate"]["role"] == "prover"]
        votes = [evidence for evidence in votes if certificate in evidence["checked"]]
        self.assertTrue(votes)
        for evidence in votes:
            self.assertEqual([result["holds"] for result in evidence["results"]], [True, True])
            self.assertTrue(all(result["leaves"] > 0 for result in evidence["results"]))
        # What the warrant names stays: the baseline's tree with its network, and the certificate.
        home.wait()
        home.pawl("store", "gc", "--older-than", "1s", "--remove", "--rejected")
        self.assertTrue(home.blob(certificate).exists())
        answer = home.check(home.warrant_path(2), commit=True, expect=0)
        self.assertTrue(answer["accepted"])
        self.assertNotEqual(home.starts(home.loader_state())[1], self.live)
        # The report shows the bound, with the entry that names the certificate.
        home.pawl("report", home.root / "report")
        report = (home.root / "report/report.md").read_text()
        self.assertIn(f"| [{certificate}](#entry-", report)
        self.assertIn("| clear-above | [1](#entry-", report)
        # Back to the baseline without a certificate; it has not drifted.
        back = home.position("rollback", expect=(6,))["proposal"]
        self.assertNotIn("drift", self.finding(back)["summary"])

    def test_what_exceeds_it_is_rejected_with_an_input(self):
        position = self.home.position("propose", self.home.candidate("candidate", edit=moved(1.5)), expect=(1,))
        self.assertEqual((position["outcome"], position["step"], position["rule"]),
                         ("rejected", "properties", "drift.exceeded"))
        self.assertRegex(position["reason"], r"'clear-above', drift within 1: .* gives .*; the baseline gives ")
        document = json.loads(self.home.blob(self.finding("p2")["evidence"]["counterexample"]).read_text())
        spec = (self.home.charter / "properties/clear-above.vnnlib").read_bytes()
        self.assertEqual(document["spec"], "sha256:" + hashlib.sha256(spec).hexdigest())
        for now, then in zip(document["outputs"], document["baseline_outputs"]):
            self.assertAlmostEqual(float(now) - float(then), 1.5, 4)
        self.assertEqual(self.home.starts(), (0, self.live))

    def test_what_is_neither_proven_nor_exceeded_is_rejected(self):
        home = self.home
        self.amend(WITHIN, "drift_within = 0.0001")
        position = home.position("propose", home.candidate("candidate", edit=renumbered), expect=(1,))
        self.assertEqual((position["outcome"], position["step"], position["rule"]),
                         ("rejected", "properties", "drift.not-proven"))
        self.assertEqual(home.starts(), (0, self.live))

    def test_an_amendment_to_less_makes_old_certificates_worthless(self):
        home = self.home
        self.released(home.candidate("candidate", edit=moved(0.5)), "half a unit")
        tree = home.starts()[1]
        home.wait()
        self.released(home.candidate("next", better=2, edit=moved(0.125)), "an eighth")
        self.amend(WITHIN, "drift_within = 0.25")
        home.wait()
        # Its properties hold and it was live; its drift is more than what the charter in force allows.
        position = home.position("rollback", expect=(1,))
        self.assertEqual((position["rule"], position["step"]), ("drift.exceeded", "properties"))
        self.assertNotEqual(home.starts()[1], tree)

    def test_everybody_but_the_loader_says_that_it_is_proven(self):
        """Gate and reviewers collude, people are deceived: the certificate is none, and no loader takes it for one."""
        home, told = self.home, self.home.root / "told"
        lies = {"PAWL_LIES": "reviews,proof", "PAWL_LIES_TOLD": str(told)}

        def lie(*words):
            result = home.run_lying("pawl-compromised", lies, "--json", *words)
            self.assertTrue(result.stdout, result.stderr)
            return json.loads(result.stdout.splitlines()[-1])

        proposal = lie("propose", home.candidate("candidate", edit=moved(1.5)))["proposal"]
        home.review(VOTERS + AUDITORS, program="pawl-compromised", lies=lies)
        self.assertEqual(lie("advance", proposal)["step"], "approval")
        home.approve(proposal)
        home.wait()
        lie("release", proposal)
        self.assertIn("proof", told.read_text())
        for commit in (False, True):
            answer = home.check(home.last_warrant(), commit=commit)
            self.assertEqual((answer["accepted"], answer["exit"], answer["rule"]), (False, 1, "drift.certificate"))
        self.assertEqual(home.starts(home.loader_state()), (0, self.live))


if __name__ == "__main__":
    unittest.main()
