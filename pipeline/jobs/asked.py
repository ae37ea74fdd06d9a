"""Reads what a person asks for: a job's name and NAME=VALUE texts."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipeline.domain.errors import NotFound, UsageError
from pipeline.jobs.job import Job
from pipeline.jobs.table import JOBS

# The most names that are suggested, and the most characters that are quoted.
_CLOSE: Final = 3
_QUOTED: Final = 80


def find_job(name: str, jobs: Mapping[str, Job] = JOBS) -> Job:
    """Return the job of this name.

    Raises:
        NotFound: no job has this name. The text suggests similar ones.
    """
    job = jobs.get(name)
    if job is None:
        raise NotFound(f"no job {name[:_QUOTED]!r}: {_suggest(name, jobs)}")
    return job


def read_changes(job: Job, texts: Iterable[str]) -> dict[str, Any]:
    """Return the parameters that a person gave for one run, by name.

    Args:
        job: declares the parameters. A new value has the type of the declared one.
        texts: ``NAME=VALUE`` each.

    Raises:
        UsageError: a text has no ``=``, names no parameter of the job, or its value is invalid.
    """
    return dict(_read_change(job, text) for text in texts)


def _read_change(job: Job, text: str) -> tuple[str, Any]:
    declared: Mapping[str, Any] = getattr(job.work, "parameters", {})
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"invalid change {text[:_QUOTED]!r}: expected NAME=VALUE")
    if name not in declared:
        if not declared:
            raise UsageError(f"{job.name} has no parameter {name[:_QUOTED]!r}: it has none")
        raise UsageError(
            f"{job.name} has no parameter {name[:_QUOTED]!r}: {_suggest(name, declared)}"
        )
    kind = type(declared[name])
    if kind is int:
        if not (value.isascii() and value.isdecimal()):
            raise UsageError(
                f"invalid {name} {value[:_QUOTED]!r}: expected a whole number such as"
                f" {declared[name]}"
            )
        return name, int(value)
    return name, kind(value)


def _suggest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, _CLOSE)
    return f"did you mean {' or '.join(close)}?" if close else f"expected {', '.join(names)}"
