"""Webhooks of Resend, from the stand-in to the tables: signed, once, and without an address."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import httpx2
import pytest

from local.resend import KeptMail, ResendServer
from local.resend.webhooks import (
    WebhookEvent,
    WebhookTarget,
    later_events,
    mail_event,
    suppression_event,
)
from pipeline.clients.mail.message import OutgoingMail
from pipeline.clients.mail.redirect import AddressedMail, Redirect
from pipeline.clients.mail.resend import ResendClient
from pipeline.clients.postgres.pool import has_connection
from pipeline.domain.address import Mailbox, parse_address
from pipeline.domain.clock import utc_now
from pipeline.domain.provider_answer import Accepted
from pipeline.domain.webhook_signature import SigningSecret, sign
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import ResendSettings
from pipeline.settings.webhooks import WebhookSettings
from service.databases import for_requests
from service.routes.webhooks import MOST_BYTES
from service.settings import ServiceSettings
from tests.databases import Database
from tests.service.pipelining import assert_limited
from tests.service.serving import Served, serving
from tests.service.test_unsubscribe import UNREACHABLE, asked

NEW: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD: Final = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
OTHER: Final = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
ADDRESS: Final = "canary.person@kanarienvogel.de"
PATH: Final = "/webhooks/resend"


@pytest.fixture(scope="module")
def served(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(
        shared_database.dsn,
        tmp_path_factory.mktemp("webhooks") / "log",
        OPERATOR_DATABASE_URL=shared_database.operator_dsn,
        VIEWER_DATABASE_URL=shared_database.viewer_dsn,
        RESEND_WEBHOOK_SECRET=f"{NEW},{OLD}",
        LOG_LEVEL="DEBUG",
    ) as served:
        yield served


def target(served: Served, secret: str = NEW, prefix: str = "svix-") -> WebhookTarget:
    url = f"{str(served.client.base_url).rstrip('/')}{PATH}"
    return WebhookTarget(url=url, secret=secret, prefix=prefix)


def a_mail(id_: str, to: str = ADDRESS) -> KeptMail:
    content = {"from": "a@acme.test", "to": [to], "subject": "Canary subject"}
    return KeptMail(id=id_, key=None, place=0, at=utc_now(), content=content)


def post(served: Served, body: bytes, id_: str, **changed: Any) -> httpx2.Response:  # noqa: ANN401
    secrets = [SigningSecret.parse(NEW)]
    headers = sign(body, message_id=id_, at=changed.pop("at", utc_now()), secrets=secrets)
    return served.client.post(PATH, content=changed.pop("sent", body), headers=headers | changed)


def rows(database: Database, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def reports(database: Database, provider_id: str) -> list[str]:
    found = rows(
        database,
        "SELECT kind FROM fanout.provider_reports WHERE provider_id = %s ORDER BY at, received_at",
        provider_id,
    )
    return [kind for (kind,) in found]


def reason(database: Database, address: str) -> str | None:
    found = rows(
        database,
        "SELECT reason FROM fanout.suppressions WHERE address_hash = fanout.address_hash(%s)",
        address,
    )
    return found[0][0] if found else None


def test_what_becomes_of_sent_mails_is_told_and_bad_addresses_are_suppressed(
    served: Served, shared_database: Database
) -> None:
    """From the request to Resend to what is known of it: before our own ledger is settled."""
    sent: list[KeptMail] = []
    addresses = ("bounced@resend.dev", "complained@resend.dev", "suppressed@resend.dev", ADDRESS)
    with ResendServer().serving() as server:
        server.api_keys.add("re_1")
        server.on_accepted = sent.append
        with ResendClient(ResendSettings(api_key="re_1", base_url=server.base_url)) as client:
            for number, address in enumerate(addresses):
                mail = OutgoingMail(
                    sender=Mailbox(parse_address("a@acme.test")),
                    to=Mailbox(parse_address(address), "Canary Person"),
                    subject="Canary subject",
                    html="<p>Canary</p>",
                    text="Canary",
                    message_id=f"<{number}@acme.test>",
                )
                addressed = AddressedMail(mail=mail, redirect=Redirect.NONE)
                reply = client.send(client.freeze([addressed], key=f"k{number}", at=utc_now()))
                assert isinstance(reply.results[0], Accepted)
    for kept in sent:
        for event in later_events(kept, utc_now()):
            assert target(served).send(event, utc_now()) == 200
    ends = {kept.to[0].rpartition("<")[2][:-1]: reports(shared_database, kept.id) for kept in sent}
    assert {address: kinds[1] for address, kinds in ends.items()} == {
        "bounced@resend.dev": "email.bounced",
        "complained@resend.dev": "email.complained",
        "suppressed@resend.dev": "email.suppressed",
        ADDRESS: "email.delivered",
    }
    assert [reason(shared_database, each) for each in addresses] == [
        *("bounced", "complained", "suppressed"),
        None,
    ]


def test_a_replayed_report_is_answered_and_changes_nothing(
    served: Served, shared_database: Database
) -> None:
    event = mail_event("email.bounced", a_mail("re_replayed"), utc_now())
    first = post(served, event.body, "msg_replayed")
    assert (first.status_code, first.json()) == (200, {"status": "kept"})
    assert reason(shared_database, ADDRESS) == "bounced"
    removed = suppression_event("suppression.removed", ADDRESS, utc_now())
    assert post(served, removed.body, removed.id).json() == {"status": "kept"}
    assert reason(shared_database, ADDRESS) is None
    again = post(served, event.body, "msg_replayed")
    assert (again.status_code, again.json()) == (200, {"status": "known"})
    assert reason(shared_database, ADDRESS) is None
    assert reports(shared_database, "re_replayed") == ["email.bounced"]


def test_both_names_of_the_headers_and_both_secrets_are_accepted(served: Served) -> None:
    for number, (secret, prefix) in enumerate([(NEW, "svix-"), (NEW, "webhook-"), (OLD, "svix-")]):
        event = mail_event("email.opened", a_mail(f"re_both_{number}"), utc_now())
        assert target(served, secret, prefix).send(event, utc_now()) == 200


def test_kinds_that_are_not_ours_are_taken_and_not_kept(
    served: Served, shared_database: Database
) -> None:
    before = rows(shared_database, "SELECT count(*) FROM fanout.provider_reports")
    for kind in ("contact.created", "email.received", "email.of_2030"):
        body = json.dumps({"type": kind, "data": {"email": ADDRESS}}).encode()
        answer = post(served, body, f"msg_{kind.replace('.', '_')}")
        assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert rows(shared_database, "SELECT count(*) FROM fanout.provider_reports") == before


def test_only_what_temporarily_failed_suppresses_nobody(
    served: Served, shared_database: Database
) -> None:
    message = json.loads(mail_event("email.bounced", a_mail("re_full"), utc_now()).body)
    message["data"]["bounce"] = {"type": "Transient", "subType": "MailboxFull"}
    assert post(served, json.dumps(message).encode(), "msg_full").status_code == 200
    assert reason(shared_database, ADDRESS) is None
    assert rows(
        shared_database,
        "SELECT detail FROM fanout.provider_reports WHERE provider_id = 're_full'",
    ) == [("Transient/MailboxFull",)]


def test_what_is_too_large_or_cannot_be_read_is_refused(served: Served) -> None:
    large = post(served, b" " * (MOST_BYTES + 1), "msg_large")
    assert large.status_code == 413
    assert "expected at most 65,536 bytes" in large.json()["message"]
    body = json.dumps({"type": "email.sent", "created_at": ADDRESS, "data": {}}).encode()
    unreadable = post(served, body, "msg_unreadable")
    assert unreadable.status_code == 422
    assert ADDRESS not in unreadable.text


def test_without_a_right_signature_nothing_is_kept_and_too_many_have_to_wait(
    served: Served, shared_database: Database
) -> None:
    event = mail_event("email.bounced", a_mail("re_forged"), utc_now())
    forged = [
        target(served, OTHER).send(event, utc_now()),
        target(served).send(event, utc_now() - timedelta(minutes=6)),
        target(served).send(event, utc_now() + timedelta(minutes=6)),
        post(served, event.body, event.id, sent=event.body + b" ").status_code,
        post(served, event.body, event.id, **{"webhook-id": "msg_other"}).status_code,
        served.client.post(PATH, content=event.body).status_code,
    ]
    assert forged == [401] * 6
    answer = served.client.post(PATH, content=event.body)
    assert answer.json()["error"] == "Unauthorized"
    assert answer.headers["WWW-Authenticate"]
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    assert_limited(served, f"{head}\r\n{{}}" * 199 + f"{head}Connection: close\r\n\r\n{{}}", 401)
    assert reports(shared_database, "re_forged") == []
    # Who signs is not held up by who does not.
    assert target(served).send(event, utc_now()) == 200
    assert reports(shared_database, "re_forged") == ["email.bounced"]


def test_no_address_is_in_the_log_or_in_our_tables(
    served: Served, shared_database: Database
) -> None:
    event = mail_event("email.complained", a_mail("re_last"), utc_now())
    assert target(served).send(event, utc_now()) == 200
    log = served.log.read_text()
    assert "listening on" in log
    kept = str(
        rows(
            shared_database,
            "SELECT row_to_json(r)::text FROM fanout.provider_reports AS r UNION ALL"
            " SELECT row_to_json(s)::text FROM fanout.suppressions AS s UNION ALL"
            " SELECT row_to_json(a)::text FROM fanout.audit AS a",
        )
    )
    assert "re_last" in kept
    for secret in ("canary", "kanarienvogel", "resend.dev", "whsec_", NEW[6:]):
        assert secret not in (log + kept).lower()


def test_while_the_database_is_away_resend_is_asked_to_come_back() -> None:
    away = DatabaseSettings(dsn=UNREACHABLE, retry_for=timedelta(milliseconds=100))
    settings = ServiceSettings(operator=away, viewer=away, webhooks=WebhookSettings(resend=(NEW,)))
    event = mail_event("email.sent", a_mail("re_1"), utc_now())
    answer = asked(settings, "POST", PATH, **signed(event))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "127.0.0.1" not in answer.text
    # Without a secret it is as if the route were not there.
    unset = replace(settings, webhooks=WebhookSettings())
    assert asked(unset, "POST", PATH, **signed(event)).status_code == 404


def test_a_report_takes_no_connection_more_than_an_order_does(shared_database: Database) -> None:
    operator = DatabaseSettings(dsn=shared_database.operator_dsn)
    settings = ServiceSettings(
        operator=operator, viewer=operator, webhooks=WebhookSettings(resend=(NEW,))
    )
    event = mail_event("email.sent", a_mail("re_2"), utc_now())
    assert asked(settings, "POST", PATH, **signed(event)).status_code == 200
    assert has_connection(for_requests(operator))
    assert not has_connection(operator)


def signed(event: WebhookEvent) -> dict[str, Any]:
    secrets = [SigningSecret.parse(NEW)]
    headers = sign(event.body, message_id=event.id, at=utc_now(), secrets=secrets)
    return {"content": event.body, "headers": headers}
