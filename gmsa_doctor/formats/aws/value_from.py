"""``valueFrom`` of a container's secrets: the secret or parameter that a variable comes from, and which part of it.

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
    SecretArn,
    SsmParameterArn,
    parse_arn,
    parse_secret_arn,
    parse_ssm_parameter_arn,
)

_ARN_PARTS = 7
"""The number of parts of a secret's ARN, between colons."""
_SUFFIX_PARTS = 3
"""The number of parts that may follow it. If any follows, all three must; each may be empty."""


@dataclass(frozen=True)
class SecretSource:
    """A secret in Secrets Manager, or the value of one of its keys; the current version, or another one."""

    arn: SecretArn
    key: str | None = None
    stage: str | None = None
    """``VersionStage``; None: AWSCURRENT, unless ``version`` is set."""
    version: str | None = None
    """``VersionId``."""


@dataclass(frozen=True)
class ParameterSource:
    """A parameter in Systems Manager. ``region`` and ``account`` are None (the task's) if only the name is given."""

    name: str
    region: str | None = None
    account: str | None = None


Source: TypeAlias = SecretSource | ParameterSource


def parse(text: str) -> Source:
    """The source of a variable. Raises ArnError for a text that ECS does not accept.

    A text that does not start with ``arn:`` is the name of a parameter in the task's region. Secrets have no such short
    form.
    """
    if not text.startswith("arn:"):
        if not text.strip():
            raise ArnError("it is empty")
        return ParameterSource(text)
    if parse_arn(text).service == "ssm":
        arn = parse_ssm_parameter_arn(text)
        return ParameterSource(arn.name, arn.region, arn.account)
    parts = text.split(":")
    whole = ":".join(parts[:_ARN_PARTS])
    secret = parse_secret_arn(whole)
    suffix = parts[_ARN_PARTS:]
    if not suffix:
        return SecretSource(secret)
    if len(suffix) != _SUFFIX_PARTS:
        complete = ":".join((*suffix, *[""] * _SUFFIX_PARTS)[:_SUFFIX_PARTS])
        raise ArnError(
            f"the secret's ARN is followed by {len(suffix)} parts; ECS requires all three of "
            "key:version-stage:version-id, each of which may be empty",
            f"{whole}:{complete}" if len(suffix) < _SUFFIX_PARTS else None,
        )
    key, stage, version = (part or None for part in suffix)
    return SecretSource(secret, key, stage, version)


OF_SECRETS = "aws/reference/secretsmanager/"
"""Prefix of parameters that refer to secrets.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
"""


def named(text: str, here: Arn, *, registry: bool = False) -> SecretArn | SsmParameterArn:
    """The ARN of the secret or parameter, as IAM compares it; a secret's may lack its last six characters.

    ``here`` has the partition, region and account of the task. ``registry``: the text is for the credentials of an
    image's registry, a secret that may be given by its name. Raises ArnError.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RepositoryCredentials.html
    """
    if registry and not text.startswith("arn:"):
        return SecretArn(here.partition, here.region, here.account, text)
    source = parse(text)
    if isinstance(source, SecretSource):
        return source.arn
    path = source.name.partition(":")[0].removeprefix("/")  # without a version or a label
    return SsmParameterArn(here.partition, source.region or here.region, source.account or here.account, path)
