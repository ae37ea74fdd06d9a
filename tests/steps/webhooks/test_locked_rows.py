"""A worker waits for no row that another one has, and changes none of it."""

from typing import Final

import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from tests.clients.webhooks.receiver import Receiver
from tests.steps.webhooks.desk import WebhookDesk

PREFIX: Final = "push:webhook:"


@pytest.mark.parametrize(
    ("statement", "state", "changed"),
    [
        ("pause_webhooks", "pending", "paused"),
        ("release_webhooks", "paused", "pending"),
        ("release_one_webhook", "paused", "pending"),
    ],
)
def test_what_another_worker_has_is_neither_paused_nor_released(
    desk: WebhookDesk, receiver: Receiver, statement: str, state: str, changed: str
) -> None:
    endpoint = desk.add(receiver).id
    desk.queue(endpoint, 1)
    desk.execute("UPDATE fanout.deliveries SET state = %s", state)
    if changed == "paused":
        desk.execute(
            "INSERT INTO fanout.switches (name, state) VALUES (%s, 'paused')", f"{PREFIX}{endpoint}"
        )
    parameters = {"prefix": PREFIX, "most": 10, "recipient": str(endpoint)}
    with (
        psycopg.connect(desk.stage.database.dsn) as other,
        psycopg.connect(desk.stage.database.push_dsn, autocommit=True) as ours,
    ):
        ours.execute("SET lock_timeout = '2s'")
        other.execute("SELECT FROM fanout.deliveries FOR UPDATE")
        assert ours.execute(load("pipeline.steps.webhooks", statement), parameters).rowcount == 0
        other.rollback()
        # Control: what nobody has is changed.
        assert ours.execute(load("pipeline.steps.webhooks", statement), parameters).rowcount == 1
    assert [each for each, *_ in desk.states()] == [changed]
