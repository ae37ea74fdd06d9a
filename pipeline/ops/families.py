"""The migration files that each family needs, in their order."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from pipeline.domain.errors import ConfigurationError, UsageError

MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "migrations"
# Of the advisory lock that whoever migrates holds. Any constant works, as long as no other program
# uses the same one in this database.
MIGRATION_LOCK: Final = 0x66616E6F7574

# Every family needs these files. Four of them are older than the families and keep their names.
KERNEL: Final = (
    "0006_dead_letters.sql",
    "kernel/0001_roles.sql",
    "0011_replays.sql",
    "kernel/0002_graphs.sql",
    "kernel/0003_switches.sql",
    "kernel/0004_comments.sql",
    "kernel/0005_attempts.sql",
    "kernel/0006_tokens_and_audit.sql",
    "kernel/0007_api.sql",
    "kernel/0008_viewer.sql",
    "kernel/0009_forget.sql",
    "kernel/0010_publication.sql",
    "0007_capture.sql",
    "0020_heartbeat_position.sql",
    "kernel/0011_capture.sql",
    "kernel/0020_replays_of_reactions.sql",
    "kernel/0021_graph_topics.sql",
    "kernel/0022_unpublished_letters.sql",
)
_REFERENCE: Final = "reference/"
_JOBS: Final = "jobs/"
_MAIL: Final = "mail/"
_PUSH: Final = "push/"
_ACTIVITY: Final = "activity/"
_REACTIONS: Final = "reactions/"
# The ledger of deliveries, and where people live: mail and push both need them.
DELIVERIES: Final = (
    "mail/0001_deliveries.sql",
    "mail/0007_ranked_at.sql",
    "mail/0008_out_of_place.sql",
    "mail/0050_digests.sql",
    "mail/0061_forget_recipient.sql",
    "mail/0062_attempts_of_deliveries.sql",
    "mail/0080_faster_ids.sql",
)

# The ledger of the runs of jobs, and what their graph writes besides: reactions have jobs too.
RUNS: Final = (
    "jobs/0001_job_runs.sql",
    "jobs/0035_sign_of_life.sql",
    "jobs/0037_run_now.sql",
    "jobs/0038_unpublished_letters.sql",
)


class Family(StrEnum):
    """A set of migrations, by its name on the command line.

    ``KERNEL`` needs no table of an application. Every other family includes it. ``JOBS`` includes
    ``FANOUT``, which handles the events that jobs write. ``ACTIVITY`` includes ``PUSH``, which
    sends what is in its table. ``MAIL``, ``PUSH``, ``ACTIVITY`` and ``REACTIONS`` need no table of
    an application.
    """

    KERNEL = "kernel"
    FANOUT = "fanout"
    JOBS = "jobs"
    MAIL = "mail"
    PUSH = "push"
    ACTIVITY = "activity"
    REACTIONS = "reactions"

    @property
    def needs_application(self) -> bool:
        """Whether its files refer to tables of the application."""
        return self in (Family.FANOUT, Family.JOBS)

    @classmethod
    def of(cls, text: str) -> "Family":
        """Return the family of this name.

        Raises:
            UsageError: no family has this name.
        """
        if text not in {family.value for family in cls}:
            *others, last = cls
            raise UsageError(f"invalid family {text!r}: expected {', '.join(others)} or {last}")
        return cls(text)


# The files that each family has besides the kernel's and the fan-out's, in their order.
_OWN: Final[Mapping[Family, Sequence[str]]] = {
    Family.JOBS: (f"{_JOBS}*.sql",),
    Family.MAIL: (f"{_MAIL}*.sql",),
    Family.PUSH: (*DELIVERIES, f"{_PUSH}*.sql"),
    Family.ACTIVITY: (*DELIVERIES, f"{_PUSH}*.sql", f"{_ACTIVITY}*.sql"),
    Family.REACTIONS: (*RUNS, f"{_REACTIONS}*.sql"),
}


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file. Its name is its path below the folder, such as ``kernel/0001_roles.sql``."""

    name: str
    sql: bytes

    @property
    def is_reference(self) -> bool:
        """Whether the file creates the application's tables rather than ours."""
        return self.name.startswith(_REFERENCE)

    @property
    def checksum(self) -> str:
        """The SHA-256 of the file, in hexadecimal."""
        return hashlib.sha256(self.sql).hexdigest()


def reference_files(directory: Path = MIGRATIONS) -> list[Migration]:
    """Return the files that create the application's tables, for a database without them."""
    return [_read(directory, path) for path in sorted(directory.glob(f"{_REFERENCE}*.sql"))]


def files_of(*families: Family, directory: Path = MIGRATIONS) -> list[Migration]:
    """Return the files of families in the order in which they apply, including the kernel's.

    Raises:
        ConfigurationError: the folder holds no files.
    """
    paths = [directory / name for name in KERNEL if (directory / name).exists()]
    if any(family.needs_application for family in families):
        paths = [*sorted(directory.glob("*.sql")), *paths]
    for family, patterns in _OWN.items():
        if family in families:
            for pattern in patterns:
                paths += sorted(directory.glob(pattern))
    if not paths and not reference_files(directory):
        raise ConfigurationError(
            f"no migrations in {directory}: run this from a checkout of the repository"
        )
    return [_read(directory, path) for path in dict.fromkeys(paths)]


def families_of(recorded: Collection[str]) -> tuple[Family, ...]:
    """Return the families that a database was migrated for, from the names of its applied files.

    A database without applied files counts as the fan-out's, which is the default of ``migrate``.
    """
    folders = {
        Family.JOBS: _JOBS,
        Family.MAIL: _MAIL,
        Family.PUSH: _PUSH,
        Family.ACTIVITY: _ACTIVITY,
        Family.REACTIONS: _REACTIONS,
    }
    families = [
        family
        for family, folder in folders.items()
        if any(name.startswith(folder) for name in set(recorded).difference(DELIVERIES, RUNS))
    ]
    own = {name for name in recorded if not name.startswith(tuple(folders.values()))}
    if not own <= set(KERNEL) or not recorded:
        families.append(Family.FANOUT)
    return tuple(families) or (Family.KERNEL,)


def _read(directory: Path, path: Path) -> Migration:
    return Migration(path.relative_to(directory).as_posix(), path.read_bytes())
