#!/usr/bin/python3
"""What `pawl sandbox check` says of this machine, and whether it is so: as root, as an ordinary user, and with user
namespaces switched off. Started as an ordinary user, the parts that need root are skipped."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PAWL = pathlib.Path(os.environ["PAWL_BIN"]) / "pawl"
AS_USER = ["setpriv", "--reuid", "1234", "--regid", "1234", "--clear-groups", "--"]
# A namespace in which all is as outside, but for what is switched off for what is started there alone.
NESTED = [str(pathlib.Path(__file__).with_name("nested.py"))]


def run(before, *words, program=PAWL):
    return subprocess.run([*before, str(program), *words], capture_output=True, text=True, cwd="/tmp")


class SandboxCheck(unittest.TestCase):
    def check(self, before, program=PAWL):
        done = run(before, "--json", "sandbox", "check", program=program)
        found = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if found["usable"] else 5)
        people = run(before, "sandbox", "check", program=program)
        self.assertEqual(people.returncode, done.returncode)
        for sentence in found["sentences"] + found["advice"]:
            self.assertIn(sentence, people.stdout)
        self.assertNotIn("\\", people.stdout)  # nothing here needs an escape, let alone two
        return found

    def copied(self):
        """Where an ordinary user finds the programs: the build may lie below /root."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-check-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        for name in ("pawl", "pawl-sandbox-helper"):
            shutil.copy(PAWL.with_name(name), folder)
            os.chmod(folder / name, 0o755)
        return folder / "pawl"

    def holds(self, before, found, program=PAWL):
        """Where it says usable, a program runs, and each limit that it promises for the job as a whole ends one."""
        self.assertTrue(found["usable"], found)
        self.assertEqual(run(before, "sandbox", "run", "--", "true", program=program).returncode, 0)
        self.assertEqual(run(before, "sandbox", "run", "--", "false", program=program).returncode, 1)
        hog = "b = bytearray(300 << 20); b[::4096] = b'x' * len(b[::4096])"
        told = run(before, "sandbox", "run", "--memory-mib", "100", "--", "python3", "-c", hog, program=program)
        self.assertEqual(told.returncode, 1)
        self.assertEqual("memory-limit" in told.stdout + told.stderr, found["memory_limited"], told.stdout + told.stderr)
        many = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; wait"
        told = run(before, "sandbox", "run", "--processes", "8", "--", "sh", "-c", many, program=program)
        self.assertEqual("process-limit" in told.stdout + told.stderr, found["processes_limited"], told.stdout + told.stderr)
        if not found["memory_limited"]:
            self.assertIn("systemd-run --user --scope -p Delegate=yes", " ".join(found["advice"]))

    def test_as_whoever_runs_this(self):
        found = self.check([])
        self.assertIn("as root" if os.geteuid() == 0 else "ordinary user", found["sentences"][-2])
        self.holds([], found)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_as_an_ordinary_user(self):
        program = self.copied()
        found = self.check(AS_USER, program)
        self.assertIn("ordinary user", found["sentences"][-2])
        self.holds(AS_USER, found, program)

    def test_a_disk_that_is_full_says_nothing_of_the_program(self):
        """No file of more than 1 MB can be kept, as where the disk is full; inside, the job has limits of its own."""
        full = ["/bin/sh", "-c", "trap '' XFSZ; exec prlimit --fsize=1000000:unlimited \"$@\"", "sh"]
        for before, status, end in (([], 0, "exited"), (full, 5, "setup-error")):
            with tempfile.TemporaryDirectory(prefix="pawl-check-") as folder:
                done = run(before, "--json", "sandbox", "run", "--out", f"{folder}/out", "--", "sh", "-c",
                           "head -c 3000000 /dev/zero > /out/large")
                said = json.loads(done.stdout)
                self.assertEqual((done.returncode, said["end"]), (status, end), said)
                self.assertEqual(os.listdir(f"{folder}/out"), ["large"] if status == 0 else [])

    def test_a_job_that_cannot_be_is_refused_with_what_to_do(self):
        for words, rule, advice in ((["--", "no-such-program"], "sandbox.program", "--input"),
                                    (["--", "./program"], "sandbox.job.program", "--input"),
                                    (["--input", "/nowhere:/in/x", "--", "true"], "sandbox.job.input", "/in/subject"),
                                    (["--input", "/usr:/usr", "--", "true"], "sandbox.job.input", "below /in"),
                                    (["--out", "/etc", "--", "true"], "sandbox.job.output-directory", "empty"),
                                    (["--working-directory", "/etc", "--", "true"], "sandbox.job.working-directory", "/tmp"),
                                    (["--memory-mib", "1", "--", "true"], "sandbox.job.limit", "range")):
            done = run([], "--json", "sandbox", "run", *words)
            self.assertEqual(done.returncode, 2, words)
            error = json.loads(done.stdout)["error"]
            self.assertEqual(error["rule"], rule)
            self.assertIn(advice, error["advice"])

    def fails(self, before, sentence, advice, program):
        """Neither check nor run says yes; what is wrong stands in a sentence, and what to do in an advice that is not to
        ask again."""
        found = self.check(before, program)
        self.assertFalse(found["usable"], before)
        self.assertIn(sentence, " ".join(found["sentences"]))
        self.assertIn(advice, " ".join(found["advice"]))
        self.assertNotIn("sandbox check", " ".join(found["advice"]))
        told = run(before, "--json", "sandbox", "run", "--", "true", program=program)
        self.assertEqual(told.returncode, 5, told.stdout + told.stderr)  # the machine failed; not: the program did
        error = json.loads(told.stdout)["error"]
        self.assertTrue(error["rule"].startswith("sandbox.setup."), error)
        self.assertNotIn("\\", error["message"])
        return found

    @unittest.skipUnless(os.geteuid() == 0, "needs root to map other users than its own")
    def test_with_namespaces_switched_off_or_proc_covered(self):
        """Each in a namespace that differs in this alone from one in which jobs run, as root and as an ordinary user."""
        program = self.copied()
        for user in ([], AS_USER):
            with self.subTest(user=user):
                control = [*NESTED, "--", *user]
                self.assertTrue(self.check(control, program)["usable"])
                self.assertEqual(run(control, "sandbox", "run", "--", "true", program=program).returncode, 0)
                off = self.fails([*NESTED, "--limit", "user=0", "--", *user], "User namespaces cannot be created: no job can "
                                 "be run. user.max_user_namespaces leaves none.", "user.max_user_namespaces", program)
                self.assertFalse(off["user_namespaces"])
                for option, sentence, advice in (
                        (["--limit", "net=0"], "A test job did not run: bubblewrap", "net,ipc,uts"),
                        (["--limit", "mnt=0"], "No space left on device", "mnt"),
                        (["--cover-proc"], "Can't mount proc", "systempaths=unconfined")):
                    found = self.fails([*NESTED, *option, "--", *user], sentence, advice, program)
                    self.assertEqual((found["user_namespaces"], found["bubblewrap"] != ""), (True, True))

    def test_with_user_namespaces_switched_off_by_an_ordinary_user(self):
        """In a namespace of the user's own, whose root it is for the moment at which the number is set."""
        program = self.copied()

        def within(most):
            return [*(AS_USER if os.geteuid() == 0 else []), "unshare", "--user", "--map-current-user", "--mount",
                    "--keep-caps", "/bin/sh", "-c", f"echo {most} > /proc/sys/user/max_user_namespaces && "
                    'exec setpriv --ambient-caps=-all --inh-caps=-all -- "$@"', "sh"]
        if subprocess.run([*within(1), "true"]).returncode != 0:
            self.skipTest("no user namespaces")
        self.assertTrue(self.check(within(100), program)["usable"])
        self.assertEqual(run(within(100), "sandbox", "run", "--", "true", program=program).returncode, 0)
        self.fails(within(0), "user.max_user_namespaces leaves none.", "user.max_user_namespaces", program)

    def test_of_a_root_that_cannot_become_another_user(self):
        alone = ["unshare", "--user", "--map-root-user"]
        if subprocess.run([*alone, "true"]).returncode != 0:
            self.skipTest("no user namespaces")
        self.fails(alone, "Root cannot become user 65534", "run pawl as an ordinary user", self.copied())

    @unittest.skipUnless(os.geteuid() == 0, "needs root to take a right from it")
    def test_of_a_root_without_rights(self):
        without = ["setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid", "--"]
        self.fails(without, "Root cannot become user 65534", "SETUID", self.copied())
        without = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"]
        self.fails(without, "A test job did not run: create a mount namespace", "SYS_ADMIN", self.copied())

    def test_no_folder_for_what_a_job_leaves(self):
        found = self.check(["env", "TMPDIR=/nowhere"])
        self.assertFalse(found["usable"])
        self.assertIn("no folder can be made where TMPDIR says", found["sentences"][-1])
        self.assertIn("TMPDIR=DIR", " ".join(found["advice"]))


if __name__ == "__main__":
    unittest.main()
