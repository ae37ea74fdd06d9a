"""What an operator asks of the pipeline: arguments in, data out.

A function here draws nothing, prints nothing, and ends nothing that belongs to the process:
connection pools, signals, progress bars. Commands own those, screens draw. One that takes long says
how far it is through a callback (``report``), so that many can run at a time in one process.
"""
