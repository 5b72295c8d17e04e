#!/usr/bin/python3
"""Whatever a person may name by mistake, or somebody else put in a file's place, is said to be wrong at once: pipes that
nobody writes to, sockets, folders, devices without an end. And an answer that could not be written is no yes.

usage: odd_input_test.py [TestName ...]     PAWL_BIN: folder with pawl and pawl-check
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["PAWL_BIN"])
SECONDS_MAX = 20  # whatever else the machine does; none of them should take a tenth of it
ADDRESS_SPACE_MAX_kib = 4 << 20


class OddInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-odd-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.environment = dict(os.environ, PAWL_HOME=str(cls.folder / "home"))
        os.mkfifo(cls.folder / "pipe")
        (cls.folder / "folder").mkdir()
        (cls.folder / "folder.pub").mkdir()
        os.mkfifo(cls.folder / "pipe.pub")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(cls.folder / "socket"))
        (cls.folder / "tree").mkdir()
        (cls.folder / "tree/notes.txt").write_text("hello\n")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.folder / "me"], check=True)
        cls.charter = cls.folder / "charter"
        cls.run_pawl("charter", "new", cls.charter, "--subject", cls.folder / "tree", "--single-operator", "--key",
                     cls.folder / "me.pub", "--yes")
        cls.run_pawl("charter", "sign", cls.charter, "--key", cls.folder / "me")
        cls.run_pawl("init", cls.charter)
        cls.odd = [cls.folder / "pipe", cls.folder / "socket", cls.folder / "folder", "/dev/zero"]

    @classmethod
    def run_pawl(cls, *words):
        subprocess.run([BIN / "pawl", *map(str, words)], env=cls.environment, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)

    def answer(self, program, *words):
        """(exit status, rule); fails where it takes long, or takes memory without bound."""
        result = subprocess.run(["sh", "-c", f'ulimit -v {ADDRESS_SPACE_MAX_kib} && exec "$@"', "sh", BIN / program,
                                 *map(str, words), "--json"], env=self.environment, text=True, capture_output=True,
                                stdin=subprocess.DEVNULL, check=False, timeout=SECONDS_MAX)
        said = json.loads(result.stdout.splitlines()[-1]) if result.stdout else {"rule": result.stderr}
        return result.returncode, said.get("error", said).get("rule", "")

    def test_pawl_takes_none_of_them(self):
        network = pathlib.Path(__file__).resolve().parents[2] / "src/subject/testdata/policy.onnx"
        for odd in self.odd:
            for words in (
                ("prove", odd, odd), ("prove", network, odd), ("prove", network, "x", "--resume", odd), ("tree", odd),
                ("charter", "check", odd), ("charter", "sign", odd), ("charter", "amend", odd), ("init", odd),
                ("charter", "new", self.folder / "new", "--subject", self.folder / "tree", "--signers", odd, "--yes"),
                ("charter", "new", self.folder / "new", "--subject", self.folder / "tree", "--evaluator", odd, "--yes"),
                ("charter", "new", self.folder / "new", "--subject", odd, "--yes"),
                ("propose", odd), ("restore", "--check", odd), ("halt", "-m", "smoke", "--key", odd),
                ("--state", odd, "status"),
                ("--state", odd, "current"), ("--state", odd, "exec", "tree", "--", "true"), ("export", "oms", odd),
            ):
                with self.subTest(odd=str(odd), words=list(map(str, words))):
                    status, rule = self.answer("pawl", *(words if "--" not in words else ("--json", *words)))
                    # One says so, and what Pawl waits for as well; an empty folder is a tree.
                    if words[-1] != "status" and words != ("tree", self.folder / "folder"):
                        self.assertNotEqual(status, 0, rule)
                        self.assertTrue(rule)

    def test_a_request_that_is_none_lifts_nothing(self):
        home = self.folder / "halted"
        shutil.copytree(self.folder / "home", home)
        self.run_pawl("--home", home, "halt", "-m", "smoke", "--key", self.folder / "me")
        for odd in self.odd:
            status, rule = self.answer("pawl", "--home", home, "resume", "--key", self.folder / "me", "--add-to", odd)
            self.assertEqual((status, rule), (3, "file.not-a-file"), odd)

    def test_a_file_that_is_none_is_said_to_be_none(self):
        for odd in self.odd:
            self.assertEqual(self.answer("pawl", "prove", odd, odd), (3, "file.not-a-file"), odd)
            self.assertEqual(self.answer("pawl", "restore", "--check", odd), (3, "archive.not-a-file"), odd)
        self.assertEqual(self.answer("pawl", "prove", self.folder / "missing", "x"), (2, "file.missing"))

    def test_the_checkers_agree_with_each_other(self):
        """One status for what is no file or no folder, whichever program and command it is given to."""
        for odd in self.odd:
            for words in (("certificate", odd, odd, odd), ("state", "show", "--state", odd),
                          ("warrant", odd, "--charter", self.charter, "--store", self.folder / "home/store", "--state",
                           odd)):
                status, rule = self.answer("pawl-check", *words)
                self.assertEqual((status, rule.split(".")[-1]), (3, "not-a-file"), (odd, words))
            self.assertEqual(self.answer("pawl-check-certificate", odd, odd, odd), (3, "file.not-a-file"), odd)
            if odd != self.folder / "folder":
                for words in (("state", "init", "--charter", odd, "--genesis", odd, "--state", self.folder / "new"),
                              ("log", odd, "--charter", odd)):
                    self.assertEqual(self.answer("pawl-check", *words), (3, "tree.not-a-directory"), (odd, words))
        missing = self.folder / "missing"
        for program, words in (("pawl-check", ("certificate", missing, missing, missing)),
                               ("pawl-check", ("log", missing, "--charter", missing)),
                               ("pawl-check-certificate", (missing, missing, missing))):
            self.assertEqual(self.answer(program, *words)[0], 2, words)

    def test_what_a_shell_has_opened_is_read(self):
        prove = f"{BIN}/pawl --json prove"
        network = pathlib.Path(__file__).resolve().parents[2] / "src/subject/testdata/policy.onnx"
        for words in (f'{prove} <(cat "$0") <(echo nonsense)', f'cat "$0" | {prove} /dev/stdin <(echo nonsense)',
                      f'cat "$0" | {prove} - <(echo nonsense)', f'{prove} - <(echo nonsense) < "$0"',
                      f'{BIN}/pawl-check-certificate --json <(cat "$0") <(echo nonsense) <(echo nonsense)'):
            result = subprocess.run(["bash", "-c", words, network], env=self.environment, text=True, check=False,
                                    capture_output=True, timeout=SECONDS_MAX)
            said = json.loads(result.stdout.splitlines()[-1])
            rule = said.get("error", said)["rule"]
            self.assertTrue(rule.startswith(("vnnlib.", "certificate.")), (words, rule))  # the network was read

    def test_an_answer_that_is_lost_is_no_yes(self):
        for program, words in (("pawl", ("status",)), ("pawl", ("--json", "status")), ("pawl", ("log", "list")),
                               ("pawl", ("--help",)), ("pawl", ("log", "--help")), ("pawl", ("--version",)),
                               ("pawl", ("--json", "--version")), ("pawl", ()), ("pawl", ("charter", "check", self.charter)),
                               ("pawl", ("key", "list")), ("pawl", ("tree", self.folder / "tree")),
                               ("pawl-check", ("--help",)), ("pawl-check", ("--version",)),
                               ("pawl-check", ("state", "show", "--state", self.folder / "home/loader/tree/state.json")),
                               ("pawl-check-certificate", ("--help",)), ("pawl-check-certificate", ("--version",))):
            with open("/dev/full", "w", encoding="utf-8") as full:
                lost = subprocess.run([BIN / program, *map(str, words)], env=self.environment, stdout=full, check=False,
                                      stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=SECONDS_MAX)
            there = subprocess.run([BIN / program, *map(str, words)], env=self.environment, capture_output=True, check=False,
                                   stdin=subprocess.DEVNULL, timeout=SECONDS_MAX)
            self.assertEqual((there.returncode, lost.returncode), (0, 5), (program, words, lost.stderr))
            if program == "pawl":
                self.assertIn("(output.lost)", lost.stderr, words)

    def test_why_a_proposal_came_to_nothing(self):
        home = self.folder / "proposed"
        shutil.copytree(self.folder / "home", home)
        (self.folder / "other").mkdir()
        (self.folder / "other/notes.txt").write_text("another\n")  # only the baseline may be the first release

        def said(*words, expect=0):
            result = subprocess.run([BIN / "pawl", "--home", home, *map(str, words)], env=self.environment, text=True,
                                    capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=5 * SECONDS_MAX)
            self.assertEqual(result.returncode, expect, result.stderr)
            return result.stdout

        answer = json.loads(said("--json", "propose", self.folder / "other", "-m", "a note", expect=1))
        name, rule, reason = answer["proposal"], answer["rule"], answer["reason"]
        self.assertTrue(rule and reason)
        self.assertRegex(said("status"), rf"\nlast: {name} was [a-z-]+ at [a-z]+: .*\({rule}\)\n")
        story = json.loads(said("--json", "status", name))
        self.assertEqual((story["proposal"], story["rule"], story["reason"], story["note"], story["action"]),
                         (name, rule, reason, "a note", "release"))
        self.assertEqual(story["findings"][-1]["rule"], rule)
        self.assertEqual((story["votes"], story["approvals"], story["refusals"]), ([], [], []))
        text = said("status", name)
        self.assertIn(f"({rule})", text)
        self.assertIn(": a note\n", text)
        self.assertEqual(self.answer("pawl", "--home", home, "status", "p99"), (2, "gate.no-proposal"))

    def test_small_mistakes(self):
        self.assertEqual(self.answer("pawl", "log", "show", "-1"), (2, "usage"))
        self.assertEqual(self.answer("pawl", "log", "show", "99"), (2, "log.no-entry"))
        for reason in ("", " "):
            status, _ = self.answer("pawl", "halt", "-m", reason, "--key", self.folder / "me")
            self.assertNotEqual(status, 0)
        self.assertFalse(json.loads(subprocess.check_output([BIN / "pawl", "--json", "status"], env=self.environment))["halted"])
        for group in ("log", "charter", "key", "store", "export", "sandbox"):
            self.assertEqual(self.answer("pawl", group), (2, "usage"))
            said = subprocess.run([BIN / "pawl", group], capture_output=True, text=True, check=False).stderr
            self.assertIn("Subcommands:", said)
        key = min((self.folder / "home/keys").iterdir()) / "key.pem"
        key.chmod(0o640)
        listed = subprocess.run([BIN / "pawl", "key", "list"], env=self.environment, capture_output=True, text=True, check=True)
        key.chmod(0o600)
        self.assertNotIn(f"{key.parent.name} ", listed.stdout)
        self.assertIn(f"'{key.parent.name}' is left out", listed.stderr)
        self.assertEqual(self.answer("pawl-check"), (2, "usage"))
        self.assertEqual(self.answer("pawl-check", "warant"), (2, "usage"))
        self.assertEqual(self.answer("pawl-check", "state"), (2, "usage"))
        said = subprocess.run([BIN / "pawl", "statsu"], capture_output=True, text=True, check=False)
        self.assertEqual(said.returncode, 2)
        self.assertIn("did you mean status?", said.stderr)


if __name__ == "__main__":
    unittest.main()
