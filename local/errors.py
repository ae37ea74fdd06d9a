"""The errors of the embedded stack. Each text is one line."""

from pathlib import Path


class StackError(Exception):
    """Base of this package's errors."""


class FolderInUse(StackError):
    """The data folder belongs to another running process."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is in use by another process: stop that one first")


class ForeignEmulator(StackError):
    """PUBSUB_EMULATOR_HOST names a running emulator, and no option says to use it."""

    def __init__(self, address: str, owner: str) -> None:
        super().__init__(
            f"PUBSUB_EMULATOR_HOST={address} is set, and {owner} listens there."
            f" To use it: make up EMULATOR={address}."
            " To start a new emulator: unset PUBSUB_EMULATOR_HOST"
        )


class StartFailed(StackError):
    """A part did not start. The text names the part, the reason and the log."""

    def __init__(self, part: str, reason: str, log_path: Path | None = None) -> None:
        reason = " ".join(reason.split()) or "no reason given"
        where = f" (log: {log_path})" if log_path else ""
        super().__init__(f"{part} did not start: {reason}{where}")


class PartStopped(StackError):
    """A part ended by itself after it had started. Names the part, the reason if known, the log."""

    def __init__(self, part: str, log_path: Path, reason: str = "") -> None:
        why = f": {reason}" if reason else ""
        super().__init__(f"{part} stopped{why} (log: {log_path})")
