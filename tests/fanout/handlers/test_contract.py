"""The rules for every handler in the table."""

import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Payload
from pipeline.fanout import handlers
from pipeline.fanout.ask import ask
from pipeline.fanout.decide import Policy, decide
from pipeline.fanout.effects import Effect, Email, Notification, ThreadActivity
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.row import MAX_TYPE_CHARACTERS
from tests.fanout.handlers.strategies import events, facts
from tests.payloads import examples

FunctionT = TypeVar("FunctionT", bound=Callable[..., None])

MARKDOWN: Final = MarkdownIt("gfm-like", {"linkify": False})
# A hostile name. It is harmless if it is shown on one line and as it is.
NASTY: Final = (
    " **bold** ](javascript:alert(1)) {{meeting_time}} <b> `code` _a_\r\nBcc: x@evil.test\u2028# x "
)
HARMLESS: Final = (
    "**bold** ](javascript:alert(1)) {{meeting_time}} <b> `code` _a_ Bcc: x@evil.test # x"
)
# Text that a person wrote in Markdown is passed on unchanged.
WRITTEN_AS_MARKDOWN: Final = {"full_content"}
NO_EXCLUSIONS: Final = Policy(system_users=frozenset(), max_event_age=None)


def for_every_handler(test: FunctionT) -> FunctionT:
    """Run the test once per registered handler."""
    each = [pytest.param(handler, id=name) for name, handler in HANDLERS.items()]
    decorated: FunctionT = pytest.mark.parametrize("handler", each)(test)
    return decorated


