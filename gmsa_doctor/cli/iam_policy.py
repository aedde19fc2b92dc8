"""``gmsa-doctor iam-policy``."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters, values_of
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import ExitCode, guarded, print_, say
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.given.request import Request

if TYPE_CHECKING:
    from gmsa_doctor.formats.aws.arn import Arn, S3ObjectArn, SecretArn, SsmParameterArn
    from gmsa_doctor.iam.scope import Scope

_ACCOUNT = r"[0-9]{12}"
_REGION = r"[a-z]{2,}(-[a-z0-9]+)+"
_PARTITION = r"aws(-[a-z0-9]+)*"
_CLUSTER = r"[A-Za-z0-9_-]{1,255}"
_LOG_GROUP = r"[A-Za-z0-9._/#-]{1,512}"
_BUS = r"[A-Za-z0-9._/-]{1,256}"
_BUCKET = r"[A-Za-z0-9._-]{3,255}"
_FOR = "run: for who runs `run`. doctor: for who runs `check`. execution-role: for the service's task execution role."
_FILLED_BY = {
    "ACCOUNT": "--account",
    "REGION": "--region",
    "CLUSTER": "--cluster",
    "EXECUTION_ROLE": "--execution-role",
    "LOG_GROUP": "--log-group",
    "CREDSPEC_BUCKET": "--credspec",
    "CREDSPEC_KEY": "--credspec",
    "CREDSPEC_PARAMETER": "--credspec",
    "SECRET": "--secret",
}
_OPTIONS = {
    "execution_roles": "--execution-role",
    "instance_roles": "--instance-role",
    "log_groups": "--log-group",
    "credspecs": "--credspec",
    "secrets": "--secret",
    "kms_keys": "--kms-key",
    "repositories": "--repository",
}


class For(StrEnum):
    """What the policy is for."""

    RUN = "run"
    DOCTOR = "doctor"
    EXECUTION_ROLE = "execution-role"


class _SharedOptions:
    """Partition, region and account as several options tell them, which must agree."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, str]] = {}

    def tell(self, what: str, value: str | None, option: str) -> None:
        """Raises UsageError where another option has told otherwise."""
        if not value:
            return
        known, by = self._told.setdefault(what, (value, option))
        if known != value:
            raise UsageError(f"{option} is of {what} {value}, {by} of {known}: give what belongs together")

    def tell_all(self, arn: Arn, option: str) -> None:
        """What an ARN of the caller's own account and region tells."""
        self.tell("partition", arn.partition, option)
        self.tell("region", arn.region, option)
        self.tell("account", arn.account, option)

    def get(self, what: str) -> str | None:
        """What was told, if anything."""
        return self._told[what][0] if what in self._told else None


@dataclass(frozen=True, kw_only=True)
class IamPolicyArguments:
    """The options of ``iam-policy``, in the order of its help."""

    purpose: Annotated[For, typer.Option("--for", help=_FOR)] = For.DOCTOR
    subject: options.SubjectOptions
    task_definition_file: options.TaskDefinitionFile = None
    container: Annotated[str | None, typer.Option(help="Only what this container needs.")] = None
    profile: options.Profile = None
    offline: Annotated[
        bool, typer.Option("--offline", help="Send nothing anywhere: the file alone tells what it can.")
    ] = False
    execution_role: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="The service's task execution role, and the probe's own.")
    ] = None
    instance_role: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="On EC2: the role of the container instances' profile.")
    ] = None
    credspec: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="The CredSpec: an S3 object or an SSM parameter.")
    ] = None
    secret: Annotated[Many, typer.Option(metavar="ARN[,ARN]", help="The secret that the CredSpec names.")] = None
    kms_key: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="A customer-managed key of the secret or the CredSpec.")
    ] = None
    repository: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="An ECR repository that the task's images are in.")
    ] = None
    log_group: Annotated[
        str | None, typer.Option(metavar="NAME|ARN", help="Where the probes, or the task's containers, write.")
    ] = None
    report_s3: Annotated[
        str | None, typer.Option(metavar="S3-URL", help="As for `run`: where the reports go through S3.")
    ] = None
    event_bus: Annotated[
        str | None, typer.Option(metavar="NAME|ARN", help="As for `check`: where the verdict is sent.")
    ] = None
    account: Annotated[str | None, typer.Option(metavar="NUMBER", help="The AWS account.")] = None
    region: options.Region = None
    partition: Annotated[str | None, typer.Option(metavar="NAME", help="The AWS partition.")] = None


