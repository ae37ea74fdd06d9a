"""The client of Google Calendar, and the loopback server that it is tested with.

The first part holds the server to what Google documents; each test names the document. Where it
leaves something open, the client reads leniently, and the second part tries both forms.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from local.google_calendar import (
    LONGEST_LIFE,
    REFRESH,
    STOP,
    WATCH,
    GoogleCalendarServer,
    Grant,
    Reply,
    google_error,
    oauth_error,
)
from pipeline.clients.google_calendar.client import GoogleCalendar, WatchChannel
from pipeline.clients.google_calendar.errors import (
    AccessTokenRefused,
    CalendarRateLimited,
    CalendarRefused,
    CalendarUnavailable,
    GrantRevoked,
)
from pipeline.domain.errors import ConfigurationError, FanoutError
from pipeline.settings import CalendarSettings

NOW: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
ACCESS: Final = "ya29.canary-access"
REFRESH_TOKEN: Final = "1//canary-refresh"  # noqa: S105 - none of anybody
SECRET: Final = "canary-client-secret"  # noqa: S105 - the same
PERSON: Final = "canary.person+tag#1/x@example.com"
CHANNEL: Final = WatchChannel(
    id="canary-channel", calendar_id=PERSON, expires_at=NOW + LONGEST_LIFE
)
CANARIES: Final = ("canary",)


@pytest.fixture
def server() -> Iterator[GoogleCalendarServer]:
    """A server with one person who has granted a calendar."""
    with GoogleCalendarServer(clock=lambda: NOW).serving() as server:
        server.clients["client"] = SECRET
        server.grants[REFRESH_TOKEN] = Grant(calendars={PERSON})
        server.access_tokens[ACCESS] = REFRESH_TOKEN
        yield server


@pytest.fixture
def settings(server: GoogleCalendarServer) -> CalendarSettings:
    return CalendarSettings(
        client_id="client",
        client_secret=SECRET,
        webhook_url="https://app.example.com/api/v1/webhooks/google-calendar",
        base_url=server.base_url,
        token_url=server.token_url,
        timeout=timedelta(seconds=5),
    )


@pytest.fixture
def calendar(settings: CalendarSettings) -> Iterator[GoogleCalendar]:
    with GoogleCalendar(settings) as calendar:
        yield calendar


def post(server: GoogleCalendarServer, path: str, **body: Any) -> requests.Response:  # noqa: ANN401
    return requests.post(
        f"{server.base_url}/{path}",
        json=body,
        headers={"Authorization": f"Bearer {ACCESS}"},
        timeout=5,
    )


def post_watch(server: GoogleCalendarServer, **changed: Any) -> requests.Response:  # noqa: ANN401
    body = {"id": "one", "type": "web_hook", "address": "https://app.example.com/hook"}
    return post(server, "calendars/primary/events/watch", **(body | changed))


def reason_of(response: requests.Response) -> tuple[int, str]:
    error = response.json()["error"]
    assert error["code"] == response.status_code
    return response.status_code, error["errors"][0]["reason"]


# https://developers.google.com/workspace/calendar/api/v3/reference/events/watch
# https://developers.google.com/discovery/v1/type-format: whole numbers of 64 bits are text.


def test_contract_a_watch_answers_with_its_channel(server: GoogleCalendarServer) -> None:
    answer = post_watch(server, expiration=(NOW + timedelta(days=2)).timestamp() * 1000)
    assert answer.status_code == 200
    body = answer.json()
    assert body["kind"] == "api#channel"
    assert body["id"] == "one"
    assert body["resourceId"]
    assert body["resourceUri"].startswith("https://")
    assert body["expiration"] == str(round((NOW + timedelta(days=2)).timestamp() * 1000))


# https://developers.google.com/workspace/calendar/api/guides/push


def test_contract_a_longer_life_than_allowed_is_shortened(server: GoogleCalendarServer) -> None:
    body = post_watch(server, expiration=(NOW + timedelta(days=90)).timestamp() * 1000).json()
    assert int(body["expiration"]) == (NOW + LONGEST_LIFE).timestamp() * 1000


def test_contract_an_id_is_unique_and_has_at_most_64_characters(
    server: GoogleCalendarServer,
) -> None:
    assert post_watch(server, id="a" * 64).status_code == 200
    assert reason_of(post_watch(server, id="a" * 64)) == (400, "channelIdNotUnique")
    assert post_watch(server, id="a" * 65).status_code == 400


def test_contract_google_calls_https_only(server: GoogleCalendarServer) -> None:
    status, reason = reason_of(post_watch(server, address="http://app.example.com/hook"))
    assert (status, reason) == (400, "push.webhookUrlNotHttps")


def test_contract_several_channels_may_watch_the_same_resource(
    server: GoogleCalendarServer,
) -> None:
    first, second = post_watch(server).json(), post_watch(server, id="two").json()
    assert first["resourceId"] == second["resourceId"]
    assert set(server.channels) == {"one", "two"}


def test_contract_a_channel_is_stopped_by_both_its_ids(server: GoogleCalendarServer) -> None:
    resource_id = post_watch(server).json()["resourceId"]
    assert post(server, "channels/stop", id="one", resourceId="another").status_code == 404
    stopped = post(server, "channels/stop", id="one", resourceId=resource_id)
    assert (stopped.status_code, stopped.content) == (204, b"")
    again = post(server, "channels/stop", id="one", resourceId=resource_id)
    assert reason_of(again) == (404, "notFound")


# https://developers.google.com/workspace/calendar/api/guides/errors


def test_contract_errors_have_a_code_and_reasons(server: GoogleCalendarServer) -> None:
    unknown = post(server, "calendars/unknown/events/watch", **post_watch(server).json())
    assert unknown.status_code == 400
    missing = post(
        server, "calendars/no/events/watch", id="x", type="web_hook", address="https://a/b"
    )
    assert reason_of(missing) == (404, "notFound")
    server.access_tokens.clear()
    assert reason_of(post_watch(server)) == (401, "authError")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "userRateLimitExceeded"),
        (403, "rateLimitExceeded"),
        (403, "quotaExceeded"),
        (429, "rateLimitExceeded"),
    ],
)
def test_contract_limits_are_of_the_domain_of_usage(
    server: GoogleCalendarServer, status: int, reason: str
) -> None:
    server.answer_next(WATCH, google_error(status, reason))
    error = post_watch(server).json()["error"]
    assert error["code"] == status
    if reason != "quotaExceeded":
        assert error["errors"][0]["domain"] == "usageLimits"


# https://developers.google.com/identity/protocols/oauth2/web-server#offline
# https://www.rfc-editor.org/rfc/rfc6749#section-5.2


def ask_for_token(server: GoogleCalendarServer, **changed: str) -> requests.Response:
    form = {
        "grant_type": "refresh_token",
        "client_id": "client",
        "client_secret": SECRET,
        "refresh_token": REFRESH_TOKEN,
    }
    return requests.post(server.token_url, data=form | changed, timeout=5)


def test_contract_a_refresh_token_gives_an_access_token(server: GoogleCalendarServer) -> None:
    body = ask_for_token(server).json()
    assert set(body) == {"access_token", "expires_in", "scope", "token_type"}
    assert (body["token_type"], type(body["expires_in"])) == ("Bearer", int)


def test_contract_a_rotated_refresh_token_replaces_the_old_one(
    server: GoogleCalendarServer,
) -> None:
    rotated = "1//next"
    server.grants[REFRESH_TOKEN].rotates_to = rotated
    assert ask_for_token(server).json()["refresh_token"] == rotated
    assert ask_for_token(server).json()["error"] == "invalid_grant"
    assert "refresh_token" not in ask_for_token(server, refresh_token=rotated).json()


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"refresh_token": "1//unknown"}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_contract_the_token_endpoint_names_its_errors(
    server: GoogleCalendarServer, changed: dict[str, str], status: int, error: str
) -> None:
    answer = ask_for_token(server, **changed)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


# The client.


def test_a_refresh_gives_an_access_token_and_a_rotated_refresh_token(
    server: GoogleCalendarServer, calendar: GoogleCalendar
) -> None:
    tokens = calendar.refresh(REFRESH_TOKEN)
    assert tokens.access in server.access_tokens
    assert (tokens.refresh, tokens.lifetime) == (None, timedelta(seconds=3599))
    server.grants[REFRESH_TOKEN].rotates_to = "1//next"
    assert calendar.refresh(REFRESH_TOKEN).refresh == "1//next"
    [asked, _] = server.asked_for(REFRESH)
    assert asked.body == {
        "grant_type": "refresh_token",
        "client_id": "client",
        "client_secret": SECRET,
        "refresh_token": REFRESH_TOKEN,
    }
    assert asked.authorization is None


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [("3599", timedelta(seconds=3599)), (None, None), (-1, None), ("soon", None), (True, None)],
)
def test_a_lifetime_is_read_leniently(
    server: GoogleCalendarServer,
    calendar: GoogleCalendar,
    expires_in: object,
    lifetime: timedelta | None,
) -> None:
    body = {"access_token": "ya29.new", "expires_in": expires_in}
    server.answer_next(REFRESH, Reply(status=200, body=body))
    assert calendar.refresh(REFRESH_TOKEN).lifetime == lifetime


def test_a_watch_is_made_for_the_calendar_whatever_its_id(
    server: GoogleCalendarServer, calendar: GoogleCalendar
) -> None:
    watch = calendar.watch(ACCESS, CHANNEL, NOW)
    [asked] = server.asked_for(WATCH)
    path = "/calendar/v3/calendars/canary.person%2Btag%231%2Fx%40example.com/events/watch"
    assert asked.path == path
    assert asked.body == {
        "id": "canary-channel",
        "type": "web_hook",
        "address": "https://app.example.com/api/v1/webhooks/google-calendar",
        "expiration": round(CHANNEL.expires_at.timestamp() * 1000),
    }
    assert asked.authorization == f"Bearer {ACCESS}"
    [made] = server.channels.values()
    assert (made.calendar_id, watch.resource_id) == (PERSON, made.resource_id)
    assert watch.expires_at == CHANNEL.expires_at


@pytest.mark.parametrize("calendar_id", ["%2F", "a%23b", "ä@example.com", "a b", "a?b&c=d"])
def test_the_id_of_a_calendar_arrives_as_it_is(
    server: GoogleCalendarServer, calendar: GoogleCalendar, calendar_id: str
) -> None:
    server.grants[REFRESH_TOKEN].calendars.add(calendar_id)
    calendar.watch(ACCESS, replace(CHANNEL, calendar_id=calendar_id), NOW)
    assert server.channels["canary-channel"].calendar_id == calendar_id


@pytest.mark.parametrize("calendar_id", [".", ".."])
def test_an_id_that_would_lead_elsewhere_is_refused(
    server: GoogleCalendarServer, calendar: GoogleCalendar, calendar_id: str
) -> None:
    with pytest.raises(CalendarRefused):
        calendar.watch(ACCESS, replace(CHANNEL, calendar_id=calendar_id), NOW)
    assert server.asked == []


@pytest.mark.parametrize(
    ("expiration", "life"),
    [
        (str(round((NOW + timedelta(days=3)).timestamp() * 1000)), timedelta(days=3)),
        (round((NOW + timedelta(days=3)).timestamp() * 1000), timedelta(days=3)),
        (None, timedelta(days=7)),
        ("in a while", timedelta(days=7)),
        ("0", timedelta(0)),
        ("9" * 18, timedelta(days=3650)),
    ],
)
def test_the_end_of_a_watch_is_read_leniently(
    server: GoogleCalendarServer, calendar: GoogleCalendar, expiration: object, life: timedelta
) -> None:
    body = {"resourceId": "r", "expiration": expiration}
    server.answer_next(WATCH, Reply(status=200, body=body))
    assert calendar.watch(ACCESS, CHANNEL, NOW).expires_at == NOW + life


def test_a_channel_is_stopped_once(server: GoogleCalendarServer, calendar: GoogleCalendar) -> None:
    watch = calendar.watch(ACCESS, CHANNEL, NOW)
    assert calendar.stop(ACCESS, CHANNEL.id, watch.resource_id)
    assert not calendar.stop(ACCESS, CHANNEL.id, watch.resource_id)
    server.answer_next(STOP, google_error(410, "deleted"))
    assert not calendar.stop(ACCESS, CHANNEL.id, watch.resource_id)


GARBAGE: Final = (
    b"",
    b"<html>",
    b"[]",
    b'{"error": 7}',
    b'{"error": {"errors": 7}}',
    b'{"error": {"errors": [7]}}',
    b"\xff\xfe",
    b"[" * 100_000,
)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (google_error(400, "invalid"), CalendarRefused),
        (google_error(403, "forbidden"), CalendarRefused),
        (google_error(403, "insufficientPermissions"), CalendarRefused),
        (google_error(403, "notACalendarUser"), CalendarRefused),
        (google_error(404, "notFound"), CalendarRefused),
        (google_error(410, "deleted"), CalendarRefused),
        (google_error(401, "authError"), AccessTokenRefused),
        (google_error(403, "rateLimitExceeded"), CalendarRateLimited),
        (google_error(403, "userRateLimitExceeded"), CalendarRateLimited),
        (google_error(403, "quotaExceeded"), CalendarRateLimited),
        (google_error(429, "rateLimitExceeded"), CalendarRateLimited),
        (Reply(status=429, body=b"slow down"), CalendarRateLimited),
        (google_error(500, "backendError"), CalendarUnavailable),
        (google_error(503, "backendError"), CalendarUnavailable),
        (Reply(status=502, body=b"<html>canary</html>"), CalendarUnavailable),
        (Reply(status=408), CalendarUnavailable),
        (Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}), CalendarUnavailable),
        (google_error(401, "push.webhookUrlUnauthorized"), ConfigurationError),
        (google_error(400, "push.webhookUrlNotHttps"), ConfigurationError),
        (google_error(403, "accessNotConfigured"), ConfigurationError),
        *((Reply(status=200, body=body), CalendarUnavailable) for body in GARBAGE),
        *((Reply(status=403, body=body), CalendarRefused) for body in GARBAGE[:-1]),
    ],
)
def test_what_a_watch_can_meet_is_told_apart(
    server: GoogleCalendarServer,
    calendar: GoogleCalendar,
    reply: Reply,
    error: type[FanoutError],
) -> None:
    server.answer_next(WATCH, reply)
    with pytest.raises(error) as raised:
        calendar.watch(ACCESS, CHANNEL, NOW)
    assert type(raised.value) is error
    assert no_canary(str(raised.value))
    # Control: without the fault the same request succeeds.
    assert calendar.watch(ACCESS, CHANNEL, NOW).resource_id


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (oauth_error(400, "invalid_grant", "Token has been expired or revoked."), GrantRevoked),
        (oauth_error(401, "invalid_client", "Unauthorized"), ConfigurationError),
        (oauth_error(401, "deleted_client", "The OAuth client was deleted."), ConfigurationError),
        # A refresh token of another client: the other connections are not concerned.
        (oauth_error(401, "unauthorized_client", "Unauthorized"), CalendarRefused),
        (oauth_error(400, "invalid_scope", "Bad Request"), CalendarRefused),
        (oauth_error(429, "rate_limit_exceeded", "Too many"), CalendarRateLimited),
        (oauth_error(403, "rate_limit_exceeded", "Too many"), CalendarRateLimited),
        (Reply(status=429), CalendarRateLimited),
        (oauth_error(500, "internal_failure", "canary"), CalendarUnavailable),
        (oauth_error(400, "temporarily_unavailable", "canary"), CalendarUnavailable),
        (Reply(status=400, body=b"<html>"), CalendarUnavailable),
        (Reply(status=200, body={"access_token": "a\nb"}), CalendarUnavailable),
        (Reply(status=200, body={"access_token": 7}), CalendarUnavailable),
        *((Reply(status=200, body=body), CalendarUnavailable) for body in GARBAGE),
    ],
)
def test_what_a_refresh_can_meet_is_told_apart(
    server: GoogleCalendarServer,
    calendar: GoogleCalendar,
    reply: Reply,
    error: type[FanoutError],
) -> None:
    server.answer_next(REFRESH, reply)
    with pytest.raises(error) as raised:
        calendar.refresh(REFRESH_TOKEN)
    assert type(raised.value) is error
    assert no_canary(str(raised.value))
    assert calendar.refresh(REFRESH_TOKEN).access


def test_without_a_refresh_token_nothing_is_asked(
    server: GoogleCalendarServer, calendar: GoogleCalendar
) -> None:
    for missing in (None, ""):
        with pytest.raises(GrantRevoked, match="no_refresh_token"):
            calendar.refresh(missing)
    assert server.asked == []


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "é", "a" * 8193])
def test_a_token_that_cannot_stand_in_a_header_is_not_sent(
    server: GoogleCalendarServer, calendar: GoogleCalendar, token: str
) -> None:
    with pytest.raises(AccessTokenRefused):
        calendar.watch(token, CHANNEL, NOW)
    assert server.asked == []


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
    ],
)
def test_retry_after_is_a_time(
    server: GoogleCalendarServer,
    calendar: GoogleCalendar,
    retry_after: str | None,
    pause: timedelta | None,
) -> None:
    server.answer_next(WATCH, google_error(429, "rateLimitExceeded", retry_after=retry_after))
    before = datetime.now(UTC)
    with pytest.raises(CalendarRateLimited) as raised:
        calendar.watch(ACCESS, CHANNEL, NOW)
    if pause is None:
        assert raised.value.retry_at is None
    else:
        assert raised.value.retry_at is not None
        assert before + pause <= raised.value.retry_at <= datetime.now(UTC) + pause


def test_retry_after_may_be_a_date(server: GoogleCalendarServer, calendar: GoogleCalendar) -> None:
    date = "Mon, 02 Mar 2026 18:05:00 GMT"
    server.answer_next(WATCH, google_error(403, "userRateLimitExceeded", retry_after=date))
    with pytest.raises(CalendarRateLimited, match="until 2026-03-02 18:05:00 UTC") as raised:
        calendar.watch(ACCESS, CHANNEL, NOW)
    assert raised.value.retry_at == datetime(2026, 3, 2, 18, 5, tzinfo=UTC)
    assert raised.value.this_person


def test_who_is_silent_is_given_up(
    server: GoogleCalendarServer, settings: CalendarSettings
) -> None:
    server.hold(REFRESH, WATCH)
    with GoogleCalendar(replace(settings, timeout=timedelta(milliseconds=300))) as calendar:
        with pytest.raises(CalendarUnavailable, match="does not answer"):
            calendar.refresh(REFRESH_TOKEN)
        with pytest.raises(CalendarUnavailable, match="does not answer"):
            calendar.watch(ACCESS, CHANNEL, NOW)
    server.release()
    with GoogleCalendar(settings) as calendar:
        assert calendar.refresh(REFRESH_TOKEN).access


def test_nobody_listens(settings: CalendarSettings) -> None:
    address = "http://127.0.0.1:1"
    nowhere = replace(settings, base_url=address, token_url=address)
    with GoogleCalendar(nowhere) as calendar:
        with pytest.raises(CalendarUnavailable):
            calendar.refresh(REFRESH_TOKEN)
        with pytest.raises(CalendarUnavailable):
            calendar.watch(ACCESS, CHANNEL, NOW)


def test_a_password_of_the_host_is_not_sent_in_place_of_the_token(
    server: GoogleCalendarServer,
    calendar: GoogleCalendar,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    # Control: requests sends it by itself.
    requests.post(server.token_url, timeout=5)
    assert (server.asked[0].authorization or "").startswith("Basic ")
    calendar.refresh(REFRESH_TOKEN)
    calendar.watch(ACCESS, CHANNEL, NOW)
    assert [each.authorization for each in server.asked[1:]] == [None, f"Bearer {ACCESS}"]


def no_canary(text: str) -> bool:
    return not any(canary in text for canary in CANARIES)


def test_no_token_and_no_id_reaches_a_log(
    server: GoogleCalendarServer, calendar: GoogleCalendar, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    calendar.refresh(REFRESH_TOKEN)
    watch = calendar.watch(ACCESS, CHANNEL, NOW)
    calendar.stop(ACCESS, CHANNEL.id, watch.resource_id)
    server.answer_next(WATCH, Reply(status=401, body={"error": {"message": ACCESS}}))
    with pytest.raises(AccessTokenRefused):
        calendar.watch(ACCESS, CHANNEL, NOW)
    assert no_canary(caplog.text)


def test_control_urllib3_logs_addresses_that_name_people(
    server: GoogleCalendarServer, calendar: GoogleCalendar, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with caplog.at_level(logging.DEBUG, logger="urllib3.connectionpool"):
        calendar.watch(ACCESS, CHANNEL, NOW)
    assert not no_canary(caplog.text)
    assert server.channels


def test_secrets_are_in_no_repr(
    server: GoogleCalendarServer, settings: CalendarSettings, calendar: GoogleCalendar
) -> None:
    tokens = calendar.refresh(REFRESH_TOKEN)
    watch = calendar.watch(ACCESS, CHANNEL, NOW)
    assert no_canary(repr((settings, CHANNEL, watch)))
    assert tokens.access not in repr(tokens)
    assert SECRET in server.clients.values()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"client_id": ""}, "not set: GOOGLE_CLIENT_ID;"),
        (
            {"client_secret": "", "webhook_url": ""},
            "not set: GOOGLE_CLIENT_SECRET, CALENDAR_WEBHOOK_URL;",
        ),
        ({"webhook_url": "http://app.example.com/hook"}, "CALENDAR_WEBHOOK_URL"),
        ({"webhook_url": "https://localhost:8000/hook"}, "CALENDAR_WEBHOOK_URL"),
        ({"webhook_url": "https:///hook"}, "CALENDAR_WEBHOOK_URL"),
        ({"webhook_url": "https://[x/hook"}, "CALENDAR_WEBHOOK_URL"),
        ({"base_url": "http://www.googleapis.com/calendar/v3"}, "CALENDAR_BASE_URL"),
        ({"token_url": "http://oauth2.googleapis.com/token"}, "GOOGLE_TOKEN_URL"),
        ({"token_url": "ftp://127.0.0.1/token"}, "GOOGLE_TOKEN_URL"),
    ],
)
def test_a_missing_or_invalid_setting_is_one_line(
    settings: CalendarSettings, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        GoogleCalendar(replace(settings, **changed))
    assert "\n" not in str(raised.value)
    assert no_canary(str(raised.value))


def test_settings_without_values_are_no_error_until_the_job_runs() -> None:
    assert CalendarSettings().base_url == "https://www.googleapis.com/calendar/v3"
