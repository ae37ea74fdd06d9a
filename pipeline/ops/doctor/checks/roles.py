"""The roles, and who is connected."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from pipeline.clients.postgres.sql import load
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.doctor.rights.fanout import OUR_TABLES, RIGHTS, RIGHTS_ON_HEARTBEATS
from pipeline.ops.doctor.rights.jobs import RIGHTS_WITH_CALENDARS, RIGHTS_WITH_JOBS
from pipeline.ops.doctor.rights.mail import RIGHTS_WITH_JOBS_AND_MAIL, RIGHTS_WITH_MAIL
from pipeline.ops.doctor.rights.producer import PRODUCER, RIGHTS_OF_PRODUCER
from pipeline.ops.doctor.rights.push import (
    RIGHTS_WITH_ACTIVITY,
    RIGHTS_WITH_JOBS_AND_PUSH,
    RIGHTS_WITH_PUSH,
)
from pipeline.ops.doctor.rights.reactions import RIGHTS_WITH_REACTIONS
from pipeline.ops.doctor.rights.webhooks import RIGHTS_ON_WEBHOOKS
from pipeline.ops.doctor.rights.words import (
    CDC,
    JOBS,
    OPERATOR,
    PUSH,
    REACTIONS,
    SENDER,
    VIEWER,
    WRITER,
)
from pipeline.ops.installed import lacks_fanout
from pipeline.ops.migrate import APPLICATION_TABLES

_RIGHTS: Final = load("pipeline.ops.doctor", "rights")
_CALLS: Final = load("pipeline.ops.doctor", "calls")
_ROLE_EXISTS: Final = load("pipeline.ops.doctor", "role_exists")
_HIDDEN: Final = load("pipeline.ops.doctor", "hidden_by_row_security")
_CONNECTING: Final = load("pipeline.ops.doctor", "connecting_role")
_ROLES: Final = (CDC, WRITER, OPERATOR, VIEWER, JOBS, SENDER, PUSH, REACTIONS)
# The roles that come with a family of their own.
_FAMILIES: Final = {JOBS: "jobs", SENDER: "mail", PUSH: "push", REACTIONS: "reactions"}
_NAMED: Final = 3
_COLUMN: Final = re.compile(r" \(.*\)")
_ALL_GRANTS: Final = (
    "python -m pipeline migrate; if that says up to date, run the GRANTs and REVOKEs of"
    " migrations/*.sql in order"
)


def _needed(role: str, database: Any) -> frozenset[str]:  # noqa: ANN401 - a row of the query
    needed = RIGHTS.get(role, frozenset())
    if database.has_jobs:
        needed |= RIGHTS_WITH_JOBS.get(role, frozenset())
        if database.has_calendars:
            needed |= RIGHTS_WITH_CALENDARS.get(role, frozenset())
    if database.has_mail:
        needed |= RIGHTS_WITH_MAIL.get(role, frozenset())
    if database.has_jobs and database.has_mail:
        needed |= RIGHTS_WITH_JOBS_AND_MAIL.get(role, frozenset())
    if database.has_push:
        needed |= RIGHTS_WITH_PUSH.get(role, frozenset())
        needed |= RIGHTS_ON_WEBHOOKS.get(role, frozenset())
        if database.has_jobs:
            needed |= RIGHTS_WITH_JOBS_AND_PUSH.get(role, frozenset())
    if database.has_activity:
        needed |= RIGHTS_WITH_ACTIVITY.get(role, frozenset())
    if database.has_reactions:
        needed |= RIGHTS_WITH_REACTIONS.get(role, frozenset())
    return needed


def _rights(installation: Installation, role: str) -> Finding:
    database = installation.rows(_ROLE_EXISTS, role=role)[0]
    # Reactions have jobs, too.
    is_there = role == JOBS and database.has_reactions
    if role in _FAMILIES and not is_there and not getattr(database, f"has_{_FAMILIES[role]}"):
        return ok(f"the family {_FAMILIES[role]} is not installed")
    needed = _needed(role, database)
    if role == CDC and lacks_fanout(installation.connection()):
        needed = RIGHTS_ON_HEARTBEATS
    return _compared(role, database, installation.rows(_RIGHTS, role=role), needed)


def _rights_of_producer(installation: Installation) -> Finding:
    database = installation.rows(_ROLE_EXISTS, role=PRODUCER)[0]
    given = [
        rights for name, rights in RIGHTS_OF_PRODUCER.items() if getattr(database, f"has_{name}")
    ]
    if not given:
        return ok("neither the family mail nor the family push is installed")
    rows = [
        row
        for statement in (_RIGHTS, _CALLS)
        for row in installation.rows(statement, role=PRODUCER)
        if not row.of_everyone
    ]
    return _compared(PRODUCER, database, rows, frozenset().union(*given))


def _compared(role: str, database: Any, rows: Iterable[Any], needed: frozenset[str]) -> Finding:  # noqa: ANN401 - rows
    """Compare the rights that a role has with those that it needs."""
    if not database.found:
        return failed(f"role {role} does not exist", f"CREATE ROLE {role}, then grant its rights")
    found, of_everyone = {r.right_ for r in rows}, {r.right_ for r in rows if r.of_everyone}
    absent, extra = needed - found, found - needed
    # A right on the table includes the right on its columns. REVOKE on the table removes both.
    held = {right for right in absent if _COLUMN.sub("", right) in found}
    missing = absent - held
    seen = "; ".join(
        f"{word}: {_some(sorted(rights))}"
        for word, rights in (("missing", missing), ("not needed", extra))
        if rights
    )
    fixes = [
        *(f"GRANT {rights} TO {role}" for rights in _by_relation(missing)),
        *(f"REVOKE {rights} FROM {role}" for rights in _by_relation(extra - of_everyone)),
        *(f"REVOKE {rights} FROM PUBLIC, {role}" for rights in _by_relation(extra & of_everyone)),
        *(f"GRANT {rights} TO {role}" for rights in _by_relation(held)),
    ]
    fix = "; ".join(fixes)
    if len(fixes) > _NAMED:
        revoke_all = f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}; then "
        fix = f"{revoke_all if extra else ''}{_ALL_GRANTS}"
    if missing:
        return failed(seen, fix)
    if extra:
        return warning(seen, fix)
    return ok(f"exactly the {len(found)} that it needs")


def _by_relation(rights: Iterable[str]) -> list[str]:
    """Return what GRANT needs, once per relation: 'DELETE, UPDATE (title, body) ON public.x'."""
    relations: dict[str, dict[str, list[str]]] = {}
    for right in sorted(rights):
        what, _, relation = right.partition(" ON ")
        verb, _, column = what.partition(" ")
        columns = relations.setdefault(relation, {}).setdefault(verb, [])
        columns += [column.strip("()")] if column else []
    return [
        f"{', '.join(_verb(*each) for each in verbs.items())} ON {relation}"
        for relation, verbs in relations.items()
    ]


def _verb(verb: str, columns: list[str]) -> str:
    return f"{verb} ({', '.join(columns)})" if columns else verb


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _row_security(installation: Installation) -> Finding:
    hidden = installation.rows(_HIDDEN, roles=list(_ROLES))
    if hidden:
        return failed(
            f"hides rows of {_some([f'{row.relation} for {row.role}' for row in hidden])}",
            "; ".join(
                f"CREATE POLICY {row.role} ON public.{row.relation} TO {row.role}"
                " USING (true) WITH CHECK (true)"
                for row in hidden
            ),
        )
    return ok("hides no row from our roles")


def _connecting(installation: Installation) -> Finding:
    tables = [f"public.{table}" for table in _tables()]
    who = installation.rows(_CONNECTING, roles=list(_ROLES), tables=tables)[0]
    role = _role_of_a_graph(installation)
    fix = f"use another login: CREATE ROLE pipeline LOGIN PASSWORD '…' IN ROLE {role}"
    if who.is_superuser:
        return warning(f"{who.name} is a superuser", fix)
    if who.is_owner:
        return warning(f"{who.name} owns tables", fix)
    if not who.roles and who.not_inherited:
        # Since Postgres 16 each grant has its own INHERIT. Only a new GRANT changes it.
        roles = ", ".join(who.not_inherited)
        return warning(
            f"{who.name} is in {roles}, but does not inherit its rights",
            f"ALTER ROLE {who.name} INHERIT; REVOKE {roles} FROM {who.name};"
            f" GRANT {roles} TO {who.name}",
        )
    if not who.roles:
        return warning(f"{who.name} is in none of our roles", fix)
    return ok(f"{who.name}, in {', '.join(who.roles)}")


def _role_of_a_graph(installation: Installation) -> str:
    """Return the role of the fan-out's graph; without the fan-out, of one that is installed."""
    if lacks_fanout(installation.connection()):
        database = installation.rows(_ROLE_EXISTS, role=WRITER)[0]
        for role in (REACTIONS, SENDER, PUSH):
            if getattr(database, f"has_{_FAMILIES[role]}"):
                return role
    return WRITER


def _tables() -> Iterable[str]:
    return (*APPLICATION_TABLES, *OUR_TABLES)


CHECKS: Final = (
    *(
        Check(
            f"{role.removeprefix('fanout_')} rights",
            role,
            partial(_rights, role=role),
            # The other lists begin with the rights of the fan-out.
            needs_fanout=role not in (CDC, JOBS, REACTIONS),
        )
        for role in _ROLES
    ),
    Check("producer rights", PRODUCER, _rights_of_producer),
    Check("row security", "pg_policy", _row_security),
    Check("connecting role", "role of DATABASE_URL", _connecting),
)
