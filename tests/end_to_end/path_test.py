#!/usr/bin/python3
"""The whole path with the real programs, and what happens where it goes wrong.

usage: path_test.py [--budget SECONDS] [--seed N] [TestName ...]        PAWL_BIN: folder with pawl and pawl-check

One home with a released baseline is made once and copied for each test, so that every test starts from the same state.
"""

import argparse
import fcntl
import importlib.machinery
import importlib.util
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RUN = ROOT / "examples/collision/demo/run"
loader = importlib.machinery.SourceFileLoader("demo_run", str(RUN))
spec = importlib.util.spec_from_loader("demo_run", loader)
demo_run = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
loader.exec_module(demo_run)
demo_run.say = lambda text: None
BIN = demo_run.BIN
FOR_TESTS = BIN.parent / "for-tests/bin"

BUDGET_S = 60.0
SEED = 1
CASES, KILLS_MIN = {"kills": 0}, 10


class Home(demo_run.Demo):
    """A demo whose charter may be changed before it is signed."""

    def begin(self, edit=None, files=None):
        self.subject = self.root / "subject"
        shutil.copytree(demo_run.EXAMPLE / "subject", self.subject, ignore=shutil.ignore_patterns("__pycache__"))
        baseline = self.pawl("tree", self.subject).strip()
        self.run("/usr/bin/python3", demo_run.EXAMPLE / "make_charter.py", "--out", self.charter, "--baseline", baseline,
                 "--signers", self.root / "signers", "--keys", self.root / "keys.json", "--presence", "software",
                 "--min-interval", "1s", "--no-envelope")
        # Small trials keep the tests short; what they can show is enough for these candidates.
        toml = (self.charter / "charter.toml").read_text().replace('waiting_period = "1d"', 'waiting_period = "1s"')
        (self.charter / "charter.toml").write_text(edit(toml) if edit else toml)
        for name, text in (files or {}).items():
            (self.charter / name).write_text(text)
        for person in demo_run.PEOPLE:
            self.pawl("charter", "sign", self.charter, "--key", self.root / person)
        self.pawl("init", self.charter)

    def released_baseline(self):
        position = self.position("propose", self.subject, "--review", "-m", "baseline", expect=(6,))
        self.accepted(position, time.time())

    def fails(self, *words, expect):
        """A command that has to fail; gives its error as JSON."""
        out = self.pawl("--json", *words, expect=(expect,)).strip().splitlines()
        return json.loads(out[-1])

    def events(self):
        return [json.loads(line) for line in self.pawl("--json", "log", "list").splitlines()]


EVALUATOR = '''import os, sys
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
count = os.path.getsize(arguments["--seeds"]) // 32
text = open(os.path.join(arguments["--subject"], "improver/hyperparameters.json")).read()
if "crash" in text:
    sys.exit(9)
score, miss = 0.9 + 0.005 * text.count(" \\n"), int("harm" in text)
with open(arguments["--out"], "w") as out:
    for i in range(count):
        if sys.argv[1] == "episodes":
            out.write('{"episode":%d,"group":"%s","metrics":{"near_miss":%d,"alert_rate":0.1,"reversals":0,"score":%.6f}}\\n'
                      % (i, "other" if i % 9 else "climbing", miss, score))
        else:
            out.write('{"probe":%d,"decision":"COC"}\\n' % i)
'''

def one_property(toml):
    """The charter with one property and few probes."""
    head, rest = toml.split("[improver]", 1)
    tables = re.split(r"(?=\[\[property\]\])", head)
    keep = [table for table in tables[1:] if '"clear-above"' in table]
    toml = tables[0] + keep[0] + "[improver]" + rest
    return toml.replace("probes = 4000\n", "probes = 1000\n").replace("max_releases = 20", "max_releases = 100")


class QuickHome(Home):
    """A home with one property and an evaluator that takes no time, so that a test can play a whole path in two seconds.

    A candidate is as good as its improver/hyperparameters.json has lines that end in a blank, and does harm in every
    episode where it says "harm".
    """

    def begin(self, edit=None, files=None):
        super().begin(edit=lambda toml: edit(one_property(toml)) if edit else one_property(toml),
                      files={"evaluate.py": EVALUATOR, **(files or {})})

    def candidate(self, name, better=1, edit=None):
        """The live tree, `better` steps better; `edit` changes it further."""
        tree = self.root / name
        shutil.copytree(self.subject, tree)
        path = tree / "improver/hyperparameters.json"
        path.write_text(path.read_text().replace("\n", " \n", better))
        if edit:
            edit(tree)
        return tree


