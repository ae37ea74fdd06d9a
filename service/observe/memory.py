"""How much memory the process may use: the limit of its control group."""

from pathlib import Path
from typing import Final

_GROUPS: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/proc/self/cgroup")
_WITHOUT_LIMIT: Final = "max"


def memory_limit(groups: Path = _GROUPS, own: Path = _OWN) -> int | None:
    """Return the limit in bytes; None if there is none, or the machine has no control groups (v2).

    A container, a pod and a unit of systemd are control groups. The limits of the groups around it
    count, too.
    """
    try:
        lines = own.read_text("ascii").splitlines()
    except OSError:
        return None
    path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if path is None:
        return None
    folder = groups / path
    limits = []
    for each in (folder, *folder.parents):
        if not each.is_relative_to(groups):
            break
        try:
            limit = (each / "memory.max").read_text("ascii").strip()
        except OSError:
            continue
        if limit != _WITHOUT_LIMIT:
            limits.append(int(limit))
    return min(limits, default=None)
