"""An error of the application's own schema affects only the event that causes it."""

import pytest

from tests.golden.stage import Stage
from tests.golden.world import P1, T1, T2, U1, U3, U4

REFUSE = """
    CREATE FUNCTION app_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF new.user_id = '{user}' THEN {body} END IF;
        RETURN new;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON notifications
    FOR EACH ROW EXECUTE FUNCTION app_refuse()
"""


@pytest.mark.parametrize(
    "body",
    [
        "RAISE 'canary' USING ERRCODE = 'insufficient_privilege';",
        "PERFORM FROM nowhere;",
        "RAISE 'canary' USING ERRCODE = 'feature_not_supported';",
    ],
)
def test_a_trigger_that_refuses_one_person_makes_dead_letters_of_the_events_about_them_only(
    stage: Stage, body: str
) -> None:
    stage.execute(REFUSE.format(user=U4, body=body))
    refused, told = (
        stage.emit(
            "project_access_granted",
            {"affected_user_id": str(person), "project_name": "Tower"},
            actor_id=U1,
            project_id=P1,
        )
        for person in (U4, U3)
    )
    stage.deliver()
    assert stage.ledger() == {refused: "dead", told: "completed"}
    [(message,)] = stage.rows("SELECT message FROM event_dead_letters")
    assert "a trigger or function of the application failed: function app_refuse" in message
    assert "canary" not in message


def test_an_unrouted_event_at_the_end_of_all_times_holds_up_nobody(stage: Stage) -> None:
    moon, other = stage.emit("moon_rose", {}), stage.emit("sun_rose", {})
    messages = stage.messages()
    stage.execute("UPDATE domain_events SET created_at = 'infinity' WHERE id = %s", moon)
    stage.deliver_messages(messages)
    ledger = stage.ledger()
    assert ledger.keys() == {moon, other}
    assert ledger[other] == "unrouted"


def test_a_value_that_cannot_be_read_makes_a_dead_letter_of_the_event_about_it_only(
    stage: Stage,
) -> None:
    stage.execute("ALTER TABLE chat_threads ALTER topic TYPE time USING NULL")
    stage.execute("UPDATE chat_threads SET topic = '24:00' WHERE id = %s", T2)
    unreadable, other = (
        stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=thread)
        for thread in (T2, T1)
    )
    stage.deliver()
    assert stage.ledger() == {unreadable: "dead", other: "completed"}
    assert stage.rows("SELECT error_class, message FROM event_dead_letters") == [
        ("UnusableValue", "psycopg cannot read or write a value (DataError)")
    ]
