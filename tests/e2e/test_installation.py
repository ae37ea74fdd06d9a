"""Without a part of the installation no event arrives, and ``/ready`` of the service says so."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from local import topics
from pipeline.ops.tokens.change import create_token
from pipeline.settings import DatabaseSettings
from service.identity.caller import Scope
from tests.deadline import wait_until
from tests.e2e.installation import Installation
from tests.service.asking import bearer
from tests.service.serving import Served, serving

pytestmark = pytest.mark.e2e
# The promise is 15 s; bench/probes.py measures it. This holds on a machine three times slower.
TURN_SECONDS: Final = 45.0


def test_an_inserted_event_becomes_a_notification(installation: Installation) -> None:
    installation.wait_for(installation.insert())


def test_without_debezium_nothing_arrives_until_it_is_back(installation: Installation) -> None:
    installation.wait_for(installation.insert())
    debezium = installation.stack.debezium
    assert debezium is not None
    debezium.stop()
    event = installation.insert()
    assert installation.stays_away(event)
    debezium.start()
    installation.wait_for(event)


def test_without_pubsub_nothing_arrives_until_it_is_back(installation: Installation) -> None:
    installation.wait_for(installation.insert())
    debezium = installation.stack.debezium
    assert debezium is not None
    installation.emulator.stop()
    event = installation.insert()
    assert installation.stays_away(event)
    debezium.kill()
    installation.worker.stop()
    topics.create(installation.emulator.start())
    debezium.start()
    installation.worker.start()
    installation.wait_for(event)


def test_without_the_pipeline_nothing_arrives_until_it_is_back(
    installation: Installation,
) -> None:
    installation.worker.stop()
    event = installation.insert()
    assert installation.stays_away(event)
    installation.worker.start()
    installation.wait_for(event)


def reasons(served: Served, secret: str) -> set[str]:
    """Return the parts that are not ready."""
    body = served.client.get("/ready", headers=bearer(secret)).json()
    # Who asks is unknown while the database is away: then the log says why.
    return set(body.get("reasons") or (() if body["status"] == "ready" else {"unknown"}))


def turns(served: Served, secret: str, *parts: str) -> None:
    """Wait until exactly these parts are not ready."""
    wait_until(
        lambda: reasons(served, secret) == set(parts),
        seconds=TURN_SECONDS,
        what=f"{' and '.join(parts) or 'nothing'} is not ready",
    )


def up(served: Served, secret: str) -> bool | None:
    """Return whether a scraper is told that the database answers; None if it got an error."""
    answer = served.client.get("/metrics", headers=bearer(secret))
    return "\nfanout_up 1.0\n" in answer.text if answer.status_code == 200 else None


def test_ready_turns_when_a_part_is_gone_and_again_when_it_is_back(
    installation: Installation, tmp_path: Path
) -> None:
    """The last test of this file: it stops the database under the connection of the others."""
    urls = installation.stack.environment()
    owner = DatabaseSettings(dsn=urls["DATABASE_URL"])
    secret = create_token(owner, "probe", [Scope.READ]).token
    postgres, debezium = installation.stack.postgres, installation.stack.debezium
    assert debezium is not None
    with serving(urls["VIEWER_DATABASE_URL"], tmp_path / "log", "--graph", "fanout") as served:
        wait = partial(turns, served, secret)
        wait()
        os.kill(installation.worker.pid, signal.SIGKILL)
        installation.worker.stop()
        # A graph is missed after some seconds; a Debezium that is killed is missed at once.
        debezium.kill()
        wait("slot")
        debezium.start()
        wait("graphs")
        installation.worker.start()
        wait()

        assert up(served, secret)
        postgres.stop()
        # Whoever asks is not known any more before the service has looked itself.
        wait_until(
            lambda: reasons(served, secret) and "not ready: database" in served.log.read_text(),
            seconds=TURN_SECONDS,
            what="it is not ready, and the log says why",
        )
        told: list[bool | None] = []

        def is_told() -> bool:
            told.append(up(served, secret))
            return told[-1] is False

        wait_until(is_told, seconds=TURN_SECONDS, what="a scraper is told")
        # Never by an error.
        assert None not in told
        postgres.start()
        debezium.kill()
        debezium.start()
        wait()
        wait_until(lambda: up(served, secret), seconds=TURN_SECONDS, what="a scraper is told")
