#!/usr/bin/python3
"""Four nodes on one log in PostgreSQL with a synchronous standby, under load, while gates, reviewers, the servers and the
links between them are killed, paused, cut off and healed at random from a seed. At the end: every proposal has an
outcome, no event that somebody was told of is lost, no release without a full warrant, no two live releases, all nodes agree on the root, and every warrant
passes `pawl-check`.

usage: faults_test.py [--seed N] [--seeds COUNT] [--jobs N] [--proposals N] [--budget SECONDS] [--passed FILE]
       --seeds     so many, from --seed on               --budget   begins no further seed after so long
       --jobs      so many seeds at a time, each by a process of its own: one seed waits more than it works
       --passed    seeds that this file names have passed with these programs and are left out; those that pass are added
       PAWL_BIN: folder with pawl and pawl-check

Every node has a home of its own that joined the log. Those without a gate have, where that is allowed, a network namespace
of their own: their links to the two servers and to the witnesses are all they have. The servers stream to each other over a
link as well. Three nodes run a witness each, which keeps the notices of this log too; a warrant needs two of them, and so
does an auditor before it closes. Gates propose and
release, a command each; beside them a `pawl advance --all --watch` takes up what a gate that was killed has left, while
everything goes on breaking, and nobody else looks for that.
"""

import argparse
import base64
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/crash"))
import small_world  # noqa: E402
from links import Links  # noqa: E402
from machines import Pair  # noqa: E402
from small_world import BIN, SUBJECT, World  # noqa: E402

small_world.REVIEWERS = [*[(f"prover-{i}", f"lab-{i}", "prover") for i in (1, 2, 3)], ("evaluator-3", "lab-4", "evaluator"),
                         *[(f"auditor-{i}", f"lab-{i}", "auditor") for i in (1, 2, 3)]]
REVIEWERS_OF = {1: ("prover-1", "auditor-1"), 2: ("prover-2", "auditor-2"), 3: ("prover-3", "auditor-3", "evaluator-3")}
LINKS = pathlib.Path(__file__).resolve().parent / "links.py"
PEOPLE_AT = {2: "ann", 3: "bob"}
GATES = (0, 1)
KEEPER = 1            # the gate there also runs by itself
WITNESSES = {"w1": 1, "w2": 2, "w3": 3}  # on which node
OPEN_MAX = 5          # proposals under way at a time
PUSH_S = 5            # a proposal that has not been tried for so long is
BUSY_MAX_S = 1.5      # a gate that finds another at work asks again after so long at most
QUIET_S = 90          # after everything has been mended, for the next of what is still open to end
# What a command may say while the world around it breaks. It is asked again.
PASSING = {"ledger.unreachable", "ledger.unclear", "ledger.busy", "ledger.conflict", "gate.busy", "oversee.busy"}


def light(text, keys, ports):
    """Two of three provers, auditors and witnesses, so that one node may be gone; no limit on the number of releases."""
    for role in ("prover", "auditor"):
        text = text.replace(f'role = "{role}", at_least = 1', f'role = "{role}", at_least = 2')
    text = text.replace("max_releases = 20", "max_releases = 10000") + "\n[witnesses]\nat_least = 2\n"
    for name in WITNESSES:
        text += f'[[witnesses.witness]]\nprincipal = "of {name}"\nkey = "{keys[name]}"\nurl = "http://127.0.0.1:{ports[name].port}"\n'
    return text


