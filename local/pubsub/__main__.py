"""``python -m local.pubsub``: the emulator in the foreground, until SIGINT or SIGTERM."""

import argparse
import sys
import threading

from local.errors import StackError
from local.pubsub.emulator import Emulator
from pipeline.runtime.signals import stopped_by_signals

_HIGHEST_PORT = 65_535


def main() -> int:
    """Serve until a signal arrives; print the address as an environment setting.

    Returns:
        0 after a clean stop, 1 if the emulator did not start.
    """
    parser = argparse.ArgumentParser(prog="python -m local.pubsub", description=__doc__)
    parser.add_argument("--port", type=_port, default=0, help="0, the default, chooses a free port")
    port = parser.parse_args().port

    told_to_stop = threading.Event()
    try:
        with stopped_by_signals(told_to_stop.set), Emulator(port) as emulator:
            sys.stdout.write(f"PUBSUB_EMULATOR_HOST={emulator.address}\n")
            sys.stdout.flush()
            told_to_stop.wait()
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _HIGHEST_PORT:
        raise ValueError(text)
    return port


if __name__ == "__main__":
    sys.exit(main())
