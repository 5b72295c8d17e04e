#!/usr/bin/python3
"""A gate that lies in every way it can, and what the others make of it: nothing that pawl-check or a loader accepts.

usage: compromised_gate_test.py [TestName ...]     PAWL_BIN: folder with pawl and pawl-check

Every test demands that the lie was told, by what the honest function had said. Reviewers, auditors and the loader are the
honest programs, unless a test says that they collude; then what is left is the loader alone.
"""

import contextlib
import enum
import hashlib
import json
import pathlib
import shutil
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_home import AUDITORS, SUBJECT, VOTERS, AttackHome, AttackSuite  # noqa: E402


def edits_controller(tree):
    with open(tree / "controller.py", "a", encoding="utf-8") as file:
        file.write("# advisories are not logged any more\n")


def breaks_property(tree):
    """The network of the charter that was made to break it."""
    shutil.copyfile(tree.parent / "charter/mutants/clear-above.onnx", tree / "policy.onnx")


class Checkpoints(enum.Enum):
    """Whether a gate that rewrites its log keeps what it has signed about the old one."""
    KEPT = 1
    FORGOTTEN = 2


def an_hour_apart(toml):
    return toml.replace('min_interval = "1s"', 'min_interval = "1h"')


class CompromisedGate(AttackSuite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.slow = AttackHome.made(cls.folder / "slow", edit=an_hour_apart)

    def setUp(self):
        self.home = self.template.copy(self.folder / self.id().rsplit(".", 1)[1])
        self.told_path = self.home.root / "told"
        self.live = self.home.starts()[1]
        self.assertEqual(self.home.starts(self.home.loader_state()), (0, self.live))

    # ---- telling lies

    def lies(self, *names, seconds=0):
        return {"PAWL_LIES": ",".join(names), "PAWL_LIES_TOLD": str(self.told_path), "PAWL_LIES_SECONDS": str(seconds)}

    def told(self):
        """What was lied about: pairs of lie and truth."""
        if not self.told_path.exists():
            return set()
        return {tuple(line.split(": ", 1)) for line in self.told_path.read_text().splitlines()}

    def assert_told(self, *lies):
        told = {lie for lie, _ in self.told()}
        for lie in lies:
            self.assertIn(lie, told, "the gate was not compromised: it had nothing to lie about")

    def lie(self, lies, *words):
        result = self.home.run_lying("pawl-compromised", lies, "--json", *words)
        self.assertTrue(result.stdout, result.stderr)
        return json.loads(result.stdout.splitlines()[-1])

    def proposal(self, candidate, lies):
        position = self.lie(lies, "propose", candidate)
        self.assertEqual(position["step"], "quorum", position)
        return position["proposal"]

    # ---- what may not have happened

    def assert_not_loaded(self, *rules):
        """No loader switches to the gate's warrant, and what was live stays live."""
        answer = self.home.check(self.home.last_warrant())
        self.assertFalse(answer["accepted"])
        self.assertEqual(answer["exit"], 1, answer)
        self.assertIn(answer["rule"], rules, answer)
        answer = self.home.check(self.home.last_warrant(), commit=True)
        self.assertEqual(answer["exit"], 1, answer)
        self.assertEqual(self.home.starts(self.home.loader_state()), (0, self.live))

    def assert_no_warrant(self):
        self.assertIsNone(self.home.last_warrant())
        self.assertEqual(self.home.starts(), (0, self.live))

    def approve_and_build(self, proposal, lies):
        """People sign what they are shown; the gate builds the warrant."""
        self.assertEqual(self.lie(lies, "advance", proposal)["step"], "approval")
        for person in ("ada", "ben"):
            self.home.run_lying("pawl-compromised", lies, "--json", "approve", proposal, "--key", self.home.root / person,
                                "-m", "the quorum stood when voting closed")
        self.home.wait()
        return self.lie(lies, "release", proposal)

    # ---- everything made up by the gate

    def forge(self, candidate, *lies):
        lies = self.lies("forge", *lies)
        position = self.lie(lies, "propose", candidate)
        for _ in range(3):
            position = self.lie(lies, "advance", position["proposal"])
        position = self.lie(lies, "release", position["proposal"])
        self.assertEqual(position.get("outcome"), "accepted", f"the patched gate says yes to everything: {position}")
        return position

    def test_a_gate_that_makes_everything_up(self):
        for number, (edit, lie) in enumerate(((None, ()), (edits_controller, ("surface",)), (breaks_property, ("proof",)))):
            with self.subTest(lie=lie):
                with contextlib.suppress(FileNotFoundError):
                    self.told_path.unlink()
                home = self.home = self.template.copy(self.home.root / f"forged-{number}")
                self.forge(home.candidate("candidate", edit=edit), *lie)
                self.assert_told("forge", *lie)
                truths = {truth for told, truth in self.told() if told == "forge"}
                self.assertTrue({"quorum.waiting", "approval.waiting", "approval.signature"} <= truths, truths)
                # It has even written the state that it should not be able to write. An honest program starts nothing on it.
                self.assertEqual(home.starts(), (1, "vote.signature"))
                # It can keep its forgery from nobody who reads the log.
                status = json.loads(home.pawl("--json", "status", expect=(1,)).splitlines()[-1])
                self.assertEqual(status["error"]["rule"], "history.signature")
                answer = home.check(home.warrant_path(2))
                self.assertEqual((answer["accepted"], answer["rule"]), (False, "vote.signature"))
                self.assertEqual(home.starts(home.loader_state()), (0, self.live))

    # ---- everybody but the loader colludes, and the people are deceived

    def collude(self, candidate, *lies, seconds=0):
        lies = self.lies("reviews", *lies, seconds=seconds)
        proposal = self.proposal(candidate, lies)
        self.home.review(VOTERS + AUDITORS, program="pawl-compromised", lies=lies)
        return self.approve_and_build(proposal, lies)

    def test_an_honest_candidate_passes_the_patched_gate_too(self):
        """The other tests fail for their lie alone."""
        position = self.collude(self.home.candidate("candidate"), "surface", "pace", "trial", "bounds", "proof")
        self.assertEqual(position["outcome"], "accepted", position)
        self.assertEqual(self.told(), set())
        answer = self.home.check(self.home.warrant_path(2), commit=True, expect=0)
        self.assertTrue(answer["accepted"])
        self.assertNotEqual(self.home.starts(self.home.loader_state())[1], self.live)

    def test_yes_to_a_change_off_the_surface(self):
        self.collude(self.home.candidate("candidate", edit=edits_controller), "surface")
        self.assert_told("surface", "reviews")
        self.assertIn(("surface", "surface.unlisted"), self.told())
        self.assert_not_loaded("surface.refused")

    def test_yes_to_a_broken_property(self):
        self.collude(self.home.candidate("candidate", edit=breaks_property), "proof")
        self.assert_told("proof")
        self.assert_not_loaded("property.certificate")

    def test_yes_before_its_time(self):
        home = self.home = self.slow.copy(self.home.root / "slow")
        self.collude(home.candidate("candidate"), "pace")
        self.assert_told("pace", "reviews")
        self.assertIn(("pace", "pace.interval"), self.told())
        self.assert_not_loaded("pace.interval")

    def test_a_clock_that_runs_ahead(self):
        home = self.home = self.slow.copy(self.home.root / "slow")
        self.collude(home.candidate("candidate"), "time", seconds=7200)
        self.assert_told("time")
        self.assert_not_loaded("time.backwards")

    def test_a_clock_that_runs_behind_gains_nothing(self):
        """Time never goes back in the log, and what a loader measures from switch to switch goes by its own clock."""
        home = self.home = self.slow.copy(self.home.root / "slow")
        self.collude(home.candidate("candidate"), "time", "pace", seconds=-250)
        self.assert_told("time", "pace")
        self.assert_not_loaded("pace.interval")

    # ---- honest reviewers

    def test_yes_to_a_step_that_is_too_large(self):
        """No loader can recompute a trial: the evaluators' votes are what holds."""
        lies = self.lies("trial", "bounds")
        proposal = self.proposal(self.home.candidate("candidate", better=6), lies)
        self.assertIn(("bounds", "bounds.step-too-large"), self.told())
        answers = self.home.review()
        self.assertIn("step", answers["evaluator-a"].stdout)
        self.assertIn("quorum not met", answers["auditor-a"].stdout)
        self.assertEqual(self.lie(lies, "advance", proposal)["outcome"], "rejected")
        self.assert_no_warrant()

    def test_evaluators_who_collude_with_the_gate(self):
        """Their own reports say that the step is too large. The auditors read them, and their evidence adds up to nothing."""
        lies = self.lies("trial", "bounds", "reviews")
        proposal = self.proposal(self.home.candidate("candidate", better=6), lies)
        self.home.review(VOTERS, program="pawl-compromised", lies=lies)
        self.assert_told("reviews")
        for name, answer in self.home.review(AUDITORS, "--quorum-is-enough").items():
            self.assertIn("audit.verdict", answer.stdout, name)
        self.assertEqual(self.lie(lies, "advance", proposal)["rule"], "quorum.not-shown")
        self.assert_no_warrant()

    def test_a_vote_against_that_is_dropped(self):
        """The evaluators' votes never reach the log. Auditors close nothing that a quorum has not voted for."""
        lies = self.lies("trial", "bounds", "drop-votes")
        proposal = self.proposal(self.home.candidate("candidate", better=6), lies)
        self.home.review(VOTERS, program="pawl-compromised", lies=lies)
        self.assertIn(("drop-votes", "a vote against"), self.told())
        self.assertFalse([event for event in self.home.events() if event["kind"] == "vote"
                          and event["predicate"]["verdict"] == "against"], "the votes were to be dropped")
        for option in ((), ("--quorum-is-enough",)):
            answers = self.home.review(AUDITORS, *option)
            self.assertIn("quorum not met", answers["auditor-a"].stdout)
        self.assertEqual(self.lie(lies, "advance", proposal)["rule"], "quorum.waiting")
        self.assert_no_warrant()

    def test_a_vote_against_that_is_held_back_until_voting_has_closed(self):
        """One prover in favour is enough for this charter, and one against is too many."""
        home = self.home = AttackHome.made(self.home.root / "one", edit=lambda toml: toml.replace(
            'role = "prover", at_least = 2', 'role = "prover", at_least = 1'))
        self.live = home.starts()[1]
        lies = self.lies("hold-votes")
        proposal = self.proposal(home.candidate("candidate", edit=breaks_property), self.lies("hold-votes", "proof"))
        # prover-a colludes, prover-b is honest and against.
        home.review(("prover-a",), program="pawl-compromised", lies=self.lies("reviews", "proof"))
        home.review(VOTERS[1:], program="pawl-compromised", lies=lies)
        self.assertIn(("hold-votes", "a vote against"), self.told())
        answers = home.review(AUDITORS, program="pawl-compromised", lies=lies)
        self.assertIn("'prover-b' has not voted", answers["auditor-a"].stdout)
        self.assertEqual(self.lie(lies, "advance", proposal)["rule"], "quorum.closing")
        self.assert_no_warrant()
        # Auditors who do not wait for every vote give that up (SECURITY.md). The second sees the vote that came too late.
        answers = home.review(AUDITORS, "--quorum-is-enough", program="pawl-compromised", lies=lies)
        self.assertIn(("hold-votes", "logged after the closing statement"), self.told())
        self.assertIn("(1 against)", answers["auditor-b"].stdout)
        self.approve_and_build(proposal, self.lies("proof", "quorum"))
        self.assert_told("quorum")
        self.assert_not_loaded("closing.signature")

    def test_a_halt_that_is_dropped(self):
        """Before voting closes: it reaches loader and auditors past the gate."""
        home, lies = self.home, self.lies("drop-halts")
        proposal = self.proposal(home.candidate("candidate"), lies)
        home.review(VOTERS)
        done = home.run_lying("pawl-compromised", lies, "--state", home.loader_state(), "--json", "halt", "-m", "smoke",
                              "--key", home.root / "cho")
        self.assertIn("halted", done.stdout)
        self.assert_told("drop-halts")
        self.assertFalse(json.loads(home.pawl("--json", "status"))["halted"], "the ledger was not to know")
        self.assertEqual(home.starts(home.loader_state()), (1, "halt.in-force"))
        answer = home.run_lying("pawl", None, "--state", home.loader_state(), "--json", "review", "--as", "auditor-a")
        self.assertIn("halt is open", answer.stdout)
        self.assertEqual(self.lie(lies, "advance", proposal)["rule"], "quorum.closing")
        self.assertIsNone(home.last_warrant())

    def test_a_halt_that_is_dropped_after_everybody_has_signed(self):
        home, lies = self.home, self.lies("drop-halts")
        proposal = self.proposal(home.candidate("candidate"), lies)
        home.review()
        self.lie(lies, "advance", proposal)
        home.approve(proposal)
        home.run_lying("pawl-compromised", lies, "--state", home.loader_state(), "--json", "halt", "-m", "smoke", "--key",
                       home.root / "cho")
        self.assert_told("drop-halts")
        answer = home.check(home.last_warrant(), commit=True)
        self.assertEqual((answer["exit"], answer["rule"]), (1, "halt.in-force"))
        self.assertEqual(home.starts(home.loader_state()), (1, "halt.in-force"))

    # ---- the log

    def test_a_log_that_is_reordered(self):
        """Two votes that everybody has seen change places. Auditors remember, and so does every loader."""
        home = self.home
        before = [json.dumps(event, sort_keys=True) for event in home.events()]
        votes = [i for i, event in enumerate(home.events()) if event["kind"] == "vote"]
        self.rewrite_log(lambda entries: entries.__setitem__(
            slice(votes[0], votes[0] + 2), [entries[votes[0] + 1], entries[votes[0]]]))
        self.assertEqual(len(home.events()), len(before))
        self.assert_refused_beside_the_loader()
        proposal = home.position("propose", home.candidate("candidate"), expect=(6,))["proposal"]
        answers = home.review()
        remember = (*AUDITORS, "evaluator-a", "evaluator-b")
        for name in remember:
            self.assertEqual(answers[name].returncode, 1)
            self.assertIn("audit.log-rewritten", answers[name].stdout)
        # Those who have forgotten vote, and close it. The loader has not forgotten.
        for name in remember:
            (home.home / "reviewers" / name / f"seen-{SUBJECT}.json").unlink()
        home.review()
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        self.assert_not_loaded("log.consistency")

    def test_a_log_that_is_taken_back_to_draw_the_seeds_of_a_trial_again(self):
        """A candidate that gains nothing, until chance lets it pass: the same budget index, another commit, other seeds.
        No auditor has looked meanwhile, and no signature is forged."""
        home = self.home
        shutil.copytree(home.home / "ledger", home.root / "before")
        for again in (False, True):
            home.position("propose", home.candidate(f"candidate-{again}"), expect=(6,))
            answer = home.review(("evaluator-a",))["evaluator-a"]
            self.assertEqual("audit.log-rewritten" in answer.stdout, again, answer.stdout)
            self.assertEqual(answer.returncode, 1 if again else 0)
            votes = [event for event in home.events() if event["kind"] == "vote" and event["predicate"]["reviewer"] == "evaluator-a"]
            self.assertEqual(len(votes), 1 if again else 2, "of the baseline, and of the candidate once")
            if not again:
                shutil.rmtree(home.home / "ledger")
                shutil.copytree(home.root / "before", home.home / "ledger")
                home.wait()

    def test_a_log_that_is_cut_short(self):
        """The last entries of the released baseline are taken away, and the gate goes on from there."""
        home = self.home
        home.position("propose", home.candidate("first"), expect=(6,))
        home.review()  # the auditors see it whole
        self.rewrite_log(lambda entries: entries.__delitem__(slice(20, None)), Checkpoints.KEPT)
        status = json.loads(home.pawl("--json", "status", expect=(1,)).splitlines()[-1])
        self.assertEqual(status["error"]["rule"], "ledger.checkpoint")
        # The gate forgets what it has signed as well: nobody but those who have seen the log can know.
        self.rewrite_log(lambda entries: entries.pop(), Checkpoints.FORGOTTEN)
        self.assert_refused_beside_the_loader()
        for name, answer in home.review(AUDITORS).items():
            self.assertIn("audit.log-shrank", answer.stdout, name)

    def assert_refused_beside_the_loader(self):
        """An honest gate looks into the loader's memory beside it. One that lies takes what it wants from there."""
        home = self.home
        answer = json.loads(home.pawl("--json", "propose", home.candidate("refused"), expect=(5,)).splitlines()[-1])
        self.assertEqual(answer["error"]["rule"], "ledger.older")
        path = home.home / "loader" / SUBJECT / "state.json"
        state = dict(json.loads(path.read_text()), checkpoint_size=0)
        path.write_text(json.dumps(state, sort_keys=True, separators=(",", ":")))

    def rewrite_log(self, change, checkpoints=Checkpoints.FORGOTTEN):
        """The database with its entries changed and its tree computed anew, as its owner can."""
        with contextlib.closing(sqlite3.connect(self.home.database())) as database, database:
            entries = [row[0] for row in database.execute("SELECT entry FROM events ORDER BY seq")]
            before = list(entries)
            change(entries)
            self.assertNotEqual(entries, before, "the log was not rewritten")
            database.execute("DELETE FROM events")
            database.execute("DELETE FROM nodes")
            hashes = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
            for seq, entry in enumerate(entries):
                database.execute("INSERT INTO events VALUES (?, ?, ?)", (seq, hashlib.sha256(entry).digest(), entry))
            level = 0
            while hashes:
                for position, digest in enumerate(hashes):
                    database.execute("INSERT INTO nodes VALUES (?, ?, ?)", (level, position, digest))
                hashes = [hashlib.sha256(b"\1" + hashes[i] + hashes[i + 1]).digest() for i in range(0, len(hashes) - 1, 2)]
                level += 1
            if checkpoints is Checkpoints.FORGOTTEN:
                database.execute("DELETE FROM checkpoints")


if __name__ == "__main__":
    unittest.main()
