"""Stand-ins for programs and for services of others, so that tests of what the package makes of answers need neither."""

import http.server
import json
import pathlib
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

TREE, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def position(outcome="pending", step="approval", rule="approval.waiting"):
    return {"proposal": "p3", "outcome": outcome, "step": step, "rule": rule, "reason": "0 of 2",
            "waits_for": ["pawl approve p3"] if outcome == "pending" else []}


def evidence(outcome="pending", step="approval", rule="approval.waiting", **more):
    return {**position(outcome, step, rule), "action": "release", "note": "wider", "tree": TREE,
            "proposed": "2026-11-26T12:58:15Z", "approvals": [], "refusals": [], "complaints": [],
            "findings": [{"step": "freeze", "outcome": "pass", "rule": "", "summary": "10 files", "time": "2026-11-26T12:58:15Z"}],
            "votes": [{"reviewer": "prover-a", "role": "prover", "verdict": "for", "reasons": []}], **more}


def status(**more):
    row = {**position(), "action": "release", "note": "wider", "tree": TREE}
    release = {"epoch": 1, "proposal": "p1", "tree": OTHER, "warrant": TREE, "time": "2026-11-26T12:58:13Z"}
    return {"subject": "s", "sentence": "p3 waits", "who": ["ada"], "commands": ["pawl approve p3"], "charter": TREE,
            "charter_epoch": 0, "live_epoch": 1, "live": OTHER, "halted": False, "proposals": [row], "releases": [release],
            "warnings": [], **more}


def current(tree=OTHER, files=None):
    return {"epoch": 1, "files": [{"path": path, "digest": digest} for path, digest in (files or {}).items()],
            "subject": "s", "tree": tree, "verified": True, "warnings": [], "warrant": TREE}


class StandInTest(unittest.TestCase):
    """A test with a folder, in which it writes programs that answer as they are told."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def script(self, lines, name="pawl"):
        program = self.folder / name
        program.write_text(f"#!/bin/sh\necho \"$@\" >> {self.folder}/asked\n{lines}\n")
        program.chmod(0o755)
        return program

    def pawl(self, answers, name="pawl"):
        """A program that answers by its first matching word: {word: (answer, exit status)}, each a value, text or bytes."""
        cases = []
        for number, (word, (answer, exit_status)) in enumerate(answers.items()):
            file = self.folder / f"{name}.answer.{number}"
            file.write_bytes(answer if isinstance(answer, bytes) else
                             answer.encode() if isinstance(answer, str) else json.dumps(answer).encode())
            cases.append(f'*" {word} "*) cat {file}; exit {exit_status};;')
        return self.script('case " $* " in\n' + "\n".join(cases) + "\nesac\nexit 77", name)

    def asked(self):
        return (self.folder / "asked").read_text().splitlines()


class Service:
    """Stands in for a service of others, on this machine alone: `answer(method, path, headers, body)` gives (status,
    headers, body), and what was asked is kept."""

    def __init__(self, test, answer):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
                code, headers, content = answer(*asked[-1])
                content = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(code)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = reply

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        test.addCleanup(lambda: (server.shutdown(), thread.join(), server.server_close()))
        self.address = f"http://127.0.0.1:{server.server_port}"
