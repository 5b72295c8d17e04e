#!/usr/bin/python3
"""A whole generation from a model: examples/search/run --endpoint, against a stand-in on this machine.

The stand-in is no model. It speaks the part of the API that ask_model.py uses (POST /v1/chat/completions, as OpenAI
documents it) and answers with fixed lines, some of them hostile.
"""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
GOOD = "-23.7 - free if item < left else free * free"
LINES = ["__import__('os').system('touch /tmp/pawl-model-ran')", "item.__class__", "Here are some ideas:", GOOD]


class StandIn(http.server.BaseHTTPRequestHandler):
    asked, lines = [], LINES

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        StandIn.asked.append((self.path, body["model"], [message["role"] for message in body["messages"]],
                              body["messages"][0]["content"]))
        answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"],
                  "choices": [{"index": 0, "finish_reason": "stop",
                               "message": {"role": "assistant", "content": "\n".join(StandIn.lines)}}],
                  "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class RunWithAModel(unittest.TestCase):
    def play(self, lines):
        StandIn.asked, StandIn.lines = [], lines
        server = http.server.HTTPServer(("127.0.0.1", 0), StandIn)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return subprocess.run([HERE / "run", "--generations", "1", "--endpoint",
                                   f"http://127.0.0.1:{server.server_port}/v1", "--model", "stand-in"],
                                  capture_output=True, text=True, env=os.environ)
        finally:
            server.shutdown()
            server.server_close()

    def test_what_it_proposes_goes_the_whole_path(self):
        done = self.play(LINES)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("return " + GOOD, done.stdout)
        self.assertFalse(pathlib.Path("/tmp/pawl-model-ran").exists())
        for path, model, roles, _ in StandIn.asked:
            self.assertEqual((path, model, roles), ("/v1/chat/completions", "stand-in", ["user"]))
        # It is told what is live, and what came of what it said before.
        self.assertIn("left if free < capacity else -capacity", StandIn.asked[0][3])
        self.assertIn(GOOD, StandIn.asked[-1][3])

    def test_without_a_gain_nothing_is_proposed(self):
        done = self.play(["left - capacity"])
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("none with a gain near the target", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