@app.command("iam-policy")
@fields_as_parameters
def iam_policy(_context: typer.Context, arguments: IamPolicyArguments) -> None:
    """Print the IAM policy that a command, or a task's execution role, needs.

    Limited to what the service or the task definition uses, which AWS is asked for (no secret is read), and to what
    the options name, which win. Without a service or a task definition it works offline. For what is not known there
    are placeholders such as <CLUSTER>, which match nothing, and a message on standard error.
    """
    guarded(lambda: _print(arguments))


def _print(arguments: IamPolicyArguments) -> ExitCode:
    import json

    from gmsa_doctor.iam.statements import Purpose, placeholders, policy

    request, purpose = options.request_of(arguments), arguments.purpose
    with_subject = _has_subject(request)
    _require_purpose((For.RUN,), arguments, "report_s3")
    _require_purpose((For.RUN, For.EXECUTION_ROLE), arguments, "log_group")
    _require_purpose((For.EXECUTION_ROLE,), arguments, "repository")
    cluster = () if with_subject else ("cluster",)
    _require_purpose((For.RUN, For.DOCTOR), arguments, *cluster, "execution_role", "instance_role", "event_bus")
    scope = _scope(arguments)
    scope, gaps = _looked_up(request, scope, purpose) if with_subject else (scope, [])
    document = policy(Purpose(purpose), scope)
    print_(json.dumps(document, indent=2, ensure_ascii=False))
    if left := placeholders(document):
        options_of = ", ".join(f"<{name}> ({_FILLED_BY[name]})" for name in left)
        say(f"to be filled in before the policy permits anything there: {options_of}")
    for gap in gaps:
        say(gap)
    return ExitCode.PASS


def _scope(arguments: IamPolicyArguments) -> Scope:
    """What the options limit the policy to."""
    from gmsa_doctor.iam.scope import Scope

    shared = _shared(arguments)
    group = _name("--log-group", arguments.log_group, shared, "logs", "log-group:", _LOG_GROUP)
    scope = Scope(
        cluster=_name("--cluster", arguments.subject.cluster, shared, "ecs", "cluster/", _CLUSTER),
        execution_roles=tuple(_role("--execution-role", text, shared) for text in _arns(arguments.execution_role)),
        instance_roles=tuple(_role("--instance-role", text, shared) for text in _arns(arguments.instance_role)),
        credspecs=tuple(_credspec(text, shared) for text in _arns(arguments.credspec)),
        secrets=tuple(_secret(text, shared) for text in _arns(arguments.secret)),
        kms_keys=tuple(_kms_key(text, shared) for text in _arns(arguments.kms_key)),
        repositories=tuple(_repository(text, shared) for text in _arns(arguments.repository)),
        log_groups=(group,) if group else (),
        report=_report(arguments.report_s3),
        event_bus=_name("--event-bus", arguments.event_bus, shared, "events", "event-bus/", _BUS),
    )
    return replace(
        scope,
        partition=shared.get("partition") or scope.partition,
        region=shared.get("region"),
        account=shared.get("account"),
    )


def _has_subject(request: Request) -> bool:
    """Whether there is one to look up. Raises UsageError for more than one, and for options that need one."""
    ways = {
        "--service": request.service,
        "--task-definition": request.task_definition,
        "--task-definition-file": request.task_definition_file,
    }
    given = [name for name, value in ways.items() if value]
    if len(given) > 1:
        raise UsageError(f"say whose policy it is to be: one of {', '.join(ways)} (given: {' and '.join(given)})")
    if request.offline and not request.task_definition_file:
        raise UsageError("--offline goes with --task-definition-file; without a subject nothing is sent anyway")
    if not given and (request.container or request.profile):
        name = "--container" if request.container else "--profile"
        raise UsageError(f"{name} goes with {', '.join(ways)}: without one of them nothing is looked up")
    return bool(given)


