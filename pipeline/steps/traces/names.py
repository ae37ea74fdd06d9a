"""The names in the traces of events: spans, attributes and outcomes."""

from typing import Final

ROOT: Final = "event"
REPLAY: Final = "replay"
CAPTURE: Final = "capture"
WAITING: Final = "waiting"
BURY: Final = "bury"

EVENT_ID: Final = "fanout.event.id"
EVENT_TYPE: Final = "fanout.event.type"
OUTCOME: Final = "fanout.outcome"
BATCH_SIZE: Final = "fanout.batch.size"
FINGERPRINT: Final = "fanout.error.fingerprint"
# A name of OpenTelemetry's semantic conventions.
ERROR: Final = "error.type"

COMPLETED_BEFORE: Final = "completed before"
NOT_VISIBLE: Final = "not visible yet"
