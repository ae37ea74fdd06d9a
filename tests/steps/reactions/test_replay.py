"""Replay of events of reactions: the plan, what is tried again, who asked, and dead letters."""

import json
import shlex
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from pipeline.__main__ import main
from pipeline.clients.pubsub.publish import get_publisher
from pipeline.domain.errors import ConfigurationError, NotFound, UsageError
from pipeline.domain.identifiers import EventType
from pipeline.domain.wake_up import WakeUp
from pipeline.ops.reactions.replay import BECAME, replay_reactions
from pipeline.ops.reactions.selection import plan_reactions
from pipeline.ops.replay.follow import read_ends
from pipeline.ops.replay.publication import Replay
from pipeline.ops.replay.selector import Selector
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.claim import ids_of
from tests.reactions.asking import AMARA
from tests.steps.reactions.board import Board, one
from tests.steps.reactions.test_reactions import Falls, Never, NotYet
from tests.steps.reactions.test_routes import route
from tests.streams import SUBSCRIPTION, TOPIC, broker

RUN_AGAIN = "SELECT fanout.replay_reactions(%s, %s, '{}', '{}')"
VERIFIED = {"userId": str(AMARA)}
INVALID = {"userId": "nobody"}


def operator(board: Board) -> DatabaseSettings:
    return DatabaseSettings(dsn=board.database.operator_dsn)


def replay(board: Board, selector: Selector, note: str | None = None) -> Replay:
    return replay_reactions(
        operator(board),
        selector,
        threading.Event(),
        topic=None,
        rate=10_000,
        note=note,
        handlers=board.handlers or REACTION_HANDLERS,
    )


def letter(board: Board, event: UUID, fingerprint: str = "f00d") -> None:
    board.execute(
        "INSERT INTO event_dead_letters"
        " (letter_key, event_type, stage, error_class, message, fingerprint)"
        " VALUES ('events:' || %s, 'user.verified', 'decode', 'InvalidEvent', 'userId: 7', %s)"
        " ON CONFLICT (letter_key) DO UPDATE SET fingerprint = excluded.fingerprint",
        event,
        fingerprint,
    )


def dead(board: Board, *, metadata: object = None) -> UUID:
    """An event that is dead since its payload is invalid."""
    event = board.event("user.verified", INVALID, metadata=metadata)
    board.process(event)
    assert board.state(event)[0] == "dead"
    return event


def repair(board: Board, event: UUID) -> None:
    board.execute(
        "UPDATE reactions.events SET payload = %s WHERE id = %s", json.dumps(VERIFIED), event
    )


def test_a_dead_event_with_null_metadata_is_pending_again_and_its_tries_restart(
    board: Board,
) -> None:
    board.handlers = {**REACTION_HANDLERS, **reaction_handlers([Falls()])}
    event = board.event("test.fails", {})
    for _ in range(5):
        board.process(event)
        board.later(1000)
    assert board.state(event) == ("dead", 5, 5)
    assert one(board.rows("SELECT processed FROM reactions.events")) is True

    done = replay(board, Selector(events=(event,)), note="the handler is fixed")

    assert (done.planned, done.published) == (1, 1)
    assert board.state(event) == ("pending", 5, 0)
    assert board.rows("SELECT processed, metadata FROM reactions.events") == [(False, None)]
    [(who, note, result, selector)] = board.rows(
        "SELECT who, note, result, selector FROM fanout_replays WHERE id = %s", done.id
    )
    assert (who, note, result) == ("test_operator", "the handler is fixed", "published")
    assert selector == {"event": [str(event)], "family": "reactions"}
    # It has five tries again, each with a number of its own.
    for tried in range(1, 5):
        board.process(event)
        assert board.state(event) == ("waiting", 5 + tried, tried)
        board.later(1000)
    board.process(event)
    assert board.state(event) == ("dead", 10, 5)


def test_what_an_event_led_to_is_not_doubled_by_a_replay(board: Board) -> None:
    event = dead(board, metadata={"corr": "c2"})
    repair(board, event)
    replay(board, Selector(events=(event,)))
    board.process()
    tasks = board.tasks()
    assert len(tasks) == 1
    board.execute("UPDATE fanout.reactions SET state = 'dead'")
    replay(board, Selector(events=(event,)))
    board.process()
    assert board.state(event)[0] == "done"
    assert board.tasks() == tasks
    assert board.rows("SELECT processed, metadata FROM reactions.events") == [
        (True, {"corr": "c2"})
    ]


