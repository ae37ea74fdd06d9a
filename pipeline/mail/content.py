"""The content of one mail, before it is put into its templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the templates of one mail need beside the brand and the recipient.

    ``repr`` shows none of its words: a link to sign in may be among them.

    Attributes:
        template: the name of its two templates, without ``.html.jinja`` and ``.txt.jinja``.
        kind: the type of the mail; see ``Composed``.
        subject: the subject.
        preheader: what an inbox shows after it.
        values: what else the two templates use.
        is_choice: whether people can choose to get this mail. The footer then says where, and has
            the link to unsubscribe.
    """

    template: str
    kind: str
    subject: str = field(repr=False)
    preheader: str = field(repr=False)
    values: Mapping[str, object] = field(repr=False)
    is_choice: bool = True
