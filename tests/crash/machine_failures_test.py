#!/usr/bin/python3
"""What the machine does wrong leaves a proposal pending, a counted number of times; and one home has one gate at a time.

usage: machine_failures_test.py [TestName ...]        PAWL_BIN: folder with pawl and pawl-check
"""

import contextlib
import ctypes
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from small_world import BIN, PEOPLE, REVIEWERS, SUBJECT, World  # noqa: E402

FAILURES_MAX = 5

# In a mount namespace: the home on a disk of its own, with no page free; a gate that died has left its log behind.
FULL_DISK = """
import json, os, pathlib, shutil, subprocess, sys
pawl, root, subject = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
disk = root / "disk"
disk.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "none", disk], check=True)
shutil.copytree(root / "home", disk / "home", symlinks=True)
(disk / f"home/ledger/{subject}.sqlite-shm").unlink()
filler = open(disk / "filler", "wb", buffering=0)
try:
    while True:
        filler.write(bytes(4096))
except OSError:
    pass
said = {}
def run(name, words, **extra):
    environment = dict(os.environ, PAWL_HOME=str(disk / "home"), **extra)
    done = subprocess.run([pawl, "--json", *map(str, words)], env=environment, text=True, capture_output=True, cwd=disk / "home")
    lines = done.stdout.splitlines()
    said[name] = (done.returncode, json.loads(lines[-1]) if lines else done.stderr)
for words in ("status", "log list", "log verify", "budget", "store gc", "backup ../../full.backup"):
    run(words, words.split())
run("halt", ["halt", "-m", "stop", "--key", root / "ann"], TMPDIR="/nonexistent")
run("halted", ["status"])
run("store gc --remove --older-than 1d", ["store", "gc", "--remove", "--older-than", "1d"])
filler.truncate(0)
run("halt with room", ["halt", "-m", "stop", "--key", root / "ann"])
run("halt without a key", ["halt", "-m", "stop", "--key", root / "nobody"])
print(json.dumps(said))
"""
# No file of more than 8 MB can be written, as where the disk is full; what the job writes inside has limits of its own.
SMALL_DISK = ["/bin/sh", "-c", "trap '' XFSZ; exec prlimit --fsize=8000000:unlimited \"$@\"", "sh"]
LARGE = "mkdir /out/candidate && head -c 12000000 /dev/zero > /out/candidate/large"
# Machines on which no program can be contained, and one beside them on which it can: from inside, they are the same else.
NESTED = [str(pathlib.Path(__file__).resolve().parent.parent / "sandbox/nested.py")]
UNCONTAINED = {
    "no bubblewrap": ([*NESTED, "--", "/bin/sh", "-c", 'mount --bind /dev/null /usr/bin/bwrap && exec "$@"', "sh"],
                      "sandbox.bubblewrap-missing", "bubblewrap is not usable at /usr/bin/bwrap", "Install the package bubblewrap"),
    "no user namespaces": ([*NESTED, "--limit", "user=0", "--"], "sandbox.setup.step",
                           "create a user namespace: No space left on device", "pawl sandbox check"),
}
CONTAINED = [*NESTED, "--"]
BECOME_SUBREAPER = 36
ACCEPTED = "(sandbox weaker, as accepted: memory-per-process, forks-uncounted, cpu-per-process)"


class MachineFailuresTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-machine-"))
        cls.template = World(cls.folder / "template")
        cls.template.prepare(lambda text: text.replace('"improver/improve.sh"', f'"-c", "{LARGE}"'))
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
        # Nor does an improver fail where what it made cannot be kept.
        events = self.events(world)
        done = subprocess.run([*SMALL_DISK, BIN / "pawl", "--json", "cycle", "--no-review"], env=world.environment,
                              text=True, capture_output=True)
        error = json.loads(done.stdout)["error"]
        self.assertEqual((done.returncode, error["rule"]), (5, "cycle.machine"), error)
        self.assertIn("TMPDIR", error["advice"])
        self.assertEqual(self.events(world), events)
        # With room it is the improver's candidate that is judged: the control.
        self.assertEqual(json.loads(world.pawl("--json", "cycle", "--no-review", expect=(1,)).splitlines()[-1])["outcome"],
                         "outside-charter")

    def within(self, before, world, *words):
        """A command and what it says at its end. Nothing of it may be left: no process, since orphans become this one's
        children, no control group, no mount, no file where temporary ones go."""
        ctypes.CDLL(None).prctl(BECOME_SUBREAPER, 1, 0, 0, 0)
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        with tempfile.TemporaryDirectory(prefix="pawl-machine-") as temporary:
            run = subprocess.Popen([*before, BIN / "pawl", "--json", *map(str, words)], text=True, stdout=subprocess.PIPE,
                                   env=dict(world.environment, TMPDIR=temporary))
            said = json.loads(run.communicate()[0].splitlines()[-1])
            self.assertEqual(os.listdir(temporary), [], words)
        with self.assertRaises(ChildProcessError, msg=words):
            for _ in range(200):
                if os.waitpid(-1, os.WNOHANG) == (0, 0):  # one lives; others may be on their way
                    time.sleep(0.01)
        groups = [group for group, _, _ in os.walk("/sys/fs/cgroup") if f"-{run.pid}-" in group.rsplit("/", 1)[1]]
        self.assertEqual((groups, pathlib.Path("/proc/self/mountinfo").read_text()), ([], mounts), words)
        return run.returncode, said

    @unittest.skipUnless(os.geteuid() == 0, "needs root to make such machines")
    def test_where_nothing_can_be_contained_nothing_is_accepted(self):
        for name, (machine, rule, words, advice) in UNCONTAINED.items():
            with self.subTest(machine=name):
                world = self.template.copy(self.folder / name.replace(" ", "-"))

                def fails(expected, *command):
                    events = self.events(world)
                    status, said = self.within(machine, world, *command)
                    self.assertEqual(status, expected, said)
                    for part in (rule, words, advice):
                        self.assertIn(part, json.dumps(said))
                    self.assertEqual(self.events(world), events)  # no vote, no proposal

                status, position = self.within(machine, world, "propose", world.root / "baseline")
                self.assertEqual((status, position["outcome"], position["rule"]), (6, "pending", f"machine.{rule}"))
                self.assertIn(words, position["reason"])
                # The same where a program can be contained is the control.
                self.assertEqual(self.within(CONTAINED, world, "advance", "p1")[1]["rule"], "quorum.waiting")
                world.pawl("review", "--as", "prover-a")
                fails(6, "review", "--as", "evaluator-a")
                self.assertEqual(self.within(CONTAINED, world, "review", "--as", "evaluator-a")[0], 0)
                world.pawl("review", "--as", "auditor-b")
                world.pawl("advance", "p1", expect=(6,))
                for person in ("ann", "bob"):
                    world.pawl("--json", "approve", "p1", "--key", world.root / person, expect=(6,))
                self.assertEqual(world.json("release", "p1")["outcome"], "accepted")
                fails(5, "cycle", "--no-review")
                self.assertEqual(self.within(CONTAINED, world, "cycle", "--no-review")[1]["outcome"], "outside-charter")

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

        def pawl(*command, expect=0):
            done = subprocess.run([*words, str(BIN / "pawl"), "--json", *map(str, command)], env=world.environment,
                                  text=True, capture_output=True)
            self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
            return json.loads(done.stdout.splitlines()[-1])

        with self.left_in_the_log(world) as events:
            error = pawl("propose", world.root / "baseline", expect=5)["error"]
            self.assertIn("read", error["message"] + error["advice"])
            self.assertNotIn("init", error["advice"])
            # Nobody has signed a checkpoint of all of it yet: it is signed in a copy, and the copy goes.
            self.assertEqual(pawl("log", "export", world.root / "exported")["size"], events)
            subprocess.run([BIN / "pawl-check", "log", world.root / "exported", "--charter", world.charter], check=True,
                           stdout=subprocess.DEVNULL)
            for shared in (True, False):  # with SQLite's index of the log beside it, and as a dead gate leaves it
                if not shared:
                    (world.home / f"ledger/{SUBJECT}.sqlite-shm").unlink()
                for command in (("status",), ("log", "verify"), ("budget",), ("store", "gc")):
                    pawl(*command)
                self.assertEqual(pawl("log", "list")["index"], events - 1)
                pawl("backup", world.root / f"read-only-{shared}.backup")
            pawl("restore", "--check", world.root / "read-only-False.backup")
        self.assertEqual(list(pathlib.Path("/dev/shm").glob("pawl-ledger-*")), [])

    @contextlib.contextmanager
    def left_in_the_log(self, world):
        """Events that are in the write-ahead log alone, and how many there are in all."""
        reader = sqlite3.connect(world.home / f"ledger/{SUBJECT}.sqlite")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM events").fetchone()
        self.broken(world, "propose", world.root / "baseline")
        self.assertGreater((world.home / f"ledger/{SUBJECT}.sqlite-wal").stat().st_size, 0)
        yield len(self.events(world))
        reader.close()

    def test_a_full_disk_lets_itself_be_read_cleaned_and_halted(self):
        if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest("needs user namespaces")
        world = self.world()
        name = hashlib.sha256(b"nobody's").hexdigest()
        orphan = world.home / "store/blobs" / name[:2] / name
        orphan.parent.mkdir(exist_ok=True)
        orphan.write_bytes(b"nobody's")
        os.utime(orphan, (0, 0))
        with self.left_in_the_log(world) as events:
            done = subprocess.run(
                ["unshare", "-rm", sys.executable, "-c", FULL_DISK, BIN / "pawl", world.root, SUBJECT],
                env=world.environment, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        for words in ("status", "log verify", "budget", "store gc", "backup ../../full.backup"):
            self.assertEqual(said[words][0], 0, (words, said[words]))
        self.assertEqual(said["log list"][1]["index"], events - 1)
        # The halt stands at the loader; whether the ledger had a page left for it is the disk's affair.
        self.assertIn(said["halt"][0], (0, 5), said["halt"])
        if said["halt"][0] == 5:
            self.assertEqual(said["halt"][1]["error"]["rule"], "halt.ledger")
        self.assertTrue(said["halted"][1]["halted"], said["halted"])
        self.assertEqual(len(said["halted"][1]["loader_halts"]), 1)
        self.assertEqual(said["store gc --remove --older-than 1d"][0], 0)
        self.assertGreaterEqual(said["store gc --remove --older-than 1d"][1]["gone"], 1)
        self.assertEqual(said["halt with room"][0], 0, said["halt with room"])
        self.assertIn("NOTHING is halted", said["halt without a key"][1]["error"]["message"])

    def test_another_user_reads_what_he_may_and_is_told_what_not(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("NOT TRIED: a second user needs root and setpriv")
        world = self.world()
        other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        for folder in (self.folder, world.root):
            os.chmod(folder, 0o755)
        world.pawl("log", "checkpoint")

        def pawl(*command, expect=0):
            done = subprocess.run([*other, str(BIN / "pawl"), "--json", *map(str, command)], env=world.environment,
                                  text=True, capture_output=True, cwd="/")
            self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
            return json.loads(done.stdout.splitlines()[-1])

        os.chmod(world.home, 0o700)
        error = pawl("status", expect=5)["error"]
        self.assertEqual(error["rule"], "home.unreadable")
        self.assertIn("Permission denied", error["message"])
        # As docs/install.md says: the group may look in.
        os.chown(world.home, -1, 65534)
        os.chmod(world.home, 0o750)
        pawl("log", "verify")
        self.assertEqual(pawl("log", "list")["index"], 0)
        self.assertIn("Permission denied", pawl("status")["loader_unreadable"])
        self.assertEqual(pawl("halt", "-m", "x", "--key", world.root / "ann", expect=5)["error"]["message"][:17],
                         "NOTHING is halted")
        pawl("propose", world.root / "baseline", expect=5)
        # A loader of that user's own, with a state of its own.
        mine = world.root / "loader"
        mine.mkdir()
        shutil.copyfile(world.home / f"loader/{SUBJECT}/state.json", mine / "state.json")
        for path in (mine, mine / "state.json"):
            os.chown(path, 65534, 65534)
        self.assertIsNone(pawl("--state", mine / "state.json", "status")["loader_unreadable"])
        self.assertEqual(pawl("--state", mine / "state.json", "current", expect=6)["error"]["rule"], "current.nothing")
        self.assertTrue(world.json("doctor")["healthy"])
        self.follow_as(other, world)

    def follow_as(self, other, world):
        """The log, published by a user who may only read it: also what is appended meanwhile."""
        server = subprocess.Popen([*other, str(BIN / "pawl"), "--json", "serve", "--listen", "127.0.0.1:0"],
                                  env=world.environment, text=True, stdout=subprocess.PIPE, cwd="/")
        try:
            url = json.loads(server.stdout.readline())["logs"][SUBJECT]
            sizes = []
            for _ in range(2):
                with urllib.request.urlopen(url.rstrip("/") + "/checkpoint", timeout=10) as answer:
                    sizes.append(int(answer.read().split(b"\n")[1]))
                self.broken(world, "propose", world.root / "baseline")
                world.pawl("log", "checkpoint")
            self.assertGreater(sizes[1], sizes[0])
        finally:
            server.terminate()
            server.wait()
            server.stdout.close()

    def test_of_two_gates_at_once_one_is_refused(self):
        """Two real gates: the first is stopped in the middle of its work, where the kernel says that it has the lock."""
        for attempt in range(50):
            world = self.template.copy(self.folder / f"{self.id()}-{attempt}")
            first = subprocess.Popen([BIN / "pawl", "--json", "propose", world.root / "baseline", "-m", "first"],
                                     env=world.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            with first:
                while first.poll() is None and not self.holds_the_gate(world, first.pid):
                    pass
                first.send_signal(signal.SIGSTOP)
                stopped = first.poll() is None and self.holds_the_gate(world, first.pid)
                before = len(self.events(world)) if stopped else 0
                error = world.json("propose", world.root / "better", "-m", "second", expect=(6,)) if stopped else None
                after = len(self.events(world)) if stopped else 0
                first.send_signal(signal.SIGCONT)
                answer = json.loads(first.communicate(timeout=120)[0].splitlines()[-1])
            self.assertEqual((first.returncode, answer["proposal"]), (6, "p1"))
            if stopped:
                break
        else:
            self.fail("no gate was caught at work")
        self.assertEqual(error["error"]["rule"], "gate.busy")
        self.assertTrue(error["error"]["advice"])
        self.assertEqual(after, before, "the gate that was refused wrote something")
        # Free again: the lock went with the process, not with the file.
        self.assertEqual(world.json("advance", "p1", expect=(6,))["proposal"], "p1")
        world.pawl("log", "verify")

    def test_a_gate_whose_lock_was_lost_goes_on_where_another_has_got_to(self):
        """As after the fail-over of a database: the first stands still in its trial while a second one takes its proposal
        further, or to its end. Nothing is wrong with the log then, and nobody is told that there is."""
        for to_the_end, answer in ((False, ("quorum", "pending", 6)), (True, ("release", "accepted", 0))):
            for attempt in range(50):
                world = self.template.copy(self.folder / f"{self.id()}-{to_the_end}-{attempt}")
                first = subprocess.Popen([BIN / "pawl", "--json", "propose", world.root / "baseline", "-m", "first"],
                                         env=world.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
                with first:
                    while first.poll() is None and "candidate" not in (event["kind"] for event in self.events(world)):
                        pass
                    first.send_signal(signal.SIGSTOP)
                    caught = self.steps(world)[-1] == "properties"
                    if caught:
                        (world.home / f"ledger/{SUBJECT}.sqlite.gate").unlink()
                        second = world.json("advance", "p1", expect=(5, 6))
                        caught = "error" not in second  # it was not stopped while it wrote
                    if caught and to_the_end:
                        second = self.released(world)
                    time.sleep(1.1)  # statements of one second are the same bytes, and taken for a retry
                    first.send_signal(signal.SIGCONT)
                    said = json.loads(first.communicate(timeout=120)[0].splitlines()[-1])
                if caught:
                    break
            else:
                self.fail("no gate was caught at work")
            self.assertEqual((second["step"], second["outcome"]), answer[:2])
            self.assertEqual((said.get("step"), said.get("outcome"), first.returncode), answer, said)
            passed = self.steps(world, "pass")
            self.assertEqual(len(passed), len(set(passed)), "a step has passed twice")
            world.pawl("log", "verify")

    def test_a_reviewer_at_work_twice_votes_once(self):
        """With its key on two machines, say: the slower one finds that its vote is there, and ends well."""
        world = self.world()
        world.json("propose", world.root / "baseline", "-m", "first", expect=(6,))
        slow = subprocess.Popen([BIN / "pawl", "--json", "review", "--as", "evaluator-a"], env=world.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        with slow:
            while not pathlib.Path(f"/proc/{slow.pid}/task/{slow.pid}/children").read_text():
                self.assertIsNone(slow.poll(), "it was not seen at work")
            slow.send_signal(signal.SIGSTOP)
            time.sleep(1.1)  # votes of one second are the same bytes, and taken for a retry
            self.assertEqual([each["what"] for each in world.json("review", "--as", "evaluator-a")], ["voted"])
            slow.send_signal(signal.SIGCONT)
            said = json.loads(slow.communicate(timeout=120)[0].splitlines()[-1])
        self.assertEqual((slow.returncode, "error" in said), (0, False), said)
        self.assertEqual([each["what"] for each in said], ["nothing to do"])
        votes = [event for event in self.events(world) if event["kind"] == "vote"]
        self.assertEqual(len(votes), 1)

    @staticmethod
    def released(world):
        for name, _, _ in REVIEWERS:
            world.pawl("review", "--as", name)
        world.pawl("advance", "p1", expect=(6,))
        for person in PEOPLE[:2]:
            world.pawl("approve", "p1", "--key", world.root / person, expect=(6,))
        return world.json("release", "p1")

    def steps(self, world, outcome=None):
        findings = [event["predicate"] for event in self.events(world) if event["kind"] == "finding"]
        return [finding["step"] for finding in findings if outcome in (None, finding["outcome"])]

    @staticmethod
    def holds_the_gate(world, process):
        """Whether that process has the lock, by the kernel's list."""
        try:
            inode = (world.home / f"ledger/{SUBJECT}.sqlite.gate").stat().st_ino
        except FileNotFoundError:
            return False
        rows = (line.split() for line in pathlib.Path("/proc/locks").read_text().splitlines())
        return any(row[1] == "FLOCK" and int(row[4]) == process and int(row[5].split(":")[2]) == inode for row in rows)

    def events(self, world):
        return [json.loads(line) for line in world.pawl("--json", "log", "list").splitlines()]


if __name__ == "__main__":
    unittest.main(verbosity=2)
