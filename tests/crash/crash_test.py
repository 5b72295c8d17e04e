#!/usr/bin/python3
"""The one path survives any interruption: every call that changes a file is where the program dies, or the disk fails.

usage: crash_test.py [--budget SECONDS] [--seed N] [--minimum CASES] [--cover places|kinds] [--kills N] [--step REGEX]

PAWL_BIN: folder with pawl and pawl-check; PAWL_FAIL_POINTS: the library made from fail_points.cc.

The whole life of a small subject is played once, command by command; the home before each command is kept. Each command
is then traced: its fail points are whatever calls it makes that change files below its home, so that a call which
somebody adds is walked without anybody naming it. A case is one command, one point and one way to fail. In each:

 - what was on the ledger before is still there, entry by entry, and so is everything that was acknowledged
 - the next start says what is wrong, or goes on; the same command, given again, leads where it would have led
 - there is one live release, and it is the ledger's; an exported log verifies
 - what was promised beside the ledger stands: a key that was named, a draft, a signature, a back-up, a restored home

A kind is what is called on which sort of file ("rename store/blobs/#/#"), and a place is a kind within one command.
Whatever the budget, every place fails once, in one way (--cover places), or every kind in every way (--cover kinds), and N
commands are killed at random instants (--kills N); then cases are drawn at random until the budget is used. Fewer than
--minimum are a failure.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import small_world  # noqa: E402
from small_world import BIN, SUBJECT, Failed, World  # noqa: E402

LIBRARY = os.environ.get("PAWL_FAIL_POINTS", "")
MODES = ["kill-after", "power-cut", "ENOSPC", "power-cut-bytes", "EIO", "kill-before", "EROFS", "kill-torn"]
KILLED = -signal.SIGKILL
EVENTS_PER_SNAPSHOT = 256  # of src/gate/gate.cc
BESIDE, BESIDE_EVERY = "beside the path", 3  # the short form takes every third of these places, the long one all kinds
OVERSEEN_S = 3  # a reviewer whose disk fails tries again, and is ended
EXPORTED_EVERY = 4  # cases: the log is exported and checked by pawl-check

# One command of the life. `again` is what a person types who finds it interrupted, where that is not the same command.
# Before it, the log has at least `events`.
Step = collections.namedtuple("Step", "name words expect again wait_s events", defaults=(None, 0, 0))


def key(person):
    return f"{{root}}/{person}"


def voted(proposal):
    return [Step(f"review {proposal} {name}", ["review", "--as", name], (0,), "review")
            for name in ("prover-a", "evaluator-a", "auditor-b")]


def decided(proposal, people=("ann", "bob")):
    steps = [Step(f"advance {proposal}", ["advance", proposal], (6,))]
    steps += [Step(f"approve {proposal} {person}", ["approve", proposal, "--key", key(person)], (6,)) for person in people]
    return steps + [Step(f"release {proposal}", ["release", proposal], (0,), "release", 1.1)]


def before_the_ledger():
    """What people do before there is one: a draft, keys, signatures. Each is a promise, too."""
    new = ["charter", "new", "{root}/drafted", "--subject", "{root}/baseline", "--single-operator", "--key", "{root}/ann.pub", "--yes"]
    return [Step("key new", ["key", "new", "spare"], (0,), "key new"),
            Step("charter new", new, (0, 6), "charter new"),
            Step("charter sign ann", ["charter", "sign", "{root}/charter-2", "--key", key("ann")], (0,), "charter sign"),
            Step("charter sign bob", ["charter", "sign", "{root}/charter-2", "--key", key("bob")], (0,), "charter sign")]


def daily():
    """With one proposal on its way: an improver's turn, a reviewer that runs by itself, a back-up, and what is not needed."""
    return [Step("cycle", ["cycle", "--no-review", "--seed", "1", "-m", "a turn"], (6,), "propose", 1.1),
            Step("oversee", ["oversee", "--as", "prover-a"], (0, 6, 130, 143, -signal.SIGTERM), "oversee"),
            Step("backup", ["backup", "{root}/kept.tar"], (0,), "backup"),
            Step("restore", ["--home", "{root}/restored", "restore", "{root}/kept.tar"], (0,), "restore"),
            Step("store gc", ["store", "gc", "--rejected", "--remove", "--older-than", "1s"], (0,), "store gc", 1.1)]


