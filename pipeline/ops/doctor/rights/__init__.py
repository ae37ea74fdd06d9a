"""The rights of each role, by family. The checks compare a database with this folder only.

The migrations grant these rights. A migration that grants or revokes one changes its family's file.
"""
