#!/usr/bin/python3
"""Follows the documents word by word, on an account that has nothing: every command of docs/first-subject.md, and then
those of docs/recovery.md that do not need another machine.

PAWL_BIN: folder with pawl and pawl-check.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import document  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PAWL_BIN", ROOT / "build/release/bin"))


class Account:
    """A person with an empty home folder, in an empty working directory."""

    def __init__(self, folder):
        self.home = pathlib.Path(folder) / "person"
        self.work = self.home / "work"
        os.makedirs(self.work)
        self.environment = {"HOME": str(self.home), "PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8",
                            "PYTHONDONTWRITEBYTECODE": "1"}

    def follow(self, test, path, at_least):
        ran = 0
        for block in document.blocks(path):
            if block.left_out:
                continue
            done = document.run(block, self.work, self.environment)
            test.assertEqual(done.returncode, block.status,
                             f"{path}:{block.line}\n{block.text}\n{done.stdout}\n{done.stderr}")
            ran += 1
        test.assertGreaterEqual(ran, at_least, path)

    def pawl(self, *words):
        return subprocess.run([BIN / "pawl", *words], cwd=self.work, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout


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

    def test_every_block_is_run_or_says_why_not(self):
        documents = sorted((ROOT / "docs").glob("*.md"))
        found = [block for path in documents for block in document.blocks(path)]
        self.assertGreaterEqual(len(found), 30)
        followed = {"first-subject.md", "recovery.md"}
        for path in documents:
            for block in document.blocks(path):
                self.assertTrue(path.name in followed or block.left_out, f"{path.name}:{block.line}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
