"""A subject so small that its whole path takes a second: a network of one layer, one property, an evaluator in awk.

  world = World(folder)                make_keys, begin: charter, keys and home below `folder`
  world.pawl("status")                 a run of the real program
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess

BIN = pathlib.Path(os.environ.get("PAWL_BIN", pathlib.Path(__file__).resolve().parent.parent.parent / "build/release/bin"))
SUBJECT = "small"
PEOPLE = ["ann", "bob", "cy"]
REVIEWERS = [("prover-a", "lab-a", "prover"), ("evaluator-a", "lab-b", "evaluator"), ("auditor-b", "lab-c", "auditor")]

# Of a charter that asks for no trials.
UNTRIED_REVIEWERS = [("prover-a", "lab-a", "prover"), ("integrity-b", "lab-b", "integrity"), ("auditor-b", "lab-c", "auditor")]

# y = factor * x for two inputs, as ONNX.
BEFORE = "CAc6cQoSCgF4CgFXCgFCEgF5IgRHZW1tEgFnKhsIAggCEAFCAVdKEA=="
AFTER = ("KhEIAhABQgFCSggAAAAAAAAAAFoTCgF4Eg4KDAgBEggKAggBCgIIAmITCgF5Eg4KDAgBEggKAggBCgIIAkIECgAQDQ==")

PROPERTY = """(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(declare-const Y_1 Real)
(assert (>= X_0 0))
(assert (<= X_0 1))
(assert (>= X_1 0))
(assert (<= X_1 1))
(assert (>= Y_0 100))
"""

EVALUATOR = """#!/bin/sh
# evaluate.sh episodes|decisions --subject DIR --seeds FILE --out FILE
read -r level < "$3/improver/level"
size=$(wc -c < "$5")
awk -v mode="$1" -v level="$level" -v n=$((size / 32)) 'BEGIN { for (i = 0; i < n; i++)
  if (mode == "episodes") printf "{\\"episode\\":%d,\\"metrics\\":{\\"near_miss\\":0,\\"score\\":%s}}\\n", i, level
  else printf "{\\"probe\\":%d,\\"decision\\":\\"stay\\"}\\n", i }' > "$7"
"""

IMPROVER = """cp -r /in/subject /out/candidate && chmod -R u+w /out/candidate && echo 0.6 > /out/candidate/improver/level
"""

CHARTER = """
[subject]
name = "small"
resource = "urn:pawl:test:small"
baseline = "@BASELINE@"

[[surface]]
path = "policy.onnx"
kind = "network"
operators = ["Gemm", "Relu"]
max_parameters = 1000

[[surface]]
path = "improver/**"
kind = "text"
may_add = true
max_changed_lines = 200

[[property]]
name = "calm"
network = "policy.onnx"
spec = "properties/calm.vnnlib"
falsified_by = "mutants/loud.onnx"

[improver]
command = ["/bin/sh", "improver/improve.sh"]
limits = { wall_seconds = 60, memory_mib = 1024, processes = 16 }

[evaluation]
command = ["/bin/sh", "evaluate.sh"]
limits = { wall_seconds = 60, memory_mib = 1024, processes = 16 }
episodes = 600
probes = 200
probes_file = "probes.bin"
closure = ["/usr/bin/mawk"]

[[evaluation.metric]]
name = "near_miss"
better = "lower"

[[evaluation.metric]]
name = "score"
better = "higher"

# Tests run as ordinary users and in containers too, where there are no control groups.
[sandbox]
accept = ["memory-per-process", "forks-uncounted", "cpu-per-process"]

[bounds.harm]
metric = "near_miss"
limit = 0.3

[bounds.improvement]
metric = "score"

[bounds.capability]
metric = "score"
max_step = 0.5
ceiling = 0.99

[bounds.drift]
limit = 0.50

[bounds.acceleration]
expected_step = 0.2

[pace]
min_interval = "1s"
max_releases = 20
window = "1d"

@REVIEWERS@
[quorum]
all = [
  { role = "prover", at_least = 1 },
  { role = "evaluator", at_least = 1 },
  { role = "auditor", at_least = 1 },
]

[approval]
threshold = 2
presence = "software"
signers = "approvers"

[amendment]
threshold = 3
waiting_period = "1s"

