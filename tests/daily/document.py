"""The commands of a document: its fenced `sh` blocks, in order, with the status that each has to end with.

A line `<!-- status N -->` before a block says N; without one it is 0. A line `<!-- not run: WHY -->` leaves the block
out: what it shows needs another machine. Blocks of other languages are for reading alone.
"""

import pathlib
import re
import subprocess
from dataclasses import dataclass


@dataclass
class Block:
    line: int
    status: int
    text: str
    left_out: str


def blocks(document):
    found, lines, at = [], pathlib.Path(document).read_text(encoding="utf-8").splitlines(), 0
    status, left_out = 0, ""
    while at < len(lines):
        line = lines[at]
        if match := re.fullmatch(r"<!-- status (\d+) -->", line):
            status = int(match[1])
        elif match := re.fullmatch(r"<!-- not run: (.+) -->", line):
            left_out = match[1]
        elif line.startswith("```"):
            end = lines.index("```", at + 1)
            if line == "```sh":
                found.append(Block(at + 1, status, "\n".join(lines[at + 1:end]) + "\n", left_out))
                status, left_out = 0, ""
            at = end
        at += 1
    return found


def commands_elsewhere(document):
    """Lines that somebody would type, with their numbers, in blocks of other languages or of none."""
    found, language = [], None
    for number, line in enumerate(pathlib.Path(document).read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            language = line[3:] if language is None else None
        elif language not in (None, "sh") and re.match(r"(\$ )?pawl(-check)? ", line):
            found.append((number, line))
    return found


def run(block, folder, environment):
    """Runs a block as a person would; the status is that of its last command, and every earlier one has to end with 0."""
    return subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", block.text], cwd=folder, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