class HomesTest(unittest.TestCase):
    """Tests that begin with a copy of one home, made once."""

    @classmethod
    def make_home(cls, root):
        return Home(root)

    @classmethod
    def improvement(cls, home, reviewed=True):
        """Where the turn of the example's improver stands once everybody but people has decided."""
        return home.position("cycle", "--seed", "2", *([] if reviewed else ["--no-review"]), expect=(6,))

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-homes-"))
        cls.made = cls.make_home(cls.folder / "template")
        os.makedirs(cls.made.root)
        cls.made.make_keys()
        cls.made.begin()
        cls.made.released_baseline()
        cls.improved = None

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["chmod", "-R", "u+w", cls.folder], check=False)
        shutil.rmtree(cls.folder, ignore_errors=True)

    def home(self, made=None):
        """A copy of the home with a released baseline."""
        root = self.folder / self.id().rsplit(".", 1)[1]
        shutil.copytree((made or self.made).root, root, symlinks=True)
        home = self.make_home(root)
        home.subject = root / "subject"
        return home

    def home_that_waits_for_people(self):
        """A copy of a home with an improvement that everybody but people has decided about, and where that stands."""
        cls = type(self)
        if cls.improved is None:
            root = self.folder / "improved"
            shutil.copytree(self.made.root, root, symlinks=True)
            improved = self.make_home(root)
            improved.subject = root / "subject"
            cls.improved_position = cls.improvement(improved)
            cls.improved = improved
            self.assertEqual(cls.improved_position["step"], "approval")
        return self.home(self.improved), self.improved_position


