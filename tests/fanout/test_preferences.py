from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.fanout.effects import Channel
from pipeline.fanout.preferences import Preference, PreferenceRow, Scope, Verdict, resolve
from tests.builders import GENERAL, NOON, TOWER, preference

OTHER: Final = UUID(int=0x99)
TO_THREADS: Final = Preference("greeted", Scope.THREAD)

rows: Final = st.builds(
    preference,
    st.sampled_from(["muted", "immediate", "digest", "Muted"]),
    number=st.integers(1, 2**32),
    scope=st.sampled_from(Scope),
    scope_id=st.sampled_from([None, TOWER, GENERAL, OTHER]),
    event_type=st.sampled_from(["greeted", "*", "other"]),
    channel=st.sampled_from(["in_app", "email", "push", "*", "sms"]),
    updated_at=st.integers(0, 2).map(lambda days: NOON + timedelta(days=days)),
)
row_lists: Final = st.lists(rows, max_size=8, unique_by=lambda row: row.id)
channels: Final = st.sampled_from(Channel)
reaches: Final = st.sampled_from(Scope).map(lambda scope: Preference("greeted", scope))


def ask(
    given_rows: Sequence[PreferenceRow],
    channel: Channel = Channel.IN_APP,
    asked: Preference = TO_THREADS,
) -> Verdict:
    return resolve(given_rows, asked, channel, thread_id=GENERAL, project_id=TOWER)


def oracle(
    given_rows: Sequence[PreferenceRow], channel: Channel, asked: Preference
) -> PreferenceRow | None:
    """Apply the documented rule: one look-up after the other, the most specific first."""
    places = [("thread", GENERAL), ("project", TOWER), ("global", None)]
    reach = {"thread": Scope.THREAD, "project": Scope.PROJECT, "global": Scope.GLOBAL}
    channels_asked = ["in_app"] if channel == "in_app" else [channel, "in_app"]
    for name in channels_asked:
        for (place, identifier), event_type, on in product(places, (asked.name, "*"), (name, "*")):
            found = [
                row
                for row in given_rows
                if row.scope.name.lower() == place
                and reach[place].value <= asked.scope.value
                and (place == "global" or row.scope_id == identifier)
                and (row.event_type, row.channel) == (event_type, on)
            ]
            if found:
                return sorted(found, key=lambda row: (row.updated_at, row.id))[-1]
    return None


@given(row_lists, channels, reaches)
@settings(max_examples=400)
def test_the_row_that_decides_is_the_one_of_the_documented_rule(
    given_rows: list[PreferenceRow], channel: Channel, asked: Preference
) -> None:
    assert ask(given_rows, channel, asked).row == oracle(given_rows, channel, asked)


PRECEDENCE: Final = [
    pytest.param(
        preference(event_type="greeted", channel="*"),
        preference(number=2, event_type="*", channel="in_app"),
        id="the exact type, before the exact channel",
    ),
    pytest.param(preference(channel="in_app"), preference(number=2), id="the exact channel"),
    pytest.param(
        preference(updated_at=NOON + timedelta(microseconds=1)), preference(number=2), id="newest"
    ),
    pytest.param(preference(number=2), preference(number=1), id="of two as new, the higher id"),
]


@pytest.mark.parametrize(("winner", "loser"), PRECEDENCE)
def test_within_a_scope_there_is_an_order_too(winner: PreferenceRow, loser: PreferenceRow) -> None:
    assert ask([winner, loser]).row == ask([loser, winner]).row == winner


@given(st.data(), row_lists, channels)
def test_the_order_of_rows_never_matters(
    data: st.DataObject, given_rows: list[PreferenceRow], channel: Channel
) -> None:
    shuffled = data.draw(st.permutations(given_rows))
    assert ask(shuffled, channel) == ask(given_rows, channel)


