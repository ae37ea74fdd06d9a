"""``/v1/switches``: what is held back now, by a person or by the breaker."""

from typing import Annotated

from fastapi import APIRouter, Path

from pipeline.ops.switches.change import Paused, Resumed, pause, resume
from pipeline.ops.switches.names import KNOWN
from pipeline.ops.switches.read import list_switches
from service.answers.described import answers
from service.answers.jobs import PAUSED, RESUMED, SWITCH, Pause, Switches
from service.answers.values import Word
from service.databases import Operator, Viewer
from service.identity.caller import Caller, Scope
from service.identity.needs import Audited, needs

router = APIRouter(prefix="/v1", tags=["switches"])

SwitchPath = Annotated[Word, Path(description="an event type or a job")]


@router.get(
    "/switches",
    operation_id="list_switches",
    summary="List what is held back",
    responses=answers({"items": [SWITCH]}),
)
def switches(database: Viewer) -> Switches:
    """Return the event types and jobs that a person paused, or the breaker holds back."""
    return Switches(items=list_switches(database))


@router.put(
    "/switches/{name}",
    operation_id="pause_switch",
    summary="Pause an event type or a job",
    responses=answers(PAUSED, 404, body=True),
)
def pause_name(
    database: Operator,
    caller: Annotated[Caller, needs(Scope.OPERATE)],
    audit: Audited,
    name: SwitchPath,
    why: Pause,
) -> Paused:
    """Hold back its events or runs until it is resumed. Running pipelines obey within a second.

    To pause what is paused changes its reason only.
    """
    paused = pause(database, name, KNOWN, reason=f"{caller.name}: {why.reason}")
    audit.result = "was paused before" if paused.before else "paused"
    return paused


@router.delete(
    "/switches/{name}",
    operation_id="resume_switch",
    summary="Resume an event type or a job",
    responses=answers(RESUMED, 404),
)
def resume_name(database: Operator, audit: Audited, name: SwitchPath) -> Resumed:
    """Let it go on, whoever held it back. Events that waited are processed by catch-up."""
    resumed = resume(database, name, KNOWN)
    audit.result = "was not paused" if resumed.was is None else f"was {resumed.was}"
    return resumed
