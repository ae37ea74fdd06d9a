"""Draws the status in a terminal of 80 columns."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.clients.postgres.locks import Lock
from pipeline.domain.graph import Graph
from pipeline.domain.units import ago, counted, counted_waiting, duration, is_ahead, moment, size
from pipeline.jobs.reactions.retention import UNROUTED
from pipeline.ops.jobs.kept import LedgerMark, RevokedGrants
from pipeline.ops.mail.figures import MailFigures
from pipeline.ops.push.figures import ChannelFigures
from pipeline.ops.reactions.figures import ReactionFigures
from pipeline.ops.status.figures import (
    DeadLetters,
    Failure,
    GraphSeen,
    JobFigures,
    LastHour,
    Latency,
    OtherProgram,
    Pipeline,
    Queue,
    SlotFigures,
    StatusFigures,
    SwitchSeen,
)
from pipeline.ops.switches.things import EVENT, waiting_thing
from pipeline.screens.printable import printable

FiguresT = TypeVar("FiguresT")

_BARS: Final = "·▁▂▃▄▅▆▇█"
_SILENT_SECONDS: Final = 60
_ALIVE_SECONDS: Final = 3_600
_NO_EVENTS: Final = Text(
    "No events yet. To try it with sample people and events: python -m pipeline seed"
)
_FANOUT_COMES: Final = "the fan-out comes with: python -m pipeline migrate --family fanout"
_WAITING: Final = {
    "events": ("event", "without a final state"),
    "paused": ("event", "paused"),
    "emails:immediate": ("e-mail", "to be sent at once"),
    "emails:aggregated": ("e-mail", "for the next digest"),
}
_CHANNELS: Final = {"fcm": "phone"}


def render(status: StatusFigures) -> RenderableType:
    """Return the whole screen."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(width=12, justify="right", style="cyan")
    lines.add_column(overflow="fold")
    for name, part, shown in (
        ("waiting", "queues", _when_read(status.queues, _queues)),
        ("pipeline", "pipeline", _pipeline(status.pipeline, status.other_program)),
        ("graphs", "graphs", _when_read(status.graphs, _graphs)),
        ("last hour", "last_hour", _when_read(status.last_hour, _last_hour)),
        ("latency", "latency", _when_read(status.latency, _latency)),
        ("capture", "slot", _slot(status)),
        ("heartbeat", "heartbeat_seconds", _heartbeat(status.heartbeat_seconds)),
        ("log on disk", "log_bytes", Text(size(status.log_bytes or 0))),
        ("dead letters", "dead_letters", _when_read(status.dead_letters, _letters)),
    ):
        if part not in status.not_installed:
            lines.add_row(name, _unread(status, part) or shown)
    if status.not_installed:
        lines.add_row("families", _families(status))
    for part, shown in (
        # Without a switch, or without the family, there is no line.
        ("switches", _when_read(status.switches or None, _switches)),
        ("jobs", _when_read(status.jobs, _jobs)),
        ("mails", _when_read(status.mails, _mails)),
        ("pushes", _when_read(status.pushes, _pushes)),
        ("reactions", _when_read(status.reactions, _reactions)),
    ):
        if line := _unread(status, part) or shown:
            lines.add_row(part, line)
    if status.retention is not None and status.retention.held_by is not None:
        lines.add_row("retention", _mark(status.retention))
    if status.calendar_grants is not None and status.calendar_grants.revoked:
        lines.add_row("calendars", _grants(status.calendar_grants))
    if status.locks:
        lines.add_row("locks", _locks(status.locks))
    title = Text.assemble((status.database, "bold"), f" at {_utc(status.taken_at)}")
    # The sample's events are those of the fan-out.
    if status.has_events is False and not status.not_installed:
        return Group(title, "", lines, "", _NO_EVENTS)
    return Group(title, "", lines)


def _families(status: StatusFigures) -> Text:
    if status.mails is None and status.pushes is None and status.reactions is None:
        return Text(f"only the kernel is installed; {_FANOUT_COMES}")
    return Text(f"without the fan-out; {_FANOUT_COMES}")


def _unread(status: StatusFigures, part: str) -> Text | None:
    """Return why a part could not be read; None if it was read."""
    if part in status.not_visible:
        return Text("not visible to this role", "yellow")
    return Text("its table is locked", "red") if part in status.locked else None


def _utc(taken_at: str) -> str:
    return moment(datetime.fromisoformat(taken_at))


def _when_read(
    figures: FiguresT | None, shown: Callable[[FiguresT], RenderableType]
) -> RenderableType | None:
    return None if figures is None else shown(figures)


def _queues(queues: Mapping[str, Queue]) -> Text:
    return Text("\n").join(
        Text(f"{counted(queues[name].waiting, thing)} {why}{_since(queues[name].oldest_seconds)}")
        for name, (thing, why) in _WAITING.items()
        # Paused events are rare: shown only if there are any.
        if name != "paused" or queues[name].waiting
    )


