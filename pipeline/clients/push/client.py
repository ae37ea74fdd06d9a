"""What every client of push can do."""

from typing import Protocol, Self, TypeVar

from pipeline.domain.provider_answer import ProviderReply

MessageT_contra = TypeVar("MessageT_contra", contravariant=True)


class PushClient(Protocol[MessageT_contra]):
    """A way to push. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """Its name."""

    def send(self, message: MessageT_contra) -> ProviderReply:
        """Send once; one result. Every failure is a result: nothing is raised, nothing logged."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
