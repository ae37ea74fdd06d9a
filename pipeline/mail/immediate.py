"""A mail about one event: the row in, its content out."""

from pipeline.mail.brand import Brand
from pipeline.mail.clean import PREHEADER, SUBJECT, line
from pipeline.mail.content import Content
from pipeline.mail.general_words import words_of
from pipeline.mail.material import Immediate


def immediate_content(mail: Immediate, brand: Brand) -> Content:
    """Return the content. A link that may not be followed becomes one to the site."""
    update = mail.update
    words = words_of(update.event_type)
    data = words.read(update)
    heading, sentence = words.heading(data), words.sentence(data)
    return Content(
        template="immediate",
        kind=update.event_type,
        subject=line(update.subject, SUBJECT) or heading,
        preheader=line(str(sentence), PREHEADER),
        values={
            "heading": heading,
            "sentence": sentence,
            "button": words.button(data) or f"Open {brand.name}",
            "url": brand.link(update.data.get("link_url")) or brand.base_url,
        },
    )
