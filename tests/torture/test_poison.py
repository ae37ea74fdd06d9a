"""Messages that nothing can be made of, among others."""

import json
from collections.abc import Mapping
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.domain.message import Message
from tests.domain.test_wire_properties import decodes_or_is_malformed
from tests.golden.world import P1, R1, U1
from tests.torture.figures import Figures
from tests.torture.load import UPLOAD
from tests.torture.rig import Rig
from tests.torture.scale import SCALE

_COLUMNS: Final = (
    f'"created_at": "2026-01-01T00:00:00Z", "actor_id": "{U1}",'
    f' "project_id": "{P1}", "resource_id": "{R1}"'
).encode()


def _with(payload: bytes) -> bytes:
    return b"{" + _COLUMNS + b', "payload": ' + payload + b"}"


def _text(payload: str) -> bytes:
    """A payload as change data capture sends it: JSON within a JSON string."""
    return _with(json.dumps(payload).encode())


# What bare writers choke on: each of these once cost all 500 rows of its batch.
POISON: Final[Mapping[str, bytes]] = {
    "a NUL byte": _with(b'{"fileName": "a\0b"}'),
    "an escaped NUL": _text('{"fileName": "a\\u0000b"}'),
    "half a surrogate pair": _text('{"fileName": "\\ud800"}'),
    "NaN": _text('{"fileName": NaN}'),
    "infinity": _text('{"fileName": Infinity}'),
    "a number instead of a text": _text('{"fileName": 9223372036854775808}'),
    "a number that overflows": _text('{"fileName": 1e400}'),
    "a wrong UUID": b'{"created_at": "2026-01-01T00:00:00Z", "actor_id": "nobody"}',
    "a wrong time": b'{"created_at": "soon"}',
    "bytes that are no UTF-8": b'{"payload": "\xff\xfe"}',
    "half a message": _with(b'{"fileName": "a')[:-9],
    "nesting without end": _with(b'{"a":' * 2_000 + b"1" + b"}" * 2_000),
    "300 KB": _with(b'{"fileName": "' + b"x" * 300_000 + b'"}'),
}
POSITIONS: Final = {"first": 0.0, "in the middle": 0.5, "last": 1.0}


def test_poison_costs_only_itself(rig: Rig, figures: Figures) -> None:
    poisoned: set[int] = set()
    with rig.live() as life:
        for poison in POISON.values():
            for position in POSITIONS.values():
                batch = rig.load.insert(SCALE.poison_batch, [UPLOAD])
                index = round(position * (len(batch) - 1))
                event = int(batch[index].attributes["id"])
                batch[index] = Message(poison, batch[index].attributes)
                rig.load.events.pop(event)
                poisoned.add(event)
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
        f"{len(POISON)} kinds of malformed messages, each {', '.join(POSITIONS)} of a batch",
        len(poisoned),
        audit,
        f"in batches of {SCALE.poison_batch}; each became the one dead letter of its batch",
    )


_TYPES: Final = ("document_uploaded", "chat_message_sent", "thread_unread_stale", "moon_rose")
_VALID: Final = (
    _text('{"fileName": "a.pdf", "unread_count": 3, "mentioned_user_ids": ["' + str(U1) + '"]}'),
    _with(b'{"full_content": "\\u00e9\\ud83d\\ude00"}'),
    _with(b"null"),
)
_SAMPLES: Final = tuple(data for data in (*_VALID, *POISON.values()) if len(data) < 10_000)


@st.composite
def damaged_messages(draw: st.DrawFn) -> Message:
    """A message with a few of its bytes replaced, left out or put in."""
    data = bytearray(draw(st.sampled_from(_SAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        data[start : start + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    event_type = draw(st.sampled_from(_TYPES))
    return Message(bytes(data), {"id": "1", "event_type": event_type})


def test_no_message_surprises_the_decoder(figures: Figures) -> None:
    seen = 0

    def decode(message: Message) -> None:
        nonlocal seen
        decodes_or_is_malformed(message)
        seen += 1

    limits = settings(
        max_examples=SCALE.examples,
        deadline=None,
        database=None,
        suppress_health_check=[*HealthCheck],
        phases=[Phase.generate, Phase.shrink],
    )
    limits(given(damaged_messages())(decode))()
    assert seen >= SCALE.examples
    figures.tried(10, "Damaged messages offered to the decoder", seen, "no uncaught error")
