"""The pipeline, weakened: it waits for a row that cannot be seen yet while others wait behind it.

The control of the test that announces deleted events: it must find this one to hold up the others.
"""

import sys

from pipeline import __main__
from pipeline.transforms.fetch import Later, wait_here


def postpone(subscription: str) -> Later:  # noqa: ARG001 - the signature of what it replaces
    """Do not."""
    return wait_here


if __name__ == "__main__":
    from pipeline.ops import stream

    stream.Postpone = postpone  # type: ignore[assignment,misc]
    sys.exit(__main__.main())
