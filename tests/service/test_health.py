"""``/health``: the shape of the event processor before us, with counts of the ledger."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from pipeline.domain.identifiers import EventType
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.outcome import ReactionOutcome
from service.identity.caller import Scope
from tests.deadline import wait_until
from tests.service.asking import bearer, token
from tests.service.reactions import ReactionApi, served

FIVE_TRIES: Final = 5
STRANGER: Final = {"Authorization": ""}


class NoFields(CamelPayload):
    """A payload without fields."""


class Collapses(ReactionHandler[NoFields]):
    """Always fails."""

    event_type = EventType("test.collapses")
    payload = NoFields

    def react(self, event: ReactionEvent[NoFields], answers: Answers) -> ReactionOutcome:
        """Fail."""
        raise RuntimeError("always")


def counts(reaction_api: ReactionApi) -> dict[str, int]:
    stats = reaction_api.stats()
    return {name: stats[name] for name in stats if name.endswith(("Count", "Processed"))}


def test_it_has_the_shape_of_before_and_what_is_true_now(reaction_api: ReactionApi) -> None:
    found = reaction_api.client.get("/health").json()
    assert list(found) == [
        *("status", "service", "version", "timestamp", "uptime", "stats", "config", "registry")
    ]
    assert (found["status"], found["service"]) == ("healthy", "event-processor")
    assert found["timestamp"].endswith("Z")
    assert datetime.fromisoformat(found["timestamp"]).utcoffset() == timedelta(0)
    assert isinstance(found["uptime"], int)
    source = found["config"].pop("eventSource")
    assert source.startswith("change data capture: ")
    assert found["config"] == {
        "pollIntervalMs": None,
        "batchSize": 500,
        "maxRetries": FIVE_TRIES,
        "pollingEnabled": False,
    }
    assert found["registry"] == {
        "totalHandlers": len(REACTION_HANDLERS),
        "eventTypes": sorted(REACTION_HANDLERS),
    }


def test_it_counts_what_the_ledger_has(reaction_api: ReactionApi) -> None:
    board = reaction_api.board
    board.handlers = {Collapses.event_type: Collapses()}
    assert reaction_api.stats()["lastProcessedAt"] is None
    board.event("nobody.knows_this", {})
    board.process()
    unknown = {"totalProcessed": 1, "successCount": 0, "errorCount": 0, "deadLetterCount": 0}
    assert counts(reaction_api) == unknown
    board.event(Collapses.event_type, {})
    for _ in range(FIVE_TRIES + 1):
        board.process()
        board.later(3600)
    dead = {"totalProcessed": 6, "successCount": 0, "errorCount": 5, "deadLetterCount": 1}
    assert counts(reaction_api) == dead
    stats = reaction_api.stats()
    last, counted = (
        datetime.fromisoformat(stats[each]) for each in ("lastProcessedAt", "countedAt")
    )
    assert last <= counted


def test_a_stranger_and_who_may_only_operate_see_no_counts(reaction_api: ReactionApi) -> None:
    operator = bearer(token(reaction_api.board.database, "operates", Scope.OPERATE))
    for headers in (STRANGER, operator):
        answer = reaction_api.client.get("/health", headers=headers)
        assert (answer.status_code, answer.json()["stats"]) == (200, None)
        assert answer.json()["registry"]["totalHandlers"] > 0
    # Control: who may read sees them.
    assert reaction_api.client.get("/health").json()["stats"] is not None


@pytest.mark.parametrize("path", ["/health", "/ready", "/ready/database"])
def test_a_probe_may_ask_with_head(reaction_api: ReactionApi, path: str) -> None:
    answer = reaction_api.client.head(path, headers=STRANGER)
    asked = reaction_api.client.get(path, headers=STRANGER)
    assert (answer.status_code, answer.content) == (asked.status_code, b"")
    assert answer.status_code != 405


def test_what_cannot_be_counted_in_time_makes_it_neither_red_nor_slow(
    reaction_api: ReactionApi,
) -> None:
    """Control: as soon as it can be counted again, it is."""

    def stats(client: TestClient) -> Any:  # noqa: ANN401 - JSON
        answer = client.get("/health")
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content)["stats"]

    with served(reaction_api.board.database, dict(reaction_api.client.headers)) as client:
        with reaction_api.board.database.connect() as other, other.transaction():
            other.execute("LOCK TABLE fanout.attempts")
            assert stats(client) is None
        wait_until(
            lambda: stats(client) is not None, seconds=60, what="the events are counted again"
        )
