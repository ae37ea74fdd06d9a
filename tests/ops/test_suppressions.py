"""Reports of providers and the suppressed addresses: once, in any order, and without an address."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Final

import pytest

from pipeline.domain.address import parse_address
from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.domain.provider_report import ProviderReport, ReportEffect
from pipeline.ops.mail.reports import record_report
from pipeline.ops.mail.suppressions import lift, list_suppressions, suppress
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.programs import Program

SECONDS: Final = 60.0
ADDRESS: Final = "Canary.Person@Kanarienvogel.de"
EARLIER: Final = datetime.now(UTC) - timedelta(hours=1)


def operator(database: Database) -> DatabaseSettings:
    return DatabaseSettings(dsn=database.operator_dsn)


def a_report(
    id_: str,
    effect: ReportEffect | None,
    *,
    minutes: int = 0,
    address: str = ADDRESS,
    **changed: Any,  # noqa: ANN401
) -> ProviderReport:
    fields: dict[str, Any] = {
        "provider": "resend",
        "id": id_,
        "kind": "email.bounced",
        "provider_id": None,
        "at": EARLIER + timedelta(minutes=minutes),
        "address": parse_address(address) if effect else None,
        "effect": effect,
    }
    return ProviderReport(**(fields | changed))


def suppressed(database: Database) -> dict[str, str]:
    found = list_suppressions(operator(database), 100)
    return {each.address_hash: each.reason for each in found.newest}


def hash_of(database: Database, address: str) -> str:
    """The hash by which the check of a mail asks: of the address as a row has it."""
    with database.connect() as connection:
        row = connection.execute("SELECT fanout.address_hash(%s)", [address]).fetchone()
        assert row is not None
        return str(row[0])


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def everything(database: Database) -> str:
    """All that our own tables hold, as text."""
    tables = rows(
        database,
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'fanout'::regnamespace",
    )
    return "\n".join(
        str(rows(database, f"SELECT row_to_json(t)::text FROM {name} AS t"))  # noqa: S608
        for (name,) in tables
    )


def mail(dsn: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command, with a text as its standard input if there is one."""
    if not text:
        environment = os.environ | {"DATABASE_URL": dsn}
        arguments = ("pipeline", "mail", "suppressions", *arguments)
        return Program(*arguments, environment=environment).completed(SECONDS)
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "mail", "suppressions", *arguments],
        env=os.environ | {"DATABASE_URL": dsn},
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_a_report_that_is_sent_again_changes_nothing(database: Database) -> None:
    bounced = a_report(
        "msg_1", ReportEffect.BOUNCED, provider_id="re_1", detail="Permanent/General"
    )
    assert record_report(operator(database), bounced)
    assert suppressed(database) == {hash_of(database, ADDRESS): "bounced"}
    lift(operator(database), ADDRESS)
    assert not record_report(operator(database), bounced)
    assert suppressed(database) == {}
    # Control: another report, of what happened after the lift, does.
    later = a_report("msg_2", ReportEffect.BOUNCED, at=datetime.now(UTC) + timedelta(hours=1))
    assert record_report(operator(database), later)
    assert len(suppressed(database)) == 1
    found = rows(database, "SELECT kind, provider_id, detail, address_hash"
                           " FROM fanout.provider_reports WHERE report_id = 'msg_1'")  # fmt: skip
    assert found == [("email.bounced", "re_1", "Permanent/General", None)]


def test_of_several_services_at_once_one_keeps_a_report(database: Database) -> None:
    same = [a_report("msg_1", ReportEffect.COMPLAINED)] * 8
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda each: record_report(operator(database), each), same))
    assert sorted(kept) == [False] * 7 + [True]
    assert rows(database, "SELECT count(*) FROM fanout.provider_reports") == [(1,)]


def test_what_happened_last_counts_in_whatever_order_it_is_told(database: Database) -> None:
    bounce = a_report("1", ReportEffect.BOUNCED, minutes=1)
    removed = a_report("2", ReportEffect.LIFT, minutes=2)
    again = a_report("3", ReportEffect.COMPLAINED, minutes=3)
    ends = set()
    for number, order in enumerate(permutations([bounce, removed, again])):
        address = f"person{number}@kanarienvogel.de"
        for each in order:
            record_report(
                operator(database),
                a_report(f"{number}/{each.id}", each.effect, address=address, at=each.at),
            )
        ends.add(suppressed(database).get(hash_of(database, address)))
    assert ends == {"complained"}
    for number, order in enumerate(permutations([bounce, removed])):
        address = f"other{number}@kanarienvogel.de"
        for each in order:
            record_report(
                operator(database),
                a_report(f"o{number}/{each.id}", each.effect, address=address, at=each.at),
            )
        assert hash_of(database, address) not in suppressed(database), order


