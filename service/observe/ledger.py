"""The figures of the ledger as metrics of Prometheus. A part that was not read has none."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final

from prometheus_client.metrics_core import Metric

from pipeline.domain.graph import Graph
from pipeline.fanout.handlers import HANDLERS
from pipeline.jobs.table import JOBS
from pipeline.ops.jobs.read import JobSeen
from pipeline.ops.mail.figures import MailFigures
from pipeline.ops.metrics.figures import (
    CaptureLag,
    FailuresSeen,
    LedgerFigures,
    PerMinute,
    ReplaysSeen,
)
from pipeline.ops.push.figures import ChannelFigures
from pipeline.ops.reactions.figures import ReactionFigures
from pipeline.ops.status.figures import GraphSeen, Latency, Pipeline, SlotFigures, SwitchSeen
from pipeline.reactions.handlers import REACTION_HANDLERS
from service.observe.gauges import gauge, labelled, summed

# Names that this version does not know fold into one, so that no producer can add series.
OTHER: Final = "other"
NO_TYPE: Final = "none"
TYPES: Final = frozenset(str(event_type) for event_type in HANDLERS)
SWITCHES: Final = TYPES | JOBS.keys() | frozenset(map(str, REACTION_HANDLERS))
EMAILS: Final = ("immediate", "aggregated")
# The classes of errors, which are the program's own, that have a series each.
MOST_CLASSES: Final = 20


def families(figures: LedgerFigures) -> Iterator[Metric]:
    """Yield the metrics."""
    if figures.per_minute is not None:
        yield from _rates(figures.per_minute)
    if figures.latency is not None:
        yield from _latency(figures.latency)
    if figures.pipeline is not None:
        yield from _backlog(figures.pipeline)
    if figures.emails is not None:
        yield labelled(
            "fanout_emails_waiting",
            "E-mails to be sent: at once, or with a digest.",
            ("type",),
            (((name,), figures.emails.get(name, 0)) for name in EMAILS),
        )
    if figures.failures is not None:
        yield from _failures(figures.failures)
    if figures.slot is not None:
        yield from _slots(figures.slot)
    if figures.capture is not None:
        yield from _lag(figures.capture)
    yield from _graphs(figures.graphs or {})
    yield from _jobs(figures.jobs or ())
    if figures.mails is not None:
        yield from _mails(figures.mails)
    yield from _pushes(figures.pushes or {})
    yield from _reactions(figures.reactions)
    yield from _switches(figures.switches or {})
    if figures.replays is not None:
        yield from _replays(figures.replays)
    yield gauge(
        "fanout_figures_unread",
        "Parts of the figures that could not be read: locked, slow, or not allowed.",
        figures.unread,
    )


def _rates(rates: Sequence[PerMinute]) -> Iterator[Metric]:
    yield summed(
        "fanout_events_per_minute",
        "Events that got a final state, a minute, as a mean of the last five full minutes.",
        ("type", "outcome"),
        (((_known(each), each.state), each.events) for each in rates),
    )
    yield summed(
        "fanout_notifications_per_minute",
        "What people were told, a minute, as a mean of the last five full minutes.",
        ("type", "channel"),
        (
            ((_known(each), channel), number)
            for each in rates
            for channel, number in (("in_app", each.notifications), ("email", each.emails))
        ),
    )


def _known(rate: PerMinute) -> str:
    return NO_TYPE if rate.event_type is None else _one_of(TYPES, rate.event_type)


def _latency(latency: Latency) -> Iterator[Metric]:
    words = "Seconds from an event to its rows, over the last five minutes."
    yield gauge("fanout_latency_p50_seconds", words, latency.p50_seconds)
    yield gauge("fanout_latency_p95_seconds", words, latency.p95_seconds)
    yield gauge("fanout_latency_p99_seconds", words, latency.p99_seconds)


def _backlog(seen: Pipeline) -> Iterator[Metric]:
    yield gauge(
        "fanout_events_waiting", "Events of the last two days without a final state.", seen.waiting
    )
    yield gauge(
        "fanout_oldest_event_seconds",
        "How long the oldest of them has waited; 0 if none waits.",
        seen.oldest_seconds or 0,
    )
    yield gauge(
        "fanout_events_passed_over",
        "Those of them that were lost, unless the pipeline works off a backlog.",
        seen.passed_over,
    )


def _failures(failures: Mapping[str, FailuresSeen]) -> Iterator[Metric]:
    most_first = sorted(failures.items(), key=lambda each: -each[1].letters)
    found = [
        ((name if place < MOST_CLASSES else OTHER,), seen)
        for place, (name, seen) in enumerate(most_first)
    ]
    yield summed(
        "fanout_dead_letters_open",
        "Dead letters that nobody has closed, by the class of their error.",
        ("outcome",),
        ((labels, seen.letters) for labels, seen in found),
    )
    yield summed(
        "fanout_dead_letter_causes",
        "The causes of the open dead letters, by the class of their error.",
        ("outcome",),
        ((labels, seen.causes) for labels, seen in found),
    )


def _slots(found: Sequence[SlotFigures]) -> Iterator[Metric]:
    yield gauge(
        "fanout_slot_readers",
        "1 while Debezium reads the slot; 0 also if there is no slot.",
        sum(slot.active for slot in found),
    )
    for slot in found:
        yield from _slot(slot)


def _slot(slot: SlotFigures) -> Iterator[Metric]:
    yield gauge("fanout_slot_lag_bytes", "Log that Debezium has not confirmed.", slot.lag_bytes)
    yield gauge(
        "fanout_slot_kept_bytes", "Log that the server keeps for the slot.", slot.kept_bytes
    )
    yield gauge(
        "fanout_slot_left_bytes",
        "Log that may be written until the slot is lost, if there is a limit.",
        slot.left_bytes,
    )
    yield gauge("fanout_slot_unread_seconds", "Since nobody reads the slot.", slot.inactive_seconds)


def _lag(lag: CaptureLag) -> Iterator[Metric]:
    yield gauge(
        "fanout_heartbeat_seconds", "Since Debezium's newest heartbeat.", lag.heartbeat_seconds
    )
    yield gauge(
        "fanout_capture_lag_seconds",
        "Since the oldest heartbeat that Debezium has not published; 0 if it has published all.",
        lag.unconfirmed_seconds or 0,
    )


def _graphs(graphs: Mapping[str, GraphSeen]) -> Iterator[Metric]:
    known = [(name, graphs[name]) for name in Graph if name in graphs]
    yield labelled(
        "fanout_graph_silent_seconds",
        "Since the last sign of life of a graph.",
        ("graph",),
        (((name,), seen.last_seen_seconds) for name, seen in known),
    )
    yield labelled(
        "fanout_graph_started_seconds",
        "Since the process that was heard of last started the graph.",
        ("graph",),
        (((name,), seen.started_seconds) for name, seen in known),
    )


def _jobs(jobs: Sequence[JobSeen]) -> Iterator[Metric]:
    yield labelled(
        "fanout_job_done_seconds",
        "Since the last run of a job that succeeded.",
        ("job",),
        (((job.name,), job.done_seconds) for job in jobs),
    )
    yield labelled(
        "fanout_job_runs_waiting",
        "Runs of a job that wait.",
        ("job",),
        (((job.name,), job.waiting) for job in jobs),
    )
    yield labelled(
        "fanout_jobs_overdue",
        "1 if two periods of a job passed without a run that succeeded, and it is not paused.",
        ("job",),
        (((job.name,), float(job.overdue)) for job in jobs),
    )


def _mails(mails: MailFigures) -> Iterator[Metric]:
    yield gauge("fanout_mails_waiting", "Mails that are due and have not ended.", mails.waiting)
    yield gauge(
        "fanout_oldest_mail_seconds",
        "For how long the oldest of them is due; 0 if there is none.",
        mails.oldest_seconds or 0,
    )
    yield gauge(
        "fanout_mails_stuck",
        "Mails that the sender could have taken for ten minutes, and did not.",
        mails.stuck,
    )
    yield gauge("fanout_mails_held", "Mails that wait for a person to decide.", mails.held)
    for name, words, figure in (
        ("sent", "a provider accepted", mails.sent_last_hour),
        ("failed", "failed for good", mails.failed_last_hour),
        ("expired", "were not sent in time", mails.expired_last_hour),
    ):
        yield gauge(
            f"fanout_mails_{name}_last_hour", f"Mails that {words} within the last hour.", figure
        )
    yield gauge(
        "fanout_mail_seconds_to_send",
        "Mean time from when a mail was due until a provider accepted it, over the last hour.",
        mails.seconds_to_send,
    )


def _pushes(pushes: Mapping[str, ChannelFigures]) -> Iterator[Metric]:
    for name, words, figure in (
        ("pushes_waiting", "Pushes that are due and have not ended.", "waiting"),
        (
            "pushes_later",
            "Those of them that wait for a later time: of a retry, or the end of quiet hours.",
            "later",
        ),
        (
            "pushes_stuck",
            "Pushes that could be sent for ten minutes, and nobody took them.",
            "stuck",
        ),
        ("pushes_held_back", "Pushes that a switch or a person holds back.", "held_back"),
        ("pushes_in_digest", "Pushes that wait for the next digest.", "in_digest"),
        ("pushes_sent_last_hour", "Pushes accepted within the last hour.", "sent_last_hour"),
        (
            "pushes_failed_last_hour",
            "Pushes that failed for good within the last hour.",
            "failed_last_hour",
        ),
        (
            "pushes_expired_last_hour",
            "Pushes that were not sent in time within the last hour.",
            "expired_last_hour",
        ),
    ):
        yield _by_channel(f"fanout_{name}", words, pushes, attrgetter(figure))
    yield _by_channel(
        "fanout_oldest_push_seconds",
        "For how long the oldest push that could be sent could be; 0 if there is none.",
        pushes,
        lambda channel: channel.oldest_seconds or 0,
    )


def _by_channel(
    name: str,
    words: str,
    pushes: Mapping[str, ChannelFigures],
    figure: Callable[[ChannelFigures], float],
) -> Metric:
    values = (((channel,), figure(figures)) for channel, figures in pushes.items())
    return labelled(name, words, ("channel",), values)


def _reactions(reactions: ReactionFigures | None) -> Iterator[Metric]:
    if reactions is None:
        return
    for name, words, figure in (
        ("waiting", "Events of reactions that have not ended.", reactions.waiting),
        ("due", "Those of them that could be processed now.", reactions.due),
        ("stuck", "Those that could be for five minutes, and nobody took them.", reactions.stuck),
        ("retried", "Those that have failed and are tried again.", reactions.retried),
        ("paused", "Events of reactions that a switch holds back.", reactions.paused),
        ("unrouted", "Events of reactions without a handler.", reactions.unrouted),
        ("dead", "Events of reactions that failed for good.", reactions.dead),
        (
            "done_last_hour",
            "Events of reactions that were done within the last hour.",
            reactions.done_last_hour,
        ),
        (
            "dead_last_hour",
            "Events of reactions that failed for good within the last hour.",
            reactions.dead_last_hour,
        ),
    ):
        yield gauge(f"fanout_reactions_{name}", words, figure)
    yield gauge(
        "fanout_oldest_reaction_seconds",
        "For how long the oldest event of reactions could be processed; 0 if there is none.",
        reactions.oldest_seconds or 0,
    )
    yield gauge(
        "fanout_reaction_p50_seconds",
        "Median from when an event of reactions was found until it was done, over the last hour.",
        reactions.p50_seconds,
    )


def _switches(switches: Mapping[str, SwitchSeen]) -> Iterator[Metric]:
    seen = [(_one_of(SWITCHES, name), switch) for name, switch in switches.items()]
    yield summed(
        "fanout_switches_set",
        "Event types and jobs that are held back, by a person or by the breaker.",
        ("type", "outcome"),
        (((name, switch.state), 1) for name, switch in seen),
    )
    yield summed(
        "fanout_events_paused",
        "Events that wait behind a switch.",
        ("type",),
        (((name,), switch.waiting) for name, switch in seen),
    )


def _replays(replays: ReplaysSeen) -> Iterator[Metric]:
    yield gauge(
        "fanout_replays_running", "Replays of the last day that have not ended.", replays.running
    )
    yield gauge("fanout_replay_begun_seconds", "Since the last replay began.", replays.last_seconds)


def _one_of(known: Collection[str], name: str) -> str:
    return name if name in known else OTHER
