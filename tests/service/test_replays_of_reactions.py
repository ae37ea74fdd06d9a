"""``/v1/replays`` of events with UUIDs: what the command does, with the same rights and answers."""

import threading
from typing import Any, Final
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from pipeline.domain.errors import UsageError
from pipeline.domain.graph import Graph
from pipeline.domain.wake_up import WakeUp
from pipeline.ops.reactions.replay import try_again
from pipeline.ops.reactions.selection import plan_reactions
from pipeline.ops.replay.applying import apply_plan, claim_plan
from pipeline.ops.replay.limits import PlanLimits
from pipeline.ops.replay.publication import Order, Replay
from pipeline.ops.replay.selector import Selector
from pipeline.ops.report import Report
from pipeline.settings import DatabaseSettings
from pipeline.sinks.graph_topic import note_topic
from pipeline.steps.reactions.claim import ids_of
from service.identity.caller import Scope
from tests.deadline import wait_until
from tests.service.api import OPERATOR, command
from tests.service.asking import bearer, token
from tests.service.reactions import ReactionApi, served
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_replay import dead, repair
from tests.steps.reactions.test_unrouted import unrouted
from tests.streams import TOPIC

UNHEARD_OF: Final = "5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10"


def planned(api: ReactionApi, **selection: object) -> dict[str, Any]:
    answer = api.post("/v1/replays", selection)
    assert answer.status_code == 201, answer.text
    plan: dict[str, Any] = answer.json()
    return plan


