"""``/v1/dead-letters``: what could not be processed, and why."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from pipeline.ops.dead_letters.read import read_groups, read_letter
from pipeline.ops.dead_letters.resolve import resolve
from service.answers.described import answers
from service.answers.letters import (
    GROUP,
    LETTER,
    Letter,
    LetterGroups,
    LetterGroupsQuery,
    LettersResolved,
    Resolve,
)
from service.answers.values import RowId
from service.databases import Operator, Viewer
from service.identity.caller import Caller, Scope
from service.identity.needs import Audited, needs
from service.identity.payloads import WithPayload
from service.once import OnceOnly

router = APIRouter(prefix="/v1", tags=["dead letters"])

_MOST: Final = 1_000

LetterPath = Annotated[RowId, Path(description="the id in event_dead_letters")]


@router.get(
    "/dead-letters",
    operation_id="list_dead_letters",
    summary="List dead letters by cause",
    responses=answers({"items": [GROUP], "more": False}),
)
def dead_letters(database: Viewer, which: Annotated[LetterGroupsQuery, Query()]) -> LetterGroups:
    """Return the causes with open letters, the most recently seen first, at most 1,000."""
    groups = read_groups(database, resolved=which.resolved, most=_MOST + 1)
    return LetterGroups(items=groups[:_MOST], more=len(groups) > _MOST)


@router.get(
    "/dead-letters/{letter_id}",
    operation_id="get_dead_letter",
    summary="Show one dead letter",
    responses=answers(LETTER, 404),
)
def dead_letter(letter_id: LetterPath, access: WithPayload) -> Letter:
    """Return one letter.

    The payload of its event, or its message if there is no row, may be personal data, so it is left
    out unless who may operate asks for it.
    """
    found = read_letter(access.database, letter_id=letter_id, payload=access.payload)
    return Letter.of(found)


@router.post(
    "/dead-letters/{letter_id}/resolve",
    operation_id="resolve_dead_letter",
    summary="Resolve a dead letter that needs no replay",
    response_model=LettersResolved,
    responses=answers({"resolved": 1}, 404, 409, body=True),
)
def resolve_dead_letter(
    database: Operator,
    caller: Annotated[Caller, needs(Scope.OPERATE)],
    audit: Audited,
    once: OnceOnly,
    letter_id: LetterPath,
    why: Resolve,
) -> Response:
    """Mark a letter as resolved, with your name and the note. Its event stays dead."""

    def do() -> LettersResolved:
        resolved = resolve(database, reason=f"{caller.name}: {why.note}", letter_id=letter_id)
        audit.result = f"resolved {resolved}"
        return LettersResolved(resolved=resolved)

    return once.answer(HTTPStatus.OK, do)
