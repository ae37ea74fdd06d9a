"""What belongs to the application: no migration of ours brings it back when it is missing."""

from typing import Final

TABLES: Final = (
    "chat_thread_participants",
    "chat_threads",
    "domain_events",
    "meeting_participants",
    "meetings",
    "notification_processing",
    "notifications",
    "org_members",
    "orgs",
    "pending_emails",
    "permissions",
    "profiles",
    "project_access_grants",
    "projects",
    "resources",
    "user_notification_preferences",
)

# Of those tables, as migrations/reference makes them.
COLUMNS: Final = frozenset(
    """
    active_org_id actor_id app_role assigned_advisor_id body body_data calendar_event_id
    calendar_event_ids cancelled_at channel claimed_at completed_at created_at current_version_id
    deal_type delivery_type description duration_minutes email end_time entity_type error_message
    event_id event_type full_name granted_by id invited_at is_organizer last_read_at link_url
    location meeting_id meeting_link name org_id organizer_id owner_org_id parent_id payload
    permission processed_at processing_status processor_id project_id project_name read_at
    recording_url resource_id resource_type responded_at response_status retry_count role
    room_name scope_id scope_type stage start_time status subject summary thread_id title topic
    transcript_text updated_at user_id
    """.split()  # noqa: SIM905 - one name a line would be the whole file
)
# So are columns of tables that our migrations make, or that they add.
SHARED_COLUMNS: Final = frozenset(
    {"channel", "created_at", "event_id", "event_type", "id", "stage", "user_id"}
)
