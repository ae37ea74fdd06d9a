"""Plans which requests are made for checked mails: of which provider, alone or in a batch."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID, uuid4

from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.mail.redirect import AddressedMail, WithheldMail
from pipeline.domain.backoff import MAIL_DELAYS
from pipeline.domain.clock import utc_now
from pipeline.domain.errors import ConfigurationError, PermanentError, TransientError
from pipeline.domain.lease import (
    Cause,
    Lease,
    Settlement,
    WorkState,
    end,
    fail,
    give_back,
    put_back,
)
from pipeline.domain.tried import ALONE
from pipeline.settings.mail import ProviderName
from pipeline.steps.mail.check import CheckedMails, DueMail
from pipeline.steps.mail.compose import write_mail
from pipeline.steps.mail.freeze import AskedRequest, ask_alone, ask_batch, frozen_batches
from pipeline.steps.mail.sender import Sender, providers_of, switch_of
from pipeline.steps.sending.doors import give_back_trial
from pipeline.steps.sending.rates import take_requests

# How long a mail waits that only one provider may send, while that one may not be asked.
CLOSED_SECONDS: Final = 30.0
# How long what finds no place in the rate waits.
RATE_SECONDS: Final = 0.5

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Planned:
    """What becomes of checked mails.

    Attributes:
        asked: the requests to make.
        settlements: how the mails end that are in none of them.
    """

    asked: list[AskedRequest] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)


def plan_requests(sender: Sender, checked: CheckedMails) -> Planned:
    """Write, freeze and note the requests for a batch of checked mails.

    The trial of a breaker is given back if no request is made to its provider.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: a statement cannot succeed.
    """
    plan = _Plan(sender, checked)
    doubtful = [each for each in checked.due if each.lease.values["asked_at"] is not None]
    fresh = [each for each in checked.due if each.lease.values["asked_at"] is None]
    plan.repeat(doubtful)
    plan.send(fresh)
    trial = checked.doors.trial
    if trial is not None and not any(each.trial for each in plan.planned.asked):
        give_back_trial(sender.database, checked.doors, switch_of(trial))
    return plan.planned


class _Plan:
    def __init__(self, sender: Sender, checked: CheckedMails) -> None:
        self._sender = sender
        self._doors = checked.doors
        self._providers = providers_of(sender.mail)
        self.planned = Planned(settlements=list(checked.settlements))

    def repeat(self, mails: Sequence[DueMail]) -> None:
        """Repeat requests of which nobody knows whether they were accepted, as they were."""
        batches: defaultdict[UUID, list[DueMail]] = defaultdict(list)
        alone: defaultdict[str, list[DueMail]] = defaultdict(list)
        for mail in mails:
            batch = mail.lease.values["batch_id"]
            if batch is not None:
                batches[batch].append(mail)
            else:
                alone[mail.lease.values["provider"]].append(mail)
        for name, some in alone.items():
            granted = self._granted(name, some, len(some))
            if granted:
                self._ask_alone(ProviderName(name), some[:granted])
        for batch, some in batches.items():
            self._repeat_batch(batch, some)

    def send(self, mails: Sequence[DueMail]) -> None:
        """Send mails through the first provider that has a place for them."""
        trial = self._doors.trial
        if trial is not None and mails:
            # One mail only: the others go through another provider, or wait.
            first, mails = mails[:1], mails[1:]
            if take_requests(self._sender.database, switch_of(trial), 1):
                self._send(trial, first, 1)
            else:
                mails = [*first, *mails]
        for name in self._doors.open:
            if not mails:
                return
            usual = self._providers[name].usual_batch
            few = self._doors.allowed.get(name, 0)
            wanted = len(mails) if usual == 1 or len(mails) <= few else max(1, few)
            granted = take_requests(self._sender.database, switch_of(name), wanted)
            place = granted if usual == 1 else granted * usual
            some, mails = mails[:place], mails[place:]
            self._send(name, some, granted)
        # Another worker was faster. Nothing is claimed before there are requests again.
        cause = Cause(code="waits", reason="no provider has a place for it now")
        self.planned.settlements += [put_back(each.lease, cause) for each in mails]

    def _send(self, name: ProviderName, mails: Sequence[DueMail], requests: int) -> None:
        if not mails:
            return
        alone = [each for each in mails if each.lease.values["error_class"] == ALONE]
        others = [each for each in mails if each.lease.values["error_class"] != ALONE]
        if len(mails) <= requests:
            alone, others = list(mails), []
        # At least one request is left to the others.
        place = requests - 1 if others else requests
        self._give_back(alone[place:], "no place in the rate", RATE_SECONDS)
        alone = alone[:place]
        self._ask_alone(name, alone)
        groups = max(1, requests - len(alone))
        size = -(-len(others) // groups)
        for start in range(0, len(others), size or 1):
            some = others[start : start + size]
            if len(some) == 1:
                self._ask_alone(name, some)
            else:
                self._ask_batch(name, some)

    def _granted(self, name: str, mails: Sequence[DueMail], requests: int) -> int:
        """Return for how many of the mails the provider may be asked; give the others back."""
        known = set(self._providers)
        if name not in known:
            self._give_back(mails, f"{name} may have it, and is not in use", CLOSED_SECONDS)
            return 0
        provider = ProviderName(name)
        if provider not in self._doors.open and provider is not self._doors.trial:
            self._give_back(mails, f"{name} may have it, and may not be asked now", CLOSED_SECONDS)
            return 0
        granted = take_requests(self._sender.database, switch_of(provider), requests)
        if granted < requests:
            rest = mails[granted:] if requests == len(mails) else mails
            self._give_back(rest, "no place in the rate", RATE_SECONDS)
        return granted

    def _repeat_batch(self, batch: UUID, mails: Sequence[DueMail]) -> None:
        frozen = frozen_batches(self._sender.database, [batch]).get(batch)
        by_id = {each.lease.values["id"]: each.lease for each in mails}
        if frozen is None or set(frozen.members) != set(by_id):
            # Another worker has the rest for a moment: a batch is repeated as a whole.
            self._give_back(mails, "the rest of its batch was not free", CLOSED_SECONDS)
            return
        if not self._granted(frozen.request.provider, mails, 1):
            return
        leases = tuple(by_id[id_] for id_ in frozen.members)
        if ask_batch(self._sender.database, batch, frozen.request, leases, new=False):
            self._add(AskedRequest(request=frozen.request, leases=leases))

    def _ask_alone(self, name: ProviderName, mails: Sequence[DueMail]) -> None:
        provider = self._providers[name]
        requests: list[AskedRequest] = []
        for mail in mails:
            key = str(mail.lease.values["id"])
            body = mail.frozen.get(name)
            if body is None:
                addressed = self._write(mail)
                if addressed is None:
                    continue
                request = provider.freeze([addressed], key=key, at=utc_now())
            else:
                request = FrozenRequest(provider=name, key=key, body=body, mails=1)
            requests.append(AskedRequest(request=request, leases=(mail.lease,)))
        self._add(*ask_alone(self._sender.database, name, requests))

    def _ask_batch(self, name: ProviderName, mails: Sequence[DueMail]) -> None:
        provider, batch = self._providers[name], uuid4()
        written = [(each, addressed) for each in mails if (addressed := self._write(each))]
        if not written:
            return
        leases = tuple(each.lease for each, _ in written)
        request = provider.freeze(
            [addressed for _, addressed in written], key=str(batch), at=utc_now()
        )
        if ask_batch(self._sender.database, batch, request, leases, new=True):
            self._add(AskedRequest(request=request, leases=leases))

    def _add(self, *asked: AskedRequest) -> None:
        is_open = self._doors.open
        self.planned.asked += [
            replace(each, trial=each.request.provider not in is_open) for each in asked
        ]

    def _write(self, mail: DueMail) -> AddressedMail | None:
        """Write a mail; None if it ends here."""
        lease = mail.lease
        if mail.material is None:
            cause = Cause(error_class="NotFrozen", reason="its frozen body is missing")
            self.planned.settlements.append(end(lease, WorkState.DEAD, cause))
            return None
        try:
            values = lease.values
            written = write_mail(self._sender, values["id"], values["user_id"], mail.material)
        except PermanentError as error:
            cause = Cause(error_class=type(error).__name__, reason=str(error)[:500])
            self.planned.settlements.append(end(lease, WorkState.DEAD, cause))
            return None
        except (ConfigurationError, TransientError):
            # Of our secrets, not of this mail: it waits for its lease to end.
            raise
        except Exception as error:  # noqa: BLE001 - a fault in the words of one type of mail
            self.planned.settlements.append(_faulty(lease, error))
            return None
        if isinstance(written, WithheldMail):
            cause = Cause(code=written.reason, reason="test mode is on, without a test recipient")
            self.planned.settlements.append(end(lease, WorkState.CANCELLED, cause))
            return None
        return written

    def _give_back(self, mails: Sequence[DueMail], reason: str, pause: float) -> None:
        cause = Cause(code="waits", reason=reason)
        self.planned.settlements += [give_back(each.lease, cause, pause=pause) for each in mails]


def _faulty(lease: Lease, error: Exception) -> Settlement:
    """Return how a mail ends whose words have a fault. The error may quote values: leave it out."""
    name = type(error).__name__
    cause = Cause(error_class=name, reason=f"writing the mail raised {name}")
    _log.error("writing a mail of type %s raised %s", lease.values["kind"], name)
    pause = MAIL_DELAYS.pause(lease.failures)
    return end(lease, WorkState.DEAD, cause) if pause is None else fail(lease, cause, pause=pause)
