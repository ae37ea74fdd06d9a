"""magic_link: a link with which a person signs in."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from pipeline.domain.errors import InvalidMail
from pipeline.domain.payload import LENIENT, Payload
from pipeline.domain.units import counted
from pipeline.mail.brand import Brand
from pipeline.mail.content import Content
from pipeline.mail.transaction_words import TransactionWords

_A_YEAR: Final = 8_760


class MagicLink(Payload):
    """Payload of ``magic_link``."""

    magic_link: str = Field(repr=False)
    valid_hours: Annotated[int, Field(ge=1, le=_A_YEAR), LENIENT] = 24


class MagicLinkWords(TransactionWords[MagicLink]):
    """The link, how long it works, and what to do if one did not ask for it."""

    kind = "magic_link"
    payload = MagicLink
    example: ClassVar[Mapping[str, Any]] = {"magic_link": "/auth/confirm?token=example"}

    def content(self, payload: MagicLink, brand: Brand) -> Content:
        """Return the content. Without a link that may be followed there is nothing to send."""
        url = brand.link(payload.magic_link)
        if url is None:
            raise InvalidMail(
                "payload invalid: magic_link: an http or https link to the site of BRAND_URL,"
                " or to a host of BRAND_LINK_HOSTS, is needed"
            )
        hours = counted(payload.valid_hours, "hour")
        return Content(
            template="magic_link",
            kind=self.kind,
            subject=f"Sign in to {brand.name}",
            preheader=f"Your link to sign in works for {hours}.",
            values={"heading": f"Sign in to {brand.name}", "url": url, "hours": hours},
            is_choice=False,
        )
