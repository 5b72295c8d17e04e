"""What the test has been told: of every proposal where it stands, of every event that somebody said was written, and what
should not have happened. Of all threads."""

import threading
import time

from setting import ENOUGH, PASSING

PUSH_S = 5   # a proposal that has not been tried for so long is
THIRD_S = 1  # and the third person is asked where two have not been enough for so long


class Entry:
    """A proposal."""

    def __init__(self, name, step):
        self.name, self.step, self.outcome = name, step, None
        self.approved, self.approved_at, self.looked = set(), 0, time.time()

    def ready(self, now):
        """Whether releasing it may do something; now and then it is tried all the same."""
        due = self.step == "release" or (self.step == "approval" and ENOUGH <= self.approved)
        return now - self.looked > (0.3 if due else PUSH_S)

    def asks(self, person, now):
        if self.outcome is not None or self.step != "approval" or person in self.approved:
            return False
        return person in ENOUGH or (ENOUGH <= self.approved and now - self.approved_at > THIRD_S)


class Heard:
    def __init__(self):
        self.lock, self.book, self.problems = threading.Lock(), {}, []
        self.told = set()
        self.halts = []  # (reason, epoch that was live when "halted" was said, reason of the resume)

    def problem(self, words):
        with self.lock:
            self.problems.append(words)

    def demand(self, holds, words):
        if not holds:
            self.problem(words)

    def tell(self, *fact):
        with self.lock:
            self.told.add(fact)

    def open(self):
        with self.lock:
            return sum(entry.outcome is None for entry in self.book.values())

    def reports_of(self, reviewer):
        """For what a reviewer's `pawl --json oversee` prints."""
        what = {"voted": "vote", "closed": "closing", "cosigned": "closing"}

        def hear(reports):
            for report in reports if isinstance(reports, list) else []:
                if report["what"] in what:
                    self.tell(what[report["what"]], reviewer, report["proposal"])
        return hear

    def position(self, answer):
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

    def approval(self, entry, person):
        with self.lock:
            self.told.add(("approval", person, entry.name))
            entry.approved.add(person)
            entry.approved_at = time.time()

    def passes(self, code, answer, words, more=frozenset()):
        """Whether an answer is about the broken world alone, or of the rules `more`; anything else that is no position is a
        finding."""
        if code < 0:
            return True
        rule = (answer or {}).get("error", {}).get("rule")
        if rule is None:
            return False
        self.demand(rule in PASSING or rule in more, f"pawl {' '.join(map(str, words))} ended with {code}: {answer}")
        return True
