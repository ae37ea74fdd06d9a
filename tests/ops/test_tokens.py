"""API tokens: created, listed and revoked by the command, looked up by their hash."""

import hashlib
import json
import os
import re
import subprocess
from datetime import timedelta
from typing import Final

import psycopg
import pytest

from pipeline.domain.errors import ConfigurationError, NotFound, UsageError
from pipeline.domain.scope import CallerScope
from pipeline.ops.tokens.change import create_token, revoke_token
from pipeline.ops.tokens.read import TokenHolder, holder_of, list_tokens
from pipeline.ops.tokens.secret import digest
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.programs import Program

SECONDS: Final = 60.0
FORM: Final = re.compile(r"fanout_[A-Za-z0-9_-]{43}")


def operator(database: Database) -> DatabaseSettings:
    return DatabaseSettings(dsn=database.operator_dsn)


def viewer(database: Database) -> DatabaseSettings:
    return DatabaseSettings(dsn=database.viewer_dsn)


def tokens(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DATABASE_URL": database.operator_dsn}
    return Program("pipeline", "tokens", *arguments, environment=environment).completed(SECONDS)


def stored(database: Database) -> str:
    """Return everything that the database holds, as text."""
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT row_to_json(api_tokens)::text FROM fanout.api_tokens UNION ALL"
            " SELECT row_to_json(audit)::text FROM fanout.audit"
        ).fetchall()
    return "\n".join(text for (text,) in rows)


def test_the_token_is_all_of_standard_output_and_is_stored_nowhere(database: Database) -> None:
    done = tokens(database, "create", "grafana", "--scope", "read", "--expires", "90d")
    assert done.returncode == 0
    secret = done.stdout.removesuffix("\n")
    assert FORM.fullmatch(secret)
    assert "grafana: may read, until 2" in done.stderr
    assert secret not in done.stderr
    kept = stored(database)
    assert secret not in kept
    # Control: what is stored is its hash.
    assert hashlib.sha256(secret.encode()).hexdigest() in kept
    holder = holder_of(viewer(database), digest(secret))
    assert holder is not None
    assert holder == TokenHolder(name="grafana", scopes=frozenset({CallerScope.READ}))


def test_programs_get_json(database: Database) -> None:
    created = json.loads(
        tokens(database, "create", "ci", "--scope", "read", "--scope", "operate", "--json").stdout
    )
    assert FORM.fullmatch(created.pop("token"))
    assert created == {"name": "ci", "scopes": ["operate", "read"], "expires_at": None}
    listed = json.loads(tokens(database, "list", "--json").stdout)
    assert [(each["name"], each["state"]) for each in listed["tokens"]] == [("ci", "active")]
    revoked = json.loads(tokens(database, "revoke", "ci", "--json").stdout)
    assert (revoked["name"], revoked["before"]) == ("ci", False)
    assert "revoked" in tokens(database, "list").stdout


def test_a_name_is_never_given_twice(database: Database) -> None:
    create_token(operator(database), "grafana", [CallerScope.READ])
    revoke_token(operator(database), "grafana")
    with pytest.raises(UsageError, match="choose another name"):
        create_token(operator(database), "grafana", [CallerScope.READ])


@pytest.mark.parametrize(
    ("name", "scopes", "expires_in"),
    [
        ("Grafana", [CallerScope.READ], None),
        ("", [CallerScope.READ], None),
        ("a" * 64, [CallerScope.READ], None),
        ("a\nb", [CallerScope.READ], None),
        ("a", [], None),
        ("a", [CallerScope.READ], timedelta(0)),
        ("a", [CallerScope.READ], timedelta(days=3651)),
    ],
    ids=["upper case", "empty", "long", "two lines", "no scope", "expired", "too far"],
)
def test_what_is_no_token_is_refused(
    database: Database, name: str, scopes: list[CallerScope], expires_in: timedelta | None
) -> None:
    with pytest.raises(UsageError, match=r"expected|pass one"):
        create_token(operator(database), name, scopes, expires_in=expires_in)
    assert list_tokens(operator(database)) == []


def test_a_token_that_is_unknown_expired_or_revoked_is_nobodys(database: Database) -> None:
    """Control: the one that is neither is somebody's."""
    made = {
        name: digest(create_token(operator(database), name, [CallerScope.READ]).token)
        for name in ("valid", "expired", "revoked")
    }
    revoke_token(operator(database), "revoked")
    with database.connect() as connection:
        connection.execute("UPDATE fanout.api_tokens SET expires_at = now() WHERE name = 'expired'")
    found = {name: holder_of(viewer(database), key) for name, key in made.items()}
    assert [name for name, holder in found.items() if holder] == ["valid"]
    assert holder_of(viewer(database), digest("fanout_" + "a" * 43)) is None
    assert {each.name: each.state for each in list_tokens(operator(database))} == {
        "valid": "active",
        "expired": "expired",
        "revoked": "revoked",
    }


def test_a_token_that_does_not_exist_cannot_be_revoked(database: Database) -> None:
    with pytest.raises(NotFound, match="tokens list"):
        revoke_token(operator(database), "nope")


def test_the_last_use_is_known_to_five_minutes(database: Database) -> None:
    key = digest(create_token(operator(database), "grafana", [CallerScope.READ]).token)
    assert list_tokens(operator(database))[0].last_used_at is None
    holder_of(viewer(database), key)
    first = list_tokens(operator(database))[0].last_used_at
    assert first is not None
    holder_of(viewer(database), key)
    assert list_tokens(operator(database))[0].last_used_at == first
    with database.connect() as connection:
        connection.execute("UPDATE fanout.api_tokens SET last_used_at = now() - interval '6 min'")
    holder_of(viewer(database), key)
    again = list_tokens(operator(database))[0].last_used_at
    assert again is not None
    assert again > first


def test_a_token_stays_usable_while_its_row_is_locked_or_the_server_is_read_only(
    database: Database,
) -> None:
    key = digest(create_token(operator(database), "grafana", [CallerScope.READ]).token)
    with database.connect() as connection, connection.transaction():
        connection.execute("SELECT FROM fanout.api_tokens FOR UPDATE")
        assert holder_of(viewer(database), key) is not None
    with psycopg.connect(database.viewer_dsn, autocommit=True) as reader:
        reader.execute("SET default_transaction_read_only = on")
        assert reader.execute("SELECT * FROM fanout.use_token(%s)", [key]).fetchall() != []
    assert list_tokens(operator(database))[0].last_used_at is None


def test_a_viewer_can_neither_list_create_nor_revoke_tokens(database: Database) -> None:
    create_token(operator(database), "grafana", [CallerScope.READ])
    for change in (
        lambda: create_token(viewer(database), "mine", [CallerScope.OPERATE]),
        lambda: revoke_token(viewer(database), "grafana"),
    ):
        with pytest.raises(ConfigurationError, match="connect as a member of fanout_operator"):
            change()
    with (
        psycopg.connect(database.viewer_dsn) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT name FROM fanout.api_tokens")


def test_who_created_and_revoked_a_token_is_in_the_audit(database: Database) -> None:
    create_token(operator(database), "grafana", [CallerScope.READ])
    revoke_token(operator(database), "grafana")
    revoke_token(operator(database), "grafana")
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT who, identity, login, action, target, result FROM fanout.audit"
            " WHERE finished_at IS NOT NULL ORDER BY at"
        ).fetchall()
    assert rows == [
        ("test_operator", "login", "test_operator", "tokens create", "grafana", "read"),
        ("test_operator", "login", "test_operator", "tokens revoke", "grafana", "revoked"),
    ]
