"""The tables of the system that this family replaces: its names, types, defaults, keys, triggers.

What a status or a priority may say is a comment there; here it is a constraint.
"""

import re
from pathlib import Path
from typing import Final

import psycopg

from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.own_tables.faults import find_own_faults
from pipeline.ops.own_tables.given import read_tables
from tests.databases import Database
from tests.ops.own_tables.application import EVENTS

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "your-tables.md"
TRIGGERS: Final = re.compile(r"original.py runs this -->\n```sql\n(.*?)```", re.DOTALL)

USERS: Final = """
    CREATE TABLE public.users (
        id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        phone_number   varchar(20) UNIQUE NOT NULL,
        email          varchar(255),
        verified       boolean DEFAULT false,
        expertise      text[],
        credit_balance integer DEFAULT 0,
        created_at     timestamptz DEFAULT now(),
        last_active_at timestamptz
    );
    CREATE TABLE public.conversations (
        id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id         uuid REFERENCES public.users (id) NOT NULL,
        phone_number    varchar(20) NOT NULL,
        status          varchar(50) DEFAULT 'active'
            CHECK (status IN ('active', 'paused', 'completed')),
        created_at      timestamptz DEFAULT now(),
        updated_at      timestamptz DEFAULT now(),
        last_message_at timestamptz
    );
"""
TASKS: Final = """
    CREATE TABLE public.agent_tasks (
        id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        task_type         varchar(100) NOT NULL,
        agent_type        varchar(50) NOT NULL,
        user_id           uuid REFERENCES public.users (id),
        context_id        uuid,
        context_type      varchar(50),
        scheduled_for     timestamptz NOT NULL,
        priority          varchar(20) DEFAULT 'medium'
            CHECK (priority IN ('urgent', 'high', 'medium', 'low')),
        status            varchar(50) DEFAULT 'pending' CHECK (
            status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')
        ),
        retry_count       integer DEFAULT 0,
        max_retries       integer DEFAULT 3,
        last_attempted_at timestamptz,
        context_json      jsonb NOT NULL,
        result_json       jsonb,
        error_log         text,
        created_at        timestamptz DEFAULT now(),
        created_by        varchar(100),
        completed_at      timestamptz
    );
    CREATE INDEX idx_tasks_due ON public.agent_tasks (status, scheduled_for, priority)
        WHERE status = 'pending';
"""
MESSAGES: Final = """
    CREATE TABLE public.message_queue (
        id                       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id                  uuid REFERENCES public.users (id) NOT NULL,
        agent_id                 varchar(100) NOT NULL,
        message_data             jsonb NOT NULL,
        final_message            text,
        scheduled_for            timestamptz NOT NULL,
        priority                 varchar(20) DEFAULT 'medium',
        status                   varchar(50) DEFAULT 'queued'
            CHECK (status IN ('queued', 'approved', 'sent', 'superseded', 'cancelled')),
        superseded_by_message_id uuid REFERENCES public.message_queue (id),
        superseded_reason        varchar(100),
        conversation_context_id  uuid REFERENCES public.conversations (id),
        requires_fresh_context   boolean DEFAULT false,
        sent_at                  timestamptz,
        delivered_message_id     uuid,
        created_at               timestamptz DEFAULT now()
    );
"""
OTHERS: Final = """
    CREATE TABLE public.user_priorities (
        id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id            uuid REFERENCES public.users (id) NOT NULL,
        priority_rank      integer NOT NULL,
        item_type          varchar(50) NOT NULL,
        item_id            uuid NOT NULL,
        value_score        decimal(5, 2),
        status             varchar(50) DEFAULT 'active'
            CHECK (status IN ('active', 'presented', 'actioned', 'expired')),
        created_at         timestamptz DEFAULT now(),
        expires_at         timestamptz,
        presented_at       timestamptz,
        content            text,
        metadata           jsonb,
        presentation_count integer DEFAULT 0,
        UNIQUE (user_id, item_type, item_id)
    );
    CREATE TABLE public.community_requests (
        id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        requesting_agent_type varchar(50) NOT NULL,
        requesting_user_id    uuid REFERENCES public.users (id),
        context_id            uuid,
        context_type          varchar(50),
        question              text NOT NULL,
        category              varchar(100),
        expertise_needed      text[],
        target_user_ids       uuid[],
        status                varchar(50) DEFAULT 'open'
            CHECK (status IN ('open', 'responses_received', 'closed')),
        responses_count       integer DEFAULT 0,
        closed_loop_at        timestamptz,
        created_at            timestamptz DEFAULT now(),
        expires_at            timestamptz DEFAULT now() + interval '7 days',
        requester_context     text,
        desired_outcome       varchar,
        urgency               varchar DEFAULT 'medium',
        request_summary       varchar(100)
    );
    CREATE TABLE public.solution_workflows (
        id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id    uuid REFERENCES public.users (id) NOT NULL,
        status     varchar(50) DEFAULT 'initial_research',
        created_at timestamptz DEFAULT now()
    );
    CREATE TABLE public.intro_opportunities (
        id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        status     varchar(50) DEFAULT 'open',
        created_at timestamptz DEFAULT now()
    );
    CREATE TABLE public.intro_offers (
        id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        offering_user_id   uuid NOT NULL,
        introducee_user_id uuid NOT NULL,
        status             varchar(50) DEFAULT 'pending_introducee_response',
        created_at         timestamptz DEFAULT now(),
        expires_at         timestamptz DEFAULT now() + interval '14 days'
    );
    CREATE TABLE public.credit_events (
        id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id         uuid REFERENCES public.users (id) NOT NULL,
        event_type      varchar(100) NOT NULL,
        amount          integer NOT NULL,
        reference_type  varchar(50) NOT NULL,
        reference_id    uuid NOT NULL,
        idempotency_key varchar(255) UNIQUE NOT NULL,
        description     text,
        created_at      timestamptz DEFAULT now(),
        processed       boolean DEFAULT false
    );
    CREATE FUNCTION public.update_user_credit_cache() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE public.users SET credit_balance = (
            SELECT coalesce(sum(amount), 0) FROM public.credit_events
            WHERE user_id = new.user_id
        )
        WHERE id = new.user_id;
        RETURN new;
    END
    $$;
    CREATE TRIGGER on_credit_event AFTER INSERT ON public.credit_events
        FOR EACH ROW EXECUTE FUNCTION public.update_user_credit_cache();
    CREATE TABLE public.agent_actions_log (
        id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        agent_type        varchar(50) NOT NULL,
        agent_instance_id uuid,
        action_type       varchar(100) NOT NULL,
        user_id           uuid REFERENCES public.users (id),
        context_id        uuid,
        context_type      varchar(50),
        input_data        jsonb,
        output_data       jsonb,
        error             text,
        created_at        timestamptz DEFAULT now()
    );
"""
SCHEMA: Final = (EVENTS, USERS, TASKS, MESSAGES, OTHERS)
NAMED: Final = read_tables(
    (
        *("events=public.events", "users=public.users", "conversations=public.conversations"),
        *("agent_tasks=public.agent_tasks", "message_queue=public.message_queue"),
        *("inbox_items=public.user_priorities", "community_requests=public.community_requests"),
        *("solution_workflows=public.solution_workflows", "intro_offers=public.intro_offers"),
        *("intro_opportunities=public.intro_opportunities", "credit_events=public.credit_events"),
        "agent_actions_log=public.agent_actions_log",
    )
)
ROWS: Final = """
    INSERT INTO public.users (id, phone_number, verified, expertise)
    SELECT ('a0000000-0000-4000-8000-00000000000' || n)::uuid, '+1555' || n, true, '{lending}'
    FROM generate_series(1, 3) AS n;
    INSERT INTO public.conversations (id, user_id, phone_number)
    SELECT 'c0000000-0000-4000-8000-000000000001', id, phone_number
    FROM public.users WHERE phone_number = '+15551';
    INSERT INTO public.agent_tasks (task_type, agent_type, scheduled_for, priority, context_json)
    SELECT 'old', 'concierge', now() - interval '1 hour', priority, '{}'
    FROM unnest(ARRAY['low', 'urgent', 'medium', NULL, 'high']) AS priority;
"""


def make(connection: psycopg.Connection) -> None:
    """Make the tables, with some rows."""
    for part in (*SCHEMA, ROWS):
        connection.execute(part.encode())


def adopt(database: Database) -> None:
    """Put the tables in the place of ours: do what the document and migrate say."""
    triggers = TRIGGERS.search(DOCUMENT.read_text("utf-8"))
    assert triggers is not None
    with database.connect() as connection:
        connection.execute(triggers[1].encode())
        for fault in find_own_faults(connection, NAMED.given):
            assert fault.fix is not None, fault.seen
            connection.execute(fault.fix.encode())
    migrate(database.dsn, family=Family.REACTIONS, tables=NAMED)
