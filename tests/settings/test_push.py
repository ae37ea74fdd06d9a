"""The settings of push: what is missing or wrong is said in one line that says how to fix it."""

import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.settings.push import (
    FCM_URL,
    PUSH_VARIABLES,
    BusKind,
    BusSettings,
    FcmSettings,
    PushSettings,
    read_push_settings,
)

BUS = {"WEBSOCKET_BUS_URL": "https://bus.acme.example", "SERVICE_TOKEN": "canary-token"}
FCM = {"FCM_PROJECT_ID": "acme-app"}
NAME = "projects/acme-prod/secrets/bus-token"


def test_nothing_is_set_by_default() -> None:
    assert read_push_settings({}) == PushSettings(bus=None, fcm=None)
    assert read_push_settings(dict.fromkeys(PUSH_VARIABLES, " ")) == PushSettings()


def test_the_bus_and_fcm_are_read() -> None:
    read = read_push_settings({**BUS, **FCM, "UNKNOWN": "x"})
    assert read.bus == BusSettings(url=BUS["WEBSOCKET_BUS_URL"], token=BUS["SERVICE_TOKEN"])
    assert read.bus.kind is BusKind.PLAIN
    assert read.fcm == FcmSettings(project="acme-app", base_url=FCM_URL, credentials="")


def test_everything_can_be_set() -> None:
    read = read_push_settings(
        {
            "WEBSOCKET_BUS_URL": "http://127.0.0.1:8000/bus",
            "WEBSOCKET_BUS_KIND": "centrifugo",
            "WEBSOCKET_BUS_NAMESPACE": "personal",
            "SERVICE_TOKEN_SECRET": NAME,
            "FCM_PROJECT_ID": "acme-app",
            "FCM_BASE_URL": "http://localhost:8001",
            "GOOGLE_APPLICATION_CREDENTIALS": "/etc/fanout/fcm.json",
        }
    )
    assert read.bus is not None
    assert (read.bus.kind, read.bus.namespace) == (BusKind.CENTRIFUGO, "personal")
    assert (read.bus.token, read.bus.token_secret) == ("", NAME)
    assert read.fcm == FcmSettings(
        project="acme-app",
        base_url="http://localhost:8001",
        credentials="/etc/fanout/fcm.json",
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"SERVICE_TOKEN": ""}, "not set: SERVICE_TOKEN and SERVICE_TOKEN_SECRET"),
        ({"SERVICE_TOKEN_SECRET": NAME}, "both set: SERVICE_TOKEN and SERVICE_TOKEN_SECRET"),
        ({"SERVICE_TOKEN": "canary token"}, "invalid SERVICE_TOKEN: expected"),
        (
            {"SERVICE_TOKEN": "", "SERVICE_TOKEN_SECRET": "hunter"},
            "invalid SERVICE_TOKEN_SECRET 'hunter': expected projects/P/secrets/S",
        ),
        ({"WEBSOCKET_BUS_URL": "http://bus.example"}, "invalid WEBSOCKET_BUS_URL: expected"),
        ({"WEBSOCKET_BUS_URL": "https://canary@bus.example"}, "invalid WEBSOCKET_BUS_URL"),
        ({"WEBSOCKET_BUS_URL": "wss://bus.example"}, "invalid WEBSOCKET_BUS_URL"),
        (
            {"WEBSOCKET_BUS_KIND": "redis"},
            "invalid WEBSOCKET_BUS_KIND 'redis': expected plain or centrifugo",
        ),
        ({"WEBSOCKET_BUS_NAMESPACE": "personal"}, "set WEBSOCKET_BUS_KIND=centrifugo"),
        (
            {"WEBSOCKET_BUS_KIND": "centrifugo", "WEBSOCKET_BUS_NAMESPACE": "a:b"},
            "invalid WEBSOCKET_BUS_NAMESPACE 'a:b': expected",
        ),
        ({"FCM_PROJECT_ID": "Acme App"}, "invalid FCM_PROJECT_ID 'Acme App': expected"),
        ({"FCM_BASE_URL": "http://fcm.example"}, "invalid FCM_BASE_URL: expected"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_without_secrets(
    wrong: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_push_settings({**BUS, **FCM, **wrong})
    text = str(error.value)
    assert says in text
    assert "canary" not in text
    assert "\n" not in text


def test_a_secret_is_not_shown() -> None:
    assert "canary" not in repr(read_push_settings({**BUS, **FCM}))
