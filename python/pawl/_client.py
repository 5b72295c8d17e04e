"""What `pawl.Client` gives: the command line's answers about one subject, as values with types."""

import dataclasses
import json
import os
import pathlib
import time
import typing

from ._loader import Release, current_from, load_from
from ._program import Path, Program, Refused, refusal

_OUTCOMES = ("accepted", "rejected", "outside-charter", "pending")
_Object = typing.Dict[str, typing.Any]
_Read = typing.TypeVar("_Read")


@dataclasses.dataclass(frozen=True)
class Decision:
    """Where a proposal stands. Only `accepted` is a yes, and bool(decision) says the same."""

    outcome: str  # "accepted": it is live; "rejected"; "outside-charter"; "pending"; "refused": nothing was proposed
    proposal: str  # its name, like "p3"; empty where it was refused
    step: str  # of the path: "freeze", "surface", … "release"
    rule: str  # stable and dotted, for programs: "surface.unlisted", "bounds.harm"
    reason: str  # for people
    waits_for: typing.Tuple[str, ...]  # while pending: commands, each with who has to act

    @property
    def accepted(self) -> bool:
        return self.outcome == "accepted"

    def __bool__(self) -> bool:
        return self.accepted


@dataclasses.dataclass(frozen=True)
class ProposalRow:
    """One proposal in the list of a status."""

    decision: Decision
    action: str  # "release", "rollback", "amendment"
    note: str  # the proposer's words: text of others
    tree: str  # "sha256:…"


@dataclasses.dataclass(frozen=True)
class PastRelease:
    """A release as the ledger has it; what is live is asked of live(), which verifies it."""

    epoch: int
    proposal: str
    tree: str
    warrant: str
    time: str  # RFC 3339, UTC


@dataclasses.dataclass(frozen=True)
class Status:
    """What a subject waits for."""

    subject: str
    sentence: str  # for people: what is waited for, who has to act, the command to type
    who: typing.Tuple[str, ...]
    commands: typing.Tuple[str, ...]
    charter: str  # "sha256:…"
    charter_epoch: int
    live_epoch: typing.Optional[int]
    live: typing.Optional[str]  # the tree; None: nothing yet
    halted: bool  # in the ledger or at this loader
    proposals: typing.Tuple[ProposalRow, ...]
    releases: typing.Tuple[PastRelease, ...]
    warnings: typing.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one step of the path saw."""

    step: str
    outcome: str  # "pass", "rejected", "outside-charter", "pending"
    rule: str
    summary: str
    time: str


@dataclasses.dataclass(frozen=True)
class Review:
    """One reviewer's signed verdict."""

    reviewer: str
    role: str  # "prover", "evaluator", "integrity"
    verdict: str  # "for", "against", "abstain"
    reasons: typing.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Refusal:
    """One person's signed no."""

    by: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Complaint:
    """What a reviewer, an auditor or the gate says that another, or the log, has done."""

    by: str
    accused: str
    rule: str  # "vote.equivocation", "audit.seeds", …: spec/ledger.md
    proven: bool  # by the bytes of its entry; otherwise it is a word
    reason: str
    entry: int  # of the ledger


@dataclasses.dataclass(frozen=True)
class Evidence:
    """All that is on the ledger about one proposal."""

    decision: Decision
    action: str
    note: str
    tree: str
    proposed: str  # RFC 3339, UTC
    findings: typing.Tuple[Finding, ...]
    reviews: typing.Tuple[Review, ...]
    approvals: typing.Tuple[str, ...]  # who signed
    refusals: typing.Tuple[Refusal, ...]
    complaints: typing.Tuple[Complaint, ...]

    @property
    def reasons(self) -> typing.Tuple[str, ...]:
        """What speaks against it: findings that are no pass, reviews that are not for it, refusals, complaints; where there
        are none and it is not accepted, what it waits for."""
        said = [f"{finding.step}: {finding.summary} ({finding.rule})" for finding in self.findings
                if finding.outcome not in ("pass", "pending")]
        said += [f"{review.reviewer} ({review.role}) voted {review.verdict}: {'; '.join(review.reasons)}"
                 for review in self.reviews if review.verdict != "for"]
        said += [f"{refusal_.by} refused: {refusal_.reason}" for refusal_ in self.refusals]
        said += [f"{one.by} accuses {one.accused} of {one.rule} ({'proven' if one.proven else 'its own word'}): {one.reason}"
                 for one in self.complaints]
        if not said and not self.decision.accepted:
            said.append(f"{self.decision.step}: {self.decision.reason} ({self.decision.rule})")
        return tuple(said)


