"""Verified bytes of the live release."""

import dataclasses
import io
import json
import typing

from ._program import Path, Program, Refused, refusal


@dataclasses.dataclass(frozen=True)
class Release:
    """What is live, as `pawl current` has just verified it."""

    subject: str
    epoch: int
    tree: str  # "sha256:…", the digest that names the tree
    warrant: str  # "sha256:…" of the warrant file
    files: typing.Mapping[str, str]  # path in the tree -> digest of its bytes, "sha256:…"
    warnings: typing.Tuple[str, ...]  # such as "no human presence proven"


def load_from(program: Program, path: str) -> bytes:
    """The verified bytes of one file of the live release; raises Refused."""
    if not path:
        raise Refused("loader.arguments", "a path is needed")
    return _answer(program, [f"--file={path}"])


def current_from(program: Program) -> Release:
    """Which release is live, after it was checked again; raises Refused."""
    try:
        said = json.loads(_answer(program, []))
        if said["verified"] is not True or said["subject"] != program.subject:
            raise ValueError("another answer")
        return Release(subject=said["subject"], epoch=said["epoch"], tree=said["tree"], warrant=said["warrant"],
                       files={file["path"]: file["digest"] for file in said["files"]},
                       warnings=tuple(said["warnings"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("loader.answer", "pawl answered something else than a verified release",
                      "the program and this package must have the same version", 0) from error


def load(subject: str, path: str, *, home: typing.Optional[Path] = None, state: typing.Optional[Path] = None,
         binary: typing.Optional[Path] = None) -> bytes:
    """The verified bytes of one file of the live release; raises Refused.

    path    relative to the tree, e.g. "prompts/system.txt"
    home    Pawl's home; default: $PAWL_HOME, else ~/.local/state/pawl
    state   the loader's state file; default: the one in the home
    binary  the program; default: $PAWL_BINARY, else the first "pawl" on PATH
    """
    return load_from(Program(subject, home, state, binary), path)


def open(subject: str, path: str, *, home: typing.Optional[Path] = None,  # pylint: disable=redefined-builtin
         state: typing.Optional[Path] = None, binary: typing.Optional[Path] = None) -> io.BytesIO:
    """load() as a binary file in memory, for libraries that want a file object."""
    return io.BytesIO(load(subject, path, home=home, state=state, binary=binary))


def current(subject: str, *, home: typing.Optional[Path] = None, state: typing.Optional[Path] = None,
            binary: typing.Optional[Path] = None) -> Release:
    """Which release is live, after it was checked again; raises Refused."""
    return current_from(Program(subject, home, state, binary))


def _answer(program: Program, words: typing.List[str]) -> bytes:
    """Standard output of `pawl --json --subject=… current …`, if it ended with status 0."""
    answer, status = program.ask("loader", ["current", *words], quiet=False)
    if status != 0:
        raise refusal("loader", answer, status, "why it gives nothing")
    return answer
