"""The ids of traces are the same in every process, and differ between events."""

from pipeline.domain.record import EVENTS, RecordKey
from pipeline.domain.trace_ids import trace_of

NOON = 1_772_452_800_000_000
EVENT = RecordKey(EVENTS, "42")


def test_the_ids_follow_from_the_row_alone_in_every_version() -> None:
    # Processes of two versions run beside each other during an update.
    ids = trace_of(EVENT, NOON)
    assert f"{ids.trace:032x}" == "c36171e83423ffd02733eecb12b95c17"
    assert f"{ids.root:016x}" == "e5254b2cae15186c"
    assert f"{ids.replay('a'):016x}" == "cf412d78d861b397"


def test_other_rows_times_and_replays_have_other_ids() -> None:
    rows = [EVENT, RecordKey(EVENTS, "43"), RecordKey("events", "42")]
    found = [trace_of(row, moment) for row in rows for moment in (NOON, NOON + 1, None)]
    assert len({each.trace for each in found}) == len({each.root for each in found}) == len(found)
    replays = {each.replay(name) for each in found for name in ("a", "b")}
    assert len(replays) == 2 * len(found)
    assert replays.isdisjoint(each.root for each in found)
