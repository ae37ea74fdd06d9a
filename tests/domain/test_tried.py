"""What a provider's answer means for the record and for the provider."""

from datetime import UTC, datetime
from uuid import UUID

from pipeline.domain.backoff import PUSH_RETRIES
from pipeline.domain.lease import Lease, WorkState
from pipeline.domain.provider_answer import Absent, ProviderReply, Result, Unavailable
from pipeline.domain.tried import Health, TriedRequest, health_of, settlements_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE = Lease(sequence=1, token=UUID(int=1), number=1, failures=0, due_at=NOW, values={})


def tried(result: Result) -> TriedRequest:
    return TriedRequest(provider="bus", leases=(LEASE,), reply=ProviderReply(results=(result,)))


def test_a_provider_that_finds_nobody_works_and_the_record_ends_without_a_failure() -> None:
    asked = tried(Absent(code="not_connected"))
    assert health_of(asked.reply) is Health.WORKS
    [ended] = settlements_of(asked, PUSH_RETRIES, NOW, free=False)
    assert ended.state is WorkState.CANCELLED
    assert not ended.counts
    assert ended.values["answered"]


def test_control_a_provider_that_gives_no_answer_is_in_trouble_and_the_record_waits() -> None:
    asked = tried(Unavailable(code="timeout", may_be_accepted=True))
    assert health_of(asked.reply) is Health.IN_TROUBLE
    [ended] = settlements_of(asked, PUSH_RETRIES, NOW, free=False)
    assert (ended.state, ended.counts, ended.pause) == (WorkState.WAITING, True, 5)
    assert not ended.values["answered"]


def test_the_pauses_of_a_push_double_from_five_seconds_to_a_quarter_of_an_hour() -> None:
    pauses = [PUSH_RETRIES.pause(failures) for failures in range(12)]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, None]
