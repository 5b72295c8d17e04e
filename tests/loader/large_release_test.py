#!/usr/bin/python3
"""`pawl exec` starts a release of many files, in many folders, and hands over nothing but the tree.

PAWL_BIN names the folder with pawl. One small subject whose baseline has FILES more files than it needs is released once.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "crash"))
from small_world import BIN, SUBJECT, World  # noqa: E402

FILES, FOLDERS = int(os.environ.get("PAWL_LARGE_RELEASE_FILES", "2000")), 100
SOME_OTHER_USER = 65534


class ManyFiles(World):
    def make_tree(self, name, level, factor=1.0):
        tree = super().make_tree(name, level, factor)
        for folder in range(FOLDERS):
            (tree / f"improver/notes/{folder}").mkdir(parents=True)
        for number in range(FILES):
            (tree / f"improver/notes/{number % FOLDERS}/{number}").write_text(f"note {number}\n")
        (tree / "improver/empty").touch()
        return tree


class LargeRelease(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Where another user can get to it.
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="pawl-large-"))
        cls.root.chmod(0o755)
        cls.world = world = ManyFiles(cls.root / "world")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.addClassCleanup(world.remove)
        world.prepare()
        world.pawl("init", world.charter)
        world.pawl("propose", world.root / "baseline", "-m", "baseline", expect=(6,))
        for name in ("prover-a", "evaluator-a", "auditor-b"):
            world.pawl("review", "--as", name)
        world.pawl("advance", "p1", expect=(6,))
        for person in ("ann", "bob"):
            world.pawl("approve", "p1", "--key", world.root / person, expect=(6,))
        world.pawl("release", "p1")

    def execute(self, *command, user=None):
        as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        return subprocess.run([BIN / "pawl", "-q", "exec", SUBJECT, "--", *command], env=self.world.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False, **as_user)

    def users(self):
        """This one; and where this is root, one who is not, for whom the home is readable."""
        if os.getuid() != 0:
            return [None]
        subprocess.run(["chmod", "-R", "a+rX", self.world.home], check=True)
        return [None, SOME_OTHER_USER]

    def test_every_file_is_there_with_its_bytes(self):
        for user in self.users():
            result = self.execute("/bin/sh", "-c", 'cd "$PAWL_EXEC_TREE" && find . -type f -exec sha256sum {} + | sort', user=user)
            there = subprocess.run("find . -type f -exec sha256sum {} + | sort", shell=True, text=True, check=True,
                                   cwd=self.world.root / "baseline", stdout=subprocess.PIPE).stdout
            self.assertEqual((result.returncode, result.stdout), (0, there), result.stderr)
            self.assertGreater(len(there.splitlines()), FILES)

    def test_modes_and_the_caller_s_mask(self):
        command = "umask; stat -c '%a %n' . improver improver/empty policy.onnx"
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        result = self.execute("/bin/sh", "-c", command)
        self.assertEqual(result.stdout, "0027\n755 .\n755 improver\n444 improver/empty\n444 policy.onnx\n", result.stderr)

    def test_nothing_can_be_written(self):
        tries = ("! echo x > new && ! echo x > policy.onnx && ! rm policy.onnx && ! mkdir improver/new"
                 " && ! mv improver elsewhere && ! chmod 777 policy.onnx")
        for user in self.users():
            result = self.execute("/bin/sh", "-c", tries, user=user)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_no_capability_and_no_descriptor_reaches_the_command(self):
        for user in self.users():
            result = self.execute("/bin/sh", "-c", "grep -E 'Cap|NoNewPrivs' /proc/self/status; ls /proc/$$/fd", user=user)
            lines = result.stdout.splitlines()
            self.assertLessEqual({line for line in lines if line.isdigit()}, {"0", "1", "2"}, lines)
            self.assertIn("NoNewPrivs:\t1", lines)
            if user is not None or os.getuid() != 0:
                sets = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Cap")}
                self.assertEqual(len(sets), 5)
                self.assertEqual(set(sets.values()), {"0" * 16}, sets)

    def test_another_namespace_does_not_make_it_writable(self):
        """Whoever makes a user namespace has every capability in there, and none over mounts from outside."""
        tries = "mount -o remount,rw,bind /pawl-exec; echo x > /pawl-exec/new"
        user = self.users()[-1]
        result = self.execute("unshare", "-Urm", "/bin/sh", "-c", f"id -u; {tries}", user=user)
        if user is None and os.getuid() == 0:
            self.skipTest("root may do what it likes")
        if not result.stdout:
            self.skipTest(f"no user namespace within one here: {result.stderr}")
        self.assertEqual(result.stdout, "0\n")
        self.assertNotEqual(result.returncode, 0, result.stderr)

    def test_the_command_ends_with_the_one_who_started_it(self):
        for user in self.users():
            as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
            process = subprocess.Popen([BIN / "pawl", "-q", "exec", SUBJECT, "--", "sh", "-c", "echo $$; exec sleep 60"],
                                       env=self.world.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       text=True, **as_user)
            with process:
                command = int(process.stdout.readline())
                process.send_signal(signal.SIGKILL)
                deadline = time.monotonic() + 20
                while self.runs(command) and time.monotonic() < deadline:
                    time.sleep(0.02)
                self.assertFalse(self.runs(command))

    @staticmethod
    def runs(process):
        """A process that ended and that nobody has asked about yet does not."""
        try:
            return "\nState:\tZ" not in pathlib.Path(f"/proc/{process}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False

    def test_a_file_of_the_tree_is_no_program(self):
        result = self.execute("improver/improve.sh")
        self.assertEqual(result.returncode, 2)
        self.assertIn("(exec.no-command)", result.stderr)

    def test_the_stage_does_nothing_outside(self):
        for descriptors in (("x", "9"), ("0", "1"), ("98", "99"), ("-1", "4")):
            result = subprocess.run([BIN / "pawl", "fill-release-tree", *descriptors, "text", "--", "echo", "started"],
                                    text=True, capture_output=True, check=False)
            self.assertEqual((result.returncode, result.stdout), (5, ""), result.stderr)
            self.assertIn("(exec.fill)", result.stderr)


if __name__ == "__main__":
    unittest.main()
