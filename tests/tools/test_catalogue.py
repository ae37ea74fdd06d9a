import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.identifiers import EventType, ProjectId, UserId
from pipeline.domain.payload import NullableText, Payload
from pipeline.fanout.audience import Audience, NamedUser, Nobody
from pipeline.fanout.effects import Channel, Delivery, Effect, Email
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.preferences import Preference, Scope
from pipeline.ops.catalogue.reaction import describe_reaction
from pipeline.ops.catalogue.schema import payload_schema
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.outcome import Done, GaveUp, ReactionOutcome, RetryAt, done
from pipeline.testing.rehearsal import PROJECT, READER, example, rehearse
from tests.builders import GreetedHandler
from tools.catalogue import STALE, catalogue, rewrite
from tools.catalogue.files import DOCS, on_disk

EACH: Final = [pytest.param(handler, id=name) for name, handler in HANDLERS.items()]


class Place(BaseModel):
    """An object within a payload."""

    floor: int = Field(0, ge=0)


class KeyLent(Payload):
    """Payload of ``key_lent``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "toWhom": str(READER.id),
                    "project_id": str(PROJECT.id),
                    "kind": "master",
                    "note": "back by noon",
                    "places": [{"floor": 3}],
                    "due": "2026-03-02T12:00:00Z",
                }
            ]
        }
    )

    to_whom: UserId | None = Field(None, alias="toWhom")
    project_id: ProjectId | None = None
    kind: Literal["master", "spare"] = "spare"
    note: NullableText = "none"
    places: tuple[Place, ...] = ()
    due: datetime | None = None


class KeyLentHandler(Handler[KeyLent]):
    """Tell the borrower, with the next digest."""

    event_type = EventType("key_lent")
    payload = KeyLent
    channels = (Channel.EMAIL,)
    preference = Preference("keys", Scope.GLOBAL)

    def audience(self, event: Event[KeyLent]) -> Audience:
        """The borrower | nobody else."""
        if (event.project_id or event.payload.project_id) is None:
            return Nobody("no project")
        return NamedUser(event.payload.to_whom) if event.payload.to_whom else Nobody("no borrower")

    def decide(
        self,
        event: Event[KeyLent],
        person: Person,  # noqa: ARG002
        facts: Facts,  # noqa: ARG002
    ) -> Iterable[Effect]:
        """One e-mail."""
        yield Email(
            delivery=Delivery.AGGREGATED,
            subject=f"The {event.payload.kind} key is yours",
            data={},
            project_id=event.project_id,
            project_name=None,
        )


def test_the_catalogue_is_up_to_date() -> None:
    assert on_disk(DOCS) == catalogue(HANDLERS, REACTION_HANDLERS), STALE


@pytest.mark.parametrize("handler", EACH)
def test_an_example_shows_every_key_and_leads_to_something(handler: Handler[Any]) -> None:
    sent = example(handler)
    assert sent.keys() == payload_schema(handler.payload)["properties"].keys()
    handler.payload.model_validate(sent)
    assert rehearse(handler, sent).reached, (
        f"nobody is told: the example must name {READER.id} where it names the person"
    )


@pytest.mark.parametrize("handler", EACH)
def test_a_schema_accepts_null_for_every_key_and_keys_it_does_not_know(
    handler: Handler[Any],
) -> None:
    schema = payload_schema(handler.payload)
    assert schema["additionalProperties"] is True
    assert "required" not in schema
    assert all({"type": "null"} in each["anyOf"] for each in schema["properties"].values())


def test_a_payload_class_without_an_example_is_told_how_to_give_one() -> None:
    with pytest.raises(LookupError, match=r"Greeted has no example: add model_config = "):
        catalogue({GreetedHandler.event_type: GreetedHandler()}, {})


def test_the_page_says_what_a_producer_must_know() -> None:
    page = catalogue({KeyLentHandler.event_type: KeyLentHandler()}, {})["events.md"]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        "| `toWhom` | UUID |  | needed |",
        "| `project_id` | UUID |  | needed, here or in the column |",
        '| `kind` | `master` or `spare` | `"spare"` |  |',
        '| `note` | text | `"none"` | null has its own meaning |',
        "| `places` | array of object | `[]` |  |",
        "| `due` | time, ISO 8601 |  |  |",
    ]
    assert "* **Recipients**: The borrower | nobody else.\n" in page
    # A bar would end the cell.
    assert "| The borrower \\| nobody else. | by e-mail |\n" in page
    assert "* **Muted as**: `keys`, everywhere\n" in page
    assert "* **Columns**: `project_id` (needed, unless the payload has it)\n" in page
    assert "leads, for Priya Raman, to" in page
    assert "> by e-mail, with the next digest: **The master key is yours**" in page


def test_the_page_shows_one_contents_row_and_one_section_for_every_type() -> None:
    page = catalogue(HANDLERS, {})["events.md"]
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == sorted(HANDLERS)
    assert page.count("| [`") == len(HANDLERS)


def test_rewriting_writes_what_changed_and_removes_what_is_gone(tmp_path: Path) -> None:
    assert rewrite(tmp_path, {"events.md": "a", "events/old.schema.json": "{}"}) == [
        "events.md",
        "events/old.schema.json",
    ]
    wanted = {"events.md": "a", "events/new.schema.json": "{}"}
    assert rewrite(tmp_path, wanted) == ["events/new.schema.json", "events/old.schema.json"]
    assert on_disk(tmp_path) == wanted
    assert rewrite(tmp_path, wanted) == []


def test_a_schema_is_the_same_every_time() -> None:
    first, again = (json.dumps(payload_schema(KeyLent)) for _ in range(2))
    assert first == again


class CrateOpened(CamelPayload):
    """Payload of ``crate.opened``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"userId": str(READER.id), "content": "pears"}]}
    )

    user_id: UserId
    content: Literal["apples", "pears"] = "apples"


