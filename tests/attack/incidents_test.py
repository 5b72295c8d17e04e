#!/usr/bin/python3
"""The incidents of the field (docs/threats.md): `pawl incidents run` under its own example, and under another charter, once
as it is and once with protections taken out.

usage: incidents_test.py [TestName ...]     PAWL_BIN: folder with pawl and pawl-check
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_home import AttackHome, BIN  # noqa: E402

TRIED = [f"T{number}" for number in (*range(1, 21), 23)]
HONEST = 30
STOPPED = {"rejected", "outside-charter", "refused", "pending"}


def run(*words, expect):
    with tempfile.TemporaryDirectory() as scratch:
        result = subprocess.run([BIN / "pawl", "--json", "incidents", "run", *map(str, words)], text=True,
                                capture_output=True, check=False, env=dict(os.environ, TMPDIR=scratch))
        if result.returncode != expect:
            raise AssertionError(f"status {result.returncode}: {result.stdout}{result.stderr}")
        left = os.listdir(scratch)
        if left:
            raise AssertionError(f"left behind: {left}")
        return json.loads(result.stdout.splitlines()[-1])


class Incidents(unittest.TestCase):
    def test_every_incident(self):
        table = run("--quick", expect=0)
        self.assertEqual({row["id"] for row in table["incidents"]}, set(TRIED))
        for row in table["incidents"]:
            self.assertTrue(row["holds"], row)
            self.assertIn(row["outcome"], STOPPED, row)
            self.assertTrue(row["rule"] and row["reason"], row)
        self.assertEqual(len(table["honest"]), HONEST)
        self.assertEqual({row["outcome"] for row in table["honest"]}, {"pending"})
        self.assertEqual([row["step"] for row in table["honest"]], ["approval", *["quorum"] * 4] * (HONEST // 5))

    def test_another_charter(self):
        with tempfile.TemporaryDirectory() as scratch:
            home = AttackHome(pathlib.Path(scratch) / "home")
            home.root.mkdir()
            home.make_keys()
            home.begin()
            before = {row["attempt"]: row for row in
                      run("--charter", home.charter, "--baseline", home.subject, "--only", "T2", expect=1)["incidents"]}
            lacking = {row["id"] for row in before.values() if not row["holds"]}
            # Its improver is text, its evaluator is alone with it, and its people sign with software keys.
            self.assertEqual(lacking, {"T5", "T10", "T23"}, before)
            weak = pathlib.Path(scratch) / "weak"
            shutil.copytree(home.charter, weak)
            toml = (weak / "charter.toml").read_text()
            for name in ("near_miss", "reversals"):
                toml = toml.replace(f'[[bounds.harm]]\nmetric = "{name}"\nlimit = 0.02',
                                    f'[[bounds.harm]]\nname = "{name}"\nmetric = "score"\nlimit = 0.1  # ')
            toml = toml.replace('metric = "near_miss"\ngroup = "climbing"\nlimit = 0.08',
                                'name = "climbing"\nmetric = "score"\nlimit = 0.1')
            toml = toml.replace('path = "improver/*.py"\nkind = "text"', 'path = "**"\nkind = "text"\nmay_add = true')
            (weak / "charter.toml").write_text(toml)
            after = run("--charter", weak, "--baseline", home.subject, expect=1)["incidents"]
            lacks = {row["id"] for row in after if not row["holds"]}
            self.assertLessEqual(lacking | {"T1"}, lacks)
            self.assertLessEqual({"T3", "T9", "T11"}, lacks)  # nothing is off the surface any more

    def test_a_charter_alone_is_a_question_without_its_subject(self):
        result = subprocess.run([BIN / "pawl", "--json", "incidents", "run", "--charter", "x"], capture_output=True,
                                text=True, check=False)
        self.assertEqual(result.returncode, 2, result.stdout)


if __name__ == "__main__":
    unittest.main()
