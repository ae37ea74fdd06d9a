"""The catalogue as one JSON object. Its keys are stable."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pipeline.domain.identifiers import EventType
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import HANDLERS
from pipeline.ops.catalogue.entry import CatalogueEntry, Need, describe
from pipeline.ops.catalogue.reaction import ReactionEntry, describe_reaction
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS

_NEEDED: Final = {Need.NONE: "no", Need.EITHER: "either", Need.ALONE: "yes"}


@cache
def catalogue_document() -> Mapping[str, Any]:
    """Return the catalogue of the registered event types of both families."""
    return {**document(HANDLERS), **document_of_reactions(REACTION_HANDLERS)}


def document(handlers: Mapping[EventType, Handler[Any]]) -> Mapping[str, Any]:
    """Return the catalogue of these event types, by name.

    A value that an event needs is ``yes``, or ``either`` if the payload or a column may hold it.
    """
    return {"types": [_type(describe(handlers[name])) for name in sorted(handlers)]}


def document_of_reactions(
    handlers: Mapping[EventType, ReactionHandler[Any]],
) -> Mapping[str, Any]:
    """Return the catalogue of these event types of reactions, by name."""
    return {
        "reactions": [_reaction(describe_reaction(handlers[name])) for name in sorted(handlers)]
    }


def _reaction(entry: ReactionEntry) -> Mapping[str, Any]:
    return {
        "type": entry.handler.event_type,
        "occasion": entry.occasion,
        "consequence": entry.consequence,
        "follows": entry.follows,
        "condition": entry.condition,
        "order": entry.order,
        "fields": [
            {
                "name": each.name,
                "type": each.type,
                "default": each.default,
                "needed": each.required,
            }
            for each in entry.fields
        ],
        "schema": entry.schema,
        "example": entry.example,
    }


def _type(entry: CatalogueEntry) -> Mapping[str, Any]:
    handler = entry.handler
    return {
        "type": handler.event_type,
        "occasion": entry.occasion,
        "consequence": entry.consequence,
        "recipients": entry.recipients,
        "spares_actor": entry.spares_actor,
        "channels": list(handler.channels),
        "preference": {
            "name": handler.preference.name,
            "scope": handler.preference.scope.name.lower(),
        },
        "columns": [{"name": each.name, "needed": _NEEDED[each.need]} for each in entry.columns],
        "fields": [
            {
                "name": each.key.name,
                "type": each.key.type,
                "default": each.key.default,
                "null_matters": each.key.null_matters,
                "needed": _NEEDED[each.need],
            }
            for each in entry.fields
        ],
        "schema": entry.schema,
        "example": entry.example,
    }
