"""``/webhooks/resend``: what Resend says of mails that it has accepted. Open, but signed.

https://resend.com/docs/webhooks/verify-webhooks-requests
"""

import logging
from enum import StrEnum
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from pipeline.clients.mail.resend_reports import UnreadableReport, read_report
from pipeline.clients.named_secrets import read_secrets
from pipeline.domain.clock import utc_now
from pipeline.domain.errors import FanoutError
from pipeline.domain.webhook_signature import InvalidSignature, SigningSecret, verify
from pipeline.ops.mail.reports import record_report
from service.databases import Operator
from service.errors import RETRY_SECONDS, error_response
from service.identity.proof import FailedProofs, failed_proofs_of
from service.settings import ServiceSettings

# Resend says what it sends, so this is not part of the API.
router = APIRouter(include_in_schema=False)

# A report about one mail has about a thousand bytes.
MOST_BYTES: Final = 64 * 1024
_log: Final = logging.getLogger(__name__)
_CHALLENGE: Final = {"WWW-Authenticate": 'Signature realm="webhooks"'}


class ReportStatus(StrEnum):
    """What became of a report."""

    KEPT = "kept"
    KNOWN = "known"
    IGNORED = "ignored"


class ReportAnswer(BaseModel):
    """The answer to a report.

    Attributes:
        status: ``kept``; ``known``: it was sent before; ``ignored``: of a kind that is not kept.
    """

    status: ReportStatus


@router.post("/webhooks/resend", response_model=ReportAnswer)
async def resend(
    request: Request,
    failed: Annotated[FailedProofs, Depends(failed_proofs_of)],
    database: Operator,
) -> ReportAnswer | JSONResponse:
    """Check the signature of the raw bytes, then keep the report; a replayed one changes nothing.

    While the database is away the answer is 503, and Resend sends the report again later. Why it is
    away is nothing that Resend has to know.
    """
    settings: ServiceSettings = request.app.state.settings
    if not settings.webhooks.resend:
        # The same answer as for a path that is not a route.
        raise HTTPException(HTTPStatus.NOT_FOUND)
    body = await _body(request)
    if body is None:
        return error_response(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body is too large: expected at most {MOST_BYTES:,} bytes",
        )
    try:
        secrets = await run_in_threadpool(_secrets, settings.webhooks.resend)
    except FanoutError as error:
        return _later(error)
    try:
        message = verify(body, request.headers, secrets=secrets, now=utc_now())
    except InvalidSignature as error:
        if wait := failed.count(request):
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many requests: wait as long as Retry-After says",
                {"Retry-After": str(wait)},
            ) from None
        raise HTTPException(HTTPStatus.UNAUTHORIZED, str(error), _CHALLENGE) from None
    try:
        report = read_report(body, message.id)
    except UnreadableReport as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    if report is None:
        return ReportAnswer(status=ReportStatus.IGNORED)
    try:
        is_new = await run_in_threadpool(record_report, database, report)
    except FanoutError as error:
        return _later(error)
    return ReportAnswer(status=ReportStatus.KEPT if is_new else ReportStatus.KNOWN)


def _later(error: FanoutError) -> JSONResponse:
    _log.error("a report of Resend was not kept: %s", error)
    return error_response(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the report cannot be kept now; send it again",
        {"Retry-After": str(RETRY_SECONDS)},
    )


async def _body(request: Request) -> bytes | None:
    """Return the body as it was sent; None if it is larger than any report."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _secrets(names: tuple[str, ...]) -> tuple[SigningSecret, ...]:
    return _parsed(read_secrets(names, "signing secret of webhooks"))


@lru_cache(maxsize=8)
def _parsed(texts: tuple[str, ...]) -> tuple[SigningSecret, ...]:
    return tuple(map(SigningSecret.parse, texts))
