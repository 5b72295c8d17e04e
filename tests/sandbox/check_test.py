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
# Switched off in a user namespace of its own, for what is started there alone.
WITHOUT = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c",
           'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"]


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
        return found

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
        self.assertIn("as root" if os.geteuid() == 0 else "ordinary user", found["sentences"][-1])
        self.holds([], found)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_as_an_ordinary_user(self):
        with tempfile.TemporaryDirectory(prefix="pawl-check-", dir="/tmp") as folder:  # the build may lie below /root
            os.chmod(folder, 0o755)
            for name in ("pawl", "pawl-sandbox-helper"):
                shutil.copy(PAWL.with_name(name), folder)
                os.chmod(pathlib.Path(folder) / name, 0o755)
            found = self.check(AS_USER, pathlib.Path(folder) / "pawl")
            self.assertIn("ordinary user", found["sentences"][-1])
            self.holds(AS_USER, found, pathlib.Path(folder) / "pawl")

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

    def test_with_user_namespaces_switched_off(self):
        if subprocess.run(["unshare", "--user", "--map-root-user", "true"]).returncode != 0:
            self.skipTest("no user namespaces to switch off")
        found = self.check(WITHOUT)
        self.assertFalse(found["user_namespaces"])
        self.assertFalse(found["usable"])
        self.assertIn("allow user namespaces", " ".join(found["advice"]))
        self.assertIn("User namespaces cannot be created: no job can be run.", " ".join(found["sentences"]))
        told = run(WITHOUT, "sandbox", "run", "--", "true")
        self.assertEqual(told.returncode, 5, told.stdout + told.stderr)  # the machine failed; not: the program did


if __name__ == "__main__":
    unittest.main()
