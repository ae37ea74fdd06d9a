"""``/v1/replays``: a plan publishes nothing, is applied once, and outlives its instance."""

import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.clients.pubsub.publish import get_publisher
from pipeline.domain.errors import UsageError
from pipeline.domain.message import event_id_of
from pipeline.ops.replay.limits import PlanLimits
from service.identity.caller import Scope
from service.routes.replays import MOST_EVENTS
from tests.deadline import wait_until
from tests.golden.world import P1
from tests.service.api import OPERATOR, Api, another, command, comparable, upload
from tests.service.asking import bearer, token
from tests.service.serving import Served, serving
from tests.streams import SUBSCRIPTION, TOPIC, Broker, broker

ENDS_WITHIN: Final = 30.0
EXITS_WITHIN: Final = 10.0
LETTERS: Final = {"dead_letters": True}
NOBODY: Final = "5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10"


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """The topic to which replays publish."""
    with broker() as made:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", made.emulator.address)
        get_publisher.cache_clear()
        yield made
        get_publisher().stop()
        get_publisher.cache_clear()


def fix(api: Api) -> None:
    """The application corrects the payloads that nobody could read."""
    api.stage.execute("""UPDATE domain_events SET payload = '{"fileName": "fixed.pdf"}'""")


def planned(api: Api, **selection: object) -> dict[str, Any]:
    answer = api.post("/v1/replays", selection or LETTERS)
    assert answer.status_code == 201, answer.text
    plan: dict[str, Any] = answer.json()
    return plan


def ended(api: Api, plan: dict[str, Any], state: str) -> dict[str, Any]:
    """Wait until a replay is in a state."""
    path = f"/v1/replays/{plan['id']}"
    wait_until(
        lambda: api.get(path)["state"] == state, seconds=ENDS_WITHIN, what=f"the replay is {state}"
    )
    found: dict[str, Any] = api.get(path)
    return found


def published(pubsub: Broker) -> Counter[int | None]:
    """The events on the topic, and how often each is there."""
    return Counter(event_id_of(each) for each in pubsub.take(SUBSCRIPTION))


def test_a_plan_says_what_the_command_says_and_publishes_nothing(api: Api, pubsub: Broker) -> None:
    dead = [upload(api.stage, 1), upload(api.stage, 2)]
    api.stage.deliver()
    fix(api)
    plan = planned(api)
    said = command(api.stage.database, "replay", "--dead-letters")
    assert plan["plan"] == {name: said[name] for name in ("types", "causes", "nameless")}
    assert (plan["state"], plan["planned"]) == ("planned", len(dead))
    assert plan["plan"]["types"]["document_uploaded"]["create"] == {"in_app": 4, "email": 4}
    assert (plan["planned_by"], plan["selector"]) == (OPERATOR, {"dead-letters": True})
    assert published(pubsub) == {}
    assert api.stage.rows("SELECT FROM fanout_replays") == []


def test_an_applied_plan_publishes_its_events_and_says_what_became_of_them(
    api: Api, pubsub: Broker
) -> None:
    dead = [upload(api.stage, 1), upload(api.stage, 2)]
    api.stage.deliver()
    fix(api)
    plan = planned(api)
    # An event that is dead since then is not in the plan.
    upload(api.stage, 3)
    api.stage.deliver(dead[-1] + 1)
    answer = api.post(plan["apply"], {"rate": 50, "note": "payloads are fixed"})
    assert answer.status_code == 202, answer.text
    done = ended(api, plan, "published")
    assert (done["published"], done["became"]["unfinished"], done["apply"]) == (2, 2, None)
    assert (done["applied_by"], done["rate"]) == (OPERATOR, 50)
    messages = pubsub.take(SUBSCRIPTION)
    assert [event_id_of(each) for each in messages] == dead
    api.stage.deliver_messages(messages)
    became = api.get(f"/v1/replays/{plan['id']}")["became"]
    assert (became["completed"], became["unfinished"]) == (2, 0)
    assert api.stage.rows("SELECT who, note, planned, published, result FROM fanout_replays") == [
        ("test_operator", f"{OPERATOR}: payloads are fixed", 2, 2, "published")
    ]
    assert "published: make another plan" in api.refusal(api.post(plan["apply"]), 409)


