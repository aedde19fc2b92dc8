"""The scope of the policy that the options of ``iam-policy`` name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from gmsa_doctor.cli.iam_policy_arguments import IamPolicyArguments
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.formats.aws.arn import (
    Arn,
    ArnError,
    S3ObjectArn,
    SecretArn,
    SsmParameterArn,
    parse_arn,
    parse_role_arn,
    parse_s3_object_arn,
    parse_secret_arn,
    parse_ssm_parameter_arn,
)
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.setup.iam.scope import Scope

T = TypeVar("T")

_FORMS = {
    "account": (r"[0-9]{12}", "its number of 12 digits"),
    "region": (r"[a-z]{2,}(-[a-z0-9]+)+", "a region such as us-east-1"),
    "role-name": (r"[A-Za-z0-9_+=,.@-]{1,64}", "the name of a role, without its path"),
    "partition": (r"aws(-[a-z0-9]+)*", "aws, aws-cn, aws-us-gov or another of AWS"),
}
_NAMED = {
    "--log-group": ("logs", "log-group:", r"[A-Za-z0-9._/#-]{1,512}"),
    "--cluster": ("ecs", "cluster/", r"[A-Za-z0-9_-]{1,255}"),
    "--event-bus": ("events", "event-bus/", r"[A-Za-z0-9._/-]{1,256}"),
}
"""Service, kind and pattern of what may be given by name or ARN."""


def scope_of(arguments: IamPolicyArguments) -> Scope:
    """The scope. Raises UsageError for an option that names something else, or that contradicts another."""
    shared, resources, region = _Shared(), arguments.resources, arguments.aws.region
    given = {"account": resources.account, "region": region, "partition": resources.partition}
    for what, value in given.items():
        if value is not None:
            _require(f"--{what}", value, *_FORMS[what])
            shared.note(f"--{what}", **{what: value})
    if region and not resources.partition:
        shared.note("--region", partition=AwsPlace(region, None).partition)
    log_group = shared.name("--log-group", resources.log_group)
    role_name = resources.role_name or Scope.role_name
    _require("--role-name", role_name, *_FORMS["role-name"])
    return Scope(
        cluster=shared.name("--cluster", arguments.subject.cluster),
        execution_roles=tuple(shared.role("--execution-role", text) for text in _arns(resources.execution_role)),
        instance_roles=tuple(shared.role("--instance-role", text) for text in _arns(resources.instance_role)),
        credspecs=tuple(map(shared.credspec, _arns(resources.credspec))),
        secrets=tuple(map(shared.secret, _arns(resources.secret))),
        kms_keys=tuple(map(shared.kms_key, _arns(resources.kms_key))),
        repositories=tuple(map(shared.repository, _arns(resources.repository))),
        log_groups=(log_group,) if log_group else (),
        report=_report(resources.report_s3),
        event_bus=shared.name("--event-bus", resources.event_bus),
        role_name=role_name,
        partition=shared.get("partition") or "aws",
        region=shared.get("region"),
        account=shared.get("account"),
    )


@dataclass
class _Shared:
    """Reads options, and notes the partition, region and account in them, which must agree."""

    known: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Values, each with the first option that had it."""

    def note(self, option: str, **values: str | None) -> None:
        """Raises UsageError if another option had another value."""
        for what, value in values.items():
            known, source = self.known.setdefault(what, (value, option)) if value else (value, option)
            if known != value:
                raise UsageError(f"{option} is in {what} {value}, but {source} is in {known}; give options that agree")

    def get(self, what: str) -> str | None:
        """The value, if an option had one."""
        return self.known[what][0] if what in self.known else None

    def name(self, option: str, text: str | None) -> str | None:
        """The name of a resource that is given by name or ARN."""
        if text is None:
            return None
        service, kind, pattern = _NAMED[option]
        wanted = f"a name, or an ARN such as arn:aws:{service}:us-east-1:123456789012:{kind}NAME"
        if not text.startswith("arn:"):
            _require(option, text, pattern, wanted)
            return text
        arn = _arn_of(option, text, service, wanted)
        if not arn.resource.startswith(kind) or not (arn.region and arn.account):
            raise UsageError(f"{option} {text}: give {wanted}")
        name = arn.resource.removeprefix(kind).removesuffix(":*")
        _require(option, name, pattern, wanted)
        self.note(option, partition=arn.partition, region=arn.region, account=arn.account)
        return name

    def role(self, option: str, text: str) -> str:
        wanted = "the ARN of a role, such as arn:aws:iam::123456789012:role/ecsTaskExecutionRole"
        role = _parsed(option, parse_role_arn, text, wanted)
        if role.session:
            raise UsageError(f"{option} {text}: this is a role session; give {wanted}")
        if not re.fullmatch(r"[\w+=,.@/-]+", role.path + role.name, re.ASCII):
            raise UsageError(f"{option} {text}: give {wanted}")
        self.note(option, partition=role.partition, account=role.account)
        return str(role)

    def credspec(self, text: str) -> S3ObjectArn | SsmParameterArn:
        is_parameter = text.startswith("arn:") and ":ssm:" in text
        wanted = "the ARN of an S3 object or of an SSM parameter, such as arn:aws:s3:::BUCKET/KEY"
        arn: S3ObjectArn | SsmParameterArn = (
            _parsed("--credspec", parse_ssm_parameter_arn, text, wanted)
            if is_parameter
            else _parsed("--credspec", parse_s3_object_arn, text, wanted)
        )
        self.note("--credspec", partition=arn.partition)
        return arn

    def secret(self, text: str) -> SecretArn:
        wanted = "the ARN of a secret, such as arn:aws:secretsmanager:us-east-1:123456789012:secret:NAME-AbCdEf"
        arn = _parsed("--secret", parse_secret_arn, text, wanted)
        if not re.fullmatch(r"[A-Za-z0-9/_+=.@!-]+", arn.name):
            raise UsageError(f"--secret {text}: give {wanted}")
        self.note("--secret", partition=arn.partition)
        return arn

    def kms_key(self, text: str) -> str:
        wanted = "the ARN of a key, such as arn:aws:kms:us-east-1:123456789012:key/ID"
        self._resource("--kms-key", text, "kms", r"key/[A-Za-z0-9-]+", wanted, " (IAM does not take an alias)")
        return text

    def repository(self, text: str) -> str:
        wanted = "the ARN of a repository, such as arn:aws:ecr:us-east-1:123456789012:repository/NAME"
        self._resource("--repository", text, "ecr", r"repository/[a-z0-9._/-]+", wanted)
        return text

    def _resource(self, option: str, text: str, service: str, pattern: str, wanted: str, hint: str = "") -> None:
        arn = _arn_of(option, text, service, wanted)
        if not (arn.region and arn.account and re.fullmatch(pattern, arn.resource)):
            raise UsageError(f"{option} {text}: give {wanted}{hint}")
        self.note(option, partition=arn.partition)


