"""``/v1/dead-letters``: by cause, one, and resolved by hand."""

from tests.service.api import OPERATOR, Api, command, comparable, upload


def test_causes_and_letters_are_what_the_command_shows(api: Api) -> None:
    dead = [upload(api.stage, 1), upload(api.stage, 2)]
    api.stage.deliver()
    listed = api.get("/v1/dead-letters")
    said = command(api.stage.database, "dead-letters", "list")
    assert comparable(listed) == comparable({"items": said, "more": False})
    [group] = listed["items"]
    assert group["letters"] == 2
    letter = api.get(f"/v1/dead-letters/{group['sample_id']}", payload="true")
    shown = command(api.stage.database, "dead-letters", "show", "--event", str(dead[1]))
    assert comparable(letter) == comparable(shown)
    assert letter["payload"] == '{"fileName": 2}'


def test_what_a_letter_holds_is_hidden_from_who_may_only_read(api: Api) -> None:
    upload(api.stage, 1)
    api.stage.deliver()
    api.stage.execute(
        "INSERT INTO event_dead_letters (letter_key, stage, error_class, message, fingerprint,"
        " data, attributes) VALUES ('sha256:1', 'fetch', 'MissingAttribute', 'no id', 'f00d',"
        ' %s, \'{"secret": "amsel"}\')',
        b"\xff\xfe",
    )
    for letter in (1, 2):
        path = f"/v1/dead-letters/{letter}"
        shown = api.client.get(path, headers=api.reader)
        hidden = ("attributes", "data", "payload", "payload_characters")
        assert [shown.json()[name] for name in hidden] == [None] * 4
        assert "amsel" not in shown.text
        assert api.client.get(f"{path}?payload=true", headers=api.reader).status_code == 403
    whole = api.get("/v1/dead-letters/2", payload="true")
    assert whole["data"] == {"text": None, "base64": "//4="}
    assert whole["attributes"] == {"secret": "amsel"}


def test_a_letter_is_resolved_once_with_a_name_and_a_note(api: Api) -> None:
    event = upload(api.stage, 1)
    api.stage.deliver()
    path = "/v1/dead-letters/1/resolve"
    refused = api.client.post(path, json={"note": "no"}, headers=api.reader)
    assert api.refusal(refused, 403)
    answer = api.post(path, {"note": "sent by hand"})
    assert (answer.status_code, answer.json()) == (200, {"resolved": 1})
    letter = api.get("/v1/dead-letters/1")
    assert letter["resolution"] == f"test_operator: {OPERATOR}: sent by hand"
    assert api.refusal(api.post(path, {"note": "again"}), 404).startswith("no open dead letter")
    assert api.get("/v1/dead-letters")["items"] == []
    assert len(api.get("/v1/dead-letters", resolved="true")["items"]) == 1
    assert api.get(f"/v1/events/{event}")["state"] == "dead"
    assert api.stage.rows(
        "SELECT who, target, status, result FROM fanout.audit WHERE status = 200"
    ) == [(OPERATOR, "letter_id=1", 200, "resolved 1")]


def test_a_path_that_cannot_be_stored_is_refused_as_any_other_and_audited(api: Api) -> None:
    for path, name in (("dead-letters/%00/resolve", "letter_id"), ("jobs/a%00b/runs", "job")):
        message = api.refusal(api.post(f"/v1/{path}", {}), 422)
        assert message.startswith(f"invalid {name}: expected a ")
    assert api.stage.rows("SELECT target FROM fanout.audit WHERE status = 422 ORDER BY at") == [
        ("letter_id=?",),
        ("job=a?b",),
    ]


def test_a_note_that_says_nothing_is_refused_without_quoting_it(api: Api) -> None:
    bodies: list[object] = [{}, {"note": " \n"}, {"note": "a\0"}, {"note": 7}, []]
    for body in (*bodies, {"note": "x", "amsel": 1}):
        message = api.refusal(api.post("/v1/dead-letters/1/resolve", body), 422)
        assert message.startswith("invalid ")
        assert "amsel" not in message
