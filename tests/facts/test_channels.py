"""The channels that are switched on are read rarely."""

from pipeline.domain.delivery import DeliveryChannel
from pipeline.facts.channels import Channels
from tests.golden.stage import Stage


def test_a_process_reads_the_channels_again_only_when_they_are_not_fresh(stage: Stage) -> None:
    rarely = Channels(stage.settings, fresh_seconds=10_000)
    always = Channels(stage.settings, fresh_seconds=0)
    assert not rarely.is_on(DeliveryChannel.EMAIL)
    stage.execute("INSERT INTO fanout.channels (channel) VALUES ('email')")
    assert not rarely.is_on(DeliveryChannel.EMAIL)
    assert always.is_on(DeliveryChannel.EMAIL)
    rarely.forget()
    assert rarely.is_on(DeliveryChannel.EMAIL)
    assert not rarely.is_on(DeliveryChannel.BUS)
