from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from tests.golden.stage import D, E, N, Stage
from tests.golden.world import O1, P1, U1, U2, U3


def accepted(stage: Stage, *, actor: UUID | None = U3, **payload: object) -> int:
    default = {
        "org_id": str(O1),
        "org_name": "Acme",
        "new_member_id": str(U3),
        "new_member_name": "Cy",
        "new_member_email": "c@x.test",
    }
    return stage.emit("invite_accepted", default | payload, actor_id=actor)


def expected(
    users: Iterable[UUID], event: int, *, member: str = "Cy", org: str = "Acme", **changed: object
) -> tuple[list[N], list[E]]:
    about: dict[str, Any] = {
        "org_id": str(O1),
        "org_name": org,
        "new_member_id": str(U3),
        "new_member_name": member,
        "new_member_email": "c@x.test",
        **changed,
    }
    title, body = f"New team member joined - {org}", f"**{member}** has joined **{org}**"
    payload, data = {"type": "invite_accepted", **about}, {**about, "link_url": "/team"}
    subject = f"{member} has joined {org}"
    return (
        [N(user, event, title, body, "/team", payload) for user in sorted(users)],
        [
            E(user, event, "invite_accepted", "immediate", None, None, subject, data)
            for user in sorted(users)
        ],
    )


def test_g35_the_owners_are_told_in_the_app_and_by_email_at_once(stage: Stage) -> None:
    event = accepted(stage)
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == expected((U1, U2), event)
    assert stage.decisions() == []


@pytest.mark.parametrize("empty", [None, ""])
def test_g37_null_and_empty_names_take_the_defaults(stage: Stage, empty: str | None) -> None:
    event = accepted(stage, org_name=empty, new_member_name=empty, new_member_email=empty)
    stage.deliver(event)
    rows = expected(
        (U1, U2), event, member="A new member", org="your organization", new_member_email=None
    )
    assert (stage.notifications(), stage.emails()) == rows


def test_a_new_owner_hears_nothing_of_themselves(stage: Stage) -> None:
    event = accepted(stage, actor=None, new_member_id=str(U2))
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == expected((U1,), event, new_member_id=str(U2))
    assert stage.decisions() == [D(U2, event, name, "actor") for name in ("email", "in_app")]


def test_without_an_organisation_or_a_new_member_nothing_follows(stage: Stage) -> None:
    homeless = accepted(stage, org_id=None)
    nobody = accepted(stage, actor=None, new_member_id=None)
    stage.deliver(homeless, nobody)
    assert (stage.notifications(), stage.emails()) == ([], [])
    assert stage.reasons() == {
        homeless: "payload.org_id is missing",
        nobody: "the event names no new member",
    }


def test_only_a_global_preference_mutes_it(stage: Stage) -> None:
    stage.prefer(U1, "muted", project=P1)
    stage.prefer(U2, "muted", name="invite_accepted")
    event = accepted(stage)
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == expected((U1,), event)
    assert {row.reason for row in stage.decisions()} == {"muted:global"}
