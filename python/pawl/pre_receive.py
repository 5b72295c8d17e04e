"""A git hook: a protected branch only ever holds what is live.

Install it in the repository that is pushed to, as hooks/pre-receive, executable:

    #!/bin/sh
    exec python3 -m pawl.pre_receive

    git config pawl.subject SUBJECT       # which subject; needed
    git config pawl.branch main           # which branch; default main. Other branches are not looked at
    git config pawl.home DIR              # where Pawl's home is; default as for pawl
    git config pawl.binary FILE           # the program; default: $PAWL_BINARY, else the first pawl on PATH
    git config pawl.review true           # the reviewers of this machine vote at once

The first push of a revision proposes its tree and is turned away, with the proposal's name and what it waits for. When
people have approved it and it is live, the same push goes through. A revision whose tree is live already goes through at
once; removing the branch never does. Every commit that a push adds to the branch becomes something that can be checked
out from it, so all of them must have the tree of its last one: several steps are squashed, or released and pushed one
by one. Nor is the branch moved through a symbolic ref that stands for it. What git cannot hand over as regular files
(links, submodules) is refused, and so is a tree that git would not have written. Replacements of objects (refs/replace)
are turned away, and have no say. Whatever goes wrong, the push is turned away.
"""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import typing

from ._gate import Gate
from ._program import Refused, find_program, run

_BYTES_MAX = 1 << 30
_DEPTH_MAX = 32
_Folder = typing.Dict[bytes, typing.Any]  # name -> (mode, blob), or a folder


# Replacements are refs, which whoever pushes can bring along: git would read other objects than others get.
_GIT = ["git", "--no-replace-objects"]


def _git(*words: str) -> str:
    result = subprocess.run([*_GIT, *words], stdout=subprocess.PIPE, check=False)
    return result.stdout.decode("utf-8", "strict").strip() if result.returncode == 0 else ""


def _stands_for(name: str) -> str:
    """The ref that is written where name is: another one where name is symbolic, however many lie between."""
    result = subprocess.run([*_GIT, "symbolic-ref", "--quiet", name], stdout=subprocess.PIPE, check=False)
    if result.returncode == 1:
        return name
    result.check_returncode()
    return result.stdout.decode("utf-8", "strict").rstrip("\n")


def _check_history(old: str, new: str) -> None:
    """Every commit that the branch gets has the tree of the last one, which is the one that is judged."""
    if _git("rev-parse", "--is-shallow-repository") != "false":
        raise Refused("git.shallow", "commits whose parents are missing cannot be judged", "push a whole history")
    known = [] if set(old) == {"0"} else [f"^{old}"]
    listed = subprocess.run([*_GIT, "rev-list", "--format=%T", new, *known, "--"], stdout=subprocess.PIPE, check=True)
    trees = listed.stdout.decode("ascii").split("\n")[1::2]  # each below a line "commit NAME"
    if len(set(trees)) > 1:
        raise Refused("git.history", f"{len(trees)} new commits, with {len(set(trees))} different trees",
                      "squash them into one step; or have each released and push it by itself")


def _object_name(kind: bytes, body: bytes, digits: int) -> str:
    """Git's own name of an object: SHA-1, or SHA-256 where names have 64 digits."""
    digest = hashlib.sha1 if digits == 40 else hashlib.sha256
    return digest(b"%s %d\0" % (kind, len(body)) + body).hexdigest()


def _tree_name(folder: _Folder, digits: int) -> str:
    """The name of the tree that git would write for {name: (mode, blob), or a folder}."""
    body = b""
    names = sorted((name + b"/" if isinstance(entry, dict) else name, name) for name, entry in folder.items())
    for _, name in names:
        entry = folder[name]
        mode, made = (b"40000", _tree_name(entry, digits)) if isinstance(entry, dict) else entry
        body += mode + b" " + name + b"\0" + bytes.fromhex(made)
    return _object_name(b"tree", body, digits)


