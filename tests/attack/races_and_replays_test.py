#!/usr/bin/python3
"""Things that come at the wrong moment, a second time, or from somewhere else: halts, proposals, votes, approvals.

usage: races_and_replays_test.py [TestName ...]     PAWL_BIN: folder with pawl and pawl-check
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_home import AUDITORS, AttackHome, AttackSuite, BIN, FOR_TESTS, SUBJECT, VOTERS  # noqa: E402

FILE = "improver/hyperparameters.json"


class RacesAndReplays(AttackSuite):
    def setUp(self):
        self.home = self.template.copy(self.folder / self.id().rsplit(".", 1)[1])
        self.live = self.home.starts()[1]

    def approved(self, home, name, better=1):
        """A proposal that only has to be released."""
        proposal = home.position("propose", home.candidate(name, better=better), "-m", name, expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        return proposal

    # ---- halts

    def test_a_halt_that_only_the_ledger_knows_stops_a_release(self):
        """Delivered to another loader: this one's folder is empty."""
        home = self.home
        proposal = self.approved(home, "candidate")
        home.pawl("--state", home.loader_state(), "halt", "-m", "smoke", "--key", home.root / "cho")
        self.assertEqual(list(pathlib.Path(str(home.home / f"loader/{SUBJECT}/state.json") + ".halts").glob("*")), [])
        self.assertEqual(home.position("release", proposal, expect=(6,))["rule"], "halt.in-force")
        self.assertEqual(home.starts(), (0, self.live))
        request = home.root / "resume.json"
        for person, status in (("ada", 6), ("ben", 0)):
            home.pawl("--state", home.loader_state(), "resume", "--key", home.root / person, "--add-to", request,
                      expect=(status,))
        self.assertEqual(home.position("release", proposal, expect=(0,))["outcome"], "accepted")

    def release_with_a_halt_at(self, at):
        """Releases, and halts just before a file is renamed. Gives the release's answer and the state of the loader when
        the halt was acknowledged."""
        home = self.home
        proposal = self.approved(home, "candidate")
        said, then = home.root / "halt-said", home.root / "state-then"
        halt = (f"{BIN}/pawl -q halt -m smoke --key {home.root}/cho > {said}.part 2>&1 && "
                f"cp {home.home}/loader/{SUBJECT}/state.json {then} && mv {said}.part {said}")
        environment = dict(home.environment, LD_PRELOAD=str(FOR_TESTS / "libact_at.so"), ACT_CALL="rename", ACT_AT=at,
                           ACT_COMMAND=f"({halt}) > /dev/null 2>&1 & sleep 1")
        result = subprocess.run([BIN / "pawl", "--json", "release", proposal], env=environment, text=True,
                                stdin=subprocess.DEVNULL, capture_output=True, check=False)
        answer = json.loads(result.stdout.splitlines()[-1])
        end = time.monotonic() + 60
        while not said.exists() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertIn("halted", said.read_text())
        return answer, then.read_text()

    def test_a_halt_while_a_release_is_being_checked_stops_it(self):
        answer, _ = self.release_with_a_halt_at("warrants/2.json.new")
        self.assertEqual(answer["rule"], "halt.in-force")
        self.assertEqual(json.loads((self.home.home / f"loader/{SUBJECT}/state.json").read_text())["tree"], self.live)

    def test_a_halt_is_not_acknowledged_while_a_release_is_becoming_final(self):
        """Whoever reads "halted" knows that nothing becomes live afterwards."""
        answer, then = self.release_with_a_halt_at("state.json.new")
        self.assertEqual(answer["outcome"], "accepted")
        state = (self.home.home / f"loader/{SUBJECT}/state.json").read_text()
        self.assertNotEqual(json.loads(state)["tree"], self.live)
        # The halt's event makes the release log itself again, and write the same state again: what counts is its text.
        self.assertEqual(then, state)
        self.assertEqual(self.home.starts()[1], "halt.in-force")

    def test_a_halt_while_a_start_is_being_checked_stops_it(self):
        """Between the loader's look at the halts and the command lies the check of everything."""
        home, said = self.home, self.home.root / "halt-said"
        last_blob = json.loads((home.home / f"loader/{SUBJECT}/state.json").read_text())["warrant"][-60:]
        environment = dict(home.environment, LD_PRELOAD=str(FOR_TESTS / "libact_at.so"), ACT_CALL="open",
                           ACT_AT=last_blob, ACT_COMMAND=f"{BIN}/pawl -q halt -m smoke --key {home.root}/cho > {said}")
        result = subprocess.run([BIN / "pawl", "--json", "exec", SUBJECT, "--", "true"], env=environment, text=True,
                                stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertIn("halted", said.read_text())
        self.assertEqual((result.returncode, json.loads(result.stdout)["error"]["rule"]), (1, "halt.in-force"))

    def test_a_halt_is_not_acknowledged_while_a_start_is_past_its_last_look(self):
        home = self.home
        folder = os.open(home.home / f"loader/{SUBJECT}", os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_SH)  # as `pawl exec` does
        with subprocess.Popen([BIN / "pawl", "halt", "-m", "smoke", "--key", home.root / "cho"], env=home.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as halt:
            with self.assertRaises(subprocess.TimeoutExpired):
                halt.communicate(timeout=2)
            self.assertEqual(home.starts()[1], "halt.in-force")
            os.close(folder)
            self.assertIn("halted", halt.communicate(timeout=60)[0])

    def test_a_halt_stands_whoever_holds_the_folder_of_the_state(self):
        """Starts are waited for by a lock on the folder, which anybody who reads it can hold; none leaves a file there."""
        home = self.home
        folder = home.home / f"loader/{SUBJECT}"
        before = sorted(folder.iterdir())
        home.pawl("exec", SUBJECT, "--", "true")
        self.assertEqual(sorted(folder.iterdir()), before)
        descriptor = os.open(folder, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        result = subprocess.run([BIN / "pawl", "--json", "halt", "-m", "smoke", "--key", home.root / "cho"], text=True,
                                env=home.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertEqual(json.loads(result.stdout.splitlines()[-1])["error"]["rule"], "start.unclear")
        self.assertEqual(home.starts()[1], "halt.in-force")

    def test_a_halt_in_the_words_of_one_that_was_lifted(self):
        """A watchdog gives one reason every time; with the clock behind the loader's time, every halt has one date too."""
        home = self.home
        state = home.home / f"loader/{SUBJECT}/state.json"
        said = json.loads(state.read_text())
        ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 200))
        state.write_text(json.dumps(dict(said, time=ahead), sort_keys=True, separators=(",", ":")))
        request = home.root / "resume.json"
        for _ in range(3):
            for _ in range(2):
                home.pawl("halt", "-m", "watchdog", "--key", home.root / "cho")
            self.assertEqual(home.starts()[1], "halt.in-force")
            for person, status in (("ada", 6), ("ben", 0)):
                home.pawl("resume", "--key", home.root / person, "--add-to", request, expect=(status,))
            self.assertEqual(home.starts()[1], self.live)
            # Not even one that comes to another log after its resume halts anew.
            dates = {action: max(event["predicate"]["issued"] for event in home.events()
                                 if event["predicate"].get("action") == action) for action in ("halt", "resume")}
            self.assertLessEqual(dates["halt"], dates["resume"])
        # A loader's folder that was lost: what the ledger has seen lifted is not said again either.
        shutil.rmtree(f"{state}.halts")
        state.write_text(json.dumps(dict(said, time=ahead, lifted=[]), sort_keys=True, separators=(",", ":")))
        home.pawl("halt", "-m", "watchdog", "--key", home.root / "cho")
        self.assertEqual(home.starts()[1], "halt.in-force")
        self.assertIn("halt in the ledger, by cho@demo: watchdog", home.pawl("status", expect=(0, 1, 6)))

    # ---- starts

    def test_a_release_while_a_start_is_being_checked(self):
        """Whoever was told of the release sees no start of what it replaced."""
        home = self.home
        proposal = self.approved(home, "candidate")
        time.sleep(1.1)  # the charter's interval
        warrant = json.loads((home.home / f"loader/{SUBJECT}/state.json").read_text())["warrant"][-60:]
        new = json.loads(home.pawl("--json", "status", expect=(0, 6)).splitlines()[-1])["proposals"]
        tree = next(row["tree"] for row in new if row["proposal"] == proposal)
        said = home.root / "release-said"
        environment = dict(home.environment, LD_PRELOAD=str(FOR_TESTS / "libact_at.so"), ACT_CALL="open", ACT_AT=warrant,
                           ACT_COMMAND=f"env -u LD_PRELOAD {BIN}/pawl --json release {proposal} > {said}")
        result = subprocess.run([BIN / "pawl", "-q", "exec", SUBJECT, "--", "cat", FILE], env=environment,
                                stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertEqual(json.loads(said.read_text().splitlines()[-1])["outcome"], "accepted")
        self.assertEqual(home.starts()[1], tree)
        self.assertEqual(result.stdout, (home.root / "candidate" / FILE).read_bytes(), result.stderr)

    def test_what_runs_hangs_from_nothing_that_the_store_s_owner_can_move(self):
        home = self.home
        good = home.pawl("-q", "exec", SUBJECT, "--", "cat", FILE)
        view = home.home / "store/trees" / self.live.removeprefix("sha256:")
        aside, ready, go = view.with_name("aside"), home.root / "ready", home.root / "go"
        script = f'touch {ready}; while [ ! -e {go} ]; do sleep 0.05; done; cat {FILE} "$PAWL_EXEC_TREE/{FILE}"'
        with subprocess.Popen([BIN / "pawl", "-q", "exec", SUBJECT, "--", "sh", "-c", script], env=home.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as started:
            while not ready.exists() and started.poll() is None:
                time.sleep(0.02)
            view.rename(aside)
            (view / FILE).parent.mkdir(parents=True)
            (view / FILE).write_text("{}")
            go.touch()
            self.assertEqual(started.communicate(timeout=60)[0], good * 2)
        shutil.rmtree(view)
        for target in ("/", "nowhere"):
            view.symlink_to(target)
            self.assertEqual(home.pawl("-q", "exec", SUBJECT, "--", "cat", FILE), good)
            view.unlink()
        self.assertEqual(home.pawl("-q", "exec", SUBJECT, "--", "cat", FILE), good)
        outside = home.pawl("-q", "exec", SUBJECT, "--", "sh", "-c", "ls -d /usr /tmp /proc/self && echo x > /x || pwd")
        self.assertEqual(outside.split(), ["/proc/self", "/tmp", "/usr", "/pawl-exec"])

    def test_what_is_held_in_memory_is_checked_after_nobody_can_change_it(self):
        """Somebody else's process of the same user can write to what a process has open, and not to what is sealed."""
        home, said = self.home, self.home.root / "altered"
        listed = json.loads(home.pawl("--json", "current", "--verify"))["files"]
        first, last = listed[0]["path"], listed[-1]["digest"].removeprefix("sha256:")
        size = len(home.pawl("current", "--file", first).encode())
        alter = (f'for file in /proc/$PPID/fd/*; do case $(readlink "$file") in /memfd:pawl-release*) '
                 f'printf X | dd of="$file" bs=1 seek={len(f"{first}0{size}0")} conv=notrunc '
                 f'2> /dev/null && touch {said};; esac; done')
        for nth in range(1, 6):  # the check of the warrant may read it as well
            environment = dict(home.environment, LD_PRELOAD=str(FOR_TESTS / "libact_at.so"), ACT_CALL="open",
                               ACT_AT=last, ACT_NTH=str(nth), ACT_COMMAND=alter)
            result = subprocess.run([BIN / "pawl", "--json", "exec", SUBJECT, "--", "cat", first], env=environment,
                                    text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if said.exists():
                break
        self.assertTrue(said.exists(), "there was nothing to alter")
        self.assertEqual((result.returncode, json.loads(result.stdout)["error"]["rule"]), (1, "exec.altered"))

    def test_a_command_that_is_not_there(self):
        for command in ("no-such-program", "/usr/bin/no-such-program"):
            answer = json.loads(self.home.pawl("--json", "exec", SUBJECT, "--", command, expect=(2,)))
            self.assertEqual(answer["error"]["rule"], "exec.no-command")

    def test_a_start_waits_for_nobody_for_ever(self):
        folder = os.open(self.home.home / f"loader/{SUBJECT}", os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        answer = json.loads(self.home.pawl("--json", "exec", SUBJECT, "--", "true", expect=(5,)))
        self.assertEqual(answer["error"]["rule"], "start.held")

    def test_a_resume_that_was_begun_as_something_else(self):
        """What the first person began is looked at before the second one signs it."""
        home = self.home
        home.pawl("halt", "-m", "smoke", "--key", home.root / "cho")
        begun = home.root / "resume.json"
        self.assertEqual(home.fails("resume", "-m", "looked", "--key", home.root / "ada", "--add-to", begun,
                                    expect=6)["error"]["rule"], "resume.threshold")
        envelope = json.loads(begun.read_text())
        honest = json.loads(base64.b64decode(envelope["payload"]))

        def with_predicate(**change):
            return dict(honest, predicate=dict(honest["predicate"], **change))

        def canonical(value):
            return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

        other = dict(honest["subject"][0], name="another")
        cases = {
            "resume.subject": dict(with_predicate(subject="another"), subject=[other]),
            "resume.charter": with_predicate(charter_epoch=honest["predicate"]["charter_epoch"] + 1),
            "resume.expired": with_predicate(expires=honest["predicate"]["issued"]),
            "resume.outdated": with_predicate(lifts=["sha256:" + 64 * "1"]),
            "resume.action": with_predicate(action="halt", lifts=[]),
        }
        home.wait()
        for rule, statement in cases.items():
            path = home.root / f"{rule}.json"
            payload = base64.b64encode(canonical(statement).encode()).decode()
            path.write_text(canonical(dict(envelope, payload=payload)))
            with self.subTest(rule):
                error = home.fails("resume", "--key", home.root / "ben", "--add-to", path, expect=1)["error"]
                self.assertEqual(error["rule"], rule, error)
        self.assertEqual(home.starts()[1], "halt.in-force")
        home.pawl("resume", "--key", home.root / "ben", "--add-to", begun)
        self.assertEqual(home.starts(), (0, self.live))

    def test_nothing_is_committed_to_on_a_parent_that_its_steps_have_not_seen(self):
        """The gate dies between pace and the commit, and something else becomes live before it is taken up again."""
        spec = hashlib.sha256((self.home.charter / "properties/clear-above.vnnlib").read_bytes()).hexdigest()

        def dies_after_pace(nth):
            """Killed where the specification is read for the nth time: when the charter is, then for a proof."""
            home = self.template.copy(self.folder / f"dies-{nth}")
            dies = {"LD_PRELOAD": str(FOR_TESTS / "libact_at.so"), "ACT_CALL": "open", "ACT_AT": "/" + spec,
                    "ACT_NTH": str(nth), "ACT_COMMAND": "kill -9 $PPID"}
            home.run_lying("pawl", dies, "--json", "propose", home.candidate("slow", better=1), "-m", "slow")
            steps = [event["predicate"].get("step") for event in home.events()
                     if event["predicate"].get("proposal") == "p2"]
            return home if steps == [None, "freeze", "surface", "pace"] else None

        home = next(filter(None, map(dies_after_pace, range(1, 9))))
        home.position("release", self.approved(home, "fast", better=2), expect=(0,))
        position = home.position("advance", "p2", expect=(1,))
        self.assertEqual((position["outcome"], position["step"], position["rule"]),
                         ("rejected", "properties", "property.overtaken"))
        self.assertEqual([event for event in home.events() if event["kind"] == "candidate"
                          and event["predicate"]["proposal"] == "p2"], [])

    def test_people_are_asked_about_open_drafts_alone(self):
        home = self.home
        proposal = home.position("propose", home.candidate("candidate"), expect=(6,))["proposal"]
        for name, status, rule in ((proposal, 6, "approve.too-early"), ("p9", 2, "approve.no-proposal"),
                                   ("p1", 1, "approve.decided")):
            error = home.fails("approve", name, "--key", home.root / "ada", expect=status)["error"]
            self.assertEqual(error["rule"], rule)
            self.assertTrue(error["advice"], rule)

    def test_a_trial_is_not_made_anew_because_others_append(self):
        home, said = self.home, []
        with subprocess.Popen([BIN / "pawl", "propose", home.candidate("tried"), "-m", "tried"], env=home.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as gate:
            for line in gate.stderr:
                if "trial: decisions at" in line:
                    gate.send_signal(signal.SIGSTOP)
                    home.pawl("halt", "-m", "smoke", "--key", home.root / "cho")
                    gate.send_signal(signal.SIGCONT)
                    said.append(line)
        kinds = [event["predicate"].get("step") or event["predicate"].get("action") for event in home.events()]
        self.assertEqual((kinds.count("trial"), kinds.index("halt") < kinds.index("trial", kinds.index("halt"))), (2, True), kinds)
        self.assertEqual(len(said), 1, said)

    # ---- keys

    def test_status_tells_whose_keys_the_gate_could_use(self):
        home = self.home
        keys = home.home / "keys"
        warnings = lambda: " / ".join(json.loads(home.pawl("--json", "status"))["warnings"])  # noqa: E731
        self.assertIn("the keys of reviewers: auditor-a auditor-b evaluator-a", warnings())
        for folder in keys.iterdir():
            self.assertEqual(folder.stat().st_mode & 0o777, 0o700, folder)
            self.assertEqual((folder / "key.pem").stat().st_mode & 0o777, 0o600, folder)
        for name in ("auditor-a", "auditor-b", "evaluator-a", "evaluator-b", "integrity-a", "prover-b"):
            (keys / name).rename(home.root / name)
        self.assertIn("the keys of reviewers: prover-a (", warnings())
        # One that is open to others is used by nobody, and is not passed over in silence.
        (keys / "prover-a/key.pem").chmod(0o644)
        self.assertNotIn("the keys of reviewers", warnings())
        self.assertIn("'prover-a' is not kept for one user alone", warnings())
        self.assertEqual(home.fails("review", "--as", "prover-a", expect=5)["error"]["rule"], "key.missing")

    def test_a_gate_that_never_ends_keeps_out_neither_approval_nor_veto(self):
        home = self.home
        proposal = home.position("propose", home.candidate("held"), expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        before = len(home.events())
        with open(home.home / f"ledger/{SUBJECT}.sqlite.gate", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for words in (("approve", proposal), ("reject", proposal, "-m", "no")):
                error = home.fails(*words, "--key", home.root / "ada", expect=6)["error"]
                self.assertEqual((error["rule"], error["advice"].split(",")[0]), ("gate.busy", f"pawl advance {proposal}"))
        kinds = [event["kind"] for event in home.events()[before:]]
        self.assertEqual(kinds, ["decision", "refusal"])

    def test_an_auditor_whose_clock_is_years_ahead_ends_one_proposal(self):
        """Its closing statement is well signed and stands in the log for good: nobody else's clock may follow it."""
        home = self.home
        proposal = home.position("propose", home.candidate("first"), expect=(6,))["proposal"]
        home.review(VOTERS)
        told = home.root / "told"
        answer = home.run_lying("pawl-compromised", {"PAWL_LIES": "time", "PAWL_LIES_SECONDS": str(3 * 365 * 86_400),
                                                     "PAWL_LIES_TOLD": str(told)}, "--json", "review", "--as", "auditor-a")
        self.assertEqual((json.loads(answer.stdout)[0]["what"], told.exists()), ("closed", True))
        other = json.loads(home.review(("auditor-b",))["auditor-b"].stdout)[0]
        self.assertEqual((other["what"], "(audit.closing)" in other["summary"]), ("waiting", True))
        self.assertEqual(home.position("advance", proposal, expect=(6,))["rule"], "quorum.closing")
        # The next one goes the whole way, and the loader beside takes it.
        second = self.approved(home, "second")
        self.assertEqual(home.position("release", second, expect=(0,))["outcome"], "accepted")
        home.check(home.last_warrant(), expect=0)

    # ---- proposals that race

    def test_one_candidate_in_two_proposals(self):
        home = self.home
        first, second = self.approved(home, "one"), self.approved(home, "two")
        warrants = [home.blob(event["predicate"]["warrant"]) for event in home.events() if event["kind"] == "warrant"]
        self.assertEqual(len(warrants), 3)
        for warrant in warrants[1:]:
            self.assertTrue(home.check(warrant)["accepted"], "each of the two is good by itself")
        self.assertEqual(home.position("release", first, expect=(0,))["outcome"], "accepted")
        home.check(warrants[1], commit=True, expect=0)
        answer = home.check(warrants[2])
        self.assertEqual((answer["exit"], answer["rule"]), (1, "warrant.epoch"))
        home.wait()
        lost = home.position("release", second, expect=(1,))
        self.assertEqual((lost["outcome"], lost["rule"]), ("rejected", "warrant.epoch"))

    def test_two_releases_at_once(self):
        """Two processes, one proposal: one rename."""
        home = self.home
        proposal = self.approved(home, "candidate")
        running = [subprocess.Popen([BIN / "pawl", "--json", "release", proposal], env=home.environment, text=True,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                   for _ in range(3)]
        answers = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
        rules = {answer["error"]["rule"] for answer in answers if "error" in answer}
        self.assertTrue(rules <= {"gate.busy"}, answers)
        self.assertTrue(any(answer.get("outcome") == "accepted" for answer in answers), answers)
        state = json.loads((home.home / f"loader/{SUBJECT}/state.json").read_text())
        self.assertEqual([release["epoch"] for release in state["releases"]], [1, 2])
        self.assertEqual(len([event for event in home.events() if event["kind"] == "release"]), 2)

    # ---- replays

    def entries(self, home, kind):
        """The log's entries of a kind, as they stand in it."""
        with contextlib.closing(sqlite3.connect(home.database())) as database:
            rows = [row[0] for row in database.execute("SELECT entry FROM events ORDER BY seq")]
        return [rows[i] for i, event in enumerate(home.events()) if event["kind"] == kind]

    @staticmethod
    def append(home, entry):
        """Puts an entry at the end as the database's owner can, with the tree computed for it."""
        with contextlib.closing(sqlite3.connect(home.database())) as database, database:
            size = database.execute("SELECT COUNT(*) FROM events").fetchone()[0]
            database.execute("INSERT INTO events VALUES (?, ?, ?)", (size, hashlib.sha256(entry).digest(), entry))
            digest, level, position = hashlib.sha256(b"\0" + entry).digest(), 0, size
            while True:
                database.execute("INSERT INTO nodes VALUES (?, ?, ?)", (level, position, digest))
                if position % 2 == 0:
                    break
                left = database.execute("SELECT hash FROM nodes WHERE level = ? AND position = ?",
                                        (level, position - 1)).fetchone()[0]
                digest, level, position = hashlib.sha256(b"\1" + left + digest).digest(), level + 1, position // 2

    def assert_log_refused(self, home, rule, word):
        error = json.loads(home.pawl("--json", "status", expect=(1, 3)).splitlines()[-1])["error"]
        self.assertEqual(error["rule"], rule, error)
        self.assertIn(word, error["message"])

    def test_an_honest_entry_can_be_appended_so(self):
        """What the replays below do fails for what they replay, not for how."""
        home = self.home
        home.pawl("halt", "-m", "smoke", "--key", home.root / "cho")
        other = self.template.copy(home.root / "other")
        self.append(other, self.entries(home, "decision")[-1])
        self.assertTrue(json.loads(other.pawl("--json", "status"))["halted"], "the same halt counts by any way")

    def test_votes_and_approvals_replayed_on_another_proposal(self):
        home = self.home
        self.approved(home, "one")
        home.position("propose", home.candidate("two", better=2), expect=(6,))
        vote, approval = self.entries(home, "vote")[-1], self.entries(home, "decision")[-1]
        closing = self.entries(home, "closing")[-1]
        self.again = json.loads(closing)
        for entry, rule, word in ((vote, "ledger", ""), (approval, "ledger", "")):
            with self.assertRaises(sqlite3.IntegrityError, msg="no two entries of a log are the same"):
                self.append(home, entry)
        # Anew, with white space that no reader takes, and with the signatures in other order.
        copy = home.copy(home.root / "copy-1")
        self.append(copy, vote + b" ")
        self.assert_log_refused(copy, "json.not-canonical", "")
        doubled = json.loads(vote)
        doubled["signatures"] *= 2
        copy = home.copy(home.root.parent / (home.root.name + "-copy-2"))
        self.append(copy, json.dumps(doubled, sort_keys=True, separators=(",", ":")).encode())
        self.assert_log_refused(copy, "history.signature", "no vote of reviewer")

    def test_votes_approvals_and_closings_replayed_in_another_home(self):
        """The same charter, the same keys, another candidate."""
        home = self.home
        self.approved(home, "one")
        for kind, rule, word in (("vote", "history.impossible", "nobody logged"),
                                 ("closing", "history.impossible", "nobody logged"),
                                 ("decision", "history.impossible", "nobody logged"),
                                 ("warrant", "history.impossible", "nobody made")):
            other = self.template.copy(self.folder / f"replay-{kind}")
            self.append(other, self.entries(home, kind)[-1])
            self.assert_log_refused(other, rule, word)

    def test_an_approval_put_on_another_decision(self):
        """The signatures of two people over one decision, under another one's payload."""
        home = self.home
        self.approved(home, "one")
        signatures = json.loads(self.entries(home, "decision")[-1])["signatures"]
        proposal = home.position("propose", home.candidate("two", better=2), expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        draft = json.loads(self.entries(home, "decision")[-1])
        draft["signatures"] = signatures
        self.append(home, json.dumps(draft, sort_keys=True, separators=(",", ":")).encode())
        self.assert_log_refused(home, "approval.signature", "signature of")

    def test_a_halt_of_another_subject_halts_nobody(self):
        """In the loader's folder it stops loading all the same: what cannot be read as ours is looked at by people."""
        home = self.home
        other = AttackHome.made(self.folder / "other-subject", edit=lambda toml: toml.replace(
            'resource = "urn:pawl:example:collision-avoidance"', 'resource = "urn:pawl:example:elsewhere"'))
        other.pawl("halt", "-m", "smoke", "--key", other.root / "cho")
        self.append(home, self.entries(other, "decision")[-1])
        self.assert_log_refused(home, "history.impossible", "another subject")


if __name__ == "__main__":
    unittest.main()