def _looked_up(request: Request, options: Scope, purpose: For) -> tuple[Scope, list[str]]:
    """The scope of the subject, in which the options win, and what is not known of it."""
    from gmsa_doctor.core import registry
    from gmsa_doctor.iam import lookup as policy_scope

    told = policy_scope.told_by_subjects(request, registry.load(), options, for_role=purpose is For.EXECUTION_ROLE)
    found = told.scope
    if purpose is For.RUN:
        found = replace(found, log_groups=found.log_groups[:1])
    given = {one.name: value for one in fields(options) if (value := getattr(options, one.name)) != one.default}
    if "secrets" in given:
        found = replace(found, full_secrets=(), without_secret=False)
    if "log_groups" in given:
        found = replace(found, made_log_groups=())
    named = {_OPTIONS[name] for name in given if name in _OPTIONS}
    about = {"--repository": (For.EXECUTION_ROLE,), "--log-group": (For.RUN, For.EXECUTION_ROLE)}
    about |= dict.fromkeys(("--execution-role", "--instance-role"), (For.RUN, For.DOCTOR))
    gaps = [one for one in told.gaps if one.option not in named and purpose in about.get(one.option, For)]
    by_reason: dict[str, list[str]] = {}
    for one in gaps:
        by_reason.setdefault(one.reason, []).append(f"{one.what} ({one.option})")
    return replace(found, **given), [f"not known: {', '.join(whats)}: {reason}" for reason, whats in by_reason.items()]


def _require_purpose(purposes: tuple[For, ...], arguments: IamPolicyArguments, *names: str) -> None:
    """Raises UsageError for one of these options, where the policy is for something else."""
    given = values_of(arguments)
    named = [f"--{name.replace('_', '-')}" for name in names if given[name]]
    if arguments.purpose not in purposes and named:
        whose = " or ".join(purposes)
        raise UsageError(f"{' and '.join(named)}: only the policy --for {whose} is about that; leave it out")


def _shared(arguments: IamPolicyArguments) -> _SharedOptions:
    from gmsa_doctor.given.subject import AwsPlace

    shared = _SharedOptions()
    for option, value, pattern, example in (
        ("account", arguments.account, _ACCOUNT, "its number of 12 digits"),
        ("region", arguments.region, _REGION, "a region such as us-east-1"),
        ("partition", arguments.partition, _PARTITION, "aws, aws-cn, aws-us-gov or another of AWS"),
    ):
        if value is not None:
            _require(f"--{option}", value, pattern, example)
            shared.tell(option, value, f"--{option}")
    if arguments.region and not arguments.partition:
        shared.tell("partition", AwsPlace(arguments.region, None).partition, "--region")
    return shared


def _require(option: str, value: str, pattern: str, wanted: str) -> None:
    if not re.fullmatch(pattern, value, re.ASCII):
        raise UsageError(f"{option} {value}: give {wanted}")


def _arns(values: list[str] | None) -> tuple[str, ...]:
    """Each ARN once. A comma may also be part of one: in the name of a role, and in the key of an object."""
    return tuple(dict.fromkeys(one for value in values or () for one in re.split(r",\s*(?=arn:)", value)))


def _name(option: str, text: str | None, shared: _SharedOptions, service: str, kind: str, pattern: str) -> str | None:
    """The name of a resource that is given by name or ARN."""
    if text is None:
        return None
    example = f"a name, or an ARN such as arn:aws:{service}:us-east-1:123456789012:{kind}NAME"
    if not text.startswith("arn:"):
        _require(option, text, pattern, example)
        return text
    arn = _arn(option, text, service, example)
    name = arn.resource.removeprefix(kind).removesuffix(":*")
    if not arn.resource.startswith(kind) or not (arn.region and arn.account):
        raise UsageError(f"{option} {text}: give {example}")
    _require(option, name, pattern, example)
    shared.tell_all(arn, option)
    return name


