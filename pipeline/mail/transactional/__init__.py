"""The list of all mails that the application asks for."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.domain.errors import InvalidMail
from pipeline.domain.register import register
from pipeline.mail.brand import Brand
from pipeline.mail.content import Content
from pipeline.mail.material import Transactional
from pipeline.mail.transaction_words import TransactionWords
from pipeline.mail.transactional.booking_confirmation import BookingConfirmationWords
from pipeline.mail.transactional.magic_link import MagicLinkWords

TRANSACTIONAL: Final[Mapping[str, TransactionWords[Any]]] = register(
    (BookingConfirmationWords(), MagicLinkWords()), lambda words: words.kind
)


def transactional_content(mail: Transactional, brand: Brand) -> Content:
    """Return the content of a mail.

    Raises:
        InvalidMail: the type is unknown, or the payload is invalid.
    """
    words = TRANSACTIONAL.get(mail.type)
    if words is None:
        raise InvalidMail(f"unknown type: expected {' or '.join(TRANSACTIONAL)}")
    return words.content(words.read(mail.payload), brand)
