"""The brand: what the environment may say, and colours that can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import ConfigurationError
from pipeline.mail.brand import Brand, read_brand
from pipeline.mail.colour import DARK_CARD, LIGHT_CARD, contrast, palette

LEAST = {"BRAND_NAME": "Acme", "BRAND_URL": "https://acme.example/dashboard"}
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_a_brand_needs_a_name_and_a_site() -> None:
    brand = read_brand({**LEAST, "BRAND_COLOUR": ""})
    assert brand == Brand(name="Acme", base_url="https://acme.example/dashboard")
    assert brand.root == "https://acme.example/"
    assert brand.preferences_url == "https://acme.example/settings/notifications"


def test_a_brand_may_have_more() -> None:
    brand = read_brand(
        {
            **LEAST,
            "BRAND_COLOUR": "#0A7",
            "BRAND_LOGO_URL": "https://cdn.example/logo.png",
            "BRAND_ADDRESS": "1 Main Street, Springfield",
            "BRAND_PREFERENCES": "/me/mail",
            "BRAND_LINK_HOSTS": "auth.acme.example, Localhost:3000",
        }
        | {"BRAND_COLOUR": "#00AA77"}
    )
    assert brand.colour == "#00aa77"
    assert brand.preferences_url == "https://acme.example/me/mail"
    assert brand.link_hosts == {"auth.acme.example", "localhost:3000"}
    assert brand.link("https://auth.acme.example/x") == "https://auth.acme.example/x"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ConfigurationError, match="not set: BRAND_NAME, BRAND_URL; mails need"):
        read_brand({"BRAND_COLOUR": "#000000"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRAND_NAME", "Acme\r\nBcc: eve@x.test"),
        ("BRAND_NAME", "A" * 200),
        ("BRAND_URL", "acme.example"),
        ("BRAND_URL", "javascript:alert(1)"),
        ("BRAND_URL", "https://user:word@acme.example/"),
        ("BRAND_COLOUR", "blue"),
        ("BRAND_COLOUR", "#12"),
        ("BRAND_COLOUR", "#123456;}"),
        ("BRAND_LOGO_URL", "logo.png"),
        ("BRAND_LOGO_URL", 'https://x.test/"onerror='),
        ("BRAND_ADDRESS", "1 Main Street\nSpringfield"),
        ("BRAND_PREFERENCES", "https://elsewhere.example/"),
        ("BRAND_LINK_HOSTS", "https://auth.example"),
        ("BRAND_LINK_HOSTS", "auth.example/path"),
    ],
)
def test_an_invalid_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"invalid {name}: expected "):
        read_brand({**LEAST, name: value})


@given(COLOURS)
def test_every_colour_gives_links_and_buttons_that_can_be_read(colour: str) -> None:
    found = palette(colour)
    assert contrast(found.link, LIGHT_CARD) >= 4.5
    assert contrast(found.dark_link, DARK_CARD) >= 4.5
    assert contrast(found.button, LIGHT_CARD) >= 3
    assert contrast(found.dark_button, DARK_CARD) >= 3
    assert contrast(found.label, found.button) >= 4.5
    assert contrast(found.dark_label, found.dark_button) >= 4.5


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert palette("#1f4fd8").button == palette("#1f4fd8").link == "#1f4fd8"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21), ("#ffffff", "#ffffff", 1), ("#777777", "#ffffff", 4.48)],
)
def test_contrast_is_that_of_the_guidelines(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == pytest.approx(expected, abs=0.01)
