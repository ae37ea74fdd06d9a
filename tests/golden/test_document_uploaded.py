from tests.golden.stage import D, E, N, Stage
from tests.golden.world import P1, R1, U1, U2, U3, U4, WORKSPACE

LINK = f"{WORKSPACE}?resourceId={R1}"


def notification(user, event, file_name="a.pdf", link=LINK):
    body = f'New file **"{file_name}"** was uploaded to **Tower**.'
    return N(user, event, "Document uploaded - Tower", body, link, {})


def email(user, event, file_name="a.pdf", resource=str(R1), link=LINK):
    data = {
        "file_name": file_name,
        "project_name": "Tower",
        "uploader_name": "Ann Actor",
        "resource_id": resource,
        "link_url": link,
    }
    subject = "New document uploaded to Tower"
    return E(user, event, "document_uploaded", "aggregated", P1, "Tower", subject, data)


def by_person(rows):
    return sorted(rows, key=lambda row: row.user)


def test_g01_those_who_can_view_the_document_hear_of_it(stage: Stage) -> None:
    event = stage.emit(
        "document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1, resource_id=R1
    )
    stage.deliver(event)
    assert stage.notifications() == by_person(notification(user, event) for user in (U2, U4))
    assert stage.emails() == by_person(email(user, event) for user in (U2, U4))
    assert stage.ledger() == {event: "completed"}
    assert set(stage.decisions()) == {
        D(U1, event, "in_app", "actor"),
        D(U1, event, "email", "actor"),
        D(U3, event, "in_app", "no_access"),
        D(U3, event, "email", "no_access"),
    }