@given(row_lists, channels, st.sampled_from(["muted", "immediate"]))
def test_a_row_of_the_thread_beats_every_other_scope(
    given_rows: list[PreferenceRow], channel: Channel, status: str
) -> None:
    wider = [row for row in given_rows if row.scope is not Scope.THREAD]
    decisive = preference(status, number=0, scope=Scope.THREAD, scope_id=GENERAL)
    assert ask([*wider, decisive], channel).row == decisive


@given(row_lists, channels, st.sampled_from(["muted", "immediate"]))
def test_a_row_of_the_project_beats_every_global_row(
    given_rows: list[PreferenceRow], channel: Channel, status: str
) -> None:
    wider = [row for row in given_rows if row.scope is Scope.GLOBAL]
    decisive = preference(status, number=0, scope=Scope.PROJECT, scope_id=TOWER)
    assert ask([*wider, decisive], channel).row == decisive


IRRELEVANT: Final = [
    pytest.param(preference(number=0, event_type="other"), id="another event type"),
    pytest.param(preference(number=0, channel="sms"), id="another channel"),
    pytest.param(preference(number=0, scope=Scope.THREAD, scope_id=OTHER), id="another thread"),
    pytest.param(preference(number=0, scope=Scope.PROJECT, scope_id=OTHER), id="another project"),
    pytest.param(preference(number=0, scope=Scope.PROJECT, scope_id=None), id="no project at all"),
    pytest.param(preference(number=0, scope=Scope.THREAD, scope_id=TOWER), id="a thread's id only"),
]


@pytest.mark.parametrize("irrelevant", IRRELEVANT)
@given(given_rows=row_lists, channel=channels)
def test_a_row_about_something_else_changes_nothing(
    irrelevant: PreferenceRow, given_rows: list[PreferenceRow], channel: Channel
) -> None:
    assert ask([*given_rows, irrelevant], channel) == ask(given_rows, channel)


@pytest.mark.parametrize("channel", Channel)
def test_without_a_row_nothing_is_muted(channel: Channel) -> None:
    verdict = ask([], channel)
    assert (verdict.row, verdict.muted, verdict.digest) == (None, False, False)


@pytest.mark.parametrize("status", ["Muted", "mute", "immediate", "digest", "", "muted "])
def test_only_exactly_muted_mutes(status: str) -> None:
    assert not ask([preference(status)]).muted


def test_an_event_without_thread_and_project_meets_no_row_that_names_none() -> None:
    nameless = [preference(scope=scope, scope_id=None) for scope in (Scope.THREAD, Scope.PROJECT)]
    verdict = resolve(nameless, TO_THREADS, Channel.IN_APP, thread_id=None, project_id=None)
    assert verdict == Verdict(None)


def test_a_type_that_asks_down_to_projects_does_not_hear_of_threads() -> None:
    muted_thread = preference(scope=Scope.THREAD, scope_id=GENERAL)
    assert not ask([muted_thread], asked=Preference("greeted", Scope.PROJECT)).muted
    assert ask([muted_thread]).muted


@given(row_lists)
def test_email_inherits_the_answer_of_the_app_where_nothing_is_said_of_email(
    given_rows: list[PreferenceRow],
) -> None:
    of_the_app = [row for row in given_rows if row.channel in ("in_app", "sms")]
    assert ask(of_the_app, Channel.EMAIL) == ask(of_the_app, Channel.IN_APP)


def test_email_does_not_inherit_where_any_row_speaks_of_email() -> None:
    of_the_thread = preference(channel="in_app", scope=Scope.THREAD, scope_id=GENERAL)
    of_email = preference("immediate", number=2, channel="email")
    assert not ask([of_the_thread, of_email], Channel.EMAIL).muted
    assert ask([of_the_thread, of_email], Channel.IN_APP).muted


@pytest.mark.parametrize(
    ("channel", "digest"), [("email", True), ("*", True), ("in_app", False)], ids=str
)
def test_a_digest_is_asked_for_on_email_or_everywhere(channel: str, digest: bool) -> None:  # noqa: FBT001
    assert ask([preference("digest", channel=channel)], Channel.EMAIL).digest is digest
