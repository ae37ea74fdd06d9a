"""Colours that can be read: a brand's colour in, the nearest one with enough contrast out."""

import re
from dataclasses import dataclass
from typing import Final

# The least contrast of text (WCAG 2.2, 1.4.3), and of the outline of a button (1.4.11).
TEXT_CONTRAST: Final = 4.5
SHAPE_CONTRAST: Final = 3.0

LIGHT_CARD: Final = "#ffffff"
DARK_CARD: Final = "#1b1e24"
HEX: Final = re.compile("#[0-9a-f]{6}")
_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a brand in both modes. Each can be read where it is used.

    Attributes:
        link: a link on a light card.
        button: the background of a button on a light card.
        label: the text on that button.
        dark_link: as ``link``, on a dark card; the others in the same way.
    """

    link: str
    button: str
    label: str
    dark_link: str
    dark_button: str
    dark_label: str


def palette(colour: str) -> Palette:
    """Return the colours of a brand. ``colour`` is ``#rrggbb`` in lower case."""
    button = readable(colour, LIGHT_CARD, SHAPE_CONTRAST)
    dark_button = readable(colour, DARK_CARD, SHAPE_CONTRAST)
    return Palette(
        link=readable(colour, LIGHT_CARD, TEXT_CONTRAST),
        button=button,
        label=_label(button),
        dark_link=readable(colour, DARK_CARD, TEXT_CONTRAST),
        dark_button=dark_button,
        dark_label=_label(dark_button),
    )


def readable(colour: str, ground: str, least: float) -> str:
    """Return the colour, mixed with as much white or black as its contrast to ``ground`` needs."""
    pole = _label(ground)
    mixes = (_mix(colour, pole, step / _STEPS) for step in range(_STEPS + 1))
    return next((mix for mix in mixes if contrast(mix, ground) >= least), pole)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _label(ground: str) -> str:
    return max("#ffffff", "#000000", key=lambda text: contrast(text, ground))


def _mix(colour: str, pole: str, share: float) -> str:
    mixed = (
        round(ours + (theirs - ours) * share)
        for ours, theirs in zip(_parts(colour), _parts(pole), strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB
        for part in (each / 255 for each in _parts(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
