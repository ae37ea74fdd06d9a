"""``why`` goes on from an event to what became of its push: on the bus, and on each phone."""

from rich.console import Console

from pipeline.facts.channels import channels_of
from pipeline.ops.families import Family
from pipeline.ops.mail.figures import read_mails
from pipeline.ops.migrate import migrate
from pipeline.ops.push.figures import read_pushes
from pipeline.ops.why.query import read_account
from pipeline.screens.why import show
from pipeline.settings import DatabaseSettings
from tests.databases import Databases
from tests.golden.stage import Stage
from tests.golden.world import O1, U1, U2, U3, populate
from tests.steps.push.desk import PushDesk, open_desk


def said(desk: PushDesk, event: int) -> str:
    """What ``why`` prints, without its line breaks."""
    console = Console(width=400, record=True)
    settings = DatabaseSettings(dsn=desk.stage.database.operator_dsn)
    show(console, read_account(settings, event, None))
    return " ".join(console.export_text().split())


def test_why_goes_on_to_the_bus_the_phone_and_the_reason_of_who_was_not_told(
    desk: PushDesk,
) -> None:
    channels_of.cache_clear()
    desk.bus.connected[U1] = 1
    desk.device("gone", U2)
    desk.device("phone", U2)
    desk.fcm.unregistered.add("gone")
    event = desk.stage.emit(
        "invite_accepted", {"org_id": str(O1), "new_member_id": str(U3)}, actor_id=U3
    )
    desk.stage.deliver(event)
    desk.run(2)
    shown = said(desk, event)
    assert "bus → bus accepted it" in shown
    assert "bus → nobody was connected: sent to the phone (" in shown
    assert "phone → fcm accepted it" in shown
    assert "phone → failed for good" in shown
    assert "fcm refused its address: UNREGISTERED" in shown
    channels_of.cache_clear()


def test_why_says_that_there_was_no_phone_and_that_it_was_read_meanwhile(desk: PushDesk) -> None:
    channels_of.cache_clear()
    event = desk.stage.emit(
        "invite_accepted", {"org_id": str(O1), "new_member_id": str(U3)}, actor_id=U3
    )
    desk.stage.deliver(event)
    desk.execute("UPDATE notifications SET read_at = now() WHERE user_id = %s", U1)
    desk.run(2)
    shown = said(desk, event)
    assert "bus → not sent: the person has read it in the app (" in shown
    assert "bus → not sent: nobody was connected, and no phone can be reached (" in shown
    channels_of.cache_clear()


def test_why_and_status_know_pushes_where_mail_is_not_installed(databases: Databases) -> None:
    channels_of.cache_clear()
    with databases.empty() as database:
        migrate(database.dsn, reference_schema=True, also=[Family.PUSH])
        with database.connect() as connection:
            populate(connection)
        with open_desk(Stage(database)) as desk:
            desk.bus.connected[U1] = 1
            event = desk.stage.emit(
                "invite_accepted", {"org_id": str(O1), "new_member_id": str(U3)}, actor_id=U3
            )
            desk.stage.deliver(event)
            desk.run(2)
            assert "bus → bus accepted it" in said(desk, event)
        with database.connect() as connection:
            assert read_mails(connection) is None
            assert read_pushes(connection) is not None
    channels_of.cache_clear()