@dataclasses.dataclass(frozen=True)
class Change:
    """One path that a proposal changes."""

    path: str
    type: str  # "added", "changed", "removed"
    diff: str  # unified, with characters that cannot be seen made visible; empty for what is no text
    refused: str  # why there is no diff; empty where there is one


@dataclasses.dataclass(frozen=True)
class Event:
    """One entry of the ledger."""

    index: int
    kind: str  # "proposal", "finding", "vote", "decision", "warrant", …
    signed_by: str
    predicate: typing.Mapping[str, typing.Any]  # as spec/ledger.md and spec/statements.md have it


@dataclasses.dataclass(frozen=True)
class LogRoot:
    """What the entries, each with its signatures verified, hash to."""

    size: int
    root: str  # 64 hexadecimal digits


class Client:
    """Asks the local program `pawl` about one subject. It holds nothing and keeps nothing open.

        client = pawl.Client("collision-avoidance")
        for decision in client.follow(client.propose("candidates/17").proposal, timeout_s=3600):
            print(decision.step, decision.reason)

    Calls may run in any number of threads: gates on one subject exclude each other, and a call that comes too early
    raises Refused "gate.busy". No call approves: people do, with a key (`pawl approve`).

    home, state, binary: as for pawl.load.
    """

    def __init__(self, subject: str, *, home: typing.Optional[Path] = None, state: typing.Optional[Path] = None,
                 binary: typing.Optional[Path] = None) -> None:
        self._program = Program(subject, home, state, binary)

    @property
    def subject(self) -> str:
        return self._program.subject

    # ---- reading

    def status(self) -> Status:
        """What is waited for, who has to act, and all proposals and releases. Raises Refused, also where the ledger is
        older than what the loader has seen."""
        def read(said: _Object) -> Status:
            if said["subject"] != self.subject:
                raise ValueError("another subject")
            rows = tuple(ProposalRow(_position(row), row["action"], row["note"], row["tree"]) for row in said["proposals"])
            releases = tuple(PastRelease(row["epoch"], row["proposal"], row["tree"], row["warrant"], row["time"])
                             for row in said["releases"])
            return Status(said["subject"], said["sentence"], tuple(said["who"]), tuple(said["commands"]), said["charter"],
                          said["charter_epoch"], said["live_epoch"], said["live"], said["halted"] is not False, rows,
                          releases, tuple(said["warnings"]))
        return self._read(["status"], read)

    def evidence(self, proposal: str) -> Evidence:
        """Every finding, review, approval, refusal and complaint of one proposal; changes nothing. Raises Refused."""
        def read(said: _Object) -> Evidence:
            return Evidence(
                _position(said), said["action"], said["note"], said["tree"], said["proposed"],
                tuple(Finding(one["step"], one["outcome"], one["rule"], one["summary"], one["time"])
                      for one in said["findings"]),
                tuple(Review(one["reviewer"], one["role"], one["verdict"], tuple(one["reasons"])) for one in said["votes"]),
                tuple(said["approvals"]), tuple(Refusal(one["by"], one["reason"]) for one in said["refusals"]),
                tuple(Complaint(one["by"], one["accused"], one["rule"], one["proven"] is True, one["reason"], one["entry"])
                      for one in said["complaints"]))
        return self._read(["status", "--", proposal], read)

    def reviews(self, proposal: str) -> typing.Tuple[Review, ...]:
        """The reviewers' verdicts, those against first."""
        return tuple(sorted(self.evidence(proposal).reviews, key=lambda review: review.verdict == "for"))

    def changes(self, proposal: str) -> typing.Tuple[Change, ...]:
        """What it changes against what was live, as Pawl computed it; a diff of the proposer's is never used."""
        return tuple(Change(one["path"], one["type"], one.get("diff", ""), one.get("refused", ""))
                     for one in self._lines(["diff", "--", proposal], ("path", "type")))

    def history(self) -> typing.Tuple[Event, ...]:
        """Every entry of the ledger, oldest first. Signatures are what verify() checks."""
        return tuple(Event(one["index"], one["kind"], one["signed_by"], one["predicate"])
                     for one in self._lines(["log", "list"], ("index", "kind", "signed_by", "predicate")))

    def verify(self) -> LogRoot:
        """Checks every signature of the ledger and computes its root again; raises Refused where anything is wrong."""
        def read(said: _Object) -> LogRoot:
            if said["verified"] is not True:
                raise ValueError("not verified")
            return LogRoot(said["size"], said["root"])
        return self._read(["log", "verify"], read)

    def live(self) -> Release:
        """What is live and therefore the parent of the next candidate, verified; raises Refused."""
        return current_from(self._program)

    def check_out(self, directory: Path) -> Release:
        """Writes the verified files of the live release into a directory that is new or empty: where a candidate begins.
        Raises Refused, also where another release became live meanwhile."""
        target = pathlib.Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise Refused("client.arguments", f"{target} is not empty")
        release = self.live()
        for path in release.files:
            if path.startswith("/") or ".." in path.split("/"):
                raise Refused("client.answer", f"{path!r} is no path of a tree")
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(load_from(self._program, path))
        if self.live().tree != release.tree:
            raise Refused("client.moved", "another release became live meanwhile", "check it out again")
        return release

    # ---- acting

    def propose(self, directory: Path, note: str = "", *, review: bool = False) -> Decision:
        """Takes a candidate directory as far along the path as it goes without people. It is copied before anything is
        judged, so the caller may go on writing there. `review`: the reviewers whose keys this user can read vote at once.
        Raises Refused where the machine failed: that is not a yes."""
        return self._act(["propose", *(["--review"] if review else []), f"--note={note}", "--",
                          os.path.abspath(os.fspath(directory))])

    def advance(self, proposal: str, *, review: bool = False) -> Decision:
        """Looks again, when somebody may have acted, and takes the proposal on."""
        return self._act(["advance", *(["--review"] if review else []), "--", proposal])

    def release(self, proposal: str) -> Decision:
        """Lets the loader check the warrant and switch, once people have approved."""
        return self._act(["release", "--", proposal])

    def follow(self, proposal: str, timeout_s: float, every_s: float = 2.0) -> typing.Iterator[Decision]:
        """Where it stands, whenever that changes, until it is decided or `timeout_s` seconds have passed. Reads alone:
        something else, such as `pawl oversee` or wait(), has to take it on."""
        end, last = time.monotonic() + timeout_s, None
        while True:
            decision = self.evidence(proposal).decision
            if decision != last:
                yield decision
            last, left = decision, end - time.monotonic()
            if decision.outcome != "pending" or left <= 0:
                return
            time.sleep(min(every_s, left))

    def wait(self, proposal: str, timeout_s: float, every_s: float = 5.0, *, review: bool = False) -> Decision:
        """Looks again until it is decided, and releases it where people have approved. After `timeout_s` seconds the
        answer is the last one, which is pending: silence is never a yes."""
        end = time.monotonic() + timeout_s
        while True:
            decision = self.advance(proposal, review=review)
            if decision.outcome == "pending" and decision.rule == "release.waiting":
                decision = self.release(proposal)
            left = end - time.monotonic()
            if decision.outcome != "pending" or left <= 0:
                return decision
            time.sleep(min(every_s, left))

    # ---- asking

    def _act(self, words: typing.List[str]) -> Decision:
        answer, status = self._program.ask("gate", words)
        return _decision(answer, status)

    def _read(self, words: typing.List[str], read: typing.Callable[[_Object], _Read]) -> _Read:
        answer, status = self._program.ask("client", words)
        if status != 0:
            raise refusal("client", answer, status, "what was asked")
        try:
            return read(json.loads(answer))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _another_answer(words, status) from error

    def _lines(self, words: typing.List[str], members: typing.Tuple[str, ...]) -> typing.List[_Object]:
        """An answer of one JSON object a line, each with these members."""
        answer, status = self._program.ask("client", words)
        if status != 0:
            raise refusal("client", answer, status, "what was asked")
        try:
            said = [json.loads(line) for line in answer.splitlines()]
        except ValueError as error:
            raise _another_answer(words, status) from error
        if not all(isinstance(one, dict) and all(member in one for member in members) for one in said):
            raise _another_answer(words, status)
        return said


def _another_answer(words: typing.List[str], status: int) -> Refused:
    return Refused("client.answer", f"pawl {words[0]} answered something else",
                   "the program and this package must have the same version", status)


def _position(said: _Object) -> Decision:
    decision = Decision(said["outcome"], said["proposal"], said["step"], said["rule"], said["reason"],
                        tuple(said["waits_for"]))
    if decision.outcome not in _OUTCOMES or not decision.proposal:
        raise ValueError("no outcome of a proposal")
    return decision


def _decision(answer: bytes, status: int) -> Decision:
    """A yes needs both the word and the status of one; whatever cannot be understood raises Refused."""
    try:
        said = json.loads(answer)
        if "error" in said:
            error = said["error"]
            if status == 1 and error["rule"].split(".")[0] in ("tree", "path"):
                return Decision("refused", "", "freeze", error["rule"], error["message"], ())
            raise Refused(error["rule"], error["message"], error["advice"], status)
        decision = _position(said)
        if status != {"accepted": 0, "pending": 6}.get(decision.outcome, 1):
            raise ValueError("outcome and exit status differ")
        return decision
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused("gate.answer", "pawl did not say where the proposal stands", "run pawl status by hand",
                      status) from error
