"""The rights of the role with which an application asks for mails and pushes.

It calls functions, so that they count as well. The rights that everyone has do not.
"""

from collections.abc import Mapping
from typing import Final

from pipeline.ops.doctor.rights.words import on_columns

PRODUCER: Final = "fanout_producer"

_IN_FANOUT: Final = "USAGE ON SCHEMA fanout"


def _calls(*functions: str) -> frozenset[str]:
    return frozenset(f"EXECUTE ON FUNCTION fanout.{each}" for each in functions)


# By the family that gives them.
RIGHTS_OF_PRODUCER: Final[Mapping[str, frozenset[str]]] = {
    "mail": _calls(
        "queue_notification(text,text,jsonb,uuid,uuid,text,timestamp with time zone,text,"
        "timestamp with time zone)",
        "calculate_next_retry(integer,timestamp with time zone)",
    )
    | {_IN_FANOUT},
    "push": _calls("register_device(uuid,text,text)", "unregister_device(text)") | {_IN_FANOUT},
    "activity": on_columns(
        "INSERT",
        "notifications",
        *("id", "user_id", "title", "message", "notification_type", "deliver_at", "priority"),
        *("payload", "expires_at", "collapse_key"),
        schema="activity",
    )
    | {"USAGE ON SCHEMA activity"},
}
