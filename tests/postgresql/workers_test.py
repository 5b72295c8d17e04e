#!/usr/bin/python3
"""That a second worker shortens a proof, with real `pawl work`: a proof that falls into 256 parts of like size, done by one
worker and by two. Judged by parts and leases, not by the clock: each of the two does at least a third of what the one did,
every part once.

usage: workers_test.py [TestName ...]        PAWL_BIN: folder with pawl and pawl-check
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import onnx

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
import waves  # noqa: E402
from server import Server  # noqa: E402

BIN = pathlib.Path(os.environ.get("PAWL_BIN", ROOT / "build/release/bin"))
PARTS = 256


class WorkersTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-workers-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        self.server = Server(self.folder / "server")
        self.addCleanup(self.server.stop)
        onnx.save(waves.network(16), self.folder / "waves.onnx")
        (self.folder / "spec.vnnlib").write_text(waves.SPEC)
        keys = [self.pawl(name, "key", "new", name)["key"] for name in ("one", "two")]
        (self.folder / "keys").write_text("\n".join(keys) + "\n")

    def pawl(self, home, *words):
        done = subprocess.run([BIN / "pawl", "--json", "--home", self.folder / home, *map(str, words)], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    def start(self, name):
        """Once it waits for work: with its session at the queue."""
        process = subprocess.Popen([BIN / "pawl", "--quiet", "--json", "--home", self.folder / name, "work", "--log",
                                    self.server.url("pawl_worker"), "--as", name], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def proven_by(self, *names):
        """What the proof took, by worker."""
        running = [self.start(name) for name in names]
        end = time.time() + 60
        while int(self.server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'pawl_worker'")) < len(names):
            self.assertLess(time.time(), end, "a worker does not come")
            time.sleep(0.05)
        certificate = self.folder / f"by-{len(names)}"
        found = self.pawl("asks", "prove", self.folder / "waves.onnx", self.folder / "spec.vnnlib", "--alone-seconds", 0, "--parts",
                          PARTS, "--part-seconds", 60, "--threads", 1, "--workers", self.server.url(), "--worker-keys",
                          self.folder / "keys", "--certificate", certificate)
        for process in running:
            process.terminate()
            process.wait()
        self.assertEqual((found["status"], found["workers"]["shut_out"], found["workers"]["unsigned_answers"]), ("proven", {}, 0))
        self.assertEqual(found["workers"]["held_too_long"], {})  # no lease was given a second time
        subprocess.run([BIN / "pawl-check", "certificate", self.folder / "waves.onnx", self.folder / "spec.vnnlib", certificate],
                       check=True, stdout=subprocess.DEVNULL)
        return found["workers"]["parts"]

    def test_two_do_each_about_half_of_what_one_did(self):
        alone, shared = self.proven_by("one"), self.proven_by("one", "two")
        self.assertEqual({part["worker"] for part in alone}, {"one"})
        # Parts of like size, the same ones both times, each done once.
        self.assertEqual(sorted((part["part"], part["leaves"]) for part in alone),
                         sorted((part["part"], part["leaves"]) for part in shared))
        self.assertEqual([part["part"] for part in sorted(shared, key=lambda part: part["part"])], list(range(PARTS)))
        self.assertLess(max(part["leaves"] for part in alone), sum(part["leaves"] for part in alone) / PARTS * 3)
        done = collections.Counter(part["worker"] for part in shared)
        self.assertGreaterEqual(min(done["one"], done["two"]), PARTS / 3, done)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
