"""The errors of the pipeline, by what is to be done about them.

::

    FanoutError
    ├── PermanentError          this one event can never succeed: it becomes a dead letter
    │   ├── MalformedMessage    the message is not an event (see below for its kinds)
    │   ├── UnknownEvent        no row of domain_events has this id
    │   ├── HandlerFailed       a handler raised: a bug of ours
    │   ├── NotStorable         an effect holds what JSON cannot express: a bug of ours
    │   └── RejectedByDatabase  Postgres refuses this event's rows
    ├── TransientError          the same work will succeed later: retried, then redelivered
    │   ├── StatementTimeout    a statement took too long: done in halves
    │   └── LockTimeout         a row was locked for too long: what needs it is left for later
    └── ConfigurationError      nothing will succeed until a person mends it: the process stops

The text of an error never quotes an event's values: it reaches logs and the dead-letter table.
"""


class FanoutError(Exception):
    """Base of every error this package raises on purpose."""


class PermanentError(FanoutError):
    """This one event can never succeed as it is; its neighbours can."""


class TransientError(FanoutError):
    """The same work will succeed later; it must never become a dead letter."""


class StatementTimeout(TransientError):
    """A statement took longer than `statement_timeout`: less of it at once may pass."""


class LockTimeout(TransientError):
    """A row was locked by somebody else for too long: what does not need it may pass."""


class ConfigurationError(FanoutError):
    """Nothing will succeed until a person acts; the message names the mend."""


class MalformedMessage(PermanentError):
    """The message is not an event as the wire format describes it."""


class MissingAttribute(MalformedMessage):
    """The message lacks an attribute without which it cannot be identified or routed."""


class TooLarge(MalformedMessage):
    """The message has more bytes than an event may have."""


class TooDeep(MalformedMessage):
    """The JSON is nested deeper than an event may be."""


class NotJson(MalformedMessage):
    """The data, or the payload within it, is not JSON."""


class ForbiddenCharacter(MalformedMessage):
    """A text holds U+0000, which Postgres cannot store."""


class InvalidEvent(MalformedMessage):
    """The JSON has not the fields, or the types, of an event of its type."""


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
