"""The metrics of a job. FnApiRunner reports only those of the first bundle correctly."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter, monitoring_infos
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, fn_runner
from apache_beam.runners.worker.bundle_processor import BundleProcessor

from pipeline.fanout.batches import Decided
from pipeline.fanout.effects import Channel
from pipeline.fanout.outcome import Outcome, Skip, Status
from pipeline.fanout.reasons import Reason
from pipeline.runtime.runner import _beams_infos
from pipeline.settings import DatabaseSettings
from pipeline.sinks.ledger import mark_dead
from pipeline.sinks.metrics import COMMIT_TO_ROW, NAMES, NAMESPACE
from pipeline.sinks.tally import Field
from pipeline.sinks.write_dead_letters import WriteDeadLetters
from pipeline.sinks.write_outcomes import WriteOutcomes
from tests.builders import ANN, BOB, email, notification, outcome
from tests.sinks.conftest import Written

UNKNOWN: Final = 10_000
AGE: Final = timedelta(hours=1)


@pytest.fixture(autouse=True)
def metrics_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo the patches of Beam that ``local_pipeline`` made in this process."""
    monkeypatch.setattr(fn_runner, "consolidate_monitoring_infos", monitoring_infos.consolidate)
    monkeypatch.setattr(BundleProcessor, "monitoring_infos", _beams_infos)


def told(event_id: int) -> Outcome:
    """Return an outcome that notifies Bob on both channels, and skips Ann, who caused the event."""
    skips = (Skip(ANN, Channel.IN_APP, Reason.ACTOR), Skip(ANN, Channel.EMAIL, Reason.ACTOR))
    return outcome(event_id, (BOB, notification()), (BOB, email()), skips=skips)


def run(settings: DatabaseSettings, **branches: list[list[Outcome]]) -> dict[str, Any]:
    """Write batches, one branch for each event type. Return every metric by ``step:name``."""
    pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags=[]))
    for name, batches in branches.items():
        (
            pipeline
            | f"{name}/Batches" >> beam.Create(map(Decided, batches), reshuffle=False)
            | f"{name}/Write" >> WriteOutcomes(settings)
            | f"{name}/BuryUnwritten" >> WriteDeadLetters(settings, None, mark_dead)
        )
    result = pipeline.run()
    result.wait_until_finish()
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    return {
        f"{metric.key.step}:{metric.key.metric.name}": metric.result
        for metric in (*found["counters"], *found["distributions"])
        if metric.result
    }


def counters(metrics: dict[str, Any]) -> dict[str, int]:
    """Return the metrics without the distributions."""
    return {name: value for name, value in metrics.items() if isinstance(value, int)}


def test_each_step_counts_what_it_wrote(written: Written) -> None:
    metrics = run(
        written.settings,
        greeted=[[told(1), told(2)], [told(3), outcome(4, status=Status.EXPIRED)]],
        unrouted=[[outcome(5, status=Status.UNROUTED)]],
        held=[[outcome(6, status=Status.PAUSED)]],
        deleted=[[told(7), told(UNKNOWN)]],
    )
    assert counters(metrics) == {
        "greeted/Write/Insert:processed": 4,
        "greeted/Write/Insert:notifications": 3,
        "greeted/Write/Insert:emails": 3,
        "greeted/Write/Insert:skipped": 6,
        "greeted/Write/Insert:expired": 1,
        "unrouted/Write/Insert:processed": 1,
        "unrouted/Write/Insert:unrouted": 1,
        "held/Write/Insert:processed": 1,
        "held/Write/Insert:paused": 1,
        "deleted/Write/Insert:processed": 1,
        "deleted/Write/Insert:notifications": 1,
        "deleted/Write/Insert:emails": 1,
        "deleted/Write/Insert:skipped": 2,
        "deleted/BuryUnwritten/Insert:processed": 1,
        "deleted/BuryUnwritten/Insert:dead": 1,
    }
    # A paused event has no latency yet.
    assert f"held/Write/Insert:{COMMIT_TO_ROW}" not in metrics
    # Together they are all names.
    assert {name.partition(":")[2] for name in counters(metrics)} == {*NAMES.values()}


def test_a_redelivered_event_counts_nothing(written: Written) -> None:
    assert counters(run(written.settings, greeted=[[told(1)]]))
    metrics = run(written.settings, greeted=[[told(1), told(2)], [told(2), told(1)]])
    assert metrics["greeted/Write/Insert:processed"] == 1
    assert metrics["greeted/Write/Insert:notifications"] == 1
    assert metrics[f"greeted/Write/Insert:{COMMIT_TO_ROW}"].count == 1
    assert run(written.settings, greeted=[[told(1), told(2)]]) == {}


def test_an_event_that_is_completed_later_counts_again(written: Written) -> None:
    run(written.settings, greeted=[[outcome(1, status=Status.UNROUTED)]])
    metrics = run(written.settings, greeted=[[told(1)]])
    assert metrics["greeted/Write/Insert:processed"] == 1
    assert f"greeted/Write/Insert:{NAMES[Field.UNROUTED]}" not in metrics


def test_latency_is_the_time_from_the_events_row_to_its_own(written: Written) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "UPDATE domain_events SET created_at = now() - %s * id WHERE id <= 2", [AGE]
        )
        [(youngest,)] = connection.execute(
            "SELECT created_at FROM domain_events WHERE id = 3"
        ).fetchall()
    began = datetime.now(UTC)
    metrics = run(written.settings, greeted=[[told(1), told(3)], [told(2)]])
    elapsed = datetime.now(UTC) - began
    latency = metrics[f"greeted/Write/Insert:{COMMIT_TO_ROW}"]
    assert latency.count == 3
    assert 0 <= latency.min <= (datetime.now(UTC) - youngest) / timedelta(milliseconds=1)
    oldest = 2 * AGE / timedelta(milliseconds=1)
    assert (
        oldest <= latency.max <= oldest + (elapsed + (began - youngest)) / timedelta(milliseconds=1)
    )
    assert latency.sum >= latency.min + latency.max + AGE / timedelta(milliseconds=1)
