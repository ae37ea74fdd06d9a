"""Rows and messages that cannot be processed, among good ones."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Final

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRow
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import Message
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.row import Row, decode
from tests.golden.world import P1, R1, U1
from tests.torture.figures import Figures
from tests.torture.load import UPLOAD
from tests.torture.rig import Rig
from tests.torture.scale import SCALE


@dataclass(frozen=True, slots=True)
class Poison:
    """The values that an application writes into a row.

    Attributes:
        error_class: the error class of the row's dead letter.
    """

    payload: str = "{}"
    created_at: str = "now"
    error_class: str = "InvalidEvent"


ROWS: Final[Mapping[str, Poison]] = {
    "a number instead of a text": Poison('{"fileName": 9223372036854775808}'),
    "a number that overflows": Poison('{"fileName": 1e400}'),
    "a list instead of a text": Poison('{"fileName": ["a.pdf"]}'),
    "a list as payload": Poison("[]"),
    "a text as payload": Poison('"{}"'),
    "a number as payload": Poison("0"),
    "no end of time": Poison(created_at="infinity"),
    "no beginning of time": Poison(created_at="-infinity"),
    "a year before the first": Poison(created_at="0044-03-15 BC"),
    "a year of five digits": Poison(created_at="20000-01-01"),
    "the last year there is": Poison(created_at="294276-12-31"),
    "nesting without end": Poison(
        '{"fileName": ' + '{"a":' * 2_000 + "1" + "}" * 2_001, error_class="TooDeep"
    ),
    "5 MB": Poison(json.dumps({"fileName": ["x" * 5_000_000]}), error_class="TooLarge"),
}
POSITIONS: Final = {"first": 0.0, "in the middle": 0.5, "last": 1.0}


def _with(payload: bytes) -> bytes:
    columns = (
        f'"created_at": "2026-01-01T00:00:00Z", "actor_id": "{U1}",'
        f' "project_id": "{P1}", "resource_id": "{R1}"'
    )
    return b"{" + columns.encode() + b', "payload": ' + payload + b"}"


def _text(payload: str) -> bytes:
    """A payload as an earlier release's change data capture sent it: JSON within a JSON string."""
    return _with(json.dumps(payload).encode())


# Each of these once cost at least its own event. Now only the id of a message is read.
BODIES: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "a NUL byte": _with(b'{"fileName": "a\0b"}'),
    "an escaped NUL": _text('{"fileName": "a\\u0000b"}'),
    "half a surrogate pair": _text('{"fileName": "\\ud800"}'),
    "NaN": _text('{"fileName": NaN}'),
    "infinity": _text('{"fileName": Infinity}'),
    "a number that overflows": _text('{"fileName": 1e400}'),
    "a wrong UUID": b'{"created_at": "2026-01-01T00:00:00Z", "actor_id": "nobody"}',
    "a wrong time": b'{"created_at": "soon"}',
    "bytes that are no UTF-8": b'{"payload": "\xff\xfe"}',
    "half a message": _with(b'{"fileName": "a')[:-9],
    "nesting without end": _with(b'{"a":' * 2_000 + b"1" + b"}" * 2_000),
    "300 KB": _with(b'{"fileName": "' + b"x" * 300_000 + b'"}'),
}


def spoil(rig: Rig, event: int, poison: Poison) -> None:
    with psycopg.connect(rig.dsn) as connection:
        connection.execute(
            "UPDATE domain_events SET payload = %s::jsonb, created_at = %s::timestamptz"
            " WHERE id = %s",
            [poison.payload, poison.created_at, event],
        )


def test_poison_costs_only_itself(rig: Rig, figures: Figures) -> None:
    poisoned: dict[int, str] = {}
    with rig.live() as life:
        for poison in ROWS.values():
            for position in POSITIONS.values():
                batch = rig.load.insert(SCALE.poison_batch, [UPLOAD])
                index = round(position * (len(batch) - 1))
                event = int(batch[index].attributes["id"])
                spoil(rig, event, poison)
                rig.load.events.pop(event)
                poisoned[event] = poison.error_class
                rig.pubsub.publish(batch)
        rig.wait_for(life, len(rig.load.events) + len(poisoned))
        life.stop()
    assert rig.dead_letters() == poisoned
    audit = rig.audit()
    assert audit.dead_letters == len(poisoned)
    assert audit.misjudged == len(poisoned)
    assert (audit.lost_events, audit.lost, audit.duplicated) == (0, 0, 0)
    figures.found(
        9,
        f"{len(ROWS)} kinds of malformed rows, each {', '.join(POSITIONS)} of a batch",
        len(poisoned),
        audit,
        f"in batches of {SCALE.poison_batch}; each became the one dead letter of its batch",
    )


def test_what_a_message_holds_beside_the_id_costs_nothing(rig: Rig) -> None:
    malformed = [
        Message(data, {"id": message.attributes["id"], "event_type": "moon_rose"})
        for message, data in zip(
            rig.load.insert(SCALE.poison_batch, [UPLOAD]), cycle(BODIES.values()), strict=False
        )
    ]
    assert len(malformed) >= len(BODIES)
    rig.pubsub.publish(malformed)
    audit = rig.finish()
    assert audit.is_clean, audit


_TYPES: Final = (*map(EventType, ("document_uploaded", "chat_message_sent")), None)
_PAYLOADS: Final = {name: handler.payload for name, handler in HANDLERS.items()}
_VALID: Final = (
    f'{{"fileName": "a.pdf", "mentioned_user_ids": ["{U1}"]}}',
    '{"full_content": "\\u00e9\\ud83d\\ude00"}',
    "null",
)
_SAMPLES: Final = tuple(
    text.encode()
    for text in (*_VALID, *(poison.payload for poison in ROWS.values()))
    if len(text) < 10_000
)
_KINDS: Final = (None, "null", "object", "array", "string", "number", "boolean")


@st.composite
def damaged(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    """A sample with a few of its bytes replaced, removed or inserted."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        data[start : start + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(data)


_rows: Final = st.builds(
    Row,
    id=st.just(EventId(1)),
    type=st.sampled_from(_TYPES),
    created_at=st.just(0) | st.none() | st.integers(-(2**63), 2**63 - 1),
    payload_kind=st.just("object") | st.sampled_from(_KINDS),
    payload=st.none() | damaged(_SAMPLES).map(lambda data: data.decode(errors="replace")),
)
_messages: Final = st.builds(
    Message,
    damaged(tuple(data for data in BODIES.values() if len(data) < 10_000)),
    st.dictionaries(st.sampled_from(["id", "event_type", "replay"]) | st.text(), st.text())
    | damaged((b"1", b"9223372036854775807")).map(
        lambda data: {"id": data.decode(errors="replace")}
    ),
)


def test_no_row_and_no_message_surprises_the_decoder(figures: Figures) -> None:
    seen = 0

    def offer(row: Row, message: Message) -> None:
        nonlocal seen
        try:
            assert isinstance(decode(row, _PAYLOADS), Event | Unrouted)
        except InvalidRow as error:
            assert str(error).isprintable()  # noqa: PT017 - either end is right, with a text
        named = WakeUp.of(message).event_id
        assert named is None or str(named) == message.attributes["id"].lstrip("0")
        seen += 1

    limits = settings(
        max_examples=SCALE.examples,
        database=None,
        suppress_health_check=[*HealthCheck],
        phases=[Phase.generate, Phase.shrink],
    )
    limits(given(_rows, _messages)(offer))()
    assert seen >= SCALE.examples
    figures.tried(10, "Damaged rows and messages offered to the decoder", seen, "no uncaught error")
