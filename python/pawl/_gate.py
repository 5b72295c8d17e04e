"""What `pawl.gate` gives: a loop's way to ask, where it would otherwise accept a candidate by itself."""

import dataclasses
import functools
import typing

from ._client import Client, Decision
from ._loader import Release
from ._program import Path


@dataclasses.dataclass(frozen=True)
class Turn:
    """What one turn of a loop came to. True only where its candidate is what is live."""

    decision: Decision
    release: typing.Optional[Release]  # verified; None where it is not the candidate that is live
    reasons: typing.Tuple[str, ...]  # what speaks against it; empty where it was accepted

    def __bool__(self) -> bool:
        return self.decision.accepted and self.release is not None


class Gate(Client):
    """A Client that reviews as it was told, is a context for a loop, and decorates what makes a candidate.

        with pawl.gate("my-agent") as gate:                      # or:
            turn = gate.turn("candidates/17", timeout_s=3600)

        @pawl.gate("my-agent", timeout_s=3600)
        def improve(generation):                                 # gives a directory
            return write_candidate(generation)

        turn = improve(17)                                       # a Turn: the release, or the reasons
    """

    def __init__(self, subject: str, home: typing.Optional[Path], state: typing.Optional[Path],
                 binary: typing.Optional[Path], review: bool, timeout_s: float = 0.0) -> None:
        super().__init__(subject, home=home, state=state, binary=binary)
        self._review = review
        self._timeout_s = timeout_s

    def __enter__(self) -> "Gate":
        self.live()  # a loop that could never be answered had better not begin
        return self

    def __exit__(self, *_: typing.Any) -> None:
        """Nothing is held: what was proposed stays proposed."""

    def __call__(self, make: typing.Callable[..., Path]) -> typing.Callable[..., Turn]:
        """`make` gives the candidate's directory; what is called instead of it proposes that, waits and gives a Turn."""
        @functools.wraps(make)
        def gated(*arguments: typing.Any, **named: typing.Any) -> Turn:
            self.live()
            return self.turn(make(*arguments, **named), make.__name__)
        return gated

    def propose(self, directory: Path, note: str = "", *, review: typing.Optional[bool] = None) -> Decision:
        return super().propose(directory, note, review=self._review if review is None else review)

    def advance(self, proposal: str, *, review: typing.Optional[bool] = None) -> Decision:
        return super().advance(proposal, review=self._review if review is None else review)

    def wait(self, proposal: str, timeout_s: float, every_s: float = 5.0, *,
             review: typing.Optional[bool] = None) -> Decision:
        return super().wait(proposal, timeout_s, every_s, review=self._review if review is None else review)

    def turn(self, directory: Path, note: str = "", timeout_s: typing.Optional[float] = None,
             every_s: float = 5.0) -> Turn:
        """Proposes a candidate, waits for reviewers and people, and gives the release or the reasons. Raises Refused where
        the machine failed. After the time (default: the gate's) what is pending stays proposed, and the turn is no yes."""
        decision = self.propose(directory, note)
        if decision.outcome == "refused":
            return Turn(decision, None, (f"{decision.reason} ({decision.rule})",))
        if decision.outcome == "pending":
            decision = self.wait(decision.proposal, self._timeout_s if timeout_s is None else timeout_s, every_s)
        evidence = self.evidence(decision.proposal)
        if not decision.accepted:
            return Turn(decision, None, evidence.reasons)
        live = self.live()
        if live.tree != evidence.tree:
            return Turn(decision, None, ("it was released, and another release has replaced it",))
        return Turn(decision, live, ())


def gate(subject: str, *, home: typing.Optional[Path] = None, state: typing.Optional[Path] = None,
         binary: typing.Optional[Path] = None, review: bool = False, timeout_s: float = 0.0) -> Gate:
    """A context in which a loop hands over candidates, and a decorator of what makes them: a directory in, a Decision or a
    Turn out.

    review     whether the reviewers whose keys this user can read vote at once (`pawl propose --review`)
    timeout_s  how long a turn waits for reviewers and people

    Entering it raises Refused where nothing is live or Pawl cannot be asked. A candidate is accepted only when people
    have approved it and it is live; a loop that goes on meanwhile goes on from what is live.
    """
    return Gate(subject, home, state, binary, review, timeout_s)
