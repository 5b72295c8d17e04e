#!/usr/bin/python3
"""The whole path with the real programs over a log in PostgreSQL, by a user who may insert and read alone; two gates at
once; a server that is gone; rows that somebody has changed.

usage: path_test.py [TestName ...]        PAWL_BIN: folder with pawl and pawl-check
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/attack"), str(ROOT / "tests/crash")]
from attack_home import BIN, SUBJECT, VOTERS, AUDITORS, AttackHome  # noqa: E402
from server import MANUAL, SERVER_BIN, Server  # noqa: E402
from small_world import World  # noqa: E402


def ask(url, body=None):
    """Status and text of an answer; a body is sent by POST."""
    try:
        with urllib.request.urlopen(url, body, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def until(test, what):
    end = time.time() + 60
    while not what():
        test.assertLess(time.time(), end, "waited in vain")
        time.sleep(0.1)


class PostgresqlHome(AttackHome):
    """An attacks' home (small and fast) whose log is in the server of the test. One property more takes 15,000 boxes: its
    bound is just above the largest cost that there is."""
    server = None

    def begin(self, edit=None, files=None):
        spec = (ROOT / "examples/collision/charter/properties/first-advisory-not-strong.vnnlib").read_text(encoding="utf-8")
        spec = spec[:spec.index("; unsafe")] + "(assert (>= Y_2 0.576))\n"
        spec = spec.replace("(assert (>= X_4 0.0))", "(assert (>= X_4 -1.0))").replace("(assert (<= X_4 0.0))", "(assert (<= X_4 1.0))")
        table = '[[property]]\nname = "rest-is-cheap"\nnetwork = "policy.onnx"\nspec = "properties/rest-is-cheap.vnnlib"\n\n'

        def with_property(toml):
            return (edit(toml) if edit else toml).replace("[improver]", table + "[improver]", 1)
        super().begin(edit=with_property, files={"properties/rest-is-cheap.vnnlib": spec, **(files or {})})

    def pawl(self, *words, **options):
        if words and words[0] == "init":
            words = ("node", *words, "--ledger", self.server.url())  # what `pawl init --ledger` is too, see below
        return super().pawl(*words, **options)

    def go(self, *words):
        """A command and nothing expected of it: its exit status and last line."""
        result = subprocess.run([BIN / "pawl", "--json", *map(str, words)], env=self.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        return result.returncode, json.loads(result.stdout.splitlines()[-1])


class LyingWorker(threading.Thread):
    """With an enrolled key and no more rights than a worker's: signs, of up to `most` batches of one tree, that every
    episode is as `miss` and `score` say."""

    def __init__(self, server, secret, name, tree, miss, score, most):
        super().__init__()
        self.server, self.secret, self.name_, self.tree, self.most = server, secret, name, tree, most
        self.metrics = f'{{"near_miss":{miss},"alert_rate":0.1,"reversals":0,"score":{score}}}'
        self.answered, self.over = 0, threading.Event()

    def sql(self, statement):
        return self.server.sql(f"SET ROLE pawl_worker; {statement}", "pawl")

    def run(self):
        while not self.over.is_set() and self.answered < self.most:
            taken = self.sql(
                "WITH next AS (SELECT job, part FROM pawl_work_parts WHERE answer = '' AND lease_until < clock_timestamp()"
                f" AND position(convert_to('{self.tree}', 'UTF8') IN question) > 0 ORDER BY part LIMIT 1 FOR UPDATE SKIP LOCKED)"
                " UPDATE pawl_work_parts AS p SET attempt = p.attempt + 1, holder = 'who?', taken_at = clock_timestamp(),"
                " lease_until = clock_timestamp() + interval '1 min' FROM next JOIN pawl_work_jobs AS j ON j.job = next.job"
                " WHERE p.job = next.job AND p.part = next.part"
                " RETURNING encode(p.job, 'hex'), p.part, p.attempt, encode(j.claim, 'hex'), encode(p.question, 'hex')")
            if taken:
                self.answer(*taken.split("|"))
            else:
                time.sleep(0.02)

    def answer(self, job, part, attempt, claim, question):
        claim, question = bytes.fromhex(claim), bytes.fromhex(question)
        seeds = base64.b64decode(json.loads(question)["seeds"])
        lines = "".join(f'{{"episode":{i},"metrics":{self.metrics},"group":"{"other" if i % 9 else "climbing"}"}}\n'
                        for i in range(len(seeds) // 32))
        signed = json.dumps({
            "asked": "sha256:" + hashlib.sha256(claim + b"\n" + question).hexdigest(), "us": 1, "worker": self.name_,
            "episodes": base64.b64encode(lines.encode()).decode(), "part": int(part),
            "job": base64.b64encode(bytes.fromhex(job)).decode()}, sort_keys=True, separators=(",", ":")).encode()
        kind = b"application/vnd.pawl.trial-answer+json"
        with tempfile.NamedTemporaryFile() as message:
            message.write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(signed), signed))
            message.flush()
            signature = subprocess.run(["/usr/bin/openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.secret, "-in",
                                        message.name], stdout=subprocess.PIPE, check=True).stdout
        self.sql(f"UPDATE pawl_work_parts SET answer = '\\x{signed.hex()}', signature = '\\x{signature.hex()}'"
                 f" WHERE job = '\\x{job}' AND part = {part} AND attempt = {attempt} AND answer = ''")
        self.answered += 1

    def stop(self):
        self.over.set()
        self.join()


class PostgresqlPathTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-postgresql-"))
        cls.addClassCleanup(cls.remove)
        cls.folder.chmod(0o755)
        cls.server = PostgresqlHome.server = Server(cls.folder / "server")
        cls.addClassCleanup(cls.server.stop)
        cls.home = PostgresqlHome.made(cls.folder / "here")

    @classmethod
    def remove(cls):
        subprocess.run(["chmod", "-R", "u+w", cls.folder], check=False)
        shutil.rmtree(cls.folder)

    def propose(self, name, better, *more, edit=None):
        home = self.home
        home.wait()
        tree = home.candidate(name, better, edit)
        proposal = home.position("propose", tree, "-m", name, *more, expect=(6,))["proposal"]
        home.review()
        return proposal

    def outcomes(self, proposal):
        return [event["predicate"]["outcome"] for event in self.home.events()
                if event["kind"] == "outcome" and event["predicate"]["proposal"] == proposal]

    def test_1_a_change_goes_the_whole_path(self):
        home = self.home
        # With a worker beside the gate's own proof and trial, who has no more rights than the manual gives. The network is
        # the live one with a word more, so that its certificates are others.
        def with_another_network(tree):
            network = tree / "policy.onnx"
            network.write_bytes(network.read_bytes() + b"\x72\x06\x0a\x01k\x12\x01v")  # metadata_props: k is v
        (self.folder / "trial-workers.txt").write_text(
            json.loads(home.pawl("--json", "key", "new", "worker-t"))["key"] + "\n", encoding="utf-8")
        worker = subprocess.Popen([BIN / "pawl", "--json", "work", "--log", self.server.url("pawl_worker"), "--as",
                                   "worker-t", "--trials-of", home.pawl("tree", home.charter).strip()],
                                  env=home.environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        proposal = self.propose("better", 1, "--workers", self.server.url(), "--worker-keys",
                                self.folder / "trial-workers.txt", "--alone-seconds", 0, "--batch-episodes", 2000,
                                edit=with_another_network)
        worker.terminate()
        batches = [json.loads(line) for line in worker.communicate(timeout=60)[0].splitlines()]
        self.assertIn(("trial", "run"), {(batch["kind"], batch["outcome"]) for batch in batches}, batches)
        self.assertIn(("proof", "proven"), {(part["kind"], part["outcome"]) for part in batches}, batches)
        found = {event["predicate"]["step"]: event["predicate"]["summary"] for event in home.events()
                 if event["kind"] == "finding" and event["predicate"]["proposal"] == proposal}
        self.assertIn("workers gave", found["trial"])
        self.assertRegex(found["properties"], r"'rest-is-cheap' proven \(\d+ leaves, (6[4-9]|[7-9]\d|\d{3}) parts by workers\)")
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        home.position("release", proposal, expect=(0,))
        self.assertEqual(self.outcomes(proposal), ["accepted"])
        self.assertEqual([path.name for path in sorted((home.home / "ledger").iterdir()) if "snapshot" not in path.name],
                         [f"{SUBJECT}.sqlite.gate", f"{SUBJECT}.url"])
        home.pawl("log", "verify")
        home.pawl("log", "export", home.root / "export")
        home.run(BIN / "pawl-check", "log", home.root / "export", "--charter", home.charter)
        # The loader beside the home follows with the files alone.
        self.assertEqual(home.check(home.warrant_path(2), commit=True)["exit"], 0)

    def test_2_two_gates_on_one_log(self):
        """A second home with the same keys and store: what a fail-over of the gate's machine leaves behind."""
        home = self.home
        proposal = self.propose("raced", 2)
        other = PostgresqlHome(self.folder / "there")
        shutil.copytree(home.home, other.home, symlinks=True)
        # The lock of the first one is lost with its connection; the second begins while it still works.
        cut = ("SELECT count(pg_terminate_backend(pid)) FROM pg_locks JOIN pg_stat_activity USING (pid)"
               " WHERE locktype = 'advisory' AND state = 'idle'")
        gates = []
        for each in (home, other):
            gates.append(subprocess.Popen([BIN / "pawl", "--json", "advance", proposal], env=each.environment, text=True,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
            while each is home and self.server.sql(cut) == "0":
                self.assertIsNone(gates[0].poll(), "it was never seen to hold its lock")
        for gate in gates:
            answer = json.loads(gate.communicate()[0].splitlines()[-1])
            self.assertIn(gate.returncode, (5, 6), answer)
            self.assertNotEqual(answer.get("error", {}).get("rule"), "gate.busy")
        home.position("advance", proposal, expect=(6,))
        home.approve(proposal)
        self.assertEqual(home.position("release", proposal, expect=(0,))["outcome"], "accepted")
        self.assertEqual(self.outcomes(proposal), ["accepted"])
        released = [event for event in home.events() if event["kind"] == "release"]
        self.assertEqual(len(released), 3)  # the baseline, the first change, this one
        # The other home's gate sees it done, and its commands read the same log.
        self.assertEqual(other.pawl("log", "verify"), home.pawl("log", "verify"))

    def test_3_reviewers_and_a_person_on_another_machine(self):
        """A home that was made from the database alone, with the keys of three reviewers."""
        home, away = self.home, ("prover-b", "evaluator-b", "auditor-b")
        node = PostgresqlHome(self.folder / "node")
        join = ("node", "join", self.server.url(), "--subject", SUBJECT, "--charter")
        code, answer = node.go(*join, "sha256:" + "0" * 64)
        self.assertEqual((code, answer["error"]["rule"]), (1, "node.other-charter"))
        self.assertEqual(list((node.home / "ledger").iterdir()), [])
        code, answer = node.go(*join[:-2], "nobody", "--charter", "sha256:" + "0" * 64)
        self.assertEqual(answer["error"]["rule"], "node.no-log")
        charter = home.pawl("tree", home.charter).strip()
        code, answer = node.go(*join, charter)
        self.assertEqual((code, answer["events"]), (0, len(home.events())))
        self.assertEqual(answer["root"], json.loads(home.pawl("--json", "log", "verify").splitlines()[-1])["root"])

        for name in away:
            shutil.copytree(home.home / "keys" / name, node.home / "keys" / name)
        home.wait()
        proposal = home.position("propose", home.candidate("far", 3), "-m", "far", expect=(6,))["proposal"]
        for where, names in ((home, [name for name in VOTERS if name not in away]), (node, away[:2]),
                             (home, AUDITORS[:1]), (node, away[2:])):
            for name, answer in where.review(names).items():
                self.assertEqual(answer.returncode, 0, (name, answer.stdout, answer.stderr))
        home.position("advance", proposal, expect=(6,))
        # The signature is on the ledger; to move the proposal on is for the gate, whose key is not here.
        code, answer = node.go("approve", proposal, "--key", home.root / "ada")
        self.assertEqual((code, answer["error"]["rule"]), (5, "key.missing"))
        home.position("approve", proposal, "--key", home.root / "ben", expect=(6,))
        home.position("release", proposal, expect=(0,))
        self.assertEqual(self.outcomes(proposal), ["accepted"])
        listed = json.loads(node.pawl("--json", "node", "list"))["reviewers"]
        self.assertEqual({each["reviewer"] for each in listed if each["votes"]}, set(VOTERS))
        node.pawl("log", "verify")

    def test_3_workers_prove_what_one_asks(self):
        """With no more rights than the manual gives; one worker is enrolled, one is not, and one writes what it likes."""
        def go(home, *words, **more):
            return subprocess.Popen([BIN / "pawl", "--json", "--home", self.folder / home, *map(str, words)], text=True,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more)

        def answer(process):
            return json.loads(process.communicate(timeout=120)[0].splitlines()[-1])
        keys = [answer(go(name, "key", "new", name))["key"] for name in ("worker-a", "worker-b")]
        (self.folder / "workers.txt").write_text(f"# who may\n{keys[0]}  # in the next room\n", encoding="utf-8")
        network = ROOT / "examples/collision/subject/policy.onnx"
        spec = ROOT / "examples/collision/charter/properties/first-advisory-not-strong.vnnlib"
        work = ("work", "--log", self.server.url("pawl_worker"), "--once", "--as")
        for name, code, rule in (("worker-a", 6, "work.nothing"), ("worker-c", 5, "key.missing")):
            process = go("worker-a", *work, name)
            self.assertEqual((answer(process)["error"]["rule"], process.returncode), (rule, code))
        asks = go("worker-a", "prove", network, spec, "--weight-radius", "0.5%", "--workers", self.server.url(),
                  "--worker-keys", self.folder / "workers.txt", "--alone-seconds", 0, "--parts", 8, "--certificate",
                  self.folder / "cert")
        while self.server.sql("SELECT count(*) FROM pawl_work_parts", "pawl") == "0":
            self.assertIsNone(asks.poll(), "it has asked nobody")
        process = go("worker-b", *work, "worker-b")
        self.assertEqual((answer(process)["error"]["rule"], process.returncode), ("work.not-enrolled", 1))
        queue = ("--log", self.server.url("pawl_worker"))
        listed = answer(go("worker-b", "work", "list", *queue))
        self.assertEqual([(job["kind"], job["held"], job["answered"]) for job in listed["jobs"]], [("proof", 0, 0)])
        self.server.sql("SET ROLE pawl_worker; UPDATE pawl_work_parts SET answer = 'yes' WHERE part = 0", "pawl")
        process = go("worker-a", *work, "worker-a")
        self.assertEqual((answer(process)["outcome"], process.returncode), ("proven", 0))
        works = go("worker-a", *work[:-2], "--as", "worker-a", "--health", "127.0.0.1:0", stderr=subprocess.PIPE)
        health = works.stderr.readline().split()[1].removesuffix("/healthz")
        found = answer(asks)
        self.assertEqual((found["status"], asks.returncode), ("proven", 0))
        self.assertEqual(found["workers"]["unsigned_answers"], 1)
        self.assertEqual(found["workers"]["shut_out"], {})
        self.assertGreaterEqual(len(found["workers"]["parts"]), 8)
        self.assertEqual(ask(f"{health}/healthz"), (200, "ok\n"))
        done = r'pawl_work_parts_total{kind="proof",outcome="proven"} ([1-9]\d*)\n'
        until(self, lambda: re.search(done, ask(f"{health}/metrics")[1]))
        status, text = ask(f"{health}/metrics")
        self.assertEqual(status, 200)
        self.assertIn("\npawl_queue_readable 1\n", text)
        self.assertLess(abs(int(re.search(r"\npawl_looked_time_seconds (\d+)\n", text)[1]) - time.time()), 60)
        self.assertRegex(text, r'pawl_work_seconds_total{kind="proof",outcome="proven"} \d+\.\d{3}\n')
        self.assertRegex(text, r"\npawl_work_leaves_total [1-9]")
        self.assertIn("\npawl_work_episodes_total 0\n", text)
        self.assertEqual((ask(f"{health}/elsewhere")[0], ask(f"{health}/metrics", b"")[0]), (404, 405))
        counted = int(re.search(done, text)[1])
        works.terminate()
        said = [json.loads(line) for line in works.communicate(timeout=120)[0].splitlines()]
        self.assertEqual(said[-1]["outcome"], "proven")
        self.assertEqual(sum(part["outcome"] == "proven" for part in said), counted)
        self.server.sql(f"INSERT INTO pawl_work_shut_out VALUES ('{keys[0]}', 'noise', now(), 'c', 'q', 'a', 's')", "pawl")
        self.assertEqual(answer(go("worker-a", *work, "worker-a"))["error"]["rule"], "work.shut-out")
        shut_out, = answer(go("worker-b", "work", "list", *queue))["shut_out"]
        self.assertEqual((shut_out["key"], shut_out["why"]), (keys[0], "noise"))
        self.assertEqual(answer(go("worker-b", "work", "evidence", "worker-a", *queue))["answer"], "YQ==")
        self.assertIn("error", answer(go("worker-b", "work", "readmit", "worker-a", *queue)))  # not for a worker to do
        for expected in ("readmitted", "error"):
            self.assertIn(expected, answer(go("worker-b", "work", "readmit", "worker-a", "--log", self.server.url())))
        self.assertEqual(answer(go("worker-a", *work, "worker-a"))["error"]["rule"], "work.nothing")
        self.assertEqual(works.returncode, 0)
        subprocess.run([BIN / "pawl-check", "certificate", network, spec, self.folder / "cert"], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(self.server.sql("SELECT count(*) FROM pawl_work_jobs", "pawl"), "0")

    def test_3_workers_end_nothing_and_let_nothing_through(self):
        """A candidate that breaks a limit ends, whoever says what of it, and one that does not goes on: one worker is
        honest, another says of a candidate the contrary of what is so."""
        home = self.home
        keys = [json.loads(home.pawl("--json", "key", "new", name))["key"] for name in ("honest", "liar", "liar-2")]
        (self.folder / "some-workers.txt").write_text("\n".join(keys), encoding="utf-8")
        home.wait()
        worker = subprocess.Popen([BIN / "pawl", "--json", "work", "--log", self.server.url("pawl_worker"), "--as", "honest",
                                   "--only-trials", "--trials-of", home.pawl("tree", home.charter).strip()],
                                  env=home.environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(worker.kill)

        def harm(tree):
            path = tree / "improver/hyperparameters.json"
            path.write_text(path.read_text().replace("{", '{"harm": 1,', 1))

        def ask(name, better, edit, liar=None, most=0):
            """What the gate says, and its findings of trial and bounds."""
            tree = home.candidate(name, better, edit)
            lies = None
            if liar:
                score = f"{0.9 + 0.005 * better:.6f}".rstrip("0")
                lies = LyingWorker(self.server, home.home / "keys" / liar / "key.pem", liar, home.pawl("tree", tree).strip(),
                                   0 if edit else 1, score, most)
                lies.start()
            try:
                code, said = home.go("propose", tree, "-m", name, "--workers", self.server.url(), "--worker-keys",
                                     self.folder / "some-workers.txt", "--batch-episodes", 250)
            finally:
                if lies:
                    lies.stop()
            self.assertEqual(lies is not None, bool(lies and lies.answered > 0))
            found = {event["predicate"]["step"]: event["predicate"]["summary"] for event in home.events()
                     if event["kind"] == "finding" and event["predicate"]["proposal"] == said["proposal"]}
            return code, said, found

        def ended(said):
            return said["outcome"], said["step"], said["rule"]

        # Both say so: what ends the proposal is what the gate has found itself.
        code, said, found = ask("harmful", 4, harm)
        self.assertEqual((code, *ended(said)), (1, "rejected", "bounds", "bounds.harm"), (said, found))
        self.assertIn("every episode was run here (what ends a proposal is run here)", found["trial"])
        self.assertNotIn("shut out", found["trial"])
        # One says that all is well, in every batch that it gets.
        code, again, found = ask("harmful-2", 5, harm, "liar", 1_000)
        self.assertEqual((code, ended(again)), (1, ended(said)), (again, found))
        self.assertIn("worker 'liar' is shut out: episode ", found["trial"])
        # One says that a limit is broken, in one batch.
        code, said, found = ask("good", 4, None, "liar-2", 1)
        self.assertEqual((code, said["outcome"], said["step"]), (6, "pending", "quorum"), (said, found))
        self.assertIn("worker 'liar-2' is shut out: episode ", found["trial"])
        worker.terminate()
        batches = [json.loads(line) for line in worker.communicate(timeout=60)[0].splitlines()]
        self.assertGreater(len(batches), 2)
        self.assertEqual({batch["outcome"] for batch in batches} - {"lost"}, {"run"}, batches)
        # The logs of gate and worker can be joined.
        self.assertIn(said["trace_id"], {batch["trace_id"] for batch in batches})
        listed = json.loads(home.pawl("--json", "work", "list", "--log", self.server.url("pawl_worker")))
        self.assertEqual({worker["key"] for worker in listed["shut_out"]}, set(keys[1:]))
        evidence = json.loads(home.pawl("--json", "work", "evidence", "liar", "--log", self.server.url("pawl_worker")))
        self.assertIn(b'"near_miss":0', base64.b64decode(json.loads(base64.b64decode(evidence["answer"]))["episodes"]))
        for name in ("liar", "liar-2"):
            home.pawl("work", "readmit", name, "--log", self.server.url())

    def test_4_a_server_that_is_gone(self):
        subprocess.run([BIN / "pawl", "--home", self.folder / "idle", "key", "new", "idle"], check=True, stdout=subprocess.DEVNULL)
        idle = subprocess.Popen([BIN / "pawl", "--home", self.folder / "idle", "work", "--log", self.server.url("pawl_worker"),
                                 "--as", "idle", "--health", "127.0.0.1:0"], text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(idle.stderr.close)
        self.addCleanup(idle.kill)
        health = idle.stderr.readline().split()[1].removesuffix("/healthz")
        until(self, lambda: "\npawl_queue_readable 1\n" in ask(f"{health}/metrics")[1])
        self.assertEqual(ask(f"{health}/healthz"), (200, "ok\n"))
        self.server.stop()
        try:
            until(self, lambda: ask(f"{health}/healthz") == (503, "queue: ledger.unreachable\n"))
            self.assertIn("\npawl_queue_readable 0\n", ask(f"{health}/metrics")[1])
            code, answer = self.home.go("status")
            self.assertEqual((code, answer["error"]["rule"]), (5, "ledger.unreachable"))
            code, answer = self.home.go("halt", "-m", "drill", "--key", self.home.root / "ada")
            self.assertNotEqual(code, 0)
        finally:
            self.server.start()
        self.home.pawl("log", "verify")
        until(self, lambda: ask(f"{health}/healthz")[0] == 200)  # it goes on by itself
        idle.terminate()
        self.assertEqual(idle.wait(timeout=30), 0)

    def test_4_a_server_that_has_read_what_it_does_not_take(self):
        """Every append is somebody else's turn, for ever: nobody waits for ever, and a vote that was read is kept."""
        home = self.home
        home.wait()
        proposal = home.position("propose", home.candidate("read"), "-m", "read", expect=(6,))["proposal"]
        self.server.sql("CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS"
                        " $$BEGIN RAISE unique_violation; END$$;"
                        "CREATE TRIGGER never BEFORE INSERT ON pawl_events FOR EACH ROW EXECUTE FUNCTION never()", "pawl")
        try:
            self.assertEqual(home.fails("review", "--as", "prover-a", expect=6)["error"]["rule"], "ledger.busy")
            (kept,) = home.home.glob("**/unsent-*.json")
            elsewhere = PostgresqlHome(self.folder / "halted")  # whose loader nobody else needs
            shutil.copytree(home.home, elsewhere.home, symlinks=True)
            code, answer = elsewhere.go("halt", "-m", "drill", "--key", home.root / "ada")
            self.assertEqual((code, "the loader IS halted" in answer["error"]["message"]), (5, True), answer)
        finally:
            self.server.sql("DROP FUNCTION never CASCADE", "pawl")
        said = base64.b64decode(json.loads(kept.read_text())["payload"])
        home.review()
        vote = next(event for event in home.events() if event["kind"] == "vote" and event["predicate"]["reviewer"] == "prover-a"
                    and event["predicate"]["candidate"] == json.loads(said)["predicate"]["candidate"])
        self.assertEqual(vote["predicate"], json.loads(said)["predicate"])
        self.assertEqual(list(home.home.glob("**/unsent-*.json")), [])

    def test_4_a_server_that_is_known_by_its_certificate(self):
        """An authority of the test's own; sslmode=verify-full finds out every other server, name and authority."""
        tls = self.folder / "tls"
        tls.mkdir()

        def openssl(*words):
            subprocess.run(["/usr/bin/openssl", *words], cwd=tls, stderr=subprocess.DEVNULL, check=True)
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        for authority in ("ca", "other"):
            openssl("req", "-x509", *curve, "-keyout", f"{authority}.key", "-out", f"{authority}.crt", "-subj", f"/CN={authority}")
        openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                "server.crt", "-copy_extensions", "copy")
        for name in ("server.key", "server.crt"):
            shutil.copy(tls / name, self.server.folder / name)
            (self.server.folder / name).chmod(0o600)
            if self.server.options:
                os.chown(self.server.folder / name, self.server.options["user"], self.server.options["group"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        rules = self.server.folder / "data/pg_hba.conf"
        before = rules.read_text(encoding="utf-8")
        self.server.stop()
        rules.write_text("local all all trust\nhostssl all all 127.0.0.1/32 trust\n", encoding="utf-8")
        try:
            self.server.start("listen_addresses=127.0.0.1", "ssl=on", f"ssl_cert_file={self.server.folder}/server.crt",
                              f"ssl_key_file={self.server.folder}/server.key", port=port)
            charter = self.home.pawl("tree", self.home.charter).strip()

            def join(name, host, *more):
                node = PostgresqlHome(self.folder / name)
                url = f"postgresql://pawl_gate@{host}:{port}/pawl?" + "&".join(more)
                code, answer = node.go("node", "join", url, "--subject", SUBJECT, "--charter", charter)
                return code, answer.get("error", {}).get("rule")
            full, root = "sslmode=verify-full", f"sslrootcert={tls}/ca.crt"
            self.assertEqual(join("tls-right", "localhost", full, root), (0, None))
            unreached = (5, "ledger.unreachable")
            self.assertEqual(join("tls-name", "127.0.0.1", full, root), unreached)
            self.assertEqual(join("tls-other", "localhost", full, f"sslrootcert={tls}/other.crt"), unreached)
            self.assertEqual(join("tls-none", "localhost", full), unreached)
            self.assertEqual(join("tls-plain", "localhost", "sslmode=disable"), unreached)
            self.assertEqual(join("tls-unsaid", "db.example.org", root), (1, "ledger.url-tls"))
        finally:
            self.server.stop()
            rules.write_text(before, encoding="utf-8")
            self.server.start()

    def test_5_what_is_refused_at_the_beginning(self):
        fresh = PostgresqlHome(self.folder / "fresh")
        begin = ("init", self.home.charter, "--ledger")
        secret = "postgresql://pawl_gate:secret@db/pawl"
        code, answer = fresh.go(*begin, secret)
        self.assertEqual((code, answer["error"]["rule"]), (1, "ledger.url-password"))
        self.assertNotIn("secret", json.dumps(answer))
        self.assertEqual(fresh.go(*begin, "mysql://db")[1]["error"]["rule"], "ledger.url")
        for words in (begin, ("node", *begin)):
            self.assertEqual(fresh.go(*words, self.server.url())[1]["error"]["rule"], "init.exists")
        self.assertEqual(list((fresh.home / "ledger").iterdir()), [])

    def test_5_an_init_that_meets_anothers_log_leaves_the_home_without_it(self):
        server = self.server
        server.sql("CREATE DATABASE begun")
        server.sql(server.tables, "begun")
        url = server.url(database="begun")
        first, second = World(self.folder / "first"), World(self.folder / "second")
        for world in (first, second):
            world.prepare()
        first.pawl("init", first.charter, "--ledger", url)
        # Of the same name, by other people, and no longer than a log that an init has cut short.
        begin = ("init", second.charter)
        self.assertEqual(second.json(*begin, "--ledger", url, expect=(1,))["error"]["rule"], "init.exists")
        self.assertFalse((second.home / "ledger/small.url").exists())
        second.pawl(*begin)
        self.assertEqual(second.json("log", "verify")["size"], 1)
        self.assertTrue((second.home / "ledger/small.sqlite").exists())
        # Nor does its loader, which remembers where it began, follow that log by a join.
        os.remove(second.home / "ledger/small.sqlite")
        refused = second.json("--subject", "small", "node", "join", url, "--charter", second.json("tree", first.charter)["tree"], expect=(1,))
        self.assertEqual((refused["error"]["rule"], (second.home / "ledger/small.url").exists()), ("verify.state", False))
        # An init that was cut short is finished where it began.
        shutil.rmtree(first.home / "loader")
        self.assertIn(url, first.json("init", first.charter, expect=(1,))["error"]["message"])
        first.pawl("init", first.charter, "--ledger", url)
        self.assertEqual(first.json("log", "verify")["size"], 1)

    def test_5_a_back_up_goes_into_an_empty_database(self):
        home, server, file = self.home, self.server, self.folder / "home.backup"
        home.pawl("backup", file)
        verified = home.pawl("--json", "log", "verify")
        events = server.sql("SELECT count(*) FROM pawl_events", "pawl")
        url = server.url(database="again")

        def fresh(name):
            made = PostgresqlHome(self.folder / name)
            made.root.mkdir()
            return made
        restored, once_more, joined, late = map(fresh, ("restored", "once-more", "joined", "late"))

        def refused(rule, where=url, to=restored):
            code, answer = to.go("restore", file, "--ledger", where)
            self.assertEqual((answer["error"]["rule"], to.home.exists()), (rule, False), answer)
            self.assertNotEqual(code, 0)
            self.assertEqual(list(to.root.iterdir()), [])

        server.sql("CREATE DATABASE again")
        refused("ledger.schema")  # there are no tables, and this user may not make them
        server.sql(server.tables, "again")
        refused("ledger.url", "mysql://db")
        # All of a log or nothing: here its checkpoint, which comes last, is not taken.
        server.sql("ALTER TABLE pawl_checkpoints ADD CONSTRAINT never CHECK (size < 0)", "again")
        refused("ledger.input-output")
        self.assertEqual(server.sql("SELECT count(*) FROM pawl_events", "again"), "0")
        server.sql("ALTER TABLE pawl_checkpoints DROP CONSTRAINT never", "again")
        # Blobs that lie there already are not taken for those of their names.
        server.sql("UPDATE pawl_blobs SET bytes = 'x' WHERE digest = (SELECT digest FROM pawl_blobs LIMIT 1)", "again")
        refused("shared.damaged")
        server.sql("DELETE FROM pawl_blobs WHERE bytes = 'x'", "again")

        code, answer = restored.go("restore", file, "--ledger", url)
        self.assertEqual((code, answer["ledger"], len(answer["subjects"])), (0, url, 1), answer)
        self.assertEqual(str(answer["subjects"][0]["events"]), events)
        self.assertEqual([path.name for path in (restored.home / "ledger").iterdir() if "snapshot" not in path.name], [f"{SUBJECT}.url"])
        self.assertEqual(restored.pawl("--json", "log", "verify"), verified)
        self.assertEqual(restored.go("status")[1]["live"], home.go("status")[1]["live"])
        # One that was cut off after it is repeated, and puts nothing there twice.
        self.assertEqual(once_more.go("restore", file, "--ledger", url)[0], 0)
        self.assertEqual(server.sql("SELECT count(*) FROM pawl_events", "again"), events)
        # Whoever joins there finds what the entries name.
        self.assertEqual(joined.go("node", "join", url, "--subject", SUBJECT, "--charter", home.pawl("tree", home.charter).strip())[0], 0)
        self.assertEqual(joined.pawl("--json", "log", "verify"), verified)
        blobs = set(server.sql("SELECT encode(digest, 'hex') FROM pawl_blobs WHERE last", "again").split())
        self.assertEqual({path.name for path in (joined.home / "store/blobs").glob("*/*")}, blobs)
        self.assertGreater(len(blobs), 30)
        # Beside a log that is another one, or shorter, nothing is put and nothing is made.
        server.sql(f"DELETE FROM pawl_events WHERE seq = {events} - 1", "again")
        refused("restore.ledger-exists", to=late)
        self.assertEqual(server.sql("SELECT count(*) FROM pawl_events", "again"), str(int(events) - 1))

    def test_5_the_database_s_own_back_up_serves_as_well(self):
        home, server = self.home, self.server
        dump = subprocess.run([SERVER_BIN / "pg_dump", "-h", server.folder, "-U", "postgres", "-Fc", "pawl"], check=True,
                              stdout=subprocess.PIPE).stdout
        server.sql("CREATE DATABASE dumped")
        subprocess.run([SERVER_BIN / "pg_restore", "-h", server.folder, "-U", "postgres", "-d", "dumped", "--exit-on-error"],
                       input=dump, check=True)
        there = PostgresqlHome(self.folder / "there-again")
        shutil.copytree(home.home, there.home, symlinks=True)
        (there.home / f"ledger/{SUBJECT}.url").write_text(server.url(database="dumped") + "\n")
        self.assertEqual(there.pawl("--json", "log", "verify"), home.pawl("--json", "log", "verify"))
        self.assertEqual(there.go("status")[1]["live"], home.go("status")[1]["live"])
        # One of an earlier moment lacks what the loader has seen.
        release = [event["index"] for event in home.events() if event["kind"] == "release"][-1]
        earlier = re.search(r"```sql\n(DELETE FROM pawl_events[^`]*)```", MANUAL).group(1)
        server.sql(earlier.replace(":'log'", f"'{SUBJECT}'").replace(":n", str(release // 2)), "dumped")
        self.assertIn("seen more events than there are", there.go("status")[1]["ledger_older"])
        self.assertEqual(there.go("propose", home.subject)[1]["error"]["rule"], "ledger.older")

    def test_6_a_database_that_was_edited(self):
        """Last: nothing can be done with this log any more."""
        self.server.sql("UPDATE pawl_events SET entry = (SELECT entry FROM pawl_events WHERE seq = 2) WHERE seq = 3", "pawl")
        for words in (("status",), ("log", "verify"), ("review", "--as", VOTERS[0]), ("review", "--as", AUDITORS[0])):
            code, answer = self.home.go(*words)
            self.assertNotEqual(code, 0, words)
            self.assertRegex(answer["error"]["rule"], r"^(ledger|history|approval|audit)\.", words)


if __name__ == "__main__":
    unittest.main()
