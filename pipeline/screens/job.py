"""Prints a run by hand as lines of JSON."""

from collections.abc import Iterable
from dataclasses import asdict

import orjson

from pipeline.jobs.job import Counts, Page
from pipeline.output import print_json


def show_preview(pages: Iterable[Page]) -> Counts:
    """Print what a run would do, one JSON object a line. Return the counts of all pages."""
    counts = Counts()
    for page in pages:
        for each in page.preview:
            print_json(orjson.dumps(each, default=str, option=orjson.OPT_UTC_Z).decode())
        counts += page.counts
    return counts


def show_counts(counts: Counts, seconds: float) -> None:
    """Print the counts of a run as one JSON object."""
    print_json(orjson.dumps(asdict(counts) | {"seconds": round(seconds, 3)}).decode())