def test_of_many_requests_to_two_instances_one_applies_a_plan(api: Api, pubsub: Broker) -> None:
    """Control: two plans of the same events publish them twice."""
    events = [upload(api.stage) for _ in range(20)]
    with another(api) as other, ThreadPoolExecutor(8) as callers:
        plan = planned(api, missing=True)
        both = [api, other] * 4
        answers = list(callers.map(lambda each: each.post(plan["apply"]), both))
        ended(api, plan, "published")
        assert sorted(each.status_code for each in answers) == [202] + [409] * 7
        assert published(pubsub) == dict.fromkeys(events, 1)
        two = [planned(each, missing=True) for each in (api, other)]
        for each, one in zip((api, other), two, strict=True):
            assert each.post(one["apply"]).status_code == 202
            ended(each, one, "published")
        assert published(pubsub) == dict.fromkeys(events, 2)
    assert len(api.get("/v1/replays", limit=2)["items"]) == 2
    assert api.stage.rows("SELECT result, count(*) FROM fanout.attempts GROUP BY 1") == [
        ("done", 3)
    ]


@pytest.fixture
def remote(api: Api, pubsub: Broker, tmp_path: Path) -> Iterator[Served]:  # noqa: ARG001 - set up first
    """Another instance, as a process of its own."""
    secret = token(api.stage.database, "ci", Scope.READ, Scope.OPERATE)
    dsn = api.stage.database.operator_dsn
    with serving(dsn, tmp_path / "log", "--topic", TOPIC) as served:
        served.client.headers.update(bearer(secret))
        yield served


def many(api: Api, number: int) -> list[int]:
    """Insert events at once; return their ids."""
    rows = api.stage.rows(
        "INSERT INTO domain_events (event_type, project_id)"
        " SELECT 'document_uploaded', %s FROM generate_series(1, %s) RETURNING id",
        P1,
        number,
    )
    return [each for (each,) in rows]


def begun(api: Api, remote: Served) -> dict[str, Any]:
    """Let the process begin to apply a plan slowly."""
    plan = planned(api, missing=True)
    answer = remote.client.post(plan["apply"], json={"rate": 20})
    assert answer.status_code == 202, answer.text
    path = f"/v1/replays/{plan['id']}"
    wait_until(
        lambda: api.get(path)["published"] > 0, seconds=ENDS_WITHIN, what="an event is published"
    )
    assert api.get(path)["state"] == "running"
    return plan


def test_a_replay_ends_with_its_instance_and_goes_on_in_another_one(
    api: Api, pubsub: Broker, remote: Served
) -> None:
    events = many(api, 1_000)
    plan = begun(api, remote)
    remote.process.send_signal(signal.SIGTERM)
    assert remote.process.wait(EXITS_WITHIN) == 0
    stopped = api.get(f"/v1/replays/{plan['id']}")
    assert stopped["state"] == "stopped"
    assert 0 < stopped["published"] < len(events)
    assert stopped["reason"].startswith(f"stopped after {stopped['published']} of 1,000 events")
    assert api.post(plan["apply"], {"rate": 100_000}).status_code == 202
    assert ended(api, plan, "published")["reason"] is None
    assert published(pubsub) == dict.fromkeys(events, 1)


def test_a_replay_whose_instance_was_killed_is_seen_and_applied_again(
    api: Api, pubsub: Broker, remote: Served
) -> None:
    events = many(api, 1_000)
    plan = begun(api, remote)
    remote.process.kill()
    assert "running" in api.refusal(api.post(plan["apply"]), 409)
    # As if the time of its lease were over.
    api.stage.execute("UPDATE fanout.replay_plans SET next_attempt_at = now()")
    assert api.get(f"/v1/replays/{plan['id']}")["state"] == "interrupted"
    assert api.post(plan["apply"], {"rate": 100_000}).status_code == 202
    assert ended(api, plan, "published")["became"]["unfinished"] == len(events)
    # What was published since the last progress was stored is published again, which is harmless.
    counts = published(pubsub)
    assert set(counts) == set(events)
    assert 1 in counts.values()


def test_a_replay_that_fails_says_why_and_can_be_applied_again(api: Api, pubsub: Broker) -> None:
    event = upload(api.stage)
    plan = planned(api, event=[event])
    with another(api, topic="projects/fanout-test/topics/nowhere") as lost:
        assert lost.post(plan["apply"]).status_code == 202
        failed = ended(api, plan, "failed")
    assert "topics/nowhere" in failed["reason"]
    assert failed["apply"] == plan["apply"]
    assert api.post(plan["apply"]).status_code == 202
    ended(api, plan, "published")
    assert published(pubsub) == {event: 1}


