"""Reads what a person asks for: a job's name and NAME=VALUE texts."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from pipeline.domain.errors import NotFound, UsageError
from pipeline.jobs.job import Job
from pipeline.jobs.table import JOBS

# The most names that are suggested, and the most characters that are quoted.
_CLOSE: Final = 3
_QUOTED: Final = 80
# The largest number: in days or in minutes, more than anybody means, and an interval of Postgres.
MOST: Final = 1_000_000
_DIGITS: Final = 8
_WORDS: Final = {"true": True, "false": False}


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
            raise UsageError(
                f"invalid parameter {name[:_QUOTED]!r}: expected none: {job.name} has no parameters"
            )
        raise UsageError(
            f"{job.name} has no parameter {name[:_QUOTED]!r}: {_suggest(name, declared)}"
        )
    return name, _read_value(name, value, declared[name])


def _read_value(name: str, text: str, declared: object) -> Any:  # noqa: ANN401 - as declared
    """Read a value of the type of the declared one. The runs of a job are stored as JSON."""
    match declared:
        case bool():
            if text in _WORDS:
                return _WORDS[text]
            expected = "true or false"
        case int():
            # The length first: to read thousands of digits takes long.
            if len(text) <= _DIGITS and text.isascii() and text.isdecimal() and int(text) <= MOST:
                return int(text)
            expected = f"a whole number such as {declared}, at most {MOST}"
        case list():
            try:
                return [str(UUID(each)) for each in text.split(",") if each]
            except ValueError:
                expected = "ids of users, separated by commas"
        case _:
            raise TypeError(f"{name} is declared with a type that cannot be read from a text")
    raise UsageError(f"invalid {name} {text[:_QUOTED]!r}: expected {expected}")


def _suggest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, _CLOSE)
    return f"did you mean {' or '.join(close)}?" if close else f"expected {', '.join(names)}"
