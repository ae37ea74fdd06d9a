"""Calls of the functions that the migrations of mail add."""

from functools import partial
from typing import Final

from pipeline.ops import called
from pipeline.ops.families import Family

call: Final = partial(called.call, of="mail", family=Family.MAIL)
