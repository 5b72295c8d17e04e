"""How the program `pawl` is found and asked; one subject's place is a Program."""

import dataclasses
import json
import os
import shutil
import subprocess
import typing

Path = typing.Union[str, "os.PathLike[str]"]


class Refused(Exception):
    """There is no answer to be had, and why.

    rule         stable and dotted, for programs: "state.missing", "halt.in-force", "store.damaged"; names that begin with
                 "loader.", "gate.", "client." and end with "start", "arguments" or "answer" are this package's own
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


def find_program(area: str, given: typing.Optional[Path], name: str = "pawl") -> str:
    """The program that is started: `given`, else what the variable PAWL_BINARY names, else the first `pawl` on PATH.
    `pawl-check` is the one beside it. `area` begins the rule of a refusal."""
    named = os.fspath(given) if given is not None else os.environ.get("PAWL_BINARY", "")
    if not named:
        found = shutil.which(name)
        if found is None:
            raise Refused(f"{area}.start", f"there is no program {name} on the PATH",
                          "put it there, or name pawl with binary= or the variable PAWL_BINARY; this package has none")
        return found
    if name != "pawl":
        named = os.path.join(os.path.dirname(named), name)
    return named


def run(area: str, command: typing.List[str]) -> typing.Tuple[bytes, int]:
    """Standard output and exit status of a command; its messages go where this process's go."""
    if any("\0" in word for word in command):
        raise Refused(f"{area}.arguments", "no argument may hold a zero byte")
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        raise Refused(f"{area}.start", f"cannot start {command[0]}: {error.strerror}",
                      "put pawl on the PATH, or name it with binary= or the variable PAWL_BINARY") from error
    return result.stdout, result.returncode


@dataclasses.dataclass(frozen=True)
class Program:
    """`pawl` about one subject."""

    subject: str
    home: typing.Optional[Path] = None
    state: typing.Optional[Path] = None
    binary: typing.Optional[Path] = None

    def ask(self, area: str, words: typing.List[str], *, quiet: bool = True) -> typing.Tuple[bytes, int]:
        if not self.subject or "\0" in self.subject:
            raise Refused(f"{area}.arguments", "a subject is needed, and no argument may hold a zero byte")
        options = ["--json", *(["--quiet"] if quiet else []), f"--subject={self.subject}"]
        options += [f"--home={os.fspath(self.home)}"] if self.home is not None else []
        options += [f"--state={os.fspath(self.state)}"] if self.state is not None else []
        return run(area, [find_program(area, self.binary), *options, *words])


def refusal(area: str, answer: bytes, exit_status: int, what: str) -> Refused:
    """What an answer says that is no yes; an answer that does not say why is refused as such."""
    try:
        said = json.loads(answer)["error"]
        rule, message, advice = said["rule"], said["message"], said["advice"]
        if not all(isinstance(part, str) for part in (rule, message, advice)):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        return Refused(f"{area}.answer", f"pawl did not say {what}", "run it by hand", exit_status)
    return Refused(rule, message, advice, exit_status)
