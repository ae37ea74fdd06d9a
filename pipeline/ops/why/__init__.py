"""Explains one event, or another record that caused deliveries: who got what, and who not."""

from pipeline.ops.why.account import Account
from pipeline.ops.why.cause import CauseAccount, cause_document
from pipeline.ops.why.caused import read_activity, read_broadcast, read_delivery
from pipeline.ops.why.document import document
from pipeline.ops.why.query import read_account

__all__ = [
    "Account",
    "CauseAccount",
    "cause_document",
    "document",
    "read_account",
    "read_activity",
    "read_broadcast",
    "read_delivery",
]
