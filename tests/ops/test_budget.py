"""What a setting would have done to the pushes of the ledger, for operators and viewers."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.ops.budget.simulate import (
    SimulatedBudget,
    TriedSetting,
    quiet_hours_of,
    simulate_budget,
)
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.push.simulate import PushFigures
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.golden.stage import Stage
from tests.golden.world import U1, U2
from tests.steps.push.desk import PushDesk, open_desk

WEEK = timedelta(days=7)


@pytest.fixture
def desk(stage: Stage) -> Iterator[PushDesk]:
    """Two people with a phone; one got a push too many."""
    with open_desk(stage) as desk:
        desk.execute("UPDATE fanout.disturbance SET per_hour = 2")
        desk.device("a", U1)
        desk.device("b", U2)
        for _ in range(3):
            desk.notify(U1)
        desk.notify(U2)
        desk.run()
        yield desk


def simulate(desk: PushDesk, setting: TriedSetting = TriedSetting()) -> SimulatedBudget:  # noqa: B008
    database = desk.stage.database
    [found, same] = [
        simulate_budget(DatabaseSettings(dsn=dsn), WEEK, setting)
        for dsn in (database.operator_dsn, database.viewer_dsn)
    ]
    assert found == same
    return found


AS_IT_WAS = PushFigures(sent=3, held=0, over_budget=1, expired=0, people=1)


def test_the_setting_of_now_would_have_done_what_was_done(desk: PushDesk) -> None:
    assert simulate(desk) == SimulatedBudget(
        pushes=4, recipients=2, was=AS_IT_WAS, would_be=AS_IT_WAS
    )


@pytest.mark.parametrize(
    ("setting", "sent", "over"),
    [
        (TriedSetting(per_hour=3), 4, 0),
        (TriedSetting(per_hour=1), 2, 2),
        (TriedSetting(per_day=0), 0, 4),
    ],
)
def test_another_budget_would_have_sent_more_or_less(
    desk: PushDesk, setting: TriedSetting, sent: int, over: int
) -> None:
    found = simulate(desk, setting)
    assert found.was == AS_IT_WAS
    assert (found.would_be.sent, found.would_be.over_budget) == (sent, over)


def test_quiet_hours_would_have_held_what_came_in_them(desk: PushDesk) -> None:
    [(hour,)] = desk.rows("SELECT extract(hour FROM now() AT TIME ZONE 'America/Los_Angeles')::int")
    quiet = ((hour - 1) % 24, (hour + 2) % 24)
    assert simulate(desk, TriedSetting(quiet=quiet)).would_be.held == 4
    # Who has hours and a budget of their own keeps them.
    desk.execute(
        "CREATE OR REPLACE VIEW fanout.person_disturbance AS SELECT id AS user_id,"
        " '00:00'::time AS quiet_from, '00:00'::time AS quiet_until, 9 AS per_hour,"
        " NULL::int AS per_day FROM profiles"
    )
    found = simulate(desk, TriedSetting(quiet=quiet, per_hour=0)).would_be
    assert (found.held, found.sent) == (0, 4)


def test_what_went_to_the_bus_or_happened_before_is_not_counted(desk: PushDesk) -> None:
    desk.bus.connected[U2] = 1
    desk.notify(U2)
    desk.run()
    assert simulate(desk).pushes == 4
    desk.execute("UPDATE fanout.attempts SET finished_at = finished_at - interval '8 days'")
    assert simulate(desk).pushes == 0


def test_a_database_without_push_says_how_to_get_it(empty_database: Database) -> None:
    migrate(empty_database.dsn, family=Family.KERNEL)
    with pytest.raises(ConfigurationError, match="migrate --family push"):
        simulate_budget(DatabaseSettings(dsn=empty_database.dsn), WEEK, TriedSetting())


@pytest.mark.parametrize("text", ["22", "22-", "-08", "22-24", "a-b", "22-08-09", "²-3"])
def test_what_are_no_quiet_hours_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="invalid quiet hours"):
        quiet_hours_of(text)


def test_quiet_hours_are_two_hours_of_the_day() -> None:
    assert quiet_hours_of("22-08") == (22, 8)


def test_a_budget_below_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="invalid per-hour '-1': expected 0 or more"):
        TriedSetting(per_hour=-1)
