"""How often each fault is injected: a few times in every test run, often in ``make torture``."""

import os
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The number of times or of events.

    Attributes:
        kills: kills of the pipeline at random instants.
        failpoints: kills of the pipeline by itself, at the two most critical instants.
        crashes: crashes of Postgres.
        emulator_restarts: restarts of Pub/Sub that lose all its messages.
        cuts: connections to Postgres that are cut at a random byte.
        black_holes: times when all connections to Postgres stay open without replies.
        copied_events: events that are delivered to four writers, in ten copies each.
        poison_batch: events around a poisoned one.
        orders: permutations of one set of events.
        debezium_kills: kills of Debezium under load.
        slot_drops: drops of the replication slot while events are written.
        schema_changes: changes of ``domain_events`` while events are written.
        examples: generated rows and messages for the decoder.
        backlog: events of one catch-up during which Postgres crashes twice.
        job_kills: kills of each scheduled job, at the statements of a run in turn.
        job_races: runs of each scheduled job by two processes at once.
        mail_kills: kills of the sender of mail after each of its steps, alone and in batches.
        mail_storms: kills of one of four senders, while requests to the provider fail.
        mail_crashes: crashes of Postgres while mails are sent.
        push_kills: kills of push on each channel after each of its steps.
        push_rows: rows that four workers push while the bus and FCM fail in turn.
        reaction_kills: kills of a worker of reactions after each of its steps.
        reaction_storms: kills of one of four workers of reactions, with a crash of Postgres after
            every other one.
    """

    kills: int
    failpoints: int
    crashes: int
    emulator_restarts: int
    cuts: int
    black_holes: int
    copied_events: int
    poison_batch: int
    orders: int
    debezium_kills: int
    slot_drops: int
    schema_changes: int
    examples: int
    backlog: int
    job_kills: int
    job_races: int
    mail_kills: int
    mail_storms: int
    mail_crashes: int
    push_kills: int
    push_rows: int
    reaction_kills: int
    reaction_storms: int


SMOKE: Final = Scale(
    kills=4,
    failpoints=4,
    crashes=2,
    emulator_restarts=1,
    cuts=6,
    black_holes=1,
    copied_events=200,
    poison_batch=30,
    orders=2,
    debezium_kills=1,
    slot_drops=1,
    schema_changes=1,
    examples=500,
    backlog=10_000,
    job_kills=3,
    job_races=1,
    mail_kills=2,
    mail_storms=2,
    mail_crashes=1,
    push_kills=1,
    push_rows=200,
    reaction_kills=1,
    reaction_storms=2,
)
FULL: Final = Scale(
    kills=700,
    failpoints=300,
    crashes=100,
    emulator_restarts=20,
    cuts=1_000,
    black_holes=20,
    copied_events=5_000,
    poison_batch=500,
    orders=50,
    debezium_kills=10,
    slot_drops=2,
    schema_changes=5,
    examples=200_000,
    backlog=100_000,
    job_kills=400,
    job_races=60,
    mail_kills=125,
    mail_storms=300,
    mail_crashes=100,
    push_kills=150,
    push_rows=5_000,
    reaction_kills=400,
    reaction_storms=200,
)
IS_FULL: Final = os.environ.get("FANOUT_TORTURE") == "full"
SCALE: Final = FULL if IS_FULL else SMOKE
