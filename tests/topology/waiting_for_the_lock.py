"""The pipeline, weakened: a write waits for a lock while all other events wait behind it.

The control of the test that locks a row: it must find that this one delays the others.
"""

import sys
from datetime import timedelta

from pipeline import __main__
from pipeline.sinks.outcomes import LockWait

if __name__ == "__main__":
    from pipeline.sinks import write_outcomes

    ever = timedelta(0)
    vars(write_outcomes)["SHORT_WAIT"] = LockWait(first=ever, then=ever)
    sys.exit(__main__.main())
