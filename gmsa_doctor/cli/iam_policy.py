"""``gmsa-doctor iam-policy``."""

from __future__ import annotations

from dataclasses import fields, replace

import typer

from gmsa_doctor.cli import configured, options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.effects import require_effect
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters, values_of
from gmsa_doctor.cli.iam_policy_arguments import IamPolicyArguments
from gmsa_doctor.cli.process import guarded, print_, say
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.given.request import Request
from gmsa_doctor.setup.iam.scope import Purpose, Scope

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
_OF_SUBJECTS = (Purpose.RUN, Purpose.DOCTOR, Purpose.EXECUTION_ROLE)


@command(
    "iam-policy",
    examples="""
gmsa-doctor iam-policy --cluster prod --service web
gmsa-doctor iam-policy --cluster prod --service web --for run
gmsa-doctor iam-policy td.json --offline --for execution-role
gmsa-doctor iam-policy --for fleet --report-s3 s3://bucket/gmsa-doctor
""",
)
@fields_as_parameters
def iam_policy(context: typer.Context, arguments: IamPolicyArguments) -> None:
    """Print the IAM policy that a command, or a task execution role, requires.

    Limited to what the subject uses, which is looked up in AWS (no secret is read), and to the resources that options
    name, which take precedence. Without a subject it works offline. Unknown resources become placeholders such as
    <CLUSTER>, which match nothing, and are listed on standard error.
    """
    guarded(lambda: _print(context, arguments))


def _print(context: typer.Context, arguments: IamPolicyArguments) -> ExitCode:

    from gmsa_doctor.cli.iam_scope import scope_of
    from gmsa_doctor.core.printable import json_document
    from gmsa_doctor.setup.iam.document import placeholders
    from gmsa_doctor.setup.iam.policies import policy

    request, purpose = options.request_of(arguments, files=tuple(arguments.files or ())), arguments.purpose
    request = configured.with_typed(context, request, arguments.task_definition_file)
    with_subject = _has_subject(request)
    if with_subject and purpose not in _OF_SUBJECTS:
        raise UsageError(f"--for {purpose}: name no subject; `fleet` searches for the services")
    _require_purpose((Purpose.RUN, Purpose.FLEET, Purpose.FLEET_PROBE), arguments, "report_s3")
    _require_purpose((Purpose.FLEET,), arguments, "role_name")
    _require_purpose((*_OF_SUBJECTS, Purpose.FLEET_MEMBER, Purpose.FLEET_PROBE), arguments, "credspec", "secret")
    _require_purpose(_OF_SUBJECTS, arguments, "kms_key", "log_group")
    _require_purpose((Purpose.EXECUTION_ROLE,), arguments, "repository")
    cluster = () if with_subject else ("cluster",)
    _require_purpose((Purpose.RUN, Purpose.DOCTOR, Purpose.FLEET_PROBE), arguments, "execution_role")
    _require_purpose((Purpose.RUN, Purpose.DOCTOR), arguments, *cluster, "instance_role", "event_bus")
    scope = scope_of(arguments)
    scope, gaps = _looked_up(request, scope, purpose) if with_subject else (scope, [])
    document = policy(purpose, scope)
    print_(json_document(document))
    if left := placeholders(document):
        options_of = ", ".join(f"<{name}> ({_FILLED_BY[name]})" for name in left)
        say(f"replace these placeholders, which match nothing: {options_of}")
    for gap in gaps:
        say(gap)
    return ExitCode.PASS


def _has_subject(request: Request) -> bool:
    """Whether there is one to look up. Raises UsageError for more than one, and for options that need one."""
    given = options.subjects_in(request)
    if len(given) > 1:
        raise UsageError(f"name one subject (given: {' and '.join(given)})")
    require_effect(
        request.typed,
        (["--offline"], not request.files, "without FILES"),
        (["--container", "--profile"], not given, "without a subject: nothing is looked up"),
        (["--profile"], request.offline, "with --offline"),
    )
    return bool(given)


def _looked_up(request: Request, options: Scope, purpose: Purpose) -> tuple[Scope, list[str]]:
    """The scope of the subject, in which options take precedence, and what is unknown of it."""
    from gmsa_doctor.core import registry
    from gmsa_doctor.setup.iam.lookup import look_up

    looked_up = look_up(request, registry.load(), options, for_role=purpose is Purpose.EXECUTION_ROLE)
    found = looked_up.scope
    if purpose is Purpose.RUN:
        found = replace(found, log_groups=found.log_groups[:1])
    given = {field.name: value for field in fields(options) if (value := getattr(options, field.name)) != field.default}
    if "secrets" in given:
        found = replace(found, full_secrets=(), without_secret=False)
    if "log_groups" in given:
        found = replace(found, made_log_groups=())
    named = {_OPTIONS[name] for name in given if name in _OPTIONS}
    purposes = {
        "--repository": (Purpose.EXECUTION_ROLE,),
        "--execution-role": (Purpose.RUN, Purpose.DOCTOR),
        "--instance-role": (Purpose.RUN, Purpose.DOCTOR),
    }
    by_reason: dict[str, list[str]] = {}
    for gap in looked_up.gaps:
        if gap.option not in named and purpose in purposes.get(gap.option, Purpose):
            by_reason.setdefault(gap.reason, []).append(f"{gap.resource} ({gap.option})")
    return replace(found, **given), [f"unknown: {', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def _require_purpose(purposes: tuple[Purpose, ...], arguments: IamPolicyArguments, *names: str) -> None:
    """Raises UsageError for one of these options if the policy is for something else."""
    given = values_of(arguments)
    named = [f"--{name.replace('_', '-')}" for name in names if given[name]]
    if arguments.purpose not in purposes and named:
        raise UsageError(f"{' and '.join(named)}: has an effect only with --for {' or '.join(purposes)}; remove it")
