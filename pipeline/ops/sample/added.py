"""Makes a sample event for each event type that the sample does not contain.

It comes from the example in the handler's payload. So a new event type appears in the demo and
after ``seed``, with the people of the sample.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pipeline.fanout.handler import Handler
from pipeline.ops.sample import ids
from pipeline.ops.sample.event import SampleEvent
from pipeline.testing.rehearsal import ACTOR, COLUMNS, NEIGHBOUR, PROJECT, READER, example

_ROW: Final = {
    "actor_id": ids.person("maya"),
    "project_id": ids.project("harbor"),
    "resource_id": ids.resource("harbor-phase-one"),
    "thread_id": ids.thread("harbor-general"),
    "meeting_id": ids.meeting("site-visit"),
}
# The people and places of the examples, and their counterparts in the sample.
_SAME: Final = {
    **{COLUMNS[name]: sample for name, sample in _ROW.items()},
    # An owner, who takes part in the thread and in the meeting, so every event concerns them.
    READER.id: ids.person("tomas"),
    NEIGHBOUR.id: ids.person("leo"),
    ACTOR.id: ids.person("maya"),
    PROJECT.owner_organisation_id: ids.organisation("harrow"),
}


def added_events(
    handlers: Iterable[Handler[Any]], sample: Iterable[SampleEvent]
) -> Iterator[SampleEvent]:
    """Yield an event for each handler whose event type is not in the sample."""
    known = {event.event_type for event in sample}
    for handler in handlers:
        if handler.event_type in known:
            continue
        try:
            payload = json.dumps(example(handler))
        except LookupError:
            # The payload has no example. The catalogue reports that.
            continue
        for theirs, ours in _SAME.items():
            payload = payload.replace(str(theirs), str(ours))
        yield SampleEvent(event_type=handler.event_type, payload=json.loads(payload), **_ROW)
