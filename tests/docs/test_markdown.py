"""Every guide in Markdown: its links lead somewhere, its logins exist; and how one is read."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.markdown import commands, dead_links

ROOT: Final = Path(__file__).parents[2]
# What tools put below the root is not ours.
FOLDERS: Final = ("debezium", "deploy", "docs", "examples", "migrations", "tests")
GUIDES: Final = [
    *sorted(ROOT.glob("*.md")),
    *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")),
]
OPERATIONS: Final = (ROOT / "docs/operations.md").read_text("utf-8")
OWNER: Final = "postgres"


def test_a_command_ends_where_a_shell_finds_nothing_open() -> None:
    document = """
```console
$ true
```

## Here

```console
# a remark
$ psql <<'SQL'
SELECT 1
SQL
1
$ for each in a b; do
    echo $each; done
a
b
```

## There

1. ```console
   ```

   ```console
   $ echo "one
     two" \\
       three
   one
   ```
"""
    assert [(each.heading, each.text, each.shown) for each in commands(document)] == [
        ("", "true", []),
        ("Here", "psql <<'SQL'\nSELECT 1\nSQL", ["1"]),
        ("Here", "for each in a b; do\n    echo $each; done", ["a", "b"]),
        ("There", 'echo "one\n  two" \\\n    three', ["one"]),
    ]
    assert [each.block.startswith("# a remark\n$ psql") for each in commands(document)] == [
        *(False, True, True, False),
    ]


@pytest.mark.parametrize("path", GUIDES, ids=[str(path.relative_to(ROOT)) for path in GUIDES])
def test_every_link_leads_somewhere(path: Path) -> None:
    assert dead_links(path.read_text("utf-8"), path) == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    wrong = "[a](nowhere.md) [b](runbook.md#nothing) [c](#replays) [d](#needs-google-cloud)"
    right = "[a](rights.md#logins) [b](../README.md) [c](#what-you-need) [d](https://a.example)"
    assert dead_links(f"{wrong} {right}", ROOT / "docs/operations.md") == [
        *("nowhere.md", "runbook.md#nothing", "#replays", "#needs-google-cloud"),
    ]


def strangers(document: str) -> set[str]:
    """Logins that the document connects as or makes, and that the operations guide does not."""
    made = set(re.findall(r"^CREATE ROLE (\w+) LOGIN", OPERATIONS, re.MULTILINE))
    named = re.findall(r"postgresql://(\w+)@|CREATE ROLE (\w+) LOGIN", document)
    return {login for pair in named for login in pair if login} - made - {OWNER}


@pytest.mark.parametrize("path", GUIDES, ids=[str(path.relative_to(ROOT)) for path in GUIDES])
def test_every_login_is_one_that_the_operations_guide_makes(path: Path) -> None:
    assert strangers(path.read_text("utf-8")) == set()


def test_a_login_that_nobody_makes_is_noticed() -> None:
    assert strangers("postgresql://status@$HOST, and CREATE ROLE reader LOGIN") == {
        *("status", "reader"),
    }
    assert strangers("postgresql://console@$HOST, and postgresql://pipeline@$HOST") == set()