def test_the_plan_says_what_would_be_tried_and_changes_nothing(board: Board) -> None:
    board.handlers = {
        **{name: each for name, each in REACTION_HANDLERS.items() if name != "user.verified"},
        **reaction_handlers([Falls()]),
    }
    unrouted = board.event("user.verified", VERIFIED)
    unknown = board.event("moon.rose", {})
    waits = board.event("test.fails", {})
    board.process()
    board.handlers = None
    event = dead(board)
    done = board.event("user.verified", VERIFIED)
    board.process()
    before = board.rows("SELECT * FROM fanout.reactions ORDER BY sequence")

    settings = operator(board)
    by_type = plan_reactions(settings, Selector(event_type=EventType("user.verified")))
    assert by_type.types == {"user.verified": {"unrouted": 1, "dead": 1}}
    assert by_type.ids == [unrouted, event]
    assert sum(by_type.causes.values()) == 1
    assert plan_reactions(settings, Selector(unrouted=True)).ids == [unrouted]
    assert plan_reactions(settings, Selector(unrouted=True)).no_handler == {"moon.rose": 1}
    assert plan_reactions(settings, Selector(dead_letters=True)).ids == [event]
    named = plan_reactions(settings, Selector(events=(done, event, unknown)))
    assert (named.ids, named.complete) == ([event], {"user.verified": 1})
    # No handler of this version knows its type, so that it would be dead at once.
    assert plan_reactions(settings, Selector(events=(waits,))).no_handler == {"test.fails": 1}
    with pytest.raises(NotFound, match=str(UUID(int=7))):
        plan_reactions(settings, Selector(events=(UUID(int=7),)))
    with pytest.raises(UsageError, match="--missing"):
        plan_reactions(settings, Selector(missing=True))
    assert board.rows("SELECT * FROM fanout.reactions ORDER BY sequence") == before
    assert board.rows("SELECT FROM fanout_replays") == []


def test_dead_events_are_found_by_the_cause_of_their_letters(board: Board) -> None:
    one_cause, other_cause, resolved = (dead(board) for _ in range(3))
    letter(board, one_cause, "aaaa")
    letter(board, other_cause, "bbbb")
    letter(board, resolved, "aaaa")
    board.execute(
        "UPDATE event_dead_letters SET resolved_at = now() WHERE letter_key = 'events:' || %s",
        resolved,
    )
    assert plan_reactions(operator(board), Selector(fingerprint="aaaa")).ids == [one_cause]
    with pytest.raises(NotFound, match="cccc"):
        plan_reactions(operator(board), Selector(fingerprint="cccc"))
    repair(board, one_cause)
    again = replay(board, Selector(fingerprint="aaaa"))
    board.process()
    assert read_states(board, again) == {"completed": 1}
    # Of another replay of the same event, nothing has ended.
    assert read_states(board, Replay(uuid4(), again.ids)) == {}
    assert board.state(other_cause)[0] == board.state(resolved)[0] == "dead"


def read_states(board: Board, done: Replay) -> dict[str, int]:
    ends = read_ends(operator(board), done.id, done.ids, became=BECAME)
    return {state.value: number for state, number in ends.states.items()}


def test_only_an_operator_replays_and_only_with_a_record(board: Board) -> None:
    event = dead(board)
    with pytest.raises(ConfigurationError, match="SQLSTATE 42501"):
        replay_reactions(
            DatabaseSettings(dsn=board.database.viewer_dsn),
            Selector(events=(event,)),
            threading.Event(),
            topic=None,
            rate=1,
        )
    with psycopg.connect(board.database.operator_dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.RaiseException, match="invalid replay"):
            connection.execute(RUN_AGAIN, (uuid4(), [event]))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE fanout.reactions SET state = 'pending'")
    assert board.state(event)[0] == "dead"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:  # noqa: ANN401 - JSON
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


