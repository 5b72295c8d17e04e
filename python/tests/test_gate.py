"""What a loop is told about its candidates. A stand-in takes the place of the program, as in test_answers.py; the real
program is asked in tests/adapters."""

import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import pawl  # noqa: E402

PENDING = {"proposal": "p3", "outcome": "pending", "step": "approval", "rule": "approval.waiting", "reason": "0 of 2",
           "waits_for": ["pawl approve p3"]}


class GateAnswers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def gate(self, answer, status, script=""):
        program = self.folder / "pawl"
        (self.folder / "answer").write_text(answer if isinstance(answer, str) else json.dumps(answer))
        program.write_text(f"#!/bin/sh\n{script}\necho \"$@\" >> {self.folder}/asked\ncat {self.folder}/answer\n"
                           f"exit {status}\n")
        program.chmod(0o755)
        return pawl.gate("s", home="/h", binary=program)

    def test_only_accepted_is_a_yes(self):
        for outcome, status in (("accepted", 0), ("rejected", 1), ("outside-charter", 1), ("pending", 6)):
            decision = self.gate(dict(PENDING, outcome=outcome), status).propose("candidate", "a note")
            self.assertEqual((decision.outcome, bool(decision), decision.accepted),
                             (outcome, outcome == "accepted", outcome == "accepted"))

    def test_a_word_without_its_status_is_no_answer(self):
        for outcome, status in (("accepted", 1), ("accepted", 6), ("pending", 0), ("rejected", 0), ("perhaps", 1)):
            with self.assertRaises(pawl.Refused) as caught:
                self.gate(dict(PENDING, outcome=outcome), status).advance("p3")
            self.assertEqual(caught.exception.rule, "gate.answer")

    def test_answers_of_another_shape_are_refused(self):
        for answer in ("", "[]", "7", "{", '{"outcome":"accepted"}', '{"error":3}'):
            with self.assertRaises(pawl.Refused) as caught:
                self.gate(answer, 0).release("p3")
            self.assertEqual(caught.exception.rule, "gate.answer")

    def test_a_tree_that_may_not_be_frozen_is_a_decision_and_a_broken_machine_is_none(self):
        error = {"error": {"rule": "tree.file-type", "message": "a link", "advice": ""}}
        decision = self.gate(error, 1).propose("candidate")
        self.assertEqual((decision.outcome, decision.rule, decision.proposal), ("refused", "tree.file-type", ""))
        for rule, status in (("gate.busy", 6), ("ledger.disk", 5), ("tree.unreadable", 5)):
            with self.assertRaises(pawl.Refused) as caught:
                self.gate({"error": {"rule": rule, "message": "", "advice": ""}}, status).propose("candidate")
            self.assertEqual((caught.exception.rule, caught.exception.exit_status), (rule, status))

    def test_a_candidate_whose_name_looks_like_an_option_stays_a_name(self):
        self.gate(PENDING, 6).propose("--review", "-x")
        words = (self.folder / "asked").read_text().split()
        self.assertEqual(words[:6], ["--json", "--quiet", "--subject=s", "--home=/h", "propose", "--note=-x"])
        self.assertEqual(words[6], "--")
        self.assertTrue(words[7].endswith("/--review") and words[7].startswith("/"))

    def test_waiting_ends_with_what_is_known_and_never_with_a_yes(self):
        self.assertFalse(self.gate(PENDING, 6).wait("p3", timeout_s=0.2, every_s=0.05))
        self.assertGreater((self.folder / "asked").read_text().count("advance"), 1)

    def test_waiting_releases_what_people_have_approved(self):
        ready, done = dict(PENDING, rule="release.waiting"), dict(PENDING, outcome="accepted")
        (self.folder / "done").write_text(json.dumps(done))
        gate = self.gate(ready, 6, f'case "$*" in *release*) cat {self.folder}/done; exit 0;; esac')
        self.assertTrue(gate.wait("p3", timeout_s=5))

    def test_a_loop_does_not_begin_without_a_gate(self):
        with self.assertRaises(pawl.Refused):
            with pawl.gate("s", binary=self.folder / "nothing"):
                self.fail("entered")


if __name__ == "__main__":
    unittest.main()
