"""What a caller of the HTTP service may do."""

from enum import StrEnum


class CallerScope(StrEnum):
    """What a caller may do. Each includes no other."""

    READ = "read"
    OPERATE = "operate"
