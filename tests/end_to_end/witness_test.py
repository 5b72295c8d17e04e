#!/usr/bin/python3
"""The log over HTTP and its witnesses, with the real programs: `pawl serve`, `pawl witness`.

usage: witness_test.py [TestName ...]        PAWL_BIN: folder with pawl and pawl-check; PAWL_GO: the Go compiler

Where Go and golang-golang-x-mod-dev are there, an independent client reads the log over HTTP.
"""

import base64
import concurrent.futures
import hashlib
import http.client
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

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PAWL_BIN", ROOT / "build/release/bin"))
GO = os.environ.get("PAWL_GO", "")


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
        size, kills = 0, 0
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
                        connection = socket.create_connection(("127.0.0.1", witness.port))
                        connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(notes[last])
                                           + notes[last])
                        break
            finally:
                witness.end(signal.SIGKILL)
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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
