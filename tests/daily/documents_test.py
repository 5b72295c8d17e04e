#!/usr/bin/python3
"""Follows the documents word by word, on accounts that have nothing: every command of docs/first-subject.md and then
those of docs/recovery.md, every command of docs/team.md and then of docs/keys.md, those of docs/network.md with a
PostgreSQL of its own, and those of docs/install.md, where they do not need another machine.

PAWL_BIN: folder with pawl and pawl-check.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "postgresql"))
sys.dont_write_bytecode = True
import document  # noqa: E402
from server import Server  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PAWL_BIN", ROOT / "build/release/bin"))


def free_ports(count):
    """The first of so many that nobody listens at."""
    for first in range(20_000, 30_000, count):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("no free ports")


class Account:
    """A person with an empty home folder, in an empty working directory."""

    def __init__(self, folder):
        self.home = pathlib.Path(folder) / "person"
        self.work = self.home / "work"
        os.makedirs(self.work)
        self.environment = {"HOME": str(self.home), "PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8",
                            "PYTHONDONTWRITEBYTECODE": "1"}

    def follow(self, test, path, at_least, blocks=slice(None), folder=None):
        ran = 0
        for block in document.blocks(path)[blocks]:
            if block.left_out:
                continue
            done = document.run(block, folder or self.work, self.environment)
            test.assertEqual(done.returncode, block.status,
                             f"{path}:{block.line}\n{block.text}\n{done.stdout}\n{done.stderr}")
            ran += 1
        test.assertGreaterEqual(ran, at_least, path)

    def pawl(self, *words, expect=0):
        done = subprocess.run([BIN / "pawl", *words], cwd=self.work, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode != expect:
            raise AssertionError(f"pawl {' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout


class DocumentsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pawl-documents-")
        self.account = Account(self.folder)

    def tearDown(self):
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def test_first_subject_leads_to_a_warrant(self):
        self.account.follow(self, ROOT / "docs/first-subject.md", at_least=18)
        status = json.loads(self.account.pawl("--json", "status"))
        self.assertEqual([row["outcome"] for row in status["proposals"]],
                         ["accepted", "accepted", "outside-charter", "accepted", "accepted"])
        self.assertEqual((status["charter_epoch"], status["live_epoch"]), (1, 3))
        # What the document says about its own results.
        policy = json.loads(self.account.pawl("current", "--file", "policy.json"))
        self.assertEqual(policy["on_below"], 18.0)
        log = [json.loads(line) for line in self.account.pawl("--json", "log", "list").splitlines()]
        self.assertTrue(any(event["kind"] == "release" for event in log))
        self.assertIn("single operator", " ".join(status["warnings"]))
        # The same account, when something goes wrong.
        self.account.follow(self, ROOT / "docs/recovery.md", at_least=6)
        after = json.loads(self.account.pawl("--json", "status"))
        self.assertEqual(after["live"], status["live"])
        self.assertEqual(json.loads(self.account.pawl("--json", "key", "list")), [])  # keys are not in a back-up

    def test_three_people_live_with_one_charter(self):
        """docs/team.md, after the subject and the evaluator of docs/first-subject.md."""
        self.account.follow(self, ROOT / "docs/first-subject.md", at_least=3, blocks=slice(0, 3))
        self.account.follow(self, ROOT / "docs/team.md", at_least=30)
        status = json.loads(self.account.pawl("--json", "status"))
        self.assertEqual([row["outcome"] for row in status["proposals"]], ["accepted", "accepted"])
        self.assertEqual((status["charter_epoch"], status["halted"]), (1, True))
        events = [json.loads(line) for line in self.account.pawl("--json", "log", "list").splitlines()]
        self.assertEqual(sum(event["kind"] == "vote" for event in events), 5)
        # Ben's trial halt is lifted, and the same three follow docs/keys.md.
        self.account.pawl("resume", "-m", "the new key works", "--key", "ben/new", "--add-to", "lift.json", expect=6)
        self.account.pawl("resume", "--key", "ann/key", "--add-to", "lift.json")
        self.account.follow(self, ROOT / "docs/keys.md", at_least=13)
        status = json.loads(self.account.pawl("--json", "status"))
        self.assertEqual((status["charter_epoch"], status["halted"]), (2, False))
        surface = [event["predicate"]["summary"] for event in map(json.loads, self.account.pawl("--json", "log", "list").splitlines())
                   if event["kind"] == "finding" and event["predicate"]["step"] == "surface" and event["predicate"]["proposal"] == "p3"]
        for words in ("reviewer evaluator-a: another key, and the old one has agreed",
                      "person ann@example.org: another key, and the old one has agreed"):
            self.assertIn(words, surface[0])

    def test_four_organisations_live_on_one_log(self):
        """docs/network.md, after the subject and the evaluator of docs/first-subject.md."""
        os.chmod(self.folder, 0o755)  # the server runs as another user
        server = Server(pathlib.Path(self.folder) / "server")
        self.addCleanup(server.stop)
        self.addCleanup(self.end_what_runs)
        self.account.environment |= {"LEDGER": server.url(), "FIRST_PORT": str(free_ports(3))}
        self.account.follow(self, ROOT / "docs/first-subject.md", at_least=3, blocks=slice(0, 3))
        self.account.follow(self, ROOT / "docs/network.md", at_least=27)
        status = json.loads(self.account.pawl("--home", "org-c", "--json", "status"))
        self.assertEqual([(row["outcome"], row["complaints"]) for row in status["proposals"]], [("accepted", [])] * 2)
        self.assertEqual(status["halted"], False)

    def end_what_runs(self):
        for file in self.account.work.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGKILL)

    @unittest.skipUnless(BIN == ROOT / "build/release/bin", "`make install` takes what `make build` made")
    def test_installation_without_root_leaves_nothing_but_state(self):
        home = self.account.home
        blocks = document.blocks(ROOT / "docs/install.md")
        install, uninstall = (next(number for number, block in enumerate(blocks) if f"{word} PREFIX=$HOME" in block.text)
                              for word in ("make install", "make uninstall"))
        witness = next(number for number, block in enumerate(blocks) if block.text.startswith("pawl key new witness-a"))
        # What is installed is what runs: the tree's own programs are not on the path.
        self.account.environment["PATH"] = f"{home}/.local/bin:/usr/bin:/bin"
        for number in (install, witness):
            self.account.follow(self, ROOT / "docs/install.md", 1, slice(number, number + 1), ROOT)
        installed = {path for path in home.rglob("*") if path.is_file()}
        self.assertIn(home / ".local/share/man/man1/pawl.1", installed)
        state = {path for path in installed if path.is_relative_to(home / ".local/state/pawl")}
        self.assertIn("keys/witness-a/key.pem", {str(path.relative_to(home / ".local/state/pawl")) for path in state})
        self.account.follow(self, ROOT / "docs/install.md", 1, slice(uninstall, uninstall + 1), ROOT)
        self.assertEqual({path for path in home.rglob("*") if path.is_file()}, state)
        followed = {install, uninstall, witness}
        self.assertEqual([block.line for number, block in enumerate(blocks) if not block.left_out and number not in followed], [])

    def test_every_block_is_run_or_says_why_not(self):
        documents = sorted((ROOT / "docs").glob("*.md"))
        found = [block for path in documents for block in document.blocks(path)]
        self.assertGreaterEqual(len(found), 30)
        followed = {"first-subject.md", "recovery.md", "team.md", "keys.md", "install.md", "network.md"}
        for path in documents:
            for block in document.blocks(path):
                self.assertTrue(path.name in followed or block.left_out, f"{path.name}:{block.line}")
            # Nor are there commands that only look like text.
            for line, command in document.commands_elsewhere(path):
                self.fail(f"{path.name}:{line}: `{command}` stands in a block that is no sh block")


if __name__ == "__main__":
    unittest.main(verbosity=2)
