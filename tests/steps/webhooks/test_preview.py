"""A dry run of push tells of webhooks too: which endpoint would get which, and no body or URL."""

import json

import apache_beam as beam
import pytest

from pipeline.domain.wake_up import WakeUp
from pipeline.ops.webhooks.change import disable_endpoint
from pipeline.runtime.runner import local_pipeline
from pipeline.settings.push import PushSettings
from pipeline.steps.push.sender import PushSender
from pipeline.steps.webhooks.preview import DueWebhookPreview
from pipeline.topology.ends import Preview
from pipeline.topology.push import PushTopology
from tests.clients.webhooks.receiver import Receiver
from tests.steps.webhooks.desk import WebhookDesk


def test_a_dry_run_prints_each_webhook_and_sends_none(
    desk: WebhookDesk, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = desk.add(receiver, with_payload=True)
    disabled = desk.add(receiver)
    [event] = desk.tell()
    disable_endpoint(desk.operator, desk.names[1])
    before = desk.rows("SELECT to_jsonb(d) FROM fanout.deliveries AS d ORDER BY sequence")
    sender = PushSender(database=desk.sender.database, push=PushSettings())
    topology = PushTopology(sender=sender, webhooks=desk.sender, ends=Preview())
    pipeline = local_pipeline()
    wake_ups: list[list[WakeUp]] = [[], []]
    topology.build(pipeline, beam.Create(wake_ups, reshuffle=False))
    pipeline.run().wait_until_finish()
    output = capsys.readouterr().out
    lines = [json.loads(line) for line in output.splitlines()]
    told = {each["endpoint"]: each for each in lines if "endpoint" in each}
    assert {name: (each["would"], each["reason"]) for name, each in told.items()} == {
        str(endpoint.id): ("send", None),
        str(disabled.id): ("cancelled", "the endpoint is disabled"),
    }
    assert {each["cause"] for each in told.values()} == {f"domain_events:{event}"}
    assert len([each for each in lines if "endpoint" in each]) == 2
    assert receiver.url not in output
    assert desk.rows("SELECT to_jsonb(d) FROM fanout.deliveries AS d ORDER BY sequence") == before
    assert receiver.seen == []
    # Control: a run sends it.
    desk.run()
    assert len(receiver.seen) == 1


def test_a_dry_run_tells_of_webhooks_behind_the_first_page(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    desk.queue(desk.add(receiver).id, 5)
    preview = DueWebhookPreview(desk.sender, most=2)
    pages = [[each["cause"] for each in preview.look()] for _ in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert len({cause for page in pages for cause in page}) == 5
