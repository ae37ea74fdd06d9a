"""Becomes another program, as a given account, that is interrupted when its parent dies.

Run as a script in a fresh interpreter: `launch.py PARENT UID GID PROGRAM [ARGUMENT ...]`, where
PARENT is a process id, or 0 to outlive it. A hook between fork and exec would be shorter but isn't
safe in a process with threads. The interrupt needs Linux; elsewhere a child of a killed process is
left to the next start.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Replace this process by the program; the process id stays."""
    parent, uid, gid = map(int, sys.argv[1:4])
    program = sys.argv[4:]
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if parent:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:  # it died before the request was made
            return
    os.execv(program[0], program)  # noqa: S606 - there is no shell to escape from


if __name__ == "__main__":
    main()
