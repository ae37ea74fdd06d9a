"""Scheduled jobs: SIGKILL at every statement of a run, and two processes that run the same one."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from tests.databases import Databases
from tests.torture.figures import Figures
from tests.torture.job_worker import Death, Moment, moments
from tests.torture.job_worlds import TORTURED, JobWorld, world_of
from tests.torture.oracle import Audit
from tests.torture.scale import SCALE

# A process whose lease is taken away looks again this often.
LOOKS: Final = 20
FORGET: Final = "DELETE FROM fanout.meeting_reminders; DELETE FROM meeting_reminders_sent"


@dataclass(slots=True)
class Sum:
    """What several worlds came to together."""

    times: int = 0
    audits: list[Audit] = field(default_factory=list)

    def add(self, audit: Audit) -> None:
        """Count one more."""
        self.times += 1
        self.audits.append(audit)

    def total(self) -> Audit:
        """All of them as one."""
        return Audit(
            events=sum(each.events for each in self.audits),
            effects=sum(each.effects for each in self.audits),
            lost_events=0,
            lost=sum(each.lost for each in self.audits),
            duplicated=sum(each.duplicated for each in self.audits),
            misjudged=0,
            dead_letters=0,
        )


def some(number: int, of: list[Death]) -> Iterable[Death]:
    """So many of them: spread over all, or all of them again and again."""
    if number >= len(of):
        return itertools.islice(itertools.cycle(of), number)
    return [of[index * len(of) // number] for index in range(number)]


def deaths_of(world: JobWorld) -> list[Death]:
    """Every instant at which an honest run can die."""
    expected = world.reset()
    with world.live() as life:
        life.wait_for_end()
        statements = life.statements
    assert world.audit(expected).is_clean
    assert statements > 0
    return list(moments(statements))


@pytest.fixture(scope="module")
def worlds(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[JobWorld]]:
    """A world for each job."""
    log = tmp_path_factory.mktemp("jobs") / "lives.log"
    with ExitStack() as stack:
        yield [
            stack.enter_context(world_of(job, stack.enter_context(databases.migrated()), log))
            for job in TORTURED
        ]
        close_pools()


def test_a_job_that_is_killed_at_any_statement_does_everything_once(
    worlds: list[JobWorld], figures: Figures
) -> None:
    found, instants, kills = Sum(), 0, 0
    for world in worlds:
        deaths = deaths_of(world)
        instants += len(deaths)
        for death in some(SCALE.job_kills, deaths):
            expected = world.reset()
            with world.live(death) as life:
                kills += life.wait_for_death()
            world.settle()
            audit = world.audit(expected)
            assert audit.is_clean, (world.place.job.name, death, audit)
            found.add(audit)
    # Where the size of a batch follows the time that one takes, some runs have fewer statements.
    assert kills >= found.times * 0.9
    figures.found(
        15,
        "SIGKILL of a scheduled job before, in or after a statement of its run",
        kills,
        found.total(),
        f"{len(TORTURED)} jobs, {instants} such instants",
    )


def test_two_processes_that_take_the_same_run_from_each_other_do_everything_once(
    worlds: list[JobWorld], figures: Figures
) -> None:
    found = Sum()
    for world in worlds:
        for _ in range(SCALE.job_races):
            expected = world.reset()
            with world.live(again=LOOKS) as first, world.live(again=LOOKS) as second:
                while first.is_running or second.is_running:
                    # Whoever has the lease loses it.
                    world.pass_time()
                first.wait_for_end()
                second.wait_for_end()
            world.settle()
            audit = world.audit(expected)
            assert audit.is_clean, (world.place.job.name, audit)
            found.add(audit)
    figures.found(
        16,
        "Two processes run the same scheduled job, and lose its lease all the time",
        found.times,
        found.total(),
    )


def test_control_a_job_without_what_it_has_told_is_caught_telling_it_twice(
    worlds: list[JobWorld], figures: Figures
) -> None:
    world = worlds[TORTURED.index(MEETING_REMINDERS)]
    caught = []
    for death in deaths_of(world):
        if death.moment is not Moment.AFTER:
            continue
        expected = world.reset()
        with world.live(death) as life:
            assert life.wait_for_death()
        world.owner.execute(FORGET)
        world.settle()
        audit = world.audit(expected)
        assert audit.lost == 0
        if audit.duplicated:
            caught.append(audit.duplicated)
            break
    assert caught
    figures.caught(
        7,
        "a job forgets whom it has told",
        f"one death between a page and its cursor: {caught[0]} events emitted twice",
    )