def _require(option: str, value: str, pattern: str, wanted: str) -> None:
    if not re.fullmatch(pattern, value, re.ASCII):
        raise UsageError(f"{option} {value}: give {wanted}")


def _arns(values: list[str] | None) -> tuple[str, ...]:
    """Each ARN once. A comma may also be part of one: in the name of a role, and in the key of an object."""
    return tuple(dict.fromkeys(arn for value in values or () for arn in re.split(r",\s*(?=arn:)", value)))


def _parsed(option: str, parse: Callable[[str], T], text: str, wanted: str) -> T:
    try:
        return parse(text)
    except ArnError as error:
        suggestion = error.suggestion if option == "--credspec" else None
        raise UsageError(f"{option} {text}: {error.reason}; give {suggestion or wanted}") from error


def _arn_of(option: str, text: str, service: str, wanted: str) -> Arn:
    arn = _parsed(option, parse_arn, text, wanted)
    if arn.service != service:
        raise UsageError(f"{option} {text}: this is an ARN of {arn.service}; give {wanted}")
    return arn


def _report(text: str | None) -> tuple[str, str] | None:
    """Bucket and prefix of ``--report-s3``."""
    if text is None:
        return None
    match = re.fullmatch(r"s3://([A-Za-z0-9._-]{3,255})(?:/(.*))?", text)
    if not match:
        raise UsageError(f"--report-s3 {text}: give s3://BUCKET or s3://BUCKET/PREFIX")
    return match[1], (match[2] or "").strip("/")
