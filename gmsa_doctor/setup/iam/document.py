"""The form of an IAM policy: statements of the actions that they allow, and placeholders for what is not known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, operations
from gmsa_doctor.setup.iam.scope import Scope

VERSION = "2012-10-17"
"""The version of IAM's policy language."""
NAMES = (
    "ACCOUNT", "REGION", "CLUSTER", "EXECUTION_ROLE", "LOG_GROUP", "CREDSPEC_BUCKET", "CREDSPEC_KEY",
    "CREDSPEC_PARAMETER", "SECRET",
)  # fmt: skip
"""The names of placeholders. Other names in angle brackets are part of a resource name."""
PLACEHOLDER = re.compile(f"<({'|'.join(NAMES)})>")
Resources = Callable[[Scope], Iterable[str]]


@dataclass(frozen=True)
class StatementTemplate:
    """A statement without its actions. A statement without resources is left out of the policy."""

    sid: str
    resources: Resources
    condition: Callable[[Scope], dict[str, Any]] | None = None

    def filled(self, actions: set[str], scope: Scope) -> dict[str, Any]:
        """The statement that allows the actions."""
        statement: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": list(dict.fromkeys(self.resources(scope))),
        }
        return {**statement, "Condition": self.condition(scope)} if self.condition else statement


def document_of(allowed: Iterable[tuple[str, StatementTemplate]], scope: Scope) -> dict[str, Any]:
    """The document that allows actions, each by its statement."""
    actions: dict[StatementTemplate, set[str]] = {}
    for action, template in allowed:
        actions.setdefault(template, set()).add(action)
    statements = [template.filled(own, scope) for template, own in actions.items()]
    return {"Version": VERSION, "Statement": [statement for statement in statements if statement["Resource"]]}


def placeholders(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the placeholders in a policy, in order."""
    names = (
        name
        for statement in document["Statement"]
        for text in (*statement["Resource"], str(statement.get("Condition", "")))
        for name in PLACEHOLDER.findall(text)
    )
    return tuple(dict.fromkeys(names))


def declared(clients: Iterable[type[AwsClient]]) -> tuple[str, ...]:
    """The IAM actions of the clients' methods, sorted."""
    return tuple(sorted({operation.action for client in clients for operation in operations(client)}))
