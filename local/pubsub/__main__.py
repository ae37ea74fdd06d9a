"""``python -m local.pubsub``: the emulator in the foreground, until SIGINT or SIGTERM."""

import argparse
import signal
import sys
import threading

from local.pubsub.emulator import Emulator


def main() -> int:
    """Serve until told to stop; print the address as an environment setting.

    Returns:
        0 after a clean stop, 1 if the port is taken.
    """
    parser = argparse.ArgumentParser(prog="python -m local.pubsub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    port = parser.parse_args().port

    told_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_stop.set())
    try:
        with Emulator(port) as emulator:
            sys.stdout.write(f"PUBSUB_EMULATOR_HOST={emulator.address}\n")
            sys.stdout.flush()
            told_to_stop.wait()
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
