"""Handlers in; out, for each type of which the sample tells nothing, its own example.

So a type that was just added shows up in the demo and after ``seed``, among the sample's people.
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
# The people and places of the examples, and who they are in the sample.
_SAME: Final = {
    **{COLUMNS[name]: sample for name, sample in _ROW.items()},
    # An owner, who takes part in the thread and the meeting: every event is for them.
    READER.id: ids.person("tomas"),
    NEIGHBOUR.id: ids.person("leo"),
    ACTOR.id: ids.person("maya"),
    PROJECT.owner_organisation_id: ids.organisation("harrow"),
}


def added_events(
    handlers: Iterable[Handler[Any]], sample: Iterable[SampleEvent]
) -> Iterator[SampleEvent]:
    """An event for each handler that no event of the sample is for."""
    known = {event.event_type for event in sample}
    for handler in handlers:
        if handler.event_type in known:
            continue
        try:
            payload = json.dumps(example(handler))
        except LookupError:
            # The catalogue says so; here is nothing to tell.
            continue
        for theirs, ours in _SAME.items():
            payload = payload.replace(str(theirs), str(ours))
        yield SampleEvent(event_type=handler.event_type, payload=json.loads(payload), **_ROW)