def _arn(option: str, text: str, service: str, wanted: str) -> Arn:
    from gmsa_doctor.formats.aws.arn import ArnError, parse_arn

    try:
        arn = parse_arn(text)
    except ArnError as error:
        raise UsageError(f"{option} {text}: {error.reason}; give {wanted}") from error
    if arn.service != service:
        raise UsageError(f"{option} {text}: it is an ARN of {arn.service}; give {wanted}")
    return arn


def _role(option: str, text: str, shared: _SharedOptions) -> str:
    from gmsa_doctor.formats.aws.arn import ArnError, parse_role_arn

    wanted = "the ARN of a role, such as arn:aws:iam::123456789012:role/ecsTaskExecutionRole"
    try:
        role = parse_role_arn(text)
    except ArnError as error:
        raise UsageError(f"{option} {text}: {error.reason}; give {wanted}") from error
    if role.session:
        raise UsageError(f"{option} {text}: it is a session of a role; give {wanted}")
    if not re.fullmatch(r"[\w+=,.@/-]+", role.path + role.name, re.ASCII):
        raise UsageError(f"{option} {text}: give {wanted}")
    shared.tell("partition", role.partition, option)
    shared.tell("account", role.account, option)
    return str(role)


def _credspec(text: str, shared: _SharedOptions) -> S3ObjectArn | SsmParameterArn:
    from gmsa_doctor.formats.aws.arn import ArnError, parse_s3_object_arn, parse_ssm_parameter_arn

    try:
        found = (
            parse_ssm_parameter_arn(text) if text.startswith("arn:") and ":ssm:" in text else parse_s3_object_arn(text)
        )
    except ArnError as error:
        meant = error.suggestion or "the ARN of an S3 object or of an SSM parameter, such as arn:aws:s3:::BUCKET/KEY"
        raise UsageError(f"--credspec {text}: {error.reason}; give {meant}") from error
    shared.tell("partition", found.partition, "--credspec")
    return found


def _secret(text: str, shared: _SharedOptions) -> SecretArn:
    from gmsa_doctor.formats.aws.arn import ArnError, parse_secret_arn

    wanted = "the ARN of a secret, such as arn:aws:secretsmanager:us-east-1:123456789012:secret:NAME-AbCdEf"
    try:
        found = parse_secret_arn(text)
    except ArnError as error:
        raise UsageError(f"--secret {text}: {error.reason}; give {wanted}") from error
    if not re.fullmatch(r"[A-Za-z0-9/_+=.@!-]+", found.name):
        raise UsageError(f"--secret {text}: give {wanted}")
    shared.tell("partition", found.partition, "--secret")
    return found


def _kms_key(text: str, shared: _SharedOptions) -> str:
    wanted = "the ARN of a key, such as arn:aws:kms:us-east-1:123456789012:key/ID"
    arn = _arn("--kms-key", text, "kms", wanted)
    if not (arn.region and arn.account and re.fullmatch(r"key/[A-Za-z0-9-]+", arn.resource)):
        raise UsageError(f"--kms-key {text}: give {wanted} (IAM does not take an alias)")
    shared.tell("partition", arn.partition, "--kms-key")
    return text


def _repository(text: str, shared: _SharedOptions) -> str:
    wanted = "the ARN of a repository, such as arn:aws:ecr:us-east-1:123456789012:repository/NAME"
    arn = _arn("--repository", text, "ecr", wanted)
    if not (arn.region and arn.account and re.fullmatch(r"repository/[a-z0-9._/-]+", arn.resource)):
        raise UsageError(f"--repository {text}: give {wanted}")
    shared.tell("partition", arn.partition, "--repository")
    return text


def _report(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    match = re.fullmatch(r"s3://([^/]+)(?:/(.*))?", text)
    if not match or not re.fullmatch(_BUCKET, match[1]):
        raise UsageError(f"--report-s3 {text}: give s3://BUCKET or s3://BUCKET/PREFIX")
    return match[1], (match[2] or "").strip("/")
