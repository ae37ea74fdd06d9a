"""The errors of the pipeline, by what is to be done about them.

::

    FanoutError
    ├── PermanentError          this one event can never succeed: it becomes a dead letter
    │   ├── MissingAttribute    the message names no event
    │   ├── UnknownEvent        no row of domain_events has this id
    │   ├── InvalidRow          the row is not an event of its type (see below for its kinds)
    │   ├── HandlerFailed       a handler raised: a bug of ours
    │   ├── NotStorable         an effect holds what JSON cannot express: a bug of ours
    │   ├── RejectedByDatabase  Postgres refuses this event's rows
    │   └── UnusableValue       psycopg cannot read or write a value of it: a bug of ours
    ├── TransientError          the same work will succeed later: retried, then redelivered
    │   ├── StatementTimeout    a statement took too long: less of the work may succeed at once
    │   └── LockTimeout         a row was locked for too long: what needs it is left for later
    ├── ConfigurationError      nothing will succeed until a person fixes it: the process stops
    ├── UsageError              the arguments do not fit together: nothing was tried
    └── NotFound                what was named does not exist: nothing was changed

The text of an error never quotes an event's values: it reaches logs and the dead-letter table.
"""


class FanoutError(Exception):
    """Base of every error this package raises on purpose."""


class PermanentError(FanoutError):
    """This one event can never succeed as it is; its neighbours can."""


class TransientError(FanoutError):
    """The same work will succeed later; it must never become a dead letter."""


class StatementTimeout(TransientError):
    """A statement took longer than ``statement_timeout``: less of it at once may pass."""


class LockTimeout(TransientError):
    """A row was locked by somebody else for too long: what does not need it may pass."""


class ConfigurationError(FanoutError):
    """Nothing will succeed until a person acts; the message says what to do."""


class UsageError(FanoutError):
    """The arguments do not fit together, or one is missing; the message says what to give."""


class NotFound(FanoutError):
    """What was named does not exist; the message says where to look for what does."""


class MissingAttribute(PermanentError):
    """The message lacks the attribute without which it names no event."""


class InvalidRow(PermanentError):
    """The row is not an event as the handler of its type needs it."""


class TooLarge(InvalidRow):
    """What is used of the payload has more bytes than it may have."""


class TooDeep(InvalidRow):
    """What is used of the payload is nested deeper than it may be."""


class InvalidEvent(InvalidRow):
    """The row has not the columns, or its payload not the fields, of an event of its type."""


class UnknownEvent(PermanentError):
    """No row of ``domain_events`` has the id of this message: deleted, or never written."""


class HandlerFailed(PermanentError):
    """The handler of this event raised; none of its effects were kept."""


class NotStorable(PermanentError):
    """An effect of this event holds a value that JSON, and so our statement, cannot express."""


class RejectedByDatabase(PermanentError):
    """Postgres refused the rows of this event; ``sqlstate`` says why."""

    def __init__(self, message: str, *, sqlstate: str) -> None:
        super().__init__(message, sqlstate)
        self.sqlstate = sqlstate

    def __str__(self) -> str:
        return f"{self.args[0]} (SQLSTATE {self.sqlstate})"


class UnusableValue(PermanentError):
    """psycopg cannot carry a value of this work, in one direction or the other."""
