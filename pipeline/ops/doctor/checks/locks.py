"""Check of locks on our tables: sessions that hold one for long."""

from typing import Final

from pipeline.clients.postgres.locks import Lock, read_locks
from pipeline.clients.postgres.session import working
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation


def _locks(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        found = [lock for lock in read_locks(connection) if lock.is_long]
    if not found:
        return ok("no session waits long for a lock")
    seen = "\n".join(lock.details for lock in found)
    fix = "\n".join(f"{_end(lock)};" for lock in found)
    if any(lock.waiters for lock in found):
        return failed(seen, fix)
    return warning(seen, fix)


def _end(lock: Lock) -> str:
    if lock.pid:
        return f"SELECT pg_terminate_backend({lock.pid})"
    return "SELECT gid FROM pg_prepared_xacts, then ROLLBACK PREPARED with that gid"


CHECKS: Final = (Check("locks", "pg_locks", _locks),)
