"""The extension point: a mail that the application asks for, without an event."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic

from pydantic import ValidationError

from pipeline.domain.errors import InvalidMail
from pipeline.domain.needed import needed
from pipeline.domain.payload import Payload, PayloadT
from pipeline.mail.brand import Brand
from pipeline.mail.content import Content


class TransactionWords(ABC, Generic[PayloadT]):
    """What the mails of one type say. Pure.

    Attributes:
        kind: the type, as the application gives it.
        payload: the model of the payload. What the mail cannot do without has no default.
        example: a payload for previews. A link in it may be relative to the site's root.
    """

    kind: ClassVar[str]
    payload: ClassVar[type[Payload]]
    example: ClassVar[Mapping[str, Any]]

    def read(self, payload: Mapping[str, Any]) -> PayloadT:
        """Return the checked payload.

        Raises:
            InvalidMail: a field is missing or invalid. The text names it, never its value.
        """
        try:
            return self.payload.model_validate(dict(payload))  # type: ignore[return-value]
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            named = "; ".join(
                f"{fault['loc'][0]}: {needed(fault['type'], fault.get('ctx', {}))}"
                for fault in faults
            )
            raise InvalidMail(f"payload invalid: {named}") from None

    @abstractmethod
    def content(self, payload: PayloadT, brand: Brand) -> Content:
        """Return the content of the mail.

        Raises:
            InvalidMail: a field is invalid for this brand.
        """
