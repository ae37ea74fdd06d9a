"""A table whose columns have other names takes the place of ours, as the manual says."""

import re
from typing import Final

from tests.databases import Databases
from tests.ops.own_tables.application import Application
from tests.ops.own_tables.original import DOCUMENT
from tests.reactions.asking import AMARA, TALK
from tests.steps.reactions.board import Board

STATEMENTS: Final = re.compile(r"test_other_names.py runs this -->\n```sql\n(.*?)```", re.DOTALL)
EVENTS: Final = """
    CREATE TABLE public.events (
        id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        name       varchar(255) NOT NULL,
        subject_id uuid,
        source     text NOT NULL,
        payload    jsonb NOT NULL DEFAULT '{}',
        metadata   jsonb,
        processed  boolean NOT NULL DEFAULT false,
        version    integer DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(),
        created_by varchar(100),
        aggregate_type varchar(50)
    );
"""
INSERT: Final = """
    INSERT INTO public.events (name, subject_id, source, payload)
    VALUES ('user.inquiry.solution_needed', %(person)s, 'shop', jsonb_build_object(
        'userId', %(person)s::text, 'conversationId', %(talk)s::text,
        'requestDescription', 'A lender'
    ))
"""


def test_a_trigger_keeps_columns_of_other_names_alike(databases: Databases) -> None:
    [statements] = STATEMENTS.findall(DOCUMENT.read_text())
    ids = {"person": AMARA, "talk": TALK}
    with databases.with_reactions() as database:
        board = Board(database)
        with database.connect() as connection:
            connection.execute(EVENTS)
            connection.execute(INSERT, ids)
            connection.execute(statements)
            Application(board).migrate("events=public.events")
            connection.execute(INSERT, ids)
        assert board.process() == 2
        rows = board.rows(
            "SELECT name, event_type = name, aggregate_id IS NOT DISTINCT FROM subject_id, source"
            " FROM public.events ORDER BY source DESC, name"
        )
        assert rows == [
            *[("user.inquiry.solution_needed", True, True, "shop")] * 2,
            *[("solution.research_initiated", True, True, "reactions")] * 2,
            *[("solution.time_over", True, True, "reactions")] * 2,
        ]
        board.close()
