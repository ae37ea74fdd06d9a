"""Scheduled jobs: what is done as time passes, and when. No Beam, no I/O.

A job is a file that declares it, and the statement that does it beside it in ``sql``.
``pipeline.jobs.table`` is the table of contents.
"""
