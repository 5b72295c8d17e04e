#!/usr/bin/python3
"""The loaders against a live release that the real programs made: what they give, and everything they have to refuse.

PAWL_BIN names the folder with pawl; OPEN_FILE the two compiled forms of open_file.c, separated by a colon.

The collision example's baseline is released once, in a home of its own. Every test then breaks one thing, asks, and puts
it back.
"""

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "python"))
import pawl  # noqa: E402


def demo_module():
    path = str(ROOT / "examples/collision/demo/run")
    loader = importlib.machinery.SourceFileLoader("demo", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo", loader))
    loader.exec_module(module)
    return module


demo = demo_module()
PAWL = demo.BIN / "pawl"
FILE = "policy.onnx"


@contextlib.contextmanager
def replaced(path, data):
    """A file with other bytes for a while, whatever its mode."""
    before, mode = path.read_bytes(), path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(before)
        path.chmod(mode)


@contextlib.contextmanager
def moved_away(path):
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    try:
        yield aside
    finally:
        aside.rename(path)


class Loaders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="pawl-loader-test-"))
        cls.addClassCleanup(cls.remove)
        cls.demo = demo.Demo(cls.root)
        cls.demo.make_keys()
        cls.demo.begin()
        cls.state_path = cls.demo.home / "loader" / demo.SUBJECT / "state.json"
        cls.first_state = cls.state_path.read_bytes()
        cls.nothing_live = cls.ask_python()
        cls.demo.accepted(cls.demo.position("propose", cls.demo.subject, "--review", "-m", "baseline", expect=(6,)), 0)
        cls.state = cls.state_path.read_bytes()
        cls.said = json.loads(cls.state)
        cls.bytes = (demo.EXAMPLE / "subject" / FILE).read_bytes()

    @classmethod
    def remove(cls):
        subprocess.run(["chmod", "-R", "u+w", cls.root], check=False)
        shutil.rmtree(cls.root)

    # ---- asking

    @classmethod
    def ask_python(cls, file=FILE, subject=demo.SUBJECT):
        """The bytes, or the refusal."""
        try:
            return pawl.load(subject, file, home=cls.demo.home, binary=PAWL)
        except pawl.Refused as refused:
            return refused

    def ask_c(self, file=FILE, subject=demo.SUBJECT):
        """The same from the C header, which finds program and home through the environment."""
        environment = dict(self.demo.environment, PATH=f"{demo.BIN}:{os.environ['PATH']}")
        answers = set()
        for program in os.environ["OPEN_FILE"].split(":"):
            result = subprocess.run([program, subject, file], env=environment, capture_output=True, check=False)
            answers.add((result.returncode, result.stdout, result.stderr))
        self.assertEqual(len(answers), 1, answers)
        return answers.pop()

    def execute(self, *command):
        return subprocess.run([PAWL, "-q", "exec", demo.SUBJECT, "--", *command], env=self.demo.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)

    def assert_given(self):
        self.assertEqual(self.ask_python(), self.bytes)
        self.assertEqual(self.ask_c()[:2], (0, self.bytes))
        result = self.execute("cat", FILE)
        self.assertEqual((result.returncode, result.stdout), (0, self.bytes), result.stderr)

    def assert_refused(self, *rules, exit_status=1, file=FILE, subject=demo.SUBJECT, execute=True):
        """All three loaders say no, with the same reason."""
        refused = self.ask_python(file, subject)
        self.assertTrue(isinstance(refused, pawl.Refused), "the file was given")
        self.assertIn(refused.rule, rules, refused)
        self.assertEqual(refused.exit_status, exit_status)
        code, out, lines = self.ask_c(file, subject)
        self.assertEqual((code, out), (1, b""))
        self.assertEqual(lines.decode().split("\n")[0], f"{exit_status} {refused.rule}")
        if execute:
            marker = self.root / "started"
            result = self.execute("touch", marker)
            self.assertEqual(result.returncode, exit_status, result.stderr)
            self.assertIn(f"({refused.rule})", result.stderr.decode())
            self.assertFalse(marker.exists())

    def blob(self, digest):
        digest = digest.removeprefix("sha256:")
        return self.demo.home / "store/blobs" / digest[:2] / digest

    def put_blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        path = self.blob(digest)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self.addCleanup(path.unlink)
        return "sha256:" + digest

    def view(self):
        path = self.demo.home / "store/trees" / self.said["tree"].removeprefix("sha256:")
        self.assertTrue(path.is_dir())
        return path

    def with_state(self, **changes):
        """The loader's state with keys replaced, in canonical JSON."""
        state = dict(self.said, **changes)
        return replaced(self.state_path, json.dumps(state, sort_keys=True, separators=(",", ":")).encode())

    def changed_last_release(self, **changes):
        releases = [dict(release) for release in self.said["releases"]]
        releases[-1].update(changes)
        return releases

    # ---- what they give

    def test_all_give_the_verified_bytes(self):
        self.assert_given()
        with pawl.open(demo.SUBJECT, FILE, home=self.demo.home, binary=PAWL) as file:
            self.assertEqual(file.read(), self.bytes)

    def test_current(self):
        release = pawl.current(demo.SUBJECT, home=self.demo.home, binary=PAWL)
        self.assertEqual((release.epoch, release.tree, release.warrant), (1, self.said["tree"], self.said["warrant"]))
        self.assertEqual(release.files[FILE], "sha256:" + hashlib.sha256(self.bytes).hexdigest())

    def test_exec_gives_a_tree_that_cannot_be_written(self):
        result = self.execute("/bin/sh", "-c", 'cd "$PAWL_EXEC_TREE" && pwd && ! echo x > policy.onnx && ! echo x > new'
                                               ' && ! rm policy.onnx && find . -type f | sort')
        self.assertEqual(result.returncode, 0, result.stderr)
        files = sorted("./" + str(path.relative_to(self.view())) for path in self.view().rglob("*") if path.is_file())
        self.assertEqual(result.stdout.decode().splitlines()[1:], files)

    def test_exec_hands_on_the_status_of_its_command(self):
        self.assertEqual(self.execute("/bin/sh", "-c", "exit 42").returncode, 42)

    def test_exec_works_without_standard_input_and_output(self):
        result = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&- >&-', "sh", PAWL, "-q", "exec", demo.SUBJECT, "--", "/bin/sh",
                                 "-c", "exit 42"], env=self.demo.environment, stderr=subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 42, result.stderr)

    # ---- what they refuse

    def test_nothing_is_live(self):
        self.assertIsInstance(self.nothing_live, pawl.Refused)
        self.assertEqual((self.nothing_live.rule, self.nothing_live.exit_status), ("current.nothing", 6))

    def test_no_such_file_subject_or_home(self):
        self.assert_refused("current.no-file", exit_status=2, file="nothing", execute=False)
        self.assert_refused("current.no-file", exit_status=2, file="../store/blobs", execute=False)
        self.assert_refused("current.no-file", exit_status=2, file="/etc/passwd", execute=False)
        self.assertEqual(self.ask_python(subject="other").rule, "cli.no-subject")
        for subject in ("../" + demo.SUBJECT, "..", "x/y"):
            self.assertEqual(self.ask_python(subject=subject).rule, "cli.subject-name")
        with self.assertRaises(pawl.Refused) as caught:
            pawl.load(demo.SUBJECT, FILE, home=self.root / "nowhere", binary=PAWL)
        self.assertEqual(caught.exception.rule, "home.missing")

    def test_a_changed_file_in_the_store(self):
        path = self.blob(hashlib.sha256(self.bytes).hexdigest())
        changed = bytearray(self.bytes)
        changed[len(changed) // 2] ^= 1
        for data in (bytes(changed), self.bytes[:-1], self.bytes + b"\0", b""):
            with replaced(path, data):
                self.assert_refused("tree.bytes", "store.damaged")
        self.assert_given()

    def test_a_file_of_the_store_that_is_a_link_or_missing(self):
        path = self.blob(hashlib.sha256(self.bytes).hexdigest())
        with moved_away(path) as aside:
            self.assert_refused("tree.bytes")
            path.symlink_to(aside)  # even to the right bytes: whoever may make links may also change where they lead
            try:
                refused = self.ask_python()
                self.assertIsInstance(refused, pawl.Refused)
            finally:
                path.unlink()
        self.assert_given()

    def test_a_changed_manifest_or_warrant(self):
        for digest in (self.said["tree"], self.said["warrant"]):
            path = self.blob(digest)
            changed = bytearray(path.read_bytes())
            changed[-3] ^= 1
            with replaced(path, bytes(changed)):
                self.assert_refused("tree.bytes", "store.damaged")
        self.assert_given()

    def test_a_changed_materialised_tree_is_not_used(self):
        target = self.view() / FILE
        target.parent.chmod(0o755)
        self.addCleanup(target.parent.chmod, 0o555)
        with replaced(target, b"other bytes"):
            self.assert_given()

    def test_a_link_swapped_into_the_materialised_tree_is_not_followed(self):
        target = self.view() / FILE
        target.parent.chmod(0o755)
        self.addCleanup(target.parent.chmod, 0o555)
        secret = self.root / "secret"
        secret.write_bytes(b"other bytes")
        with moved_away(target):
            target.symlink_to(secret)
            try:
                self.assert_given()
            finally:
                target.unlink()

    def test_a_materialised_tree_swapped_for_a_link(self):
        """The bytes are the verified ones, or nothing starts; and what the link points to is left as it was."""
        other = self.root / "other-tree"
        other.mkdir()
        (other / FILE).write_bytes(b"other bytes")
        view = self.view()
        with moved_away(view):
            view.symlink_to(other)
            try:
                result = self.execute("cat", FILE)
                self.assertTrue(result.returncode != 0 or result.stdout == self.bytes, result)
                self.assertNotIn(b"other bytes", result.stdout)
                self.assertEqual(self.ask_python(), self.bytes)
            finally:
                view.unlink()
        self.assertEqual([(path.name, path.read_bytes()) for path in other.iterdir()], [(FILE, b"other bytes")])
        with moved_away(view):
            result = self.execute("cat", FILE)
            self.assertTrue(result.returncode != 0 or result.stdout == self.bytes, result)
        self.assert_given()

    def test_a_lost_state(self):
        with moved_away(self.state_path):
            self.assert_refused("state.missing")
        self.assert_given()

    def test_a_state_that_cannot_be_read(self):
        for data in (b"", b"{}", self.state[:-1], self.state + b" ", self.state.replace(b'":', b'": ', 1), b"\xff" * 100):
            with replaced(self.state_path, data):
                refused = self.ask_python()
                self.assertIsInstance(refused, pawl.Refused)
                self.assertEqual(refused.exit_status, 3, refused)
                self.assert_refused(refused.rule, exit_status=3)
        self.assert_given()

    def test_an_older_state_is_not_a_later_release(self):
        """The state before the first release: nothing is live, whatever the store holds."""
        with replaced(self.state_path, self.first_state):
            self.assert_refused("current.nothing", exit_status=6)
        self.assert_given()

    def test_a_state_that_names_another_tree(self):
        manifest = json.loads(self.blob(self.said["tree"]).read_bytes())
        other = self.put_blob(b"other bytes")
        for resource in manifest["resources"]:
            if resource["name"] == FILE:
                resource["digest"] = other.removeprefix("sha256:")
        tree = self.put_blob(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())
        with self.with_state(tree=tree):
            self.assert_not_given()
        with self.with_state(tree=tree, releases=self.changed_last_release(tree=tree)):
            self.assert_not_given()
        self.assert_given()

    def test_a_state_that_names_another_warrant(self):
        forged = self.blob(self.said["warrant"]).read_bytes()
        # Another decision by the same people is none about this tree: the genesis decision in place of the approved one.
        warrant = json.loads(forged)
        genesis = json.loads((self.root / "charter.genesis.json").read_bytes())
        cases = [
            b"no warrant", b"{}", self.changed_warrant(warrant, decision=genesis), self.changed_warrant(warrant, votes=[]),
            self.changed_warrant(warrant, decision=dict(warrant["decision"], signatures=[])),
            self.changed_warrant(warrant, decision=dict(warrant["decision"], signatures=warrant["decision"]["signatures"][:1])),
            self.changed_warrant(warrant, candidate=dict(warrant["candidate"], signatures=[])),
        ]
        for data in cases:
            digest = self.put_blob(data)
            with self.with_state(warrant=digest, releases=self.changed_last_release(warrant=digest)):
                self.assert_not_given()
            with self.with_state(releases=self.changed_last_release(warrant=digest)):
                self.assert_not_given()
        self.assert_given()

    @staticmethod
    def changed_warrant(warrant, **changes):
        return json.dumps(dict(warrant, **changes), sort_keys=True, separators=(",", ":")).encode()

    def assert_not_given(self):
        refused = self.ask_python()
        self.assertTrue(isinstance(refused, pawl.Refused), "the file was given")
        self.assertFalse(refused.rule.startswith("loader."), refused)
        self.assert_refused(refused.rule, exit_status=refused.exit_status)

    def test_a_state_of_another_subject_or_charter(self):
        zero = "sha256:" + "0" * 64
        for changes in ({"subject": "other"}, {"resource": "urn:other"}, {"charter": zero}, {"charter": self.said["tree"]},
                        {"releases": []}, {"tree": None}):
            with self.subTest(changes=changes), self.with_state(**changes):
                self.assert_not_given()
        self.assert_given()

    def test_garbage_in_the_halt_folder(self):
        folder = pathlib.Path(str(self.state_path) + ".halts")
        made = not folder.exists()
        folder.mkdir(exist_ok=True)
        for name, data in (("x.json", b""), ("README", b"nothing"), ("y.json", b"{}"),
                           ("g.json", (self.root / "charter.genesis.json").read_bytes())):
            (folder / name).write_bytes(data)
            try:
                self.assert_refused("halt.unreadable", exit_status=self.ask_python().exit_status)
            finally:
                (folder / name).unlink()
        (folder / "d").mkdir()
        try:
            self.assert_refused("halt.unreadable", exit_status=self.ask_python().exit_status)
        finally:
            (folder / "d").rmdir()
        if made:
            folder.rmdir()
        self.assert_given()

    def test_halt_and_resume(self):
        self.demo.pawl("halt", "-m", "test", "--key", self.root / "ada")
        self.assert_refused("halt.in-force")
        # The halt stands in the loader's own folder: it stops loading without ledger, gate or network.
        with moved_away(self.demo.home / "ledger" / f"{demo.SUBJECT}.sqlite"):
            (self.demo.home / "ledger" / f"{demo.SUBJECT}.sqlite").touch()  # so that the subject is known at all
            self.assertEqual(self.ask_python().rule, "halt.in-force")
            (self.demo.home / "ledger" / f"{demo.SUBJECT}.sqlite").unlink()
        request = self.root / "resume.json"
        self.demo.pawl("resume", "-m", "over", "--key", self.root / "ada", "--add-to", request, expect=(6,))
        self.assert_refused("halt.in-force")
        self.demo.pawl("resume", "--key", self.root / "ben", "--add-to", request)
        self.assert_given()


if __name__ == "__main__":
    unittest.main()