def shown(client: TestClient, plan: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/v1/replays/{plan['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def applied(client: TestClient, plan: dict[str, Any], **how: object) -> dict[str, Any]:
    answer = client.post(plan["apply"], json=how)
    assert answer.status_code == 202, answer.text
    wait_until(
        lambda: shown(client, plan)["state"] == "published", seconds=60, what="it is published"
    )
    return shown(client, plan)


def words(answer: Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    message: str = answer.json()["message"]
    return message


def test_a_plan_of_uuids_says_what_the_command_says_and_its_application_does_it(
    reaction_api: ReactionApi,
) -> None:
    board = reaction_api.board
    first, second = dead(board), dead(board)
    plan = planned(reaction_api, event=[str(first), str(second)])
    said = command(board.database, "replay", "--event", str(first), str(second))
    assert plan["plan"] == {name: said[name] for name in ("family", "types", "causes")}
    assert (plan["planned"], plan["state"], plan["planned_by"]) == (2, "planned", OPERATOR)
    assert plan["selector"] == {"event": [str(first), str(second)], "family": "reactions"}
    assert board.state(first)[0] == "dead"
    assert reaction_api.published() == []

    repair(board, first)
    done = applied(reaction_api.client, plan, note="the payload is fixed")

    assert (done["published"], done["applied_by"], done["note"]) == (
        *(2, OPERATOR, "the payload is fixed"),
    )
    assert board.state(first) == ("pending", 1, 0)
    [(note, selector, result)] = board.rows("SELECT note, selector, result FROM fanout_replays")
    assert (note, selector["family"], result) == (
        *(f"{OPERATOR}: the payload is fixed", "reactions", "published"),
    )
    woken = [WakeUp.of(each) for each in reaction_api.published()]
    assert set(ids_of(woken)) == {first, second}
    assert board.process() == 2
    became = shown(reaction_api.client, plan)["became"]
    assert (became["completed"], became["dead"], became["unfinished"]) == (1, 1, 0)
    assert [each["events"] for each in became["causes"]] == [1]
    assert len(board.tasks()) == 1
    # What has been done cannot be applied again, and the list has it once.
    assert "make another plan" in words(
        reaction_api.post(f"/v1/replays/{plan['id']}/apply", {}), 409
    )
    listed = reaction_api.client.get("/v1/replays").json()["items"]
    assert [each["id"] for each in listed if each["state"] == "published"] == [plan["id"]]


def test_types_causes_and_parked_events_are_selected_as_by_the_command(
    reaction_api: ReactionApi,
) -> None:
    board = reaction_api.board
    event = dead(board)
    unrouted(board, "moon.rose", {})
    [(fingerprint,)] = board.rows("SELECT fingerprint FROM event_dead_letters")
    for selection in (
        {"type": "user.verified"},
        {"fingerprint": fingerprint},
        {"dead_letters": True},
        {"dead_letters": True, "family": "reactions"},
        {"since": "2020-01-01T00:00:00Z", "family": "reactions"},
    ):
        plan = planned(reaction_api, **selection)
        assert plan["plan"]["types"]["user.verified"]["states"]["dead"] == 1
        assert plan["planned"] == 1
    parked = planned(reaction_api, unrouted=True)
    assert (parked["planned"], parked["apply"]) == (0, None)
    assert parked["plan"]["types"]["moon.rose"]["no_handler"] == 1
    assert board.state(event)[0] == "dead"


def test_without_a_topic_the_graph_finds_the_events_by_itself(reaction_api: ReactionApi) -> None:
    board = reaction_api.board
    event = dead(board)
    plan = planned(reaction_api, event=[str(event)])
    with served(board.database, dict(reaction_api.client.headers), topic=None) as client:
        applied(client, plan)
    assert board.state(event) == ("pending", 1, 0)
    assert reaction_api.published() == []


def test_a_service_with_the_topic_of_another_graph_wakes_nobody(reaction_api: ReactionApi) -> None:
    board = reaction_api.board
    event = dead(board)
    plan = planned(reaction_api, event=[str(event)])
    reactor = board.reactor().database
    note_topic(reactor, Graph.REACTIONS, "projects/p/topics/other")
    for path, body in ((plan["apply"], {}), ("/process-batch", None)):
        refused = reaction_api.post(path, body)
        assert "invalid --reaction-topic" in refused.text
        assert "expected projects/p/topics/other" in refused.text
    assert shown(reaction_api.client, plan)["state"] == "planned"
    assert board.state(event)[0] == "dead"
    assert reaction_api.published() == []
    # Control: with the topic that the graph reads it is applied.
    note_topic(reactor, Graph.REACTIONS, TOPIC)
    applied(reaction_api.client, plan)
    assert len(reaction_api.published()) == 1


def test_an_event_that_is_unknown_is_not_found_and_a_viewer_plans_nothing(
    reaction_api: ReactionApi,
) -> None:
    assert UNHEARD_OF in words(reaction_api.post("/v1/replays", {"event": [UNHEARD_OF]}), 404)
    reader = bearer(token(reaction_api.board.database, "reader", Scope.READ))
    refused = reaction_api.client.post("/v1/replays", json={"event": [UNHEARD_OF]}, headers=reader)
    assert refused.status_code == 403
    plan = planned(reaction_api, event=[str(dead(reaction_api.board))])
    denied = reaction_api.client.post(plan["apply"], json={}, headers=reader)
    assert denied.status_code == 403
    assert shown(reaction_api.client, plan)["state"] == "planned"


def test_a_plan_of_reactions_has_its_limit_too(reaction_api: ReactionApi) -> None:
    board = reaction_api.board
    database, ids = DatabaseSettings(dsn=board.database.operator_dsn), (dead(board), dead(board))
    limits = [PlanLimits.of(most, 60) for most in (2, 1)]
    assert len(plan_reactions(database, Selector(events=ids), limits=limits[0]).ids) == 2
    with pytest.raises(UsageError, match="selects more than 1 events"):
        plan_reactions(database, Selector(events=ids), limits=limits[1])


def test_a_replay_that_stops_goes_on_where_it_was(reaction_api: ReactionApi) -> None:
    board: Board = reaction_api.board
    ids: list[UUID] = [dead(board) for _ in range(3)]
    plan = planned(reaction_api, event=[str(each) for each in ids])
    settings = DatabaseSettings(dsn=board.database.operator_dsn)

    def claimed(rate: float = 1) -> Any:  # noqa: ANN401 - a plan
        return claim_plan(
            settings, UUID(plan["id"]), topic=None, reaction_topic=None, rate=rate, note=None,
            applied_by="ida",
        )  # fmt: skip

    stop = threading.Event()

    def stops_after_one(
        database: DatabaseSettings,
        order: Order,
        replay: Replay,
        stop: threading.Event,
        *,
        report: Report,
    ) -> None:
        def told(done: int, total: int) -> None:
            report(done, total)
            if done:
                stop.set()

        try_again(database, order, replay, stop, report=told)

    apply_plan(settings, claimed(), stop, stops_after_one)
    half = shown(reaction_api.client, plan)
    assert (half["state"], half["published"]) == ("stopped", 1)
    assert [board.state(each)[0] for each in ids] == ["pending", "dead", "dead"]
    # Whoever changed meanwhile stays as it is; the others follow.
    board.process()
    apply_plan(settings, claimed(1_000), threading.Event(), try_again)
    whole = shown(reaction_api.client, plan)
    assert (whole["state"], whole["published"]) == ("published", 3)
    assert [board.state(each) for each in ids] == [
        *(("dead", 2, 1), ("pending", 1, 0), ("pending", 1, 0)),
    ]
