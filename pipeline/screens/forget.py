"""The lines that ``forget`` prints."""

from collections.abc import Iterator

from pipeline.domain.units import counted
from pipeline.ops.forget.forget import Forgotten


def forgotten_lines(forgotten: Forgotten) -> str:
    """Return lines that say what was erased, what stays, and what the application has to do."""
    return "".join(f"{line}\n" for line in _lines(forgotten))


def _lines(forgotten: Forgotten) -> Iterator[str]:
    is_dry = forgotten.erasure is None
    yield "the pipeline holds of this person:" if is_dry else "erased:"
    for table, rows in forgotten.rows.items():
        yield f"  {table}: {counted(rows, 'row')}"
    if "notification_processing" in forgotten.rows:
        yield "kept: the counts of each event in notification_processing, which name nobody"
    if forgotten.left:
        yield "for the application to delete:"
    for table, rows in forgotten.left.items():
        yield f"  {table}: {counted(rows, 'row')}"
    if is_dry:
        yield "nothing was changed: run it without --dry-run"
    else:
        yield f"recorded in {forgotten.recorded_in}, row {forgotten.erasure}"
    if forgotten.left.get("profiles"):
        yield "the person still has a profile, so new events will be decided about them"
