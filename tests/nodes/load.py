"""The load: two gates that propose and release, people who approve, and now and then one who halts.

What the n-th proposal is, and after how many proposals somebody halts and for how long, is drawn from the seed alone;
which gate makes it, and what happens meanwhile, is not.
"""

import collections
import json
import random
import shutil
import threading
import time

from setting import ENOUGH, GATES, NODE_OF

OPEN_MAX = 3      # proposals under way at a time: one of them becomes live, and the others have lost their parent
BUSY_MAX_S = 1.5  # a gate that finds another at work asks again after so long at most
DECK = ["rollback"] * 11 + ["outside"] * 4 + ["candidate"] * 4 + ["amendment"]  # of 20 proposals so many
# What a halt says while the world around it breaks: it is said again until everybody has it.
HALT_AGAIN = {"halt.ledger", "halt.unclear"}


def deal(seed, number):
    """What proposal `number`, from 1 on, is."""
    deck = list(DECK)
    random.Random(f"{seed} deck {(number - 1) // len(deck)}").shuffle(deck)
    return deck[(number - 1) % len(deck)]


def live(state):
    state = json.loads(state.read_text())
    return state["epoch"], state["tree"]


class Load:
    def __init__(self, seed, wanted, world, nodes, state, heard):
        self.seed, self.wanted, self.world, self.nodes, self.state, self.heard = seed, wanted, world, nodes, state, heard
        self.lock, self.over, self.put_off = threading.Lock(), threading.Event(), collections.deque()
        self.asked, self.unheard, self.number = 0, 0, 0  # proposals asked for; those of which no answer has come yet; made
        chance = random.Random(f"{seed} halts")
        self.halts = [(chance.uniform(0.1, 0.9) * wanted, chance.choice(sorted(NODE_OF)), chance.uniform(0.5, 3))
                      for _ in range(1 + wanted // 40)]
        self.halts.sort()
        self.halted = 0
        self.charters = {}  # by digest: those that were proposed
        self.threads = [threading.Thread(target=self.gate, args=(i,)) for i in GATES]
        self.threads += [threading.Thread(target=self.person, args=(name,)) for name in NODE_OF]
        self.threads.append(threading.Thread(target=self.halt_now_and_then))

    def begin(self):
        for thread in self.threads:
            thread.start()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def progress(self):
        """Changes as long as anything does."""
        return self.number, self.halted, self.heard.open()

    def all_asked(self):
        return self.asked >= self.wanted

    def all_ended(self):
        """By what everybody was told, and then by the log."""
        if not self.all_asked() or self.unheard or self.halted < len(self.halts) or self.heard.open():
            return False
        return all(row["outcome"] != "pending" for row in self.nodes[3].ask("status")["proposals"])

    # ---- gates

    def gate(self, number):
        chance = random.Random(f"{self.seed} gate {number}")
        node, busy = self.nodes[number], 0
        while not self.over.is_set():
            words = self.next_words(chance)
            if words is None:
                time.sleep(0.05)
                continue
            code, answer = node.go("--state", self.state, *words)
            passes = self.heard.passes(code, answer, words)
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
                self.heard.position(answer)
            if words[0] != "release":
                with self.lock:
                    self.unheard -= 1

    def next_words(self, chance):
        now = time.time()
        with self.lock, self.heard.lock:
            under_way = [entry for entry in self.heard.book.values() if entry.outcome is None]
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
        return self.proposal(number)

    def proposal(self, number):
        kind = deal(self.seed, number)
        if kind == "rollback":
            return ("rollback", random.Random(f"{self.seed} back {number}").choice("12"), "-m", f"back {number}")
        if kind == "amendment":
            charter = self.world.root / f"charter-at-{number}"
            shutil.copytree(self.world.charter, charter)
            text = (charter / "charter.toml").read_text()
            (charter / "charter.toml").write_text(text.replace("ceiling = 0.99", f"ceiling = {0.98 - 0.0001 * number:.4f}"))
            self.charters[self.world.json("tree", charter)["tree"]] = charter
            return ("charter", "amend", charter, "-m", f"amendment {number}")
        # Better than the first release, or than the second as well.
        level = random.Random(f"{self.seed} level {number}").choice((0.5, 0.7)) + 0.0001 * number
        tree = self.world.make_tree(f"candidate-{number}", level, 1.5)
        if kind == "outside":
            (tree / "not-listed").write_text("what no surface allows\n")
        return ("propose", tree, "-m", f"{kind} {number}")

    # ---- people

    def key(self, person):
        return ("--key", self.world.root / person)

    def person(self, name):
        node = self.nodes[NODE_OF[name]]
        while not self.over.is_set():
            with self.heard.lock:
                waiting = [entry for entry in self.heard.book.values() if entry.asks(name, time.time())]
            for entry in waiting[:1]:
                words = ("approve", entry.name, *self.key(name))
                code, answer = node.go(*words)
                rule = (answer or {}).get("error", {}).get("rule")
                # Not this node's to move on; or decided, overtaken meanwhile.
                if code == 5 and rule == "key.missing":
                    self.heard.approval(entry, name)
                elif rule in ("approve.decided", "approve.too-early"):
                    with self.heard.lock:
                        entry.looked, entry.step = 0, "quorum"
                else:
                    self.heard.passes(code, answer, words)
            time.sleep(0.05)

    def halt_now_and_then(self):
        for number, (after, who, seconds) in enumerate(self.halts, 1):
            while self.asked < after:
                if self.over.wait(0.05):
                    return
            self.halt(number, who, seconds)
            self.halted = number

    def halt(self, number, who, seconds):
        """Until it is said to be in force everywhere; and after a while people lift it together."""
        why, looked = f"drill {number}", f"looked {number}"
        words = ("--state", self.state, "halt", "-m", why, *self.key(who))
        code = None
        while code != 0:
            if self.over.is_set():
                return
            code, answer = self.nodes[NODE_OF[who]].go(*words)
            if code != 0:
                self.heard.passes(code, answer, words, HALT_AGAIN)
                self.over.wait(1)  # the same words in one second would be dated ahead, and no resume of before that lifts it
        epoch, _ = live(self.state)
        with self.heard.lock:
            self.heard.halts.append((why, epoch, looked))
        self.over.wait(seconds)
        file, first = self.world.root / f"resume-{number}", True
        people = collections.deque(sorted(ENOUGH))
        while not self.over.is_set():
            if first and file.exists():  # the next signature may lift it
                first = False
                self.heard.demand(live(self.state)[0] == epoch, f"halted at epoch {epoch}, and live is {live(self.state)}")
            words = ("--state", self.state, "resume", "--add-to", file, *(() if file.exists() else ("-m", looked)),
                     *self.key(people[0]), "--yes")
            code, answer = self.nodes[NODE_OF[people[0]]].go(*words)
            if code == 0:
                return
            if not self.heard.passes(code, answer, words, {"resume.threshold"}):
                self.heard.problem(f"pawl {words} ended with {code}: {answer}")
            if answer is not None and answer.get("error", {}).get("rule") == "resume.threshold":
                people.rotate()
