#!/usr/bin/python3
"""ask_model.py against a server that speaks the protocol and answers with what the test wants, hostile lines included."""
import http.server
import json
import pathlib
import subprocess
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
GOOD = "-23.7 - free if item < left else free * free"


class Server(http.server.BaseHTTPRequestHandler):
    lines, raw, asked = [], None, []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Server.asked.append((self.path, self.headers.get("Authorization"), body["messages"][0]["content"]))
        text = json.dumps({"choices": [{"message": {"content": "\n".join(Server.lines)}}]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(Server.raw or text)

    def log_message(self, *_):
        pass


class AskModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.HTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        cls.folder.cleanup()

    def ask(self, lines, raw=None, endpoint=None):
        Server.lines, Server.raw, Server.asked = lines, raw, []
        out = pathlib.Path(self.folder.name) / self.id()
        key = pathlib.Path(self.folder.name) / "key"
        key.write_text("secret-key\n")
        endpoint = endpoint or f"http://127.0.0.1:{self.server.server_port}/v1"
        done = subprocess.run(["/usr/bin/python3", HERE / "ask_model.py", "--endpoint", endpoint, "--model", "m", "--rounds",
                               "1", "--key-file", key, "--live", HERE / "subject", "--out", out], capture_output=True,
                              text=True)
        return done.returncode, out, done.stderr

    def test_takes_what_the_model_proposes_and_nothing_else_of_what_it_says(self):
        marker = pathlib.Path(self.folder.name) / "ran"
        hostile = [f"__import__('os').system('touch {marker}')", "item.__class__", "[x for x in item]", "lambda: item",
                   "print(item)", "max(item)", "min(item, *free)", "item if free else left", "item < free", "'item'",
                   "unknown + 1", "9**9**9", "1e999", "True", "(" * 150 + "item" + ")" * 150, "item + " * 90 + "item",
                   "x" * 10_000, "Here are some ideas:", "", "`"]
        status, out, error = self.ask(hostile + [f"`{GOOD}`"])
        self.assertEqual(status, 0, error)
        self.assertIn("return " + GOOD, (out / "heuristic.py").read_text())
        self.assertFalse(marker.exists())
        self.assertEqual((out / "improve.py").read_bytes(), (HERE / "subject/improve.py").read_bytes())
        path, key, prompt = Server.asked[0]
        self.assertEqual((path, key), ("/v1/chat/completions", "Bearer secret-key"))
        self.assertIn("left if free < capacity else -capacity", prompt)

    def test_no_gain_is_no_candidate(self):
        status, out, _ = self.ask(["left - capacity", "0"])
        self.assertEqual(status, 1)
        self.assertFalse(out.exists())

    def test_no_answer_is_an_error(self):
        for raw in (b"nonsense", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}', b"[" * 2_000_000):
            status, out, error = self.ask([], raw)
            self.assertEqual(status, 2, error)
            self.assertIn("no answer from the model", error)
            self.assertFalse(out.exists())
        self.assertEqual(self.ask([], endpoint="http://127.0.0.1:1/v1")[0], 2)
        self.assertEqual(self.ask([], endpoint="file:///etc/passwd")[0], 2)


if __name__ == "__main__":
    unittest.main()
