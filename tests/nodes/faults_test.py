#!/usr/bin/python3
"""Four nodes on one log in PostgreSQL with a synchronous standby, under load, while gates, reviewers, the servers and the
links between them are killed, paused, cut off and healed at random from a seed. At the end: every proposal has an outcome,
no event that somebody was told of is lost, no release without a full warrant, nothing became live between a halt and its
resume, no two live releases, all nodes agree on the root, and every warrant passes `pawl-check`.

usage: faults_test.py [--seed N] [--seeds COUNT] [--jobs N] [--proposals N] [--budget SECONDS] [--passed FILE]
       --seeds     so many, from --seed on               --budget   begins no further seed after so long
       --jobs      so many seeds at a time, each by a process of its own: one seed waits more than it works
       --passed    seeds that this file names have passed with these programs and are left out; those that pass are added
       PAWL_BIN: folder with pawl and pawl-check
Ends with 77 where seeds are left for the next time: nothing was found, and not everything was looked at.

Every node has a home of its own that joined the log, and where that is allowed a network namespace of its own: its links to
the two servers and to the witnesses are all that its programs have, a gate's as any other's. The servers stream to each
other over a link as well. Servers and witnesses run outside of the namespaces, so that what reaches them came over a link.
Three nodes run a witness each, which keeps the notices of this log too; a warrant needs two of them, and so does an auditor
before it closes. Gates propose and release, a command each; beside them a `pawl advance --all --watch` takes up what a gate
that was killed has left, while everything goes on breaking, and nobody else looks for that. The two gates have one loader:
both switch the same state, and people halt there.

setting.py: who is where; node.py, machines.py, links.py: what runs; load.py: what is asked of it; faults.py: what breaks;
heard.py: what the test was told meanwhile; holds.py: what has to hold at the end.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from setting import BIN, ENOUGH, GATES, KEEPER, NODE_OF, NODES, REVIEWERS_OF, SUBJECT, WITNESSES, World, light
from faults import Faults
from heard import Heard
from holds import Holds
from links import Links
from load import Load
from machines import Pair
from node import Daemon, Node, Witness, namespace

QUIET_S = 90  # after everything has been mended, for the next of what is still open to end
LEFT = 77     # exit status: SKIP_RETURN_CODE in CMakeLists.txt


class Round:
    """One seed."""

    def __init__(self, template, pair, links, ports, namespace_, seed, proposals):
        self.seed, self.pair, self.heard = seed, pair, Heard()
        self.root = template.root.parent / f"seed-{seed}"
        self.world = template.copy(self.root)
        self.database = f"seed_{seed}"
        pair.make_database(self.database)
        self.nodes = [Node(i, self.root / f"node-{i}") for i in range(NODES)]
        for node in self.nodes:
            node.root.mkdir()
            node.to_servers = pair.connect_node(links, node.root, f"node-{node.number}")
            if namespace_:
                node.isolate(links, namespace_, ports)
        self.begin(ports)
        self.load = Load(seed, proposals, self.world, self.nodes, self.state, self.heard)
        self.faults = Faults(seed, self.nodes, pair, self.reviewers, self.witnesses)

    def begin(self, ports):
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
        self.witnesses = []
        for i, (name, number) in enumerate(WITNESSES.items()):
            shutil.copytree(keys / name, self.nodes[number].home / "keys" / name)
            self.nodes[number].ask("witness", "follow", name, log, "--charter", charter)
            to_it = [node.to_witnesses[i] for node in self.nodes if node.to_witnesses] or [ports[name]]
            self.witnesses.append(Witness(self.nodes[number], name, to_it, self.heard.problem))
        # One loader: whichever gate works, it switches the same state.
        self.state = first.home / f"loader/{SUBJECT}/state.json"
        self.reviewers = [self.reviewer(self.nodes[i], name) for i, names in REVIEWERS_OF.items() for name in names]
        self.take_whole_path("propose", self.world.root / "baseline", "-m", "baseline")
        self.take_whole_path("propose", self.world.root / "better", "-m", "better")
        # It takes up what a gate that was killed has left, and says of it where it stands.
        self.keeper = Daemon(self.nodes[KEEPER], "the gate that looks after all",
                             ("--state", self.state, "advance", "--all", "--watch"), self.heard.position, self.heard.problem)

    def reviewer(self, node, name):
        options = ["--quorum-is-enough"] if name.startswith("auditor") else []
        return Daemon(node, name, ("oversee", "--as", name, *options), self.heard.reports_of(name), self.heard.problem)

    def take_whole_path(self, *words):
        """Before anything breaks."""
        code, answer = self.nodes[0].go(*words)
        name = answer["proposal"]
        end = time.time() + 120
        while code != 0:
            if code == 1 or time.time() > end:
                raise AssertionError(f"the beginning went wrong: {answer}")
            if answer.get("step") == "approval":
                for person in ENOUGH:
                    self.nodes[NODE_OF[person]].go("approve", name, "--key", self.world.root / person)
            time.sleep(0.1)
            code, answer = self.nodes[0].go("release", name)

    def run(self):
        """Seconds with faults, and in all."""
        began = time.time()
        self.load.begin()
        try:
            self.faults.go_on_while(self.load)
            broken = time.time() - began
            self.pair.wait_until_synchronous()
            # As long as something ends now and then: what was left behind may be many.
            left, end = None, time.time() + QUIET_S
            while time.time() < end and not self.load.all_ended():
                if self.heard.open() != left:
                    left, end = self.heard.open(), time.time() + QUIET_S
                time.sleep(0.2)
        finally:
            self.load.end()
            for daemon in (self.keeper, *self.reviewers):
                daemon.stop()
        for witness in self.witnesses:
            witness.stop()
        self.holds = Holds(self.root, self.world, self.nodes, self.state, self.load, self.heard)
        self.holds.check()
        if self.heard.problems:
            raise AssertionError(f"seed {self.seed}:\n" + "\n".join(self.heard.problems))
        for node in self.nodes:
            node.end()
        return broken, time.time() - began

    def words(self, broken, whole):
        """What a round that has passed was about."""
        def listed(counts):
            return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        live = collections.Counter(release["action"] for release in self.holds.releases)
        return (f"seed {self.seed}: {self.holds.proposals} proposals: {listed(self.holds.outcomes)}; {len(self.heard.told)} events told of, "
                f"none lost; {sum(live.values())} warrants pass ({listed(live)}); {len(self.heard.halts)} halts held; "
                f"{broken:.1f} s with faults, {whole:.1f} s in all\n  faults: {listed(self.faults.counted)}")

    def remove(self):
        self.pair.drop_database(self.database)
        subprocess.run(["chmod", "-R", "u+w", self.root], check=False)
        shutil.rmtree(self.root, ignore_errors=True)


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


def run_several(options, seeds, _, began):
    """Seeds that run at a time share nothing but the machine. Whatever one finds, the others are run. Gives those that are
    left."""
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
    print(f"{len(seeds) - len(left) - len(failed)} of {len(seeds)} seeds, {time.time() - began:.1f} s")
    if failed:
        raise AssertionError(f"seeds that broke something: {', '.join(map(str, sorted(failed)))}")
    return list(left)


def run_here(options, seeds, passed, began):
    """One seed after another; gives those that are left."""
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
        for seed in seeds:
            if done and time.time() - began > options.budget:
                break
            round_ = Round(template, pair, links, ports, namespace_, seed, options.proposals)
            print(round_.words(*round_.run()), flush=True)
            faults += round_.faults.counted
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
    print(f"{done} of {len(seeds)} seeds, {sum(faults.values())} faults of {len(faults)} kinds, {time.time() - began:.1f} s")
    if not faults:
        raise AssertionError("nothing broke: this has tested nothing")
    return seeds[done:]


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
    seeds = [seed for seed in wanted if seed not in passed.seeds]
    if before := [seed for seed in wanted if seed in passed.seeds]:
        print(f"passed before with these programs: {', '.join(map(str, before))}", flush=True)
    left = (run_several if options.jobs > 1 else run_here)(options, seeds, passed, began) if seeds else []
    if left:
        again = "go on with them" if options.passed else "--passed FILE keeps what has passed"
        print(f"NOT DONE: the budget of {options.budget:.0f} s is spent, and seeds {', '.join(map(str, left))} were not run. "
              f"Run it again: {again}.", flush=True)
        sys.exit(LEFT)


if __name__ == "__main__":
    main()
