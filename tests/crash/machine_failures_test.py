#!/usr/bin/python3
"""What the machine does wrong leaves a proposal pending, a counted number of times; and one home has one gate at a time.

usage: machine_failures_test.py [TestName ...]        PAWL_BIN: folder with pawl and pawl-check
"""

import fcntl
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from small_world import BIN, SUBJECT, World  # noqa: E402

FAILURES_MAX = 5
ACCEPTED = "(sandbox weaker, as accepted: memory-per-process, forks-uncounted, cpu-per-process)"


class MachineFailuresTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-machine-"))
        cls.template = World(cls.folder / "template")
        cls.template.prepare()
        cls.template.pawl("init", cls.template.charter)

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["chmod", "-R", "u+w", cls.folder], check=False)
        shutil.rmtree(cls.folder, ignore_errors=True)

    def world(self):
        return self.template.copy(self.folder / self.id().rsplit(".", 1)[1])

    def broken(self, world, *words, expect=(6,)):
        """A command on a machine whose folder for temporary files is gone: no trial can begin."""
        return json.loads(world.pawl("--json", *words, expect=expect, extra={"TMPDIR": str(world.root / "gone")})
                          .splitlines()[-1])

    def test_a_failure_is_on_the_ledger_and_in_the_status(self):
        world = self.world()
        position = self.broken(world, "propose", world.root / "baseline", "-m", "baseline")
        self.assertEqual((position["outcome"], position["step"], position["rule"]),
                         ("pending", "trial", "machine.temporary.folder"))
        self.assertIn("machine failure 1 of 5", position["reason"])
        row = world.json("status")["proposals"][0]
        self.assertEqual((row["machine_failures"], row["machine_failures_max"]), (1, FAILURES_MAX))
        self.assertTrue(row["waits_for"][0].startswith("pawl advance p1"), row)
        self.assertIn("machine failure 1 of 5", world.pawl("status"))

    def test_it_goes_on_where_the_machine_is_well_again_and_spends_no_second_budget(self):
        world = self.world()
        for _ in range(FAILURES_MAX - 1):
            self.broken(world, *(["advance", "p1"] if _ else ["propose", world.root / "baseline"]))
        commits = [event for event in self.events(world) if event["kind"] == "candidate"]
        self.assertEqual(len(commits), 1)
        position = world.json("advance", "p1", expect=(6,))
        self.assertEqual(position["rule"], "quorum.waiting")
        for name in ("prover-a", "evaluator-a", "auditor-b"):
            world.pawl("review", "--as", name)
        world.pawl("advance", "p1", expect=(6,))
        for person in ("ann", "bob"):
            world.pawl("--json", "approve", "p1", "--key", world.root / person, expect=(6,))
        self.assertEqual(world.json("release", "p1")["outcome"], "accepted")
        self.assertEqual([event for event in self.events(world) if event["kind"] == "candidate"], commits)

    def test_the_last_one_that_is_allowed_ends_it(self):
        world = self.world()
        self.broken(world, "propose", world.root / "baseline")
        for _ in range(FAILURES_MAX - 2):
            self.broken(world, "advance", "p1")
        ended = self.broken(world, "advance", "p1", expect=(1,))
        self.assertEqual((ended["outcome"], ended["step"], ended["rule"]), ("rejected", "trial", "machine.retries"))
        self.assertEqual(world.json("advance", "p1", expect=(1,))["rule"], "machine.retries")
        exported = world.root / "log"
        world.pawl("log", "export", exported)
        world.run(BIN / "pawl-check", "log", exported, "--charter", world.charter)

    def test_a_missing_blob_is_the_machines_fault(self):
        world = self.world()
        position = self.broken(world, "propose", world.root / "baseline")
        tree = world.json("status")["proposals"][0]["tree"].split(":")[1]
        blob = world.home / "store/blobs" / tree[:2] / tree
        blob.rename(world.root / "kept")
        position = world.json("advance", "p1", expect=(6,))
        self.assertTrue(position["rule"].startswith("machine."), position)
        (world.root / "kept").rename(blob)
        self.assertEqual(world.json("advance", "p1", expect=(6,))["rule"], "quorum.waiting")

    def in_weaker_machine(self, world, *words):
        """A command where no control group can be made: their file systems are not mounted."""
        hide = 'umount -l /sys/fs/cgroup/* 2>/dev/null; umount -l /sys/fs/cgroup 2>/dev/null; exec "$@"'
        before = ["unshare", "-m", "sh", "-c", hide, "sh"] if os.geteuid() == 0 else []
        found = json.loads(subprocess.run([*before, BIN / "pawl", "--json", "sandbox", "check"], text=True,
                                          stdout=subprocess.PIPE, check=False).stdout or "{}")
        if found.get("weaker") != ["memory-per-process", "forks-uncounted", "cpu-per-process"]:
            self.skipTest("control groups cannot be taken away here, or more than they is missing")
        done = subprocess.run([*before, BIN / "pawl", "--json", *words], env=world.environment, text=True,
                              capture_output=True)
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def accepting(self, names):
        """A world whose charter accepts these of the sandbox and nothing else."""
        every = '[sandbox]\naccept = ["memory-per-process", "forks-uncounted", "cpu-per-process"]\n'
        world = World(self.folder / (self.id().rsplit(".", 1)[1] + ("" if names else "-nothing")))
        improver = ("cp -r /in/subject /out/candidate && chmod -R u+w /out/candidate && "
                    "echo 0.5 > /out/candidate/improver/level")
        world.prepare(lambda text: text.replace(every, f"[sandbox]\naccept = {json.dumps(names)}\n" if names else "")
                      .replace('["/bin/sh", "improver/improve.sh"]', json.dumps(["/bin/sh", "-c", improver])))
        self.assertEqual(every in (world.charter / "charter.toml").read_text(), len(names) == 3)
        world.pawl("init", world.charter)
        return world

    def test_a_sandbox_that_is_weaker_than_accepted_is_the_machines_fault(self):
        for names in ([], ["memory-per-process", "forks-uncounted"]):
            world = self.accepting(names)
            code, position = self.in_weaker_machine(world, "propose", world.root / "baseline")
            self.assertEqual((code, position["outcome"], position["step"], position["rule"]),
                             (6, "pending", "trial", "machine.sandbox.weaker"), position)
            self.assertIn("cpu-per-process: CPU time is limited for each process alone", position["reason"])
            self.assertEqual("memory-per-process: " in position["reason"], not names)
            self.assertIn("[sandbox] accept = [", " ".join(position["waits_for"]))
            self.assertEqual([event for event in self.events(world) if event["kind"] == "outcome"], [])
            # A machine with everything goes on where that one could not, and a reviewer on the weak one gives no vote.
            position = world.json("advance", "p1", expect=(6,))
            if position["rule"] == "quorum.waiting":
                code, reports = self.in_weaker_machine(world, "review", "--as", "evaluator-a")
                self.assertEqual((code, reports[0]["what"]), (6, "waiting"), reports)
                for words in ("(sandbox.weaker)", "pawl sandbox check",
                              '[sandbox] accept = ["memory-per-process", "forks-uncounted", "cpu-per-process"]'):
                    self.assertIn(words, reports[0]["summary"])
                self.assertEqual([event for event in self.events(world) if event["kind"] == "vote"], [])

    def test_what_is_accepted_and_made_use_of_is_on_the_ledger_and_read_back(self):
        world = self.accepting(["memory-per-process", "forks-uncounted", "cpu-per-process"])
        code, position = self.in_weaker_machine(world, "propose", world.root / "baseline")
        self.assertEqual((code, position["rule"]), (6, "quorum.waiting"), position)
        code, told = self.in_weaker_machine(world, "review", "--as", "evaluator-a")
        self.assertEqual(code, 0, told)
        said = [json.dumps(event) for event in self.events(world)]
        for kind in ('"step": "trial"', '"kind": "vote"'):
            self.assertTrue(any(kind in text and ACCEPTED in text for text in said), said)
        self.assertFalse(any("no-landlock" in text for text in said))
        words = world.pawl("charter", "check", world.charter)
        self.assertIn("WEAKER, accepted: memory-per-process: memory is limited for each process alone", words)

    def test_an_improver_runs_in_no_weaker_sandbox_than_is_accepted(self):
        for names in ([], ["memory-per-process", "forks-uncounted", "cpu-per-process"]):
            world = self.accepting(names)
            if world.json("propose", world.root / "baseline", expect=(6,))["rule"] != "quorum.waiting":
                continue  # this machine has no control groups to begin with
            for name in ("prover-a", "evaluator-a", "auditor-b"):
                world.pawl("review", "--as", name)
            world.pawl("advance", "p1", expect=(6,))
            for person in ("ann", "bob"):
                world.pawl("--json", "approve", "p1", "--key", world.root / person, expect=(6,))
            self.assertEqual(world.json("release", "p1")["outcome"], "accepted")
            before = self.events(world)
            code, told = self.in_weaker_machine(world, "cycle", "--no-review", "--seed", "7", "-m", "n" * 4096)
            if not names:
                self.assertEqual((code, told["error"]["rule"]), (5, "sandbox.weaker"), told)
                self.assertEqual(self.events(world), before)
                continue
            note = next(event["predicate"]["note"] for event in self.events(world)[len(before):]
                        if event["kind"] == "proposal")
            self.assertTrue(note.startswith(f"{ACCEPTED} nnn"), note)

    def test_a_full_disk_counts_nothing_and_loses_nothing(self):
        world = self.world()
        before = self.events(world)

        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        done = subprocess.run([BIN / "pawl", "--json", "propose", world.root / "baseline"], env=world.environment,
                              text=True, capture_output=True, preexec_fn=small_files)
        self.assertEqual(done.returncode, 5, done.stdout + done.stderr)
        error = json.loads(done.stdout.splitlines()[-1])["error"]
        self.assertTrue(error["message"] and error["advice"], error)
        self.assertEqual(self.events(world), before)
        self.assertEqual(world.json("propose", world.root / "baseline", expect=(6,))["rule"], "quorum.waiting")

    def test_a_home_for_reading_alone_is_said_to_be_one(self):
        if os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest("needs mounts")
        world = self.world()
        script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
        words = ["unshare", "-rm" if os.geteuid() != 0 else "-m", "sh", "-c", script, "sh", str(world.home)]
        for command in (["propose", str(world.root / "baseline")], ["log", "export", str(world.root / "x")]):
            done = subprocess.run([*words, str(BIN / "pawl"), "--json", *command], env=world.environment, text=True,
                                  capture_output=True)
            self.assertEqual(done.returncode, 5, done.stdout + done.stderr)
            error = json.loads(done.stdout.splitlines()[-1])["error"]
            self.assertTrue(error["advice"], error)
        self.assertEqual(len(self.events(world)), 1)

    def test_a_second_gate_is_refused(self):
        world = self.world()
        with open(world.home / f"ledger/{SUBJECT}.sqlite.gate", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            error = world.json("propose", world.root / "baseline", expect=(6,))["error"]
        self.assertEqual(error["rule"], "gate.busy")
        self.assertTrue(error["advice"])
        self.assertEqual(len(self.events(world)), 1)

    def events(self, world):
        return [json.loads(line) for line in world.pawl("--json", "log", "list").splitlines()]


if __name__ == "__main__":
    unittest.main(verbosity=2)
