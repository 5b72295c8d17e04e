#!/usr/bin/python3
"""Every loader against every attack on what it loads: a matrix, each cell of it tested.

PAWL_BIN: folder with pawl and pawl-check; OPEN_FILE: the compiled forms of open_file.c, separated by a
colon.

Two releases are live in a home. An attack changes something, tells the rules by which a loader may refuse, and puts it
back. A loader is asked for a file: it has to refuse by one of these rules, or, where an attack says so, to give the
verified bytes all the same; it never gives others.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests/attack")]
import pawl  # noqa: E402
from attack_home import AttackHome, BIN, FOR_TESTS, SUBJECT  # noqa: E402

FILE = "improver/hyperparameters.json"
GIVEN = "given"  # the verified bytes


@contextlib.contextmanager
def replaced(path, data):
    """A file with other bytes for a while, whatever its mode."""
    before, mode = path.read_bytes(), path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(data)
    try:
        yield
    finally:
        path.chmod(0o644)
        path.write_bytes(before)
        path.chmod(mode)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Matrix(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-matrix-"))
        cls.addClassCleanup(cls.remove)
        home = cls.home = AttackHome.made(cls.folder / "home")
        cls.state_path = home.home / "loader" / SUBJECT / "state.json"
        cls.older_state = json.loads(cls.state_path.read_bytes())
        proposal = home.position("propose", home.candidate("better"), expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        home.release(proposal)
        cls.state = json.loads(cls.state_path.read_bytes())
        cls.bytes = (home.root / "better" / FILE).read_bytes()
        cls.blob = home.blob(hashlib.sha256(cls.bytes).hexdigest())
        cls.view = home.home / "store/trees" / cls.state["tree"].removeprefix("sha256:")
        cls.other = cls.folder / "other"
        cls.other.write_bytes(cls.bytes.replace(b"1", b"2"))
        assert cls.other.read_bytes() != cls.bytes

    @classmethod
    def remove(cls):
        subprocess.run(["chmod", "-R", "u+w", cls.folder], check=False)
        shutil.rmtree(cls.folder)

    # ---- the loaders: each gives the bytes, or the rule of its refusal

    def environment(self, **more):
        if "ACT_AT" in more:  # each program that is asked finds the good file at first
            shutil.copyfile(self.folder / "good", self.blob.with_name("new"))
            os.replace(self.blob.with_name("new"), self.blob)
        return dict(self.home.environment, PATH=f"{BIN}:{os.environ['PATH']}", **more)

    def refused(self, result):
        self.assertEqual(result.stdout[:1], b"{", result)
        return json.loads(result.stdout)["error"]["rule"]

    def ask_exec(self, **more):
        result = subprocess.run([BIN / "pawl", "-q", "--json", "exec", SUBJECT, "--", "cat", FILE], check=False,
                                env=self.environment(**more), stdin=subprocess.DEVNULL, capture_output=True)
        return result.stdout if result.returncode == 0 else self.refused(result)

    def ask_current(self, **more):
        verified = subprocess.run([BIN / "pawl", "--json", "current", "--verify"], env=self.environment(**more),
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
        result = subprocess.run([BIN / "pawl", "--json", "current", "--verify", "--file", FILE], check=False,
                                env=self.environment(**more), stdin=subprocess.DEVNULL, capture_output=True)
        if result.returncode == 0:
            files = {file["path"]: file["digest"] for file in json.loads(verified.stdout)["files"]}
            self.assertEqual(files[FILE], "sha256:" + hashlib.sha256(result.stdout).hexdigest())
            return result.stdout
        return self.refused(result)

    def ask_c(self, **more):
        answers = set()
        for program in os.environ["OPEN_FILE"].split(":"):
            result = subprocess.run([program, SUBJECT, FILE], env=self.environment(**more), capture_output=True, check=False)
            answers.add((result.returncode, result.stdout, result.stderr.split(b"\n")[0]))
        self.assertEqual(len(answers), 1, answers)
        status, data, line = answers.pop()
        self.assertIn(status, (0, 1), line)
        return data if status == 0 else line.decode().split(" ")[1]

    def ask_python(self, **more):
        script = ("import sys, pawl\n"
                  "try:\n sys.stdout.buffer.write(pawl.load(sys.argv[1], sys.argv[2]))\n"
                  "except pawl.Refused as refused:\n sys.stdout.write(refused.rule)\n sys.exit(7)\n")
        result = subprocess.run(["/usr/bin/python3", "-c", script, SUBJECT, FILE], capture_output=True, check=False,
                                env=self.environment(PYTHONPATH=str(ROOT / "python"), **more))
        self.assertIn(result.returncode, (0, 7), result.stderr)
        return result.stdout if result.returncode == 0 else result.stdout.decode()

    # ---- the attacks: each is in effect while it is open, and yields the rules by which a loader may refuse

    def a_changed_file(self):
        with replaced(self.blob, self.other.read_bytes()):
            yield ("tree.bytes",), {}

    def a_blob_swapped_for_another_valid_one(self):
        with replaced(self.blob, self.home.blob(self.state["warrant"]).read_bytes()):
            yield ("tree.bytes",), {}

    def a_changed_file_in_the_materialised_tree(self):
        """No loader reads it."""
        with replaced(self.view / FILE, self.other.read_bytes()):
            yield (GIVEN,), {}

    def a_swapped_symlink(self):
        aside = self.blob.with_name("aside")
        self.blob.rename(aside)
        self.blob.symlink_to(self.other)
        try:
            yield ("tree.bytes",), {}
        finally:
            self.blob.unlink()
            aside.rename(self.blob)

    def a_swap_after_the_check(self):
        """The file is good when it is checked, and another when it is opened to be handed over."""
        good = self.folder / "good"
        shutil.copyfile(self.blob, good)
        shutil.copymode(self.blob, good)
        try:
            yield ("store.damaged",), {
                "LD_PRELOAD": str(FOR_TESTS / "libact_at.so"), "ACT_CALL": "open", "ACT_NTH": "2",
                "ACT_AT": "/" + self.blob.name, "ACT_COMMAND": f"cp --remove-destination {self.other} {self.blob}"}
        finally:
            os.replace(good, self.blob)

    def a_stale_state(self):
        """The memory of before the last release, with the tree of after it."""
        with replaced(self.state_path, canonical(dict(self.older_state, tree=self.state["tree"]))):
            yield ("warrant.epoch",), {}

    def a_lost_state(self):
        aside = self.state_path.with_name("aside")
        self.state_path.rename(aside)
        try:
            yield ("state.missing",), {}
        finally:
            aside.rename(self.state_path)

    def an_older_warrant(self):
        """The warrant of the release before, in the place of the live one's: by its name in the state, then its bytes."""
        releases = [dict(release) for release in self.state["releases"]]
        releases[-1]["warrant"] = self.older_state["warrant"]
        with replaced(self.state_path, canonical(dict(self.state, releases=releases,
                                                      warrant=self.older_state["warrant"]))):
            yield ("warrant.epoch",), {}
        older = self.home.blob(self.older_state["warrant"]).read_bytes()
        with replaced(self.home.blob(self.state["warrant"]), older):
            yield ("store.damaged",), {}

    def a_forged_charter_with_its_own_warrant(self):
        """Other people, reviewers and a gate of their own have accepted the same tree under a charter of theirs."""
        forged = AttackHome.made(self.folder / "forged")
        state = json.loads((forged.home / "loader" / SUBJECT / "state.json").read_bytes())
        put = []
        for source in (forged.home / "store/blobs").rglob("*"):
            target = self.home.home / "store/blobs" / source.relative_to(forged.home / "store/blobs")
            if source.is_file() and not target.exists():
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(source, target)
                put.append(target)
        try:
            live = dict(self.state["releases"][-1], warrant=state["warrant"], tree=state["tree"], epoch=1)
            for changes in ({}, {"charter": state["charter"]}):
                said = dict(self.state, releases=[live], warrant=state["warrant"], tree=state["tree"], **changes)
                with replaced(self.state_path, canonical(said)):
                    yield ("charter.not-current",), {}
            charter, own = self.home.blob(self.state["charter"]), self.home.blob(state["charter"]).read_bytes()
            with replaced(charter, own), replaced(self.home.blob(self.state["warrant"]),
                                                  self.home.blob(state["warrant"]).read_bytes()):
                yield ("store.damaged",), {}
        finally:
            for path in put:
                path.unlink()

    def a_halt(self):
        home = self.home
        home.pawl("halt", "-m", "smoke", "--key", home.root / "cho")
        try:
            yield ("halt.in-force",), {}
        finally:
            request = home.root / "resume.json"
            home.pawl("resume", "--key", home.root / "ada", "--add-to", request, expect=(6,))
            home.pawl("resume", "--key", home.root / "ben", "--add-to", request)

    def a_local_halt_file(self):
        """Carried over by hand from where no ledger and no gate know of it; and one that nobody can read."""
        other = self.home.copy(self.folder / "elsewhere")
        other.pawl("halt", "-m", "fire", "--key", other.root / "cho")
        source = pathlib.Path(str(other.home / "loader" / SUBJECT / "state.json") + ".halts")
        folder = pathlib.Path(str(self.state_path) + ".halts")
        folder.mkdir(exist_ok=True)
        names = {path.name for path in folder.iterdir()}
        file = next(path for path in source.iterdir() if path.name not in names)
        shutil.copyfile(file, folder / file.name)
        try:
            yield ("halt.in-force",), {}
            (folder / file.name).write_bytes(file.read_bytes()[:-1])
            yield ("halt.unreadable",), {}
        finally:
            (folder / file.name).unlink()

    LOADERS = {"pawl exec": ask_exec, "pawl current": ask_current, "C header": ask_c, "pawl.load": ask_python}
    ATTACKS = [a_changed_file, a_blob_swapped_for_another_valid_one, a_changed_file_in_the_materialised_tree,
               a_swapped_symlink, a_swap_after_the_check, a_stale_state, a_lost_state, an_older_warrant,
               a_forged_charter_with_its_own_warrant, a_halt, a_local_halt_file]

    def test_every_cell(self):
        table = {}
        for attack in self.ATTACKS:
            self.assert_all_give()
            # An attack that has several forms yields more than once.
            for rules, environment in attack(self):
                for name, ask in self.LOADERS.items():
                    answer = ask(self, **environment)
                    if answer == self.bytes:
                        answer = GIVEN
                    with self.subTest(loader=name, attack=attack.__name__):
                        self.assertIn(answer, rules)
                        table.setdefault(attack.__name__, {}).setdefault(name, []).append(answer)
        self.assert_all_give()
        self.assertEqual([len(row) for row in table.values()], [len(self.LOADERS)] * len(self.ATTACKS))
        width = max(map(len, table))
        print("\n" + "attack".ljust(width), *(name.ljust(32) for name in self.LOADERS))
        for name, row in table.items():
            print(name.ljust(width), *(", ".join(row[loader]).ljust(32) for loader in self.LOADERS))

    def assert_all_give(self):
        for name, ask in self.LOADERS.items():
            self.assertEqual(ask(self), self.bytes, name)

    def test_what_runs_already_keeps_its_bytes(self):
        """The tree of a started command does not change with the store."""
        ready, go = self.folder / "ready", self.folder / "go"
        script = f"touch {ready}; while [ ! -e {go} ]; do sleep 0.05; done; cat {FILE}"
        running = subprocess.Popen([BIN / "pawl", "-q", "exec", SUBJECT, "--", "/bin/sh", "-c", script],
                                   env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        while not ready.exists():
            self.assertIsNone(running.poll())
        with replaced(self.blob, self.other.read_bytes()), replaced(self.view / FILE, self.other.read_bytes()):
            go.touch()
            self.assertEqual(running.communicate()[0], self.bytes)
        self.assertEqual(running.returncode, 0)


if __name__ == "__main__":
    unittest.main()
