#!/usr/bin/python3
"""`pawl serve` as it is run for others: health and numbers, a login by a proxy, messages to programs and channels, its end.

usage: serve_test.py [TestName ...]      PAWL_BIN: folder with pawl; PAWL_SITE_TEST: the program that makes the home
"""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PAWL_BIN", ROOT / "build/release/bin"))
MAKER = os.environ.get("PAWL_SITE_TEST", BIN / "site_test")
EVENTS = "/api/v1/subjects/controller/events"


class Receiver:
    """Keeps what is posted to it, and answers with the statuses that it is told, then with 204, after a while."""

    def __init__(self, statuses=(), seconds=0):
        self.posts, statuses = [], list(statuses)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = statuses.pop(0) if statuses else 204
                outer.posts.append((status, dict(self.headers.items()), body))
                time.sleep(seconds)
                self.send_response(status)
                self.send_header("location", "/elsewhere")
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count, seconds=60):
        end = time.monotonic() + seconds
        while len(self.posts) < count and time.monotonic() < end:
            time.sleep(0.05)
        return self.posts


class Serve(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.made = os.path.join(cls.folder.name, "made")
        subprocess.run([MAKER, "--gtest_also_run_disabled_tests", "--gtest_filter=DISABLED_Browser.MakesItsHome"],
                       check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "PAWL_BROWSER_HOME": cls.made, "PAWL_BROWSER_ORIGIN": "http://localhost:1"})

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.home = os.path.join(self.folder.name, self._testMethodName)
        shutil.copytree(self.made, self.home, symlinks=True)

    def serve(self, *words):
        self.process = subprocess.Popen([BIN / "pawl", "--json", "--home", self.home, "serve", "--listen", "127.0.0.1:0",
                                         *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.kill)
        self.address = json.loads(self.process.stdout.readline())["address"]

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def ask(self, target, headers=None):
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request("GET", target, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def stream(self):
        host, port = self.address.split(":")
        sock = socket.create_connection((host, int(port)), timeout=10)
        self.addCleanup(sock.close)
        sock.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: {self.address}\r\n\r\n".encode())
        got = b""
        while b"event: subject" not in got:
            more = sock.recv(4096)
            self.assertTrue(more, got)
            got += more
        return sock

    def test_ends_at_once_when_it_is_told_to(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            self.serve()
            streams = [self.stream() for _ in range(3)]
            start = time.monotonic()
            self.process.send_signal(how)
            self.assertEqual(self.process.wait(timeout=20), 0)
            self.assertLess(time.monotonic() - start, 5)
            for sock in streams:
                while sock.recv(4096):
                    pass
            self.process.communicate()

    def test_says_how_it_is(self):
        self.serve()
        self.assertEqual(self.ask("/healthz"), (200, "ok\n"))
        status, text = self.ask("/metrics")
        self.assertEqual(status, 200)
        self.assertIn('pawl_proposals{subject="controller",state="waits-for-people"} 1\n', text)
        self.assertIn("pawl_http_answers_total 1\n", text)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) pawl_\w+ .+|pawl_\w+(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? \d+)$')
        self.assertEqual(self.ask("/metrics", {"Host": "rebound.example"})[0], 403)

    def test_lets_nobody_read_whom_the_proxy_does_not_pass_on(self):
        secret = os.path.join(self.home, "login")
        with open(secret, "w", encoding="utf-8") as file:
            file.write("s" * 40 + "\n")
        os.chmod(secret, 0o644)
        done = subprocess.run([BIN / "pawl", "--json", "--home", self.home, "serve", "--listen", "127.0.0.1:0", "--login",
                               secret], capture_output=True, text=True, timeout=20, check=False)
        self.assertIn("login.permissions", done.stdout + done.stderr)
        os.chmod(secret, 0o600)
        self.serve("--login", secret)
        basic = lambda text: {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}
        for target in ("/", "/api/v1/subjects", EVENTS, "/log/controller/checkpoint", "/none"):
            self.assertEqual(self.ask(target)[0], 401, target)
            self.assertEqual(self.ask(target, basic("ada:" + "s" * 39))[0], 401, target)
        for target in ("/", "/api/v1/subjects", "/log/controller/checkpoint"):
            self.assertEqual(self.ask(target, basic("ada@example.org:" + "s" * 40))[0], 200, target)
        self.assertEqual(self.ask("/healthz")[0], 200)

    def settings(self, targets):
        path = os.path.join(self.home, "notify.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"link": "https://review.example.org/", "targets": targets}, file)
        os.chmod(path, 0o600)
        return path

    def tell_from_the_beginning(self, *names):
        os.mkdir(os.path.join(self.home, "notify"), 0o700)
        for name in names:
            with open(os.path.join(self.home, "notify", name + ".json"), "w", encoding="utf-8") as file:
                json.dump({"controller": 0}, file)

    def test_a_slow_receiver_keeps_no_message_from_the_others(self):
        slow, quick = Receiver(seconds=1.2), Receiver()
        path = self.settings([{"name": "a", "form": "slack", "url": slow.url},
                              {"name": "b", "form": "slack", "url": quick.url}])
        self.tell_from_the_beginning("a", "b")
        self.serve("--notify", path)
        self.assertEqual(len(quick.wait_for(10, seconds=40)), 10)
        self.assertLess(len(slow.posts), 9)

    def test_tells_programs_and_channels(self):
        key = bytes(range(32))
        hook, channel = Receiver([500, 302]), Receiver()
        path = self.settings([
            {"name": "ci", "form": "webhook", "url": hook.url, "secret": "whsec_" + base64.b64encode(key).decode()},
            {"name": "team", "form": "slack", "url": channel.url}])
        self.tell_from_the_beginning("ci", "team")
        self.serve("--notify", path)
        messages = [json.loads(body)["text"] for _, _, body in channel.wait_for(10)]
        self.assertEqual(messages[0],
                         "controller: p1 was proposed (release) <https://review.example.org/#/s/controller/p/p1|look>")
        self.assertTrue(messages[7].startswith("controller: p3 waits for people"), messages)
        self.assertFalse(any("script" in text or "better" in text for text in messages), "a candidate's words")
        # Not taken twice, and then: the same message, with the same id, each time signed anew.
        posts = hook.wait_for(len(messages) + 2)
        self.assertEqual([status for status, _, _ in posts[:3]], [500, 302, 204])
        self.assertEqual(len({headers["webhook-id"] for _, headers, _ in posts[:3]}), 1)
        self.assertEqual(len({headers["webhook-id"] for _, headers, _ in posts}), len(messages))
        for _, headers, body in posts:
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            self.assertEqual(headers["webhook-signature"], "v1," + mac)
            self.assertLess(abs(time.time() - int(headers["webhook-timestamp"])), 60)
        waits = json.loads(posts[9][2])  # two of them were the first one again
        self.assertEqual((waits["type"], waits["data"]["proposal"], waits["data"]["link"]),
                         ("proposal.waits-for-people", "p3", "https://review.example.org/#/s/controller/p/p3"))
        # A server that comes back says nothing twice.
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        _, errors = self.process.communicate()
        self.assertIn("status 500", errors)
        self.assertNotIn(base64.b64encode(key).decode(), errors)
        before = len(hook.posts), len(channel.posts)
        self.serve("--notify", path)
        time.sleep(1.5)
        self.assertEqual((len(hook.posts), len(channel.posts)), before)

    def test_refuses_settings_that_would_give_something_away(self):
        good = {"name": "ci", "form": "webhook", "url": "https://example.org/x", "secret": "whsec_" + "A" * 32}
        for change, rule in (({"url": "http://example.org/x"}, "notify.url"), ({"url": "file:///etc/passwd"}, "notify.url"),
                             ({"url": 'https://x/"\noutput="/tmp/x'}, "notify.url"), ({"secret": "whsec_AAAA"}, "notify.secret"),
                             ({"secret": "A" * 43}, "notify.secret"), ({"name": "../x"}, "notify.name"),
                             ({"more": 1}, "json.member-unknown")):
            done = subprocess.run([BIN / "pawl", "--json", "--home", self.home, "serve", "--listen", "127.0.0.1:0",
                                   "--notify", self.settings([{**good, **change}])],
                                  capture_output=True, text=True, timeout=20, check=False)
            self.assertIn(rule, done.stdout + done.stderr, change)
        path = self.settings([good])
        os.chmod(path, 0o640)
        done = subprocess.run([BIN / "pawl", "--json", "--home", self.home, "serve", "--listen", "127.0.0.1:0", "--notify",
                               path], capture_output=True, text=True, timeout=20, check=False)
        self.assertIn("notify.permissions", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
