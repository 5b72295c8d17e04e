#!/usr/bin/python3
"""Two systems that judge each other over one server: each subject has a home of its own with its gate, its reviewers and
its loader, joined to the other's log, and everybody who reviews is a `pawl oversee` in the home where its key is.

left's peer is right, and its consent is needed; right's peer is left, and whoever closes waits for its voice. A judge is
a program in the subject's own tree that compares the candidate's network with its own.

usage: mutual_test.py [TestName ...]        PAWL_BIN: folder with pawl and pawl-check
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/crash"))
from server import Server  # noqa: E402
from small_world import BIN, PEOPLE, UNTRIED_REVIEWERS, World, without_trials  # noqa: E402

WAIT_S = 90
OTHER = {"left": "right", "right": "left"}
FACTORS = {"left": 1.0, "right": 1.2}   # of the network that is first; no two files that may change are alike
JUDGE = """import json, struct
def factor(path):
    return max(struct.unpack("<4f", open(path, "rb").read()[40:56]))
mine, other = factor("policy.onnx"), factor("/in/subject/policy.onnx")
print(json.dumps({"objection": other > mine + 0.45, "references": ["policy.onnx"],
                  "reasons": [f"{other:.2f} beside {mine:.2f}"]}))
"""


def charter_of(subject):
    """The small one without trials, in which reviewers are the subject's own; judged by the other one."""
    def edit(text):
        text = without_trials(text).replace('name = "small"', f'name = "{subject}"').replace("test:small", f"test:{subject}")
        rule = f'  {{ role = "peer", at_least = {int(subject == "left")} }},\n'
        return text.replace('  { role = "auditor"', rule + '  { role = "auditor"')
    return edit