def test_a_new_report_deletes_some_that_are_older_than_90_days(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout.provider_reports (provider, report_id, kind, at, received_at)"
            " SELECT 'resend', n, 'email.sent', now(), now() - make_interval(days => 79 + n)"
            " FROM generate_series(1, 30) AS n"
        )
    left = []
    for number in range(4):
        record_report(operator(database), a_report(f"new_{number}", None, kind="email.sent"))
        left += rows(database, "SELECT count(*) FROM fanout.provider_reports")
    # 20 of the 30 are too old; each of the new ones deletes up to ten, and stays.
    assert left == [(21,), (12,), (13,), (14,)]


def test_only_who_suppressed_an_address_lifts_it(database: Database) -> None:
    settings = operator(database)
    assert suppress(settings, ADDRESS).changed
    record_report(settings, a_report("1", ReportEffect.BOUNCED, minutes=1))
    record_report(settings, a_report("2", ReportEffect.LIFT, minutes=2))
    assert list(suppressed(database).values()) == ["by hand"]
    record_report(settings, a_report("3", ReportEffect.BOUNCED, provider="other", minutes=3,
                                     address="b@kanarienvogel.de"))  # fmt: skip
    record_report(
        settings, a_report("4", ReportEffect.LIFT, minutes=4, address="b@kanarienvogel.de")
    )
    assert sorted(suppressed(database).values()) == ["bounced", "by hand"]
    assert lift(settings, ADDRESS).changed
    assert not lift(settings, ADDRESS).changed
    assert list(suppressed(database).values()) == ["bounced"]


def test_what_a_provider_says_before_we_know_of_the_delivery_is_kept(database: Database) -> None:
    early = a_report("1", None, kind="email.delivered", provider_id="re_of_no_delivery_yet")
    assert record_report(operator(database), early)
    tomorrow = a_report("2", None, kind="email.sent", provider_id="re_2", minutes=60 * 24)
    record_report(operator(database), tomorrow)
    # A clock that is wrong elsewhere does not put a report into our future.
    assert rows(database, "SELECT count(*) FROM fanout.provider_reports WHERE at > now()") == [(0,)]
    assert suppressed(database) == {}


@pytest.mark.parametrize(
    ("reported", "stored"),
    [
        ("ann@acme.test", " Ann@ACME.test "),
        ("ann@xn--bcher-kva.example", "Ann@Bücher.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ÄNN@acme.test", "änn@acme.test"),
    ],
)
def test_a_row_that_writes_the_address_in_another_way_is_found(
    database: Database, reported: str, stored: str
) -> None:
    """The check of a mail hashes the address as the application's row has it."""
    record_report(operator(database), a_report("1", ReportEffect.BOUNCED, address=reported))
    assert hash_of(database, stored) in suppressed(database)
    record_report(operator(database), a_report("2", ReportEffect.LIFT, minutes=1, address=reported))
    assert suppressed(database) == {}


def test_an_operator_adds_lists_and_removes_and_sees_no_address(database: Database) -> None:
    dsn = database.operator_dsn
    own = hash_of(database, ADDRESS)
    done = [
        mail(dsn, "add", text=f"{ADDRESS}\n"),
        mail(dsn, "add", "--json", ADDRESS),
        mail(dsn, "list"),
        mail(dsn, "remove", own),
    ]
    assert [each.returncode for each in done] == [0] * 4, done
    assert done[0].stdout == f"{own} is suppressed: nothing is sent to it\n"
    assert json.loads(done[1].stdout) == {"address_hash": own, "changed": False}
    assert own in done[2].stdout
    assert "by hand" in done[2].stdout
    assert f"{own} is not suppressed any more" in done[3].stdout
    found = rows(database, "SELECT who, identity, action, target, result FROM fanout.audit"
                           " ORDER BY at")  # fmt: skip
    assert found == [
        ("test_operator", "login", "mail suppressions add", own, "suppressed"),
        ("test_operator", "login", "mail suppressions remove", own, "lifted"),
    ]
    said = "".join(each.stdout + each.stderr for each in done) + everything(database)
    assert "kanarienvogel" not in said.lower()


def test_what_is_no_address_is_refused_and_not_quoted(database: Database) -> None:
    for change in (suppress, lift):
        with pytest.raises(UsageError, match="invalid e-mail address") as raised:
            change(operator(database), "kanarienvogel")
        assert "kanarienvogel" not in str(raised.value)
    done = mail(database.operator_dsn, "add", text="\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no address: pass one" in done.stderr


def test_who_may_not_is_told_whom_to_ask_and_where_there_is_no_mail_what_to_run(
    database: Database, empty_database: Database
) -> None:
    with pytest.raises(ConfigurationError, match="as a member of fanout_operator"):
        suppress(DatabaseSettings(dsn=database.viewer_dsn), ADDRESS)
    with pytest.raises(ConfigurationError, match="migrate --family mail"):
        suppress(DatabaseSettings(dsn=empty_database.dsn), ADDRESS)
