"""``/v1/events``: lists, one event, and why."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from pipeline.domain.message import MAX_EVENT_ID
from pipeline.ops.events.read import EventFilter
from service.answers.paging import cursor_after
from tests.deadline import wait_until
from tests.golden.world import P1, U2, U4
from tests.service.api import Api, command, comparable, upload


def page(api: Api, **query: object) -> tuple[list[int], str | None]:
    answer = api.get("/v1/events", **query)
    return [each["id"] for each in answer["items"]], answer["next"]


def test_the_list_is_paged_and_filtered(api: Api) -> None:
    told, odd = upload(api.stage), api.stage.emit("unheard_of", age=timedelta(0))
    old = upload(api.stage, age=timedelta(days=2))
    api.stage.deliver()
    waits = upload(api.stage)
    first, cursor = page(api, limit=2)
    second, cursor = page(api, limit=2, cursor=cursor)
    assert (first, second) == ([waits, old], [odd, told])
    assert page(api, limit=2, cursor=cursor) == ([], None)
    assert page(api, type="unheard_of") == ([odd], None)
    assert page(api, state="unfinished", project=P1) == ([waits], None)
    assert page(api, person=U2) == ([told], None)
    since = api.get(f"/v1/events/{odd}")["created_at"]
    assert page(api, since=since)[0] == [waits, odd]
    assert page(api, until=since)[0] == [old, told]
    # A zone other than UTC names the same time.
    assert page(api, until=since.replace("Z", "+00:00"))[0] == [old, told]


def test_rows_that_are_inserted_while_somebody_pages_neither_repeat_nor_hide_one(api: Api) -> None:
    """Control: by number of rows instead of by id, the second page would repeat the first."""
    there = [upload(api.stage) for _ in range(30)]
    stop, inserted = threading.Event(), list[int]()

    def insert() -> None:
        while not stop.is_set():
            inserted.append(upload(api.stage))

    with ThreadPoolExecutor(2) as writers:
        writing = [writers.submit(insert) for _ in range(2)]
        found, cursor = page(api, limit=3)
        wait_until(lambda: len(inserted) > 3, seconds=30, what="events are inserted")
        while cursor is not None:
            more, cursor = page(api, limit=3, cursor=cursor)
            found += more
        by_number = api.stage.rows("SELECT id FROM domain_events ORDER BY id DESC OFFSET 3 LIMIT 3")
        stop.set()
        for each in writing:
            each.result()
    assert found == sorted(set(found), reverse=True)
    assert [each for each in found if each <= there[-1]] == there[::-1]
    assert found[:3] != [each for (each,) in by_number] != found[3:6]


def test_a_cursor_is_of_use_for_its_own_list_only(api: Api) -> None:
    for _ in range(3):
        upload(api.stage)
    _, cursor = page(api, limit=1)
    assert cursor is not None
    spoiled = [cursor[:-2], cursor[::-1], "42", "W10"]
    refused = [("/v1/events", {"cursor": each}) for each in spoiled]
    refused += [
        ("/v1/events", {"cursor": cursor, "state": "dead"}),
        ("/v1/replays", {"cursor": cursor}),
    ]
    for path, query in refused:
        message = api.refusal(api.client.get(path, params=query), 422)
        assert message.startswith("invalid cursor: expected the one of the page before"), query
        assert query["cursor"] not in message


def test_a_cursor_that_somebody_made_up_is_refused(api: Api) -> None:
    """Control: so made, a right one is taken."""
    now = datetime.now(UTC)
    lists: list[tuple[str, object, list[Any]]] = [
        ("/v1/events", EventFilter(), [MAX_EVENT_ID]),
        ("/v1/replays", "replays", [now, uuid4()]),
        ("/v1/jobs/retention/runs", "retention", [now]),
    ]
    for path, of, right in lists:
        assert api.get(path, cursor=cursor_after(right, of))["next"] is None
        naive = now.replace(tzinfo=None)
        wrongs: list[list[Any]] = [[], ["x", "y"], ["x"], [None], [[]], [2**63], [naive]]
        for wrong in (*wrongs, [*right, 1]):
            answer = api.client.get(path, params={"cursor": cursor_after(wrong, of)})
            assert "invalid cursor" in api.refusal(answer, 422), (path, wrong)


def test_one_event_hides_its_payload_from_who_may_only_read(api: Api) -> None:
    event = upload(api.stage, "Rent roll.xlsx")
    api.stage.deliver()
    shown = api.client.get(f"/v1/events/{event}", headers=api.reader)
    assert shown.json() == api.get(f"/v1/events/{event}")
    assert (shown.json()["state"], shown.json()["payload"]) == ("completed", None)
    assert "Rent roll" not in shown.text
    path = f"/v1/events/{event}?payload=true"
    message = api.refusal(api.client.get(path, headers=api.reader), 403)
    assert message.startswith("this needs the scope operate")
    assert api.client.get(path).json()["payload"] == '{"fileName": "Rent roll.xlsx"}'


def test_why_says_what_the_command_says(api: Api) -> None:
    api.stage.prefer(U4, "muted", name="document_uploaded", project=P1)
    events = [upload(api.stage), upload(api.stage, 1), api.stage.emit("unheard_of")]
    api.stage.deliver(*events[:2])
    for event in events[:2]:
        said = command(api.stage.database, "why", "--event", str(event))
        assert comparable(api.get(f"/v1/events/{event}/why")) == comparable(said)
    said = command(api.stage.database, "why", "--event", str(events[0]), "--user", str(U4))
    answer = api.get(f"/v1/events/{events[0]}/why", user=U4)
    assert comparable(answer) == comparable(said)
    assert [person["skips"][0]["reason"] for person in answer["people"]] == ["muted:project"]
    waiting = api.get(f"/v1/events/{events[2]}/why")
    assert (waiting["state"]["words"], waiting["people"]) == ("not processed yet", [])


def test_why_of_a_very_large_event_comes_in_parts(api: Api) -> None:
    people = [UUID(int=1_000 + number) for number in range(4_100)]
    event = upload(api.stage)
    with api.stage.database.connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO notifications (event_id, user_id, title)"
            " SELECT %s, id, 'told' FROM unnest(%s::uuid[]) AS id",
            [event, people],
        )
    found, after, parts = [], None, 0
    while parts == 0 or after is not None:
        answer = api.get(f"/v1/events/{event}/why", after=after)
        found += [person["id"] for person in answer["people"]]
        after, parts = answer["people_after"], parts + 1
    assert parts == 3
    assert found == sorted(found)
    assert all(one < two for one, two in pairwise(found))
    assert found == [str(person) for person in people]


@pytest.mark.parametrize("path", ["/v1/events/999999", "/v1/events/999999/why"])
def test_an_event_that_is_not_there_is_not_found(api: Api, path: str) -> None:
    assert "no event 999999" in api.refusal(api.client.get(path), 404)


def test_a_locked_table_is_answered_with_503_in_time(api: Api) -> None:
    event = upload(api.stage)
    with api.stage.database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE domain_events")
        paths = ("/v1/events", f"/v1/events/{event}", f"/v1/events/{event}/why")
        with ThreadPoolExecutor(len(paths)) as callers:
            for answer in callers.map(api.client.get, paths):
                assert "lock" in api.refusal(answer, 503)
                assert int(answer.headers["Retry-After"]) > 0
    assert page(api) == ([event], None)
