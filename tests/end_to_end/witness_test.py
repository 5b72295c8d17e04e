#!/usr/bin/python3
"""The log over HTTP and its witnesses, with the real programs: `pawl serve`, `pawl witness`, and a path with witnesses.

usage: witness_test.py [TestName ...]        PAWL_BIN: folder with pawl and pawl-check; PAWL_GO: the Go compiler

An independent client reads the log over HTTP; it needs golang-go and golang-golang-x-mod-dev, and PAWL_GO=off leaves it out.
"""

import base64
import concurrent.futures
import hashlib
import http.client
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PAWL_BIN", ROOT / "build/release/bin"))
GO = os.environ.get("PAWL_GO") or shutil.which("go") or "missing"
loader = importlib.machinery.SourceFileLoader("demo_run", str(ROOT / "examples/collision/demo/run"))
demo_run = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo_run", loader))
sys.dont_write_bytecode = True
loader.exec_module(demo_run)
demo_run.say = lambda text: None
SUBJECT = demo_run.SUBJECT


class Server:
    """A program of ours that prints where it listens and runs until it is told to stop."""

    def __init__(self, home, *words):
        self.process = subprocess.Popen([BIN / "pawl", "--json", "--home", home, *words], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.said = json.loads(line) if line else {}
        url = self.said.get("url") or "http://" + self.said.get("address", "127.0.0.1:0")
        self.port = int(url.rsplit(":", 1)[1])

    def ask(self, method, target, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, body)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def add(self, body):
        status, answer, headers = self.ask("POST", "/add-checkpoint", body)
        return status, answer.decode(), headers

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(timeout=20)
        self.process.stdout.close()
        return self.process.returncode


class Listener:
    """`pawl listen` as a service has it: it runs until it is told to stop, and says how it is."""

    def __init__(self, home):
        self.process = subprocess.Popen([BIN / "pawl", "--json", "listen", "--every", "1", "--health", "127.0.0.1:0"],
                                        env=home.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.url = self.process.stderr.readline().split()[1].removesuffix("/healthz")

    def news(self):
        return json.loads(self.process.stdout.readline())["news"]

    def ask(self, target):
        try:
            with urllib.request.urlopen(self.url + target, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def end(self):
        """SIGTERM: its exit status, and what else it has said."""
        self.process.terminate()
        said, _ = self.process.communicate(timeout=20)
        return self.process.returncode, said

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def pawl(home, *words, expect=(0,)):
    done = subprocess.run([BIN / "pawl", "--json", "--home", home, *map(str, words)], capture_output=True, text=True)
    if done.returncode not in expect:
        raise AssertionError(f"pawl {words} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None


class Tree:
    """A log of its own, made here: RFC 6962 in a few lines, signed by `openssl` with a key in a file."""

    def __init__(self, folder, origin, branch=""):
        self.origin, self.branch, self.folder = origin, branch, pathlib.Path(folder)
        self.pem = self.folder / "log.pem"
        if not self.pem.exists():
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.pem], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.pem, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        key = b"\x01" + der[-32:]
        self.key_id = hashlib.sha256(origin.encode() + b"\n" + key).digest()[:4]
        self.vkey = f"{origin}+{self.key_id.hex()}+{base64.b64encode(key).decode()}"

    def leaf(self, index):
        return hashlib.sha256(b"\x00" + f"{index}{self.branch}".encode()).digest()

    def root(self, begin, end):
        if end - begin == 0:
            return hashlib.sha256(b"").digest()
        if end - begin == 1:
            return self.leaf(begin)
        split = 1 << ((end - begin - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + self.root(begin, begin + split) + self.root(begin + split, end)).digest()

    def consistency(self, old, new):
        def walk(m, begin, end, whole):
            if m == end - begin:
                return [] if whole else [self.root(begin, end)]
            split = 1 << ((end - begin - 1).bit_length() - 1)
            if m <= split:
                return walk(m, begin, begin + split, whole) + [self.root(begin + split, end)]
            return walk(m - split, begin + split, end, False) + [self.root(begin, begin + split)]
        return [] if old == 0 else walk(old, 0, new, True)

    def note(self, size):
        text = f"{self.origin}\n{size}\n{base64.b64encode(self.root(0, size)).decode()}\n"
        message = self.folder / "message"
        message.write_text(text)
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.pem, "-in", message], check=True,
                                   capture_output=True).stdout
        return f"{text}\n\u2014 {self.origin} {base64.b64encode(self.key_id + signature).decode()}\n"

    def request(self, old, size):
        lines = "".join(base64.b64encode(one).decode() + "\n" for one in self.consistency(min(old, size), size))
        return f"old {old}\n{lines}\n{self.note(size)}".encode()


class WitnessTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-witness-"))
        self.home = self.folder / "home"
        self.key = pawl(self.home, "key", "new", "w", "--witness")["key"]
        self.tree = Tree(self.folder, "example.org/log")
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.end(signal.SIGKILL)
        shutil.rmtree(self.folder)

    def start(self):
        self.servers.append(Server(self.home, "witness", "run", "w", "--listen", "127.0.0.1:0"))
        return self.servers[-1]

    def test_it_follows_what_it_was_told_to(self):
        self.assertEqual(pawl(self.home, "witness", "run", "w", expect=(2,))["error"]["rule"], "witness.no-logs")
        pawl(self.home, "witness", "follow", "w", self.tree.vkey)
        again = pawl(self.home, "witness", "follow", "w", self.tree.vkey, expect=(1,))
        self.assertEqual(again["error"]["rule"], "witness.followed")
        self.assertEqual(pawl(self.home, "witness", "follow", "w", self.key, expect=(2,))["error"]["rule"], "witness.log-key")
        stranger = pawl(self.home, "witness", "list", "nobody", expect=(2,))
        self.assertIn("--witness", stranger["error"]["advice"])
        log = pawl(self.home, "witness", "list", "w")[0]
        self.assertEqual((log["log"], log["size"], log["time"]), ("example.org/log", 0, None))

    def test_the_statuses_of_the_specification(self):
        pawl(self.home, "witness", "follow", "w", self.tree.vkey)
        witness = self.start()
        self.assertEqual(witness.said["key"], self.key)
        status, answer, _ = witness.add(self.tree.request(0, 5))
        self.assertEqual(status, 200)
        self.assertTrue(answer.startswith("\u2014 w ") and answer.endswith("\n") and answer.count("\n") == 1, answer)
        self.assertEqual(witness.add(b"old x\n")[0], 400)
        self.assertEqual(witness.add(self.tree.request(9, 5))[0], 400)
        other = Tree(self.folder, "example.org/other")
        self.assertEqual(witness.add(other.request(0, 5))[0], 404)
        self.assertEqual(witness.add(self.tree.request(5, 7).replace(b" example.org/log ", b" example.org/lag "))[0], 403)
        status, answer, headers = witness.add(self.tree.request(0, 7))
        self.assertEqual((status, answer, headers["Content-Type"]), (409, "5\n", "text/x.tlog.size"))
        fork = Tree(self.folder, "example.org/log", branch="another")
        self.assertEqual(witness.add(fork.request(5, 5))[0], 422)
        self.assertEqual(witness.add(fork.request(5, 9))[0], 422)
        self.assertEqual(witness.ask("GET", "/add-checkpoint")[0], 405)
        self.assertEqual(witness.ask("POST", "/other", b"")[0], 404)
        self.assertEqual(witness.ask("POST", "/add-checkpoint", b"x" * 400_000)[0], 413)
        self.assertEqual(witness.add(self.tree.request(5, 7))[0], 200)
        # Who watches it.
        self.assertEqual(witness.ask("GET", "/healthz")[:2], (200, b"ok\n"))
        self.assertEqual([witness.ask(*words)[0] for words in (("HEAD", "/metrics"), ("POST", "/metrics", b""), ("DELETE", "/healthz"))],
                         [200, 405, 405])
        status, text, headers = witness.ask("GET", "/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        samples = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
        self.assertEqual(samples['pawl_witness_log_size{log="example.org/log"}'], "7")
        self.assertLess(abs(int(samples['pawl_witness_cosigned_time_seconds{log="example.org/log"}']) - time.time()), 60)
        self.assertEqual((samples["pawl_http_refused_total"], samples["pawl_http_failed_total"]), ("12", "0"))
        self.assertEqual(witness.end(), 0)
        self.assertEqual(pawl(self.home, "witness", "list", "w")[0]["size"], 7)

    def test_one_at_a_time(self):
        pawl(self.home, "witness", "follow", "w", self.tree.vkey)
        self.start()
        busy = pawl(self.home, "witness", "run", "w", "--listen", "127.0.0.1:0", expect=(6,))
        self.assertEqual(busy["error"]["rule"], "witness.busy")

    def test_of_two_that_ask_at_once_for_forks_one_is_served(self):
        pawl(self.home, "witness", "follow", "w", self.tree.vkey)
        witness = self.start()
        requests = [self.tree.request(0, 6), Tree(self.folder, "example.org/log", branch="b").request(0, 6)] * 8
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = [answer[0] for answer in pool.map(witness.add, requests)]
        self.assertEqual(statuses.count(200), 1, statuses)
        self.assertEqual(statuses.count(409), 15, statuses)

    def test_killed_at_any_moment_it_remembers_what_it_has_cosigned(self):
        pawl(self.home, "witness", "follow", "w", self.tree.vkey)
        chance = random.Random(5)
        notes = {size: self.tree.request(size - 1, size) for size in range(1, 40)}
        fork = Tree(self.folder, "example.org/log", branch="another")
        forks = {size: fork.request(size, size) for size in range(1, 40)}
        size, kills, half = 0, 0, []
        while kills < 6:
            witness = self.start()
            last = min(size + chance.randint(2, 5), 39)
            deadline = time.time() + chance.uniform(0.001, 0.03)
            held = size
            try:
                while held < last and time.time() < deadline:
                    if witness.add(notes[held + 1])[0] != 200:
                        break
                    held += 1
                    if held == last - 1:  # dies with a request under way
                        half.append(socket.create_connection(("127.0.0.1", witness.port)))
                        half[-1].sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(notes[last])
                                           + notes[last])
                        break
            finally:
                witness.end(signal.SIGKILL)
                while half:
                    half.pop().close()
            kills += 1
            remembered = pawl(self.home, "witness", "list", "w")[0]
            self.assertGreaterEqual(remembered["size"], held)
            self.assertLessEqual(remembered["size"], held + 1)
            self.assertEqual(remembered["root"], self.tree.root(0, remembered["size"]).hex())
            size = remembered["size"]
            if size:
                again = self.start()
                self.assertEqual(again.add(forks[size])[0], 422)
                again.end()
        self.assertGreater(size, 0)


class ServeTest(unittest.TestCase):
    def test_no_log_no_server(self):
        with tempfile.TemporaryDirectory() as home:
            pawl(home, "key", "new", "w")
            self.assertEqual(pawl(home, "serve", expect=(2,))["error"]["rule"], "serve.no-subject")
            self.assertEqual(pawl(home, "--subject", "x", "serve", expect=(5,))["error"]["rule"], "ledger.missing")


class Witnessed(demo_run.Demo):
    """The demo's home under a charter that asks for two of three witnesses, and the witnesses."""

    def begin(self, urls, keys):
        self.subject = self.root / "subject"
        shutil.copytree(demo_run.EXAMPLE / "subject", self.subject, ignore=shutil.ignore_patterns("__pycache__"))
        baseline = self.pawl("tree", self.subject).strip()
        self.run("/usr/bin/python3", demo_run.EXAMPLE / "make_charter.py", "--out", self.charter, "--baseline", baseline,
                 "--signers", self.root / "signers", "--keys", self.root / "keys.json", "--presence", "software",
                 "--min-interval", "1s", "--no-envelope")
        with open(self.charter / "charter.toml", "a") as toml:
            toml.write("\n[witnesses]\nat_least = 2\n")
            for i, (url, key) in enumerate(zip(urls, keys)):
                toml.write(f'[[witnesses.witness]]\nprincipal = "org-{i}"\nkey = "{key}"\nurl = "{url}"\n')
        for person in demo_run.PEOPLE:
            self.pawl("charter", "sign", self.charter, "--key", self.root / person)
        self.pawl("init", self.charter)

    def position(self, *words, expect):
        return super().position("-q", *words, expect=expect)

    def approved(self, position):
        """By both people; what the last of them sees."""
        for person in ("ada", "ben"):
            position = self.position("approve", position["proposal"], "--key", self.root / person, expect=(6,))
        return position

    def copy(self, name):
        root = self.root.parent / name
        shutil.copytree(self.root, root, symlinks=True)
        other = Witnessed(root)
        other.subject = root / "subject"
        return other


class PathTest(unittest.TestCase):
    """One life, told in order: each test goes on from where the last one ended."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-witnessed-"))
        cls.home = Witnessed(cls.folder / "gate")
        os.makedirs(cls.home.root)
        cls.home.make_keys()
        log = json.loads((cls.home.root / "keys.json").read_text())["log"]
        cls.witnesses, cls.keys, cls.ports = {}, [], {}
        for name in ("w0", "w1", "w2"):
            cls.keys.append(pawl(cls.folder / name, "key", "new", name, "--witness")["key"])
            pawl(cls.folder / name, "witness", "follow", name, log)
            cls.start(name)
        cls.home.begin([f"http://127.0.0.1:{cls.ports[name]}" for name in ("w0", "w1", "w2")], cls.keys)
        cls.log_key = log

    @classmethod
    def start(cls, name):
        server = Server(cls.folder / name, "witness", "run", name, "--listen", f"127.0.0.1:{cls.ports.get(name, 0)}")
        cls.witnesses[name], cls.ports[name] = server, server.port

    @classmethod
    def stop(cls, name):
        cls.witnesses.pop(name).end(signal.SIGKILL)

    @classmethod
    def tearDownClass(cls):
        for name in list(cls.witnesses):
            cls.stop(name)
        subprocess.run(["chmod", "-R", "u+w", cls.folder], check=False)
        shutil.rmtree(cls.folder, ignore_errors=True)

    def remembered(self, name):
        return pawl(self.folder / name, "witness", "list", name)[0]["size"]

    def release(self, home, proposal):
        time.sleep(1.1)
        return home.position("release", proposal, expect=(0,))

    def test_1_a_warrant_carries_the_quorum_s_cosignatures(self):
        home = self.home
        position = home.approved(home.position("propose", home.subject, "--review", "-m", "baseline", expect=(6,)))
        self.assertEqual(position["rule"], "release.waiting")
        done = self.release(home, position["proposal"])
        self.assertNotIn("gate alone", done["reason"])
        warrant = json.loads((home.home / f"loader/{SUBJECT}/warrants/1.json").read_text())
        for name in ("w0", "w1", "w2"):
            self.assertIn(f"\u2014 {name} ", warrant["proof"])
            self.assertGreater(self.remembered(name), 0)
        shown = home.pawl("log", "policy")
        self.assertIn("group Q 2 W1 W2 W3\nquorum Q\n", shown)
        self.assertIn(self.log_key, shown)
        self.assertIn("cosignatures of 2 of 3 witnesses", home.pawl("charter", "check", home.charter, "--baseline",
                                                                     home.subject))

    def test_2_one_away_changes_nothing_and_two_away_is_a_wait_that_ends(self):
        home = self.home
        self.stop("w2")
        position = home.approved(home.position("cycle", "--seed", "2", expect=(6,)))
        self.assertEqual(position["rule"], "release.waiting")
        self.release(home, position["proposal"])
        position = home.position("cycle", "--seed", "2", expect=(6,))
        self.stop("w1")
        position = home.approved(position)
        self.assertEqual((position["step"], position["rule"]), ("warrant", "witness.not-met"))
        self.assertIn("1 of 2 witnesses", position["reason"])
        self.assertIn("w1: ", position["reason"])
        self.assertIn("w2: ", position["reason"])
        self.assertEqual(json.loads(home.pawl("-q", "--json", "log", "checkpoint", expect=(6,)))["error"]["rule"],
                         "witness.not-met")
        again = home.position("release", position["proposal"], expect=(6,))
        self.assertEqual(again["rule"], "witness.not-met")
        status = json.loads(home.pawl("--json", "status"))
        self.assertIn("witness", json.dumps(status["proposals"][-1]))
        self.start("w1")
        note = home.pawl("-q", "log", "checkpoint")
        self.assertTrue(all(f"\u2014 {name} " in note for name in ("w0", "w1")) and "\u2014 w2 " not in note, note)
        self.assertNotIn("gate alone", self.release(home, position["proposal"])["reason"])

    def test_3_a_loader_counts_them_itself(self):
        home = self.home
        state = home.root / "other-state.json"
        common = ["--charter", home.charter, "--store", home.home / "store"]
        home.run(BIN / "pawl-check", "state", "init", "--charter", home.charter, "--genesis",
                 f"{home.charter}.genesis.json", "--state", state)
        warrants = [home.home / f"loader/{SUBJECT}/warrants/{epoch}.json" for epoch in (1, 2, 3)]
        whole = json.loads(warrants[0].read_text())
        lines = whole["proof"].splitlines(keepends=True)

        def ask(kept):
            whole["proof"] = "".join(line for line in lines if not line.startswith("\u2014 w") or line.split()[1] in kept)
            changed = home.root / "changed.json"
            changed.write_bytes(json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
            return json.loads(home.run(BIN / "pawl-check", "warrant", changed, *common, "--state", state, "--json",
                                       expect=(0, 1)))
        self.assertTrue(ask(["w0", "w1", "w2"])["accepted"])
        self.assertTrue(ask(["w0", "w2"])["accepted"])
        self.assertEqual(ask(["w1"])["rule"], "log.witnesses")
        self.assertEqual(ask([])["rule"], "log.signature")
        home.run(BIN / "pawl-check", "warrant", *warrants, *common, "--state", state, "--commit")

    def test_3_an_auditor_reads_who_has_cosigned(self):
        exported = self.home.root / "exported"
        self.home.pawl("-q", "log", "export", exported)
        check = [BIN / "pawl-check", "log", exported, "--charter", self.home.charter, "--json"]
        self.assertEqual(json.loads(self.home.run(*check))["cosigned"], 2)
        note = (exported / "checkpoint").read_text()
        line = next(line for line in note.splitlines() if line.startswith("\u2014 w0 "))
        (exported / "checkpoint").write_text(note.replace(line, line[:-8] + ("A" if line[-8] != "A" else "B") + line[-7:]))
        self.assertEqual(json.loads(self.home.run(*check, expect=(1,)))["rule"], "cosignature.signature")
        (exported / "checkpoint").write_text(note.replace(line + "\n", ""))
        self.assertEqual(json.loads(self.home.run(*check))["cosigned"], 1)

    def test_4_a_fork_of_the_log_gets_no_warrant(self):
        fork = self.home.copy("fork")
        # Both go on from the same log; the witnesses see the first of them.
        position = self.home.approved(self.home.position("rollback", "1", "--review", expect=(6,)))
        self.release(self.home, position["proposal"])
        events = len(self.home.pawl("--json", "log", "list").splitlines())
        other = fork.approved(fork.position("rollback", "2", "--review", expect=(6,)))
        self.assertEqual((other["step"], other["rule"]), ("warrant", "witness.not-met"))
        for _ in range(12):  # until it is as long as the other, and longer
            if len(fork.pawl("--json", "log", "list").splitlines()) > events:
                break
            fork.position("propose", fork.subject, "-m", "to be longer", expect=(1, 6))
        other = fork.position("release", other["proposal"], expect=(6,))
        self.assertEqual(other["rule"], "witness.not-met")
        self.assertIn("answers 422", other["reason"])
        self.assertFalse((fork.home / f"loader/{SUBJECT}/warrants/5.json").exists())

    def test_5_a_log_that_was_set_back_gets_no_warrant(self):
        back = self.home.copy("back")
        position = self.home.approved(self.home.position("rollback", "2", "--review", expect=(6,)))
        self.release(self.home, position["proposal"])
        position = back.approved(back.position("rollback", "3", "--review", expect=(6,)))
        self.assertEqual(position["rule"], "witness.not-met")
        self.assertRegex(position["reason"], "entries were lost|answers 422")

    def test_7_a_halt_reaches_a_loader_and_an_auditor_past_the_ledger(self):
        """Two machines: people halt on one, whose ledger tells nobody, and the other's loader and auditor hear of it."""
        home = self.home
        answer = lambda at, *words, expect=(0,): json.loads(at.pawl("-q", "--json", *words, expect=expect).splitlines()[-1])
        if "w2" not in self.witnesses:
            self.start("w2")
        other = home.copy("elsewhere")
        error = answer(home, "listen", "--once", expect=(6,))["error"]
        self.assertEqual(error["rule"], "listen.too-few")
        listener = Listener(other)
        self.addCleanup(listener.kill)
        self.assertIn("(listen.too-few)", listener.news())
        self.assertEqual(listener.ask("/healthz"), (503, f"{SUBJECT}: listen.too-few\n"))
        for name in ("w0", "w1"):
            self.assertTrue(pawl(self.folder / name, "witness", "follow", name, self.log_key, "--charter",
                                 home.charter)["notices"])
            self.stop(name)
            self.start(name)
            self.assertEqual(self.witnesses[name].said["boards"], 1)
        # It says so when it can hear a halt again, and ends when it is told to.
        while (line := listener.news()) != "listening to its witnesses":
            self.assertIn("(listen.too-few)", line)
        self.assertEqual(listener.ask("/healthz"), (200, "ok\n"))
        self.assertEqual(listener.end(), (0, ""))
        self.assertEqual(answer(home, "listen", "--once")["news"], "nothing new")
        halted = answer(home, "halt", "-m", "the score jumped", "--key", home.root / "ada")["done"]
        self.assertIn("2 of 3 witnesses keep it (w2: 404 ", halted)
        # The other machine's ledger and loader do not have it. Its auditor hears of it, and closes nothing.
        other.pawl("current")
        waiting = other.position("rollback", "2", "--review", expect=(6,))
        self.assertEqual(waiting["rule"], "quorum.closing", waiting)
        self.assertIn("the score jumped", other.pawl("status"))
        listener = Listener(other)
        self.addCleanup(listener.kill)
        self.assertEqual([listener.news(), listener.news()],
                         ["halted by ada@demo: the score jumped", "listening to its witnesses"])
        status, text = listener.ask("/metrics")
        self.assertEqual(status, 200)
        samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        for name, value in (("pawl_listen_witnesses", "2"), ("pawl_listen_witnesses_needed", "1"), ("pawl_acts_total", "1")):
            self.assertEqual(samples[f'{name}{{subject="{SUBJECT}"}}'], value, name)
        self.assertLess(abs(int(samples[f'pawl_looked_time_seconds{{subject="{SUBJECT}"}}']) - time.time()), 60)
        self.assertEqual(answer(other, "current", expect=(1,))["error"]["rule"], "halt.in-force")
        self.assertEqual(answer(other, "listen", "--once")["news"], "nothing new")
        # Its reviewers' votes are there as well.
        board = "/notices/" + hashlib.sha256(self.log_key.split("+")[0].encode()).hexdigest()
        posted = (self.folder / "w1/witnesses/w1" / board[1:] / "posted").glob("*.json")
        payloads = [json.loads(base64.b64decode(json.loads(base64.b64decode(json.loads(file.read_text())["statement"]))["payload"]))
                    for file in posted]
        votes = [payload["predicate"] for payload in payloads if "reviewer" in payload["predicate"]]
        self.assertGreaterEqual(len(votes), 2)
        candidate = votes[-1]["candidate"].removeprefix("sha256:")
        status, listed, _ = self.witnesses["w1"].ask("GET", f"{board}/votes/{candidate}")
        self.assertEqual((status, len(json.loads(listed)["notices"])), (200, len(votes)))
        # People resume on the first machine, and the other's loader hears of that too.
        resume = home.root / "resume.json"
        answer(home, "resume", "-m", "looked", "--add-to", resume, "--key", home.root / "ada", "--yes", expect=(6,))
        lifted = answer(home, "resume", "--add-to", resume, "--key", home.root / "ben", "--yes")["done"]
        self.assertIn("2 of 3 witnesses keep it", lifted)
        self.assertEqual(listener.news(), "resumed: looked")  # by the one that has run all the time
        self.assertEqual(listener.end(), (0, ""))
        other.pawl("current")
        self.assertEqual(answer(home, "listen", "--once")["news"], "nothing new")
        # What nobody here may say.
        self.assertEqual(self.witnesses["w0"].ask("POST", board, b"{}")[0], 400)
        self.assertEqual(self.witnesses["w0"].ask("POST", board + "0", b"{}")[0], 404)
        self.assertEqual(self.witnesses["w0"].ask("GET", board)[0], 405)
        self.assertEqual(self.witnesses["w0"].ask("GET", board + "/votes/x")[0], 400)
        self.assertEqual(self.witnesses["w2"].ask("GET", board + "/stops")[0], 404)

    def test_8_who_votes_twice_is_named_with_both_votes(self):
        """A reviewer's key at work in two homes: one vote reaches the ledger, and witnesses have the other as well."""
        home = self.home
        proposal = home.position("rollback", "2", expect=(6,))["proposal"]
        twice = home.copy("twice")
        reviewers = [one["name"] for one in json.loads((home.root / "keys.json").read_text())["reviewers"]]
        twice.pawl("review", "--as", "prover-a")
        time.sleep(1.1)
        for name in reviewers:
            home.pawl("review", "--as", name, expect=(0, 6))
        story = json.loads(home.pawl("--json", "status", proposal))
        self.assertEqual([(one["accused"], one["rule"], one["proven"]) for one in story["complaints"]][:1],
                         [("prover-a", "vote.equivocation", True)], story)
        self.assertEqual(sum(vote["reviewer"] == "prover-a" for vote in story["votes"]), 1)
        entry = json.loads(home.pawl("--json", "log", "show", str(story["complaints"][0]["entry"])))
        self.assertEqual(entry["kind"], "complaint")
        told = json.loads(base64.b64decode(entry["predicate"]["vote"]["payload"]))["predicate"]
        self.assertEqual((told["reviewer"], told["candidate"]), ("prover-a", entry["predicate"]["candidate"]))
        self.assertIn(f"accuses prover-a of vote.equivocation (entry {entry['index']}), proven; it says: ", home.pawl("status"))
        # Said once, though the auditor is asked again and begins anew. It has closed all the same, and people decide.
        home.pawl("review", "--as", "auditor-a", expect=(0, 6))
        self.assertEqual(json.loads(home.pawl("--json", "status", proposal))["complaints"], story["complaints"])
        self.assertEqual(home.position("advance", proposal, expect=(6,))["rule"], "approval.waiting")
        error = json.loads(home.pawl("-q", "--json", "approve", proposal, "--key", home.root / "ada", expect=(2,)))["error"]
        self.assertEqual(error["rule"], "approve.reason")
        self.assertIn("accuses prover-a of vote.equivocation", error["message"])
        home.position("approve", proposal, "-m", "its lab knows", "--key", home.root / "ada", expect=(6,))
        exported = home.root / "with-complaint"
        home.pawl("-q", "log", "export", exported)
        check = home.run(BIN / "pawl-check", "log", exported, "--charter", home.charter, "--json")
        said = json.loads(check)
        self.assertEqual((said["accepted"], [(one["accused"], one["proven"]) for one in said["complaints"]]),
                         (True, [("prover-a", True)]))
    def test_6_an_independent_client_reads_the_log_over_http(self):
        server = Server(self.home.home, "serve", "--listen", "127.0.0.1:0")
        try:
            url = server.said["logs"][SUBJECT]
            status, checkpoint, headers = server.ask("GET", f"/log/{SUBJECT}/checkpoint")
            self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; charset=utf-8"))
            self.assertIn("\u2014 w0 ", checkpoint.decode())
            self.assertEqual(server.ask("GET", f"/log/{SUBJECT}/tile/0/999")[0], 404)
            self.assertEqual(server.ask("PUT", f"/log/{SUBJECT}/checkpoint", b"x")[0], 405)
            self.assertEqual(server.ask("PUT", f"/log/{SUBJECT}/checkpoint", b"x" * 200_000)[0], 413)
            self.assertEqual(server.ask("DELETE", f"/log/{SUBJECT}/checkpoint")[0], 405)
            if GO != "off":
                self.go(url, checkpoint)
        finally:
            self.assertEqual(server.end(), 0)

    def go(self, url, checkpoint):
        self.assertNotEqual(GO, "missing", "needs golang-go and golang-golang-x-mod-dev; PAWL_GO=off (cmake -DPAWL_GO_TESTS=OFF) "
                            "leaves it out")
        environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="",
                           GOCACHE=os.environ.get("PAWL_GO_CACHE", str(self.folder / "go-cache")))
        client = self.folder / "client"
        subprocess.run([GO, "build", "-o", client, ROOT / "tests/go_interop/verify_export.go"], env=environment, check=True)

        def ask(*keys):
            return subprocess.run([client, self.log_key, url, *keys], capture_output=True, text=True)
        seen = ask(*self.keys[:2])
        self.assertEqual(seen.returncode, 0, seen.stderr)
        size = checkpoint.decode().splitlines()[1]
        self.assertRegex(seen.stdout, f"^size {size} root .* cosigned 2 entries {size}\n$")
        missing = ask(*self.keys)  # the third was away
        self.assertEqual(missing.returncode, 1)
        self.assertIn("no signature by w2", missing.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
