"""A node: a home of its own that joined the log, the programs that run there, and the network that they have.

  node = Node(2, folder)
  node.isolate(links, namespace(), ports)   from now on no network but links; namespace() is None where that is refused
  node.go("approve", "p3", "--key", key)    exit status and last line
  Daemon(node, "prover-2", ("oversee", "--as", "prover-2"), hear, problem)    started again whenever it is down
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from setting import BIN, PASSING

LINKS = pathlib.Path(__file__).resolve().parent / "links.py"


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

    def end(self):
        if self.inside is not None:
            self.inside.kill()
            self.inside.wait()

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

    def __init__(self, node, name, words, hear, problem):
        self.node, self.name, self.words, self.hear, self.problem = node, name, words, hear, problem
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
                self.problem(f"{self.name} ended by itself with {code}: {last}")
            time.sleep(0.1)

    def stop(self):
        self.ended = True
        while self.process is None:
            time.sleep(0.01)
        self.process.terminate()


class Witness:
    """`pawl witness run`, started again whenever it is down; who asks for it does so over one of the links."""

    def __init__(self, node, name, links, problem):
        self.node, self.name, self.links, self.problem, self.process, self.ended = node, name, links, problem, None, False
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
                    self.problem(f"{self.name} does not start: {said}")
            code = process.wait()
            self.listens_at(None)
            if not self.ended and code not in (-signal.SIGKILL, 6):
                self.problem(f"{self.name} ended by itself with {code}")
            time.sleep(0.1)

    def stop(self):
        self.ended = True
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
