"""The link in a mail, followed by people, by mail programs (RFC 8058) and by what scans mails."""

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import anyio
import httpx2
import pytest

from pipeline.clients.mail.outgoing import outgoing_mail, unsubscribe_url_of
from pipeline.clients.postgres.pool import has_connection
from pipeline.domain.address import Mailbox, parse_address
from pipeline.domain.identifiers import UserId
from pipeline.mail.compose import compose
from pipeline.mail.material import Digest, Recipient
from pipeline.mail.subscription import DIGEST, DIGEST_TYPES, MailSubscription
from pipeline.mail.unsubscribe_link import LinkSeal
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import read_mail_settings
from pipeline.settings.unsubscribe import UnsubscribeSettings
from service.app import build_app
from service.databases import for_requests
from service.settings import ServiceSettings
from tests.databases import Database
from tests.golden.world import U1, U2, U3, U4, populate
from tests.mail.desk import BRAND, uploaded
from tests.service.pipelining import assert_limited
from tests.service.serving import Served, serving

NEW: Final = "n" * 40
OLD: Final = "o" * 40
SEAL: Final = LinkSeal([NEW])
NUDGE: Final = "resume_incomplete_nudge"
NAME: Final = "Acme & <b>Sons</b>"
ONE_CLICK: Final = {"List-Unsubscribe": "One-Click"}
UNREACHABLE: Final = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def served(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with shared_database.connect() as connection:
        populate(connection)
    with serving(
        shared_database.dsn,
        tmp_path_factory.mktemp("unsubscribe") / "log",
        OPERATOR_DATABASE_URL=shared_database.operator_dsn,
        VIEWER_DATABASE_URL=shared_database.viewer_dsn,
        UNSUBSCRIBE_SECRET=f"{NEW},{OLD}",
        BRAND_NAME=NAME,
        LOG_LEVEL="DEBUG",
    ) as served:
        yield served


def path(user: UUID, kind: str = NUDGE, seal: LinkSeal = SEAL) -> str:
    subscription = MailSubscription(user_id=UserId(user), event_type=kind)
    return f"/unsubscribe/{seal.token(subscription)}"


def muted(database: Database, user: UUID) -> list[str]:
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT event_type FROM user_notification_preferences"
            " WHERE user_id = %s AND (scope_type, channel, status) = ('global', 'email', 'muted')"
            " ORDER BY 1",
            [user],
        )
        return [kind for (kind,) in rows]


def audited(database: Database) -> int:
    with database.connect() as connection:
        [row] = connection.execute("SELECT count(*) FROM fanout.audit").fetchall()
        return int(row[0])


def told(answer: httpx2.Response) -> tuple[int, str, dict[str, str]]:
    return answer.status_code, answer.text, dict(answer.headers)


def test_a_look_at_the_page_changes_nothing(served: Served, shared_database: Database) -> None:
    """Programs fetch every link of a mail before a person sees it."""
    answer = served.client.get(path(U4))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Acme &amp; &lt;b&gt;Sons&lt;/b&gt; sends you reminders of resumes" in answer.text
    assert '<form method="post">' in answer.text
    assert served.client.head(path(U4)).status_code == 405
    assert muted(shared_database, U4) == []


def test_the_page_loads_nothing_runs_nothing_and_tells_nobody_its_address(served: Served) -> None:
    for answer in (served.client.get(path(U4)), served.client.get("/unsubscribe/wrong")):
        html, headers = answer.text, answer.headers
        assert not re.search(r"https?:|//|<script|<link|<img|url\(|\son\w+=|style=", html)
        [style] = re.findall("<style>(.*?)</style>", html, re.DOTALL)
        known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert headers["Content-Security-Policy"] == (
            f"default-src 'none'; style-src 'sha256-{known}'; form-action 'self';"
            " base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_button_of_the_page_unsubscribes(served: Served, shared_database: Database) -> None:
    page = served.client.get(path(U3)).text
    fields = dict(re.findall('<input type="hidden" name="([^"]+)" value="([^"]+)">', page))
    assert fields == ONE_CLICK
    answer = served.client.post(path(U3), data=fields)
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert muted(shared_database, U3) == [NUDGE]


def test_a_mail_program_unsubscribes_by_the_two_headers_of_a_real_mail(
    served: Served, shared_database: Database
) -> None:
    """RFC 8058: the POST has no cookie and follows no redirect, and its body is a form."""
    settings = read_mail_settings(
        {
            "EMAIL_FROM": "a@acme.test",
            "RESEND_API_KEY": "re_1",
            "PUBLIC_URL": str(served.client.base_url),
            "UNSUBSCRIBE_SECRET": NEW,
        }
    )
    digest = Digest([uploaded("a.pdf")])
    url = unsubscribe_url_of(digest, UserId(U2), settings.unsubscribe)
    composed = compose(digest, Recipient("u2@acme.test"), BRAND, unsubscribe_url=url)
    to = Mailbox(parse_address("u2@acme.test"))
    headers = dict(outgoing_mail(composed, to, settings, uuid4()).headers)
    name, _, value = headers["List-Unsubscribe-Post"].partition("=")
    with httpx2.Client(follow_redirects=False) as program:
        answer = program.post(headers["List-Unsubscribe"].strip("<>"), data={name: value})
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert muted(shared_database, U2) == list(DIGEST_TYPES)


def test_whatever_a_mail_program_sends_along_it_counts_once(
    served: Served, shared_database: Database
) -> None:
    before = audited(shared_database)
    bodies: list[dict[str, Any]] = [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"json": {"a": 1}},
        {"data": ONE_CLICK, "headers": {"Cookie": "session=1", "Authorization": "Bearer wrong"}},
    ]
    answers = [served.client.post(path(U1), **body) for body in bodies]
    assert [told(each) for each in answers] == [told(answers[0])] * len(bodies)
    assert answers[0].status_code == 200
    assert muted(shared_database, U1) == [NUDGE]
    assert audited(shared_database) == before + 1


