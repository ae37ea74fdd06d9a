"""Scheduled jobs: what is done as time passes, and when. No Beam, no I/O.

Each job has a file that declares it. If a statement does the work, it is in ``sql``.
``pipeline.jobs.table`` is the table of contents.
"""
