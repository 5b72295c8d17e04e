#!/usr/bin/python3
"""How many proposals a second go through surface, votes by three running reviewers, approval and warrant, for distinct
subjects, and what each program takes of a processor for one.

With the real programs and keys. One home has so many subjects, each with a log and a charter of its own; three
`pawl oversee` (a prover, an evaluator, an auditor; without trials an integrity reviewer for the evaluator) and one `pawl advance --all --watch --requests` look after all of
them. Proposals and approvals are lines on the gate's standard input; an approval is signed by an ssh-agent that holds
the people's keys, over the decision statement of its one proposal. Time is from the first proposal to the last complete
warrant.

  --kind proof-only a release under a charter without an evaluation: a network of one layer, whose property and drift are
                    proven by the gate, and checked again by the prover and by whoever loads
  --kind rollback   no trial: the charter asks for none of what was live before
  --kind release    the gate's trial and the evaluator's, three sandboxed runs each of 600 episodes of an awk script:
                    one episode could show no bound, and most of it is the sandbox's start
  --commands        a `pawl propose` or `pawl rollback` for each proposal, and a `pawl approve` with ssh-keygen for each
                    approval; two of either run at a time
  --ledger          sqlite, or postgresql: a server of its own, one database, flushed to disk, without a standby
  --witnesses N     so many `pawl witness` cosign; more than half of them have to
  --one-by-one      the next proposal begins when the last has its warrant: how long one takes on an idle machine

  PAWL_BIN=build/release/bin bench/throughput_bench.py --subjects 20 --kind proof-only
  PAWL_BIN=build/release/bin bench/throughput_bench.py REPETITIONS FOLDER       as tools/bench runs it
  PAWL_BIN=build/release/bin bench/throughput_bench.py --subjects 20 --rounds 3
"""

import argparse
import base64
import collections
import hashlib
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tests/crash"), str(ROOT / "tests/postgresql")]
import small_world  # noqa: E402
from server import Server  # noqa: E402
from small_world import PEOPLE, REVIEWERS, UNTRIED_REVIEWERS, World, without_trials  # noqa: E402

BIN = small_world.BIN = small_world.BIN.resolve()
TICK = os.sysconf("SC_CLK_TCK")
WAIT_S = 300


def processor_time(process):
    """Of a process and of what it has waited for, in seconds."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICK


def ssh_string(data):
    return struct.pack(">I", len(data)) + data


class Agent:
    """An ssh-agent with the people's keys, which signs as `ssh-keygen -Y sign -n approve@pawl` asks it to."""

    def __init__(self, root, keys):
        self.path = root / "agent"
        self.process = subprocess.Popen(["ssh-agent", "-D", "-a", self.path], stdout=subprocess.DEVNULL)
        while not self.path.exists():
            time.sleep(0.01)
        subprocess.run(["ssh-add", "-q", *keys], env=dict(os.environ, SSH_AUTH_SOCK=str(self.path)), check=True)
        self.public = {key.name: base64.b64decode(key.with_suffix(".pub").read_text().split()[1]) for key in keys}
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.path))

    def ask(self, message):
        self.socket.sendall(ssh_string(message))
        answer = b""
        while len(answer) < 4 or len(answer) < 4 + struct.unpack(">I", answer[:4])[0]:
            answer += self.socket.recv(65536)
        return answer[4:]

    def sign(self, person, message):
        terms = ssh_string(b"approve@pawl") + ssh_string(b"") + ssh_string(b"sha512")
        signed = b"SSHSIG" + terms + ssh_string(hashlib.sha512(message).digest())
        answer = self.ask(b"\x0d" + ssh_string(self.public[person]) + ssh_string(signed) + bytes(4))
        if answer[:1] != b"\x0e":
            raise RuntimeError(f"the agent does not sign: {answer[:1]!r}")
        whole = b"SSHSIG" + struct.pack(">I", 1) + ssh_string(self.public[person]) + terms + answer[1:]
        return base64.b64encode(whole).decode()


