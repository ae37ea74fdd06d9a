"""``make event NAME=thing_happened``: write the files, then list the next steps."""

import sys
from pathlib import Path

from tools.new_event import NameRefused, write_event

_ROOT = Path(__file__).resolve().parents[2]
_NEXT = """\
It already works: everyone in the project is notified, in the app. Next:
  1. describe the real results in pipeline/fanout/handlers/{name}.py
  2. test them in tests/fanout/handlers/test_{name}.py; run .venv/bin/pytest tests/fanout/handlers
  3. if it sends e-mails, say what stands in them: docs/mail.md
  4. run make catalogue, then make check
  5. see an event arrive: docs/adding-an-event-type.md
"""


def main(arguments: list[str]) -> int:
    """Write the files; return the exit status."""
    name = arguments[0] if arguments else ""
    try:
        written = write_event(name, _ROOT)
    except NameRefused as error:
        sys.stderr.write(f"make event: {error}\n")
        return 1
    sys.stderr.write("".join(f"wrote {path}\n" for path in written) + _NEXT.format(name=name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
