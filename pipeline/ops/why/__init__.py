"""Explains one event: who got what, and who got nothing and why."""

from pipeline.ops.why.account import Account
from pipeline.ops.why.document import document
from pipeline.ops.why.query import read_account

__all__ = ["Account", "document", "read_account"]
