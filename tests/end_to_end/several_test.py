#!/usr/bin/python3
"""Programs that look after every subject of a home for as long as they run: reviewers, and the gate. Their logs as JSON,
joined by a proposal's trace; how they say that they are well.

usage: several_test.py [TestName ...]        PAWL_BIN: folder with pawl
"""

import base64
import contextlib
import fcntl
import json
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/crash"))
from small_world import BIN, PEOPLE, REVIEWERS, World  # noqa: E402

SUBJECTS = ("one", "two")
WAIT_S = 120
CALLER, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def http(address, path, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class SeveralTest(unittest.TestCase):
    def setUp(self):
        self.world = World(pathlib.Path(tempfile.mkdtemp(prefix="pawl-several-")) / "world")
        self.addCleanup(self.remove)
        self.world.root.mkdir()
        self.world.make_keys()
        self.world.make_tree("baseline", 0.3)
        for subject in SUBJECTS:
            self.begin(subject)
        self.running = {}

    def remove(self):
        for process in self.running.values():
            process.kill()
            process.communicate()
        self.world.remove()
        self.world.root.parent.rmdir()

    def begin(self, subject, edit=lambda text: text, **options):
        charter = self.world.make_charter(f"charter-{subject}",
                                          lambda text: edit(text.replace('name = "small"', f'name = "{subject}"')))
        for person in PEOPLE:
            self.world.pawl("charter", "sign", charter, "--key", self.world.root / person)
        return self.world.json("init", charter, **options)

    def test_witnesses_tell_logs_apart_by_their_keys(self):
        """What they have cosigned for one subject, they would hold against another that shares its log's key."""
        witness = self.world.json("key", "new", "w", "--witness")["key"]
        shared = json.loads((self.world.root / "keys.json").read_text())["log"]
        own = self.world.pawl("key", "new", "log-of-three").strip()
        asked = f'\n[witnesses]\nat_least = 1\n[[witnesses.witness]]\nprincipal = "w"\nkey = "{witness}"\nurl = "http://127.0.0.1:1"\n'
        error = self.begin("three", lambda text: text + asked, expect=(1,))["error"]
        self.assertEqual(error["rule"], "init.shared-log-key")
        self.assertIn("'one'", error["message"])
        self.assertFalse((self.world.home / "ledger/three.sqlite").exists())
        self.begin("four", lambda text: text.replace(shared, own) + asked)

    def start(self, name, *words):
        """With its log as JSON on standard error, and at an address of its own for those who watch."""
        with open(self.world.root / f"{name}.jsonl", "w", encoding="utf-8") as log:
            self.running[name] = subprocess.Popen(
                [BIN / "pawl", "--log-format", "json", "--json", *words, "--health", "127.0.0.1:0"], env=self.world.environment,
                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)

    def lines(self, name):
        """Of a program's log. Every line is an object with the same first members; nothing else stands there."""
        text = (self.world.root / f"{name}.jsonl").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
        for line in lines:
            self.assertTrue({"time", "level", "process", "command", "message"} <= set(line), line)
            self.assertTrue(all(isinstance(value, str) for key, value in line.items() if key != "process"), line)
        return lines

    def until(self, what):
        end = time.time() + WAIT_S
        while not (found := what()):
            self.assertLess(time.time(), end, "waited in vain")
            time.sleep(0.2)
        return found

    def when_free(self, *words, **options):
        """A command's answer, once the gate that runs beside it is between two looks."""
        def answer():
            said = self.world.json(*words, **options)
            return None if said.get("error", {}).get("rule") == "gate.busy" else said
        return self.until(answer)

    def address(self, name):
        return self.until(lambda: [line["message"].split(" at ")[1] for line in self.lines(name) if "says how it is" in line["message"]])[0]

    def reached(self, subject, rule):
        return [line for line in self.lines("gate") if line.get("subject") == subject and line.get("rule") == rule]

    def test_all_subjects_and_one_trace_each(self):
        for name, _, _ in REVIEWERS:
            self.start(name, "oversee", "--as", name)
        self.start("gate", "advance", "--all", "--watch")
        traces = {}
        for subject in SUBJECTS:
            answer = self.when_free("--log-file", self.world.root / "propose.jsonl", "--log-format", "json",
                                    "--subject", subject, "propose", self.world.root / "baseline", expect=(6,),
                                    extra={"TRACEPARENT": f"00-{CALLER}-{SPAN}-01"})
            traces[subject] = answer["trace_id"]
            self.assertEqual(self.world.json("--subject", subject, "status", "p1")["trace_id"], answer["trace_id"])
        self.assertEqual(len(set(traces.values())), 2)
        for subject in SUBJECTS:
            self.until(lambda: self.reached(subject, "approval.waiting"))
            for person in PEOPLE[:2]:
                self.when_free("--subject", subject, "approve", "p1", "--key", self.world.root / person, expect=(6,))
            self.until(lambda: self.reached(subject, "release.waiting"))
        # One id leads through everything that was done for a proposal, and back to who asked for it.
        for subject in SUBJECTS:
            for name, what in ((*((name, "voted") for name, _, role in REVIEWERS if role != "auditor"), ("auditor-b", "closed"))):
                found = [line for line in self.lines(name) if line.get("trace_id") == traces[subject]]
                self.assertEqual({(line["subject"], line["proposal"], line["reviewer"]) for line in found}, {(subject, "p1", name)})
                self.assertTrue(any(line["message"].startswith(what) for line in found), found)
            self.assertEqual({line["trace_id"] for line in self.reached(subject, "release.waiting")}, {traces[subject]})
            asked = [line for line in self.lines("propose") if line.get("trace_id") == traces[subject]]
            self.assertIn((CALLER, SPAN), [(line.get("caller_trace_id"), line.get("caller_span_id")) for line in asked])
        self.every_program_says_that_it_is_well()
        self.one_edited_log_keeps_no_other_waiting()

    def every_program_says_that_it_is_well(self):
        for name in self.running:
            address = self.address(name)
            self.assertEqual(http(address, "/healthz"), (200, "ok\n"))
            status, text = http(address, "/metrics")
            self.assertEqual(status, 200)
            for subject in SUBJECTS:
                self.assertIn(f'pawl_ledger_readable{{subject="{subject}"}} 1\n', text)
                self.assertRegex(text, rf'pawl_acts_total{{subject="{subject}"}} [1-9]')
            self.assertEqual((http(address, "/elsewhere")[0], http(address, "/metrics", "POST")[0]), (404, 405))

    def one_edited_log_keeps_no_other_waiting(self):
        database = sqlite3.connect(self.world.home / "ledger/one.sqlite")
        size = database.execute("SELECT count(*) FROM events").fetchone()[0]
        database.execute("INSERT INTO events (seq, digest, entry) VALUES (?, ?, ?)", (size, b"d" * 32, b"{}"))
        database.commit()
        database.close()
        address = self.address("prover-a")
        self.until(lambda: http(address, "/healthz")[0] == 503)
        self.assertTrue(http(address, "/healthz")[1].startswith("one: "))
        self.assertIn('pawl_ledger_readable{subject="one"} 0\n', http(address, "/metrics")[1])
        before = len(self.lines("prover-a"))
        self.world.json("--subject", "two", "release", "p1", expect=(0,))
        time.sleep(1.1)
        self.world.json("--subject", "two", "rollback", "1", expect=(1, 6))
        self.world.make_tree("better", 0.5, 1.5)
        self.world.json("--subject", "two", "propose", self.world.root / "better", expect=(6,))
        self.until(lambda: [line for line in self.lines("prover-a")[before:] if line["message"].startswith("voted")])
        # The gate once, as a timer runs it: it says what is wrong with one, and looks at the other.
        self.running["gate"].send_signal(signal.SIGTERM)
        self.assertEqual(self.running.pop("gate").wait(timeout=60), 0)
        result = subprocess.run([BIN / "pawl", "--json", "advance", "--all"], env=self.world.environment, capture_output=True,
                                text=True, check=False)
        said = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertNotIn(result.returncode, (0, 6), said)
        self.assertTrue(any("error" in line and line["error"]["message"].startswith("one: ") for line in said), said)
        self.assertTrue(any(line.get("subject") == "two" for line in said), said)
        prover = self.running.pop("prover-a")
        prover.send_signal(signal.SIGTERM)
        self.assertNotEqual(prover.wait(timeout=60), 0, "it was not well")

    def test_a_log_that_cannot_be_opened_yet_keeps_no_other_waiting_and_is_taken_up(self):
        ledgers = self.world.home / "ledger"
        (ledgers / "three.sqlite").touch()  # an init that is under way
        (ledgers / "elsewhere.url").write_text("postgresql://127.0.0.1:1/nothing?sslmode=disable\n")
        self.start("prover-a", "oversee", "--as", "prover-a")
        address = self.address("prover-a")
        self.until(lambda: "three: gate.no-genesis" in http(address, "/healthz")[1])
        self.begin("three")
        for subject in ("one", "three"):
            self.world.json("--subject", subject, "propose", self.world.root / "baseline", expect=(6,))
            self.until(lambda: [line for line in self.lines("prover-a")
                                if line.get("subject") == subject and line["message"].startswith("voted")])
        status, text = http(address, "/healthz")
        self.assertEqual((status, text.count("\n"), text.split(":")[0]), (503, 1, "elsewhere"))
        self.assertEqual(sum("elsewhere: " in line["message"] for line in self.lines("prover-a")), 1, "said once")

    def test_a_gate_that_another_keeps_waiting_says_that_it_has_not_looked(self):
        with open(self.world.home / "ledger/one.sqlite.gate", "w", encoding="utf-8") as lock:  # of one that was stopped
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.start("gate", "advance", "--all", "--watch")
            address = self.address("gate")
            self.until(lambda: re.search(r'looked_time_seconds\{subject="two"\} [1-9]', http(address, "/metrics")[1]))
            text = http(address, "/metrics")[1]
            for line in ('pawl_looked_time_seconds{subject="one"} 0\n', 'pawl_ledger_readable{subject="one"} 0\n'):
                self.assertIn(line, text)
        self.until(lambda: 'pawl_ledger_readable{subject="one"} 1\n' in http(address, "/metrics")[1])

    # ---- proposals and approvals as lines on the gate's standard input

    def once(self, lines, expect):
        """The gate once with these lines of bytes; its answers by line, and where the proposals stand."""
        result = subprocess.run([BIN / "pawl", "--json", "advance", "--all", "--requests"], env=self.world.environment,
                                input=lines, capture_output=True, check=False)
        self.assertEqual(result.returncode, expect, result)
        said = [json.loads(line) for line in result.stdout.splitlines()]
        answers = [one for one in said if "line" in one]
        self.assertEqual(len({one["line"] for one in answers}), len(answers), "one answer each")
        return {one["line"]: one for one in answers}, [one for one in said if "step" in one]

    def test_lines_that_are_refused(self):
        baseline = str(self.world.root / "baseline")
        good = json.dumps({"subject": "two", "propose": baseline, "note": "the first"}).encode()
        for_one = {"subject": "one"}
        lines = ((b"{", "json.syntax"), (b"[]", "json.member-type"), (b"7", "json.member-type"), (b"\xff", "json.utf8"),
                 (b'{"subject":"one","subject":"two","propose":"x"}', "json.duplicate"),
                 (b'{"subject":["one"],"propose":"x"}', None), (b"[" * 100, "json.too-deep"),
                 (json.dumps(dict(for_one, note="x" * 200_000)).encode(), "request.too-long"),
                 (json.dumps(for_one), "request.kind"), (json.dumps({"propose": baseline}), "json.member-missing"),
                 (json.dumps(dict(for_one, propose=baseline, rollback="1")), "request.kind"),
                 (json.dumps(dict(for_one, propose="")), "request.kind"), (json.dumps(dict(for_one, approve="")), None),
                 (json.dumps(dict(for_one, propose=baseline, notes="x")), "json.member-unknown"),
                 (json.dumps(dict(for_one, propose=baseline, signature="x")), "json.member-unknown"),
                 (json.dumps(dict(for_one, propose="x" * 5_000)), None),
                 (json.dumps(dict(for_one, propose=7)), "json.member-type"),
                 (json.dumps({"subject": "nobody", "propose": baseline}), "cli.no-subject"),
                 (json.dumps({"subject": "../one", "propose": baseline}), "cli.no-subject"),
                 (json.dumps(dict(for_one, propose=baseline + "/nowhere")), None),
                 (json.dumps(dict(for_one, propose=str(self.world.home))), "home.inside-subject"),
                 (json.dumps(dict(for_one, rollback="")), "rollback.target"),
                 (json.dumps(dict(for_one, rollback="sha256:0")), "digest.malformed"),
                 (json.dumps(dict(for_one, approve="p1", signature="AA==")), "approve.no-proposal"))
        text = b"\n".join(line if isinstance(line, bytes) else line.encode() for line, _ in lines)
        answers, positions = self.once(b"\n".join((text, b"", b"  ", good)), 2)
        self.assertEqual(set(answers), {*range(1, len(lines) + 1), len(lines) + 3})
        for i, (line, rule) in enumerate(lines):
            self.assertIn("error", answers[i + 1], line)
            self.assertTrue(rule is None or answers[i + 1]["error"]["rule"] == rule, (line[:80], answers[i + 1]))
        # The last line needs no line feed, and none of the others kept it from being done.
        self.assertEqual(answers[len(lines) + 3], {"line": len(lines) + 3, "subject": "two", "proposal": "p1"})
        self.assertEqual([(one["subject"], one["proposal"], one["step"]) for one in positions], [("two", "p1", "quorum")])
        self.assertEqual(self.world.json("--subject", "one", "status")["proposals"], [])
        early, _ = self.once(json.dumps({"subject": "two", "approve": "p1", "signature": "AA=="}).encode(), 6)
        self.assertEqual(early[1]["error"]["rule"], "approve.too-early")
        self.assertEqual(self.world.json("advance", "p1", "--requests", expect=(2,)).get("step"), None)

    def signed(self, person, message):
        """As a person signs who has the bytes: with ssh-keygen alone."""
        path = self.world.root / "message"
        path.write_bytes(message)
        self.world.run("ssh-keygen", "-q", "-Y", "sign", "-f", self.world.root / person, "-n", "approve@pawl", path)
        signature = path.with_name("message.sig")
        text = signature.read_text()
        signature.unlink()
        return text

    def begin_gate(self):
        gate = subprocess.Popen([BIN / "pawl", "--json", "advance", "--all", "--watch", "--requests"], text=True,
                                env=self.world.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.running["gate"] = gate
        return gate

    def heard(self, gate, what):
        while True:
            one = json.loads(gate.stdout.readline())
            if what(one):
                return one

    def test_a_running_gate_takes_lines(self):
        gate = self.begin_gate()

        def ask(**request):
            gate.stdin.write(json.dumps(request) + "\n")
            gate.stdin.flush()

        answered = {}
        for subject in SUBJECTS:
            ask(subject=subject, propose=str(self.world.root / "baseline"))
        for number in (1, 2):
            one = self.heard(gate, lambda one: "line" in one)
            answered[one["line"]] = one["subject"]
        self.assertEqual(answered, {1: "one", 2: "two"})
        for name, _, _ in REVIEWERS:
            self.start(name, "oversee", "--as", name)
        messages = {}
        while set(messages) != set(SUBJECTS):
            one = self.heard(gate, lambda one: "to_sign" in one)
            messages[one["subject"]] = base64.b64decode(one["to_sign"])
        for subject, message in messages.items():  # exactly the decision on the ledger, which says what it is about
            self.assertIn(f'"subject":[{{"digest":', message.decode())
            self.assertIn(f'"name":"{subject}"', message.decode())
        signatures = {person: self.signed(person, messages["one"]) for person in PEOPLE[:2]}

        def answer(**request):
            ask(**request)
            one = self.heard(gate, lambda one: "line" in one)
            return one["error"]["rule"] if "error" in one else one["proposal"]

        # A signature is over one decision, by somebody of the charter, and as the one that it is said to be.
        self.assertEqual(answer(subject="two", approve="p1", signature=signatures["ann"]), "approval.signature")
        self.assertEqual(answer(subject="one", approve="p1", signature=signatures["ann"], **{"as": "bob@test"}), "sign.not-a-signer")
        self.assertEqual(answer(subject="one", approve="p1", signature=signatures["ann"][:-60]), "sshsig.malformed")
        self.world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.world.root / "stranger")
        self.assertEqual(answer(subject="one", approve="p1", signature=self.signed("stranger", messages["one"])), "sign.not-a-signer")
        self.assertEqual(self.world.json("--subject", "one", "status", "p1")["approvals"], [])
        self.assertEqual(answer(subject="one", approve="p1", signature=signatures["ann"], reason="tried at night"), "p1")
        again = answer(subject="one", approve="p1", signature=signatures["ann"], reason="nobody has to look")
        self.assertEqual(again, "p1", "the same again is the same")
        kept = [json.loads(file.read_text()) for file in (self.world.home / "reasons").rglob("*") if file.is_file()]
        self.assertEqual(kept, [{"principal": "ann@test", "reason": "tried at night"}])
        self.assertEqual(len(self.world.json("--subject", "one", "status", "p1")["approvals"]), 1)
        # Killed in the middle of many lines: what was answered is there, and the log is whole.
        for _ in range(40):
            ask(subject="two", propose=str(self.world.root / "baseline"))
        self.heard(gate, lambda one: "line" in one)
        gate.kill()
        gate.wait()
        said = gate.stdout.read().splitlines(keepends=True)  # a line may have been cut by the end
        whole = [json.loads(line) for line in said if line.endswith("\n")]
        promised = {one["proposal"] for one in whole if "line" in one and "error" not in one}
        self.world.pawl("--subject", "two", "log", "verify")
        there = {one["proposal"] for one in self.world.json("--subject", "two", "status")["proposals"]}
        self.assertLessEqual(promised, there)
        gate.stdout.close()
        gate = self.begin_gate()
        self.assertEqual(answer(subject="one", approve="p1", signature=signatures["bob"]), "p1")
        self.heard(gate, lambda one: one.get("rule") == "release.waiting" and one["subject"] == "one")
        self.world.json("--subject", "one", "release", "p1")
        # Input that ends is no reason to end.
        gate.stdin.close()
        gate.stdin = None
        time.sleep(0.5)
        self.assertIsNone(gate.poll())
        gate.send_signal(signal.SIGTERM)
        gate.communicate(timeout=60)  # with its lines read: all that "two" has to sign is more than a pipe holds
        self.assertEqual(self.running.pop("gate").returncode, 0)

    def test_blank_lines_without_end_are_no_reason_to_answer_nothing(self):
        gate = self.begin_gate()

        def flood():
            with contextlib.suppress(BrokenPipeError, ValueError):
                while True:
                    gate.stdin.write("\n" * 65536)

        gate.stdin.write('{"subject":"one"\n')
        gate.stdin.flush()
        sender = threading.Thread(target=flood, daemon=True)
        sender.start()
        self.assertIn("error", self.heard(gate, lambda one: "line" in one))
        gate.send_signal(signal.SIGTERM)
        self.assertEqual(self.running.pop("gate").wait(timeout=60), 0)
        sender.join(timeout=60)
        gate.stdout.close()

    def test_what_is_refused(self):
        for words, expect, rule in ((("advance",), 2, "advance.which"), (("advance", "p1", "--all"), 2, None),
                                    (("advance", "--watch"), 2, None), (("advance", "--all", "--health", "127.0.0.1:0"), 2, None),
                                    (("--state", "s.json", "advance", "--all"), 2, "cli.which-state"),
                                    (("--state", "s.json", "oversee", "--as", "prover-a"), 2, "cli.which-state"),
                                    (("oversee", "--as", "nobody"), 2, "review.unknown"),
                                    (("oversee", "--as", "prover-a", "--health", "nowhere"), 2, "serve.address")):
            error = self.world.json(*words, expect=(expect,))["error"]
            self.assertTrue(rule is None or error["rule"] == rule, error)
        self.assertEqual(self.world.pawl("--json", "advance", "--all"), "", "nothing is open")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
