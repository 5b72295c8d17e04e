"""Verified files of the live release, and a way to ask for the next one, for Python programs.

    import pawl

    network = pawl.load("collision-avoidance", "policy.onnx")      # bytes
    with pawl.open("collision-avoidance", "rules.json") as file:   # a binary file in memory
        rules = json.load(file)

    with pawl.gate("collision-avoidance") as gate:                   # where a loop would accept a candidate by itself
        decision = gate.propose("candidates/17", "wider second layer")
        if not decision:                                             # pending and rejected alike
            print(decision.outcome, decision.rule, decision.reason)

Every call starts the program `pawl`, which checks the live release's warrant again, against the loader's state and the
halts that were delivered to this machine, and hashes the file as it hands it over. What is returned are those bytes, in
this process's memory: no path is opened again that somebody could have swapped in between. Where Pawl says no, Refused
is raised; no call ever returns bytes that were not verified.

What has to be trusted: the program (the first `pawl` on PATH, or `binary`), the loader's state in its home, and this
process's environment. Only the standard library is used. Calls may run in any number of threads.
"""

import dataclasses
import io
import json
import os
import subprocess
import typing

__all__ = ["Decision", "Gate", "Refused", "Release", "current", "gate", "load", "open"]
__version__ = "0.1.0"

_Path = typing.Union[str, "os.PathLike[str]"]


class Refused(Exception):
    """There are no bytes to be had, and why.

    rule         stable and dotted, for programs: "state.missing", "halt.in-force", "store.damaged"; "loader.start",
                 "loader.arguments" and "loader.answer" are this module's own
    message      what happened
    advice       what to do about it; may be empty
    exit_status  the program's: 1 no, 2 usage, 3 malformed input, 4 limit, 5 internal or set-up error, 6 nothing is live
                 yet; None where it could not be started, negative where a signal ended it
    """

    def __init__(self, rule: str, message: str, advice: str = "", exit_status: typing.Optional[int] = None) -> None:
        super().__init__(rule, message, advice, exit_status)
        self.rule = rule
        self.message = message
        self.advice = advice
        self.exit_status = exit_status

    def __str__(self) -> str:
        return f"{self.message} ({self.rule})" + (f"; {self.advice}" if self.advice else "")


@dataclasses.dataclass(frozen=True)
class Release:
    """What is live, as `pawl current` has just verified it."""

    subject: str
    epoch: int
    tree: str  # "sha256:…", the digest that names the tree
    warrant: str  # "sha256:…" of the warrant file
    files: typing.Mapping[str, str]  # path in the tree -> digest of its bytes, "sha256:…"
    warnings: typing.Tuple[str, ...]  # such as "no human presence proven"


def _answer_to(words: typing.List[str], subject: str, home: typing.Optional[_Path], state: typing.Optional[_Path],
               binary: typing.Optional[_Path]) -> bytes:
    """Standard output of `pawl --json --subject=… current …`, if it ended with status 0."""
    command = [os.fspath(binary) if binary is not None else "pawl", "--json", f"--subject={subject}"]
    if home is not None:
        command.append(f"--home={os.fspath(home)}")
    if state is not None:
        command.append(f"--state={os.fspath(state)}")
    if not subject or any("\0" in word for word in command + words):
        raise Refused("loader.arguments", "a subject is needed, and no argument may hold a zero byte")
    try:
        result = subprocess.run(command + ["current"] + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                check=False)
    except OSError as error:
        raise Refused("loader.start", f"cannot start {command[0]}: {error.strerror}",
                      "put pawl on the PATH, or name it with binary=") from error
    if result.returncode == 0:
        return result.stdout
    raise _refusal(result.stdout, result.returncode)


def _refusal(answer: bytes, exit_status: int) -> Refused:
    try:
        said = json.loads(answer)["error"]
        parts = [said["rule"], said["message"], said["advice"]]
    except (ValueError, KeyError, TypeError):
        parts = []
    if not parts or not all(isinstance(part, str) for part in parts):
        return Refused("loader.answer", "pawl did not say why it gives nothing", "run pawl current by hand", exit_status)
    return Refused(*parts, exit_status=exit_status)


def load(subject: str, path: str, *, home: typing.Optional[_Path] = None, state: typing.Optional[_Path] = None,
         binary: typing.Optional[_Path] = None) -> bytes:
    """The verified bytes of one file of the live release; raises Refused.

    path    relative to the tree, e.g. "prompts/system.txt"
    home    Pawl's home; default: $PAWL_HOME, else ~/.local/state/pawl
    state   the loader's state file; default: the one in the home
    binary  the program; default: the first "pawl" on PATH
    """
    if not path:
        raise Refused("loader.arguments", "a path is needed")
    return _answer_to([f"--file={path}"], subject, home, state, binary)


def open(subject: str, path: str, *, home: typing.Optional[_Path] = None,  # pylint: disable=redefined-builtin
         state: typing.Optional[_Path] = None, binary: typing.Optional[_Path] = None) -> io.BytesIO:
    """load() as a binary file in memory, for libraries that want a file object."""
    return io.BytesIO(load(subject, path, home=home, state=state, binary=binary))


def current(subject: str, *, home: typing.Optional[_Path] = None, state: typing.Optional[_Path] = None,
            binary: typing.Optional[_Path] = None) -> Release:
    """Which release is live, after it was checked again; raises Refused."""
    try:
        said = json.loads(_answer_to([], subject, home, state, binary))
        if said["verified"] is not True or said["subject"] != subject:
            raise ValueError("another answer")
        return Release(subject=said["subject"], epoch=said["epoch"], tree=said["tree"], warrant=said["warrant"],
                       files={file["path"]: file["digest"] for file in said["files"]},
                       warnings=tuple(said["warnings"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("loader.answer", "pawl answered something else than a verified release",
                      "the program and this module must have the same version", 0) from error


from ._gate import Decision, Gate  # noqa: E402  # pylint: disable=wrong-import-position


def gate(subject: str, *, home: typing.Optional[_Path] = None, state: typing.Optional[_Path] = None,
         binary: typing.Optional[_Path] = None, review: bool = False) -> Gate:
    """A context in which a loop hands over candidates: a directory in, a Decision out.

    review  whether the reviewers whose keys this user can read vote at once (`pawl propose --review`)

    Entering it raises Refused where nothing is live or Pawl cannot be asked. A candidate is accepted only when people
    have approved it and it is live; a loop that goes on meanwhile goes on from what is live.
    """
    return Gate(subject, home, state, binary, review)
