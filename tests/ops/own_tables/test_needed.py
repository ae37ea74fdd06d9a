"""The list of what a table needs is what our own tables have."""

from typing import Any, Final

from pipeline.ops.own_tables.needed import OWN_TABLES
from tests.steps.reactions.board import Board

# No statement names these.
UNUSED: Final = {
    ("agent_actions_log", "created_at"),
    ("credit_events", "created_at"),
    ("inbox_items", "created_at"),
    ("intro_offers", "created_at"),
}
COLUMNS: Final = """
    SELECT relation.relname, attribute.attname,
        format_type(attribute.atttypid, attribute.atttypmod)
    FROM pg_class AS relation
    JOIN pg_attribute AS attribute
        ON attribute.attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    WHERE relation.relkind = 'r' AND relation.relnamespace = 'reactions'::regnamespace
"""
INSERTED: Final = """
    SELECT DISTINCT relation.relname, attribute.attname
    FROM pg_class AS relation
    JOIN pg_attribute AS attribute
        ON attribute.attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    JOIN pg_roles AS role ON role.rolname IN ('fanout_reactions', 'fanout_jobs')
    WHERE relation.relkind = 'r' AND relation.relnamespace = 'reactions'::regnamespace
        AND has_column_privilege(role.oid, relation.oid, attribute.attnum, 'INSERT')
"""
KEYS: Final = """
    SELECT relation.relname, ARRAY(
        SELECT attribute.attname::text
        FROM unnest(index.indkey) AS key (number)
        JOIN pg_attribute AS attribute
            ON attribute.attrelid = relation.oid AND attribute.attnum = key.number
        ORDER BY 1
    )
    FROM pg_index AS index
    JOIN pg_class AS relation ON relation.oid = index.indrelid
    WHERE index.indisunique AND relation.relnamespace = 'reactions'::regnamespace
"""


def test_the_list_has_every_table_column_type_and_key_of_ours(board: Board) -> None:
    columns = {(table, name): of_type for table, name, of_type in board.rows(COLUMNS)}
    listed = {
        (table, column.name): column.type
        for table, each in OWN_TABLES.items()
        for column in each.columns
    }
    assert listed == {name: each for name, each in columns.items() if name not in UNUSED}
    assert columns.keys() >= UNUSED
    keys: set[tuple[Any, ...]] = {(table, *names) for table, names in board.rows(KEYS)}
    assert keys == {
        (table, *sorted(key)) for table, each in OWN_TABLES.items() for key in each.keys
    }


def test_the_list_says_which_columns_are_filled(board: Board) -> None:
    inserted = {(table, name) for table, each in OWN_TABLES.items() for name in each.inserted}
    assert inserted == set(board.rows(INSERTED))