class Bench(World):
    def __init__(self, root, options):
        super().__init__(root)
        self.options = options
        self.subjects = [f"small-{i:03}" for i in range(options.subjects)]
        self.daemons, self.spent = {}, collections.defaultdict(lambda: [0, 0.0])
        self.positions = queue.Queue()
        self.server, self.logs = None, {}
        self.proof_only = options.kind == "proof-only"
        self.reviewers = small_world.REVIEWERS = UNTRIED_REVIEWERS if self.proof_only else REVIEWERS

    # ---- programs

    def timed(self, what, *words, expect=(0, 6)):
        """Runs a command; again where another has the gate. Its processor time is counted under `what`."""
        while True:
            process = subprocess.Popen([BIN / "pawl", "--json", *map(str, words)], env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            out = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
            entry = self.spent[what]
            entry[1] += usage.ru_utime + usage.ru_stime
            answer = json.loads(out.splitlines()[-1])
            if answer.get("error", {}).get("rule") == "gate.busy" and what != "approve":
                time.sleep(0.02)
                continue
            if code not in expect:
                raise RuntimeError(f"pawl {' '.join(map(str, words))}: {code}: {answer}")
            entry[0] += 1
            return answer

    def start(self, name, *words):
        errors = open(self.root / f"{name}.err", "wb")
        process = subprocess.Popen([BIN / "pawl", "--json", *words], env=self.environment, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=errors, text=True)
        self.daemons[name] = process
        return process

    def listen(self, process, heard):
        for line in process.stdout:
            heard(json.loads(line))

    # ---- the beginning

    def begin(self):
        if self.options.ledger == "postgresql":
            self.root.chmod(0o755)
            self.server = Server(self.root / "server")
        self.make_keys()
        self.make_tree("baseline", 0.3)
        self.make_tree("better", 0.3 if self.proof_only else 0.5, 1.5)
        witnesses = self.make_witnesses()
        place = ("--ledger", self.server.url()) if self.server else ()
        for subject in self.subjects:
            self.make_charter(f"charter-{subject}", lambda text: self.edit(text, subject) + witnesses)
            for person in PEOPLE:
                self.pawl("charter", "sign", self.root / f"charter-{subject}", "--key", self.root / person)
            self.pawl("init", self.root / f"charter-{subject}", *place)
        for name, _, _ in self.reviewers:
            process = self.start(name, "oversee", "--as", name)
            threading.Thread(target=self.listen, args=(process, lambda line: None), daemon=True).start()
        process = self.start("gate", "advance", "--all", "--watch", *([] if self.options.commands else ["--requests"]))
        self.agent = Agent(self.root, [self.root / person for person in PEOPLE])
        self.daemons["ssh-agent"] = self.agent.process
        threading.Thread(target=self.listen, args=(process, self.positions.put), daemon=True).start()

    def edit(self, text, subject):
        if subject in self.logs:
            text = re.sub(r'(?m)^log = ".*"$', f'log = "{self.logs[subject]}"', text)
        text = text.replace('name = "small"', f'name = "{subject}"').replace("pawl:test:small", f"pawl:test:{subject}")
        text = text.replace("max_releases = 20", "max_releases = 10000")
        if self.proof_only:
            text = without_trials(text)
        return text.replace("[amendment]", "[rollback]\nthreshold = 1\n\n[amendment]")

    def make_witnesses(self):
        count = self.options.witnesses
        if count == 0:
            return ""
        text = f"\n[witnesses]\nat_least = {count // 2 + 1}\n"
        # Witnesses know a log by its key: each has one of its own.
        self.logs = {subject: self.pawl("key", "new", f"log-{subject}").strip() for subject in self.subjects}
        for i in range(count):
            home = self.root / f"witness-{i}"
            environment = {"PAWL_HOME": str(home)}
            key = self.json("key", "new", f"w{i}", "--witness", extra=environment)["key"]
            for log in self.logs.values():
                self.pawl("witness", "follow", f"w{i}", log, extra=environment)
            process = subprocess.Popen([BIN / "pawl", "--json", "witness", "run", f"w{i}", "--listen", "127.0.0.1:0"],
                                       env=dict(os.environ, **environment), stdout=subprocess.PIPE, text=True)
            self.daemons[f"witness-{i}"] = process
            url = json.loads(process.stdout.readline())["url"]
            text += f'[[witnesses.witness]]\nprincipal = "org-{i}"\nkey = "{key}"\nurl = "{url}"\n'
        return text

    # ---- proposals on their way

    def go(self, jobs, one_by_one=False):
        return self.go_by_commands(jobs, one_by_one) if self.options.commands else self.go_by_requests(jobs, one_by_one)

    def request(self, **what):
        gate = self.daemons["gate"]
        gate.stdin.write(json.dumps(what, default=str) + "\n")
        gate.stdin.flush()

    def go_by_requests(self, jobs, one_by_one):
        """Each job is (subject, words). Returns {subject: (when proposed, when its warrant was complete, proposal)}."""
        waiting, began, ended, approved = collections.deque(jobs), {}, {}, set()

        def propose():
            subject, (kind, what) = waiting.popleft()
            began[subject] = time.monotonic()
            self.request(subject=subject, **{kind: what})

        for _ in range(1 if one_by_one else len(jobs)):
            propose()
        deadline = time.monotonic() + WAIT_S
        while len(ended) < len(jobs) and time.monotonic() < deadline:
            try:
                position = self.positions.get(timeout=1)
            except queue.Empty:
                continue
            if "error" in position or position.get("outcome", "pending") != "pending":
                raise RuntimeError(f"it was not to be decided: {position}")
            subject, proposal = position["subject"], position["proposal"]
            if "to_sign" in position and (subject, proposal) not in approved:
                approved.add((subject, proposal))
                message = base64.b64decode(position["to_sign"])
                for person in PEOPLE[:self.approvals]:
                    self.request(subject=subject, approve=proposal, signature=self.agent.sign(person, message))
            if position.get("rule") == "release.waiting" and subject in began and subject not in ended:
                ended[subject] = (began[subject], time.monotonic(), proposal)
                if waiting:
                    propose()
        if len(ended) < len(jobs):
            raise RuntimeError(f"only {len(ended)} of {len(jobs)} have a warrant")
        return ended

    def go_by_commands(self, jobs, one_by_one):
        to_propose, to_approve, failed = queue.Queue(), queue.Queue(), []
        for job in jobs:
            to_propose.put(job)
        began, ended, asked, approved = {}, {}, {}, set()
        turn = threading.Semaphore(1 if one_by_one else len(jobs))

        def work(source, act):
            while True:
                item = source.get()
                if item is None:
                    return
                try:
                    act(*item)
                except (RuntimeError, json.JSONDecodeError, IndexError) as error:
                    failed.append(error)

        def propose(subject, words):
            turn.acquire()
            began[subject] = time.monotonic()
            asked[subject] = self.timed("propose", "--subject", subject, *words)["proposal"]

        def approve(subject, proposal, person):
            self.timed("approve", "--subject", subject, "approve", proposal, "--key", self.root / person, expect=(0, 6, 1))

        workers = [threading.Thread(target=work, args=pair) for pair in 2 * [(to_propose, propose), (to_approve, approve)]]
        for worker in workers:
            worker.start()
        deadline = time.monotonic() + WAIT_S
        while len(ended) < len(jobs) and not failed and time.monotonic() < deadline:
            try:
                position = self.positions.get(timeout=1)
            except queue.Empty:
                continue
            subject, proposal = position["subject"], position["proposal"]
            if position["outcome"] not in ("pending",):
                failed.append(RuntimeError(f"it was not to be decided: {position}"))
            if position["step"] == "approval" and (subject, proposal) not in approved:
                approved.add((subject, proposal))
                for person in PEOPLE[:self.approvals]:
                    to_approve.put((subject, proposal, person))
            if position["rule"] == "release.waiting" and subject not in ended:
                ended[subject] = time.monotonic()
                turn.release()
        for source in (to_propose, to_approve):
            source.put(None)
            source.put(None)
        for worker in workers:
            worker.join()
        if failed or len(ended) < len(jobs):
            raise failed[0] if failed else RuntimeError(f"only {len(ended)} of {len(jobs)} have a warrant")
        return {subject: (began[subject], ended[subject], asked[subject]) for subject in ended}

    def release_all(self, name):
        self.approvals = 2
        done = self.go([(subject, ("propose", self.root / name)) for subject in self.subjects])
        for subject, (_, _, proposal) in done.items():
            self.timed("release", "--subject", subject, "release", proposal, expect=(0,))
        time.sleep(1.1)

    def spent_now(self):
        now = {name: processor_time(process.pid) for name, process in self.daemons.items()}
        if self.server:
            parent = self.server.process.pid
            children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            # Its sessions that have ended are in the parent's count.
            now["postgres"] = processor_time(parent) + sum(processor_time(child) for child in children)
        return now

    def measure(self):
        """Seconds, how long each took, and what each program took of a processor for one, of each round."""
        self.release_all("baseline")
        if self.options.kind == "rollback":
            self.release_all("better")
        self.approvals = 1 if self.options.kind == "rollback" else 2
        words = ("rollback", "1") if self.options.kind == "rollback" else ("propose", self.root / "better")
        rounds = []
        for _ in range(self.options.rounds):
            self.spent.clear()
            before, begin = self.spent_now(), time.monotonic()
            done = self.go([(subject, words) for subject in self.subjects], self.options.one_by_one)
            seconds, after = time.monotonic() - begin, self.spent_now()
            times = [ended - began for began, ended, _ in done.values()]
            each = {name: (after[name] - before[name]) / len(times) for name in after}
            each.update({name: seconds_of / len(times) for name, (_, seconds_of) in self.spent.items()})
            rounds.append((seconds, times, each))
        return rounds

    def end(self):
        for process in self.daemons.values():
            process.send_signal(signal.SIGTERM)
        for name, process in self.daemons.items():
            if process.wait(timeout=60) != 0 and name != "ssh-agent":
                print(f"{name} ended with {process.returncode}", file=sys.stderr)
        if self.server:
            self.server.stop()


def measured(options, folder=None):
    root = pathlib.Path(tempfile.mkdtemp(prefix="throughput-", dir=folder))
    bench = Bench(root, options)
    try:
        bench.begin()
        return bench.measure()
    finally:
        bench.end()
        subprocess.run(["chmod", "-R", "u+w", root], check=False)
        shutil.rmtree(root, ignore_errors=True)


def for_tools(repetitions, folder):
    """In the form of Google Benchmark's JSON: processor time of a proposal, and how many of them two cores do that do
    nothing else; and how long one takes until its warrant, in a gate with trials and three witnesses."""
    rows = []

    def add(name, values, **more):
        rows.append({"name": name, "aggregate_name": "median", "real_time": statistics.median(values), "time_unit": "s", **more})
        rows.append({"name": name, "aggregate_name": "stddev", "real_time": statistics.stdev(values), "time_unit": "s"})
    often = dict(subjects=12, rounds=repetitions, kind="proof-only", commands=False, witnesses=0, one_by_one=False)
    # A server is no user's of whom the folder is: it has one of its own.
    for ledger, place in (("sqlite", folder), ("postgresql", None)):
        each = [sum(spent.values()) for _, _, spent in measured(argparse.Namespace(ledger=ledger, **often), place)]
        add(f"ProofOnlyProposal/{ledger}/two_cores", each, items_per_second=2 / statistics.median(each))
    one = argparse.Namespace(subjects=max(5, repetitions), rounds=1, kind="release", ledger="sqlite", commands=True, witnesses=3,
                             one_by_one=True)
    (_, times, _), = measured(one, folder)
    add("ProposalToCosignedProof", times)
    print(json.dumps({"benchmarks": rows}))


def main():
    if sys.argv[1:] and not sys.argv[1].startswith("-"):
        for_tools(max(2, int(sys.argv[1])), sys.argv[2])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kind", choices=("proof-only", "rollback", "release"), default="rollback")
    parser.add_argument("--ledger", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--commands", action="store_true")
    parser.add_argument("--witnesses", type=int, default=0)
    parser.add_argument("--one-by-one", action="store_true")
    options = parser.parse_args()
    if options.kind == "release" and options.rounds != 1:
        parser.error("a release is proposed once for each subject: --rounds 1")
    rounds = measured(options)
    seconds, times = sum(each[0] for each in rounds), [each for round_ in rounds for each in round_[1]]
    each = {name: statistics.mean(round_[2].get(name, 0) for round_ in rounds) for name in rounds[0][2]}
    total = sum(each.values())
    print(f"{options.kind}, {options.ledger}, {'commands' if options.commands else 'requests'}, {options.subjects} subjects, {len(times)} proposals, "
          f"{options.witnesses} witnesses: {len(times) / seconds:.1f} a second; one takes {statistics.median(times):.2f} s "
          f"(median), {max(times):.2f} s at most; load {os.getloadavg()[0]:.1f}")
    for name, value in each.items():
        print(f"  {name:12} {value * 1e3:6.1f} ms of a processor")
    print(f"  {'all':12} {total * 1e3:6.1f} ms: {os.cpu_count() / total:.0f} a second on {os.cpu_count()} cores that do nothing else")


if __name__ == "__main__":
    main()
