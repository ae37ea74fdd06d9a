"""Which links of rows may be followed, and what becomes of them."""

import pytest

from pipeline.mail.links import absolute, is_web_address

ROOT = "https://app.example/"
HOSTS = {"app.example", "auth.example", "localhost:3000"}


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("/project/workspace/P1", "https://app.example/project/workspace/P1"),
        ("project/workspace/P1", "https://app.example/project/workspace/P1"),
        ("/a?x=1&y=2#z", "https://app.example/a?x=1&y=2#z"),
        ("?tab=chat", "https://app.example/?tab=chat"),
        ("../../a", "https://app.example/a"),
        (" /a ", "https://app.example/a"),
        ("/a b", "https://app.example/a%20b"),
        ("/a%20b", "https://app.example/a%20b"),
        ("/résumé", "https://app.example/r%C3%A9sum%C3%A9"),
        ("/a\"><b>'", "https://app.example/a%22%3E%3Cb%3E%27"),
        ("https://app.example/a", "https://app.example/a"),
        ("http://app.example/a", "http://app.example/a"),
        ("HTTPS://APP.EXAMPLE/a", "https://APP.EXAMPLE/a"),
        ("https://auth.example/verify?token=T", "https://auth.example/verify?token=T"),
        ("http://localhost:3000/a", "http://localhost:3000/a"),
        ("//auth.example/a", "https://auth.example/a"),
    ],
)
def test_a_link_to_a_known_host_becomes_an_absolute_address(link: str, address: str) -> None:
    assert absolute(ROOT, HOSTS, link) == address


@pytest.mark.parametrize(
    "link",
    [
        None,
        7,
        "",
        " ",
        ["/a"],
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "mailto:eve@x.test",
        "file:///etc/hosts",
        "ftp://app.example/",
        "//elsewhere.example/a",
        "///elsewhere.example/a\\",
        "/\\elsewhere.example/a",
        "\\\\elsewhere.example",
        "https:/\\elsewhere.example",
        "https://elsewhere.example/a",
        "https://app.example.elsewhere.example/",
        "https://app.example@elsewhere.example/",
        "https://user:word@app.example/",
        "https://elsewhere.example\\@app.example/",
        "https://app.example:8443/a",
        "https://localhost/a",
        "https://app.example:port/",
        "https://[::1/",
        "https://",
        "https:///a",
        "https://\u0430pp.example/",
        "https://app\u3002example/",
        "/a\u202eb",
        "/a\r\nb",
        "/a\x00b",
        "/" + "a" * 2_000,
    ],
)
def test_any_other_link_may_not_be_followed(link: object) -> None:
    assert absolute(ROOT, HOSTS, link) is None


def test_an_address_of_ours_may_lead_to_any_host_but_is_still_checked() -> None:
    assert is_web_address("https://notify.elsewhere.example/unsubscribe/x")
    assert not is_web_address("notify.elsewhere.example/unsubscribe/x")
    assert not is_web_address("https://elsewhere.example/a b")
