"""Models of ``/v1/dead-letters``."""

import base64
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from pipeline.ops.dead_letters.read import LetterDetails, LetterGroup
from service.answers.values import Asked, Note, Ordered

GROUP: Final[dict[str, Any]] = {
    "fingerprint": "0123abcd4567",
    "stage": "decode",
    "error_class": "InvalidEvent",
    "message": "payload: fileName: Input should be a valid string",
    "event_types": ["document_uploaded"],
    "letters": 3,
    "open": 3,
    "attempts": 4,
    "first_seen": "2026-03-02T12:00:00Z",
    "last_seen": "2026-03-02T12:05:00Z",
    "sample_event_id": 42,
    "sample_reaction_id": None,
    "sample_id": 7,
}
LETTER: Final[dict[str, Any]] = {
    "id": 7,
    "letter_key": "event:42",
    "event_id": 42,
    "event_type": "document_uploaded",
    "stage": "decode",
    "error_class": "InvalidEvent",
    "message": "payload: fileName: Input should be a valid string",
    "fingerprint": "0123abcd4567",
    "attempt": 1,
    "pipeline_version": "0.2.0",
    "created_at": "2026-03-02T12:00:00Z",
    "last_seen_at": "2026-03-02T12:00:00Z",
    "resolved_at": None,
    "resolution": None,
    "event_state": "dead",
    "attributes": None,
    "data": None,
    "payload": None,
    "payload_characters": None,
}


class LetterGroupsQuery(Asked):
    """Which causes to list."""

    resolved: Annotated[
        bool, Query(description="also the causes of which every letter is resolved")
    ] = False


class LetterGroups(BaseModel):
    """Dead letters by cause, the most recently seen first.

    Attributes:
        items: the causes.
        more: whether there are more causes than an answer has.
    """

    items: list[LetterGroup]
    more: bool


class MessageData(BaseModel):
    """The bytes of a message: as text if they are UTF-8, or else in base64."""

    text: str | None = None
    base64: str | None = None


class Letter(BaseModel):
    """One dead letter.

    Attributes:
        letter_key: the row that failed, or the digest of a message that names no row.
        event_state: the state of its event in the ledger now.
        attributes: of the message, if there was no row to read.
        data: of the message, in the same case.
        payload: in the event's row now, at most 100,000 characters.
        payload_characters: the length of the whole payload.
    """

    id: int
    letter_key: str
    event_id: int | None
    event_type: str | None
    stage: str
    error_class: str
    message: str
    fingerprint: str
    attempt: int
    pipeline_version: str | None
    created_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    event_state: str | None
    attributes: dict[str, str] | None = None
    data: MessageData | None = None
    payload: str | None = None
    payload_characters: int | None = None

    @classmethod
    def of(cls, details: LetterDetails) -> "Letter":
        """Return the answer."""
        values = asdict(details)
        data = values.pop("data")
        return cls(**values, data=None if data is None else _readable(data))


class Resolve(Ordered):
    """Why a dead letter needs no replay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "sent by hand"}]})

    note: Note = Field(description="why, for the record")


class LettersResolved(BaseModel):
    """How many dead letters were resolved."""

    resolved: int


def _readable(data: bytes) -> MessageData:
    try:
        return MessageData(text=data.decode())
    except UnicodeDecodeError:
        return MessageData(base64=base64.b64encode(data).decode())
