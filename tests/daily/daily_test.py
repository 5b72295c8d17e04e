#!/usr/bin/python3
"""Living with Pawl, through the real programs: installing, asking what it waits for, backing up, changing the charter
with people who come and go, exporting, removing.

usage: daily_test.py [--long | TestName ...]      PAWL_BIN: folder with pawl and pawl-check

One home with a released baseline, of three people and six reviewers, is made once and copied for each test.
"""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/end_to_end"))
import path_test  # noqa: E402
from path_test import BIN, demo_run  # noqa: E402

SUBJECT = demo_run.SUBJECT


class Home(path_test.QuickHome):
    """A home whose programs' progress is not shown."""

    def run(self, *words, **options):
        options.setdefault("stderr", subprocess.DEVNULL)
        return super().run(*words, **options)


# Five more releases of one home, a quarter of the time of all tests here. `--long` runs these alone, and without arguments
# they are left out.
LONG = ["test_a_rollback_after_a_rollback"]

REVIEWERS = ("prover-a", "prover-b", "evaluator-a", "evaluator-b", "integrity-a")


class DailyTest(path_test.QuickHomesTest):
    @classmethod
    def make_home(cls, root):
        return Home(root)

    def status(self, home):
        return json.loads(home.pawl("--json", "status"))

    def waits(self, home, sentence, *commands):
        """The one sentence, with who has to act, and the commands to type."""
        status = self.status(home)
        self.assertRegex(status["sentence"], sentence)
        self.assertEqual(status["commands"][:len(commands)], list(commands))
        self.assertIn(status["commands"][0], status["sentence"])
        self.assertIn(re.sub(r"\s+", " ", status["sentence"]), re.sub(r"\s+", " ", home.pawl("status")))

    # ---- what it waits for

    def test_status_names_every_wait(self):
        home = self.home()
        self.waits(home, r"^nothing is pending; pawl cycle")
        proposal = self.improvement(home, reviewed=False)["proposal"]
        self.waits(home, r"^p2 waits for the votes of .*prover-a \(lab-a\).* and ", "pawl review --as prover-a")
        for name in REVIEWERS[:-1]:
            home.pawl("review", "--as", name)
        self.waits(home, r"^p2 waits for the vote of integrity-a \(lab-c\); ", "pawl review --as integrity-a")
        home.pawl("review", "--as", REVIEWERS[-1])
        self.waits(home, r"^p2 waits for the closing of auditor-a \(lab-c\); ", "pawl review --as auditor-a")
        home.pawl("review", "--as", "auditor-a")
        self.waits(home, r"^p2 can be drafted for people; ", "pawl advance p2")
        home.position("advance", proposal, expect=(6,))
        self.waits(home, r"^p2 waits for 2 more people to approve: ada@demo, ben@demo or cho@demo; ", "pawl approve p2",
                   "pawl reject p2")
        home.approve(proposal, people=("ben",))
        self.waits(home, r"^p2 waits for 1 more person to approve: ada@demo or cho@demo; ", "pawl approve p2")
        home.pawl("--json", "reject", proposal, "-m", "no", "--key", home.root / "cho", expect=(6,))
        self.waits(home, r"^p2 waits for 1 more person to approve: ada@demo; ", "pawl approve p2")
        # Whoever approves although somebody refused says why, and the ledger has it.
        ada = ("approve", proposal, "--key", home.root / "ada")
        self.assertEqual(home.fails(*ada, expect=2)["error"]["rule"], "approve.reason")
        home.pawl("--json", *ada, "-m", "cho hasn't seen the night', cho@demo, in words that nobody signed: 'yes", expect=(6,))
        found = [event["predicate"]["summary"] for event in home.events() if event["predicate"].get("step") == "approval"]
        # Her words stay hers, whatever they imitate.
        self.assertIn("ada@demo, in words that nobody signed: 'cho hasn’t seen the night’, cho@demo, in words that nobody signed: ’yes'", found[-1])
        # Ben signed before anybody spoke against, or in another home, for all that this one knows.
        self.assertIn("ben@demo, of whom this home keeps no reason", found[-1])
        self.waits(home, r"^p2 has its warrant and waits for whoever runs the loader; ", "pawl release p2")
        home.pawl("halt", "-m", "look first", "--key", home.root / "cho")
        self.waits(home, r"^halted by cho@demo: look first; waits for 2 of ada@demo, ben@demo and cho@demo to lift it; ",
                   "pawl resume -m WHY")
        home.pawl("resume", "-m", "looked", "--key", home.root / "ada", "--add-to", home.root / "r.json", expect=(6,))
        home.pawl("resume", "--key", home.root / "ben", "--add-to", home.root / "r.json")
        home.release(proposal)
        self.waits(home, r"^nothing is pending")
        state = home.home / f"loader/{SUBJECT}/state.json"
        state.write_text("{}")
        self.waits(home, r"^the loader starts nothing: ", "pawl doctor")

    def test_status_before_the_first_release(self):
        root = self.folder / "first"
        os.makedirs(root)
        home = Home(root)
        home.make_keys()
        home.begin(edit=lambda toml: toml.replace('min_interval = "1s"', 'min_interval = "1h"'))
        self.waits(home, r"^waits for the first release, the baseline; ", "pawl propose DIRECTORY")
        home.released_baseline()
        self.improvement(home)
        self.waits(home, r"^p2 waits at pace: .*; ", "pawl advance p2")

    # ---- people and charters

    def charter_with_dia(self, home, threshold):
        """A charter that also lists dia, and takes `threshold` people to change."""
        home.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home.root / "dia")
        charter = home.root / "charter-2"
        shutil.copytree(home.charter, charter)
        public = (home.root / "dia.pub").read_text().split()
        with open(charter / "approvers.allowed_signers", "a", encoding="utf-8") as file:
            file.write(f'dia@demo namespaces="approve@pawl" {public[0]} {public[1]}\n')
        toml = (charter / "charter.toml").read_text()
        changed = re.sub(r"(\[amendment\]\nthreshold = )\d+", rf"\g<1>{threshold}", toml)
        self.assertNotEqual(toml, changed)
        (charter / "charter.toml").write_text(changed)
        return charter

    def test_an_amendment_that_somebody_has_to_sign_whom_only_the_new_charter_lists(self):
        home = self.home()
        shutil.copyfile(home.home / f"loader/{SUBJECT}/state.json", home.root / "older-state.json")
        name = home.position("charter", "amend", self.charter_with_dia(home, 4), "-m", "dia joins", "--review",
                             expect=(6,))["proposal"]
        time.sleep(1.2)
        home.approve(name, people=("ada", "ben", "cho"))
        self.waits(home, rf"^{name} waits for 1 more person of the new charter to approve: dia@demo; ",
                   f"pawl approve {name}")
        self.assertEqual(home.position("release", name, expect=(6,))["rule"], "approval.waiting")
        # Until it is in force, she can approve it and nothing else.
        for words in (["halt", "-m", "me too"], ["reject", name, "-m", "me too"]):
            error = home.fails(*words, "--key", home.root / "dia", expect=1)["error"]
            self.assertEqual(error["rule"], "sign.not-yet-a-signer", words)
            self.assertIn("ada@demo", error["advice"])
        self.assertFalse(self.status(home)["halted"])
        home.approve(name, people=("dia",))
        self.assertEqual(home.position("release", name, expect=(0,))["outcome"], "accepted")
        # A loader that has not followed cannot read her halts; the ledger takes them, and it is said.
        error = home.fails("--state", home.root / "older-state.json", "halt", "-m", "from dia", "--key",
                           home.root / "dia", expect=5)["error"]
        self.assertEqual(error["rule"], "halt.loader-older")
        self.assertFalse((home.root / "older-state.json.halts").exists())
        self.assertTrue(self.status(home)["halted"])
        # One that has followed can.
        home.pawl("halt", "-m", "from dia", "--key", home.root / "dia")
        self.assertEqual(home.fails("current", expect=1)["error"]["rule"], "halt.in-force")

    def test_the_waiting_period_and_the_veto(self):
        root = self.folder / "veto"
        os.makedirs(root)
        home = Home(root)
        home.make_keys()
        home.begin(edit=lambda toml: toml.replace('waiting_period = "1s"', 'waiting_period = "1h"'))
        charter = home.root / "charter-2"
        shutil.copytree(home.charter, charter)
        toml = (charter / "charter.toml").read_text()
        (charter / "charter.toml").write_text(toml.replace("ceiling = 0.965", "ceiling = 0.97"))
        name = home.position("charter", "amend", charter, "-m", "more room", "--review", expect=(6,))["proposal"]
        home.approve(name, people=("ada", "ben", "cho"))
        self.waits(home, rf"^{name} waits until .*, in which time any of ada@demo, .* can veto it")
        self.assertEqual(home.position("release", name, expect=(6,))["rule"], "amendment.waiting")
        ended = home.position("reject", name, "-m", "I changed my mind", "--key", home.root / "ben", expect=(1,))
        self.assertEqual((ended["outcome"], ended["rule"]), ("rejected", "approval.refused"))
        self.assertEqual(self.status(home)["charter_epoch"], 0)

    def test_a_rollback_after_a_rollback(self):
        home, position = self.home_that_waits_for_people()
        home.accepted(position, time.time())
        home.accepted(self.improvement(home), time.time())
        trees = [release["tree"] for release in self.status(home)["releases"]]
        self.accepted_rollback(home, [])
        self.assertEqual(self.status(home)["live"], trees[1])
        # Without a target it would lead back to what people have just left: it asks.
        self.assertEqual(home.fails("rollback", "--review", expect=2)["error"]["rule"], "rollback.target")
        self.accepted_rollback(home, ["1"])
        status = self.status(home)
        self.assertEqual((status["live"], status["epoch"]), (trees[0], 5))
        self.assertEqual(json.loads(home.pawl("--json", "current"))["tree"], trees[0])
        # And life goes on from there.
        home.accepted(self.improvement(home), time.time())

    def accepted_rollback(self, home, target):
        position = home.position("rollback", *target, "-m", "back", "--review", expect=(6,))
        home.accepted(position, time.time())

    # ---- what people are shown

    def test_a_diff_shows_what_is_not_allowed_and_what_is_not_seen(self):
        home = self.home()
        tree = home.root / "candidate"
        shutil.copytree(home.subject, tree)
        shutil.copy(home.charter / "network.py", tree / "improver/rehearsal.py")
        position = home.position("propose", tree, "-m", "a copy of the evaluator's", expect=(1, 7))
        self.assertEqual((position["outcome"], position["rule"]), ("outside-charter", "surface.charter-copy"))
        self.assertIn("improver/rehearsal.py  NOT ALLOWED: is a copy of the charter's network.py\n",
                      home.pawl("diff", position["proposal"]))
        text = (home.subject / "improver/rehearsal.py").read_text(encoding="utf-8")
        (tree / "improver/rehearsal.py").write_text(text + "# 1\u3164\u00a0 \u202e\n", encoding="utf-8")
        position = home.position("propose", tree, "-m", "what is not seen", expect=(6,))
        shown = home.pawl("diff", position["proposal"])
        self.assertIn("+# 1\\u{3164}\\u{A0} \\u{202E}\n", shown)
        self.assertNotIn("NOT ALLOWED", shown)
        self.assertEqual(home.fails("diff", "p99", expect=2)["error"]["rule"], "diff.no-proposal")

    # ---- keeping it

    def test_backup_restore_and_removing_what_nobody_names(self):
        home, position = self.home_that_waits_for_people()
        home.approve(position["proposal"])
        home.release(position["proposal"])
        pending = self.improvement(home)["proposal"]
        rejected = home.root / "rejected"
        shutil.copytree(home.subject, rejected)
        (rejected / "evil.pkl").write_bytes(os.urandom(4096))
        home.position("propose", rejected, "-m", "not on the list", expect=(1,))
        orphan = home.home / "store/blobs/00"
        orphan.mkdir(exist_ok=True)
        orphan = orphan / ("0" * 64)
        orphan.write_bytes(b"nobody's")

        listed = json.loads(home.pawl("--json", "store", "gc", "--older-than", "1s"))
        self.assertEqual((listed["removed"], orphan.exists()), (False, True))
        time.sleep(1.1)
        kept = json.loads(home.pawl("--json", "store", "gc", "--older-than", "1s", "--remove"))
        self.assertGreaterEqual(kept["gone"], 1)
        self.assertFalse(orphan.exists())
        more = json.loads(home.pawl("--json", "store", "gc", "--older-than", "1s", "--remove", "--rejected"))
        self.assertGreaterEqual(more["gone"], 1)
        # Everything still holds: the log folds, the live release starts, the pending proposal goes on, history is there.
        home.pawl("log", "verify")
        home.fly()
        self.assertTrue(json.loads(home.pawl("--json", "doctor", "--every-blob"))["healthy"])

        file = home.root / "home.backup"
        written = json.loads(home.pawl("--json", "backup", file))
        self.assertEqual((written["keys"], stat.S_IMODE(file.stat().st_mode)), ([], 0o600))
        self.assertIn("keys", written["left_out"])
        self.assertEqual(home.fails("backup", file, expect=1)["error"]["rule"], "archive.exists")
        self.assertEqual(home.fails("restore", file, expect=1)["error"]["rule"], "restore.exists")
        before = self.status(home)
        keys = home.root / "kept-keys"
        shutil.copytree(home.home / "keys", keys)
        shutil.move(home.home, home.root / "lost")
        home.pawl("restore", file)
        after = self.status(home)
        self.assertEqual((after["live"], after["events"]), (before["live"], before["events"]))
        shutil.rmtree(home.home / "keys")
        shutil.copytree(keys, home.home / "keys")
        # A start makes no folder that the gate would take for the tree; an altered copy is found, and made again.
        home.pawl("-q", "exec", SUBJECT, "--", "true")
        view = home.home / "store/trees" / before["live"][7:]
        view.mkdir(exist_ok=True)
        (finding,) = [row for row in json.loads(home.pawl("--json", "doctor", "--every-blob", expect=(5,)))["findings"]
                      if row["level"] == "problem"]
        self.assertEqual(finding["about"], "store")
        self.assertIn(str(view), finding["what"])
        view.rmdir()
        view.mkdir()
        self.improvement(home, reviewed=False)
        home.approve(pending)
        home.release(pending)
        position = home.position("rollback", "1", "-m", "all of history is there", "--review", expect=(6,))
        home.accepted(position, time.time())

    def test_a_ledger_that_was_put_back_is_appended_to_by_nobody(self):
        home, position = self.home_that_waits_for_people()
        ledger = home.home / f"ledger/{SUBJECT}.sqlite"
        database = sqlite3.connect(ledger)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        kept = home.root / "older.sqlite"
        shutil.copyfile(ledger, kept)
        home.accepted(position, time.time())
        newer = home.root / "newer"
        newer.mkdir()
        for file in ledger.parent.glob(f"{SUBJECT}.sqlite*"):
            file.rename(newer / file.name)
        shutil.copyfile(kept, ledger)
        size = len(home.pawl("--json", "log", "list").splitlines())
        status = json.loads(home.pawl("--json", "status", expect=(5,)))
        self.assertIn("has seen more events than there are", status["ledger_older"])
        self.assertIn("docs/recovery.md", status["sentence"])
        self.assertIn("docs/recovery.md", home.pawl("status", expect=(5,)))
        for words in (("cycle", "--seed", "3"), ("propose", home.subject), ("advance", "p1"), ("review", "--as", "auditor-a"),
                      ("rollback", "1")):
            self.assertEqual(home.fails(*words, expect=5)["error"]["rule"], "ledger.older", words)
        # A halt is no less a halt.
        self.assertEqual(home.fails("halt", "-m", "stop", "--key", home.root / "ada", expect=5)["error"]["rule"], "halt.ledger")
        self.assertEqual(len(home.pawl("--json", "log", "list").splitlines()), size)
        # The way out: the newer one from where it is.
        for file in ledger.parent.glob(f"{SUBJECT}.sqlite*"):
            file.unlink()
        for file in newer.iterdir():
            file.rename(ledger.parent / file.name)
        home.pawl("halt", "-m", "stop", "--key", home.root / "ada")
        self.assertIsNone(self.status(home)["ledger_older"])

    def test_a_home_of_version_1_is_brought_up_to_date_after_a_backup(self):
        home = self.home()
        seen = home.home / "reviewers/auditor-a" / f"seen-{SUBJECT}.json"
        text = seen.read_text()
        # As version 1 had it.
        shutil.move(seen, home.home / "keys/auditor-a")
        shutil.rmtree(home.home / "reviewers")
        (home.home / "schema.json").write_text('{"version":1}')
        home.pawl("status")
        self.assertEqual((home.home / "schema.json").read_text(), '{"version":2}')
        self.assertEqual(seen.read_text(), text)
        self.assertEqual(len(list((home.home / "backups").glob("version-1-*.tar"))), 1)
        home.accepted(self.improvement(home), time.time())  # the auditor remembers
        (home.home / "schema.json").write_text('{"version":9}')
        self.assertEqual(home.fails("status", expect=1)["error"]["rule"], "home.schema")

    def test_doctor_finds_what_is_wrong_and_how_to_mend_it(self):
        home = self.home()

        def problems(status):
            found = json.loads(home.pawl("--json", "doctor", expect=(status,)))
            self.assertEqual(found["healthy"], status == 0)
            rows = [row for row in found["findings"] if row["level"] == "problem"]
            self.assertTrue(all(row["mend"] for row in rows), rows)
            return rows

        self.assertEqual(problems(0), [])
        key = home.home / "keys/gate-log/key.pem"
        os.chmod(key, 0o644)
        (row,) = problems(5)
        self.assertEqual((row["about"], row["mend"]), ("keys", f"chmod 0600 '{key}'"))
        os.chmod(key, 0o600)
        os.chmod(home.home, 0o755)
        self.assertEqual([row["about"] for row in problems(5)], ["home"])
        os.chmod(home.home, 0o700)
        state = home.home / f"loader/{SUBJECT}/state.json"
        elsewhere = home.root / "elsewhere"
        shutil.copytree(state.parent, elsewhere)
        for path, mode in ((state, 0o602), (state.parent, 0o775), (elsewhere, 0o777), (elsewhere / "state.json", 0o622)):
            before = path.stat().st_mode & 0o7777
            os.chmod(path, mode)
            words = ("--state", elsewhere / "state.json") if elsewhere in (path, path.parent) else ()
            rows = json.loads(home.pawl("--json", *words, "doctor", expect=(5,)))["findings"]
            (row,) = [row for row in rows if row["level"] == "problem"]
            self.assertEqual((row["about"], row["mend"].split("'")[1]), ("loader", str(path)))
            os.chmod(path, before)
        self.assertEqual(problems(0), [])
        good = state.read_text()
        state.write_text(good.replace('"genesis":"sha256:', '"genesis":"sha256:').replace('"checkpoint_size":', '"checkpoint_size":9'))
        self.assertIn(problems(5)[0]["about"], ("ledger", "loader"))
        state.write_text(good)
        home.environment["PATH"] = "/nonexistent"
        self.assertIn("programs", [row["about"] for row in problems(5)])
        home.environment["PATH"] = os.environ["PATH"]
        database = sqlite3.connect(home.home / f"ledger/{SUBJECT}.sqlite")
        database.execute("UPDATE events SET entry = x'00' WHERE seq = 3")
        database.commit()
        database.close()
        self.assertEqual([row["about"] for row in problems(5)], ["ledger"])
        (home.home / "schema.json").write_text('{"version":9}')
        self.assertEqual([row["about"] for row in problems(5)], ["home"])

    # ---- the log of its own running

    def test_the_log_file_tells_what_was_done_and_no_secret(self):
        home = self.home()
        log = home.root / "pawl.log"
        key = (home.home / "keys/evaluator-a/key.pem").read_text().splitlines()[1]
        home.pawl("--log-file", log, "cycle", "--seed", "2", "--no-review", "-m", "a note of ours", expect=(6,))
        home.pawl("--log-file", log, "review", "--as", "evaluator-a")
        home.pawl("--log-file", log, "-q", "release", "p2", expect=(6,))
        home.pawl("--log-file", log, "--json", "approve", "p9", expect=(2,))
        text = log.read_text()
        for words in ("cycle: begins, pawl ", "review: begins", "cycle: ends after", " status=6", "properties: pass",
                      "error [", "approve.no-proposal"):
            self.assertIn(words, text)
        for secret in (key, "a note of ours", "PRIVATE"):
            self.assertNotIn(secret, text)
        self.assertEqual(stat.S_IMODE(log.stat().st_mode), 0o600)
        self.assertTrue(all(re.match(r"\d{4}-\d\d-\d\dT[\d:]{8}Z (debug|info|error) \[\d+\] ", line)
                            for line in text.splitlines()))
        loud = subprocess.run([BIN / "pawl", "-v", "status"], env=home.environment, capture_output=True, text=True, check=True)
        self.assertIn("home ", loud.stderr)
        quiet = subprocess.run([BIN / "pawl", "-q", "status"], env=home.environment, capture_output=True, text=True, check=True)
        self.assertEqual((quiet.stderr, quiet.stdout), ("", loud.stdout))
        error = home.fails("--log-file", home.root / "no/such/folder/log", "status", expect=5)["error"]
        self.assertEqual(error["rule"], "log.open")

    # ---- formats of others

    def test_exports_are_accepted_by_sigstore_and_refused_where_tampered_with(self):
        home = self.home()
        modules = self.node_modules()
        key = home.root / "export.pem"
        home.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        os.chmod(key, 0o600)
        live = json.loads(home.pawl("--json", "current"))
        files = {row["path"]: row["digest"][7:] for row in live["files"]}
        for form, kind in (("oms", "https://model_signing/signature/v1.0"),
                           ("bundle", "https://slsa.dev/verification_summary/v1")):
            out = home.root / f"{form}.json"
            made = json.loads(home.pawl("--json", "export", form, out, "--key", key))
            (home.root / "public.pem").write_text(made["public_key"])
            self.assertEqual(made["public_key"], home.run("openssl", "pkey", "-in", key, "-pubout"))
            accepted, answer = self.sigstore(modules, out, home.root / "public.pem")
            self.assertTrue(accepted, answer)
            statement = answer["statement"]
            self.assertEqual(statement["predicateType"], kind)
            if form == "oms":
                self.assertEqual({row["name"]: row["digest"] for row in statement["predicate"]["resources"]}, files)
            else:
                self.assertEqual(statement["subject"][0]["digest"]["sha256"], live["tree"][7:])
                self.assertEqual(statement["predicate"]["verificationResult"], "PASSED")
            self.refuse_tampered(home, modules, out)
            home.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", home.root / "other")
            (home.root / "other.pem").write_text(home.run("openssl", "pkey", "-in", home.root / "other", "-pubout"))
            self.assertFalse(self.sigstore(modules, out, home.root / "other.pem")[0])
        # Nothing is exported that could not be started.
        home.pawl("halt", "-m", "stop", "--key", home.root / "ada")
        self.assertEqual(home.fails("export", "oms", home.root / "no.json", "--key", key, expect=1)["error"]["rule"], "halt.in-force")
        self.assertFalse((home.root / "no.json").exists())
        os.chmod(key, 0o644)
        self.assertEqual(home.fails("export", "oms", home.root / "no.json", "--key", key, expect=1)["error"]["rule"], "key.permissions")

    def refuse_tampered(self, home, modules, out):
        import base64
        bundle = json.loads(out.read_text())
        envelope = bundle["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"])
        for name, altered in (("payload", base64.b64encode(payload.replace(b"sha256", b"sha257", 1)).decode()),
                              ("payloadType", "application/json")):
            tampered = dict(bundle, dsseEnvelope=dict(envelope, **{name: altered}))
            path = home.root / "tampered.json"
            path.write_text(json.dumps(tampered))
            self.assertFalse(self.sigstore(modules, path, home.root / "public.pem")[0], name)

    def node_modules(self):
        """The pinned packages, installed by the lock file alone."""
        folder = self.folder / "node"
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, folder / name)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, "npm has to reach its registry (npm config get registry):\n" + done.stderr)
        return folder / "node_modules"

    def sigstore(self, modules, bundle, key):
        done = subprocess.run(["node", HERE / "verify_bundle.js", bundle, key], text=True, capture_output=True,
                              env=dict(os.environ, NODE_PATH=str(modules)), check=False)
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode == 0, answer["accepted"], done.stderr)
        return answer["accepted"], answer

    # ---- installing and removing

    def broken_links(self, folder):
        """Relative links of documents that lead to nothing that was installed."""
        documents = list(folder.rglob("*.md"))
        self.assertGreater(len(documents), 30)
        links = [(document, link) for document in documents
                 for link in re.findall(r"\]\(([^)\s#]+)", document.read_text()) if not re.match(r"[a-z]+:", link)]
        self.assertGreater(len(links), 60)
        return [(str(document.relative_to(folder)), link) for document, link in links if not (document.parent / link).exists()]

    def test_make_install_and_uninstall(self):
        destination = self.folder / "destination"
        make = ["make", "-s", "-C", ROOT, f"DESTDIR={destination}", "PREFIX=/opt/pawl"]
        tool = [ROOT / "tools/install-files", "install", "--prefix", "/opt/pawl", "--destdir", destination, "--bin", BIN]
        home = self.home()
        environment = dict(home.environment, HOME=str(home.root))
        subprocess.run(tool, check=True, env=environment, stdout=subprocess.DEVNULL)
        top = destination / "opt/pawl"
        pawl = top / "bin/pawl"
        self.assertIn("home format 2", subprocess.run([pawl, "--version"], text=True, capture_output=True, check=True).stdout)
        version = json.loads(subprocess.run([pawl, "--json", "--version"], text=True, capture_output=True, check=True).stdout)
        self.assertEqual(set(version), {"version", "commit", "formats"})
        self.assertRegex(version["commit"], r"^[0-9a-f]{7,40}(-dirty)?$|^unknown commit$")
        for program in ("pawl", "pawl-check", "pawl-check-certificate", "pawl-check-log"):
            said = subprocess.run([top / "bin" / program, "--version"], text=True, capture_output=True, check=True).stdout
            self.assertIn(f"{program} {version['version']} ({version['commit']}); charter, warrant", said)
            self.assertIn("certificate format %d" % version["formats"]["certificate"], said)
            self.assertTrue((top / f"share/man/man1/{program}.1").exists(), program)
        for command in ("certificate", "warrant", "log", "state"):
            self.assertIn("usage: ", home.run(BIN / "pawl-check", command, "--help"))
        self.assertEqual(self.broken_links(top / "share/doc/pawl"), [])
        # The installed program finds its helper.
        doctor = json.loads(subprocess.run([pawl, "--json", "doctor"], text=True, capture_output=True, check=True,
                                           env=environment).stdout)
        self.assertTrue(doctor["healthy"], doctor)
        page = (top / "share/man/man1/pawl-charter-new.1").read_text()
        self.assertIn("single", page)
        if shutil.which("man"):
            shown = subprocess.run(["man", "--warnings", "-l", top / "share/man/man1/pawl-charter-new.1"], text=True,
                                   capture_output=True, check=True, env=dict(os.environ, MANWIDTH="100", LC_ALL="C.UTF-8"))
            self.assertEqual(shown.stderr, "")
            self.assertIn("--single-operator", re.sub(".\b", "", shown.stdout))
        for shell, path in (("bash", "bash-completion/completions/pawl"), ("zsh", "zsh/site-functions/_pawl"),
                            ("fish", "fish/vendor_completions.d/pawl.fish")):
            script = (top / "share" / path).read_text()
            self.assertEqual(script, home.pawl("completion", shell))
        loaded = subprocess.run(["/usr/bin/python3", "-c", "import pawl; print(pawl.load('%s', 'policy.onnx')[:4])" % SUBJECT],
                                env=dict(environment, PYTHONPATH=str(top / "share/pawl/python"), PATH=f"{top}/bin:/usr/bin:/bin"),
                                text=True, capture_output=True, check=True)
        self.assertTrue(loaded.stdout)

        (top / "share/kept").write_text("not ours")
        said = subprocess.run([*make, "uninstall"], check=True, env=environment, text=True, capture_output=True).stdout
        self.assertIn(str(home.home), said)
        self.assertTrue(home.home.exists())
        self.assertEqual([str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()], ["share/kept"])

    # ---- asking on a terminal

    def on_terminal(self, words, answers, environment, cwd):
        """Types answers as they are asked for; gives all that was shown, and the status."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(cwd)
            os.execve(words[0], [str(word) for word in words], environment)
        shown, left, end = "", list(answers), time.monotonic() + 60
        while time.monotonic() < end:
            ready, _, _ = select.select([terminal], [], [], 0.2)
            if ready:
                try:
                    data = os.read(terminal, 4096)
                except OSError:
                    break
                if not data:
                    break
                shown += data.decode()
            elif left and re.search(r": $", shown):
                os.write(terminal, (left.pop(0) + "\n").encode())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.assertEqual(left, [], shown)
        return shown, status

    def test_charter_new_asks_on_a_terminal(self):
        work = self.folder / "asked"
        shutil.copytree(self.made.subject, work / "subject")
        home = Home(work)
        environment = dict(home.environment, HOME=str(work))
        home.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", work / "me")
        shown, status = self.on_terminal([BIN / "pawl", "charter", "new", "--key", work / "me.pub", "--max-step", "0.03"],
                                         ["nowhere", "subject", "", "yes", "", "", "", "", "2h", ""], environment, work)
        self.assertEqual(status, 0, shown)
        for words in ("no such directory", "are you alone", "shortest time", "a charter for 'subject' is in charter"):
            self.assertIn(words, shown)
        self.assertNotIn("largest gain", shown)
        toml = (work / "charter/charter.toml").read_text()
        for words in ('min_interval = "2h"', "max_step = 0.03", 'level = "single-operator"'):
            self.assertIn(words, toml)
        shown, status = self.on_terminal([BIN / "pawl", "charter", "new", "second"], ["subject", "", "perhaps", "\x04"],
                                         environment, work)
        self.assertEqual(status, 2, shown)
        self.assertFalse((work / "second").exists())
        # In a script nothing is asked, and what is missing is named.
        error = home.fails("charter", "new", "third", expect=2)["error"]
        self.assertIn("--subject", error["advice"])


if __name__ == "__main__":
    NAMES = unittest.defaultTestLoader.getTestCaseNames(DailyTest)
    if sys.argv[1:] == ["--long"]:
        sys.argv[1:] = [f"DailyTest.{name}" for name in LONG]
    elif not sys.argv[1:]:
        sys.argv[1:] = [f"DailyTest.{name}" for name in NAMES if name not in LONG]
    unittest.main(verbosity=2)
