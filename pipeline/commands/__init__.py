"""The commands, one file each: its arguments, and what to call.

Every module has ``add(commands)``, which adds its parser. What a command needs is imported when
it is called: help must not wait for Beam.
"""
