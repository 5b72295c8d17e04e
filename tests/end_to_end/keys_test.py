#!/usr/bin/python3
"""Keys with the real programs: in an ssh-agent, in a PKCS#11 token with one or without, and rotated by an amendment.

usage: keys_test.py [TestName ...]        PAWL_BIN: folder with pawl
"""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "crash"))
import small_world  # noqa: E402
from small_world import World  # noqa: E402

TOKEN_LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"


class KeysTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pawl-keys-"))
        self.world = World(self.root / "world")
        os.makedirs(self.world.root)
        self.world.make_keys()
        self.world.make_tree("baseline", 0.3)
        self.world.make_tree("better", 0.5, 1.5)
        self.agent = None

    def tearDown(self):
        if self.agent:
            self.agent.kill()
            self.agent.communicate()
        subprocess.run(["chmod", "-R", "u+w", self.root], check=False)
        shutil.rmtree(self.root, ignore_errors=True)

    # ---- agents and tokens

    def start_agent(self):
        """OpenSSH's, with an empty memory; it ends with this test."""
        path = self.root / "agent"
        self.agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        self.world.environment["SSH_AUTH_SOCK"] = str(path)
        end = time.time() + 20
        while subprocess.run(["ssh-add", "-l"], env=self.world.environment, capture_output=True).returncode == 2:
            self.assertLess(time.time(), end, "no agent")
            time.sleep(0.05)

    def into_agent(self, name):
        """A new Ed25519 key that nothing but the agent has; the path of its public half."""
        file = self.root / name
        self.world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file)
        self.world.run("ssh-add", "-q", file)
        os.remove(file)
        return f"{file}.pub"

    def start_token(self):
        """SoftHSM's, of this test alone."""
        self.assertTrue(os.path.exists(TOKEN_LIBRARY), "softhsm2 is not installed (tools/packages.txt)")
        self.tokens = self.root / "tokens"
        self.tokens.mkdir()
        settings = self.root / "softhsm2.conf"
        settings.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.world.environment["SOFTHSM2_CONF"] = os.environ["SOFTHSM2_CONF"] = str(settings)
        self.world.run("softhsm2-util", "--init-token", "--free", "--label", "pawl", "--pin", "1234", "--so-pin", "5678")

    def into_token(self, name, number, *kind):
        """A key that is made outside and goes into the token for good; SoftHSM's own tool makes none."""
        secret = self.root / f"{name}.pem"
        self.world.run("openssl", "genpkey", *kind, "-out", secret)
        self.world.run("softhsm2-util", "--import", secret, "--token", "pawl", "--label", name, "--id", number, "--pin", "1234")
        os.remove(secret)

    def uri_of(self, name, source=""):
        return f"pkcs11:token=pawl;object={name}?module-path={TOKEN_LIBRARY}{source}"

    # ---- charters and proposals

    def keys(self):
        return json.loads((self.world.root / "keys.json").read_text())

    def charter_with(self, name, reviewer=None, key=None, person=None, line=None):
        """The world's charter with another key for one reviewer, or another line for one person."""
        keys, signers = self.keys(), (self.world.root / "signers").read_text()
        for entry in keys["reviewers"]:
            if entry["name"] == reviewer:
                entry["key"] = key
        if person:
            signers = "".join(line if old.startswith(f"{person}@") else old for old in signers.splitlines(keepends=True))
        (self.world.root / "keys.json").write_text(json.dumps(keys))
        (self.world.root / "signers").write_text(signers)
        return self.world.make_charter(name)

    def begin(self, charter, keys=None):
        for person in small_world.PEOPLE:
            self.world.pawl("charter", "sign", charter, "--key", (keys or {}).get(person, self.world.root / person))
        self.world.pawl("init", charter)

    def review(self, expect=(0, 6)):
        for name in ("prover-a", "evaluator-a", "auditor-b"):
            self.world.pawl("review", "--as", name, expect=expect)

    def release(self, tree, keys=None):
        proposal = self.world.json("propose", self.world.root / tree, "-m", tree, expect=(6,))["proposal"]
        self.review()
        self.approve(proposal, ("ann", "bob"), keys)
        time.sleep(1.1)  # min_interval
        return self.world.json("release", proposal)

    def approve(self, proposal, people, keys=None):
        self.world.pawl("advance", proposal, expect=(6,))
        for person in people:
            self.world.pawl("approve", proposal, "--key", (keys or {}).get(person, self.world.root / person), expect=(6,))

    def line_of(self, person, public):
        kind, key = pathlib.Path(public).read_text().split()[:2]
        return f'{person}@test namespaces="approve@pawl" {kind} {key}\n'

    # ---- past every program of ours, by whoever has a key and writes to the ledger's file

    def forged_vote(self, like, name):
        """The last vote of one reviewer, as another's, which that one's key has signed."""
        with sqlite3.connect(self.world.home / f"ledger/{small_world.SUBJECT}.sqlite") as database:
            entries = [json.loads(entry) for (entry,) in database.execute("SELECT entry FROM events ORDER BY seq")]
        database.close()
        votes = [one for one in entries if json.loads(base64.b64decode(one["payload"]))["predicate"].get("reviewer") == like]
        envelope = votes[-1]
        statement = json.loads(base64.b64decode(envelope["payload"]))
        statement["predicate"]["reviewer"] = name
        payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        kind, message = envelope["payloadType"].encode(), self.root / "message"
        message.write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
        self.world.run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.world.home / f"keys/{name}/key.pem", "-in", message,
                       "-out", self.root / "signature")
        self.assertEqual([one["keyid"] for one in envelope["signatures"]], [like])
        envelope["payload"] = base64.b64encode(payload).decode()
        envelope["signatures"] = [{"keyid": name, "sig": base64.b64encode((self.root / "signature").read_bytes()).decode()}]
        return json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()

    def append(self, entry):
        """With its nodes of the tree, so that nothing is wrong with the file."""
        with sqlite3.connect(self.world.home / f"ledger/{small_world.SUBJECT}.sqlite") as database:
            (seq,) = database.execute("SELECT count(*) FROM events").fetchone()
            database.execute("INSERT INTO events VALUES (?, ?, ?)", (seq, hashlib.sha256(entry).digest(), entry))
            level, position, node = 0, seq, hashlib.sha256(b"\0" + entry).digest()
            while True:
                database.execute("INSERT INTO nodes VALUES (?, ?, ?)", (level, position, node))
                if position % 2 == 0:
                    break
                (left,) = database.execute("SELECT hash FROM nodes WHERE level = ? AND position = ?", (level, position - 1)).fetchone()
                level, position, node = level + 1, position // 2, hashlib.sha256(b"\1" + left + node).digest()
        database.close()

    # ---- the tests

    def test_a_reviewer_signs_with_a_key_that_stays_in_an_agent(self):
        self.start_agent()
        public = self.into_agent("evaluator-key")
        enrolled = self.world.pawl("key", "enrol", "evaluator-a", "--ssh", public).strip()
        self.assertTrue(enrolled.startswith("evaluator-a+"))
        shutil.rmtree(self.world.home / "keys/evaluator-a")
        self.begin(self.charter_with("charter", "evaluator-a", enrolled))

        proposal = self.world.json("propose", self.world.root / "baseline", expect=(6,))["proposal"]
        self.world.pawl("review", "--as", "prover-a")
        # A locked agent signs nothing and lists nothing: no vote, and nothing is lost.
        lock = self.root / "password"
        lock.write_text("#!/bin/sh\necho secret\n")
        lock.chmod(0o700)
        asking = {"SSH_ASKPASS": str(lock), "SSH_ASKPASS_REQUIRE": "force"}
        self.world.run("ssh-add", "-x", extra=asking)
        said = self.world.json("review", "--as", "evaluator-a", expect=(5,))
        self.assertEqual(said["error"]["rule"], "key.missing")
        self.assertIn("ssh-agent", said["error"]["message"])
        # Who runs for long waits for it, and then votes.
        with subprocess.Popen([small_world.BIN / "pawl", "oversee", "--as", "evaluator-a"], env=self.world.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as overseer:
            try:
                self.assertIn("(key.missing); trying again", overseer.stderr.readline())
                self.world.run("ssh-add", "-X", extra=asking)
                self.assertIn("oversees small", overseer.stdout.readline())
                self.assertIn("p1: evaluator-a (evaluator, of lab-b): voted", overseer.stdout.readline())
            finally:
                overseer.kill()
        self.review()
        self.approve(proposal, ("ann", "bob"))
        time.sleep(1.1)
        self.assertEqual(self.world.json("release", proposal)["outcome"], "accepted")
        # Without the agent, nobody can enrol its key.
        self.world.run("ssh-add", "-q", "-D")
        refused = self.world.json("key", "enrol", "evaluator-a", "--ssh", public, expect=(1,))
        self.assertEqual(refused["error"]["rule"], "agent.refused")

    def test_a_reviewer_signs_with_a_key_that_stays_in_a_token(self):
        self.start_token()
        self.into_token("evaluator-key", "01", "-algorithm", "ED25519")
        self.into_token("next-key", "02", "-algorithm", "ED25519")
        self.into_token("p256-key", "03", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        pin, folder = self.root / "pin", self.world.home / "keys/evaluator-a"
        pin.write_text("1234\n")
        pin.chmod(0o600)
        uri = self.uri_of("evaluator-key", f"&pin-source=file:{pin}")
        enrol = ("key", "enrol", "evaluator-a", "--pkcs11")

        def refused(*words, expect=(1,), **options):
            return self.world.json(*words, expect=expect, **options)["error"]["rule"]

        # A home has one key of a name; what names no such key leaves nothing there.
        self.assertEqual(refused(*enrol, uri), "key.exists")
        shutil.rmtree(folder)
        self.assertEqual(refused(*enrol, self.uri_of("p256-key", f"&pin-source=file:{pin}")), "key.kind")
        self.assertEqual(refused(*enrol, self.uri_of("nobody", f"&pin-source=file:{pin}"), expect=(2,)), "token.no-key")
        self.assertEqual(refused(*enrol, self.uri_of("evaluator-key", "&pin-value=1234"), expect=(2,)), "token.uri")
        self.assertEqual(refused(*enrol, self.uri_of("evaluator-key")), "token.no-pin")
        self.assertEqual(refused(*enrol[:-1], expect=(2,)), "key.where")
        pin.chmod(0o644)
        self.assertEqual(refused(*enrol, uri), "key.permissions")
        pin.chmod(0o600)
        self.assertFalse(folder.exists())
        # The PIN may be in the environment. Once more, with another way to the same key, is no other key.
        first = self.world.json(*enrol, self.uri_of("evaluator-key"), extra={"PAWL_PKCS11_PIN": "1234"})
        enrolled = self.world.pawl(*enrol, uri).strip()
        self.assertEqual(first["key"], enrolled)
        self.assertEqual([row for row in self.world.json("key", "list") if row["name"] == "evaluator-a"],
                         [{"name": "evaluator-a", "key": enrolled, "token": uri}])
        self.assertEqual((folder / "pkcs11-uri").stat().st_mode & 0o777, 0o600)
        self.assertEqual(refused("key", "new", "evaluator-a"), "key.exists")
        self.assertEqual(refused(*enrol, self.uri_of("next-key", f"&pin-source=file:{pin}")), "key.exists")
        charter = self.charter_with("charter", "evaluator-a", enrolled)
        self.begin(charter)

        proposal = self.world.json("propose", self.world.root / "baseline", expect=(6,))["proposal"]
        self.world.pawl("review", "--as", "prover-a")
        # A token that is away: no vote, and nothing is lost. Who runs for long waits for it, and then votes.
        away = self.root / "away"
        os.rename(self.tokens, away)
        self.tokens.mkdir()
        self.assertEqual(refused("review", "--as", "evaluator-a", expect=(5,)), "token.absent")
        oversee = [small_world.BIN / "pawl", "oversee", "--as", "evaluator-a"]
        with subprocess.Popen(oversee, env=self.world.environment, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as overseer:
            try:
                self.assertIn("(token.absent); trying again", overseer.stderr.readline())
                shutil.rmtree(self.tokens)
                os.rename(away, self.tokens)
                self.assertIn("oversees small", overseer.stdout.readline())
                self.assertIn("p1: evaluator-a (evaluator, of lab-b): voted", overseer.stdout.readline())
            finally:
                overseer.kill()
        self.review()
        self.approve(proposal, ("ann", "bob"))
        time.sleep(1.1)
        self.assertEqual(self.world.json("release", proposal)["outcome"], "accepted")

        # A wrong PIN goes to the token once, however often somebody starts again: it would lock itself.
        self.world.json("propose", self.world.root / "better", expect=(6,))
        pin.write_text("4321\n")
        self.assertIn("(token.wrong-pin)", self.world.pawl("review", "--as", "evaluator-a", expect=(6,)))
        for _ in range(4):
            self.assertEqual(refused("oversee", "--as", "evaluator-a"), "token.pin-count")
        pin.write_text("1234\n")
        self.assertEqual(refused("review", "--as", "evaluator-a"), "token.pin-count")
        self.assertEqual(self.world.pawl(*enrol, uri).strip(), enrolled)
        self.assertIn("voted", self.world.pawl("review", "--as", "evaluator-a", expect=(0, 6)))

        # Both keys of a rotation may be in the token; the new one signs once it is in force.
        draft = self.world.root / "charter-2"
        shutil.copytree(charter, draft)
        rotated = self.world.json("key", "rotate", "evaluator-a", "--from", charter, "--to", draft, "--pkcs11",
                                  self.uri_of("next-key", f"&pin-source=file:{pin}"))
        self.assertEqual(rotated["old"], enrolled)
        self.assertIn(rotated["new"], (draft / "charter.toml").read_text())
        self.assertEqual(refused("key", "rotate", "gate-clock", "--from", charter, "--to", draft, "--pkcs11", uri), "key.kind")
        # What loads code is its owner's alone, like a key.
        (folder / "pkcs11-uri").chmod(0o644)
        self.assertEqual(refused("review", "--as", "evaluator-a", expect=(5,)), "key.missing")

    def test_people_sign_with_a_key_in_a_token(self):
        self.start_token()
        self.into_token("ann", "01", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        public = self.root / "ann.pub"
        self.start_agent()
        pin = self.root / "pin"
        pin.write_text("#!/bin/sh\necho 1234\n")
        pin.chmod(0o700)
        self.world.run("ssh-add", "-s", TOKEN_LIBRARY, extra={"SSH_ASKPASS": str(pin), "SSH_ASKPASS_REQUIRE": "force"})
        public.write_text(self.world.run("ssh-add", "-L"))
        self.assertTrue(public.read_text().startswith("ecdsa-sha2-nistp256 "))
        keys = {"ann": public}
        self.begin(self.charter_with("charter", person="ann", line=self.line_of("ann", public)), keys)
        self.assertEqual(self.release("baseline", keys)["outcome"], "accepted")
        # Reviewers' keys are of another kind.
        refused = self.world.json("key", "enrol", "prover-a", "--ssh", public, expect=(1,))
        self.assertEqual(refused["error"]["rule"], "key.kind")

    def test_an_amendment_changes_a_reviewers_key_and_the_old_one_counts_no_more(self):
        self.begin(self.world.make_charter("charter"))
        self.assertEqual(self.release("baseline")["outcome"], "accepted")
        draft = self.world.root / "charter-2"
        shutil.copytree(self.world.charter, draft)
        rotate = ("key", "rotate", "evaluator-a", "--from", self.world.charter, "--to", draft)

        # Who does not have the old key rotates nothing, and makes none.
        old, new = self.world.home / "keys/evaluator-a", self.world.home / "keys/evaluator-a-2"
        os.rename(old, self.root / "old-key")
        self.assertEqual(self.world.json(*rotate, expect=(5,))["error"]["rule"], "key.missing")
        self.assertFalse(new.exists())
        os.rename(self.root / "old-key", old)
        rotated = self.world.json(*rotate)
        self.assertEqual(rotated["holder"], "reviewer evaluator-a")
        self.assertIn(rotated["new"], (draft / "charter.toml").read_text())
        # Once more is refused before anything is made or written.
        self.assertEqual(self.world.json(*rotate, expect=(1,))["error"]["rule"], "key.place")
        self.assertFalse((self.world.home / "keys/evaluator-a-3").exists())
        self.assertEqual(len(list((draft / "rotations").iterdir())), 1)

        # The statement is for this change alone: without the old key's signature it is refused.
        statement = draft / rotated["statement"]
        whole = statement.read_text()
        envelope = json.loads(whole)
        envelope["signatures"] = [one for one in envelope["signatures"] if one["keyid"] == "new"]
        statement.write_text(json.dumps(envelope, sort_keys=True, separators=(",", ":")))
        refused = self.world.json("charter", "amend", draft, expect=(1,))
        self.assertEqual((refused["outcome"], refused["rule"]), ("rejected", "charter.rotation"))
        self.assertIn("not signed by the old key of reviewer evaluator-a", json.dumps(refused))
        statement.write_text(whole)

        # Whoever has the reviewer's keys and fewer people than the threshold changes nothing.
        proposal = self.world.json("charter", "amend", draft, expect=(6,))["proposal"]
        self.review()
        self.approve(proposal, ("ann", "bob"))
        time.sleep(1.2)  # waiting_period
        self.assertEqual(self.world.json("release", proposal, expect=(6,))["rule"], "approval.waiting")
        self.approve(proposal, ("cy",))
        self.assertEqual(self.world.json("release", proposal)["outcome"], "accepted")
        # Of an amendment this charter asks no role but auditors.
        events = [json.loads(line) for line in self.world.pawl("--json", "log", "list").splitlines()]
        self.assertEqual([event["predicate"]["summary"] for event in events if event["kind"] == "finding" and
                          (event["predicate"]["proposal"], event["predicate"]["step"], event["predicate"]["outcome"]) ==
                          (proposal, "quorum", "pass")], ["auditor 1/1"])
        # The key has the reviewer's name, as the charter has it, in whatever folder it lies.
        held = {row["name"]: row["key"] for row in self.world.json("key", "list")}
        self.assertIn(held["evaluator-a-2"], (draft / "charter.toml").read_text())

        # What it signed before stands: the live release still starts. From here on it has no voice.
        self.assertEqual(self.world.json("current")["tree"], self.world.json("tree", self.world.root / "baseline")["tree"])
        proposal = self.world.json("propose", self.world.root / "better", expect=(6,))["proposal"]
        os.rename(new, self.root / "new-key")
        said = self.world.json("review", "--as", "evaluator-a", expect=(5,))
        self.assertEqual(said["error"]["rule"], "key.missing")
        # The new one signs from whatever folder it is in.
        os.rename(self.root / "new-key", new)
        self.review()
        self.approve(proposal, ("ann", "bob"))
        time.sleep(1.1)
        self.assertEqual(self.world.json("release", proposal)["outcome"], "accepted")
        listed = [json.loads(line) for line in
                  self.world.pawl("--json", "log", "list", "--signed-by", "evaluator-a").splitlines()]
        self.assertEqual([row["kind"] for row in listed], ["vote"] * 3)

    def test_a_rotation_is_whole_or_leaves_the_draft_as_it_was(self):
        signers = self.world.root / "signers"
        signers.write_text(signers.read_text().replace("ssh-ed25519 ", "ssh-ed25519  ", 1))  # as people write it
        charter, draft = self.world.make_charter("charter"), self.world.root / "charter-2"
        shutil.copytree(charter, draft)

        def files():
            return {path: path.read_bytes() for path in draft.rglob("*") if path.is_file()}

        before = files()
        person = ("key", "rotate", "ann@test", "--from", charter, "--to", draft, "--old", self.world.root / "ann", "--new")
        # Onto the key of another: refused, and the draft can be used as if nobody had tried.
        refused = self.world.json(*person, self.world.root / "bob", expect=(3,))
        self.assertEqual((refused["error"]["rule"], files()), ("charter.signers", before))
        # A key that stands where it cannot be replaced is refused before another is made or anything signed.
        toml = draft / "charter.toml"
        key = next(one["key"] for one in self.keys()["reviewers"] if one["name"] == "prover-a")
        toml.write_text(toml.read_text() + f"# was: {key}\n")
        refused = self.world.json("key", "rotate", "prover-a", "--from", charter, "--to", draft, expect=(1,))
        self.assertEqual((refused["error"]["rule"], files().keys(), (self.world.home / "keys/prover-a-2").exists()),
                         ("key.place", before.keys(), False))
        toml.write_bytes(before[toml])

        # Nor is the charter in force its own draft, or a folder of statements a file.
        refused = self.world.json("key", "rotate", "prover-a", "--from", charter, "--to", f"{charter}/", expect=(2,))
        self.assertEqual(refused["error"]["rule"], "key.draft")
        (draft / "rotations").rmdir()
        (draft / "rotations").write_text("")
        refused = self.world.json("key", "rotate", "prover-a", "--from", charter, "--to", draft, expect=(5,))
        self.assertNotIn("could not be put back", refused["error"]["message"])
        (draft / "rotations").unlink()
        self.assertEqual(files(), before)

        self.world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "next", "-f", self.root / "next")
        rotated = self.world.json(*person, self.root / "next")
        self.assertIsNotNone(rotated["statement"])
        lines = (draft / "approvers").read_text().splitlines()
        self.assertEqual(lines[0], f'ann@test namespaces="approve@pawl" {rotated["new"]}')
        self.assertEqual(lines[1:], signers.read_text().splitlines()[1:])

    def test_a_revoked_key_has_no_voice_from_its_amendment_on(self):
        keys = self.keys()
        for name, principal, role in (("prover-b", "lab-d", "prover"), ("integrity-a", "lab-e", "integrity")):
            keys["reviewers"].append({"name": name, "principal": principal, "role": role,
                                      "key": self.world.pawl("key", "new", name).strip()})
        (self.world.root / "keys.json").write_text(json.dumps(keys))
        ends = "".join(f'[[reviewer]]\nname = "{name}"\nexpires = "2099-01-01T00:00:00Z"\n\n'
                       for name in ("prover-b", "evaluator-a"))
        charter = self.world.make_charter("charter", lambda text: text.replace(
            '  { role = "evaluator", at_least = 1 },\n',
            '  { role = "evaluator", at_least = 1 },\n  { role = "integrity", at_least = 1 },\n'))
        (charter / "reviewers.toml").write_text(ends)
        self.begin(charter)
        voters = ("prover-a", "evaluator-a", "integrity-a", "auditor-b")
        proposal = self.world.json("propose", self.world.root / "baseline", expect=(6,))["proposal"]
        for name in ("prover-b", *voters):
            self.world.pawl("review", "--as", name, expect=(0, 6))
        self.approve(proposal, ("ann", "bob"))
        time.sleep(1.1)
        self.assertEqual(self.world.json("release", proposal)["outcome"], "accepted")

        draft = self.world.root / "charter-2"
        shutil.copytree(charter, draft)
        revoke = ("key", "revoke", "prover-b", "--from", charter, "--to", draft)
        said = self.world.json(*revoke)
        key = next(one["key"] for one in keys["reviewers"] if one["name"] == "prover-b")
        self.assertEqual(said, {"holder": "reviewer prover-b", "old": key, "new": None,
                                "files": [f"{draft}/charter.toml", f"{draft}/reviewers.toml"]})
        # Nothing else of either file has gone.
        table = f'[[reviewer]]\nname = "prover-b"\nprincipal = "lab-d"\nrole = "prover"\nkey = "{key}"\n\n'
        whole = (charter / "charter.toml").read_text()
        self.assertIn(table, whole)
        self.assertEqual((draft / "charter.toml").read_text(), whole.replace(table, ""))
        self.assertEqual((draft / "reviewers.toml").read_text(), ends[ends.index("\n\n") + 2:])
        self.assertEqual(self.world.json(*revoke, expect=(1,))["error"]["rule"], "key.place")

        # A proposal that is open when the revocation takes hold ends with it.
        pending = self.world.json("propose", self.world.root / "better", expect=(6,))["proposal"]
        self.world.pawl("review", "--as", "prover-a", expect=(0, 6))
        self.append(self.forged_vote("prover-a", "prover-b"))  # whoever has its key can vote, in whatever way
        self.world.pawl("log", "verify")
        amendment = self.world.json("charter", "amend", draft, expect=(6,))["proposal"]
        for name in ("integrity-a", "auditor-b"):
            self.world.pawl("review", "--as", name, expect=(0, 6))
        self.approve(amendment, small_world.PEOPLE)
        time.sleep(1.2)  # waiting_period
        self.assertEqual(self.world.json("release", amendment)["outcome"], "accepted")
        self.assertEqual(self.world.json("advance", pending, expect=(1,))["rule"], "quorum.overtaken")
        # It has no vote on the next one, which goes its way without.
        proposal = self.world.json("propose", self.world.root / "better", expect=(6,))["proposal"]
        self.assertEqual(self.world.json("review", "--as", "prover-b", expect=(2,))["error"]["rule"], "review.unknown")
        for name in voters:
            self.world.pawl("review", "--as", name, expect=(0, 6))
        self.approve(proposal, ("ann", "bob"))
        time.sleep(1.1)
        self.assertEqual(self.world.json("release", proposal)["outcome"], "accepted")
        listed = [json.loads(line) for line in
                  self.world.pawl("--json", "log", "list", "--signed-by", "prover-b").splitlines()]
        release = [json.loads(line)["index"] for line in self.world.pawl("--json", "log", "list").splitlines()
                   if json.loads(line)["kind"] == "release"][1]
        self.assertEqual([(row["kind"], row["index"] < release) for row in listed], [("vote", True)] * 2)
        # Nor does anybody take a vote that its key has signed past all this.
        self.world.pawl("log", "verify")
        self.append(self.forged_vote("prover-a", "prover-b"))
        error = self.world.json("log", "verify", expect=(1,))["error"]
        self.assertIn("is no vote of reviewer 'prover-b'", error["message"])

    def test_a_loader_that_has_not_followed_a_revocation_is_resumed_by_its_own_charter(self):
        charter = self.world.make_charter("charter")
        self.begin(charter)
        self.release("baseline")
        # Another loader, of this home's log. Ann halts it while the ledger is away, so that nobody else knows.
        late = self.root / "late/state.json"
        shutil.copytree(self.world.home / f"loader/{small_world.SUBJECT}", late.parent)
        ledger = self.world.home / f"ledger/{small_world.SUBJECT}.sqlite"
        at_late = ("--subject", small_world.SUBJECT, "--state", late)
        os.rename(ledger, self.root / "away")
        said = self.world.json(*at_late, "halt", "-m", "smoke", "--key", self.world.root / "ann", expect=(5,))
        self.assertEqual(said["error"]["rule"], "halt.ledger")
        ledger.unlink(missing_ok=True)
        os.rename(self.root / "away", ledger)

        # Meanwhile the others replace her key.
        self.world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "next", "-f", self.root / "next")
        draft = self.world.root / "charter-2"
        shutil.copytree(charter, draft)
        self.world.json("key", "rotate", "ann@test", "--from", charter, "--to", draft, "--old", self.world.root / "ann",
                        "--new", self.root / "next")
        amendment = self.world.json("charter", "amend", draft, expect=(6,))["proposal"]
        self.review()
        self.approve(amendment, small_world.PEOPLE)
        self.approve(amendment, ("ann",), {"ann": self.root / "next"})
        time.sleep(1.2)  # waiting_period
        self.assertEqual(self.world.json("release", amendment)["outcome"], "accepted")

        # By the charter that this loader follows, it is halted; a key that it does not know does not lift that, and
        # stops it no more than it was.
        begun = ("--add-to", self.root / "resume.json")
        why = self.world.json(*at_late, "current", expect=(1,))["error"]["rule"]
        self.assertEqual(why, "halt.in-force")
        # An auditor beside it waits for people, who can lift the halt.
        self.world.json("propose", self.world.root / "better", expect=(6,))
        for name in ("prover-a", "evaluator-a"):
            self.world.pawl("review", "--as", name)
        audit = (*at_late, "review", "--as", "auditor-b")
        self.assertIn("a halt is open", self.world.pawl(*audit, expect=(6,)))
        self.world.json(*at_late, "resume", "-m", "no fire", *begun, "--key", self.world.root / "bob", expect=(6,))
        said = self.world.json(*at_late, "resume", *begun, "--key", self.root / "next", expect=(5,))
        self.assertEqual(said["error"]["rule"], "resume.loader")
        self.assertIn("1 of the 2 people", said["error"]["message"])
        self.assertEqual(self.world.json(*at_late, "current", expect=(1,))["error"]["rule"], "halt.in-force")
        self.assertIn("lifted", self.world.json(*at_late, "resume", *begun, "--key", self.world.root / "cy")["done"])
        self.assertEqual(self.world.json(*at_late, "current")["tree"], self.world.json("current")["tree"])
        self.assertIn(": closed: ", self.world.pawl(*audit))
        # And then it follows.
        warrant = sorted((self.world.home / f"loader/{small_world.SUBJECT}/warrants").iterdir())[-1]
        self.world.run(small_world.BIN / "pawl-check", "warrant", warrant, "--charter", charter, "--store",
                       self.world.home / "store", "--state", late, "--commit")
        self.assertEqual(json.loads(late.read_text())["charter"], self.world.json("tree", draft)["tree"])

    def test_no_revocation_leaves_a_charter_that_nobody_can_meet(self):
        charter, draft = self.world.make_charter("charter"), self.world.root / "charter-2"
        shutil.copytree(charter, draft)
        files = {path: path.read_bytes() for path in draft.rglob("*") if path.is_file()}

        def refused(rule, name, *words, status=1, from_=charter, to=draft):
            error = self.world.json("key", "revoke", name, "--from", from_, "--to", to, *words, expect=(status,))["error"]
            self.assertEqual(error["rule"], rule, error)
            self.assertEqual({path: path.read_bytes() for path in draft.rglob("*") if path.is_file()}, files)
            return error

        error = refused("charter.quorum-unreachable", "prover-a")
        self.assertIn("without this key of reviewer prover-a", error["message"])
        self.assertIn("enrol", error["advice"])
        refused("charter.threshold-unreachable", "ann@test")  # amendments take all three
        refused("key.gate", "gate-clock")
        refused("key.gate", "gate-log")
        refused("key.holder", "dan@test", status=2)
        refused("key.which", "prover-a", "--key", self.world.root / "ann", status=2)
        refused("key.draft", "prover-a", to=f"{charter}/", status=2)

        # A table within a line is left to people.
        inline = self.world.root / "inline"
        shutil.copytree(charter, inline)
        text = (inline / "charter.toml").read_text()
        tables, at = "", text.index("[[reviewer]]")
        for one in self.keys()["reviewers"]:
            tables += "  { " + ", ".join(f'{key} = "{value}"' for key, value in one.items()) + " },\n"
        (inline / "charter.toml").write_text(f"reviewer = [\n{tables}]\n" + text[:at] + text[text.index("[quorum]"):])
        self.assertIn("by hand", refused("key.place", "prover-a", to=inline)["advice"])

        # Of two keys of a person one has to be named; who has another stays, and others have their keys still.
        self.world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "second", "-f", self.root / "second")
        for folder in (charter, draft):
            with open(folder / "approvers", "a") as approvers:
                approvers.write(self.line_of("ann", self.root / "second.pub"))
        files[draft / "approvers"] = (draft / "approvers").read_bytes()
        refused("key.which", "ann@test", status=2)
        said = self.world.pawl("key", "revoke", "ann@test", "--from", charter, "--to", draft, "--key",
                               self.root / "second.pub")
        self.assertIn("person ann@test: a key is revoked", said)
        self.assertEqual((draft / "approvers").read_text(), (self.world.root / "signers").read_text())

        # Whose keys have run out help nobody to meet a quorum.
        keys = self.keys()
        keys["reviewers"].append({"name": "prover-b", "principal": "lab-d", "role": "prover",
                                  "key": self.world.pawl("key", "new", "prover-b").strip()})
        (self.world.root / "keys.json").write_text(json.dumps(keys))
        charter, draft = self.world.make_charter("with-two"), self.world.root / "without-one"
        (charter / "reviewers.toml").write_text('[[reviewer]]\nname = "prover-b"\nexpires = "2020-01-01T00:00:00Z"\n')
        shutil.copytree(charter, draft)
        files = {path: path.read_bytes() for path in draft.rglob("*") if path.is_file()}
        refused("charter.expired-keys", "prover-a", from_=charter, to=draft)
        said = self.world.json("key", "revoke", "prover-b", "--from", charter, "--to", draft)
        self.assertEqual(said["files"], [f"{draft}/charter.toml", f"{draft}/reviewers.toml"])
        self.assertFalse((draft / "reviewers.toml").exists())  # it named nobody else

    def test_a_reviewers_key_that_has_run_out_is_replaced_by_an_amendment(self):
        def ends(charter, year):
            (charter / "reviewers.toml").write_text("".join(
                f'[[reviewer]]\nname = "{name}"\nexpires = "{year}-01-01T00:00:00Z"\n'
                for name in ("evaluator-a", "auditor-b")))

        charter = self.world.make_charter("charter")
        ends(charter, 2020)
        self.assertEqual(self.world.json("charter", "check", charter, expect=(1,))["error"]["rule"], "charter.expired-keys")
        self.begin(charter)
        warnings = " ".join(self.world.json("status")["warnings"])
        for name in ("evaluator-a", "auditor-b"):
            self.assertIn(f"the key of reviewer '{name}' ran out at 2020-01-01T00:00:00Z", warnings)
        proposal = self.world.json("propose", self.world.root / "baseline", expect=(6,))["proposal"]
        self.world.pawl("review", "--as", "prover-a")
        for name in ("evaluator-a", "auditor-b"):
            self.assertIn("(reviewer.expired-key)", self.world.pawl("review", "--as", name, expect=(6,)))
        self.assertEqual(self.world.json("advance", proposal, expect=(6,))["rule"], "quorum.waiting")

        draft = self.world.root / "charter-2"
        shutil.copytree(charter, draft)
        ends(draft, 2099)
        amendment = self.world.json("charter", "amend", draft, expect=(6,))["proposal"]
        self.world.pawl("review", "--as", "auditor-b", expect=(0, 6))
        self.approve(amendment, small_world.PEOPLE)
        time.sleep(1.2)  # waiting_period
        self.assertEqual(self.world.json("release", amendment)["outcome"], "accepted")
        self.assertEqual(self.release("baseline")["outcome"], "accepted")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
