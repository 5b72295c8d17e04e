#!/usr/bin/python3
"""Reviewers that run by themselves, with the real programs: `pawl oversee`.

usage: oversee_test.py [TestName ...]        PAWL_BIN: folder with pawl
"""

import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import path_test
from path_test import BIN, Home, demo_run

WAIT_S = 90


class OverseeTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-oversee-"))
        self.home = Home(self.folder / "home")
        os.makedirs(self.home.root)
        self.home.make_keys()
        self.home.begin()
        self.running = {}

    def tearDown(self):
        for process in self.running.values():
            process.kill()
            process.communicate()
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name):
        self.running[name] = subprocess.Popen([BIN / "pawl", "--json", "oversee", "--as", name], text=True,
                                              env=self.home.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self, name, how=signal.SIGTERM):
        process = self.running.pop(name)
        process.send_signal(how)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def votes(self):
        return collections.Counter((event["predicate"]["candidate"], event["predicate"]["reviewer"])
                                   for event in self.home.events() if event["kind"] == "vote")

    def until(self, what):
        end = time.time() + WAIT_S
        while not what():
            self.assertLess(time.time(), end, "waited in vain")
            time.sleep(0.2)

    def closed(self, count):
        return len({event["predicate"]["candidate"] for event in self.home.events() if event["kind"] == "closing"}) >= count

    def test_they_wake_vote_once_and_survive_being_killed(self):
        for name, _, _ in demo_run.REVIEWERS:
            self.start(name)
        position = self.home.position("propose", self.home.subject, "-m", "baseline", expect=(6,))
        self.until(lambda: self.closed(1))
        self.home.accepted(self.home.position("advance", position["proposal"], expect=(6,)), time.time())

        # All are killed while they look at the next one, and come back: nobody has voted twice, and nothing is missing.
        position = self.home.position("cycle", "--seed", "2", expect=(6,))
        time.sleep(0.3)
        for name in list(self.running):
            self.end(name, signal.SIGKILL)
        for name, _, _ in demo_run.REVIEWERS:
            self.start(name)
        self.until(lambda: self.closed(2))
        votes = self.votes()
        self.assertEqual(len(votes), 2 * 5, votes)  # all but the auditor
        self.assertEqual(set(votes.values()), {1})
        self.home.accepted(self.home.position("advance", position["proposal"], expect=(6,)), time.time())
        for name in list(self.running):
            code, out, err = self.end(name)
            self.assertEqual((code, err), (0, ""), name)
            self.assertLessEqual(len(out.splitlines()), 3, out)  # it speaks when there is something to say

    def test_two_of_one_name_and_one_of_none(self):
        self.start("prover-a")
        lock = self.home.home / "reviewers/prover-a/oversee.lock"
        self.until(lock.exists)
        time.sleep(0.2)
        self.assertEqual(self.home.fails("oversee", "--as", "prover-a", expect=6)["error"]["rule"], "oversee.busy")
        self.assertEqual(self.home.fails("oversee", "--as", "nobody", expect=2)["error"]["rule"], "review.unknown")

    def test_it_stops_at_a_log_that_was_edited(self):
        self.start("auditor-a")
        self.until((self.home.home / "reviewers/auditor-a/oversee.lock").exists)
        time.sleep(0.5)
        self.home.pawl("key", "list")
        import sqlite3
        database = sqlite3.connect(self.home.home / f"ledger/{demo_run.SUBJECT}.sqlite")
        database.execute("INSERT INTO events (seq, digest, entry) VALUES (1, ?, ?)", (b"d" * 32, b"{}"))
        database.commit()
        database.close()
        process = self.running.pop("auditor-a")
        out, _ = process.communicate(timeout=WAIT_S)
        self.assertNotIn(process.returncode, (0, 6))
        self.assertIn("error", json.loads(out.splitlines()[-1]))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
