from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from tests.golden.stage import D, E, N, Stage
from tests.golden.world import P1, R1, U1, U2, U3, U4, WORKSPACE

LINK = f"{WORKSPACE}?resourceId={R1}"


def expected(
    users: Iterable[UUID],
    event: int,
    *,
    file_name: str = "a.pdf",
    resource: UUID | None = R1,
    link: str = LINK,
) -> tuple[list[N], list[E]]:
    """The rows for one event, in the order of the tables."""
    body = f'New file **"{file_name}"** was uploaded to **Tower**.'
    data = {
        "file_name": file_name,
        "project_name": "Tower",
        "uploader_name": "Ann Actor",
        "resource_id": resource and str(resource),
        "link_url": link,
    }
    subject = "New document uploaded to Tower"
    return (
        [N(user, event, "Document uploaded - Tower", body, link, {}) for user in sorted(users)],
        [
            E(user, event, "document_uploaded", "aggregated", P1, "Tower", subject, data)
            for user in sorted(users)
        ],
    )


def uploaded(stage: Stage, **payload: object) -> int:
    return stage.emit("document_uploaded", payload, actor_id=U1, project_id=P1, resource_id=R1)


def test_g01_those_who_can_view_the_document_hear_of_it(stage: Stage) -> None:
    event = uploaded(stage, fileName="a.pdf")
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == expected((U2, U4), event)
    assert stage.ledger() == {event: "completed"}
    assert set(stage.decisions()) == {
        D(U1, event, "in_app", "actor"),
        D(U1, event, "email", "actor"),
        D(U3, event, "in_app", "no_access"),
        D(U3, event, "email", "no_access"),
    }


def test_g02_without_a_document_everyone_of_the_project_hears_of_it(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {}, actor_id=U1, project_id=P1)
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == expected(
        (U2, U3, U4), event, file_name="A new file", resource=None, link=WORKSPACE
    )


def test_g03_who_muted_uploads_of_the_project_hears_nothing(stage: Stage) -> None:
    stage.prefer(U4, "muted", name="document_uploaded", project=P1)
    event = uploaded(stage, fileName="a.pdf")
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == expected((U2,), event)
    assert D(U4, event, "email", "muted:project") in stage.decisions()


def test_g05_whom_the_application_told_already_only_the_email_is_missing(stage: Stage) -> None:
    event = uploaded(stage, fileName="a.pdf")
    stage.execute(
        "INSERT INTO notifications (user_id, event_id, title) VALUES (%s, %s, 'old')", U2, event
    )
    stage.deliver(event)
    notifications, emails = expected((U2, U4), event)
    assert [row.title for row in stage.notifications() if row.user == U2] == ["old"]
    assert [row for row in stage.notifications() if row.user == U4] == [
        row for row in notifications if row.user == U4
    ]
    assert stage.emails() == emails


def test_g06_a_null_file_name_takes_the_default(stage: Stage) -> None:
    event = uploaded(stage, fileName=None)
    stage.deliver(event)
    rows = expected((U2, U4), event, file_name="A new file")
    assert (stage.notifications(), stage.emails()) == rows


def test_without_an_actor_nobody_is_left_out(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {}, project_id=P1, resource_id=R1)
    stage.deliver(event)
    assert {row.user for row in stage.notifications()} == {U1, U2, U4}
    assert stage.emails()[0].data["uploader_name"] == "Someone"


def test_without_a_project_nobody_hears_and_the_ledger_says_why(stage: Stage) -> None:
    event = stage.emit("document_uploaded", {}, actor_id=U1)
    stage.deliver(event)
    assert (stage.notifications(), stage.emails()) == ([], [])
    assert stage.rows(
        "SELECT event_id, processing_status, reason FROM notification_processing"
    ) == [(event, "completed", "the event names no project")]


def test_the_nearest_permission_above_the_document_decides(stage: Stage) -> None:
    top, folder = UUID(int=1), UUID(int=2)
    for resource, parent in ((top, None), (folder, top)):
        stage.execute(
            "INSERT INTO resources (id, org_id, project_id, parent_id, resource_type, name)"
            " SELECT %s, org_id, project_id, %s, 'FOLDER', 'folder' FROM resources WHERE id = %s",
            resource,
            parent,
            R1,
        )
    stage.execute("UPDATE resources SET parent_id = %s WHERE id = %s", folder, R1)
    stage.execute("DELETE FROM permissions")
    for resource, user, permission in ((top, U4, "edit"), (top, U3, "edit"), (folder, U3, "none")):
        stage.execute(
            "INSERT INTO permissions (resource_id, user_id, permission, granted_by)"
            " VALUES (%s, %s, %s, %s)",
            resource,
            user,
            permission,
            U1,
        )
    event = uploaded(stage)
    stage.deliver(event)
    assert {row.user for row in stage.notifications()} == {U2, U4}


def test_g55_an_event_of_the_age_limit_is_recorded_as_expired(stage: Stage) -> None:
    old = stage.emit("document_uploaded", {}, project_id=P1, age=timedelta(hours=24))
    young = stage.emit("document_uploaded", {}, project_id=P1, age=timedelta(hours=23, minutes=59))
    stage.deliver(old, young)
    assert stage.ledger() == {old: "expired", young: "completed"}
    assert {row.event for row in stage.notifications()} == {young}


def test_the_documents_project_counts_where_the_event_names_none(stage: Stage) -> None:
    stage.prefer(U4, "muted", project=P1)
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, resource_id=R1)
    stage.deliver(event)
    assert [(row.user, row.title, row.link) for row in stage.notifications()] == [
        (U2, "Document uploaded - Tower", f"{WORKSPACE}?resourceId={R1}")
    ]
    assert [(row.user, row.project, row.project_name) for row in stage.emails()] == [
        (U2, P1, "Tower")
    ]
    assert D(U4, event, "in_app", "muted:project") in stage.decisions()


def test_of_a_document_of_no_project_the_owners_of_its_organisation_hear(stage: Stage) -> None:
    stage.execute("UPDATE resources SET project_id = NULL")
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, resource_id=R1)
    stage.deliver(event)
    assert [(row.user, row.link) for row in stage.notifications()] == [(U2, "/dashboard")]
    assert [(row.user, row.project, row.data["link_url"]) for row in stage.emails()] == [
        (U2, None, "/dashboard")
    ]
