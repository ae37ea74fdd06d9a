"""The tables of the system that reactions replace are named as they are, and used as they are."""

from collections.abc import Iterator
from functools import partial
from typing import Final
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from pipeline.domain.errors import ConfigurationError
from pipeline.jobs.job import Job
from pipeline.jobs.reactions.dispatch_messages import DISPATCH_MESSAGES
from pipeline.jobs.reactions.dispatch_tasks import DISPATCH_TASKS
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.own_tables.faults import find_own_faults
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.run_job import JobRunner
from tests.databases import Database, Databases
from tests.ops.own_tables import original
from tests.reactions.asking import AMARA, TALK
from tests.steps.reactions.board import Board, one

# What only its owner can know, and so has no column that is simply added.
REFUSED: Final = {
    "public.message_queue.agent_id is NOT NULL without a default",
    "public.message_queue.message_data is NOT NULL without a default",
    (
        "public.message_queue.status does not take 'processing', 'failed', which reactions write:"
        " see the constraint message_queue_status_check"
    ),
    "public.user_priorities.priority_rank is NOT NULL without a default",
    "public.credit_events.event_type is NOT NULL without a default",
    "public.credit_events.reference_id is NOT NULL without a default",
    "public.credit_events.reference_type is NOT NULL without a default",
    "public.agent_actions_log.action_type is NOT NULL without a default",
}
ORDER: Final = ["urgent", "high", "medium", None, "low"]


def dispatch(database: Database, job: Job) -> int:
    settings = DatabaseSettings(dsn=database.jobs_dsn)
    done = JobRunner(settings=settings, bury=partial(write_dead_letters, settings, None)).do_round(
        job
    )
    return 0 if done is None else done.emitted


@pytest.fixture
def board(databases: Databases) -> Iterator[Board]:
    """The original's database, with reactions in it, whose tables it does not use yet."""
    with databases.with_reactions() as database:
        with database.connect() as connection:
            original.make(connection)
        board = Board(database)
        yield board
        board.close()


def test_what_its_tables_lack_is_said_with_what_adds_it(board: Board) -> None:
    with pytest.raises(ConfigurationError) as refused:
        migrate(board.database.dsn, family=Family.REACTIONS, tables=original.NAMED)
    with board.database.connect() as connection:
        faults = find_own_faults(connection, original.NAMED.given)
    assert all(fault.seen in str(refused.value) for fault in faults)
    others = {fault.seen.partition(", but")[0] for fault in faults if "missing" not in fault.seen}
    assert others == REFUSED
    lacking = {fault.seen.split(".")[1] for fault in faults}
    assert not lacking & {"events", "users", "intro_offers"}


def test_handlers_and_dispatch_work_in_its_tables_in_its_own_words(board: Board) -> None:
    original.adopt(board.database)
    board.event(
        "user.inquiry.solution_needed",
        {
            "userId": str(AMARA),
            "conversationId": str(TALK),
            "requestDescription": "A lender",
            "urgency": "high",
        },
    )
    board.event(
        "intro.completed",
        {
            "introId": str(uuid4()),
            "connectorUserId": str(AMARA),
            "completedAt": "2026-03-02T12:00:00Z",
            "creditsAwarded": 10,
        },
    )
    board.event(
        "message.send.requested",
        {
            "userId": str(AMARA),
            "agentId": "concierge-1",
            "messageData": {"template": "hello", "context": {"name": "Amara"}},
            "priority": "low",
        },
    )
    board.event(
        "connection.request_created",
        {
            "connectionRequestId": str(uuid4()),
            "innovatorUserId": str(uuid4()),
            "introduceeUserId": str(AMARA),
            "introduceeProspectName": "Maya",
            "expiresAt": "2030-03-02T12:00:00Z",
        },
    )
    assert board.process() == 4
    failed = "SELECT event_type, state, reason FROM fanout.reactions WHERE failures > 0"
    assert board.rows(f"{failed} OR state = 'dead'") == []
    assert board.rows(
        "SELECT item_type, status, priority_rank, value_score, content::jsonb <> '{}'"
        " FROM public.user_priorities"
    ) == [("connection_request", "active", 999, 60, True)]
    assert board.rows(
        "SELECT priority, status FROM public.agent_tasks WHERE task_type = 'research_solution'"
    ) == [("high", "pending")]
    assert board.rows("SELECT priority, message_data ->> 'template' FROM public.message_queue") == [
        ("low", "hello")
    ]
    assert board.rows(
        "SELECT event_type, amount, credit_balance FROM public.credit_events"
        " JOIN public.users AS person ON person.id = user_id"
    ) == [("intro_completed", 10, 10)]
    # A foreign key of its tables forbids a task for somebody whom it does not know.
    unknown = board.event("user.verified", {"userId": str(uuid4())})
    board.process(unknown)
    assert board.state(unknown)[0] == "dead"
    # Those of before, and the new ones: the most urgent first, and their rows keep their words.
    board.execute("UPDATE public.agent_tasks SET scheduled_for = now() - interval '1 hour'")
    due = one(board.rows("SELECT count(*) FROM public.agent_tasks"))
    assert dispatch(board.database, DISPATCH_TASKS) == due
    assert dispatch(board.database, DISPATCH_MESSAGES) == 1
    ready = board.rows(
        "SELECT task.priority FROM public.events JOIN public.agent_tasks AS task"
        " ON task.id = aggregate_id WHERE event_type = 'agent.task_ready'"
        " AND task.task_type = 'old' ORDER BY sequence"
    )
    assert sorted([word for (word,) in ready], key=ORDER.index)[:2] == [w for (w,) in ready][:2]
    assert [word for (word,) in ready][-1] == "low"
    assert one(board.rows("SELECT DISTINCT status FROM public.agent_tasks")) == "processing"
    [(message,)] = board.rows("SELECT id FROM public.message_queue")
    board.rows("SELECT reactions.fail_message(%s, 'no such number')", message)
    assert board.rows("SELECT status FROM public.message_queue") == [("queued",)]


def test_a_task_that_its_application_writes_is_handed_out_whatever_its_word(board: Board) -> None:
    """One that nobody knows waits among the medium ones, and holds up no other."""
    original.adopt(board.database)
    board.execute("ALTER TABLE public.agent_tasks DROP CONSTRAINT agent_tasks_priority_check")
    board.execute("TRUNCATE public.agent_tasks")
    words = ("low", "whenever", "URGENT", "medium", "high")
    for place, word in enumerate(words):
        board.execute(
            "INSERT INTO public.agent_tasks (task_type, agent_type, scheduled_for, priority,"
            " context_json) VALUES (%s, 'a', '2026-01-01'::timestamptz + %s * interval '1 s',"
            " %s, %s)",
            *(word, place, word, Jsonb({})),
        )
    assert dispatch(board.database, DISPATCH_TASKS) == len(words)
    assert board.rows(
        "SELECT payload ->> 'taskType', payload ->> 'priority' FROM public.events"
        " WHERE event_type = 'agent.task_ready' ORDER BY sequence"
    ) == [("URGENT", "0"), ("high", "1"), ("whenever", "2"), ("medium", "2"), ("low", "3")]
