"""Columns that an application leaves empty: such an event has a state, and holds up no other."""

from typing import Final
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.check import Severity
from pipeline.ops.reactions.explain import read_reaction
from pipeline.ops.reactions.words import advice
from pipeline.ops.replay.selector import Selector
from pipeline.settings import DatabaseSettings
from tests.ops.examination import found
from tests.ops.own_tables.application import Application
from tests.reactions.asking import AMARA
from tests.steps.reactions.test_replay import replay

LOOSE: Final = (
    "ALTER TABLE public.events ALTER event_type DROP NOT NULL, ALTER payload DROP NOT NULL"
)
VERIFIED: Final = {"userId": str(AMARA), "pocAgentType": "bouncer"}


def insert(own: Application, event_type: str | None, payload: object) -> UUID:
    [(event_id,)] = own.board.rows(
        "INSERT INTO public.events (event_type, payload) VALUES (%s, %s) RETURNING id",
        event_type,
        None if payload is None else Jsonb(payload),
    )
    assert isinstance(event_id, UUID)
    return event_id


@pytest.fixture
def loose(own: Application) -> Application:
    own.board.execute(LOOSE)
    return own


def test_events_without_a_type_are_parked_and_the_others_are_done(loose: Application) -> None:
    before = [insert(loose, None, VERIFIED), insert(loose, "user.verified", VERIFIED)]
    loose.migrate("events=public.events")
    named = insert(loose, None, VERIFIED)
    later = [
        insert(loose, None, None),
        insert(loose, "user.verified", None),
        insert(loose, "user.verified", VERIFIED),
    ]
    # By a message, from before the pipeline, and without a message.
    loose.board.process(named)
    loose.board.process()
    states = [loose.board.state(each)[0] for each in (*before, named, *later)]
    assert states == ["unrouted", "done", "unrouted", "unrouted", "dead", "done"]
    reason = "SELECT reason FROM fanout.reactions WHERE state = 'dead'"
    assert loose.board.rows(reason) == [("payload: an object is needed",)]


def test_an_event_whose_type_is_filled_in_later_is_replayed(loose: Application) -> None:
    loose.migrate("events=public.events")
    event = insert(loose, None, VERIFIED)
    loose.board.process()
    operator = DatabaseSettings(dsn=loose.database.operator_dsn)
    assert "fill its column event_type" in str(advice(read_reaction(operator, event)))
    seen = found(loose.database, "reaction types")
    assert (seen.severity, "fill event_type" in str(seen.fix)) == (Severity.WARNING, True)
    loose.board.execute("UPDATE public.events SET event_type = 'user.verified'")
    assert "has a handler now" in str(advice(read_reaction(operator, event)))
    replay(loose.board, Selector(events=(event,)))
    loose.board.process()
    assert loose.board.state(event)[0] == "done"


def test_a_table_whose_ids_may_be_null_is_refused(own: Application) -> None:
    own.board.execute(
        "ALTER TABLE public.events DROP CONSTRAINT events_pkey, ADD UNIQUE (id),"
        " ALTER COLUMN id DROP NOT NULL"
    )
    fix = "ALTER TABLE public.events ALTER COLUMN id SET NOT NULL"
    with pytest.raises(ConfigurationError, match=rf"public\.events\.id may be NULL; fix: {fix};"):
        own.migrate("events=public.events")
    own.board.execute(fix)
    own.migrate("events=public.events")
