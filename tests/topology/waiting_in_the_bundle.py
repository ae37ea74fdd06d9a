"""The pipeline, weakened: it waits for a row that is not visible while others wait behind it.

The control of the test that announces deleted events: it must find that this one delays others.
"""

import sys
from collections.abc import Sequence

from pipeline import __main__
from pipeline.domain.wake_up import WakeUp
from pipeline.settings import DatabaseSettings
from pipeline.sources.waiting_room import Postpone
from pipeline.transforms.fetch import wait_here


def postpone(
    self: Postpone,  # noqa: ARG001 - the signature of what it replaces
    settings: DatabaseSettings,
    wake_ups: Sequence[WakeUp],
) -> Sequence[WakeUp]:
    """Postpone nothing."""
    return wait_here(settings, wake_ups)


if __name__ == "__main__":
    Postpone.__call__ = postpone  # type: ignore[method-assign]
    sys.exit(__main__.main())
