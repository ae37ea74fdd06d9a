"""How events of reactions stand, in status, doctor and the switches."""

from io import StringIO

import pytest
from rich.console import Console

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.identifiers import EventType
from pipeline.ops.doctor.check import Check, Finding, Severity
from pipeline.ops.doctor.checks.reactions import judge_reactions, judge_set_back, judge_unrouted
from pipeline.ops.doctor.examine import Examined, examine
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.reactions.figures import MOST_TYPES, ReactionFigures
from pipeline.ops.reactions.selection import plan_reactions
from pipeline.ops.replay.selector import Selector
from pipeline.ops.status.figures import StatusFigures
from pipeline.ops.status.read import read_status
from pipeline.ops.switches.change import pause, resume
from pipeline.ops.switches.names import KNOWN
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.screens import doctor as doctor_screen
from pipeline.screens.replay import show_reaction_plan
from pipeline.screens.status import render
from pipeline.screens.switches import paused_lines, resumed_lines
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.claim import ReactionClaims
from tests.databases import Database
from tests.reactions.asking import AMARA
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_reactions import Falls

VERIFIED = {"userId": str(AMARA)}


def status_of(board: Board) -> StatusFigures:
    return read_status(DatabaseSettings(dsn=board.database.viewer_dsn))


def figures_of(board: Board) -> ReactionFigures:
    found = status_of(board).reactions
    assert found is not None
    return found


def screen(status: StatusFigures) -> str:
    shown = StringIO()
    Console(file=shown, width=200).print(render(status))
    return shown.getvalue()


def doctor(board: Board) -> dict[str, Finding]:
    settings = DatabaseSettings(dsn=board.database.operator_dsn)
    with Installation(database=settings) as installation:
        return {
            each.check.name: each.finding
            for each in examine(installation)
            if each.finding is not None
        }


def test_each_event_is_counted_where_it_stands(board: Board) -> None:
    board.handlers = {
        **REACTION_HANDLERS,
        **reaction_handlers([Falls()]),
    }
    board.event("moon.rose", {})
    board.event("moon.rose", {})
    board.event("user.verified", VERIFIED)
    dead = board.event("user.verified", {})
    failing = board.event("test.fails", {})
    board.process()
    assert board.state(dead)[0] == "dead"
    assert board.state(failing) == ("waiting", 1, 1)
    pause(operator(board), "user.verified", KNOWN)
    held = board.event("user.verified", VERIFIED)
    board.process(held)
    board.event("user.verified", VERIFIED)

    seen = figures_of(board)

    assert (seen.waiting, seen.unseen, seen.due, seen.retried) == (2, 1, 1, 1)
    assert (seen.paused, seen.unrouted, seen.dead) == (1, 2, 1)
    assert (seen.done_last_hour, seen.dead_last_hour, seen.stuck) == (1, 1, 0)
    assert seen.unrouted_types == {"moon.rose": 2}
    assert seen.p50_seconds is not None
    status = status_of(board)
    assert status.switches is not None
    assert status.switches["user.verified"].waiting == 1
    shown = screen(status)
    assert "without the fan-out" in shown
    assert "1 due" in shown
    assert "1 for later, 1 tried again, 1 paused" in shown
    assert "2 without a handler, of 1 type" in shown


def operator(board: Board) -> DatabaseSettings:
    return DatabaseSettings(dsn=board.database.operator_dsn)


def test_what_nobody_takes_is_a_fault_even_if_no_graph_ever_ran(board: Board) -> None:
    event = board.event("user.verified", VERIFIED)
    assert doctor(board)["reactions"].severity is Severity.OK
    board.execute(
        "UPDATE reactions.events SET created_at = now() - interval '10 minutes' WHERE id = %s",
        event,
    )
    finding = doctor(board)["reactions"]
    assert finding.severity is Severity.FAILED
    assert finding.fix == ("start it, or see its log: python -m pipeline run --graph reactions")
    assert "nobody takes them" in screen(status_of(board))
    board.process(event)
    assert doctor(board)["reactions"].severity is Severity.OK


def test_what_a_killed_worker_had_is_due_when_its_lease_ends(board: Board) -> None:
    board.event("user.verified", VERIFIED)
    assert len(ReactionClaims(board.reactor()).claim()) == 1
    assert (figures_of(board).waiting, figures_of(board).due) == (1, 0)
    board.later(60)
    assert (figures_of(board).due, figures_of(board).stuck) == (1, 0)
    board.later(600)
    assert figures_of(board).stuck == 1
    assert "nobody takes them" in screen(status_of(board))