def _since(oldest_seconds: float | None) -> str:
    if oldest_seconds is None:
        return ""
    if is_ahead(oldest_seconds):
        return f", the oldest {ago(oldest_seconds)}"
    return f", the oldest for {duration(oldest_seconds)}"


def _last_hour(hour: LastHour) -> Text:
    counts = ", ".join(f"{events:,} {state}" for state, events in hour.states.items())
    most = max(hour.per_minute)
    return Text.assemble(
        f"{counts}\n",
        (_bars(hour.per_minute), "green"),
        f"\nat most {counted(most, 'event')} a minute",
    )


def _bars(figures: Sequence[int]) -> str:
    most = max(*figures, 1)
    # Rounded up, so that a minute with one event still shows.
    return "".join(_BARS[-(-figure * (len(_BARS) - 1) // most)] for figure in figures)


def _latency(latency: Latency) -> Text:
    if latency.p50_seconds is None or latency.p95_seconds is None or latency.p99_seconds is None:
        return Text("no event completed in the last hour")
    return Text(
        f"p50 {duration(latency.p50_seconds)}, p95 {duration(latency.p95_seconds)},"
        f" p99 {duration(latency.p99_seconds)}, from created_at to the rows"
    )


def _pipeline(pipeline: Pipeline | None, other: OtherProgram | None) -> Text | None:
    if pipeline is None:
        return None
    done = "no event was finished lately"
    if pipeline.done_seconds is not None:
        done = f"the last event was finished {ago(pipeline.done_seconds)}"
    versions = ", ".join(pipeline.versions)
    shown = Text(f"{done}, {f'version {versions} is' if versions else 'none'} connected")
    if pipeline.passed_over:
        passed = counted(pipeline.passed_over, "event")
        shown.append(f"\n{passed} passed over, younger events are finished: run catch-up", "red")
    if other is not None and other.seconds < _ALIVE_SECONDS:
        shown.append(f"\n{printable(other.name)} worked on events {ago(other.seconds)}", "yellow")
    return shown


def _graphs(graphs: Mapping[str, GraphSeen]) -> Text:
    never = [graph.value for graph in Graph if graph not in graphs]
    lines = [_graph(name, seen) for name, seen in graphs.items()]
    return Text("\n").join([*lines, *(Text(f"{name} has never run here") for name in never)])


def _graph(name: str, seen: GraphSeen) -> Text:
    if seen.is_silent:
        silent = duration(seen.last_seen_seconds)
        return Text(
            f"{name}: no sign of life for {silent}, last seen on {printable(seen.host)}", "red"
        )
    return Text(
        f"{name} seen {ago(seen.last_seen_seconds)}, runs for {duration(seen.started_seconds)},"
        f" on {printable(seen.host)}"
    )


def _switches(switches: Mapping[str, SwitchSeen]) -> Text:
    return Text("\n").join(Text(_switch(*each), "yellow") for each in switches.items())


def _switch(name: str, switch: SwitchSeen) -> str:
    waiting = ""
    if waiting_thing(name) == EVENT:
        waiting = f"; {counted_waiting(switch.waiting, EVENT)}"
    reason = f": {printable(switch.reason)}" if switch.reason else ""
    since = duration(switch.since_seconds)
    if switch.until_seconds is None:
        return f"{name} paused for {since} by {switch.who}{reason}{waiting}"
    left = switch.until_seconds
    trial = f"one is tried in {duration(left)}" if left > 0 else "one at a time is tried"
    return f"{name}, its breaker is open for {since}{reason}{waiting}; {trial}"


def _jobs(jobs: Mapping[str, JobFigures]) -> Text:
    lines = [_job(name, job) for name, job in jobs.items() if job.overdue or job.state == "dead"]
    if not lines:
        return Text(f"{counted(len(jobs), 'job')}, none late")
    return Text("\n").join(lines)


def _job(name: str, job: JobFigures) -> Text:
    if not job.overdue:
        return Text(f"{name}: its last run failed for good", "yellow")
    never = job.done_seconds is None
    last = "has never succeeded" if never else f"last succeeded {ago(job.done_seconds or 0)}"
    return Text(f"{name} is late: {last}", "red")


def _mails(mails: MailFigures) -> Text:
    took = ""
    if mails.seconds_to_send is not None:
        took = f" in {duration(mails.seconds_to_send)} on average"
    waits = f"{counted(mails.waiting, 'mail')} due{_since(mails.oldest_seconds)}"
    ended = f"{mails.failed_last_hour:,} failed, {mails.expired_last_hour:,} expired"
    return Text("\n").join(
        [
            Text(waits),
            Text(f"in the last hour {mails.sent_last_hour:,} sent{took}, {ended}"),
            *(Text(each, "red") for each in mails.standstills),
            *(Text(each, "yellow") for each in mails.delays),
        ]
    )


def _pushes(pushes: Mapping[str, ChannelFigures]) -> Text:
    lines = []
    for name, channel in pushes.items():
        label = _CHANNELS.get(name, name)
        now = channel.waiting - channel.later
        waits = [f"{now:,} due{_since(channel.oldest_seconds)}"]
        for figure, words in (
            (channel.later, "for later"),
            (channel.held_back, "held back"),
            (channel.in_digest, "for the next digest"),
        ):
            if figure:
                waits.append(f"{figure:,} {words}")
        ended = (
            f"in the last hour {channel.sent_last_hour:,} sent,"
            f" {channel.failed_last_hour:,} failed, {channel.expired_last_hour:,} expired"
        )
        lines.append(Text(f"{label}: {', '.join(waits)}; {ended}"))
        lines.extend(Text(each, "red") for each in channel.standstills(name))
        lines.extend(Text(each, "yellow") for each in channel.failures(name))
    return Text("\n").join(lines)


def _reactions(reactions: ReactionFigures) -> Text:
    later = reactions.waiting - reactions.due
    waits = [f"{reactions.due:,} due{_since(reactions.oldest_seconds)}"]
    for figure, words in (
        (later, "for later"),
        (reactions.retried, "tried again"),
        (reactions.paused, "paused"),
    ):
        if figure:
            waits.append(f"{figure:,} {words}")
    took = ""
    if reactions.p50_seconds is not None:
        took = f" in {duration(reactions.p50_seconds)} in the median"
    lines = [
        Text(", ".join(waits)),
        Text(
            f"in the last hour {reactions.done_last_hour:,} done{took},"
            f" {reactions.dead_last_hour:,} dead"
        ),
        *(Text(each, "red") for each in reactions.standstills),
    ]
    if reactions.unrouted:
        types = counted(reactions.unrouted_kinds, "type")
        lines.append(
            Text(
                f"{reactions.unrouted:,} without a handler, of {types}, each kept for"
                f" {UNROUTED.days} days: see doctor",
                "yellow",
            )
        )
    return Text("\n").join(lines)


def _mark(mark: LedgerMark) -> Text:
    return Text(
        f"the ledger is kept from event {mark.held_by} on, {duration(mark.behind_seconds or 0)}"
        " longer than it should be: the event has no final state",
        "yellow",
    )


def _grants(grants: RevokedGrants) -> Text:
    are = "is" if grants.revoked == 1 else "are"
    return Text(
        f"{counted(grants.revoked, 'grant')} {are} revoked, the oldest for"
        f" {duration(grants.oldest_seconds)}",
        "yellow",
    )


def _slot(status: StatusFigures) -> Text:
    slot = status.slot
    if slot is None:
        return Text(f"no slot {status.slot_name} in this database: no event is captured", "red")
    shown = _slot_of(slot)
    if status.idle_slot_seconds:
        limit = duration(status.idle_slot_seconds)
        shown.append(f"\nlost if nobody reads it for {limit}", "yellow")
    return shown


def _slot_of(slot: SlotFigures) -> Text:
    if slot.active:
        state = Text("active")
    else:
        inactive = slot.inactive_seconds
        since = "" if inactive is None else f" for {duration(inactive)}"
        state = Text(f"nobody has read the slot{since}", "red")
    if slot.synced:
        state = Text("a standby's copy of the slot")
    if slot.wal_status == "lost" or slot.invalidation_reason:
        reason = f" ({slot.invalidation_reason})" if slot.invalidation_reason else ""
        return Text.assemble(state, (f"; the log that it needs is gone{reason}", "red"))
    left = "without a limit"
    if slot.left_bytes is not None:
        left = f"{size(slot.left_bytes)} left until it is lost"
    return Text.assemble(
        state, f", {size(slot.lag_bytes or 0)} behind\n{size(slot.kept_bytes or 0)} kept, {left}"
    )


def _heartbeat(seconds: float | None) -> Text:
    if seconds is None:
        return Text("none yet", "yellow")
    return Text(ago(seconds), "yellow" if seconds > _SILENT_SECONDS else "")


def _letters(letters: DeadLetters) -> RenderableType:
    if not letters.open:
        return Text("none open")
    total = Text(f"{letters.open:,} open, of {counted(letters.causes, 'cause')}; seen last:", "red")
    return Group(total, *(_cause(failure) for failure in letters.latest))


def _locks(locks: Sequence[Lock]) -> Text:
    return Text("\n").join(
        Text(printable(lock.details), "red" if lock.waiters else "yellow") for lock in locks
    )


def _cause(failure: Failure) -> Text:
    sample = "" if failure.sample_event_id is None else f", event {failure.sample_event_id}"
    return Text.assemble(
        (f"{failure.letters:,} x {failure.error_class}", "bold"),
        f" in {failure.stage}{sample}, {ago(failure.last_seen_seconds)}\n",
        (f"  {failure.fingerprint}  {printable(failure.message)}", "dim"),
    )
