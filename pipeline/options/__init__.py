"""Declares every parameter that commands share or that Dataflow asks for.

The arguments of the command line, their help, the options of the job, ``flex_template.json`` and
the typed values come from these declarations. A parameter holds the name of a secret, never the
secret itself, because the console shows a job's options.
"""
