"""``make event NAME=thing_happened``: write the files, then list the next steps."""

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from tools.new_event import NameRefused, write_event
from tools.new_event.family import FAMILIES, FANOUT, EventFamily

_ROOT = Path(__file__).resolve().parents[2]
_EXAMPLES = """\
examples:
  make event NAME=thing_happened
  make event FAMILY=reactions NAME=order.shipped
"""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise NameRefused(message)


def main(arguments: list[str]) -> int:
    """Write the files; return the exit status."""
    try:
        options = _parser().parse_args(arguments)
        family = _family(options.family)
        written = write_event(options.name, _ROOT, family)
    except NameRefused as error:
        sys.stderr.write(f"make event: {error}\n")
        return 1
    sys.stderr.write("".join(f"wrote {path}\n" for path in written))
    sys.stderr.write(_next(options.name, family))
    return 0


def _family(name: str) -> EventFamily:
    if name not in FAMILIES:
        raise NameRefused(f"invalid family {name!r}: expected {' or '.join(FAMILIES)}")
    return FAMILIES[name]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m tools.new_event",
        description="Write the handler, the test and the catalogue entry of a new event type.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="the event type, such as thing_happened"
    )
    parser.add_argument(
        "--family",
        default=FANOUT.name,
        metavar="FAMILY",
        help=f"{' or '.join(FAMILIES)} (default: {FANOUT.name})",
    )
    return parser


def _next(name: str, family: EventFamily) -> str:
    handler, test = family.paths(name)
    return f"""\
It already works: {family.works}. Next:
  1. describe the real results in {handler}
  2. test them in {test}; run .venv/bin/pytest {Path(test).parent}
  3. {family.also}
  4. run make catalogue, then make check
  5. see an event arrive: {family.guide}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
