"""The checks, by subject. ``CHECKS`` lists all of them in the order of the report."""

from typing import Final

from pipeline.ops.doctor.check import Check
from pipeline.ops.doctor.checks import (
    calendars,
    capture,
    events_table,
    graphs,
    jobs,
    locks,
    mails,
    own_tables,
    pubsub,
    pushes,
    reactions,
    retention,
    roles,
    schema,
    server,
    stream,
    switches,
    tables,
    transport,
)

CHECKS: Final[tuple[Check, ...]] = (
    *server.CHECKS,
    *transport.CHECKS,
    *tables.CHECKS,
    *schema.CHECKS,
    *events_table.CHECKS,
    *locks.CHECKS,
    *roles.CHECKS,
    *capture.CHECKS,
    *stream.CHECKS,
    *graphs.CHECKS,
    *switches.CHECKS,
    *jobs.CHECKS,
    *mails.CHECKS,
    *own_tables.CHECKS,
    *reactions.CHECKS,
    *pushes.CHECKS,
    *retention.CHECKS,
    *calendars.CHECKS,
    *pubsub.CHECKS,
)