class CrateOpenedHandler(ReactionHandler[CrateOpened]):
    """Have it eaten."""

    event_type = EventType("crate.opened")
    payload = CrateOpened
    one_at_a_time = "content"

    def wants(self, event: ReactionEvent[CrateOpened]) -> bool:
        """Crates with pears."""
        return event.payload.content == "pears"

    def react(self, event: ReactionEvent[CrateOpened], answers: Answers) -> Done:  # noqa: ARG002
        """One task | no plate."""
        return done(
            Task(name="eat", task_type="eat", agent_type="cook", scheduled_for=event.created_at)
        )


def test_the_page_of_reactions_says_what_follows_in_which_order_and_of_which_events() -> None:
    files = catalogue({}, {CrateOpenedHandler.event_type: CrateOpenedHandler()})
    page = files["reaction-events.md"]
    assert [line for line in page.splitlines() if line.startswith("| `")] == [
        "| `userId` | UUID |  | needed |",
        '| `content` | `apples` or `pears` | `"apples"` |  |',
    ]
    assert "* **What follows**: One task | no plate.\n" in page
    assert "* **Only**: Crates with pears.\n" in page
    assert "* **Order**: never two with the same `content` at the same time\n" in page
    assert "* the task `eat` for `cook`, priority normal\n" in page
    schema = json.loads(files["events/crate.opened.schema.json"])
    assert schema["required"] == ["userId"]
    assert schema["properties"]["userId"] == {"format": "uuid", "type": "string"}
    assert {"type": "null"} in schema["properties"]["content"]["anyOf"]


class CrateLateHandler(CrateOpenedHandler):
    """Not yet, or never."""

    def __init__(self, outcome: ReactionOutcome) -> None:
        self._outcome = outcome

    def react(self, event: ReactionEvent[CrateOpened], answers: Answers) -> Any:  # noqa: ANN401, ARG002
        """Nothing."""
        return self._outcome


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (
            RetryAt(at=datetime(2026, 3, 2, 13, tzinfo=UTC), reason="the lid is shut"),
            "is asked about again later: the lid is shut.",
        ),
        (GaveUp(reason="the crate is empty"), "is given up: the crate is empty."),
        (done(), "leads to nothing."),
    ],
)
def test_the_page_of_reactions_says_why_nothing_follows(
    outcome: ReactionOutcome, line: str
) -> None:
    handler = CrateLateHandler(outcome)
    page = catalogue({}, {handler.event_type: handler})["reaction-events.md"]
    assert line in page.splitlines()


# Types of which others read the event.
ANNOUNCED: Final = {
    "agent.task_ready",
    "community.no_experts_found",
    "community.request_attached",
    "community.request_routed",
    "message.ready_to_send",
    "solution.research_initiated",
}


@pytest.mark.parametrize("name", sorted(REACTION_HANDLERS.keys() - ANNOUNCED))
def test_the_example_of_a_reaction_leads_to_something(name: EventType) -> None:
    assert describe_reaction(REACTION_HANDLERS[name]).reacted.effects


def test_the_page_of_reactions_shows_every_type() -> None:
    page = catalogue({}, REACTION_HANDLERS)["reaction-events.md"]
    shown = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    assert shown == sorted(REACTION_HANDLERS)