def life():
    steps = before_the_ledger() + [Step("init", ["init", "{root}/charter"], (0,), "init")]
    steps += [Step("propose", ["propose", "{root}/baseline", "-m", "baseline"], (6,), "propose")]
    steps += voted("p1") + decided("p1")
    steps += [Step("propose better", ["propose", "{root}/better", "-m", "better"], (6,), "propose", 1.1)]
    steps += voted("p2") + decided("p2")
    steps += [Step("refuse propose", ["propose", "{root}/better", "-m", "the same again"], (1,), "propose")]
    steps += [Step("rollback", ["rollback", "-m", "back"], (6,), "propose", 1.1)]
    steps += voted("p4") + decided("p4")
    steps += [Step("halt", ["halt", "-m", "look first", "--key", key("ann")], (0,), "halt"),
              Step("resume ann", ["resume", "-m", "looked", "--key", key("ann"), "--add-to", "{root}/resume.json"], (6,), "begin"),
              Step("resume bob", ["resume", "--key", key("bob"), "--add-to", "{root}/resume.json"], (0,), "resume"),
              Step("amend", ["charter", "amend", "{root}/charter-2", "-m", "lower ceiling"], (6,), "propose", 1.1)]
    steps += voted("p5")
    steps += [Step("wait", ["status"], (0,), None, 1.2)]
    steps += decided("p5", ("ann", "bob", "cy"))
    steps += [*daily(),
              Step("propose again", ["propose", "{root}/better", "-m", "better again"], (6,), "propose", 1.1),
              Step("reject", ["reject", "p7", "-m", "no", "--key", key("ann")], (6,)),
              Step("export", ["log", "export", "{root}/home/export"], (0,))]
    # The first gate that starts on a long log keeps what it has folded; the next one begins from that.
    steps += [Step(name, ["propose", "{root}/baseline", "-m", "what is live"], (1,), "propose", 0, EVENTS_PER_SNAPSHOT)
              for name in ("first on a long log", "from a snapshot")]
    return steps


def kind_of(name):
    """Digests and files of the subject are of one sort, whatever they are called."""
    return re.sub(r"(temporary/#)/.*", r"\1/*", re.sub(r"halt(s/|-)[0-9a-f]+", r"halt\1#", name))


class Life:
    """The template: every command's home before it and what is known then, its points, and where it leads."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.steps, self.before, self.known, self.points, self.after = life(), [], [], [], []
        world = World(self.folder / "world")
        world.prepare()
        for index, step in enumerate(self.steps):
            time.sleep(step.wait_s)
            grow(world, step.events)
            self.before.append(world.copy(self.folder / f"before-{index}"))
            self.known.append(Truth(world) if index == 0 or step.events else self.after[-1])
            trace = self.folder / f"trace-{index}"
            run_step(world, step, {"PAWL_FAIL_TRACE": str(trace)}, expect=step.expect)
            self.points.append(trace.read_text().splitlines() if trace.exists() else [])
            self.after.append(Truth(world))

    def cases(self):
        """(step, point, mode) for all; a torn call is a torn write."""
        return [(index, point, mode) for index, points in enumerate(self.points)
                for point, name in enumerate(points) for mode in MODES
                if not (mode == "kill-torn" and not name.startswith("write"))]

    def places(self):
        """The first passage of every place."""
        first = {}
        for index, points in enumerate(self.points):
            command = self.steps[index].words[0] + " " + self.steps[index].words[-1] * (self.steps[index].words[0] == "release")
            # What leaves no mark on the path is one place wherever it happens, and none where the path passes it as well.
            command = BESIDE if self.steps[index].again in KEPT or command.startswith("oversee") else command
            for point, name in enumerate(points):
                first.setdefault((command, kind_of(name)), (index, point))
        on_the_path = {kind for command, kind in first if command != BESIDE}
        beside = sorted(place for (command, kind), place in first.items() if command == BESIDE and kind not in on_the_path)
        return sorted([place for (command, _), place in first.items() if command != BESIDE] + beside[::BESIDE_EVERY])

    def kinds(self, cases, dice):
        """One of the cases for every kind and every way to fail."""
        found = collections.defaultdict(list)
        for index, point, mode in cases:
            found[kind_of(self.points[index][point]), mode].append((index, point, mode))
        return [dice.choice(same) for _, same in sorted(found.items())]


def grow(world, events):
    """Makes the log longer, by proposals that are turned away."""
    while events and len(read_events(world)) < events:
        world.pawl("propose", world.root / "baseline", "-m", "what is live", expect=(1,))


def read_events(world):
    """The log's entries by another reader than ours; none where there is no log yet."""
    ledger = world.home / f"ledger/{SUBJECT}.sqlite"
    if not ledger.exists():
        return []
    database = sqlite3.connect(f"file:{ledger}?mode=rw", uri=True)
    try:
        return database.execute("SELECT seq, digest, entry FROM events ORDER BY seq").fetchall()
    except sqlite3.OperationalError:  # init was interrupted before it made the table
        return []
    finally:
        database.close()


