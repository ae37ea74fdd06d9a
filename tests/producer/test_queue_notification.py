"""queue_notification: what it takes, what it refuses, and what becomes of the secret."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from pipeline.domain.address import InvalidAddress, parse_address
from pipeline.domain.lease import Cause, WorkState, end, give_back, hold
from pipeline.mail.transactional.magic_link import MagicLink
from tests.deadline import wait_until
from tests.producer.post import ADDRESS, Post, answer, failed, ids, queue

MARKER: Final = "marker7f3a"
HOUR: Final = timedelta(hours=1)


def test_it_is_called_as_the_original_is_in_a_database_with_mail_alone(lonely: Post) -> None:
    user, booking = uuid4(), uuid4()
    with lonely.producer() as connection:
        [(mail,)] = connection.execute(
            "SELECT fanout.queue_notification('booking_confirmation', 'Ann@Host.example',"
            ' \'{"external_booking_id": "B7"}\', %s, %s)',
            [user, booking],
        ).fetchall()
        [(bare,)] = connection.execute(
            "SELECT fanout.queue_notification('magic_link', 'ann@host.example')"
        ).fetchall()

    rows = lonely.rows(
        "SELECT kind, channel, state, user_id, booking_id, address, payload, attempts,"
        " next_attempt_at <= now() FROM fanout.deliveries"
        " JOIN fanout.transactional_mails ON delivery_id = id WHERE id = %s",
        mail,
    )
    assert rows == [
        (
            *("booking_confirmation", "email", "pending", user, booking),
            *("Ann@Host.example", {"external_booking_id": "B7"}, 0, True),
        )
    ]
    assert lonely.rows(
        "SELECT payload FROM fanout.transactional_mails WHERE delivery_id = %s", bare
    ) == [({},)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", None),
        ("type", ""),
        ("type", f"{MARKER}@host.example"),
        ("type", f"{MARKER}\n"),
        ("recipient_email", None),
        ("recipient_email", ""),
        ("recipient_email", MARKER),
        ("recipient_email", f"{MARKER}@host.example\nBcc: b@host.example"),
        ("recipient_email", f"{MARKER}@host.example, b@host.example"),
        ("recipient_email", f"Ann <{MARKER}@host.example>"),
        ("recipient_email", f"{'a' * 320}{MARKER}@host.example"),
        ("payload", None),
        ("payload", f'["{MARKER}"]'),
        ("payload", f'{{"magic_link": "{MARKER}{"a" * 65_536}"}}'),
        ("dedupe_key", ""),
        ("dedupe_key", MARKER * 100),
        ("priority", MARKER),
        ("expires_at", "infinity"),
        ("expires_at", "-infinity"),
        ("deliver_at", "infinity"),
        ("deliver_at", "2999-01-01"),
    ],
)
def test_an_error_names_the_parameter_and_never_the_value(
    lonely: Post, name: str, value: object
) -> None:
    before = lonely.rows("SELECT count(*) FROM fanout.deliveries")
    with pytest.raises(errors.InvalidParameterValue, match=f"invalid p_{name}: expected ") as found:
        lonely.queue(**{name: value})
    diagnostic = found.value.diag
    told = [diagnostic.message_primary, diagnostic.message_detail, diagnostic.context, str(found)]
    assert MARKER not in "".join(each or "" for each in told)
    assert lonely.rows("SELECT count(*) FROM fanout.deliveries") == before


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example",
        " a@b.example ",
        "o'neil+tag@sub.host.example",
        "jörg@bücher.example",
        "x@xn--bcher-kva.example",
        "%&'*+/=?^_`{|}~-!#$@a-b.example",
        "a@b",
        "a.@b.example",
        ".a@b.example",
        "a..b@host.example",
        "a@b..example",
        "a@@b.example",
        "a b@host.example",
        "a\tb@host.example",
        '"a b"@host.example',
        "a@[10.0.0.1]",
        "a(comment)@host.example",
        "a\\b@host.example",
        "a;b@host.example",
        "@host.example",
        "a@",
    ],
)
def test_it_takes_the_addresses_that_the_sender_takes(lonely: Post, address: str) -> None:
    try:
        parse_address(address)
    except InvalidAddress:
        with pytest.raises(errors.InvalidParameterValue):
            lonely.queue(recipient_email=address)
    else:
        lonely.queue(recipient_email=address)


def test_a_payload_of_9000_bytes_goes_in_and_only_id_and_time_are_captured(post: Post) -> None:
    post.queue(payload=Jsonb({"magic_link": f"https://app.example/{'a' * 9_000}"}))
    assert post.rows(
        "SELECT attnames::text FROM pg_publication_tables WHERE tablename = 'deliveries'"
    ) == [("{id,created_at}",)]
    assert (
        post.rows("SELECT FROM pg_publication_tables WHERE tablename = 'transactional_mails'") == []
    )


def test_a_dedupe_key_names_one_mail_of_one_type_to_one_address(lonely: Post) -> None:
    key = f"booking:{uuid4()}"
    first = lonely.queue(dedupe_key=key)
    assert lonely.queue(dedupe_key=key, payload="{}", priority="low") == first
    assert lonely.queue(dedupe_key=key, recipient_email=f" {ADDRESS.upper()}") == first
    others = {
        lonely.queue(dedupe_key=f"{key}1"),
        lonely.queue(dedupe_key=key, recipient_email="bob@host.example"),
        lonely.queue(dedupe_key=key, type="booking_confirmation"),
        lonely.queue(),
        lonely.queue(),
    }
    assert len(others - {first}) == 5
    assert lonely.rows(
        "SELECT payload ->> 'magic_link' FROM fanout.transactional_mails WHERE delivery_id = %s",
        first,
    ) == [("https://app.example/in",)]
    # Whoever reads the ledger sees neither the key nor the address.
    [(row,)] = lonely.rows(
        "SELECT delivery::text FROM fanout.deliveries AS delivery WHERE id = %s", first
    )
    assert key not in row
    assert "ann" not in row


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
def test_two_producers_with_one_dedupe_key_queue_one_mail(post: Post, ending: str) -> None:
    with (
        post.producer(autocommit=False) as one,
        post.producer() as other,
        ThreadPoolExecutor(1) as pool,
    ):
        first = queue(one, dedupe_key="k")
        waiting = pool.submit(queue, other, dedupe_key="k")
        wait_until(
            lambda: post.rows(
                "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'",
                other.info.backend_pid,
            ),
            seconds=30,
            what="the second producer waits for the first",
        )
        one.execute(ending.encode())
        assert waiting.result(30) == first
    assert post.rows("SELECT id FROM fanout.deliveries") == [(first,)]
    assert post.rows("SELECT delivery_id FROM fanout.transactional_mails") == [(first,)]


def test_a_mail_that_is_rolled_back_was_never_queued(post: Post) -> None:
    with post.producer(autocommit=False) as connection:
        queue(connection)
        connection.rollback()
    assert post.rows("SELECT FROM fanout.deliveries") == []


@pytest.mark.parametrize("valid_hours", [None, 1, 48, "3", "2.0", 8_760, 8_761, 0, -1, "x", 1.5])
def test_a_link_is_critical_and_expires_when_the_mail_says_that_it_stops_working(
    lonely: Post, valid_hours: object
) -> None:
    given = {"magic_link": "/in", "valid_hours": valid_hours}
    mail = lonely.queue(payload=Jsonb(given))
    says = MagicLink.model_validate(given).valid_hours
    assert lonely.rows(
        "SELECT priority, ages_while_paused, expires_at - created_at"
        " FROM fanout.deliveries WHERE id = %s",
        mail,
    ) == [(0, True, says * HOUR)]


def test_any_other_mail_is_normal_and_has_the_time_of_its_channel(post: Post) -> None:
    def limits(**given: object) -> tuple[Any, ...]:
        mail = post.queue(type="booking_confirmation", **given)
        [row] = post.rows(
            "SELECT priority, ages_while_paused, expires_at - deliver_at"
            " FROM fanout.deliveries WHERE id = %s",
            mail,
        )
        return row

    assert limits() == (2, False, 24 * HOUR)
    post.execute("INSERT INTO fanout.channels (channel, max_age) VALUES ('email', '3 hours')")
    assert limits(priority="Urgent") == (0, False, 3 * HOUR)
    later = datetime.now(UTC) + timedelta(days=2)
    assert limits(deliver_at=later, priority="low") == (3, False, 3 * HOUR)
    assert limits(deliver_at=later, expires_at=later + HOUR) == (2, True, HOUR)


def test_a_time_that_has_passed_puts_a_mail_before_no_other(post: Post) -> None:
    first = post.queue()
    second = post.queue(deliver_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert ids(post.claim()) == [first, second]


def test_a_mail_is_not_taken_before_its_time(post: Post) -> None:
    post.queue(deliver_at=datetime.now(UTC) + HOUR)
    assert post.claim() == []


def test_a_link_runs_out_while_a_switch_holds_it_back_and_an_ordinary_mail_does_not(
    post: Post,
) -> None:
    link, booking = post.queue(), post.queue(type="booking_confirmation")
    limits = "SELECT id, expires_at - created_at FROM fanout.deliveries"
    before = dict(post.rows(limits))
    post.execute("UPDATE fanout.deliveries SET state = 'paused'")
    post.execute("UPDATE fanout.deliveries SET paused_at = now() - interval '1 hour'")
    post.execute("UPDATE fanout.deliveries SET state = 'pending'")
    moved = {mail: limit - before[mail] for mail, limit in post.rows(limits)}
    assert moved[link] == timedelta(0)
    assert HOUR <= moved[booking] < 2 * HOUR


@pytest.mark.parametrize("state", [state for state in WorkState if state.value != "leased"])
def test_the_secret_goes_with_the_end_and_not_before(post: Post, state: WorkState) -> None:
    mail = post.queue(booking_id=uuid4())
    kept = "SELECT address, payload FROM fanout.transactional_mails WHERE booking_id IS NOT NULL"
    before = post.rows(kept)
    [lease] = post.claim()
    cause = Cause(reason="for the test")
    match state:
        case WorkState.DONE | WorkState.DEAD | WorkState.CANCELLED | WorkState.EXPIRED:
            assert post.settle(answer(end(lease, state, cause), None)) == 1
            assert post.rows(kept) == [(None, None)]
            return
        case WorkState.HELD:
            post.settle(answer(hold(lease, cause), None))
        case WorkState.WAITING:
            post.settle(failed(lease))
        case _:
            post.settle(answer(give_back(lease, cause, pause=60), None))
            post.execute("UPDATE fanout.deliveries SET state = 'paused' WHERE id = %s", mail)
    assert post.rows(kept) == before


@pytest.mark.parametrize("ended", [WorkState.DONE, WorkState.DEAD, WorkState.EXPIRED])
def test_an_end_is_final(post: Post, ended: WorkState) -> None:
    post.queue()
    [lease] = post.claim()
    assert post.settle(answer(end(lease, ended, Cause(reason="over")), None)) == 1
    # A late report of the same try, and a hand in the table.
    assert post.settle(failed(lease)) == 0
    for state in WorkState:
        if state is not ended:
            with pytest.raises((errors.CheckViolation, errors.ObjectNotInPrerequisiteState)):
                post.execute("UPDATE fanout.deliveries SET state = %s", state.value)
    assert post.rows("SELECT state FROM fanout.deliveries") == [(ended.value,)]


def test_two_pollers_at_once_take_different_mails(post: Post) -> None:
    queued = {post.queue() for _ in range(5)}
    with ThreadPoolExecutor(2) as pool:
        taken = [ids(each) for each in pool.map(post.claim, [3, 3])]
    assert sorted(map(len, taken)) == [2, 3]
    assert {mail for each in taken for mail in each} == queued
    # Control: the look of the original shows the same to everybody, and takes nothing.
    post.execute("UPDATE fanout.deliveries SET state = 'pending', lease_token = NULL")
    post.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
    looks = [{row["id"] for row in post.seen("get_queued_notifications()")} for _ in range(2)]
    assert looks == [queued, queued]


def test_two_reports_of_one_failure_count_once(post: Post) -> None:
    post.queue()
    [lease] = post.claim()
    with ThreadPoolExecutor(2) as pool:
        counted = list(pool.map(post.settle, [failed(lease)] * 2))
    assert sorted(counted) == [0, 1]
    assert post.rows("SELECT failures FROM fanout.deliveries") == [(1,)]
    assert post.rows("SELECT number, result FROM fanout.attempts") == [(1, "failed")]


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(0, 0), (1, 60), (2, 300), (3, None), (4, None), (-1, None), (None, None)],
)
def test_the_next_try_is_at_once_after_a_minute_after_five_or_never(
    lonely: Post, attempts: int | None, seconds: int | None
) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    with lonely.producer() as connection:
        [row] = connection.execute(
            "SELECT fanout.calculate_next_retry(%s::int) - now(),"
            " fanout.calculate_next_retry(%s::int, %s) - %s",
            [attempts, attempts, noon, noon],
        ).fetchall()
    assert row == (None if seconds is None else timedelta(seconds=seconds),) * 2


def test_what_reads_the_clock_is_not_called_immutable(lonely: Post) -> None:
    assert lonely.rows(
        "SELECT proname, provolatile FROM pg_proc WHERE pronamespace = 'fanout'::regnamespace"
        " AND proname IN ('calculate_next_retry', 'get_queued_notifications', 'queue_notification')"
        " ORDER BY 1"
    ) == [
        ("calculate_next_retry", "s"),
        ("get_queued_notifications", "s"),
        ("queue_notification", "v"),
    ]


def test_functions_with_the_rights_of_the_owner_have_a_fixed_path_and_are_closed_to_everyone(
    lonely: Post,
) -> None:
    closed = lonely.rows(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'fanout'::regnamespace"
        " AND (has_function_privilege('public', oid, 'EXECUTE')"
        " OR prosecdef AND proconfig IS DISTINCT FROM '{search_path=pg_catalog}')"
    )
    assert closed == []


class TestOffered:
    """In ``public``, where the name is free."""

    CALL = "SELECT public.queue_notification('magic_link', 'ann@host.example')"

    def test_it_works_there_for_producers_and_for_nobody_else(self, post: Post) -> None:
        post.execute(
            "CREATE ROLE visitor; GRANT USAGE ON SCHEMA public TO visitor;"
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO visitor"
        )
        try:
            for _ in range(2):
                post.execute("SELECT fanout.offer_queue_notification()")
            with post.producer() as connection:
                [(mail,)] = connection.execute(self.CALL.encode()).fetchall()
            assert isinstance(mail, UUID)
            with post.database.connect() as connection:
                connection.execute("SET ROLE visitor")
                with pytest.raises(errors.InsufficientPrivilege, match="function queue_notif"):
                    connection.execute(self.CALL.encode())
        finally:
            post.execute("DROP OWNED BY visitor; DROP ROLE visitor")

    def test_a_function_of_the_application_stays(self, post: Post) -> None:
        theirs = "CREATE FUNCTION public.queue_notification(a int) RETURNS int RETURN a"
        post.execute(theirs)
        with pytest.raises(errors.DuplicateFunction, match="exists already and is not ours"):
            post.execute("SELECT fanout.offer_queue_notification()")
        assert post.rows("SELECT public.queue_notification(7)") == [(7,)]
        with pytest.raises(errors.UndefinedFunction):
            post.execute(self.CALL)

    def test_a_producer_cannot_offer_it(self, post: Post) -> None:
        with post.producer() as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT fanout.offer_queue_notification()")


@pytest.mark.parametrize("login", ["operator_dsn", "viewer_dsn", "writer_dsn", "producer_dsn"])
def test_nobody_but_the_sender_reads_a_payload_or_an_address(post: Post, login: str) -> None:
    post.queue()
    with psycopg.connect(getattr(post.database, login), autocommit=True) as connection:
        for query in (
            b"SELECT payload FROM fanout.transactional_mails",
            b"SELECT address FROM fanout.transactional_mails",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(query)
    with psycopg.connect(post.database.sender_dsn) as connection:
        assert connection.execute("SELECT address FROM fanout.transactional_mails").fetchall()
