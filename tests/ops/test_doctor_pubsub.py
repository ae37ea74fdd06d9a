"""Run and doctor on Pub/Sub: faults of a subscription and of a topic, before the first pull."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess
from typing import Any, Final

import grpc
import pytest
from google.pubsub_v1.types import BigQueryConfig, MessageTransform, Subscription

from pipeline.clients.pubsub.check import check_stream
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.check import Severity
from pipeline.ops.doctor.checks.pubsub import judge_subscription
from pipeline.ops.doctor.installation import Installation
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.ops.examination import look
from tests.programs import Program
from tests.streams import DEAD_LETTER_TOPIC, SUBSCRIPTION, TOPIC, Broker, broker

MISSING: Final = "projects/fanout-test/topics/nowhere"
ANOTHER: Final = "create another subscription without it"
# A setting of a subscription, the severity, and words of the finding and of its fix.
SETTINGS: Final[list[tuple[dict[str, Any], Severity, str, str]]] = [
    (
        {"filter": 'attributes.type = "a"'},
        Severity.FAILED,
        'has a filter, attributes.type = "a"',
        ANOTHER,
    ),
    (
        {"push_config": {"push_endpoint": "https://example.test/"}},
        Severity.FAILED,
        "pushes its messages",
        "gcloud pubsub subscriptions modify-push-config events --push-endpoint=",
    ),
    ({"bigquery_config": BigQueryConfig(table="p.d.t")}, Severity.FAILED, "exports", ANOTHER),
    (
        {"dead_letter_policy": {"dead_letter_topic": MISSING, "max_delivery_attempts": 5}},
        Severity.FAILED,
        "after 5 deliveries",
        "gcloud pubsub subscriptions update events --clear-dead-letter-policy",
    ),
    ({"message_transforms": [MessageTransform()]}, Severity.FAILED, "transforms", "--clear"),
    (
        {"detached": True},
        Severity.FAILED,
        "is detached",
        "create the topic and the subscription again",
    ),
    ({"topic": "_deleted-topic_"}, Severity.FAILED, "has no topic any more", "catch-up"),
    (
        {"enable_exactly_once_delivery": True},
        Severity.WARNING,
        "uses exactly-once delivery",
        "--no-enable-exactly-once-delivery",
    ),
    ({"enable_message_ordering": True}, Severity.WARNING, "uses message ordering", ANOTHER),
]


@pytest.fixture
def events() -> Iterator[Broker]:
    with broker() as running:
        yield running


def run(database: Database, events: Broker, topic: str) -> CompletedProcess[str]:
    """Run a stream that must end by itself."""
    environment = os.environ | {
        "DATABASE_URL": database.writer_dsn,
        "PUBSUB_EMULATOR_HOST": events.emulator.address,
    }
    flags = ("--subscription", SUBSCRIPTION, "--dead-letter-topic", topic)
    with Program("pipeline", "run", *flags, environment=environment) as program:
        return program.completed(timeout=60)


def test_run_refuses_to_send_dead_letters_to_where_they_come_from(
    database: Database, events: Broker
) -> None:
    refused = run(database, events, TOPIC)
    assert (refused.returncode, refused.stdout) == (1, "")
    [line] = [line for line in refused.stderr.splitlines() if line.startswith("pipeline run: ")]
    assert line.endswith("read each dead letter again forever: pass another topic")


def test_run_refuses_a_dead_letter_topic_that_is_not_there_before_the_first_bad_event(
    database: Database, events: Broker
) -> None:
    refused = run(database, events, MISSING)
    assert refused.returncode == 1
    assert f"pipeline run: {MISSING} does not exist: create it" in refused.stderr


def test_catch_up_refuses_a_dead_letter_topic_that_is_not_there(
    database: Database, events: Broker
) -> None:
    environment = os.environ | {
        "DATABASE_URL": database.writer_dsn,
        "PUBSUB_EMULATOR_HOST": events.emulator.address,
    }
    flags = ("--dead-letter-topic", MISSING)
    with Program("pipeline", "catch-up", *flags, environment=environment) as program:
        refused = program.completed(timeout=60)
    assert refused.returncode == 1
    assert f"pipeline catch-up: {MISSING} does not exist: create it" in refused.stderr


class Closed(grpc.GenericRpcHandler):
    """Refuses one method for lack of permission, and answers all others with not found."""

    def __init__(self, method: str) -> None:
        self._method = method

    def service(self, call: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        is_closed = call.method.endswith(self._method)
        status = grpc.StatusCode.PERMISSION_DENIED if is_closed else grpc.StatusCode.NOT_FOUND

        def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort(status, "no")
            raise AssertionError

        return grpc.unary_unary_rpc_method_handler(refuse)


@pytest.mark.parametrize(
    ("method", "missing"), [("/GetSubscription", DEAD_LETTER_TOPIC), ("/GetTopic", SUBSCRIPTION)]
)
def test_where_the_stream_may_not_look_it_goes_on_and_looks_at_the_rest(
    method: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = grpc.server(ThreadPoolExecutor(2), handlers=[Closed(method)])
    port = server.add_insecure_port("127.0.0.1:0")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{port}")
    server.start()
    try:
        with pytest.raises(ConfigurationError, match=f"^{missing} does not exist"):
            check_stream(SUBSCRIPTION, DEAD_LETTER_TOPIC)
    finally:
        server.stop(None).wait()


def test_run_refuses_a_subscription_that_is_not_there(database: Database, events: Broker) -> None:
    events.subscriber.delete_subscription(subscription=SUBSCRIPTION)
    refused = run(database, events, DEAD_LETTER_TOPIC)
    assert refused.returncode == 1
    assert f"pipeline run: {SUBSCRIPTION} does not exist: create it" in refused.stderr


def test_doctor_refuses_to_send_dead_letters_to_where_they_come_from(
    database: Database, events: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", events.emulator.address)
    verdicts = {}
    for topic in (TOPIC, DEAD_LETTER_TOPIC):
        installation = Installation(
            database=DatabaseSettings(dsn=database.operator_dsn),
            subscription=SUBSCRIPTION,
            dead_letter_topic=topic,
        )
        verdicts[topic] = look(installation, "dead letters").severity
    assert verdicts == {TOPIC: Severity.FAILED, DEAD_LETTER_TOPIC: Severity.OK}


def test_doctor_sees_the_filter_of_a_subscription(
    database: Database, events: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", events.emulator.address)
    filtered = f"{SUBSCRIPTION}-filtered"
    events.subscriber.create_subscription(
        request={"name": filtered, "topic": TOPIC, "filter": 'attributes.id = "1"'}
    )
    settings = DatabaseSettings(dsn=database.operator_dsn)
    finding = look(Installation(database=settings, subscription=filtered), "subscription")
    assert (finding.severity, finding.seen) == (
        Severity.FAILED,
        'it has a filter, attributes.id = "1": it drops other events',
    )


@pytest.mark.parametrize(
    ("given", "severity", "words", "fix"), SETTINGS, ids=[" ".join(each[0]) for each in SETTINGS]
)
def test_a_setting_that_costs_events_or_time_is_noticed_with_its_fix(
    given: dict[str, Any], severity: Severity, words: str, fix: str
) -> None:
    plain = {"name": SUBSCRIPTION, "topic": TOPIC, "ack_deadline_seconds": 60}
    assert judge_subscription(Subscription(plain)).severity == Severity.OK
    finding = judge_subscription(Subscription({**plain, **given}))
    assert finding.severity == severity
    assert words in finding.seen
    assert fix in (finding.fix or "")