class PathTest(HomesTest):
    def candidate(self, home, name="candidate", edit=None):
        tree = home.root / name
        shutil.copytree(home.subject, tree)
        path = tree / "improver/hyperparameters.json"
        path.write_text(path.read_text().replace("\n}", "\n }") if edit is None else edit(path.read_text()))
        return tree

    # ---- evidence

    def check_budget(self, home, trials):
        """`pawl budget` beside the ledger: commits counted, and errors reckoned back from those that trials spent."""
        predicates = [event["predicate"] for event in home.events() if event.get("predicate")]
        commits = [p["budget_index"] for p in predicates if "budget_index" in p and p.get("action") == "release"]
        self.assertEqual(commits, list(range(1, trials + 1)), "every committed release counts, whatever became of it")
        budget = json.loads(home.pawl("--json", "budget", expect=(0, 1)))
        self.assertEqual((budget["spent"], budget["next_index"]), (trials, trials + 1))
        called = {"step": "max_step", "growth": "max_growth", "drift-fresh": "drift", "drift-energy": "energy_limit"}
        lines = {line["condition"]: line for line in budget["conditions"]}
        compared = set()
        of_group, all_of_them = 0, 0  # episodes of the last trial, of both evaluators
        for vote in predicates:
            report = vote.get("evidence", {}).get("report") if vote.get("role") == "evaluator" else None
            if report and report["budget_index"] == trials:
                seen = {condition["name"]: condition["observations"] for condition in report["conditions"]}
                of_group, all_of_them = of_group + seen["near_miss (climbing)"], all_of_them + seen["ceiling"]
            for condition in report["conditions"] if report else []:
                name = condition["name"]
                line = lines.get(f"harm '{name}'" if condition["kind"] == "harm" else called.get(name, name))
                self.assertIsNotNone(line, f"the budget has no line for {name}")
                k, share = report["budget_index"], report["required"] / report["evaluators"]
                lifetime = float(condition["alpha"]) * math.pi**2 * k**2 / 6 / share
                self.assertAlmostEqual(line["lifetime_error"] / lifetime, 1, 6, name)
                left = lifetime * (1 - 6 / math.pi**2 * sum(1 / i**2 for i in range(1, trials + 1)))
                self.assertAlmostEqual(line["left"] / left, 1, 6, name)
                spends = lifetime * share * 6 / math.pi**2 / (trials + 1)**2
                self.assertAlmostEqual(line["next_error"] / spends, 1, 6, name)
                compared.add(line["condition"])
        self.assertEqual(compared, set(lines), "every line of the budget is on the ledger")
        self.assertEqual(budget["groups_from"], f"p{trials}")
        self.assertAlmostEqual(budget["groups"]["climbing"], of_group / all_of_them, 12)
        self.assertAlmostEqual(sum(budget["groups"].values()), 1, 12)

    def test_evaluators_who_show_too_little_together_are_no_quorum(self):
        """Nothing is broken, so both evaluators vote for it; that it is better, they show neither alone nor together."""
        home = self.home()
        position = home.position("propose", self.candidate(home), "--review", expect=(1,))
        self.assertEqual((position["outcome"], position["step"], position["rule"]),
                         ("rejected", "quorum", "quorum.not-shown"))
        self.check_budget(home, trials=2)
        self.assertIn("evaluator 2/2", position["reason"])
        self.assertIn("improvement", position["reason"])
        votes = [event["predicate"] for event in home.events() if event["kind"] == "vote"]
        last = {vote["reviewer"]: vote["verdict"] for vote in votes if vote["role"] == "evaluator"}
        self.assertEqual(last, {"evaluator-a": "for", "evaluator-b": "for"})
        # Nobody closed, nobody is asked, and the trial is spent all the same.
        self.assertEqual(home.fails("approve", position["proposal"], "--key", home.root / "ada", expect=1)["error"]["rule"],
                         "approve.decided")
        home.pawl("report", home.root / "report")
        row = [line for line in (home.root / "report/report.md").read_text().splitlines() if "quorum.not-shown" in line]
        self.assertEqual(len(row), 1)

    # ---- people

    def test_a_refusal_by_a_person_ends_the_proposal_when_too_few_are_left(self):
        home, position = self.home_that_waits_for_people()
        # Its properties were proven from the live release's certificates.
        findings = [event["predicate"] for event in home.events()]
        proven = [finding["summary"] for finding in findings
                  if finding.get("proposal") == position["proposal"] and finding.get("step") == "properties"]
        self.assertRegex(proven[-1], r"proven \(\d+ (leaf|leaves), \d+ of the live release's proof still hold\)")
        home.pawl("--json", "reject", position["proposal"], "-m", "not today", "--key", home.root / "ada", expect=(6,))
        ended = home.position("reject", position["proposal"], "-m", "nor by me", "--key", home.root / "ben", expect=(1,))
        self.assertEqual((ended["outcome"], ended["rule"]), ("rejected", "approval.refused"))
        self.assertIn("not today", ended["reason"])

    def test_one_person_alone_releases_nothing(self):
        home, position = self.home_that_waits_for_people()
        proposal = position["proposal"]
        home.position("approve", proposal, "--key", home.root / "ada", expect=(6,))
        again = home.position("approve", proposal, "--key", home.root / "ada", expect=(6,))
        self.assertEqual(again["rule"], "approval.waiting")
        self.assertEqual(home.position("release", proposal, expect=(6,))["rule"], "approval.waiting")

    def test_a_stranger_cannot_approve(self):
        home, position = self.home_that_waits_for_people()
        proposal = position["proposal"]
        home.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home.root / "stranger")
        error = home.fails("approve", proposal, "--key", home.root / "stranger", expect=1)
        self.assertEqual(error["error"]["rule"], "sign.not-a-signer")

    # ---- reviewers

    def test_a_reviewer_that_is_killed_leaves_the_proposal_waiting_for_it(self):
        home = self.home()
        proposal = home.position("cycle", "--seed", "2", "--no-review", expect=(6,))
        self.assertEqual(proposal["rule"], "quorum.waiting")
        # Who keeps everybody waiting stands on the ledger by name.
        self.assertIn("; not yet: prover-a, ", proposal["reason"])
        self.assertIn("evaluator-b", proposal["reason"])
        reviewer = subprocess.Popen([BIN / "pawl", "-q", "review", "--as", "evaluator-a"], env=home.environment,
                                    stdout=subprocess.DEVNULL)
        time.sleep(0.4)
        reviewer.send_signal(signal.SIGKILL)
        reviewer.wait()
        status = json.loads(home.pawl("--json", "status"))
        self.assertIn("pawl review --as evaluator-a", status["proposals"][-1]["waits_for"])
        home.pawl("review", "--as", "evaluator-a")
        for name in ("evaluator-b", "prover-a", "prover-b", "integrity-a"):
            home.pawl("review", "--as", name)
        self.assertEqual(home.pawl("review", "--as", "prover-a").strip(), "nothing waits for this reviewer")
        home.pawl("review", "--as", "auditor-a")
        self.assertEqual(home.position("advance", proposal["proposal"], expect=(6,))["step"], "approval")

    # ---- evaluators, improvers, candidates

    def broken_evaluator(self, name, body):
        root = self.folder / name
        os.makedirs(root)
        home = Home(root)
        home.make_keys()
        home.begin(files={"evaluate.py": body})
        return home.position("propose", home.subject, "-m", name, expect=(1,))

    def test_an_evaluator_that_prints_nonsense_voids_the_trial(self):
        position = self.broken_evaluator("nonsense", "import sys\nopen(sys.argv[sys.argv.index('--out') + 1], 'w')"
                                                     ".write('all is well\\n')\n")
        self.assertEqual((position["outcome"], position["step"]), ("rejected", "trial"))

    def test_an_evaluator_that_reports_nan_voids_the_trial(self):
        # A good decision at every probe, so that the episodes are reached; all that is wrong with them is the score.
        body = ("import os, sys\nout = open(sys.argv[sys.argv.index('--out') + 1], 'w')\n"
                "count = os.path.getsize(sys.argv[sys.argv.index('--seeds') + 1]) // 32\n"
                "for i in range(count):\n"
                " out.write('{\"probe\":%d,\"decision\":\"COC\"}\\n' % i if 'decisions' in sys.argv else\n"
                "  '{\"episode\":%d,\"group\":\"%s\",\"metrics\":{\"near_miss\":0,\"alert_rate\":0,\"reversals\":0,"
                "\"score\":NaN}}\\n' % (i, 'other' if i % 9 else 'climbing'))\n")
        position = self.broken_evaluator("nan", body)
        self.assertEqual(position["rule"], "episodes.not-finite")
        self.assertEqual((position["outcome"], position["step"]), ("rejected", "trial"))

    def test_an_evaluator_that_crashes_voids_the_trial(self):
        position = self.broken_evaluator("crash", "raise SystemExit(9)\n")
        self.assertEqual((position["outcome"], position["step"]), ("rejected", "trial"))

    def test_what_cannot_be_a_tree_is_no_proposal(self):
        home = self.home()
        events = len(home.events())
        for name, make, rule in (
                ("symlink", lambda tree: os.symlink("/etc/passwd", tree / "policy.link"), "tree."),
                ("setuid", lambda tree: os.chmod(tree / "policy.onnx", 0o4755), "tree."),
                ("twins", lambda tree: (tree / "POLICY.onnx").write_bytes(b"x"), "path.twins"),
                ("hard-link", lambda tree: os.link(tree / "policy.onnx", tree / "other"), "tree."),
                ("fifo", lambda tree: os.mkfifo(tree / "pipe"), "tree."),
                ("git", lambda tree: (tree / ".git").mkdir() or (tree / ".git/x").write_text("x"), "path.")):
            tree = self.candidate(home, name)
            make(tree)
            error = home.fails("propose", tree, expect=1)["error"]
            self.assertTrue(error["rule"].startswith(rule), error)
        self.assertEqual(len(home.events()), events)

    def test_no_change_is_no_improvement(self):
        home = self.home()
        position = home.position("propose", home.subject, expect=(1,))
        self.assertEqual(position["rule"], "surface.no-change")
        # What has ended is looked at no more.
        events = len(home.events())
        self.assertEqual(home.position("advance", position["proposal"], expect=(1,))["rule"], "surface.no-change")
        self.assertEqual(len(home.events()), events)

    def test_a_pickle_is_refused_whatever_its_name(self):
        home = self.home()
        tree = self.candidate(home, edit=lambda text: text)
        import pickle
        (tree / "policy.onnx").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
        position = home.position("propose", tree, expect=(1,))
        self.assertEqual((position["outcome"], position["rule"]), ("outside-charter", "surface.pickle"))

    # ---- halts and people

    def test_a_halt_holds_where_the_ledger_is_damaged(self):
        home = self.home()
        database = sqlite3.connect(home.home / f"ledger/{demo_run.SUBJECT}.sqlite")
        database.execute("UPDATE events SET entry = x'00' WHERE seq = 3")
        database.commit()
        database.close()
        home.fly()  # the loader needs no ledger
        error = home.fails("halt", "-m", "the gate lies", "--key", home.root / "ada", expect=5)["error"]
        self.assertEqual(error["rule"], "halt.ledger")
        self.assertIn("halt.in-force", home.fly(expect=(1,)).stderr)

    def test_a_resume_lifts_only_what_was_shown(self):
        home = self.home()
        request, kept = home.root / "resume.json", home.root / "kept.json"
        home.pawl("halt", "-m", "first", "--key", home.root / "cho")
        home.pawl("resume", "-m", "looked", "--key", home.root / "ada", "--add-to", request, expect=(6,))
        shutil.copyfile(request, kept)
        home.pawl("resume", "--key", home.root / "ben", "--add-to", request)
        self.assertFalse(request.exists())
        home.pawl("halt", "-m", "second", "--key", home.root / "cho")
        error = home.fails("resume", "--key", home.root / "ben", "--add-to", kept, expect=1)["error"]
        self.assertEqual(error["rule"], "resume.outdated")
        self.assertIn("halt.in-force", home.fly(expect=(1,)).stderr)

    def test_one_person_who_refuses_twice_is_one_person(self):
        home, position = self.home_that_waits_for_people()
        proposal = position["proposal"]
        for reason in ("no", "still no"):
            home.position("reject", proposal, "-m", reason, "--key", home.root / "cho", expect=(6,))
        self.accepted_by_both(home, proposal, "-m", "cho has not read it")

    def accepted_by_both(self, home, proposal, *reason):
        for person in ("ada", "ben"):
            home.pawl("--json", "approve", proposal, *reason, "--key", home.root / person, expect=(6,))
        time.sleep(1.1)
        self.assertEqual(home.position("release", proposal, expect=(0,))["outcome"], "accepted")

    def test_an_init_that_was_cut_short_is_finished(self):
        home = self.home()
        os.remove(home.home / f"loader/{demo_run.SUBJECT}/state.json")
        # With more than the genesis on the ledger nothing is made anew: lost state fails closed.
        self.assertEqual(home.fails("init", home.charter, expect=1)["error"]["rule"], "init.exists")
        fresh = home.root / "fresh"
        home.environment["PAWL_HOME"] = str(fresh)
        home.pawl("init", home.charter)
        os.remove(fresh / f"loader/{demo_run.SUBJECT}/state.json")
        home.pawl("init", home.charter)
        self.assertTrue((fresh / f"loader/{demo_run.SUBJECT}/state.json").exists())
        # Cut short before the genesis: there is a log, and nothing in it.
        database = sqlite3.connect(fresh / f"ledger/{demo_run.SUBJECT}.sqlite")
        for table in ("events", "nodes", "checkpoints"):
            database.execute(f"DELETE FROM {table}")
        database.commit()
        database.close()
        for words in (["status"], ["log", "list"], ["budget"], ["approve", "p1"], ["review", "--as", "prover-a"]):
            self.assertEqual(home.fails(*words, expect=1)["error"]["rule"], "gate.no-genesis", words)

    def test_usage_errors_are_json_for_scripts(self):
        home = self.home()
        for words in (["nonsense"], ["approve"], ["propose", "--no-such-option", "x"]):
            error = json.loads(home.pawl("--json", *words, expect=(2,)).splitlines()[-1])["error"]
            self.assertTrue(error["message"])

    # ---- the loader

    def test_a_warrant_for_another_charter_is_refused(self):
        home = self.home()
        state = home.home / f"loader/{demo_run.SUBJECT}/state.json"
        charter = home.root / "forged"
        shutil.copytree(home.charter, charter)
        toml = (charter / "charter.toml").read_text()
        (charter / "charter.toml").write_text(toml.replace("ceiling = 0.965", "ceiling = 0.99"))
        warrant = home.home / f"loader/{demo_run.SUBJECT}/warrants/1.json"
        answer = json.loads(home.run(BIN / "pawl-check", "warrant", warrant, "--charter", charter, "--store",
                                     home.home / "store", "--state", state, "--json", expect=(1,)))
        self.assertEqual(answer["rule"], "charter.not-current")

    def test_a_ledger_that_was_edited_is_refused(self):
        home = self.home()
        database = sqlite3.connect(home.home / f"ledger/{demo_run.SUBJECT}.sqlite")
        entry = database.execute("SELECT entry FROM events WHERE seq = 3").fetchone()[0]
        altered = bytearray(entry)
        altered[len(altered) // 2] ^= 1
        database.execute("UPDATE events SET entry = ? WHERE seq = 3", (bytes(altered),))
        database.commit()
        database.close()
        error = json.loads(home.pawl("--json", "status", expect=(1, 3)).splitlines()[-1])["error"]
        self.assertRegex(error["rule"], r"^(ledger\.root|history\.signature|json\.|base64\.|dsse\.)")

    # ---- crashes

    def test_two_gates_exclude_each_other(self):
        """One waits a moment for another that only looks, and is told to come again where that one is at work."""
        home = self.home()
        candidate = self.candidate(home)
        with open(home.home / f"ledger/{demo_run.SUBJECT}.sqlite.gate", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = home.events()
            error = home.fails("propose", candidate, expect=6)["error"]
            self.assertEqual((error["rule"], home.events()), ("gate.busy", before))
            waiting = subprocess.Popen([BIN / "pawl", "--json", "propose", candidate], env=home.environment, text=True,
                                       stdout=subprocess.PIPE)
            time.sleep(0.5)
            self.assertIsNone(waiting.poll(), "it did not wait")
        self.assertEqual(json.loads(waiting.communicate()[0].splitlines()[-1])["proposal"], "p2")

    def test_killed_at_random_instants_it_resumes(self):
        home = self.home()
        dice = random.Random(SEED)
        position = home.position("cycle", "--seed", "2", "--no-review", expect=(6,))
        name = position["proposal"]
        end = time.monotonic() + BUDGET_S / 2
        while time.monotonic() < end or CASES["kills"] < KILLS_MIN:  # a slow machine takes longer, and does no less
            words = dice.choice([["advance", name, "--review"], ["review", "--as", "evaluator-a"],
                                 ["review", "--as", "auditor-a"],
                                 ["approve", name, "--key", str(home.root / "ada")],
                                 ["approve", name, "--key", str(home.root / "ben")], ["release", name]])
            process = subprocess.Popen([BIN / "pawl", "-q", *words], env=home.environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            time.sleep(dice.random() * 0.6)
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            CASES["kills"] += 1
            self.check_whole(home)
        # Whatever the kills have left, the path goes on to its end from there.
        if json.loads(home.pawl("--json", "status"))["proposals"][-1]["outcome"] == "pending":
            home.pawl("--json", "advance", name, "--review", expect=(6,))
            for person in ("ada", "ben"):
                home.pawl("--json", "approve", name, "--key", home.root / person, expect=(0, 1, 2, 6))
            time.sleep(1.1)
            self.assertEqual(home.position("release", name, expect=(0,))["outcome"], "accepted")
        self.check_whole(home)

    def check_whole(self, home):
        """The log folds, and what the loader starts is what the log or the state's warrant says."""
        status = json.loads(home.pawl("--json", "status"))
        current = json.loads(home.pawl("--json", "current"))
        releases = {release["tree"] for release in status["releases"]}
        pending = {row["tree"] for row in status["proposals"] if row["outcome"] == "pending"}
        self.assertIn(current["tree"], releases | pending)

    # ---- charters

    def test_an_unknown_key_is_an_error_with_its_place(self):
        home = self.home()
        charter = home.root / "odd"
        shutil.copytree(home.charter, charter)
        toml = (charter / "charter.toml").read_text()
        (charter / "charter.toml").write_text(toml.replace("min_interval", "min_intervall"))
        error = home.fails("charter", "check", charter, expect=3)["error"]
        self.assertRegex(error["message"] + error["advice"], r"charter\.toml:\d+:\d+")
        self.assertIn("min_interval", error["message"] + error["advice"])

    def test_a_charter_that_nobody_signed_begins_nothing(self):
        home = self.home()
        charter = home.root / "unsigned"
        shutil.copytree(home.charter, charter)
        home.environment["PAWL_HOME"] = str(home.root / "other-home")
        self.assertEqual(home.fails("init", charter, expect=2)["error"]["rule"], "init.not-signed")
        shutil.copyfile(f"{home.charter}.genesis.json", f"{charter}.genesis.json")
        (charter / "charter.toml").write_text((charter / "charter.toml").read_text() + "\n")
        self.assertEqual(home.fails("init", charter, expect=1)["error"]["rule"], "genesis.mismatch")

    def test_a_home_inside_the_subject_is_refused(self):
        home = self.home()
        home.environment["PAWL_HOME"] = str(home.subject / "home")
        shutil.copytree(home.home, home.subject / "home")
        error = home.fails("propose", home.subject, expect=1)["error"]
        self.assertEqual(error["rule"], "home.inside-subject")


class QuickHomesTest(HomesTest):
    """The same for what neither the example's networks nor its episodes are the point of."""

    @classmethod
    def make_home(cls, root):
        return QuickHome(root)

    @classmethod
    def improvement(cls, home, reviewed=True):
        """Proposes a step further than the last."""
        number = 1 + len(list(home.root.glob("better-*")))
        return home.position("propose", home.candidate(f"better-{number}", better=number), "-m", "better",
                             *(["--review"] if reviewed else []), expect=(6,))


class QuickPathTest(QuickHomesTest):
    def test_auditor_waits_for_a_missing_vote(self):
        home = self.home()
        self.improvement(home, reviewed=False)
        for name in ("prover-a", "prover-b", "integrity-a", "evaluator-a"):
            home.pawl("review", "--as", name)
        report = home.pawl("--json", "review", "--as", "auditor-a", expect=(6,))
        self.assertIn("quorum not met", report)

    def test_auditor_and_evaluators_remember_the_log(self):
        home = self.home()
        database = home.home / f"ledger/{demo_run.SUBJECT}.sqlite"
        shutil.copytree(home.home / "ledger", home.root / "older-ledger")
        self.improvement(home)
        shutil.rmtree(home.home / "ledger")
        shutil.copytree(home.root / "older-ledger", home.home / "ledger")
        self.assertTrue(database.exists())
        self.improvement(home, reviewed=False)
        for name in ("prover-a", "prover-b", "integrity-a"):
            home.pawl("review", "--as", name)
        # Evaluators as well: on a log that forgets a commit they would draw its seeds again.
        for name in ("evaluator-a", "evaluator-b", "auditor-a"):
            error = home.fails("review", "--as", name, expect=1)
            self.assertIn(error["error"]["rule"], ("audit.log-shrank", "audit.log-rewritten"))

    def test_an_improver_that_never_ends_is_stopped(self):
        root = self.folder / "endless"
        os.makedirs(root)
        home = self.make_home(root)
        home.make_keys()
        home.begin(edit=lambda toml: toml.replace('command = ["/usr/bin/python3", "improver/improve.py"]\n'
                                                  'limits = { wall_seconds = 120,',
                                                  'command = ["/usr/bin/python3", "-c", "while True: pass"]\n'
                                                  'limits = { wall_seconds = 2,'))
        home.released_baseline()
        error = home.fails("cycle", expect=1)["error"]
        self.assertEqual(error["rule"], "cycle.improver")
        self.assertIn("2", error["message"])

    def test_too_early_waits(self):
        root = self.folder / "slow"
        os.makedirs(root)
        home = self.make_home(root)
        home.make_keys()
        home.begin(edit=lambda toml: toml.replace('min_interval = "1s"', 'min_interval = "1h"'))
        home.released_baseline()
        position = self.improvement(home)
        self.assertEqual((position["step"], position["rule"]), ("pace", "pace.interval"))

    def test_a_halt_stops_everything_until_people_lift_it(self):
        home, position = self.home_that_waits_for_people()
        proposal = position["proposal"]
        home.approve(proposal)
        home.pawl("halt", "-m", "look first", "--key", home.root / "cho")
        self.assertEqual(home.position("release", proposal, expect=(6,))["rule"], "halt.in-force")
        self.assertEqual(home.fails("current", expect=1)["error"]["rule"], "halt.in-force")
        waiting = self.improvement(home)
        self.assertEqual((waiting["step"], waiting["rule"]), ("pace", "halt.in-force"))
        request = home.root / "resume.json"
        home.pawl("resume", "--key", home.root / "ada", "--add-to", request, expect=(6,))
        home.pawl("resume", "--key", home.root / "ben", "--add-to", request)
        time.sleep(1.1)
        self.assertEqual(home.position("release", proposal, expect=(0,))["outcome"], "accepted")

    def test_an_approval_after_the_warrant_is_in_the_renewed_one(self):
        """And a gate that waits meanwhile, since the first one's lock was lost, logs what the first has switched to."""
        root = self.folder / "late"
        os.makedirs(root)
        home = self.make_home(root)
        home.make_keys()
        home.begin(edit=lambda toml: toml.replace('signers = "approvers', 'checkpoint_age_max = "1m"\nsigners = "approvers'))
        position = home.position("propose", home.subject, "--review", "-m", "baseline", expect=(6,))
        home.approve(position["proposal"], people=("ada", "ben", "cho"))
        time.sleep(62)  # the shortest age that a charter can ask for; the warrant's checkpoint is too old by now and is made anew
        first = next(event for event in home.events() if event["kind"] == "warrant")["predicate"]["warrant"]
        state, second = home.home / f"loader/{demo_run.SUBJECT}/state.json", root / "second"
        release = f"{BIN}/pawl --json release {position['proposal']}"
        dies = dict(home.environment, LD_PRELOAD=str(FOR_TESTS / "libact_at.so"), ACT_CALL="open", ACT_AT=first[-60:],
                    ACT_COMMAND=f"rm {home.home}/ledger/{demo_run.SUBJECT}.sqlite.gate; {release} > {second} & sleep 2",
                    ACT_2_CALL="rename", ACT_2_AT="state.json.new", ACT_2_COMMAND=f"mv {state}.new {state}; kill -9 $PPID")
        killed = subprocess.run(release.split(), env=dies, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed)
        end = time.monotonic() + 60
        while not second.read_text().endswith("}\n") and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(json.loads(second.read_text().splitlines()[-1])["outcome"], "accepted")
        warrants = [event["predicate"]["warrant"] for event in home.events() if event["kind"] == "warrant"]
        self.assertEqual((len(warrants), json.loads(state.read_text())["warrant"]), (2, warrants[1]))
        warrant = json.loads((home.home / f"loader/{demo_run.SUBJECT}/warrants/1.json").read_text())
        self.assertEqual(len(warrant["decision"]["signatures"]), 3)

    def test_an_amendment_needs_both_thresholds_and_the_waiting_period(self):
        home = self.home()
        charter = home.root / "charter-2"
        shutil.copytree(home.charter, charter)
        toml = (charter / "charter.toml").read_text()
        (charter / "charter.toml").write_text(toml.replace("ceiling = 0.965", "ceiling = 0.97"))
        first = home.position("charter", "amend", charter, "-m", "a little more room", expect=(6,))
        name = first["proposal"]
        for reviewer in ("integrity-a", "prover-a", "auditor-a"):
            home.pawl("review", "--as", reviewer, expect=(0, 6))
        time.sleep(1.2)
        self.assertEqual(home.position("advance", name, expect=(6,))["rule"], "approval.waiting")
        home.approve(name)  # two of three
        self.assertEqual(home.position("advance", name, expect=(6,))["rule"], "approval.waiting")
        home.approve(name, people=("cho",))
        self.assertEqual(home.position("release", name, expect=(0,))["outcome"], "accepted")
        status = json.loads(home.pawl("--json", "status"))
        self.assertEqual(status["charter_epoch"], 1)
        self.assertEqual(status["charter"], json.loads(home.pawl("--json", "tree", charter))["tree"])
        # The live release, accepted under the old charter, still starts; and life goes on under the new one.
        home.fly()
        home.accepted(self.improvement(home), time.time())

    def test_a_second_loader_follows_the_chain_of_warrants(self):
        home, position = self.home_that_waits_for_people()
        home.accepted(position, time.time())
        home.accepted(self.improvement(home), time.time())
        state = home.root / "other-state.json"
        check = [BIN / "pawl-check", "warrant"]
        common = ["--charter", home.charter, "--store", home.home / "store"]
        home.run(BIN / "pawl-check", "state", "init", "--charter", home.charter, "--genesis", f"{home.charter}.genesis.json",
                 "--state", state)
        warrants = [home.home / f"loader/{demo_run.SUBJECT}/warrants/{epoch}.json" for epoch in (1, 2, 3)]
        stateless = json.loads(home.run(*check, warrants[0], *common, "--json", expect=(6,)))
        self.assertFalse(stateless["accepted"])
        skipped = json.loads(home.run(*check, warrants[1], *common, "--state", state, "--json", expect=(1,)))
        self.assertEqual(skipped["rule"], "warrant.epoch")
        home.run(*check, *warrants, *common, "--state", state, "--commit")
        older = json.loads(home.run(*check, warrants[1], *common, "--state", state, "--json", expect=(1,)))
        self.assertEqual(older["rule"], "warrant.epoch")
        home.run(*check, warrants[0], *common, "--state", home.root / "lost.json", expect=(1,))

    def test_a_full_disk_loses_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("needs root for a small file system")
        root = self.folder / "small"
        os.makedirs(root)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", root], check=True)
        try:
            home = self.make_home(root / "demo")
            os.makedirs(home.root)
            home.make_keys()
            home.begin()
            home.released_baseline()
            before = len(home.events())
            with open(root / "filler", "wb") as filler:
                try:
                    while True:
                        filler.write(b"x" * 65536)
                        filler.flush()
                except OSError:
                    pass
            tree = self.folder / "for-the-small"
            shutil.copytree(home.subject, tree)
            path = tree / "improver/hyperparameters.json"
            path.write_text(path.read_text() + " " * 200_000 + "\n")
            error = home.fails("propose", tree, expect=5)["error"]
            self.assertIn("full", error["rule"] + error["message"])
            self.assertNotEqual(error["advice"], "")
            os.remove(root / "filler")
            self.assertEqual(len(home.events()), before)
            home.accepted(self.improvement(home), time.time())
        finally:
            subprocess.run(["umount", "-l", root], check=False)


def main():
    global BUDGET_S, SEED
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=BUDGET_S)
    parser.add_argument("--seed", type=int, default=SEED)
    options, rest = parser.parse_known_args()
    BUDGET_S, SEED = options.budget, options.seed
    program = unittest.main(argv=[sys.argv[0], *rest], exit=False, verbosity=2)
    print(f"cases: {CASES['kills']} kills, seed {SEED}")
    wants_kills = not rest or any("kill" in word for word in rest)
    if program.result.wasSuccessful() and wants_kills and CASES["kills"] < KILLS_MIN:
        print(f"fewer than {KILLS_MIN} kills")
        return 1
    return 0 if program.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