def test_doctor_names_types_without_a_handler_with_their_numbers(board: Board) -> None:
    for event_type in ("moon.rose", "sun.set", "moon.rose"):
        board.event(event_type, {})
    board.process()
    found = doctor(board)
    assert found["reaction types"].seen == "3 events without a handler: moon.rose (2), sun.set (1)"
    assert found["reaction types"].fix is not None
    assert "replay --family reactions --unrouted" in found["reaction types"].fix
    assert [
        (name, each.seen)
        for name, each in found.items()
        # The database has no slot, and doctor says what that means.
        if each.severity is not Severity.OK and name not in {"reaction types", "slot"}
    ] == []


def test_a_type_that_is_hard_to_see_is_named_as_a_literal_on_one_line(board: Board) -> None:
    for event_type in ("", "user.verified ", "sun\n✓ all is well", "moon.rose"):
        board.event(event_type, {})
    board.process()
    assert doctor(board)["reaction types"].seen == (
        "4 events without a handler: '' (1), moon.rose (1), 'sun\\n✓ all is well' (1),"
        " 'user.verified ' (1)"
    )


def test_of_many_types_without_a_handler_some_are_named_and_all_are_counted(board: Board) -> None:
    for number in range(MOST_TYPES + 1):
        board.event(f"moon.rose_{number:02}", {})
    board.process()
    assert "21 without a handler, of 21 types, each kept for 180 days: see doctor" in screen(
        status_of(board)
    )
    seen = doctor(board)["reaction types"].seen
    assert seen.startswith("21 events without a handler: moon.rose_00 (1), ")
    assert seen.endswith("moon.rose_19 (1) and others")


def test_a_type_that_a_terminal_would_obey_is_escaped_in_doctor_and_in_plans(
    board: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    board.event("sun\x1b[31m.set", {})
    board.process()
    found = doctor(board)["reaction types"]
    assert "\x1b" not in found.seen
    check = Check("reaction types", "fanout.reactions", lambda _: found)
    shown = StringIO()
    Console(file=shown, width=200).print(doctor_screen.render([Examined(check, found)]))
    show_reaction_plan(plan_reactions(operator(board), Selector(unrouted=True)), [])
    for text in (shown.getvalue(), capsys.readouterr().out):
        assert "\x1b" not in text
        assert "sun\\x1b[31m.set" in text


def test_doctor_misses_a_right_of_each_role_that_reactions_have(board: Board) -> None:
    board.execute(
        "REVOKE UPDATE (status) ON reactions.inbox_items FROM fanout_jobs, fanout_reactions"
    )
    findings = doctor(board)
    for check in ("jobs rights", "reactions rights"):
        assert findings[check].severity is Severity.FAILED
        assert "reactions.inbox_items" in findings[check].seen


def test_setting_processed_back_runs_nothing_and_doctor_says_what_does(board: Board) -> None:
    done = board.event("user.verified", VERIFIED)
    board.process(done)
    assert doctor(board)["set back"].severity is Severity.OK
    board.execute("UPDATE reactions.events SET processed = false")
    assert board.process() == 0
    finding = doctor(board)["set back"]
    assert finding.severity is Severity.WARNING
    assert finding.fix is not None
    assert f"python -m pipeline replay --event {done}" in finding.fix


def test_a_late_event_is_a_warning_before_it_is_a_fault() -> None:
    def figures(oldest: float, stuck: int) -> ReactionFigures:
        return ReactionFigures(
            waiting=3, unseen=0, due=3, oldest_seconds=oldest, stuck=stuck, retried=0, paused=0,
            unrouted=0, dead=0, done_last_hour=0, dead_last_hour=0, p50_seconds=None,
            unrouted_types={}, unrouted_kinds=0,
        )  # fmt: skip

    severities = [judge_reactions(figures(*each)).severity for each in ((1, 0), (61, 0), (301, 3))]
    assert severities == [Severity.OK, Severity.WARNING, Severity.FAILED]
    assert judge_unrouted(None).severity is judge_set_back(None).severity is Severity.OK


def test_a_dotted_type_is_paused_and_goes_on_by_itself(board: Board) -> None:
    settings = operator(board)
    paused = pause(settings, "user.verified", KNOWN, reason="wrong text")
    event = board.event("user.verified", VERIFIED)
    board.process(event)
    assert board.state(event)[0] == "paused"
    again = pause(settings, "user.verified", KNOWN)
    assert again.waiting == 1
    assert "1 event waits" in paused_lines(again)
    resumed = resume(settings, "user.verified", KNOWN)
    assert "1 event waits, the graph goes on" in resumed_lines(resumed)
    assert (paused.waiting, resumed.was) == (0, "paused")
    assert board.process() == 1
    assert board.state(event)[0] == "done"


def test_without_the_family_its_types_cannot_be_paused(database: Database) -> None:
    settings = DatabaseSettings(dsn=database.operator_dsn)
    with pytest.raises(ConfigurationError, match="--family reactions"):
        pause(settings, str(EventType("user.verified")), KNOWN)
    assert read_status(settings).reactions is None
