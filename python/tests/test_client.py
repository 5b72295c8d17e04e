"""What the client makes of every kind of answer, and how it finds the program; the real one is asked in tests/adapters."""

import json
import os
import unittest
import unittest.mock

from stand_in import OTHER, StandInTest, TREE, current, evidence, position, status
import pawl


class ClientAnswers(StandInTest):
    def client(self, answers):
        return pawl.Client("s", home="/h", state="/t", binary=self.pawl(answers))

    def refused(self, call, rule):
        with self.assertRaises(pawl.Refused) as caught:
            call()
        self.assertEqual(caught.exception.rule, rule)
        return caught.exception

    def test_status(self):
        said = self.client({"status": (status(), 0)}).status()
        self.assertEqual((said.sentence, said.who, said.live, said.halted), ("p3 waits", ("ada",), OTHER, False))
        self.assertEqual((said.proposals[0].decision.proposal, said.proposals[0].tree), ("p3", TREE))
        self.assertEqual((said.releases[0].epoch, said.releases[0].warrant), (1, TREE))
        self.assertEqual(self.asked()[-1], "--json --quiet --subject=s --home=/h --state=/t status")

    def test_halted_is_said_wherever_it_is_not_denied(self):
        self.assertTrue(self.client({"status": (status(halted="false"), 0)}).status().halted)

    def test_evidence_and_reviews_those_against_first(self):
        against = {"reviewer": "evaluator-a", "role": "evaluator", "verdict": "against", "reasons": ["harm"]}
        said = evidence("rejected", "quorum", "quorum.against", refusals=[{"by": "ben", "reason": "too soon"}])
        said["votes"].append(against)
        said["complaints"] = [{"by": "auditor-a", "accused": "evaluator-a", "rule": "audit.seeds", "proven": False,
                               "reason": "other seeds", "entry": 12, "time": "2026-11-26T12:58:15Z"}]
        client = self.client({"status": (said, 0)})
        self.assertEqual([review.verdict for review in client.reviews("p3")], ["against", "for"])
        self.assertEqual(client.evidence("p3").reasons,
                         ("evaluator-a (evaluator) voted against: harm", "ben refused: too soon",
                          "auditor-a accuses evaluator-a of audit.seeds (its own word): other seeds"))
        self.assertEqual(self.asked()[-1].split()[-3:], ["status", "--", "p3"])

    def test_what_waits_says_what_for(self):
        self.assertEqual(self.client({"status": (evidence(), 0)}).evidence("p3").reasons,
                         ("approval: 0 of 2 (approval.waiting)",))

    def test_changes_and_history_are_lines(self):
        change = {"path": "f", "type": "changed", "diff": "@@", "refused": ""}
        event = {"index": 0, "kind": "decision", "signed_by": "ada", "predicate": {"epoch": 0}}
        client = self.client({"diff": (f"{json.dumps(change)}\n" * 2, 0), "log": (json.dumps(event), 0)})
        self.assertEqual([one.path for one in client.changes("p3")], ["f", "f"])
        self.assertEqual(client.history()[0].predicate["epoch"], 0)
        for lines in ("[]", "{}", "x", json.dumps({**event, "kind": 0})[:-1]):
            self.refused(self.client({"log": (lines, 0)}).history, "client.answer")

    def test_a_log_is_verified_only_where_it_is_said(self):
        self.assertEqual(self.client({"log": ({"verified": True, "size": 3, "root": "ab"}, 0)}).verify(),
                         pawl.LogRoot(3, "ab"))
        for answer in ({"verified": False, "size": 3, "root": ""}, {"verified": 1, "size": 3, "root": ""}, {}):
            self.refused(self.client({"log": (answer, 0)}).verify, "client.answer")
        error = {"error": {"rule": "log.signature", "message": "m", "advice": ""}}
        self.assertEqual(self.refused(self.client({"log": (error, 1)}).verify, "log.signature").exit_status, 1)
        self.refused(self.client({"log": ({"verified": True, "size": 3, "root": ""}, 1)}).verify, "client.answer")

    def test_answers_of_another_shape_are_refused(self):
        for answer in ("", "[]", "7", "{}", status(subject="other"), status(proposals=[{}]), status(proposals=7),
                       status(proposals=[{**position("perhaps"), "action": "", "note": "", "tree": ""}])):
            self.refused(self.client({"status": (answer, 0)}).status, "client.answer")
        for answer in (evidence("perhaps"), evidence(findings=[{}]), evidence(votes=None), evidence(complaints=[{}]),
                       {**evidence(), "proposal": ""}):
            self.refused(lambda answer=answer: self.client({"status": (answer, 0)}).evidence("p3"), "client.answer")

    def test_following_gives_what_changes_and_ends(self):
        client = self.client({"status": (evidence(), 0)})
        self.assertEqual([one.outcome for one in client.follow("p3", timeout_s=0.1, every_s=0.02)], ["pending"])
        client = self.client({"status": (evidence("accepted", "release", ""), 0)})
        self.assertEqual([bool(one) for one in client.follow("p3", timeout_s=60)], [True])

    def test_checking_out_writes_what_was_verified(self):
        answers = {"--file=a": (b"\0one", 0), "--file=b/c": (b"two", 0), "current": (current(files={"a": "", "b/c": ""}), 0)}
        release = self.client(answers).check_out(self.folder / "out")
        self.assertEqual(((self.folder / "out/a").read_bytes(), (self.folder / "out/b/c").read_bytes()), (b"\0one", b"two"))
        self.assertEqual(release.tree, OTHER)
        self.refused(lambda: self.client(answers).check_out(self.folder / "out"), "client.arguments")
        for path in ("../up", "/abs", "a/../../up"):
            client = self.client({"current": (current(files={path: ""}), 0)})
            self.refused(lambda client=client: client.check_out(self.folder / "other"), "client.answer")
        self.assertEqual(list((self.folder / "other").iterdir()), [])

    # ---- finding the program

    def test_the_program_is_found_by_argument_then_variable_then_path(self):
        for name in ("argument", "variable", "path"):
            (self.folder / name).mkdir()
            self.pawl({"status": (status(sentence=name), 0)}).rename(self.folder / name / "pawl")
            (self.folder / "pawl.answer.0").rename(self.folder / name / "answer")
            program = self.folder / name / "pawl"
            program.write_text(program.read_text().replace(f"{self.folder}/pawl.answer.0", f"{self.folder / name}/answer"))
        variables = {"PAWL_BINARY": str(self.folder / "variable/pawl"), "PATH": f"{self.folder}/path:{os.environ['PATH']}"}
        with unittest.mock.patch.dict(os.environ, variables):
            self.assertEqual(pawl.Client("s", binary=self.folder / "argument/pawl").status().sentence, "argument")
            self.assertEqual(pawl.Client("s").status().sentence, "variable")
            del os.environ["PAWL_BINARY"]
            self.assertEqual(pawl.Client("s").status().sentence, "path")
            os.environ["PATH"] = str(self.folder)
            self.assertIn("PAWL_BINARY", self.refused(pawl.Client("s").status, "client.start").advice)
            os.environ["PAWL_BINARY"] = str(self.folder / "nothing")
            self.refused(pawl.Client("s").status, "client.start")

    def test_arguments_that_make_no_sense(self):
        program = self.pawl({})
        for subject, proposal in (("", "p1"), ("s\0", "p1"), ("s", "p\0")):
            client = pawl.Client(subject, binary=program)
            self.refused(lambda client=client, proposal=proposal: client.evidence(proposal), "client.arguments")