[gate]
log = "@LOG@"
clock = "@CLOCK@"
"""


class Failed(Exception):
    pass


def network(factor):
    return base64.b64decode(BEFORE) + struct.pack("<4f", factor, 0, 0, factor) + base64.b64decode(AFTER)


def without_trials(text):
    """The charter without evaluation, bounds and evaluators, in which the network alone may change."""
    def cut(begin, end):
        nonlocal text
        at = text.index(begin)
        text = text[:at] + text[text.index(end, at):]

    cut('[[surface]]\npath = "improver/**"', "[[property]]")
    cut("[evaluation]", "# Tests run as ordinary")
    cut("[bounds.harm]", "[pace]")
    text = re.sub(r'\[\[reviewer\]\]\nname = "evaluator-[^\[]*', "", text)
    other = '  { role = "integrity", at_least = 1 },\n' if 'role = "integrity"' in text else ""
    text = text.replace('  { role = "evaluator", at_least = 1 },\n', other)
    return text.replace("falsified_by", "drift_within = 1.0\nfalsified_by")


class World:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.home = self.root / "home"
        self.charter = self.root / "charter"
        self.environment = dict(os.environ, PAWL_HOME=str(self.home))

    def run(self, *words, expect=(0,), extra=None):
        """Runs a program; an exit status that was not expected is a failure. Returns its standard output."""
        words = [str(word) for word in words]
        result = subprocess.run(words, env=dict(self.environment, **(extra or {})), text=True, capture_output=True,
                                stdin=subprocess.DEVNULL, cwd=self.root)
        if result.returncode not in expect:
            raise Failed(f"{' '.join(words)}\n  ended with {result.returncode}, expected {expect}\n"
                         f"{result.stdout}{result.stderr}")
        return result.stdout

    def pawl(self, *words, **options):
        return self.run(BIN / "pawl", *words, **options)

    def json(self, *words, **options):
        return json.loads(self.pawl("--json", *words, **options).splitlines()[-1])

    # ---- the beginning

    def make_tree(self, name, level, factor=1.0):
        tree = self.root / name
        (tree / "improver").mkdir(parents=True)
        (tree / "policy.onnx").write_bytes(network(factor))
        (tree / "improver/level").write_text(f"{level}\n")
        (tree / "improver/improve.sh").write_text(IMPROVER)
        return tree

    def make_charter(self, name, edit=None):
        charter = self.root / name
        (charter / "properties").mkdir(parents=True)
        (charter / "mutants").mkdir()
        (charter / "properties/calm.vnnlib").write_text(PROPERTY)
        (charter / "mutants/loud.onnx").write_bytes(network(200.0))
        (charter / "evaluate.sh").write_text(EVALUATOR)
        (charter / "probes.bin").write_bytes(b"".join(hashlib.sha256(bytes([i])).digest() for i in range(200)))
        (charter / "approvers").write_text((self.root / "signers").read_text())
        keys = json.loads((self.root / "keys.json").read_text())
        reviewers = "\n".join(
            "[[reviewer]]\n" + "".join(f'{key} = "{value}"\n' for key, value in entry.items())
            for entry in keys["reviewers"])
        text = CHARTER
        for word, value in (("BASELINE", self.json("tree", self.root / "baseline")["tree"]), ("REVIEWERS", reviewers),
                            ("LOG", keys["log"]), ("CLOCK", keys["clock"])):
            text = text.replace(f"@{word}@", value)
        (charter / "charter.toml").write_text(edit(text) if edit else text)
        return charter

    def make_keys(self):
        keys = {"log": self.pawl("key", "new", "gate-log").strip(),
                "clock": self.pawl("key", "new", "gate-clock", "--clock").strip(), "reviewers": []}
        for name, principal, role in REVIEWERS:
            key = self.pawl("key", "new", name).strip()
            keys["reviewers"].append({"name": name, "principal": principal, "role": role, "key": key})
        (self.root / "keys.json").write_text(json.dumps(keys))
        lines = []
        for person in PEOPLE:
            self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"TEST KEY of {person}", "-f", self.root / person)
            public = (self.root / f"{person}.pub").read_text().split()
            lines.append(f'{person}@test namespaces="approve@pawl" {public[0]} {public[1]}\n')
        (self.root / "signers").write_text("".join(lines))

    def prepare(self, edit=None):
        """Everything but `pawl init`."""
        os.makedirs(self.root, exist_ok=True)
        self.make_keys()
        self.make_tree("baseline", 0.3)
        self.make_tree("better", 0.5, 1.5)
        self.make_charter("charter", edit)
        self.make_charter("charter-2", lambda text: (edit(text) if edit else text).replace("ceiling = 0.99", "ceiling = 0.98"))
        for person in PEOPLE:
            self.pawl("charter", "sign", self.charter, "--key", self.root / person)

    def copy(self, root):
        """The same world elsewhere. A home names no path of its own."""
        shutil.copytree(self.root, root, symlinks=True)
        return type(self)(root)

    def remove(self):
        subprocess.run(["chmod", "-R", "u+w", self.root], check=False)
        shutil.rmtree(self.root, ignore_errors=True)
