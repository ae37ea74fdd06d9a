"""The commands, one file each: its arguments, and the function it calls.

Every module has ``add(commands)``, which adds its parser. A command imports its modules when it
runs, so that ``--help`` does not wait for Beam.
"""
