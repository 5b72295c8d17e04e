#!/usr/bin/python3
"""Runs a command as root of a user and mount namespace below this one, in which user and group ids mean what they mean
outside; what it sets with --limit goes for what is started there alone. Needs root.

    nested.py [--limit user=0] [--limit net=0] [--cover-proc] -- COMMAND ARGUMENT…

The status is the command's; 126 where the namespace cannot be made."""
import ctypes
import os
import sys

NEW_MOUNTS, NEW_USERS = 0x00020000, 0x10000000
RECURSIVE, PRIVATE = 0x4000, 1 << 18
IDS = 70_000  # with 65534, as which root's jobs run
LIBC = ctypes.CDLL(None, use_errno=True)


def insist(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter(limits, covers_proc):
    """The maps are written from outside: that takes the rights of the namespace above."""
    parent, (asked, ask), (answered, answer) = os.getpid(), os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        ok = os.read(asked, 1) == b"?"
        for which in ("uid_map", "gid_map"):
            with open(f"/proc/{parent}/{which}", "w") as file:
                file.write(f"0 0 {IDS}")
        os.write(answer, b"!" if ok else b"")
        os._exit(0)
    insist(LIBC.unshare(NEW_USERS | NEW_MOUNTS))
    os.write(ask, b"?")
    os.waitpid(child, 0)
    os.close(answer)
    if os.read(answered, 1) != b"!":
        raise OSError("the ids could not be mapped")
    for descriptor in (asked, ask, answered):
        os.close(descriptor)
    insist(LIBC.mount(None, b"/", None, RECURSIVE | PRIVATE, None))
    if covers_proc:  # as containers do; the kernel then lets nobody mount another /proc
        insist(LIBC.mount(b"none", b"/proc/bus", b"tmpfs", 0, None))
    for limit in limits:
        kind, most = limit.split("=")
        with open(f"/proc/sys/user/max_{kind}_namespaces", "w") as file:
            file.write(most)


def main():
    words, limits, covers_proc = sys.argv[1:], [], False
    while words and words[0] != "--":
        option = words.pop(0)
        if option == "--cover-proc":
            covers_proc = True
        elif option == "--limit":
            limits.append(words.pop(0))
        else:
            sys.exit(__doc__)
    try:
        enter(limits, covers_proc)
    except OSError as error:
        print(f"nested.py: {error}", file=sys.stderr)
        sys.exit(126)
    os.execvp(words[1], words[1:])


if __name__ == "__main__":
    main()