def _list_tree(revision: str) -> typing.List[typing.Tuple[bytes, str]]:
    """The revision's files, as (blob, path): no links, and no tree that git would have written otherwise. One that lists
    a name twice is checked out by whoever gets it as we do not read it."""
    listing = subprocess.run([*_GIT, "ls-tree", "-r", "-z", "--full-tree", revision], stdout=subprocess.PIPE, check=True)
    files: typing.List[typing.Tuple[bytes, str]] = []
    top: _Folder = {}
    for entry in filter(None, listing.stdout.split(b"\0")):
        facts, name = entry.split(b"\t", 1)
        mode, _, blob = facts.split(b" ")
        parts = name.split(b"/")
        if mode not in (b"100644", b"100755"):
            raise Refused("git.file-type", f"{os.fsdecode(name)!r} is a link or a submodule")
        if len(parts) > _DEPTH_MAX or any(part.lower() in (b"", b".", b"..", b".git") for part in parts):
            raise Refused("git.path", f"{os.fsdecode(name)!r} is no path of a tree")
        folder = top
        for part in parts[:-1]:
            folder = folder.setdefault(part, {})
            if not isinstance(folder, dict):
                raise Refused("git.tree-form", f"{os.fsdecode(name)!r} lies below a file")
        if parts[-1] in folder:
            raise Refused("git.tree-form", f"{os.fsdecode(name)!r} stands there twice")
        folder[parts[-1]] = (mode, blob.decode("ascii"))
        files.append((blob, os.fsdecode(name)))
    if _tree_name(top, len(revision)) != _git("rev-parse", "--verify", f"{revision}^{{tree}}"):
        raise Refused("git.tree-form", "git does not write trees like this one: order, modes, or empty folders")
    return files


def _write_tree(revision: str, folder: pathlib.Path) -> None:
    """The revision's files below folder, byte for byte: `git archive` would obey attributes that the revision brings."""
    left = _BYTES_MAX
    with subprocess.Popen([*_GIT, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as blobs:
        assert blobs.stdin is not None and blobs.stdout is not None
        for blob, path in _list_tree(revision):
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
            if len(content) != size + 1 or _object_name(b"blob", content[:-1], len(revision)) != blob.decode("ascii"):
                raise Refused("git.blob", "git did not hand the revision over")
            target.write_bytes(content[:-1])
        blobs.stdin.close()


def _open_proposal(gate: Gate, tree: str) -> typing.Optional[str]:
    """The name of the open proposal of this tree, so that pushing again proposes nothing twice."""
    try:
        names = [row.decision.proposal for row in gate.status().proposals
                 if row.tree == tree and row.decision.outcome == "pending"]
    except Refused:
        return None
    return names[-1] if names else None


def _judge(revision: str, subject: str) -> typing.Optional[str]:
    """None where the revision's tree is live, else why the push is turned away."""
    binary = _git("config", "pawl.binary") or None
    gate = Gate(subject, home=_git("config", "pawl.home") or None, state=None, binary=binary,
                review=_git("config", "--type=bool", "pawl.review") == "true")
    with tempfile.TemporaryDirectory(prefix="pawl-push-") as folder:
        _write_tree(revision, pathlib.Path(folder))
        said, status = run("gate", [find_program("gate", binary), "tree", folder])
        tree = said.decode("ascii", "replace").strip()
        if status != 0 or not tree.startswith("sha256:"):
            raise Refused("git.tree", "the tree cannot be a subject's; the reason is above")
        if tree == gate.live().tree:
            return None
        known = _open_proposal(gate, tree)
        decision = gate.advance(known) if known else gate.propose(folder, f"git {revision[:12]}")
    words = f"{decision.proposal or 'this tree'} is {decision.outcome} at {decision.step}: {decision.reason}"
    if decision.outcome == "pending":
        words += "; push again when it is live" + "".join(f"\n  next: {step}" for step in decision.waits_for)
    return words + (f" ({decision.rule})" if decision.rule else "")


def main() -> int:
    subject = _git("config", "pawl.subject")
    branch = "refs/heads/" + (_git("config", "pawl.branch") or "main")
    try:
        if not subject:
            raise Refused("git.subject", "this repository names no subject", "git config pawl.subject NAME")
        if _stands_for(branch) != branch:
            raise Refused("git.symbolic", f"{branch} is a symbolic ref", "git config pawl.branch NAME: what it stands for")
        for line in sys.stdin:
            old, new, name = line.split()
            is_removal = set(new) == {"0"}
            if name.startswith("refs/replace/") and not is_removal:
                raise Refused("git.replacement", "a replacement would stand for the branch's files wherever they are read")
            if name != branch and _stands_for(name) == branch:
                raise Refused("git.alias", f"{name} stands for the protected branch", "push to the branch itself")
            if name != branch:
                continue
            if is_removal:
                raise Refused("git.removal", "the protected branch is not removed")
            _check_history(old, new)
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