def namespace():
    """What makes a network namespace, and what enters one (before `-t PID`); nothing where that is refused."""
    ways = ((["--net"], ["--net"]),
            (["--user", "--map-current-user", "--keep-caps", "--net"], ["--user", "--preserve-credentials", "--net"]))
    for make, enter in ways:
        words = ["/usr/bin/unshare", *make]
        if subprocess.run([*words, "/bin/true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return words, ["/usr/bin/nsenter", *enter]
    return None


class Node:
    def __init__(self, number, root):
        self.number, self.root, self.home = number, root, root / "home"
        self.to_servers, self.to_witnesses, self.running, self.lock = [], [], set(), threading.Lock()
        self.environment = dict(os.environ, PAWL_HOME=str(self.home))
        self.isolation, self.inside = [], None

    def isolate(self, links, namespace, ports):
        """From now on its programs have no network but their links: to the servers, and one to each witness."""
        make, enter = namespace
        words = []
        for name, port in ports.items():
            place = self.root / f"to-{name}"
            self.to_witnesses.append(links.join(f"node-{self.number} to {name}", place, None))
            words += [str(port.port), place]
        self.inside = subprocess.Popen(["/usr/bin/setpriv", "--pdeathsig", "KILL", *make, sys.executable, LINKS, *words],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.inside.stdout.readline() != "listening\n":
            raise RuntimeError("a network namespace does not come up")
        self.isolation = [*enter, "-t", str(self.inside.pid)]

    def links(self):
        return [*self.to_servers, *self.to_witnesses]

    def url(self, database):
        hosts = ",".join(str(link.listen.parent) for link in self.to_servers)
        return f"postgresql://pawl_gate@/{database}?host={hosts}"

    def start(self, *words, **options):
        process = subprocess.Popen([*self.isolation, BIN / "pawl", "--json", *map(str, words)], env=self.environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.root,
                                   **options)
        with self.lock:
            self.running.add(process)
        return process

    def go(self, *words):
        """Exit status and last line; no line where it was killed."""
        process = self.start(*words)
        try:
            out = process.communicate(timeout=180)[0]
        finally:
            with self.lock:
                self.running.discard(process)
        lines = out.splitlines()
        return process.returncode, json.loads(lines[-1]) if lines and process.returncode >= 0 else None

    def ask(self, *words):
        code, answer = self.go(*words)
        if code != 0:
            raise AssertionError(f"node {self.number}: pawl {' '.join(map(str, words))} ended with {code}: {answer}")
        return answer

    def some_command(self, choose):
        with self.lock:
            return choose(sorted(self.running, key=lambda process: process.pid)) if self.running else None


class Daemon:
    """A program of a node's that runs for long and says what it does, a line each; started again whenever it is down."""

    def __init__(self, node, name, words, hear, round_):
        self.node, self.name, self.words, self.hear, self.round = node, name, words, hear, round_
        self.process, self.ended = None, False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.ended:
            self.process = self.node.start(*self.words)
            last = None
            for line in self.process.stdout:
                last = json.loads(line)
                self.hear(last)
            code = self.process.wait()
            with self.node.lock:
                self.node.running.discard(self.process)
            rule = last["error"]["rule"] if isinstance(last, dict) and "error" in last else None
            if not self.ended and code != -signal.SIGKILL and rule not in PASSING:
                self.round.problem(f"{self.name} ended by itself with {code}: {last}")
            time.sleep(0.1)

    def stop(self):
        self.ended = True
        while self.process is None:
            time.sleep(0.01)
        self.process.terminate()


class Witness:
    """`pawl witness run`, started again whenever it is down; who asks for it does so over one of the links."""

    def __init__(self, node, name, links, round_):
        self.node, self.name, self.links, self.round, self.process, self.ended = node, name, links, round_, None, False
        self.listens_at(None)
        threading.Thread(target=self.run, daemon=True).start()

    def listens_at(self, address):
        for link in self.links:
            link.target = address

    def run(self):
        while not self.ended:
            process = self.process = subprocess.Popen(
                [BIN / "pawl", "--json", "witness", "run", self.name, "--listen", "127.0.0.1:0"], env=self.node.environment,
                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.node.root)
            if line := process.stdout.readline():
                said = json.loads(line)
                self.listens_at(said["url"].removeprefix("http://") if "url" in said else None)
                if "url" not in said and said["error"]["rule"] != "witness.busy":
                    self.round.problem(f"{self.name} does not start: {said}")
            code = process.wait()
            self.listens_at(None)
            if not self.ended and code not in (-signal.SIGKILL, 6):
                self.round.problem(f"{self.name} ended by itself with {code}")
            time.sleep(0.1)

    def stop(self):
        self.ended = True
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


class Entry:
    """What the test knows of a proposal."""

    def __init__(self, name, step):
        self.name, self.step, self.outcome = name, step, None
        self.approved, self.looked = set(), time.time()

    def ready(self, now):
        """Whether releasing it may do something; now and then it is tried all the same."""
        enough = len(self.approved) == len(PEOPLE_AT)
        due = self.step == "release" or (self.step == "approval" and enough)
        return now - self.looked > (0.3 if due else PUSH_S)


class Round:
    """One seed."""

    def __init__(self, template, pair, links, ports, namespace_, seed, proposals):
        self.seed, self.random, self.wanted, self.pair = seed, random.Random(seed), proposals, pair
        self.root = template.root.parent / f"seed-{seed}"
        self.world = template.copy(self.root)
        self.lock, self.book, self.problems = threading.Lock(), {}, []
        self.told, self.faults, self.put_off = set(), collections.Counter(), collections.deque()
        self.asked, self.unheard = 0, 0  # proposals asked for; those of them of which no answer has come yet
        self.over, self.number = threading.Event(), 0
        self.database = f"seed_{seed}"
        pair.make_database(self.database)
        self.nodes = [Node(i, self.root / f"node-{i}") for i in range(4)]
        self.ports = ports
        for node in self.nodes:
            node.root.mkdir()
            node.to_servers = pair.connect_node(links, node.root, f"node-{node.number}")
            if namespace_ and node.number not in GATES:
                node.isolate(links, namespace_, ports)
        self.begin()

    # ---- the beginning

    def begin(self):
        """The gate's home begins the log, the others join it; keys are where they are used."""
        keys, charter = self.world.home / "keys", self.world.charter
        first = self.nodes[0]
        first.home.mkdir(mode=0o700)
        (first.home / "keys").mkdir(mode=0o700)
        for name in ("gate-log", "gate-clock"):
            shutil.copytree(keys / name, first.home / "keys" / name)
        first.ask("init", charter, "--ledger", first.url(self.database))
        digest = first.ask("tree", charter)["tree"]
        for node in self.nodes[1:]:
            node.ask("node", "join", node.url(self.database), "--subject", SUBJECT, "--charter", digest)
            gate = ("gate-log", "gate-clock") if node.number in GATES else ()
            for name in (*gate, *REVIEWERS_OF[node.number]):
                shutil.copytree(keys / name, node.home / "keys" / name)
        log = json.loads((self.world.root / "keys.json").read_text())["log"]
        for name, number in WITNESSES.items():
            shutil.copytree(keys / name, self.nodes[number].home / "keys" / name)
            self.nodes[number].ask("witness", "follow", name, log, "--charter", charter)
        self.witnesses = []
        for i, (name, number) in enumerate(WITNESSES.items()):
            to_it = [self.ports[name], *(node.to_witnesses[i] for node in self.nodes if node.to_witnesses)]
            self.witnesses.append(Witness(self.nodes[number], name, to_it, self))
        # One loader: whichever gate works, it switches the same state.
        self.state = first.home / f"loader/{SUBJECT}/state.json"
        self.reviewers = [self.reviewer(self.nodes[i], name) for i, names in REVIEWERS_OF.items() for name in names]
        self.take_whole_path("propose", self.world.root / "baseline", "-m", "baseline")
        self.take_whole_path("propose", self.world.root / "better", "-m", "better")
        # It takes up what a gate that was killed has left, and says of it where it stands.
        self.keeper = Daemon(self.nodes[KEEPER], "the gate that looks after all",
                             ("--state", self.state, "advance", "--all", "--watch"), self.hear_position, self)

    def reviewer(self, node, name):
        def hear(reports):
            for report in reports if isinstance(reports, list) else []:
                self.hear(name, report)
        options = ["--quorum-is-enough"] if name.startswith("auditor") else []
        return Daemon(node, name, ("oversee", "--as", name, *options), hear, self)

    def take_whole_path(self, *words):
        """Before anything breaks."""
        code, answer = self.nodes[0].go(*words)
        name = answer["proposal"]
        end = time.time() + 120
        while code != 0:
            if code == 1 or time.time() > end:
                raise AssertionError(f"the beginning went wrong: {answer}")
            if answer.get("step") == "approval":
                for i, person in PEOPLE_AT.items():
                    self.nodes[i].go("approve", name, "--key", self.world.root / person)
            time.sleep(0.1)
            code, answer = self.nodes[0].go("release", name)

    # ---- what is heard and told

    def problem(self, words):
        with self.lock:
            self.problems.append(words)

    def hear(self, reviewer, report):
        with self.lock:
            if report["what"] == "voted":
                self.told.add(("vote", reviewer, report["proposal"]))
            if report["what"] in ("closed", "cosigned"):
                self.told.add(("closing", reviewer, report["proposal"]))

    def hear_position(self, answer):
        """Where a gate says that a proposal stands."""
        if "error" in answer:
            return
        with self.lock:
            name = answer["proposal"]
            entry = self.book.setdefault(name, Entry(name, answer["step"]))
            self.told.add(("proposal", name))
            entry.step, entry.looked = answer["step"], time.time()
            if answer["outcome"] != "pending":
                entry.outcome = answer["outcome"]
                self.told.add(("outcome", name, answer["outcome"]))

    def passing(self, code, answer, words):
        """Whether an answer is about the broken world alone; anything else that is no position is a finding."""
        if code < 0:
            return True
        rule = (answer or {}).get("error", {}).get("rule")
        if rule is None:
            return False
        if rule not in PASSING:
            self.problem(f"pawl {' '.join(map(str, words))} ended with {code}: {answer}")
        return True

    # ---- the load

    def gate(self, number):
        chance = random.Random(self.seed * 10 + number)
        node, busy = self.nodes[number], 0
        while not self.over.is_set():
            words = self.next_words(chance)
            if words is None:
                time.sleep(0.05)
                continue
            code, answer = node.go("--state", self.state, *words)
            passes = self.passing(code, answer, words)
            refused = passes and answer is not None and answer["error"]["rule"] == "gate.busy"
            if passes and words[0] != "release":
                with self.lock:
                    self.asked -= 1  # it is made up for
                    if refused:
                        self.put_off.append(words)  # nothing of it was done
            # A process that finds the gate at work costs as much as one that proposes: ask less often.
            busy = busy + 1 if refused else 0
            if refused:
                self.over.wait(min(0.2 * 2 ** busy, BUSY_MAX_S) * chance.uniform(0.5, 1))
            if not passes:
                self.hear_position(answer)
            if words[0] != "release":
                with self.lock:
                    self.unheard -= 1

    def next_words(self, chance):
        now = time.time()
        with self.lock:
            under_way = [entry for entry in self.book.values() if entry.outcome is None]
            ready = [entry for entry in under_way if entry.ready(now)]
            if ready and (self.asked >= self.wanted or len(under_way) >= OPEN_MAX or chance.random() < 0.6):
                entry = min(ready, key=lambda each: each.looked)
                entry.looked = now
                return ("release", entry.name)
            if self.asked >= self.wanted or len(under_way) >= OPEN_MAX:
                return None
            self.asked += 1
            self.unheard += 1
            if self.put_off:
                return self.put_off.popleft()
            self.number += 1
            number = self.number
        kind = chance.random()
        if kind < 0.70:
            return ("rollback", chance.choice("12"), "-m", f"back {number}")
        if kind < 0.95:
            return ("propose", self.candidate(number, outside=True), "-m", f"outside {number}")
        return ("propose", self.candidate(number, outside=False), "-m", f"another {number}")

    def candidate(self, number, outside):
        tree = self.world.make_tree(f"candidate-{number}", 0.5 + 0.0001 * number, 1.5)
        if outside:
            (tree / "not-listed").write_text("what no surface allows\n")
        return tree

    def person(self, number):
        node, name = self.nodes[number], PEOPLE_AT[number]
        while not self.over.is_set():
            with self.lock:
                waiting = [entry for entry in self.book.values()
                           if entry.outcome is None and entry.step == "approval" and name not in entry.approved]
            for entry in waiting[:1]:
                words = ("approve", entry.name, "--key", self.world.root / name)
                code, answer = node.go(*words)
                rule = (answer or {}).get("error", {}).get("rule")
                # Not this node's to move on; or decided, overtaken meanwhile.
                if code == 5 and rule == "key.missing":
                    with self.lock:
                        self.told.add(("approval", name, entry.name))
                        entry.approved.add(name)
                elif rule in ("approve.decided", "approve.too-early"):
                    with self.lock:
                        entry.looked = 0
                        entry.step = "quorum"
                else:
                    self.passing(code, answer, words)
            time.sleep(0.05)

    # ---- what breaks

    def break_things(self):
        """A fault after another, each mended before the next one of its kind; the seed says which, when and for how long."""
        chance = self.random
        kinds = [self.kill_reviewer] * 3 + [self.pause_reviewer] * 2 + [self.kill_command] * 4 + [self.pause_command] * 2
        kinds += [self.kill_witness] * 2 + [self.pause_witness, self.cut_witness]
        kinds += [self.cut_node] * 3 + [self.delay_node] * 2 + [self.stall_node] * 2 + [self.cut_replication] * 2
        kinds += [self.revive_primary] * 2 + [self.pause_primary] * 2 + [self.restart_standby, self.fail_over]
        # Each seed has both ways in which a primary ends.
        order = [self.fail_over, self.revive_primary]
        while self.asked < self.wanted or order:
            time.sleep(chance.uniform(0.2, 1.2))
            due = order and (chance.random() < 0.3 or self.asked >= self.wanted)
            fault = order.pop() if due else chance.choice(kinds)
            fault(chance, chance.uniform(0.2, 1.5))
            self.faults[fault.__name__.replace("_", " ")] += 1

    def all_ended(self):
        """By what everybody was told, and then by the log."""
        with self.lock:
            if self.asked < self.wanted or self.unheard or any(entry.outcome is None for entry in self.book.values()):
                return False
        return all(row["outcome"] != "pending" for row in self.nodes[3].ask("status")["proposals"])

    def kill_reviewer(self, chance, _):
        self.send(chance.choice(self.reviewers).process, signal.SIGKILL)

    def pause_reviewer(self, chance, seconds):
        self.pause(chance.choice(self.reviewers).process, seconds)

    def kill_witness(self, chance, _):
        self.send(chance.choice(self.witnesses).process, signal.SIGKILL)

    def pause_witness(self, chance, seconds):
        self.pause(chance.choice(self.witnesses).process, seconds)

    def cut_witness(self, chance, seconds):
        self.on_links(chance.choice(self.witnesses).links, seconds, lambda link: link.cut())

    def kill_command(self, chance, _):
        """Of a gate, also the one that runs by itself, or of a person."""
        self.send(self.some_command(chance), signal.SIGKILL)

    def pause_command(self, chance, seconds):
        self.pause(self.some_command(chance), seconds)

    def some_command(self, chance):
        node = self.nodes[chance.choice((*GATES, *GATES, *PEOPLE_AT))]
        overseers = {reviewer.process for reviewer in self.reviewers}
        pick = chance.random()
        return node.some_command(
            lambda all_: (lambda others: others[int(pick * len(others))] if others else None)(
                [process for process in all_ if process not in overseers]))

    @staticmethod
    def send(process, number):
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def pause(self, process, seconds):
        self.send(process, signal.SIGSTOP)
        time.sleep(seconds)
        self.send(process, signal.SIGCONT)

    def on_links(self, links, seconds, what):
        for link in links:
            what(link)
        time.sleep(seconds)
        for link in links:
            link.heal()

    def cut_node(self, chance, seconds):
        self.on_links(chance.choice(self.nodes).links(), seconds, lambda link: link.cut())

    def delay_node(self, chance, seconds):
        self.on_links(chance.choice(self.nodes).links(), seconds, lambda link: link.delay(0.1))

    def stall_node(self, chance, seconds):
        self.on_links(chance.choice(self.nodes).links(), seconds, lambda link: link.stall())

    def cut_replication(self, _, seconds):
        self.on_links(self.pair.replication.values(), seconds, lambda link: link.cut())

    def pause_primary(self, _, seconds):
        self.pair.primary.signal_all(signal.SIGSTOP)
        time.sleep(seconds)
        self.pair.primary.signal_all(signal.SIGCONT)

    def revive_primary(self, _, seconds):
        self.pair.kill_primary()
        time.sleep(seconds / 2)
        self.pair.revive()

    def restart_standby(self, _, seconds):
        self.pair.standby.kill()
        time.sleep(seconds)
        self.pair.standby.start()

    def fail_over(self, _, seconds):
        # Only a standby that has everything is promoted: whoever does this by hand looks first, too.
        self.pair.wait_until_synchronous()
        self.pair.kill_primary()
        time.sleep(seconds / 3)
        self.pair.fail_over()

    # ---- the whole

    def run(self):
        began = time.time()
        threads = [threading.Thread(target=self.gate, args=(i,)) for i in GATES]
        threads += [threading.Thread(target=self.person, args=(i,)) for i in PEOPLE_AT]
        for thread in threads:
            thread.start()
        try:
            self.break_things()
            broken = time.time() - began
            self.pair.wait_until_synchronous()
            # As long as something ends now and then: what was left behind may be many.
            left, end = None, time.time() + QUIET_S
            while time.time() < end and not self.all_ended():
                with self.lock:
                    now = sum(entry.outcome is None for entry in self.book.values())
                if now != left:
                    left, end = now, time.time() + QUIET_S
                time.sleep(0.2)
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
            for daemon in (self.keeper, *self.reviewers):
                daemon.stop()
        for witness in self.witnesses:
            witness.stop()
        self.check()
        for node in self.nodes:
            if node.inside:
                node.inside.kill()
                node.inside.wait()
        return broken, time.time() - began

    # ---- what has to hold

    def check(self):
        """From the log as it is exported, read here byte by byte, and by what the loaders of three nodes say."""
        heads = {json.dumps(node.ask("log", "verify"), sort_keys=True) for node in self.nodes}
        self.demand(len(heads) == 1, f"the nodes do not agree on the log: {heads}")
        export = self.root / "export"
        self.nodes[0].ask("log", "export", export)
        self.world.run(BIN / "pawl-check", "log", export, "--charter", self.world.charter)
        events = list(read_export(export))
        self.nothing_lost(events)
        self.releases = self.one_release_each(events)
        self.every_warrant_passes()
        self.witnesses_have_seen_this_log(events)
        if self.problems:
            raise AssertionError(f"seed {self.seed}:\n" + "\n".join(self.problems))

    def demand(self, holds, words):
        if not holds:
            self.problem(words)

    def nothing_lost(self, events):
        """What somebody was told of is there, once."""
        proposal_of, there = {}, collections.Counter()
        for digest, kind, predicate, signers in events:
            if kind == "candidate":
                proposal_of[digest] = predicate["proposal"]
            if kind == "proposal":
                there["proposal", predicate["proposal"]] += 1
            if kind == "outcome":
                there["outcome", predicate["proposal"], predicate["outcome"]] += 1
                there["ended", predicate["proposal"]] += 1
            if kind == "vote":
                there["vote", predicate["reviewer"], proposal_of[predicate["candidate"]]] += 1
            if kind == "closing":
                for signer in signers:
                    there["closing", signer, proposal_of[predicate["candidate"]]] = 1
            if kind == "decision" and predicate["candidate"] in proposal_of:
                for signer in signers:
                    there["approval", signer.removesuffix("@test"), proposal_of[predicate["candidate"]]] = 1
        for fact in self.told:
            self.demand(there[fact] > 0, f"somebody was told of {fact}, and the log does not have it")
        for fact, count in there.items():
            self.demand(count == 1, f"{fact} stands in the log {count} times")
        self.outcomes = collections.Counter(fact[2] for fact in there if fact[0] == "outcome")
        self.proposals = sum(fact[0] == "proposal" for fact in there)
        ended = {fact[1] for fact in there if fact[0] == "outcome"}
        pending = sorted(fact[1] for fact in there if fact[0] == "proposal" and fact[1] not in ended)
        self.demand(not pending, f"everything was mended, and for {QUIET_S} s nothing ended: {pending}")

    def one_release_each(self, events):
        """One release an epoch, in order; of what an accepted proposal was about."""
        releases = [predicate for _, kind, predicate, _ in events if kind == "release"]
        epochs = [release["epoch"] for release in releases]
        self.demand(epochs == list(range(1, len(epochs) + 1)), f"epochs of the releases: {epochs}")
        self.demand(self.outcomes["accepted"] == len(releases), f"{self.outcomes} and {len(releases)} releases")
        return releases

    def every_warrant_passes(self):
        """A loader on each node but the gate's follows from the genesis on, with what the database has brought it."""
        live = {self.live(self.state)}
        for node in self.nodes[1:]:
            state = node.home / f"loader/{SUBJECT}/state.json"
            for release in self.releases:
                digest = release["warrant"].removeprefix("sha256:")
                words = [BIN / "pawl-check", "warrant", node.home / "store/blobs" / digest[:2] / digest, "--charter",
                         self.world.charter, "--store", node.home / "store", "--state", state, "--json", "--commit"]
                result = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
                if result.returncode != 0 and json.loads(result.stdout)["rule"] == "pace.interval":
                    time.sleep(1.1)  # whoever follows keeps the charter's interval by a clock of its own
                    result = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
                self.demand(result.returncode == 0,
                            f"node {node.number} refuses epoch {release['epoch']}: {result.stdout}{result.stderr}")
            live.add(self.live(state))
        self.demand(len(live) == 1, f"more than one release is live: {live}")
        self.demand(live == {(self.releases[-1]["epoch"], self.releases[-1]["tree"])}, f"{live} is not the log's last release")

    def witnesses_have_seen_this_log(self, events):
        """Each remembers a size that the log has had; a quorum of them that of the last release's warrant, which others may
        have appended to before the release. (What they remember of the tree is held to the log by every warrant: pawl-check
        counts cosignatures.)"""
        sizes = [self.nodes[number].ask("witness", "list", name)[0]["size"] for name, number in WITNESSES.items()]
        boards = [len(list(self.nodes[number].home.glob(f"*/{name}/notices/*/posted/*.json"))) for name, number in WITNESSES.items()]
        self.demand(all(boards), f"witnesses keep so many votes: {boards}")
        at = [index for index, (_, kind, predicate, _) in enumerate(events)
              if kind == "warrant" and predicate["warrant"] == self.releases[-1]["warrant"]]
        self.demand(all(size <= len(events) for size in sizes), f"witnesses have seen {sizes} of {len(events)} entries")
        self.demand(len(at) == 1 and sorted(sizes)[1] >= at[0] - 3,
                    f"witnesses have seen {sizes}, the last release's warrant is at {at}")

    @staticmethod
    def live(state):
        state = json.loads(state.read_text())
        return state["epoch"], state["tree"]

    def remove(self):
        self.pair.drop_database(self.database)
        subprocess.run(["chmod", "-R", "u+w", self.root], check=False)
        shutil.rmtree(self.root, ignore_errors=True)


def read_export(folder):
    """(digest of the statement, kind, predicate, who signed) of each entry, from C2SP tiles."""
    entries = folder / "tile/entries"
    size = int((folder / "checkpoint").read_text().splitlines()[1])
    for first in range(0, size, 256):
        index, width = first // 256, min(256, size - first)
        path = entries / (f"{index:03}" if index < 1000 else f"x{index // 1000:03}/{index % 1000:03}")
        bundle = (path if width == 256 else path.with_name(path.name + ".p") / str(width)).read_bytes()
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            envelope, bundle = json.loads(bundle[2:2 + length]), bundle[2 + length:]
            payload = base64.b64decode(envelope["payload"])
            statement = json.loads(payload)
            kind = statement["predicateType"].split(":")[2]
            signers = [signature["keyid"] for signature in envelope["signatures"]]
            yield "sha256:" + hashlib.sha256(payload).hexdigest(), kind, statement["predicate"], signers


class Passed:
    """Seeds that have passed: a line each, which counts for the same programs, test and number of proposals alone."""

    def __init__(self, file, proposals):
        self.file, self.proposals = file and pathlib.Path(file), proposals
        of = hashlib.sha256()
        for path in (BIN / "pawl", BIN / "pawl-check", *sorted(pathlib.Path(__file__).parent.glob("*.py"))):
            of.update(hashlib.sha256(path.read_bytes()).digest())
        self.programs = of.hexdigest()
        lines = self.file.read_text().splitlines() if self.file and self.file.exists() else []
        self.seeds = {int(line.split()[2]) for line in lines if line.startswith(f"{self.programs} {proposals} ")}

    def add(self, seed):
        self.seeds.add(seed)
        if self.file:
            with open(self.file, "a", encoding="utf-8") as out:
                out.write(f"{self.programs} {self.proposals} {seed}\n")


def run_several(options, seeds, began):
    """Seeds that run at a time share nothing but the machine. Whatever one finds, the others are run."""
    lock, left, failed = threading.Lock(), collections.deque(seeds), []

    def work():
        while True:
            with lock:
                if not left or (len(left) < len(seeds) and time.time() - began > options.budget):
                    return
                seed = left.popleft()
            # On the end of this process: as if somebody had interrupted it, so that it leaves no server behind.
            words = ["/usr/bin/setpriv", "--pdeathsig", "INT", sys.executable, __file__, "--seed", seed,
                     "--proposals", options.proposals, *(["--passed", options.passed] if options.passed else [])]
            result = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, check=False)
            with lock:
                print(result.stdout, end="", flush=True)
                if result.returncode != 0:
                    failed.append(seed)

    workers = [threading.Thread(target=work) for _ in range(options.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"{len(seeds) - len(left) - len(failed)} of {len(seeds)} seeds, {time.time() - began:.1f} s"
          + (f"; still to run: {', '.join(map(str, left))}" if left else ""))
    if failed:
        raise AssertionError(f"seeds that broke something: {', '.join(map(str, sorted(failed)))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--proposals", type=int, default=200)
    parser.add_argument("--budget", type=float, default=float("inf"))
    parser.add_argument("--passed")
    options = parser.parse_args()
    began = time.time()
    passed = Passed(options.passed, options.proposals)
    wanted = range(options.seed, options.seed + options.seeds)
    if left_out := [seed for seed in wanted if seed in passed.seeds]:
        print(f"passed before with these programs: {', '.join(map(str, left_out))}", flush=True)
    if len(left_out) == len(wanted):
        return
    if options.jobs > 1:
        run_several(options, [seed for seed in wanted if seed not in left_out], began)
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-nodes-"))
    folder.chmod(0o755)
    links, namespace_ = Links(), namespace()
    print("nodes in network namespaces of their own" if namespace_ else
          "nodes as processes (this machine allows no network namespace)", flush=True)
    template = World(folder / "template")
    template.root.mkdir()
    ports = {name: links.join(f"to {name}", 0, None) for name in WITNESSES}
    keys = {name: template.json("key", "new", name, "--witness")["key"] for name in WITNESSES}
    template.prepare(lambda text: light(text, keys, ports))
    (folder / "servers").mkdir()
    (folder / "servers").chmod(0o755)
    pair = Pair(folder / "servers", links)
    done, faults = 0, collections.Counter()
    try:
        for seed in (seed for seed in wanted if seed not in left_out):
            if done and time.time() - began > options.budget:
                break
            round_ = Round(template, pair, links, ports, namespace_, seed, options.proposals)
            broken, whole = round_.run()
            pending = round_.proposals - sum(round_.outcomes.values())
            outcomes = ", ".join(f"{count} {what}" for what, count in sorted(round_.outcomes.items()))
            print(f"seed {seed}: {round_.proposals} proposals: {outcomes}, {pending} pending; {len(round_.told)} events told of, "
                  f"none lost; {len(round_.releases)} warrants pass; {broken:.1f} s with faults, {whole:.1f} s in all\n  faults: "
                  + ", ".join(f"{count} {what}" for what, count in sorted(round_.faults.items())), flush=True)
            faults += round_.faults
            done += 1
            passed.add(seed)
            round_.remove()
    finally:
        pair.stop()
        if sys.exc_info()[0] is None:
            subprocess.run(["chmod", "-R", "u+w", folder], check=False)
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"left as it was: {folder}", file=sys.stderr)
    print(f"{done} of {options.seeds} seeds, {sum(faults.values())} faults of {len(faults)} kinds, {time.time() - began:.1f} s"
          + (f"; still to run: {', '.join(map(str, rest))}" if (rest := [seed for seed in wanted if seed not in passed.seeds])
             else ""))
    if not faults or done == 0:
        raise AssertionError("nothing broke: this has tested nothing")


if __name__ == "__main__":
    main()
