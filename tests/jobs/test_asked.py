"""What a person changes of a job for one run: each parameter of each real job."""

import json
import re
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from pipeline.domain.errors import UsageError
from pipeline.domain.identifiers import AI_USER, UserId
from pipeline.domain.lease import WorkState
from pipeline.jobs.asked import MOST, read_changes
from pipeline.jobs.job import OF_JOBS, Job, Pages, Retention
from pipeline.jobs.table import JOBS, jobs_without
from pipeline.jobs.unread_thread_nudges import UNREAD_THREAD_NUDGES
from pipeline.settings import DatabaseSettings
from pipeline.steps.run_job import JobRunner
from tests.databases import Database
from tests.golden.world import T1, U1, U2, U3
from tests.jobs.desk import DAY, HOUR, NOW, Desk

SOMEBODY: Final = str(uuid4())
DECLARED: Final = {
    job.name: dict(job.work.parameters)
    for job in JOBS.values()
    if isinstance(job.work, Pages | Retention)
}
EVERY: Final = [(job, name) for job, parameters in DECLARED.items() for name in parameters]


def texts_of(declared: object) -> dict[str, Any]:
    """Texts that are valid for a parameter, and what is read of each."""
    match declared:
        case bool():
            return {"true": True, "false": False}
        case int():
            return {"40": 40, str(MOST): MOST}
        case _:
            return {SOMEBODY: [SOMEBODY], f"{SOMEBODY},{SOMEBODY}": [SOMEBODY, SOMEBODY], "": []}


# Those of reactions run on a database with that family: tests/steps/reactions.
APPLYING = {name for name, job in JOBS.items() if job.needs == OF_JOBS}


@pytest.mark.parametrize(("job", "name"), EVERY)
def test_each_parameter_is_read_as_it_is_declared(job: str, name: str) -> None:
    for text, value in texts_of(DECLARED[job][name]).items():
        assert read_changes(JOBS[job], [f"{name}={text}"]) == {name: value}


@pytest.mark.parametrize(("job", "name"), EVERY)
def test_what_is_no_such_value_is_refused_with_what_is_expected(job: str, name: str) -> None:
    too_large = (str(MOST + 1), "9" * 5_000, "0" * 8 + "40")
    for text in ("maybe", "-1", "1.5", *too_large, "\u0663", "True", f"{SOMEBODY};"):
        with pytest.raises(UsageError, match=rf"^invalid {name} '.{{1,80}}': expected \w+"):
            read_changes(JOBS[job], [f"{name}={text}"])


@pytest.mark.parametrize(("job", "name"), [each for each in EVERY if each[0] in APPLYING])
def test_a_run_by_hand_takes_each_parameter(database: Database, job: str, name: str) -> None:
    def no_letter(*_: object) -> None:
        raise AssertionError("a run by hand has no dead letter")

    runner = JobRunner(settings=DatabaseSettings(dsn=database.jobs_dsn), bury=no_letter)
    for text in texts_of(DECLARED[job][name]):
        if name.endswith("_days") and job == "retention" and text == str(MOST):
            continue
        changed = read_changes(JOBS[job], [f"{name}={text}"])
        ended = runner.run_by_hand(JOBS[job], now=NOW, changed=changed)
        assert (ended.state, ended.reason) == (WorkState.DONE, None)


def nudged(desk: Desk, job: Job) -> set[str]:
    desk.run(job)
    return {each.payload["user_id"] for each in desk.emitted()}


def test_a_program_is_never_nudged(desk: Desk) -> None:
    desk.execute("DELETE FROM domain_events")
    desk.say(T1, U1, NOW - 4 * HOUR)
    for person in (U2, U3):
        desk.read(T1, person, NOW - DAY)
    jobs = jobs_without([UserId(U3)])
    assert nudged(desk, jobs[UNREAD_THREAD_NUDGES.name]) == {str(U2)}
    # Control: without being told of it, the job takes the program for a person.
    assert nudged(desk, UNREAD_THREAD_NUDGES) == {str(U2), str(U3)}


def test_the_ai_user_is_a_program_in_any_case() -> None:
    for programs in ([], [UserId(U3)], [AI_USER]):
        work = jobs_without(programs)[UNREAD_THREAD_NUDGES.name].work
        assert isinstance(work, Pages)
        assert set(work.parameters["system_users"]) == {AI_USER, *programs}
    assert dict(jobs_without([])) == dict(JOBS)


def test_the_operations_guide_has_every_parameter_of_a_job() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| `(\w+)` \| (\w+) \|", guide, re.MULTILINE)
    declared = [
        (name, parameter, json.dumps(value))
        for name, job in JOBS.items()
        if isinstance(job.work, Pages)
        for parameter, value in job.work.parameters.items()
        if parameter != "system_users"
    ]
    assert rows == declared
