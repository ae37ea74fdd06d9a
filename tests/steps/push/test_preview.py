"""A dry run of push goes on page by page, though nothing that it has told of is done."""

from pipeline.steps.push.preview import DuePushPreview
from pipeline.steps.sending.due_deliveries import due_deliveries
from tests.steps.push.desk import PushDesk

TELL = (
    "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id, source,"
    " source_id, priority, state, next_attempt_at, lease_token) SELECT gen_random_uuid(),"
    " 'activity.notifications:' || id, 'bus', user_id::text, 'system', user_id,"
    " 'activity.notifications', id::text, %s, %s, now() - %s * interval '1 second',"
    " CASE %s WHEN 'leased' THEN gen_random_uuid() END"
    " FROM activity.notifications WHERE id = %s RETURNING id::text"
)


def due(desk: PushDesk, priority: int = 2, *, state: str = "pending", seconds: float = 60) -> str:
    """A delivery that is due since some seconds."""
    row = desk.notify()
    [(id_,)] = desk.rows(TELL, priority, state, seconds, state, row)
    return str(id_)


def told(preview: DuePushPreview) -> list[str]:
    return [each["delivery"] for each in preview.look()]


def test_a_dry_run_tells_of_more_than_a_page_and_then_of_what_came_before_it(
    desk: PushDesk,
) -> None:
    last = due(desk, 3)
    same_time = [due(desk, seconds=100) for _ in range(4)]
    first = due(desk, 0, state="leased")
    preview = DuePushPreview(desk.sender, most=2)
    assert told(preview) == [first, same_time[0]]
    # It comes before the page that is next, and is told of in the next round.
    urgent = due(desk, 0)
    assert told(preview) == same_time[1:3]
    assert told(preview) == [same_time[3], last]
    assert told(preview) == []
    assert told(preview) == [urgent]
    assert [told(preview) for _ in range(4)] == [[]] * 4
    assert {state for _, state, _, _ in desk.deliveries()} == {"pending", "leased"}


def test_a_dry_run_says_nothing_of_what_waits_for_its_time_or_is_held_back(desk: PushDesk) -> None:
    due(desk, seconds=-60)
    due(desk, state="leased", seconds=-60)
    held = due(desk)
    desk.execute("INSERT INTO fanout.switches (name, state) VALUES ('push:system', 'paused')")
    assert told(DuePushPreview(desk.sender)) == []
    # Control.
    desk.execute("DELETE FROM fanout.switches")
    assert told(DuePushPreview(desk.sender)) == [held]


def test_a_dry_run_looks_at_a_delivery_as_the_next_try_would(desk: PushDesk) -> None:
    fresh, tried = due(desk), due(desk)
    desk.execute("UPDATE fanout.deliveries SET attempts = 2, failures = 1 WHERE id = %s", tried)
    leases = due_deliveries(desk.sender.database).new(channels=["bus"])
    found = {str(each.values["id"]): (each.number, each.failures) for each in leases}
    assert found == {fresh: (1, 0), tried: (3, 1)}