def run_step(world, step, faults, expect=None):
    """Runs a command with faults; gives the finished process."""
    words = [word.format(root=world.root) for word in step.words]
    environment = dict(world.environment, **faults)
    if faults:
        environment.update(LD_PRELOAD=LIBRARY, PAWL_FAIL_ROOT=str(world.root))
    if step.again == "oversee":
        done = oversee(world, words, environment)
    else:
        done = subprocess.run([BIN / "pawl", "--json", *words], env=environment, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, cwd=world.root)
    if expect is not None and done.returncode not in expect:
        raise Failed(f"{step.name}: ended with {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
    return done


def oversee(world, words, environment):
    """Runs until it has voted, is killed, or has had as long as it takes."""
    before, end = len(read_events(world)), time.monotonic() + OVERSEEN_S
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([BIN / "pawl", "--json", *words], env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=err, cwd=world.root)
        while process.poll() is None and len(read_events(world)) == before and time.monotonic() < end:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        process.wait()
        return subprocess.CompletedProcess(words, process.returncode, *((file.seek(0), file.read())[1] for file in (out, err)))


class Truth:
    """What a home says: the log's entries, where every proposal stands, what is live."""

    def __init__(self, world):
        self.status = world.json("status", expect=(0, 1, 2, 5, 6))
        self.events = read_events(world)
        self.begun = "error" not in self.status
        self.position, self.live, self.halted = None, None, None
        if not self.begun:
            # Only a home whose init was cut short has no log; anything else is a loss.
            if self.events or self.status["error"]["rule"] not in (
                    "home.missing", "ledger.missing", "cli.which-subject", "gate.no-genesis", "log.empty",
                    "ledger.damaged", "store.missing"):
                raise Failed(f"status fails: {self.status}")
            return
        status = self.status
        self.halted = status["halted"]
        if status["proposals"]:
            last = status["proposals"][-1]
            self.position = (last["proposal"], last["outcome"], last["step"], last["rule"])
        self.releases = [release["tree"] for release in status["releases"]]
        current = world.json("current", expect=(0, 1, 5, 6))
        self.live = current.get("tree")
        self.live_error = current.get("error", {}).get("rule")


def check_case(world, before, after, step, faults, kill_after_s=None, export=True):
    """One case; raises Failed with what went wrong. Gives whether the fault was reached."""
    if kill_after_s is None:
        done = run_step(world, step, faults)
    else:
        done = kill_later(world, step, kill_after_s)
    killed = done.returncode == KILLED
    now = Truth(world)
    if now.events[:len(before.events)] != before.events:
        raise Failed("entries that were on the ledger are gone")
    if not killed and done.returncode not in step.expect:
        check_error(done)
    check_acknowledged(step, done, now, before, after)
    if step.again in KEPT:
        KEPT[step.again](world, step, done)
    if now.begun and now.position:
        check_live(now)
    resume(world, step, now, before, after)
    final = Truth(world)
    if final.events[:len(now.events)] != now.events:
        raise Failed("entries that were on the ledger after the fault are gone")
    if final.position != after.position:
        raise Failed(f"given again it leads to {final.position}, not to {after.position}")
    if (final.live, final.halted) != (after.live, after.halted) and step.again != "halt":
        raise Failed(f"live {final.live} {final.live_error}, halted {final.halted}; not {after.live}, {after.halted}")
    if step.again in KEPT:
        KEPT[step.again](world, step, None)
    if export and final.begun:
        exported = world.root / "exported"
        world.pawl("log", "export", exported)
        world.run(BIN / "pawl-check", "log", exported, "--charter", world.charter, "--store", world.home / "store")
    return killed or done.returncode not in step.expect


def kill_later(world, step, seconds):
    words = [word.format(root=world.root) for word in step.words]
    process = subprocess.Popen([BIN / "pawl", "--json", *words], env=world.environment, text=True, cwd=world.root,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    time.sleep(seconds)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    out, err = process.communicate()
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def check_error(done):
    """Whoever is refused is told by name what failed and what to do."""
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise Failed(f"ended with {done.returncode} and no answer: {done.stdout!r} {done.stderr!r}") from None
    if isinstance(answer, list):  # a reviewer's reports: each says what it waits for
        if not all(report.get("summary") for report in answer):
            raise Failed(f"a report that does not help: {answer}")
    elif "error" in answer:
        error = answer["error"]
        if not (error["rule"] and error["message"] and error["advice"]):
            raise Failed(f"an error that does not help: {error}")
    elif not (answer.get("outcome") == "pending" and answer["rule"].startswith("machine.") and answer["waits_for"]):
        raise Failed(f"neither an error nor a wait: {answer}")


def check_acknowledged(step, done, now, before, after):
    """Exit status 0, or an answer that names a proposal, is a promise."""
    if done.returncode in step.expect and step.again != "init" and len(now.events) < len(after.events) and \
            step.again not in ("halt", "oversee"):
        raise Failed(f"acknowledged, but the ledger has {len(now.events)} of {len(after.events)} entries")
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        if not isinstance(answer, dict) or "proposal" not in answer:
            continue
        known = {row["proposal"]: row for row in now.status["proposals"]} if now.begun else {}
        if answer["proposal"] not in known:
            raise Failed(f"{answer['proposal']} was named and is not on the ledger")
        if answer.get("outcome") not in (None, "pending") and known[answer["proposal"]]["outcome"] != answer["outcome"]:
            raise Failed(f"{answer['proposal']} was {answer['outcome']} and is {known[answer['proposal']]['outcome']}")
    if done.returncode == 0 and step.again == "release" and now.position[1] != "accepted":
        raise Failed("a release was acknowledged and is not on the ledger")


def check_live(now):
    """What the loader starts is the ledger's last release, or the one whose switch the ledger has not heard of yet."""
    if now.live is None:
        if now.releases and now.live_error not in ("halt.in-force", None):
            raise Failed(f"nothing can be started: {now.live_error}")
        return
    pending = [row["tree"] for row in now.status["proposals"] if row["outcome"] == "pending"]
    if now.live != (now.releases or [None])[-1] and now.live not in pending:
        raise Failed(f"live is {now.live}, which is neither the ledger's last release nor pending")


def resume(world, step, now, before, after):
    """What a person does who finds the command interrupted."""
    if step.again == "propose" and now.begun and now.position and now.position != before.position:
        if now.position[1] == "pending":
            world.pawl("advance", now.position[0], expect=(0, 1, 6))
        return
    if step.again == "init" and now.begun and now.status.get("loader_unreadable") is None and now.events:
        return
    if step.again == "release" and now.position and now.position[1] == "accepted":
        return
    if step.again == "halt" and now.halted and len(now.events) >= len(after.events):
        return
    if step.again == "begin" and (world.root / "resume.json").exists():
        return  # this person has signed; the next one goes on
    if step.again == "resume" and now.halted is False:
        return
    if step.again == "oversee" and len(now.events) >= len(after.events):
        return
    again = run_step(world, step, {})
    if step.again in THERE_ALREADY and answer_of(again).get("error", {}).get("rule") == THERE_ALREADY[step.again]:
        return  # whether what is there is whole is asked next
    if again.returncode not in step.expect:
        raise Failed(f"given again it ends with {again.returncode}: {again.stdout}{again.stderr}")


# What a command that was interrupted may say when it is given again: that what it makes is there.
THERE_ALREADY = {"key new": "key.exists", "charter new": "new.exists", "backup": "archive.exists", "restore": "restore.exists"}

# ---- promises beside the ledger. `done` is the interrupted command, None once it was given again: then it has to stand.


def promised(step, done):
    """By its status, or by what it said before it was killed."""
    return done is None or done.returncode in step.expect or bool(answer_of(done)) and "error" not in answer_of(done)


def answer_of(done):
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else {}


def kept_key(world, step, done):
    held = {row["name"]: row["key"] for row in world.json("key", "list")}
    if promised(step, done) and "spare" not in held:
        raise Failed("a key that was made, or is said to be there, is not")
    if done is not None and promised(step, done) and answer_of(done)["key"] != held["spare"]:
        raise Failed("another key than the one that was named")


def kept_charter(world, step, done):
    """Under its own name a draft is whole or not there."""
    draft = world.root / "drafted"
    if not promised(step, done) and not draft.exists():
        return
    answer = world.json("charter", "check", draft, "--baseline", world.root / "baseline", expect=(0, 1, 3))
    if "error" in answer and answer["error"]["rule"].startswith(("charter.missing", "toml.", "charter.read")):
        raise Failed(f"a draft that is said to be there is not whole: {answer}")


def kept_signature(world, step, done):
    path = world.root / "charter-2.genesis.json"
    signatures = json.loads(path.read_text())["signatures"] if path.exists() else []
    people = {signature["keyid"].split("@")[0] for signature in signatures}
    if promised(step, done) and step.words[-1].rsplit("/", 1)[1] not in people or "bob" in step.name and "ann" not in people:
        raise Failed(f"signatures are missing: {people}")


def kept_backup(world, step, done):
    file = world.root / "kept.tar"
    if promised(step, done) or file.exists():
        world.pawl("restore", "--check", file)


def kept_home(world, step, done):
    """Under its own name a home is whole or not there, whatever becomes of the command."""
    restored = world.root / "restored"
    if restored.exists() and any(restored.iterdir()) or promised(step, done):
        world.pawl("--home", restored, "log", "verify")
        world.pawl("--home", restored, "current", "--verify")
        if {row["tree"] for row in world.json("--home", restored, "status", expect=(0, 6))["releases"]} != \
                {row["tree"] for row in world.json("status", expect=(0, 6))["releases"]}:
            raise Failed("another life was restored")


def kept_store(world, step, done):
    """Nothing that is named is gone: a back-up verifies all of it."""
    with tempfile.TemporaryDirectory(dir=world.root) as folder:
        world.pawl("backup", pathlib.Path(folder) / "whole.tar")
    world.pawl("current", "--verify")


KEPT = {"key new": kept_key, "charter new": kept_charter, "charter sign": kept_signature, "backup": kept_backup,
        "restore": kept_home, "store gc": kept_store}


class Tester:
    def __init__(self, folder, options):
        self.folder, self.options = pathlib.Path(folder), options
        self.dice = random.Random(options.seed)
        self.counts, self.failures = collections.Counter(), []

    def one(self, life, index, faults, label, kill_after_s=None):
        step = life.steps[index]
        world = life.before[index].copy(self.folder / "case")
        try:
            export = self.counts["cases"] % EXPORTED_EVERY == 0
            self.counts["reached"] += check_case(world, life.known[index], life.after[index], step, faults, kill_after_s, export)
        except (Failed, ValueError, LookupError) as failure:
            self.failures.append(f"{step.name}: {label}: {failure}")
            print("FAILED", self.failures[-1], flush=True)
        finally:
            self.counts["cases"] += 1
            world.remove()

    def fault(self, life, index, point, mode):
        name = life.points[index][point]
        self.counts[mode] += 1
        self.one(life, index, {"PAWL_FAIL_AT": str(point), "PAWL_FAIL_MODE": mode}, f"{mode} at {point} ({name})")

    @staticmethod
    def any_way(life, number, place):
        """The ways to fail take turns."""
        index, point = place
        mode = MODES[number % len(MODES)]
        if mode == "kill-torn" and not life.points[index][point].startswith("write"):
            mode = "kill-after"
        return index, point, mode

    def run(self):
        began = time.monotonic()
        life = Life(self.folder / "template")
        wanted = [index for index, step in enumerate(life.steps) if re.search(self.options.step, step.name)]
        places = [place for place in life.places() if place[0] in wanted]
        cases = [case for case in life.cases() if case[0] in wanted]
        kinds = life.kinds(cases, self.dice)
        print(f"{len(life.steps)} commands, {sum(map(len, life.points))} points, {len(places)} places, {len(cases)} cases, "
              f"{len(kinds)} of them by kind and way to fail", flush=True)
        always = kinds if self.options.cover == "kinds" else [self.any_way(life, *place) for place in enumerate(places)]
        for index, point, mode in always:
            self.fault(life, index, point, mode)
        for _ in range(self.options.kills):
            index = self.dice.choice(wanted)
            self.counts["random kills"] += 1
            seconds = self.dice.random() * (0.2 if life.steps[index].again == "propose" else 0.06)
            self.one(life, index, {}, f"killed after {seconds:.4f} s", seconds)
        rest = sorted(set(cases) - set(always))
        self.dice.shuffle(rest)
        for index, point, mode in rest:
            if time.monotonic() - began > self.options.budget:
                break
            self.fault(life, index, point, mode)
        print(f"cases: {dict(self.counts)}, seed {self.options.seed}, {time.monotonic() - began:.0f} s")
        for failure in self.failures:
            print("FAILED", failure)
        if self.counts["cases"] < max(len(always) + self.options.kills, self.options.minimum) or \
                self.counts["reached"] * 2 < self.counts["cases"]:
            print("too few cases, or too few that reached their fault")
            return 1
        return 1 if self.failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minimum", type=int, default=0)
    parser.add_argument("--cover", choices=("places", "kinds"), default="places")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--step", default="")
    options = parser.parse_args()
    if not LIBRARY or not (small_world.BIN / "pawl").exists():
        print("PAWL_FAIL_POINTS and PAWL_BIN have to name the library and the programs")
        return 2
    # In memory where that can be had: what is killed here has not lost the machine, and power cuts are played.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
    folder = tempfile.mkdtemp(prefix="pawl-crash-", dir=memory)
    try:
        return Tester(folder, options).run()
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
