"""The errors of the pipeline, grouped by how to handle them.

::

    FanoutError
    ├── PermanentError          this one event can never succeed: it becomes a dead letter
    │   ├── MissingAttribute    the message names no event
    │   ├── UnknownEvent        no row of domain_events has this id
    │   ├── InvalidTick         the message is not a tick of a job
    │   ├── InvalidRow          the row is not a valid event of its type (subclasses below)
    │   ├── HandlerFailed       a handler raised: a bug of ours
    │   ├── NotStorable         JSON cannot express a value of an effect: a bug of ours
    │   ├── InvalidMail         a mail cannot be written from its payload
    │   ├── RejectedByDatabase  Postgres rejects the rows of this event
    │   └── UnusableValue       psycopg cannot read or write a value: a bug of ours
    ├── TransientError          the same work will succeed later: it is retried, then redelivered
    │   ├── StatementTimeout    a statement took too long: a smaller batch may succeed
    │   └── LockTimeout         a row was locked for too long: events that need it are retried later
    ├── ConfigurationError      nothing will succeed until a person fixes it: the process stops
    ├── UsageError              the arguments are invalid: nothing was tried
    ├── NotFound                the named thing does not exist: nothing was changed
    └── Conflict                the named thing is in a state that forbids it: nothing was changed

The text of an error never quotes a value of an event, because it reaches logs and the dead-letter
table.
"""

from typing import Self

from pipeline.domain.units import counted


class FanoutError(Exception):
    """Base of every error that this package raises on purpose."""


class PermanentError(FanoutError):
    """This one event can never succeed as it is. Other events of the batch can."""


class TransientError(FanoutError):
    """The same work will succeed later. It must never become a dead letter."""


class StatementTimeout(TransientError):
    """A statement took longer than ``statement_timeout``. A smaller batch may succeed."""


class LockTimeout(TransientError):
    """Another session locked a row for too long. Events that do not need the row may succeed."""

    @classmethod
    def of_events(cls, events: int) -> Self:
        """Return the error for so many events."""
        need = "needs" if events == 1 else "need"
        return cls(f"{counted(events, 'event')} {need} a row that is locked")


class ConfigurationError(FanoutError):
    """Nothing will succeed until a person fixes it. The text says how."""


class UsageError(FanoutError):
    """An argument is missing, or arguments contradict each other. The text says what to pass."""


class NotFound(FanoutError):
    """The named thing does not exist. The text says how to list the existing ones."""


class Conflict(FanoutError):
    """The named thing is in a state that forbids this. The text says what to do first."""


class MissingAttribute(PermanentError):
    """The message has no valid id attribute, so it names no event."""


class InvalidTick(PermanentError):
    """The message names no job, or its ``scheduled_for`` is invalid."""


class InvalidRow(PermanentError):
    """The row is not a valid event of its type."""


class TooLarge(InvalidRow):
    """The used part of the payload has too many bytes."""


class TooDeep(InvalidRow):
    """The used part of the payload is nested too deeply."""


class InvalidEvent(InvalidRow):
    """A column of the row, or a field of its payload, is missing or invalid for its event type."""


class UnknownEvent(PermanentError):
    """No row of ``domain_events`` has the id of this message. It was deleted, or never written."""


class HandlerFailed(PermanentError):
    """The handler of this event raised. None of its effects are kept."""


class NotStorable(PermanentError):
    """An effect of this event holds a value that JSON cannot express. Our statements use JSON."""


class InvalidMail(PermanentError):
    """A mail cannot be written: a field is missing or invalid, or its type is unknown.

    The text names the field.
    """


class RejectedByDatabase(PermanentError):
    """Postgres rejected the rows of this event. ``sqlstate`` says why."""

    def __init__(self, message: str, *, sqlstate: str) -> None:
        super().__init__(message, sqlstate)
        self.sqlstate = sqlstate

    def __str__(self) -> str:
        return f"{self.args[0]} (SQLSTATE {self.sqlstate})"


class UnusableValue(PermanentError):
    """psycopg cannot read or write a value of this work."""
