"""The reasons of skips: the value in the table, and the text for people."""

from enum import StrEnum

from pipeline.fanout.preferences import Scope


class Reason(StrEnum):
    """A reason, as stored in ``notification_decisions``."""

    ACTOR = "actor"
    SYSTEM_USER = "system_user"
    NO_ACCESS = "no_access"
    NO_PROFILE = "no_profile"
    NOT_OWNER = "not_owner"
    ALREADY_NUDGED = "already_nudged"
    NOT_ELIGIBLE = "not_eligible"
    COUNTED = "counted"
    MUTED_GLOBALLY = "muted:global"
    MUTED_PROJECT = "muted:project"
    MUTED_THREAD = "muted:thread"

    @classmethod
    def muted(cls, scope: Scope) -> "Reason":
        """Return the reason of a preference of this scope."""
        return {
            Scope.GLOBAL: cls.MUTED_GLOBALLY,
            Scope.PROJECT: cls.MUTED_PROJECT,
            Scope.THREAD: cls.MUTED_THREAD,
        }[scope]

    @property
    def words(self) -> str:
        """The text of the reason. It continues "because they"."""
        return _WORDS[self]


_WORDS = {
    Reason.ACTOR: "did it themselves",
    Reason.SYSTEM_USER: "are a program, not a person",
    Reason.NO_ACCESS: "may not view it",
    Reason.NO_PROFILE: "have no profile",
    Reason.NOT_OWNER: "do not own the project's organisation",
    Reason.ALREADY_NUDGED: "get the same nudge from another event",
    Reason.NOT_ELIGIBLE: "are not a recipient of this event",
    Reason.COUNTED: "have it counted in the thread's open notification",
    Reason.MUTED_GLOBALLY: "muted it everywhere",
    Reason.MUTED_PROJECT: "muted it for the project",
    Reason.MUTED_THREAD: "muted the thread",
}
