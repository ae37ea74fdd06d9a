"""``/unsubscribe/{token}``: where the link in a mail leads. The token says whose it is, and what.

GET only asks, because programs fetch the links of mails. POST acts, from the button of that page
and from mail programs (RFC 8058). Neither looks at cookies, and neither redirects.
"""

import logging
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from pipeline.clients.mail.outgoing import link_seal
from pipeline.domain.errors import FanoutError
from pipeline.mail.subscription import MailSubscription, subject_of
from pipeline.mail.unsubscribe_link import InvalidLink
from pipeline.ops.mail.unsubscribe import end_subscription
from service.databases import Operator
from service.identity.proof import FailedProofs, failed_proofs_of
from service.pages import ask_page, done_page, later_page, wrong_page
from service.settings import ServiceSettings

# Pages for people are not part of the API.
router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Failed = Annotated[FailedProofs, Depends(failed_proofs_of)]

_log: Final = logging.getLogger(__name__)


@router.get("/unsubscribe/{token}")
async def ask(token: str, request: Request, failed: Failed) -> HTMLResponse:
    """Show what would end, and a button. It changes nothing and asks no database."""
    settings: ServiceSettings = request.app.state.settings
    subscription = await _read(token, request, failed)
    if isinstance(subscription, HTMLResponse):
        return subscription
    return ask_page(settings.brand_name, subject_of(subscription))


@router.post("/unsubscribe/{token}")
async def unsubscribe(
    token: str, request: Request, failed: Failed, database: Operator
) -> HTMLResponse:
    """Mute these mails. Whoever has no profile, or did it before, gets the same answer.

    The body is not read: the address alone says what to do, whatever a mail program sends along.
    """
    settings: ServiceSettings = request.app.state.settings
    subscription = await _read(token, request, failed)
    if isinstance(subscription, HTMLResponse):
        return subscription
    try:
        await run_in_threadpool(end_subscription, database, subscription)
    except FanoutError as error:
        _log.error("nobody was unsubscribed: %s", error)
        return later_page(settings.brand_name)
    return done_page(settings.brand_name, subject_of(subscription))


async def _read(
    token: str, request: Request, failed: FailedProofs
) -> MailSubscription | HTMLResponse:
    """Return the subscription of a token, or the page for who has none."""
    settings: ServiceSettings = request.app.state.settings
    if not settings.unsubscribe.secrets:
        return wrong_page(settings.brand_name)
    try:
        seal = await run_in_threadpool(link_seal, settings.unsubscribe)
    except FanoutError as error:
        _log.error("no link to unsubscribe can be read: %s", error)
        return later_page(settings.brand_name)
    try:
        return seal.read(token)
    except InvalidLink:
        return wrong_page(settings.brand_name, failed.count(request))