def defined_handlers() -> Iterator[type[Handler[Any]]]:
    """Return every concrete handler that a module of the package defines."""
    for found in pkgutil.walk_packages(handlers.__path__, f"{handlers.__name__}."):
        module = importlib.import_module(found.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            own = member.__module__ == module.__name__
            if own and issubclass(member, Handler) and not inspect.isabstract(member):
                yield member


def test_every_handler_that_is_defined_is_registered() -> None:
    registered = {type(handler) for handler in HANDLERS.values()}
    assert set(defined_handlers()) - registered == set()


@pytest.mark.parametrize("event_type", HANDLERS)
def test_a_handler_is_registered_under_its_own_event_type(event_type: EventType) -> None:
    assert HANDLERS[event_type].event_type == event_type
    assert 0 < len(event_type) <= MAX_TYPE_CHARACTERS


@for_every_handler
def test_a_handler_says_what_it_needs(handler: Handler[Any]) -> None:
    assert issubclass(handler.payload, Payload)
    assert handler.channels
    assert len(set(handler.channels)) == len(handler.channels)
    assert handler.preference.name


@for_every_handler
def test_an_empty_payload_is_a_valid_one(handler: Handler[Any]) -> None:
    assert handler.payload.model_validate({}) == handler.payload()


@for_every_handler
def test_a_handler_is_documented(handler: Handler[Any]) -> None:
    kind = type(handler)
    module = inspect.getmodule(kind)
    assert module is not None
    assert (module.__doc__ or "").startswith(f"{handler.event_type}: ")
    for documented in (kind, handler.payload, kind.audience, kind.decide):
        assert documented.__doc__
        assert inspect.getdoc(documented) != inspect.getdoc(Handler)


@for_every_handler
def test_a_handler_can_be_pickled(handler: Handler[Any]) -> None:
    copy = pickle.loads(pickle.dumps(handler))  # noqa: S301 - our own bytes
    assert type(copy) is type(handler)
    assert vars(copy) == vars(handler)


@for_every_handler
@given(data=st.data())
@settings(max_examples=50)
def test_a_handler_decides_every_valid_event_always_alike_and_in_what_can_be_stored(
    handler: Handler[Any], data: st.DataObject
) -> None:
    event, known = data.draw(events(handler)), data.draw(facts())
    assert ask(handler, event) == ask(handler, event)
    asked = ask(handler, event)
    first, again = (decide(handler, asked, known, NO_EXCLUSIONS) for _ in range(2))
    assert first == again
    for _, effect in first.effects:
        assert b"\\u0000" not in orjson.dumps(asdict(effect))
    for each in (event, first):
        assert pickle.loads(pickle.dumps(each)) == each  # noqa: S301 - our own bytes


def called(handler: Handler[Any], event: Event[Any], known: Facts, name: str) -> list[Effect]:
    """Return the effects when everything that people can name has this name."""
    texts = {
        info.alias or field: name
        for field, info in handler.payload.model_fields.items()
        if info.annotation in (str, str | None) and field not in WRITTEN_AS_MARKDOWN
    }
    kept = {"resume_type": "project", "old_permission": "view"}
    sent = event.payload.model_dump(mode="json", by_alias=True) | texts
    sent |= {key: value for key, value in kept.items() if key in sent}
    if handler.event_type == "document_permission_changed":
        sent["new_permission"] = "edit"
    renamed = replace(
        known,
        people={
            key: replace(person, full_name=name, email=name) for key, person in known.people.items()
        },
        projects={key: replace(project, name=name) for key, project in known.projects.items()},
        threads={key: replace(thread, topic=name) for key, thread in known.threads.items()},
    )
    named = replace(event, payload=handler.payload.model_validate(sent))
    outcome = decide(handler, ask(handler, named), renamed, NO_EXCLUSIONS)
    return [effect for _, effect in outcome.effects]


def lines_of(effect: Effect) -> list[str]:
    """Return the texts of an effect that must be on one line each."""
    match effect:
        case Notification():
            texts = [effect.title]
            data = effect.payload
        case Email():
            texts = [effect.subject, effect.project_name or "none"]
            data = effect.data
        case ThreadActivity():
            texts = [effect.thread_name, effect.project_name]
            data = {}
    names = {key: value for key, value in data.items() if key.endswith(("name", "title", "label"))}
    return [*texts, *(value for value in names.values() if value is not None)]


def rendered(body: str) -> list[str]:
    """Return the lines that a reader sees. They may contain only plain and bold text."""
    (_, inline, _) = MARKDOWN.parse(body)
    parts = inline.children or []
    assert {part.type for part in parts} <= {
        "text", "text_special", "softbreak", "strong_open", "strong_close"
    }  # fmt: skip
    return "".join("\n" if part.type == "softbreak" else part.content for part in parts).split("\n")


def bodies_of(effects: list[Effect], written: str) -> list[list[str]]:
    """Return the bodies as shown, without those that a person wrote in Markdown."""
    bodies = [each.body for each in effects if isinstance(each, Notification)]
    bodies += [f"in **{each.label}**" for each in effects if isinstance(each, ThreadActivity)]
    return [rendered(body) for body in bodies if body != written]


@for_every_handler
@given(data=st.data())
@settings(max_examples=10)
def test_what_people_name_stays_on_its_line_and_shows_as_nothing_but_itself(
    handler: Handler[Any], data: st.DataObject
) -> None:
    event, known = data.draw(events(handler)), data.draw(facts())
    plain, nasty = (called(handler, event, known, name) for name in ("Zebra", NASTY))
    assert len(plain) == len(nasty)
    for tame, wild in zip(plain, nasty, strict=True):
        texts = [line.replace("Zebra", HARMLESS) for line in lines_of(tame)]
        assert lines_of(wild) == texts
    written = getattr(event.payload, "full_content", "")
    shown = [
        [line.replace("Zebra", HARMLESS) for line in body] for body in bodies_of(plain, written)
    ]
    assert bodies_of(nasty, written) == shown
    for tame, wild in zip(plain, nasty, strict=True):
        # The browser replaces this with the time, anywhere.
        if isinstance(tame, Notification) and isinstance(wild, Notification):
            time = "{{meeting_time}}"
            assert wild.body == written or wild.body.count(time) == tame.body.count(time)


@for_every_handler
@given(data=st.data())
@settings(max_examples=10)
def test_a_blank_name_has_a_word_in_its_place(handler: Handler[Any], data: st.DataObject) -> None:
    event, known = data.draw(events(handler)), data.draw(facts())
    for effect in called(handler, event, known, " \t\u200b"):
        for line in lines_of(effect):
            assert line == line.strip() != ""
            assert "\u200b" not in line
            assert "  " not in line


# Keys that an event does not need: its row, the facts or a default replaces them.
LENIENT_KEYS: Final = {
    "chat_message_sent": {"full_content", "mentioned_user_ids"},
    "document_permission_changed": {"project_id", "project_name", "resource_id"},
    "document_permission_granted": {"project_id", "project_name", "resource_id"},
    "invite_accepted": {"new_member_id", "new_member_email"},
    "meeting_reminder": {"meeting_link"},
    "project_access_changed": {"project_id", "project_name"},
    "project_access_granted": {"project_id", "project_name"},
    "project_access_revoked": {"project_id", "project_name"},
    "thread_unread_stale": {"thread_topic"},
}


@for_every_handler
def test_what_an_event_can_do_without_does_not_kill_it(handler: Handler[Any]) -> None:
    (*_, documented) = examples(handler.payload)
    for key in LENIENT_KEYS.get(handler.event_type, ()):
        without = {name: value for name, value in documented.items() if name != key}
        broken = handler.payload.model_validate({**documented, key: [["neither id nor text"]]})
        assert broken == handler.payload.model_validate(without)
