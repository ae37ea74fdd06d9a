"""Replaces itself by another program, under a given account; its parent's death interrupts it.

Run as a script in a fresh interpreter: `launch.py PARENT UID GID PROGRAM [ARGUMENT ...]`, where
PARENT is a process id, or 0 to outlive the parent. A hook between fork and exec would be shorter
but is not safe in a process with threads. The interrupt needs Linux. On other systems, the next
start ends the children of a killed process.

A user namespace (rootless containers, `unshare -r`) may have no account but root. The program
then runs in a nested namespace, where root has the given number. No file changes its owner.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000


def main() -> None:
    """Replace this process by the program. The process id stays the same."""
    parent, uid, gid = map(int, sys.argv[1:4])
    program = sys.argv[4:]
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if uid != os.geteuid():
        if has_account(uid, gid):
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        elif libc is not None:
            _rename_root(libc, uid, gid)
    if parent:
        # Ignored, as by the parent if the shell of a script started that, it would tell nothing.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:  # the parent died before the request
            return
    os.execv(program[0], program)  # noqa: S606 - there is no shell to escape from


def has_account(uid: int, gid: int) -> bool:
    """Return whether the account and the group exist in this process's user namespace."""
    return _is_mapped("/proc/self/uid_map", uid) and _is_mapped("/proc/self/gid_map", gid)


def _is_mapped(path: str, number: int) -> bool:
    if not os.path.exists(path):  # noqa: PTH110 - pathlib would be slow to load at every start
        return True
    with open(path, encoding="ascii") as ranges:  # noqa: PTH123
        spans = [tuple(map(int, line.split())) for line in ranges]
    return any(first <= number < first + length for first, _, length in spans)


def _rename_root(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"a user namespace is needed: {os.strerror(number)}")
    # The kernel accepts a map of groups only after this process gives up the right to drop groups.
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(text)


if __name__ == "__main__":
    main()