def test_the_commands_plan_apply_and_resolve(
    board: Board, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", board.database.operator_dsn)
    event, other = dead(board), dead(board)
    letter(board, event)
    letter(board, other)

    [group] = run(capsys, "dead-letters", "list", "--json")
    assert (group["open"], group["sample_event_id"]) == (2, None)
    assert group["sample_reaction_id"] in (str(event), str(other))
    shown = run(capsys, "dead-letters", "show", "--event", str(event), "--json")
    assert shown["letter_key"] == f"events:{event}"
    assert (shown["event_state"], json.loads(shown["payload"])) == ("dead", INVALID)
    assert run(
        capsys, *("dead-letters", "resolve", "--event", str(other), "--reason", "a test", "--json")
    ) == {"resolved": 1}

    # Nothing else is on this database, so that dead letters are of reactions.
    plan = run(capsys, "replay", "--dead-letters", "--json")
    assert (plan["planned"], plan["family"]) == (1, "reactions")
    assert plan["types"]["user.verified"]["states"] == {"dead": 1, "unrouted": 0, "waiting": 0}
    assert plan["apply"] == "python -m pipeline replay --dead-letters --apply"
    assert main(["replay", "--event", str(event)]) == 0
    screen = capsys.readouterr().out
    assert "1 event would be tried again" in screen
    assert f"python -m pipeline replay --event {event} --apply" in " ".join(
        screen.replace("\\", "").split()
    )
    repair(board, event)
    words = shlex.split(plan["apply"])[3:]
    assert run(capsys, *words, "--no-wait", "--json")["published"] == 1
    board.process()
    assert board.state(event)[0] == "done"
    assert main(["replay", "--event", str(event), "42"]) == 2
    assert "expected numbers or UUIDs, not both" in capsys.readouterr().err
    # The plan says so, too: its command to apply would not work.
    assert main(["replay", "--event", str(event), "--ignore-age"]) == 2
    assert "invalid --ignore-age" in capsys.readouterr().err


def test_the_graph_is_woken_at_the_topic_that_it_reads(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [dead(board), dead(board)]
    with broker() as made:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", made.emulator.address)
        get_publisher.cache_clear()
        done = replay_reactions(
            operator(board),
            Selector(dead_letters=True),
            threading.Event(),
            topic=TOPIC,
            rate=10_000,
        )
        messages = made.take(SUBSCRIPTION)
        get_publisher().stop()
        get_publisher.cache_clear()
    wake_ups = [WakeUp(None, each) for each in messages]
    assert sorted(ids_of(wake_ups)) == sorted(events)
    assert {each.attributes["replay"] for each in messages} == {str(done.id)}
    # Dataflow drops a message that repeats this.
    assert len({each.attributes["dedup_id"] for each in messages}) == 2


def test_setting_processed_back_is_no_replay(board: Board) -> None:
    board.handlers = {**REACTION_HANDLERS, **reaction_handlers([Never()])}
    event = board.event("test.never", {})
    board.process(event)
    tries = board.rows("SELECT FROM fanout.attempts")
    board.execute("UPDATE reactions.events SET processed = false")
    board.process(event)
    assert board.rows("SELECT FROM fanout.attempts") == tries
    assert board.state(event) == ("dead", 1, 1)


def test_an_event_that_a_route_takes_since_is_replayed_though_its_type_has_no_handler(
    board: Board,
) -> None:
    event = board.event("member.checked", {**VERIFIED, "plan": "pro"})
    other = board.event("member.checked", {**VERIFIED, "plan": "free"})
    board.process()
    assert plan_reactions(operator(board), Selector(unrouted=True)).no_handler.total() == 2
    route(board, "member.checked", "handler:user.verified", condition='{"plan": "pro"}')
    plan = plan_reactions(operator(board), Selector(unrouted=True))
    assert (plan.ids, plan.no_handler) == ([event], {"member.checked": 1})
    replay(board, Selector(unrouted=True))
    board.process()
    assert board.state(event)[0] == "done"
    assert board.state(other)[0] == "unrouted"


def test_an_event_that_waits_for_its_time_is_never_run_before_it(board: Board) -> None:
    board.handlers = {**REACTION_HANDLERS, **reaction_handlers([NotYet()])}
    waits = board.event("test.not_yet", {})
    board.process()
    assert board.state(waits) == ("waiting", 1, 0)
    plan = plan_reactions(operator(board), Selector(events=(waits,)), board.handlers)
    assert (plan.ids, plan.busy) == ([], {"test.not_yet": 1})
    by_type = Selector(event_type=EventType("test.not_yet"))
    assert replay(board, by_type).planned == 0
    assert made_pending(board, waits) == 0
    assert board.state(waits) == ("waiting", 1, 0)


def test_an_event_that_is_done_since_it_was_planned_stays_done(board: Board) -> None:
    event = board.event("user.verified", VERIFIED)
    board.process()
    assert made_pending(board, event) == 0
    assert board.state(event) == ("done", 1, 0)


def made_pending(board: Board, event: UUID) -> int:
    """Have the function of the database make an event pending again; return how many are."""
    board.execute(
        "INSERT INTO fanout_replays (id, selector, planned) VALUES (%s, '{}', 1)", UUID(int=9)
    )
    return int(one(board.rows(RUN_AGAIN, UUID(int=9), [event])))


def test_the_command_waits_until_all_have_ended_and_says_how(
    board: Board, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", board.database.operator_dsn)
    repaired, again = dead(board), dead(board)
    repair(board, repaired)
    stop = threading.Event()

    def graph() -> None:
        while not stop.wait(0.05):
            board.process()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(graph)
        try:
            status = main(["replay", "--dead-letters", "--apply", "--wait", "60s"])
        finally:
            stop.set()
        running.result()
    *_, line, summary = capsys.readouterr().out.splitlines()
    became = json.loads(summary)["became"]
    assert (status, became["completed"], became["dead"], became["unfinished"]) == (1, 1, 1, 0)
    assert became["causes"][0]["events"] == 1
    assert "2 published: 1 completed, 1 dead again" in line
    assert board.state(repaired)[0] == "done"
    letters = board.rows(
        "SELECT letter_key, attempt, resolved_at IS NULL FROM event_dead_letters ORDER BY 3"
    )
    assert letters == [(f"events:{repaired}", 1, False), (f"events:{again}", 2, True)]
