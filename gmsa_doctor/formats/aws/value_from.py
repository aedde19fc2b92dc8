"""``valueFrom`` of a container's secrets: which secret or parameter ECS makes a variable of, and which part of it.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html,
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html, and
getASMParametersFromInput of aws/amazon-ecs-agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gmsa_doctor.formats.aws.arn import (
    Arn,
    ArnError,
    ArnProblem,
    SecretArn,
    SsmParameterArn,
    parse_arn,
    parse_secret_arn,
    parse_ssm_parameter_arn,
)

_ARN_PARTS = 7
"""Of a secret's ARN, between colons."""
_BEHIND = 3
"""Parts that may follow it: all three, each of which may be empty."""


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
    key, stage, version = (part or None for part in behind)
    return SecretSource(secret, key, stage, version)


OF_SECRETS = "aws/reference/secretsmanager/"
"""Parameters whose paths begin so stand for secrets.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
"""


def named(text: str, here: Arn, *, registry: bool = False) -> SecretArn | SsmParameterArn:
    """The ARN of the secret or parameter, as IAM compares it but that a secret's may lack its last six characters.

    ``here`` tells partition, region and account of the task. ``registry``: the credentials of an image's registry; they
    are a secret, whose name alone may be given. Raises ArnError.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RepositoryCredentials.html
    """
    if registry and not text.startswith("arn:"):
        return SecretArn(here.partition, here.region, here.account, text)
    source = parse(text)
    if isinstance(source, SecretSource):
        return source.arn
    path = source.name.partition(":")[0].removeprefix("/")  # without a version or a label
    return SsmParameterArn(here.partition, source.region or here.region, source.account or here.account, path)