def test_nobody_learns_whether_there_is_such_a_person(
    served: Served, shared_database: Database
) -> None:
    before = audited(shared_database)
    nobody = uuid4()
    for send in (served.client.get, served.client.post):
        known, unknown = send(path(U1)), send(path(nobody))
        assert told(known) == told(unknown)
        assert known.status_code == 200
    assert audited(shared_database) == before + (muted(shared_database, U1) == [])


def test_links_of_the_old_secret_still_work(served: Served, shared_database: Database) -> None:
    assert served.client.post(path(U4, DIGEST, LinkSeal([OLD]))).status_code == 200
    assert muted(shared_database, U4) == list(DIGEST_TYPES)


def test_a_wrong_link_says_no_more_than_that_and_too_many_have_to_wait(served: Served) -> None:
    right = path(U1)
    other = "A" if right[-2] != "A" else "B"
    wrong = [f"{right[:-2]}{other}{right[-1]}", right[:-1], path(U1, seal=LinkSeal(["x" * 40]))]
    answers = [send(each) for each in wrong for send in (served.client.get, served.client.post)]
    assert {(each.status_code, each.text) for each in answers} == {(404, answers[0].text)}
    assert "This link does not work" in answers[0].text
    head = f"GET {wrong[0]} HTTP/1.1\r\nHost: x\r\n"
    assert_limited(served, f"{head}\r\n" * 199 + f"{head}Connection: close\r\n\r\n", 404)
    # Who has a right link is not held up by who has none.
    assert served.client.post(right).status_code == 200


def test_no_log_has_a_token_a_person_or_an_address(served: Served) -> None:
    served.client.post(path(U2), headers={"X-Forwarded-For": "kanarienvogel"})
    log = served.log.read_text()
    assert "listening on" in log
    for secret in (NEW, OLD, str(U1), str(U2), path(U1)[13:40], path(U2)[13:40], "kanarienvogel"):
        assert secret not in log


def asked(
    settings: ServiceSettings,
    method: str,
    where: str,
    **sent: Any,  # noqa: ANN401
) -> httpx2.Response:
    """Send one request to an application in this process."""
    app = build_app(settings)

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, where, **sent)

    return anyio.run(ask)


def test_while_the_database_is_away_the_page_says_so_and_nothing_is_lost() -> None:
    away = DatabaseSettings(dsn=UNREACHABLE, retry_for=timedelta(milliseconds=100))
    settings = ServiceSettings(
        operator=away, viewer=away, unsubscribe=UnsubscribeSettings(secrets=(NEW,))
    )
    answer = asked(settings, "POST", path(U1))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "Nothing was changed" in answer.text
    assert "127.0.0.1" not in answer.text
    # Who only looks needs no database. Nobody is named, since no brand is set.
    looked = asked(settings, "GET", path(U1))
    assert looked.status_code == 200
    assert "We send you reminders" in looked.text


def test_whoever_unsubscribes_takes_no_connection_more_than_an_order_does(
    shared_database: Database,
) -> None:
    """Each pool has limits of its own, and others than those of a request would wait longer."""
    operator = DatabaseSettings(dsn=shared_database.operator_dsn)
    settings = ServiceSettings(
        operator=operator, viewer=operator, unsubscribe=UnsubscribeSettings(secrets=(NEW,))
    )
    assert asked(settings, "POST", path(U1)).status_code == 200
    assert has_connection(for_requests(operator))
    assert not has_connection(operator)


def test_without_a_secret_there_are_no_links() -> None:
    away = DatabaseSettings(dsn=UNREACHABLE)
    for method in ("GET", "POST"):
        settings = ServiceSettings(operator=away, viewer=away)
        assert asked(settings, method, path(U1)).status_code == 404
