"""A home for attacks: the collision example with one property and an evaluator that takes no time, so that a test can
play a whole path in two seconds (QuickHome in tests/end_to_end/path_test.py). Real keys, real programs; two auditors.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("path_test", ROOT / "tests/end_to_end/path_test.py")
path_test = importlib.util.module_from_spec(spec)
spec.loader.exec_module(path_test)
demo_run = path_test.demo_run
BIN = demo_run.BIN
FOR_TESTS = BIN.parent / "for-tests/bin"  # what is never for use: pawl-compromised, libact_at.so
SUBJECT = demo_run.SUBJECT
VOTERS = ("prover-a", "prover-b", "evaluator-a", "evaluator-b", "integrity-a")
AUDITORS = ("auditor-a", "auditor-b")
demo_run.REVIEWERS = demo_run.REVIEWERS + [("auditor-b", "lab-b", "auditor")]


def two_auditors(toml):
    return toml.replace('role = "auditor", at_least = 1', 'role = "auditor", at_least = 2')


class AttackHome(path_test.QuickHome):
    def begin(self, edit=None, files=None):
        super().begin(edit=lambda toml: edit(two_auditors(toml)) if edit else two_auditors(toml), files=files)

    @classmethod
    def made(cls, root, edit=None):
        """A home with the baseline live, and a loader of its own beside it that has followed."""
        os.makedirs(root)
        home = cls(root)
        home.make_keys()
        home.begin(edit)
        proposal = home.position("propose", home.subject, "-m", "baseline", expect=(6,))["proposal"]
        home.review()
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        home.position("release", proposal, expect=(0,))
        home.run(BIN / "pawl-check", "state", "init", "--charter", home.charter, "--genesis",
                 f"{home.charter}.genesis.json", "--state", home.loader_state())
        home.check(home.warrant_path(1), commit=True, expect=0)
        home.wait()
        return home

    def copy(self, root):
        shutil.copytree(self.root, root, symlinks=True)
        home = type(self)(root)
        home.subject = root / "subject"
        return home

    # ---- places

    def loader_state(self):
        return self.root / "loader/state.json" if (self.root / "loader").is_dir() else self.make_loader()

    def make_loader(self):
        (self.root / "loader").mkdir()
        return self.root / "loader/state.json"

    def warrant_path(self, epoch):
        return self.home / f"loader/{SUBJECT}/warrants/{epoch}.json"

    def database(self):
        return self.home / f"ledger/{SUBJECT}.sqlite"

    def blob(self, digest):
        digest = digest.removeprefix("sha256:")
        return self.home / "store/blobs" / digest[:2] / digest

    # ---- acting

    def review(self, names=VOTERS + AUDITORS, *options, program="pawl", lies=None):
        """Each reviewer in turn; auditors may have to wait. Gives their answers by name."""
        answers = {}
        for name in names:
            answers[name] = self.run_lying(program, lies, "--json", "review", "--as", name, *options)
        return answers

    def run_lying(self, program, lies, *words):
        """`pawl` or `pawl-compromised`; gives exit status, answer and messages."""
        environment = dict(self.environment, **(lies or {}))
        folder = FOR_TESTS if program == "pawl-compromised" else BIN
        result = subprocess.run([folder / program, *map(str, words)], env=environment, text=True, stdin=subprocess.DEVNULL,
                                capture_output=True, check=False)
        return result

    def check(self, warrant, commit=False, expect=None):
        """What pawl-check says about a warrant, for the loader beside the home."""
        words = [BIN / "pawl-check", "warrant", warrant, "--charter", self.charter, "--store", self.home / "store",
                 "--state", self.loader_state(), "--json", *(["--commit"] if commit else [])]
        result = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
        answer = json.loads(result.stdout.splitlines()[-1])
        answer["exit"] = result.returncode
        if expect is not None and result.returncode != expect:
            raise AssertionError(f"pawl-check ended with {result.returncode}: {answer}")
        return answer

    def starts(self, state=None):
        """Whether the loader starts something on what its state names: (exit status, rule or live tree)."""
        words = [BIN / "pawl", "--json"] + (["--state", str(state)] if state else []) + ["current", "--verify"]
        result = subprocess.run(words, env=self.environment, text=True, capture_output=True, check=False)
        answer = json.loads(result.stdout.splitlines()[-1])
        return result.returncode, answer["error"]["rule"] if "error" in answer else answer["tree"]

    def last_warrant(self):
        """The warrant that the log names last, as a file; None where there is no new one."""
        named = [event for event in self.events() if event["kind"] == "warrant"]
        return self.blob(named[-1]["predicate"]["warrant"]) if len(named) > 1 else None

    def wait(self):
        time.sleep(1.1)  # the charter's interval


class AttackSuite(unittest.TestCase):
    """Tests that each take a copy of one home, `template`; everything below `folder` is removed at the end."""

    EDIT = None  # what else is changed in its charter

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-attack-"))
        cls.addClassCleanup(cls.remove)
        cls.template = AttackHome.made(cls.folder / "template", edit=cls.EDIT)

    @classmethod
    def remove(cls):
        subprocess.run(["chmod", "-R", "u+w", cls.folder], check=False)
        shutil.rmtree(cls.folder)
