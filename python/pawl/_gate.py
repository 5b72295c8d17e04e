"""What `pawl.gate` gives: a loop's way to ask, where it would otherwise accept a candidate by itself."""

import dataclasses
import json
import os
import subprocess
import time
import typing

from . import _Path, Refused, Release, current

_OUTCOMES = ("accepted", "rejected", "outside-charter", "pending")


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


class Gate:
    """Talks to the local program `pawl` about one subject. Calls may run in any number of threads: gates on one subject
    exclude each other, and a call that comes too early raises Refused "gate.busy"."""

    def __init__(self, subject: str, home: typing.Optional[_Path], state: typing.Optional[_Path],
                 binary: typing.Optional[_Path], review: bool) -> None:
        self._subject = subject
        self._options = {"home": home, "state": state, "binary": binary}
        self._review = ["--review"] if review else []

    def __enter__(self) -> "Gate":
        self.live()  # a loop that could never be answered had better not begin
        return self

    def __exit__(self, *_: typing.Any) -> None:
        """Nothing is held: what was proposed stays proposed."""

    def live(self) -> Release:
        """What is live and therefore the parent of the next candidate; raises Refused."""
        return current(self._subject, **self._options)

    def propose(self, directory: _Path, note: str = "") -> Decision:
        """Takes a candidate directory as far along the path as it goes without people. It is copied before anything is
        judged, so the loop may go on writing there. Raises Refused where the machine failed: that is not a yes."""
        return self._ask(["propose", *self._review, f"--note={note}", "--", os.path.abspath(os.fspath(directory))])

    def advance(self, proposal: str) -> Decision:
        """Looks again, when somebody may have acted."""
        return self._ask(["advance", *self._review, "--", proposal])

    def release(self, proposal: str) -> Decision:
        """Lets the loader check the warrant and switch, once people have approved."""
        return self._ask(["release", "--", proposal])

    def wait(self, proposal: str, timeout_s: float, every_s: float = 5.0) -> Decision:
        """Looks again until it is decided, and releases it where people have approved. After `timeout_s` seconds the
        answer is the last one, which is pending: silence is never a yes."""
        end = time.monotonic() + timeout_s
        while True:
            decision = self.advance(proposal)
            if decision.outcome == "pending" and decision.rule == "release.waiting":
                decision = self.release(proposal)
            left = end - time.monotonic()
            if decision.outcome != "pending" or left <= 0:
                return decision
            time.sleep(min(every_s, left))

    def _ask(self, words: typing.List[str]) -> Decision:
        binary, home, state = (self._options[name] for name in ("binary", "home", "state"))
        command = [os.fspath(binary) if binary is not None else "pawl", "--json", "--quiet", f"--subject={self._subject}"]
        if home is not None:
            command.append(f"--home={os.fspath(home)}")
        if state is not None:
            command.append(f"--state={os.fspath(state)}")
        if any("\0" in word for word in command + words):
            raise Refused("gate.arguments", "no argument may hold a zero byte")
        try:
            result = subprocess.run(command + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        except OSError as error:
            raise Refused("gate.start", f"cannot start {command[0]}: {error.strerror}",
                          "put pawl on the PATH, or name it with binary=") from error
        return _decision(result.stdout, result.returncode)


def _decision(answer: bytes, status: int) -> Decision:
    """A yes needs both the word and the status of one; whatever cannot be understood raises Refused."""
    try:
        said = json.loads(answer)
        if "error" in said:
            error = said["error"]
            if status == 1 and error["rule"].split(".")[0] in ("tree", "path"):
                return Decision("refused", "", "freeze", error["rule"], error["message"], ())
            raise Refused(error["rule"], error["message"], error["advice"], status)
        decision = Decision(said["outcome"], said["proposal"], said["step"], said["rule"], said["reason"],
                            tuple(said["waits_for"]))
        expected = {"accepted": 0, "pending": 6}.get(decision.outcome, 1)
        if decision.outcome not in _OUTCOMES or status != expected:
            raise ValueError("outcome and exit status differ")
        return decision
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused("gate.answer", "pawl did not say where the proposal stands", "run pawl status by hand",
                      status) from error
