"""Collect: sharded messages in, batches of them out. A batch waits for ``hold`` at most."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import apache_beam as beam
from apache_beam.coders import BytesCoder, VarIntCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import GlobalWindow

from pipeline.domain.defaults import BATCH_SIZE

# An update of a running job matches state by these names and coders: they cannot change.
# GroupIntoBatches of Beam 2.77 stores elements and keys with a coder that depends on pickle.
_MESSAGES: Final = BagStateSpec("messages", BytesCoder())
_COUNT: Final = ReadModifyWriteStateSpec("count", VarIntCoder())
_HOLD: Final = TimerSpec("hold", TimeDomain.REAL_TIME)
_END: Final = TimerSpec("end", TimeDomain.WATERMARK)

_END_OF_TIME: Final = GlobalWindow().end

# How long the first message of a batch waits for others.
HOLD: Final = timedelta(milliseconds=50)
# How many batches fill at the same time. With more shards, each batch has fewer events. A shard
# handles some thousand messages a second: it only batches, with 20 us of CPU per message.
SHARDS: Final = 2

# A shard and a message; a key and the messages of a batch.
Sharded = tuple[int, bytes]
Collected = tuple[int, Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How messages become batches.

    Attributes:
        size: the maximum number of messages in a batch.
        hold: how long an incomplete batch waits.
        shards: how many batches fill at the same time.
    """

    size: int = BATCH_SIZE
    hold: timedelta = HOLD
    shards: int = SHARDS


class Collect(beam.PTransform[beam.PCollection[Sharded], beam.PCollection[Collected]]):
    """Make batches of the messages of each shard.

    Args:
        batching: the sizes and times.
        clock: returns the seconds since 1970. It measures how long a batch waits.
    """

    def __init__(self, batching: Batching, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._fn = _Collect(batching, clock)

    def expand(self, sharded: beam.PCollection[Sharded]) -> beam.PCollection[Collected]:
        """Batch the messages in one stateful step."""
        return sharded | "Batch" >> beam.ParDo(self._fn)


class _Collect(beam.DoFn):
    def __init__(self, batching: Batching, clock: Callable[[], float]) -> None:
        self._size = batching.size
        self._hold_seconds = batching.hold.total_seconds()
        self._clock = clock

    def process(
        self,
        sharded: Sharded,
        messages: Any = beam.DoFn.StateParam(_MESSAGES),  # noqa: ANN401, B008 - as Beam wants them
        count: Any = beam.DoFn.StateParam(_COUNT),  # noqa: ANN401, B008
        hold: Any = beam.DoFn.TimerParam(_HOLD),  # noqa: ANN401, B008
        end: Any = beam.DoFn.TimerParam(_END),  # noqa: ANN401, B008
    ) -> Iterable[Collected]:
        messages.add(sharded[1])
        number = (count.read() or 0) + 1
        if number < self._size:
            count.write(number)
            if number == 1:
                hold.set(self._clock() + self._hold_seconds)
                # A drain moves the watermark to the end: no message waits after it.
                end.set(_END_OF_TIME)
            return
        hold.clear()
        yield from _emit(sharded[0], messages, count)

    @on_timer(_HOLD)
    def held(
        self,
        shard: Any = beam.DoFn.KeyParam,  # noqa: ANN401
        messages: Any = beam.DoFn.StateParam(_MESSAGES),  # noqa: ANN401, B008
        count: Any = beam.DoFn.StateParam(_COUNT),  # noqa: ANN401, B008
    ) -> Iterable[Collected]:
        yield from _emit(shard, messages, count)

    @on_timer(_END)
    def drained(
        self,
        shard: Any = beam.DoFn.KeyParam,  # noqa: ANN401
        messages: Any = beam.DoFn.StateParam(_MESSAGES),  # noqa: ANN401, B008
        count: Any = beam.DoFn.StateParam(_COUNT),  # noqa: ANN401, B008
    ) -> Iterable[Collected]:
        yield from _emit(shard, messages, count)


def _emit(shard: int, messages: Any, count: Any) -> Iterable[Collected]:  # noqa: ANN401 - Beam's
    if batch := list(messages.read()):
        messages.clear()
        count.clear()
        yield shard, batch
