"""The names of everything that a switch can hold back: event types, jobs, mails and providers."""

from typing import Final

from pipeline.domain.delivery import MAIL_SWITCH
from pipeline.fanout.effects import Channel
from pipeline.fanout.handlers import HANDLERS
from pipeline.jobs.table import JOBS
from pipeline.mail.transactional import TRANSACTIONAL
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.settings.mail import ProviderName

_MAILED: Final = [name for name, each in HANDLERS.items() if Channel.EMAIL in each.channels]

PROVIDERS: Final = frozenset(f"{MAIL_SWITCH}{name}" for name in ProviderName)
MAILS: Final = frozenset(f"{MAIL_SWITCH}{kind}" for kind in (*_MAILED, *TRANSACTIONAL))
KNOWN: Final = frozenset({*HANDLERS, *REACTION_HANDLERS, *JOBS, *PROVIDERS, *MAILS})
