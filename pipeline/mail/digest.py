"""A digest: all that waits for one person in, one mail's content out.

Updates are grouped by project, then by the words of their types, each in the order in which they
were first seen. Of several updates about the same thing only the newest counts, at the place of
the oldest. Long lists are cut, with the number of what is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.domain.identifiers import ProjectId
from pipeline.mail.brand import Brand
from pipeline.mail.clean import PREHEADER, SUBJECT, line
from pipeline.mail.content import Content
from pipeline.mail.event_words import AnyWords, DigestLine
from pipeline.mail.general_words import words_of
from pipeline.mail.material import Digest, Update

KIND: Final = "digest_aggregated"
MOST_IN_HTML: Final = 10
# Gmail cuts off what is longer than 102 kB, and the footer with it. So a digest of many projects
# has short lists, and of very many it shows the first.
FEW_CARDS: Final = 5
MOST_IN_SHORT_LISTS: Final = 3
MOST_CARDS: Final = 20


@dataclass(frozen=True, slots=True)
class LinkedLine:
    """One line of a list, with the address of its link."""

    line: DigestLine
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The updates of one kind in one project.

    Attributes:
        title: the heading in HTML.
        summary: the heading in plain text, with the number of updates.
        lines: as many as HTML shows.
        more: how many are left out.
        lines_in_text: as many as plain text shows.
        more_in_text: how many are left out there.
    """

    title: str
    summary: str
    lines: Sequence[LinkedLine]
    more: int
    lines_in_text: Sequence[LinkedLine]
    more_in_text: int


@dataclass(frozen=True, slots=True)
class Card:
    """The updates of one project."""

    title: str
    sections: Sequence[Section]


@dataclass(frozen=True, slots=True)
class _Read:
    """An update, with what its words read of it."""

    update: Update
    data: Any
    words: AnyWords


def digest_content(digest: Digest, brand: Brand) -> Content:
    """Return the content.

    Raises:
        ValueError: there are no updates.
    """
    if not digest.updates:
        raise ValueError("a digest needs at least one update")
    shown = _newest(_read(digest.updates))
    projects: dict[ProjectId | None, list[_Read]] = {}
    for each in shown:
        projects.setdefault(each.update.project_id, []).append(each)
    groups = list(projects.values())
    most = MOST_IN_HTML if len(groups) <= FEW_CARDS else MOST_IN_SHORT_LISTS
    title = f"Your {brand.name} Updates"
    only = line(shown[0].update.subject, SUBJECT) if len(shown) == 1 else ""
    return Content(
        template="digest",
        kind=KIND,
        subject=only or line(f"{title} ({len(shown):,} new updates)", SUBJECT),
        preheader=line(", ".join(_summaries(shown)), PREHEADER),
        values={
            "heading": title,
            "cards": [_card(group, brand, most) for group in groups[:MOST_CARDS]],
            "more_cards": len(groups[MOST_CARDS:]),
            "button": f"Open {brand.name}",
            "url": brand.base_url,
        },
    )


def _read(updates: Iterable[Update]) -> Iterable[_Read]:
    for update in updates:
        words = words_of(update.event_type)
        yield _Read(update, words.read(update), words)


def _newest(found: Iterable[_Read]) -> list[_Read]:
    shown: dict[object, _Read] = {}
    for each in found:
        same = each.words.same(each.data)
        key = object() if same is None else (each.update.event_type, same)
        shown[key] = each
    return list(shown.values())


def _by_words(group: Iterable[_Read]) -> list[list[_Read]]:
    found: dict[AnyWords, list[_Read]] = {}
    for each in group:
        found.setdefault(each.words, []).append(each)
    return list(found.values())


def _summaries(shown: Iterable[_Read]) -> Iterable[str]:
    for same_words in _by_words(shown):
        yield same_words[0].words.summary([each.data for each in same_words])


def _card(group: Sequence[_Read], brand: Brand, most: int) -> Card:
    first = group[0]
    name = line(first.update.project_name) or first.words.place
    return Card(name, [_section(same_words, brand, most) for same_words in _by_words(group)])


def _section(group: Sequence[_Read], brand: Brand, most: int) -> Section:
    words, most_in_text = group[0].words, group[0].words.most_in_text
    data = [each.data for each in group]
    lines = [
        LinkedLine(each.words.digest_line(each.data), brand.link(each.update.data.get("link_url")))
        for each in group[: max(most, most_in_text)]
    ]
    return Section(
        title=words.title(data),
        summary=words.summary(data),
        lines=lines[:most],
        more=len(group[most:]),
        lines_in_text=lines[:most_in_text],
        more_in_text=len(group[most_in_text:]),
    )