def test_a_service_without_a_topic_plans_only(api: Api) -> None:
    plan = planned(api, event=[upload(api.stage)])
    with another(api, topic=None) as without:
        assert "start it with --topic" in api.refusal(without.post(plan["apply"]), 503)
    assert api.get(f"/v1/replays/{plan['id']}")["state"] == "planned"


REFUSED: Final[list[tuple[dict[str, object], str]]] = [
    ({}, "say which events: event, fingerprint, type, since, missing, dead_letters or unrouted"),
    ({"event": [1], "type": "x"}, "event already names the events: remove type"),
    ({"missing": True, "dead_letters": True}, "missing and dead_letters exclude each other"),
    ({"unrouted": True, "fingerprint": "x"}, "unrouted and fingerprint exclude each other"),
    ({"since": "2026-03-02T12:00:00Z", "until": "2026-03-02T12:00:00Z"}, "since must be befo"),
    ({"since": "yesterday"}, "invalid since: expected a time such as 2026-03-02T18:00:00Z"),
    ({"event": ["1"]}, "invalid event.0: expected a whole number, or a UUID of reactions"),
    ({"event": [True]}, "invalid event.0: expected a whole number, or a UUID of reactions"),
    ({"event": [1, NOBODY]}, "invalid event: expected numbers or UUIDs, not both"),
    (
        {"event": [1, NOBODY], "family": "fanout"},
        "invalid event: expected numbers or UUIDs, not bo",
    ),
    (
        {"event": [1], "family": "reactions"},
        "invalid event: expected UUIDs of reactions, as family",
    ),
    (
        {"event": [NOBODY], "family": "fanout"},
        "invalid event: expected numbers of the fan-out, as ",
    ),
    ({"type": "a.b", "ignore_age": True}, "invalid ignore_age: expected only for the fan-out"),
    ({"missing": True, "family": "reactions"}, "invalid missing: expected only for the fan-out"),
    ({"unrouted": True, "family": "mail"}, "invalid family: expected "),
    ({"events": [1]}, "invalid body: expected no field of another name"),
]


def test_a_selection_that_selects_nothing_is_refused(api: Api) -> None:
    for selection, message in REFUSED:
        assert api.refusal(api.post("/v1/replays", selection), 422).startswith(message)


def test_what_is_not_there_is_not_found(api: Api) -> None:
    assert "no event" in api.refusal(api.post("/v1/replays", {"event": [42]}), 404)
    nobody = "5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10"
    assert api.refusal(api.client.get(f"/v1/replays/{nobody}"), 404)
    assert api.refusal(api.post(f"/v1/replays/{nobody}/apply"), 404)
    completed = upload(api.stage)
    api.stage.deliver()
    empty = planned(api, event=[completed])
    assert (empty["planned"], empty["apply"]) == (0, None)
    assert "no event" in api.refusal(api.post(f"/v1/replays/{empty['id']}/apply"), 409)


def test_a_plan_has_limits(api: Api) -> None:
    api.stage.execute(
        "INSERT INTO domain_events (event_type) SELECT 'unheard_of' FROM generate_series(0, %s)",
        MOST_EVENTS,
    )
    message = api.refusal(api.post("/v1/replays", {"missing": True}), 422)
    assert message.startswith("the plan selects more than 10,000 events")
    with pytest.raises(UsageError, match="takes longer than 0 s"):
        PlanLimits.of(1, 0).check(1)
    PlanLimits.of(1, 60).check(1)


def test_replays_of_the_command_are_listed_too(api: Api, pubsub: Broker) -> None:  # noqa: ARG001
    event = upload(api.stage)
    arguments = ("replay", "--event", str(event), "--apply", "--topic", TOPIC, "--no-wait")
    said = command(api.stage.database, *arguments)
    plan = planned(api, event=[event])
    listed = api.get("/v1/replays")["items"]
    assert [(each["id"], each["source"]) for each in listed] == [
        (plan["id"], "service"),
        (said["replay"], "command"),
    ]
    shown = api.get(f"/v1/replays/{said['replay']}")
    assert comparable(shown) == comparable(listed[1]) | {
        "plan": None,
        "became": None,
        "apply": None,
    }
    assert (shown["state"], shown["published"]) == ("published", 1)
    assert api.refusal(api.post(f"/v1/replays/{said['replay']}/apply"), 409)
    first = api.get("/v1/replays", limit=1)
    second = api.get("/v1/replays", limit=1, cursor=first["next"])
    assert first["items"] + second["items"] == listed
    assert second["next"] is None
