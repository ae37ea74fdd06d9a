"""Permissions on Google Cloud, from a guide's commands and Google's description of each role.

A grant on the project covers all its resources. A grant on a resource covers only that resource.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.deploy.recorder import Recorder

SECONDS: Final = 60
PROJECT: Final = "projects/acme-prod"
ROLES: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(permissions)
    for name, permissions in json.loads(Path(__file__).with_name("roles.json").read_text("utf-8"))[
        "roles"
    ].items()
}


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role for an account; the resource has a kind and a name, as in ``topics/domain-events``."""

    account: str
    role: str
    resource: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The grants, and the permissions of each role."""

    grants: Sequence[Grant]
    roles: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, calls: Sequence[Sequence[str]]) -> Self:
        """Build the policy from calls of gcloud.

        Raises:
            KeyError: the permissions of a role are unknown.
        """
        made = [grant_of(call) for call in calls if "add-iam-policy-binding" in call]
        roles = dict(ROLES) | dict(
            custom_role(call) for call in calls if call[1:4] == ["iam", "roles", "create"]
        )
        return cls(made, {grant.role: roles[grant.role] for grant in made})

    def may(
        self, account: str, permission: str, resource: str = PROJECT, *, elsewhere: bool = False
    ) -> bool:
        """Return whether the account has the permission; ``elsewhere``: in another project."""
        held = [resource] if elsewhere else [resource, PROJECT]
        return any(
            permission in self.roles[grant.role]
            for grant in self.grants
            if grant.account == account and grant.resource in held
        )

    def without(self, taken: Grant) -> Self:
        """Return the policy without one of its grants."""
        return type(self)([grant for grant in self.grants if grant != taken], self.roles)


def grant_of(call: Sequence[str]) -> Grant:
    """Return the grant that a call of gcloud makes."""
    at = list(call).index("add-iam-policy-binding")
    name = re.sub(r"^gs://|@.*", "", call[at + 1])
    flags = dict(word.removeprefix("--").split("=", 1) for word in call[at + 2 :])
    account = re.sub(r"^serviceAccount:|@.*", "", flags["member"])
    return Grant(account, flags["role"], f"{call[at - 1]}/{name}")


def custom_role(call: Sequence[str]) -> tuple[str, frozenset[str]]:
    """Return the name and the permissions of a role that a call of gcloud creates."""
    flags = dict(word.removeprefix("--").split("=", 1) for word in call[5:])
    name = f"projects/{flags['project']}/roles/{call[4]}"
    return name, frozenset(flags["permissions"].split(","))


def follow(document: str, recorder: Recorder) -> Sequence[Sequence[str]]:
    """Run a document's commands; return their calls of gcloud, in order."""
    blocks = re.findall(r"^```console\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    commands = re.sub(r"^\$ ", "", "".join(blocks), flags=re.MULTILINE)
    subprocess.run(
        ["bash", "-euc", commands],  # noqa: S607
        env=os.environ | {"PATH": os.pathsep.join([str(recorder.home), os.environ["PATH"]])},
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
    )
    return recorder.calls
