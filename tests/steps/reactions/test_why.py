"""``why`` of an event of reactions: how it stands, its tries, and what came of it."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from fastapi.testclient import TestClient
from rich.console import Console

from pipeline.__main__ import main
from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.errors import ConfigurationError, NotFound
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.reactions.document import reaction_document
from pipeline.ops.reactions.explain import read_reaction
from pipeline.ops.switches.change import pause
from pipeline.ops.switches.names import KNOWN
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.screens.reactions import show_reaction
from pipeline.settings import DatabaseSettings
from service.identity.caller import Scope
from tests.databases import Database, Databases
from tests.docs.markdown import commands, missing
from tests.reactions.asking import AMARA, GRACE, INTRO
from tests.service.api import application
from tests.service.asking import bearer, token
from tests.steps.reactions.board import Board, one
from tests.steps.reactions.test_order import ORDER, Placed
from tests.steps.reactions.test_reactions import Falls, Never, Offers

VERIFIED = {"userId": str(AMARA)}
INQUIRY = {
    "userId": str(AMARA),
    "conversationId": str(GRACE),
    "requestDescription": "a secret wish",
    "urgency": "high",
}


def screen(board: Board, event: UUID) -> str:
    account = read_reaction(DatabaseSettings(dsn=board.database.viewer_dsn), event)
    console = Console(file=StringIO(), width=80, highlight=False)
    show_reaction(console, account)
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    # Nothing of a payload is in either form.
    assert "secret" not in shown + orjson.dumps(reaction_document(account)).decode()
    return " ".join(shown.split())


def document(board: Board, event: UUID) -> dict[str, Any]:
    account = read_reaction(DatabaseSettings(dsn=board.database.operator_dsn), event)
    found: dict[str, Any] = json.loads(orjson.dumps(reaction_document(account)))
    return found


def test_the_event_of_the_document_becomes_what_it_shows(board: Board) -> None:
    shown = list(commands(Path("docs/reactions.md").read_text("utf-8")))
    [insert] = [each for each in shown if "INSERT INTO reactions.events" in each.text]
    [why] = [each for each in shown if " why --event" in each.text and each.shown]
    [[event]] = board.rows(insert.text.partition("\n")[2].removesuffix("SQL"))
    board.process()
    account = read_reaction(DatabaseSettings(dsn=board.database.viewer_dsn), event)
    console = Console(file=StringIO(), width=80, highlight=False)
    show_reaction(console, account)
    assert isinstance(console.file, StringIO)
    [in_document] = insert.shown
    printed = console.file.getvalue().replace(str(event), in_document)
    assert missing(why.shown, printed) is None, printed


def test_it_says_what_came_of_an_event_and_of_what_follows_it(board: Board) -> None:
    event = board.event("user.inquiry.solution_needed", INQUIRY)
    assert "not processed yet" in screen(board, event)
    board.process(event)
    shown = screen(board, event)
    assert f"Event {event} user.inquiry.solution_needed" in shown
    assert "state done " in shown
    assert "try 1 done, " in shown
    assert "task research_solution for solution_saga" in shown
    assert "priority high, pending, due" in shown
    said = document(board, event)
    assert said["next"] is None
    saga, task, follow_up, later = said["came_of_it"]
    assert (saga["kind"], later["what"]) == ("saga", "solution.time_over")
    assert "waits until 2" in later["words"]
    assert "waits until it is due; next try" in screen(board, UUID(later["id"]))
    [(task_id,)] = board.rows("SELECT id FROM reactions.agent_tasks")
    assert (task["kind"], task["id"], task["user_id"]) == ("task", str(task_id), str(AMARA))
    assert follow_up["what"] == "solution.research_initiated"
    assert f"event solution.research_initiated {follow_up['id']}" in shown

    after = document(board, UUID(follow_up["id"]))
    assert after["cause"] == {"id": str(event), "type": "user.inquiry.solution_needed"}
    assert f"cause user.inquiry.solution_needed {event}" in screen(board, UUID(follow_up["id"]))


def test_each_try_is_there_and_what_to_do_when_it_is_dead(board: Board) -> None:
    board.handlers = {**REACTION_HANDLERS, **reaction_handlers([Falls(), Never()])}
    event = board.event("test.fails", {"userId": "secret"})
    board.process(event)
    waits = screen(board, event)
    assert "state waits after 1 try: " in waits
    assert "next try " in waits
    for _ in range(4):
        board.later(1000)
        board.process()
    dead = screen(board, event)
    assert "state dead after 5 tries" in dead
    assert "try 5 dead (" in dead
    assert f"fix the cause, then: python -m pipeline replay --event {event}" in dead
    said = document(board, event)
    assert [each["result"] for each in said["tries"]] == [*["failed"] * 4, "dead"]
    assert said["tries"][0]["code"] == "RuntimeError"
    assert said["state"]["failures"] == 5

    never = board.event("test.never", {})
    board.process(never)
    assert "error GaveUp: it makes no sense" in screen(board, never)


def test_it_says_what_holds_an_event_back(board: Board) -> None:
    unknown = board.event("moon.rose", {})
    settings = DatabaseSettings(dsn=board.database.operator_dsn)
    pause(settings, "user.verified", KNOWN, reason="wrong text")
    held = board.event("user.verified", VERIFIED)
    board.process()
    assert "write a handler for moon.rose (docs/reactions.md)" in screen(board, unknown)
    shown = screen(board, held)
    assert "wrong text" in shown
    assert "python -m pipeline resume user.verified" in shown
    assert document(board, held)["held_by"]["state"] == "paused"
    before = board.event("user.verified", VERIFIED, processed=True)
    assert "processed before this pipeline saw it" in screen(board, before)


def test_an_event_whose_type_has_got_a_handler_since_can_be_replayed(board: Board) -> None:
    board.handlers = reaction_handlers([Never()])
    event = board.event("user.verified", VERIFIED)
    board.process(event)
    assert board.state(event)[0] == "unrouted"
    assert f"user.verified has a handler now: python -m pipeline replay --event {event}" in screen(
        board, event
    )


def test_an_item_that_another_event_made_is_not_one_of_this_event(board: Board) -> None:
    board.handlers = reaction_handlers([Offers()])
    first, second = (board.event("test.offers", {}) for _ in range(2))
    board.process()
    assert "inbox item intro, person" in screen(board, first)
    shown = screen(board, second)
    assert "changed an item of another event, or none" in shown
    assert "message offer, person" in shown
    board.execute("DELETE FROM reactions.message_queue")
    assert "message its row was deleted" in screen(board, second)
    assert board.rows("SELECT item_id FROM reactions.inbox_items") == [(INTRO,)]


def test_an_unknown_event_is_not_found_and_a_deleted_one_says_so(board: Board) -> None:
    with pytest.raises(NotFound, match="00000000-0000-0000-0000-000000000007"):
        read_reaction(DatabaseSettings(dsn=board.database.viewer_dsn), UUID(int=7))
    event = board.event("user.verified", VERIFIED)
    board.process()
    board.execute("DELETE FROM reactions.events")
    assert "reactions.events has it no more" in screen(board, event)


def test_the_command_and_the_service_say_the_same(
    board: Board, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = board.event("user.verified", VERIFIED)
    board.process()
    monkeypatch.setenv("DATABASE_URL", board.database.viewer_dsn)
    assert main(["why", "--event", str(event), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert main(["why", "--event", str(event)]) == 0
    assert "notify_user_of_priorities" in capsys.readouterr().out
    assert main(["why", "--event", str(event), "--user", str(AMARA)]) == 2
    assert main(["why", "--event", str(uuid4())]) == 1
    assert "reactions.events has no event" in capsys.readouterr().err
    secret = token(board.database, "amara", Scope.READ)
    with TestClient(application(board.database), headers=bearer(secret)) as client:
        answer = client.get(f"/v1/reactions/{event}/why")
        assert answer.status_code == 200, answer.text
        assert answer.json() == said
        assert client.get(f"/v1/reactions/{uuid4()}/why").status_code == 404
        assert client.get("/v1/reactions/42/why").status_code == 422


@pytest.fixture
def everything(databases: Databases) -> Iterator[Board]:
    """A database with every family."""
    # The other one makes the login.
    with databases.with_reactions(), databases.migrated() as database:
        migrate(database.dsn, family=Family.REACTIONS)
        yield Board(database)
        close_pools()


def test_beside_all_other_families_numbers_and_uuids_are_told_apart(
    everything: Board, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    board = everything
    event = board.event("user.verified", VERIFIED)
    board.process()
    assert "task notify_user_of_priorities" in screen(board, event)
    [(number,)] = board.rows(
        "INSERT INTO public.domain_events (event_type, payload) VALUES ('moon_rose', '{}')"
        " RETURNING id"
    )
    monkeypatch.setenv("DATABASE_URL", board.database.operator_dsn)
    assert main(["why", "--event", str(number), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["event"]["type"] == "moon_rose"
    with pytest.raises(SystemExit):
        main(["why", "--event", "moon"])
    assert "invalid event id 'moon': expected a number" in capsys.readouterr().err


def test_without_the_family_it_says_how_to_get_it(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="migrate --family reactions"):
        read_reaction(DatabaseSettings(dsn=database.operator_dsn), uuid4())


def test_an_event_that_waits_for_an_earlier_one_says_for_which(board: Board) -> None:
    board.handlers = reaction_handlers([Placed()])
    first, second = (
        one(
            board.rows(
                "INSERT INTO reactions.events (event_type, aggregate_type, aggregate_id, payload)"
                " VALUES ('order.placed', 'order', %s, %s) RETURNING id",
                ORDER,
                payload,
            )
        )
        for payload in ('{"fails": true}', "{}")
    )
    board.process()
    assert document(board, second)["waits_for"] == str(first)
    assert f"waits for event {first}" in screen(board, second)
    assert document(board, first)["waits_for"] is None
