"""The pipeline, weakened: all pages of an event are told in one bundle, and everybody else waits.

The control of the test that tells very many people of one event beside others.
"""

import sys

from pipeline import __main__

if __name__ == "__main__":
    from pipeline.runtime import stream

    vars(stream)["GoOn"] = lambda _: None
    sys.exit(__main__.main())
