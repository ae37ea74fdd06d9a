"""``webhooks`` as a command: what an operator sees, and what neither they nor a viewer ever do."""

import json
import threading

import psycopg
import pytest

from pipeline.ops.webhooks.change import disable_endpoint
from tests.clients.webhooks.conftest import KEY
from tests.clients.webhooks.receiver import Receiver
from tests.deadline import wait_until
from tests.steps.webhooks.desk import TYPE, WebhookDesk
from tests.test_command_line import command


def run(desk: WebhookDesk, *arguments: str, code: int = 0) -> tuple[str, str]:
    done = command(
        "webhooks",
        *arguments,
        DATABASE_URL=desk.stage.database.operator_dsn,
        WEBHOOK_KEY=KEY,
        WEBHOOK_ALLOWED_NETWORKS="127.0.0.1",
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def test_an_endpoint_from_its_addition_to_its_removal(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    secret, about = run(desk, "add", "crm", receiver.url, "--type", TYPE, "--type", "noise")
    assert secret.startswith("whsec_")
    assert secret.strip() not in about
    assert "hears of invite_accepted, noise, ids only" in about
    [(id_,)] = desk.rows("SELECT id FROM fanout.webhook_endpoints")
    desk.queue(id_, 2)
    desk.run()
    assert receiver.seen[0].is_signed_with(secret.strip())

    listed, _ = run(desk, "list")
    assert "crm" in listed
    assert "2 webhooks taken" in listed
    assert "/hook" not in listed
    shown, _ = run(desk, "show", "crm")
    assert receiver.url in shown
    rotated, _ = run(desk, "rotate", "crm")
    assert rotated.startswith("whsec_")
    as_json = json.loads(run(desk, "list", "--json")[0])
    [endpoint] = as_json["endpoints"]
    assert (endpoint["state"], endpoint["done"], len(endpoint["secrets"])) == ("works", 2, 2)
    for text in (listed, shown, json.dumps(as_json)):
        assert secret.strip() not in text
        assert rotated.strip() not in text

    assert run(desk, "disable", "crm")[0].startswith("crm is disabled: ")
    _, error = run(desk, "test", "crm", code=1)
    assert "is disabled: python -m pipeline webhooks enable crm" in error
    assert json.loads(run(desk, "enable", "crm", "--json")[0]) == {"name": "crm", "changed": True}
    assert run(desk, "remove", "crm")[0].startswith("crm is removed: ")
    _, error = run(desk, "remove", "crm", code=1)
    assert "no endpoint 'crm'" in error
    audit = desk.rows("SELECT action FROM fanout.audit ORDER BY at, action")
    actions = {action for (action,) in audit}
    assert actions == {
        f"webhooks {each}" for each in ("add", "rotate", "disable", "enable", "remove")
    }


def test_a_type_of_reactions_is_heard_of_by_a_route_and_the_answer_says_so(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    _, about = run(desk, "add", "crm", receiver.url, "--type", TYPE, "--type", "order.shipped")
    assert "python -m pipeline routes add order.shipped --to webhook:crm" in about
    assert f"routes add {TYPE}" not in about


@pytest.mark.parametrize("keep", ["24h", "0s"])
def test_after_a_rotation_the_older_secret_is_used_as_long_as_it_is_kept(
    desk: WebhookDesk, receiver: Receiver, keep: str
) -> None:
    added = desk.add(receiver, name="crm")
    rotated, _ = run(desk, "rotate", "crm", "--keep", keep)
    desk.queue(added.id, 1)
    desk.run()
    [seen] = receiver.seen
    assert seen.is_signed_with(rotated.strip())
    assert seen.is_signed_with(added.secret or "") == (keep == "24h")
    [(lasting,)] = desk.rows("SELECT count(*) FROM fanout.webhook_secrets WHERE retires_at IS NULL")
    assert lasting == 1


@pytest.mark.parametrize(("status", "code"), [(204, 0), (500, 1)])
def test_a_ping_is_signed_and_sent_by_the_push_graph(
    desk: WebhookDesk, receiver: Receiver, status: int, code: int
) -> None:
    added = desk.add(receiver, name="crm")
    receiver.status = status
    stop = threading.Event()

    def graph() -> None:
        while not stop.wait(0.05):
            desk.run()

    thread = threading.Thread(target=graph)
    thread.start()
    try:
        said, _ = run(desk, "test", "crm", "--wait", "60s", code=code)
    finally:
        stop.set()
        thread.join()
    [seen] = receiver.seen
    assert seen.said["type"] == "webhook.ping"
    assert seen.is_signed_with(added.secret or "")
    assert said == (
        "crm took it: it answered 204\n"
        if status == 204
        else "crm did not take it: it gave no usable answer: 500\n"
    )


def test_a_ping_that_ends_before_its_first_try_says_why(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    desk.add(receiver, name="crm")

    def disable() -> None:
        wait_until(desk.states, seconds=60, what="the ping to be asked for")
        disable_endpoint(desk.operator, "crm")
        desk.run()

    thread = threading.Thread(target=disable)
    thread.start()
    try:
        said, _ = run(desk, "test", "crm", "--wait", "60s", code=1)
    finally:
        thread.join()
    assert said == "crm did not take it: the endpoint is disabled\n"
    assert receiver.seen == []


def test_without_the_push_graph_the_test_says_so(desk: WebhookDesk, receiver: Receiver) -> None:
    desk.add(receiver, name="crm")
    said, _ = run(desk, "test", "crm", "--wait", "0.2s", code=1)
    assert "run --graph push running?" in said


def test_an_address_or_a_key_that_is_wrong_is_one_line_without_it(desk: WebhookDesk) -> None:
    for url, expected in (
        ("http://10.0.0.1/canary", "its host is not public"),
        ("https://user:canary@acme.example/", "without a user, a password"),
    ):
        _, error = run(desk, "add", "crm", url, "--type", TYPE, code=2)
        assert expected in error
        assert "canary" not in error
    done = command(
        "webhooks", "add", "crm", "https://acme.example/", "--type", TYPE,
        DATABASE_URL=desk.stage.database.operator_dsn,
    )  # fmt: skip
    assert done.returncode == 1
    assert "WEBHOOK_KEY is not set" in done.stderr


@pytest.mark.parametrize("role", ["operator", "viewer"])
@pytest.mark.parametrize("column", ["sealed", "*"])
def test_neither_role_reads_a_stored_secret(
    desk: WebhookDesk, receiver: Receiver, role: str, column: str
) -> None:
    desk.add(receiver, name="crm")
    dsn = getattr(desk.stage.database, f"{role}_dsn")
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"SELECT {column} FROM fanout.webhook_secrets")  # noqa: S608 - ours


def test_why_says_what_went_to_which_endpoint(desk: WebhookDesk, receiver: Receiver) -> None:
    desk.add(receiver, name="crm")
    desk.add(receiver, name="audit")
    [event] = desk.tell()
    receiver.statuses = [500]
    desk.run()
    done = command("why", "--event", str(event), DATABASE_URL=desk.stage.database.operator_dsn)
    assert done.returncode == 0, done.stderr
    assert "Endpoints" in done.stdout
    assert "it took it" in done.stdout
    assert "it gave no usable answer: 500; next try" in done.stdout
    viewer = desk.stage.database.viewer_dsn
    done = command("why", "--event", str(event), "--json", DATABASE_URL=viewer)
    as_json = json.loads(done.stdout)
    found = {each["endpoint"]: each["state"] for each in as_json["endpoints"]}
    assert sorted(found) == ["audit", "crm"]
    assert sorted(found.values()) == ["done", "waiting"]
