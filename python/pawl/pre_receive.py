"""A git hook: a protected branch only ever holds what is live.

Install it in the repository that is pushed to, as hooks/pre-receive, executable:

    #!/bin/sh
    exec python3 -m pawl.pre_receive

    git config pawl.subject SUBJECT       # which subject; needed
    git config pawl.branch main           # which branch; default main. Other branches are not looked at
    git config pawl.home DIR              # where Pawl's home is; default as for pawl
    git config pawl.binary FILE           # the program; default: the first pawl on PATH
    git config pawl.review true           # the reviewers of this machine vote at once

The first push of a revision proposes its tree and is turned away, with the proposal's name and what it waits for. When
people have approved it and it is live, the same push goes through. A revision whose tree is live already goes through at
once; removing the branch never does. What git cannot hand over as regular files (links, submodules) is refused. Whatever
goes wrong, the push is turned away.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from . import Refused
from ._gate import Gate

_BYTES_MAX = 1 << 30


def _git(*words):
    result = subprocess.run(["git", *words], stdout=subprocess.PIPE, check=False)
    return result.stdout.decode("utf-8", "strict").strip() if result.returncode == 0 else ""


def _write_tree(revision, folder):
    """The revision's files below folder, byte for byte: `git archive` would obey attributes that the revision brings."""
    listing = subprocess.run(["git", "ls-tree", "-r", "-z", revision], stdout=subprocess.PIPE, check=True).stdout
    files = []
    for entry in filter(None, listing.split(b"\0")):
        facts, name = entry.split(b"\t", 1)
        mode, _, blob = facts.split(b" ")
        path = pathlib.PurePosixPath(os.fsdecode(name))
        if mode not in (b"100644", b"100755"):
            raise Refused("git.file-type", f"{str(path)!r} is a link or a submodule")
        if path.is_absolute() or ".." in path.parts or path.parts[0] == ".git":
            raise Refused("git.path", f"{str(path)!r} is no path of a tree")
        files.append((blob, path))
    left = _BYTES_MAX
    with subprocess.Popen(["git", "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as blobs:
        for blob, path in files:
            blobs.stdin.write(blob + b"\n")
            blobs.stdin.flush()
            head = blobs.stdout.readline().split()
            if len(head) != 3 or head[:2] != [blob, b"blob"]:
                raise Refused("git.blob", "git did not hand the revision over")
            size = int(head[2])
            left -= size
            if left < 0:
                raise Refused("git.size", "the revision has more than 1 GiB")
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            content = blobs.stdout.read(size + 1)
            if len(content) != size + 1:
                raise Refused("git.blob", "git did not hand the revision over")
            target.write_bytes(content[:-1])
        blobs.stdin.close()


def _open_proposal(command, tree):
    """The name of the open proposal of this tree, so that pushing again proposes nothing twice."""
    result = subprocess.run(command + ["status"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        return None
    names = [row["proposal"] for row in json.loads(result.stdout)["proposals"]
             if row["tree"] == tree and row["outcome"] == "pending"]
    return names[-1] if names else None


def _judge(revision, subject):
    """None where the revision's tree is live, else why the push is turned away."""
    options = {"home": _git("config", "pawl.home") or None, "state": None,
               "binary": _git("config", "pawl.binary") or None}
    gate = Gate(subject, review=_git("config", "--type=bool", "pawl.review") == "true", **options)
    command = [options["binary"] or "pawl", "--json", "--quiet", f"--subject={subject}"]
    command += [f"--home={options['home']}"] if options["home"] else []
    with tempfile.TemporaryDirectory(prefix="pawl-push-") as folder:
        _write_tree(revision, pathlib.Path(folder))
        named = subprocess.run(command[:1] + ["tree", folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        tree = named.stdout.decode("ascii", "replace").strip()
        if named.returncode != 0 or not tree.startswith("sha256:"):
            raise Refused("git.tree", "the tree cannot be a subject's; the reason is above")
        if tree == gate.live().tree:
            return None
        known = _open_proposal(command, tree)
        decision = gate.advance(known) if known else gate.propose(folder, f"git {revision[:12]}")
    words = f"{decision.proposal or 'this tree'} is {decision.outcome} at {decision.step}: {decision.reason}"
    if decision.outcome == "pending":
        words += "; push again when it is live" + "".join(f"\n  next: {step}" for step in decision.waits_for)
    return words + (f" ({decision.rule})" if decision.rule else "")


def main():
    subject = _git("config", "pawl.subject")
    branch = "refs/heads/" + (_git("config", "pawl.branch") or "main")
    try:
        if not subject:
            raise Refused("git.subject", "this repository names no subject", "git config pawl.subject NAME")
        for line in sys.stdin:
            _, new, name = line.split()
            if name != branch:
                continue
            if set(new) == {"0"}:
                raise Refused("git.removal", "the protected branch is not removed")
            why = _judge(new, subject)
            if why is not None:
                print(f"pawl: {why}", file=sys.stderr)
                return 1
        return 0
    except Refused as refused:
        print(f"pawl: {refused}", file=sys.stderr)
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as error:
        print(f"pawl: the hook failed, so nothing is taken: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
