"""Writes a mail: what it is about and who gets it in, subject, HTML and text out."""

from pipeline.mail.brand import Brand
from pipeline.mail.content import Content
from pipeline.mail.digest import digest_content
from pipeline.mail.immediate import immediate_content
from pipeline.mail.material import Composed, Digest, Immediate, Material, Recipient, Transactional
from pipeline.mail.render import render
from pipeline.mail.transactional import transactional_content


def compose(
    material: Material, recipient: Recipient, brand: Brand, *, unsubscribe_url: str | None = None
) -> Composed:
    """Write a mail. The same arguments always give the same bytes.

    Args:
        material: the rows or the payload behind it.
        recipient: who gets it.
        brand: whose mail it is.
        unsubscribe_url: where this recipient unsubscribes with one POST; for the footer and the
            headers. A mail that nobody can do without, such as ``magic_link``, leaves it out.

    Raises:
        InvalidMail: a transactional mail cannot be written; trying again cannot help.
        ValueError: a digest has no updates, or ``unsubscribe_url`` is not a web address.
    """
    return render(content_of(material, brand), recipient, brand, unsubscribe_url)


def content_of(material: Material, brand: Brand) -> Content:
    """Return the content of a mail. ``compose`` says what is raised."""
    match material:
        case Immediate():
            return immediate_content(material, brand)
        case Digest():
            return digest_content(material, brand)
        case Transactional():
            return transactional_content(material, brand)