class GateTurns(StandInTest):
    def gate(self, propose, final=None, live=TREE, **options):
        answers = {"propose": (position(*propose[0]), propose[1])}
        if final:
            answers["advance"] = (position(*final[0]), final[1])
        answers["status"] = (evidence(*(final or propose)[0]), 0)
        answers["current"] = (current(live), 0)
        return pawl.gate("s", binary=self.pawl(answers), **options)

    def test_a_turn_is_a_release_or_the_reasons(self):
        turn = self.gate((("accepted", "release", ""), 0)).turn("candidate")
        self.assertEqual((bool(turn), turn.release.tree, turn.reasons), (True, TREE, ()))
        turn = self.gate((("outside-charter", "surface", "surface.unlisted"), 1)).turn("candidate")
        self.assertEqual((bool(turn), turn.release, turn.reasons), (False, None, ("surface: 0 of 2 (surface.unlisted)",)))

    def test_a_turn_waits_and_silence_is_no_yes(self):
        waiting = (("pending", "approval", "approval.waiting"), 6)
        turn = self.gate(waiting, (("accepted", "release", ""), 0), timeout_s=10).turn("candidate")
        self.assertTrue(turn)
        turn = self.gate(waiting, waiting, timeout_s=0).turn("candidate")
        self.assertEqual((bool(turn), turn.decision.outcome), (False, "pending"))

    def test_what_was_replaced_is_not_live(self):
        turn = self.gate((("accepted", "release", ""), 0), live=OTHER).turn("candidate")
        self.assertEqual((bool(turn), turn.release), (False, None))

    def test_it_decorates_what_makes_a_candidate(self):
        gate = self.gate((("accepted", "release", ""), 0), review=True)

        @gate
        def improve(number):
            """Makes one."""
            return f"candidates/{number}"
        self.assertEqual((improve.__name__, improve.__doc__), ("improve", "Makes one."))
        self.assertTrue(improve(17))
        proposed = [line for line in self.asked() if "propose" in line]
        self.assertEqual(len(proposed), 1)
        self.assertTrue("--review --note=improve" in proposed[0] and proposed[0].endswith("candidates/17"), proposed)


if __name__ == "__main__":
    unittest.main()
