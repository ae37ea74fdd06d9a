"""Prints suppressed addresses in a terminal: their hashes, never the addresses."""

from rich.text import Text

from pipeline.domain.units import counted, minute
from pipeline.ops.mail.suppressions import ChangedSuppression, Suppression, Suppressions
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console


def show_suppressions(found: Suppressions) -> None:
    """Print each address's hash, and since when and why nothing is sent to it."""
    console = open_console()
    if not found.total:
        console.print("no suppressed addresses: mail is sent to everyone")
        return
    for each in found.newest:
        # A hash that is broken at the end of a line cannot be copied.
        console.print(Text(each.address_hash, "cyan"), soft_wrap=True)
        console.print(Text(f"  {_why(each)}, since {minute(each.since)}"))
    left = found.total - len(found.newest)
    if left:
        console.print(f"\nand {counted(left, 'older one')}; list them with --most")


def suppressed_line(changed: ChangedSuppression) -> str:
    """Return a line that says that nothing is sent to an address."""
    already = "" if changed.changed else " already"
    return f"{changed.address_hash} is suppressed{already}: nothing is sent to it\n"


def lifted_line(changed: ChangedSuppression) -> str:
    """Return a line that says that an address is not suppressed."""
    if not changed.changed:
        return f"{changed.address_hash} was not suppressed\n"
    return (
        f"{changed.address_hash} is not suppressed any more; if the provider has a list of its own,"
        " remove it there too\n"
    )


def _why(suppression: Suppression) -> str:
    by = f", says {printable(suppression.provider)}" if suppression.provider else ""
    return f"{suppression.reason}{by}"
