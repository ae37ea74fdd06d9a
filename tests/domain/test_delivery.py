"""Deliveries: ids and hashes as Postgres computes them, and priorities."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.delivery import DeliveryChannel, Priority, Slots, address_hash, delivery_id
from pipeline.domain.errors import UsageError
from pipeline.domain.record import RecordKey
from tests.databases import Database

TEXT = st.text(
    st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]), min_size=1, max_size=60
)
ON_A_DATABASE = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_an_id_is_fixed_for_ever_and_a_uuid_of_version_8() -> None:
    found = delivery_id(
        RecordKey("domain_events", "42"),
        DeliveryChannel.EMAIL,
        "00000000-0000-4000-8000-000000000001",
    )
    assert found == UUID("89624034-7682-80f7-ae89-d031b2ce7efd")
    assert (found.version, found.variant) == (8, "specified in RFC 4122")


def test_another_cause_channel_or_recipient_is_another_delivery() -> None:
    causes = [RecordKey("domain_events", "1"), RecordKey("domain_events", "2")]
    found = {
        delivery_id(cause, channel, recipient)
        for cause in causes
        for channel in DeliveryChannel
        for recipient in ("ann", "ben")
    }
    assert len(found) == 2 * len(DeliveryChannel) * 2


@ON_A_DATABASE
@given(source=TEXT, key=TEXT, channel=st.sampled_from(DeliveryChannel), recipient=TEXT)
def test_python_and_postgres_compute_the_same_id(
    database: Database, source: str, key: str, channel: DeliveryChannel, recipient: str
) -> None:
    cause = RecordKey(source, key)
    with database.connect() as connection:
        row = connection.execute(
            "SELECT fanout.delivery_id(%s, %s, %s)", [str(cause), channel, recipient]
        ).fetchone()
    assert row == (delivery_id(cause, channel, recipient),)


def test_python_and_postgres_hash_an_address_alike_whatever_its_case(database: Database) -> None:
    with database.connect() as connection:
        row = connection.execute("SELECT key FROM fanout.address_key").fetchone()
        assert row is not None
        for address in ("ann@x.test", " Ann@X.Test ", "josé@x.test"):
            found = connection.execute("SELECT fanout.address_hash(%s)", [address]).fetchone()
            assert found == (address_hash(row[0], address),)
    assert address_hash(row[0], "ann@x.test") == address_hash(row[0], " Ann@X.Test ")
    # Who does not know the key cannot test for an address.
    assert address_hash(bytes(32), "ann@x.test") != address_hash(row[0], "ann@x.test")


@pytest.mark.parametrize(
    ("text", "priority"),
    [
        ("urgent", Priority.CRITICAL),
        ("critical", Priority.CRITICAL),
        ("high", Priority.HIGH),
        ("medium", Priority.NORMAL),
        ("normal", Priority.NORMAL),
        ("Low", Priority.LOW),
    ],
)
def test_the_priorities_of_other_systems_are_ours_too(text: str, priority: Priority) -> None:
    assert Priority.of(text) is priority


def test_the_order_is_by_urgency_and_not_by_name() -> None:
    names = ["low", "urgent", "medium", "high"]
    assert sorted(names, key=Priority.of) == ["urgent", "high", "medium", "low"]
    with pytest.raises(UsageError, match="invalid priority 'soon': expected critical, high"):
        Priority.of("soon")


@pytest.mark.parametrize("most", [1, 2, 3, 7, 10, 32])
def test_over_many_claims_a_fifth_is_left_to_the_others(most: int) -> None:
    slots = Slots()
    reserved = [slots.reserve(most) for _ in range(100)]
    assert sum(reserved) == pytest.approx(20 * most, abs=1)
    assert max(reserved) <= -(-most // 5)
