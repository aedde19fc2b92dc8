"""``valueFrom`` of a container's secrets: which secret or parameter ECS makes a variable of, and which part of it.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html,
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html, and
getASMParametersFromInput of aws/amazon-ecs-agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gmsa_doctor.formats.arn import (
    ArnError,
    ArnProblem,
    SecretArn,
    parse_arn,
    parse_secret_arn,
    parse_ssm_parameter_arn,
)

_ARN_PARTS = 7
"""Of a secret's ARN, between colons."""
_BEHIND = 3
"""What may stand behind it: all three, each of which may be empty."""


@dataclass(frozen=True)
class SecretSource:
    """A secret of Secrets Manager: all of it, or the value of one key; the current version, or another one."""

    arn: SecretArn
    key: str | None = None
    stage: str | None = None
    """``VersionStage``; None: AWSCURRENT, unless a version is named."""
    version: str | None = None
    """``VersionId``."""


@dataclass(frozen=True)
class ParameterSource:
    """A parameter of Systems Manager. ``region`` and ``account`` are the task's where only its name is given: None."""

    name: str
    region: str | None = None
    account: str | None = None


Source: TypeAlias = SecretSource | ParameterSource


def parse(text: str) -> Source:
    """What a variable is made of. Raises ArnError for what ECS takes for neither.

    What does not begin like an ARN is the name of a parameter in the task's region. Secrets have no such short form.
    """
    if not text.startswith("arn:"):
        if not text.strip():
            raise ArnError(ArnProblem.EMPTY, "it is empty")
        return ParameterSource(text)
    if parse_arn(text).service == "ssm":
        arn = parse_ssm_parameter_arn(text)
        return ParameterSource(arn.name, arn.region, arn.account)
    parts = text.split(":")
    whole = ":".join(parts[:_ARN_PARTS])
    secret = parse_secret_arn(whole)
    behind = parts[_ARN_PARTS:]
    if not behind:
        return SecretSource(secret)
    if len(behind) != _BEHIND:
        wanted = ":".join((*behind, *[""] * _BEHIND)[:_BEHIND])
        raise ArnError(
            ArnProblem.JSON_KEY,
            f"behind the secret's ARN stand {len(behind)} parts, where ECS wants key:version-stage:version-id, all "
            "three, of which each may be empty",
            f"{whole}:{wanted}" if len(behind) < _BEHIND else None,
        )
    key, stage, version = (one or None for one in behind)
    return SecretSource(secret, key, stage, version)
