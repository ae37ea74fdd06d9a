"""Reads every row that the pipeline has written, without values that depend on time or order."""

from typing import Any, Final

from tests.golden.stage import Stage

# A counter row stores the event that opened it. Everyone else who is counted has a decision. So
# neither is compared alone: together they show which messages each person was notified of.
_QUERIES: Final = {
    "notifications": """
        SELECT CASE WHEN counter_thread_id IS NULL THEN event_id END, user_id, kind,
               counter_thread_id, title, body, link_url, read_at, payload
        FROM notifications ORDER BY 1, 2, 3, 4
    """,
    "messages counted": """
        SELECT event_id, user_id FROM notifications WHERE counter_thread_id IS NOT NULL
        UNION ALL
        SELECT event_id, user_id FROM notification_decisions WHERE reason = 'counted'
        ORDER BY 1, 2
    """,
    "emails": """
        SELECT event_id, user_id, event_type, delivery_type, project_id, project_name, subject,
               body_data, status
        FROM pending_emails ORDER BY 1, 2
    """,
    "decisions": """
        SELECT decision.event_id, decision.user_id, decision.channel, decision.reason,
               preference.scope_type, preference.event_type, preference.channel
        FROM notification_decisions AS decision
        LEFT JOIN user_notification_preferences AS preference
            ON preference.id = decision.preference_id
        WHERE decision.reason <> 'counted' ORDER BY 1, 2, 3
    """,
    "ledger": """
        SELECT event_id, event_type, processing_status, reason, notifications, emails, skipped,
               error_message
        FROM notification_processing ORDER BY 1
    """,
    # Neither attempt nor retry_count: they count the attempts.
    "dead letters": """
        SELECT letter_key, event_id, event_type, stage, error_class, message, fingerprint,
               attributes - 'created_at', resolved_at, resolution
        FROM event_dead_letters ORDER BY 1
    """,
}

Picture = dict[str, list[tuple[Any, ...]]]


def picture(stage: Stage) -> Picture:
    """Return the rows of every table that the pipeline writes."""
    return {name: stage.rows(query) for name, query in _QUERIES.items()}
