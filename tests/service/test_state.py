"""``/v1/status``, ``/v1/doctor`` and ``/v1/catalogue``: what the commands print as JSON."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pipeline.fanout.handlers import HANDLERS
from pipeline.ops.doctor.check import Check, Finding, ok
from pipeline.ops.doctor.examine import examine
from pipeline.ops.doctor.installation import Installation
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.settings import DatabaseSettings
from service.routes.state import SECONDS
from service.turns import AT_ONCE
from tests.service.api import Api, command, upload

SCHEMAS: Final = Path(__file__).parents[2] / "docs" / "events"


def without_clock(document: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a document without what differs from one second to the next."""
    if isinstance(document, list):
        return [without_clock(each) for each in document]
    if not isinstance(document, dict):
        return document
    return {
        name: value if "seconds" in name and value is None else without_clock(value)
        for name, value in document.items()
        if not (name == "taken_at" or "bytes" in name)
        and not ("seconds" in name and value is not None)
    }


def test_status_is_what_the_command_prints(api: Api) -> None:
    upload(api.stage, 1)
    api.stage.deliver()
    upload(api.stage)
    answer = api.get("/v1/status")
    assert without_clock(answer) == without_clock(
        command(api.stage.database, "status", dsn=api.stage.database.viewer_dsn)
    )
    assert (answer["dead_letters"]["open"], answer["queues"]["events"]["waiting"]) == (1, 1)


def test_doctor_is_what_the_command_prints(api: Api) -> None:
    answer = api.get("/v1/doctor")
    with_seconds = {"heartbeat"}
    # The command's exit status says that checks failed, so it prints nothing to standard error.
    said = command(api.stage.database, "doctor", dsn=api.stage.database.viewer_dsn)
    assert answer["ok"] == said["ok"]
    for ours, theirs in zip(answer["checks"], said["checks"], strict=True):
        assert ours["name"] not in with_seconds or (ours.pop("seen") and theirs.pop("seen"))
        assert ours == theirs


def test_checks_for_which_no_time_is_left_say_so(api: Api) -> None:
    """Control: with time enough, both checks run."""

    def slow(_: Installation) -> Finding:
        time.sleep(0.2)
        return ok("seen")

    checks = [Check("one", "here", slow), Check("two", "there", slow)]
    settings = DatabaseSettings(dsn=api.stage.database.operator_dsn)

    def seen(seconds: float | None) -> list[str]:
        with Installation(database=settings, seconds=seconds) as installation:
            report = examine(installation, checks)
            return [each.finding.seen for each in report if each.finding is not None]

    assert seen(0.1) == ["seen", "not checked: all checks together have taken 0.1 s"]
    assert seen(60) == seen(None) == ["seen", "seen"]


def test_the_catalogue_has_the_schema_of_every_event_type(api: Api) -> None:
    types = {each["type"]: each for each in api.get("/v1/catalogue")["types"]}
    assert set(types) == set(HANDLERS)
    for name, described in types.items():
        assert described["schema"] == json.loads((SCHEMAS / f"{name}.schema.json").read_text())
        assert described["recipients"]
    assert types["document_uploaded"]["channels"] == ["in_app", "email"]


def test_the_catalogue_has_the_types_of_reactions_too(api: Api) -> None:
    types = {each["type"]: each for each in api.get("/v1/catalogue")["reactions"]}
    assert set(types) == set(REACTION_HANDLERS)
    for name, described in types.items():
        assert described["schema"] == json.loads((SCHEMAS / f"{name}.schema.json").read_text())
        assert described["follows"]
    assert "category" in types["community.request_needed"]["order"]


@contextmanager
def locked(api: Api, table: str) -> Iterator[None]:
    with api.stage.database.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table}".encode())
        yield


def test_a_locked_table_keeps_nobody_waiting_for_long(api: Api) -> None:
    with locked(api, "notification_processing"), ThreadPoolExecutor(2) as callers:
        started = time.monotonic()
        answers = list(callers.map(api.client.get, ("/v1/status", "/v1/doctor")))
        assert time.monotonic() - started < SECONDS + 5
    assert [each.status_code for each in answers] == [200, 200]
    assert all("locked" in each.text for each in answers)


def test_long_questions_leave_room_for_short_ones(api: Api) -> None:
    """While as many are answered as may be, one more is refused at once."""
    event = upload(api.stage)
    path = f"/v1/events/{event}/why"
    with locked(api, "notification_processing"), ThreadPoolExecutor(2 * AT_ONCE) as callers:
        asked = [callers.submit(api.client.get, path) for _ in range(2 * AT_ONCE)]
        assert api.client.get("/v1/catalogue").status_code == 200
        messages = [api.refusal(each.result(), 503) for each in asked]
    refused = [each for each in messages if each.startswith(f"{AT_ONCE} long questions")]
    assert len(refused) == AT_ONCE
    assert all("lock" in each for each in messages if each not in refused)
    assert api.get(path)["people"] == []