class Side(World):
    """One subject, and the home that is its machine."""

    def __init__(self, subject, folder, server):
        super().__init__(folder / subject)
        self.subject, self.server, self.running, self.proposed = subject, server, {}, 0
        self.root.mkdir(parents=True)

    def begin(self, people, factor, ledger):
        """The peer's key is made here too, for the other side."""
        keys = {"log": self.pawl("key", "new", f"{self.subject}-log").strip(),
                "clock": self.pawl("key", "new", f"{self.subject}-clock", "--clock").strip(), "reviewers": []}
        for name, principal, role in [*UNTRIED_REVIEWERS, ("peer", f"makers-of-{OTHER[self.subject]}", "peer")]:
            name = f"{self.subject}-{name}"
            keys["reviewers"].append({"name": name, "principal": principal, "role": role,
                                      "key": self.pawl("key", "new", name).strip()})
        (self.root / "keys.json").write_text(json.dumps(keys))
        (self.root / "signers").write_text(people["signers"])
        self.people = people["folder"]
        self.tree("baseline", factor)
        charter = self.make_charter("charter", charter_of(self.subject))
        (charter / "peers.toml").write_text(f'[[peer]]\nreviewer = "{self.subject}-peer"\nsubject = "{OTHER[self.subject]}"\n'
                                            'command = ["python3", "judge.py"]\ntime_limit = "30s"\n')
        self.sign(charter)
        self.pawl("init", charter, *ledger)

    def sign(self, charter):
        for person in PEOPLE:
            self.pawl("charter", "sign", charter, "--key", self.people / person)

    def tree(self, name, factor):
        tree = self.make_tree(name, 0, factor)
        shutil.rmtree(tree / "improver")
        (tree / "judge.py").write_text(JUDGE)
        return tree

    def join(self, other):
        """The other's log, and the key with which this subject judges it."""
        self.pawl("node", "join", self.server.url(), "--subject", other.subject, "--charter", other.pawl("tree", other.charter).strip())
        (other.home / f"keys/{other.subject}-peer").rename(self.home / f"keys/{other.subject}-peer")

    # ---- reviewers

    def start(self, name):
        with open(self.root / f"{name}.out", "ab") as out, open(self.root / f"{name}.err", "ab") as err:
            self.running[name] = subprocess.Popen([BIN / "pawl", "--json", "oversee", "--as", name], env=self.environment,
                                                  stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def until(self, name, what, proposal):
        """A reviewer that runs here says that it has done so."""
        end = time.time() + WAIT_S
        while True:
            lines = (self.root / f"{name}.out").read_text().splitlines(keepends=True)
            reports = [report for line in lines if line.endswith("\n") for report in json.loads(line)]
            if (what, proposal) in [(report["what"], report["proposal"]) for report in reports]:
                return
            if time.time() > end:
                raise AssertionError(f"{name} has not {what} {proposal}: {lines}")
            time.sleep(0.1)

    def end(self, *names):
        """Of each its exit status, and what it complained of."""
        for name in names:
            self.running[name].terminate()
        return [(self.running.pop(name).wait(WAIT_S), (self.root / f"{name}.err").read_text()) for name in names]

    # ---- its own subject

    def own(self, *words, **options):
        return self.json("--subject", self.subject, *words, **options)

    def propose(self, factor):
        self.proposed += 1
        tree = self.root / "baseline" if factor is None else self.tree(f"candidate-{self.proposed}", factor)
        return self.own("propose", tree, "-m", "another", expect=(6,))["proposal"]

    def events(self, proposal, kind, home=None):
        """What the log has of a kind about a proposal, as this home, or another one, reads it."""
        about, found = None, []
        for line in (home or self).pawl("--json", "--subject", self.subject, "log", "list").splitlines():
            event = json.loads(line)
            if event["kind"] == "candidate":
                about = event["predicate"]["proposal"]
            if event["kind"] == kind and about == proposal:
                found.append(event["predicate"])
        return found

    def votes(self, proposal):
        return {vote["reviewer"].removeprefix(f"{self.subject}-"): vote for vote in self.events(proposal, "vote")}

    def release(self, proposal):
        """Once whoever closes has closed, by itself unless told."""
        if self.running:
            self.until(f"{self.subject}-auditor-b", "closed", proposal)
        self.own("advance", proposal, expect=(6,))
        for person in PEOPLE[:2]:
            self.own("approve", proposal, "--key", self.people / person, expect=(0, 6))
        self.own("release", proposal)
        time.sleep(1.1)  # min_interval


class MutualTest(unittest.TestCase):
    """In this order."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-mutual-"))
        cls.addClassCleanup(cls.remove)
        cls.folder.chmod(0o755)
        cls.server = Server(cls.folder / "server")
        cls.addClassCleanup(cls.server.stop)
        people = World(cls.folder)
        lines = []
        for person in PEOPLE:
            people.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"TEST KEY of {person}", "-f", cls.folder / person)
            lines.append(f'{person}@test namespaces="approve@pawl" ' + " ".join((cls.folder / f"{person}.pub").read_text().split()[:2]))
        cls.people = {"signers": "\n".join(lines) + "\n", "folder": cls.folder}
        cls.sides = {subject: Side(subject, cls.folder, cls.server) for subject in OTHER}
        for subject, side in cls.sides.items():
            side.begin(cls.people, FACTORS[subject], ("--ledger", cls.server.url()))
        for subject, side in cls.sides.items():
            side.join(cls.sides[OTHER[subject]])

    @classmethod
    def remove(cls):
        for side in cls.sides.values():
            for process in side.running.values():
                process.kill()
                process.wait()
        subprocess.run(["chmod", "-R", "u+w", cls.folder], check=False)
        shutil.rmtree(cls.folder)

    def check_peer(self, subject, proposal, verdict, reasons):
        """The peer's vote, and that it names what is live of the other system."""
        vote = self.sides[subject].votes(proposal)["peer"]
        live = self.sides[OTHER[subject]].own("current")
        self.assertEqual((vote["verdict"], vote["reasons"]), (verdict, reasons))
        self.assertEqual((vote["evidence"]["subject"], vote["evidence"]["release"], vote["evidence"]["epoch"]),
                         (OTHER[subject], live["tree"], live["epoch"]))

    def test_1_both_begin(self):
        left, right = self.sides["left"], self.sides["right"]
        # Nothing of left is live, so it has no voice yet; whoever closes is told not to wait for it.
        first = right.propose(None)
        for name in ("prover-a", "integrity-b"):
            right.own("review", "--as", f"right-{name}")
        waits = left.json("--subject", "right", "review", "--as", "right-peer", expect=(6,))
        self.assertIn("current.nothing", json.dumps(waits))
        right.own("review", "--as", "right-auditor-b", "--quorum-is-enough")
        right.release(first)
        for side in (left, right):
            for name, _, _ in UNTRIED_REVIEWERS:
                side.start(f"{side.subject}-{name}")
            side.start(f"{OTHER[side.subject]}-peer")
        first = left.propose(None)
        left.release(first)
        self.check_peer("left", first, "for", ["1.00 beside 1.20"])

    def test_2_each_objects_to_the_other(self):
        for subject, factor, said in (("left", 1.9, "1.90 beside 1.20"), ("right", 1.55, "1.55 beside 1.00")):
            side, other = self.sides[subject], self.sides[OTHER[subject]]
            proposal = side.propose(factor)
            other.until(f"{subject}-peer", "voted", proposal)
            self.assertEqual(side.own("advance", proposal, expect=(1,))["outcome"], "rejected")
            self.check_peer(subject, proposal, "against", [said])

    def test_3_each_improves_and_is_judged_by_what_is_live_of_the_other(self):
        """What left objected to in right, it does not object to once it has improved itself."""
        for subject, factor, said in (("left", 1.6, "1.60 beside 1.20"), ("right", 1.56, "1.56 beside 1.60")):
            side, other = self.sides[subject], self.sides[OTHER[subject]]
            proposal = side.propose(factor)
            side.release(proposal)
            self.check_peer(subject, proposal, "for", [said])
            self.assertEqual(len(side.votes(proposal)), 3)
            # The other home reads the same log.
            self.assertEqual(side.events(proposal, "release", home=other), side.events(proposal, "release"))

    def test_4_nobody_votes_on_its_own_proposal(self):
        left, right = self.sides["left"], self.sides["right"]
        # Not by naming itself in the charter.
        own = left.root / "own-judge"
        shutil.copytree(left.charter, own)
        (own / "peers.toml").write_text((own / "peers.toml").read_text().replace('"right"', '"left"'))
        self.assertEqual(left.json("charter", "check", own, expect=(3,))["error"]["rule"], "peers.self")
        # Not on the machine of its gate, where the peer's key is not; the one who may is away.
        self.assertEqual(right.end("left-peer"), [(0, "")])
        proposal = left.propose(1.65)
        self.assertEqual(left.own("review", "--as", "left-peer", expect=(5,))["error"]["rule"], "key.missing")
        # Not with that key, as a copy of its own tree under the other's name, released by people of its own.
        twin = Side("right", self.folder / "twin", self.server)
        twin.begin(self.people, factor=1.6, ledger=())
        first = twin.propose(None)
        for name, _, _ in UNTRIED_REVIEWERS:
            twin.own("review", "--as", f"right-{name}", "--quorum-is-enough")
        twin.release(first)
        twin.pawl("node", "join", self.server.url(), "--subject", "left", "--charter", left.pawl("tree", left.charter).strip())
        shutil.copytree(right.home / "keys/left-peer", twin.home / "keys/left-peer")
        error = twin.json("--subject", "left", "review", "--as", "left-peer", expect=(6,))
        self.assertIn("peer.descent", json.dumps(error))
        self.assertNotIn("peer", left.votes(proposal))
        self.assertEqual(left.events(proposal, "closing"), [])
        # The one who may comes back, and has its vote still.
        right.start("left-peer")
        left.release(proposal)
        self.check_peer("left", proposal, "for", ["1.65 beside 1.56"])

    def test_5_both_logs_are_whole(self):
        for side in self.sides.values():
            self.assertEqual(side.end(*side.running), [(0, "")] * 4)
            side.pawl("--subject", side.subject, "log", "export", side.root / "export")
            side.run(BIN / "pawl-check", "log", side.root / "export", "--charter", side.charter)
            self.assertEqual(side.own("log", "verify")["root"],
                             self.sides[OTHER[side.subject]].json("--subject", side.subject, "log", "verify")["root"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
