"""The operations behind the commands: arguments in, data out.

A function here does not print or draw, and does not close connection pools or handle signals. The
commands and the screens do that. A long operation reports its progress through a callback
(``report``), so one process can run several operations at once.
"""
