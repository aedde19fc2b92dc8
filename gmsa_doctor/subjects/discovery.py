"""Finds the subjects of a request, and makes the AWS clients to check them with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.session import Aws, CredentialsProblem
from gmsa_doctor.clients.aws.sessions import AwsSessions
from gmsa_doctor.clients.aws.sts import Sts
from gmsa_doctor.clients.aws.task_metadata import OwnTask
from gmsa_doctor.clients.aws.task_starters import TaskStarters
from gmsa_doctor.core.errors import ClientError, TimedOut, UsageError
from gmsa_doctor.core.limits import RunLimit, in_background, within
from gmsa_doctor.core.model import Finding, Fix, skipped
from gmsa_doctor.given.request import Intended, Request
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor.subjects import files, one_task, own_task, registered, services, started
from gmsa_doctor.subjects.source import OFFLINE, FoundSubject, NotChecked

_NO_AWS = "AWS not checked:"


@dataclass(frozen=True)
class AwsSession:
    """The AWS clients of a run, and the account and ARN of the caller.

    ``problem``: why the caller is not known.
    """

    clients: dict[type, object]
    account: str | None = None
    arn: str | None = None
    problem: Finding | None = None


@dataclass(frozen=True)
class Discovery:
    """The subjects, the AWS session, and what was found and not checked."""

    subjects: tuple[FoundSubject, ...]
    aws: AwsSession
    not_checked: NotChecked = field(default_factory=NotChecked)


def discover(
    request: Request, task: OwnTask | None, sessions: AwsSessions | None = None, limit: RunLimit | None = None
) -> Discovery:
    """Find the subjects of a request; files are read until ``limit``. Raises UsageError for what the user must fix."""
    known = sessions or AwsSessions()
    if request.in_files:
        return _with_fetcher(request, _in_files(request, known, limit))
    try:
        return _with_fetcher(request, within(request.seconds, "AWS", lambda: _in_aws(request, task, known)))
    except ClientError as error:  # no answer in time, or one that is not from AWS
        subjects = own_task.unfound(task, request, error) if task else registered.unfound(request, error)
        reason = "timed out" if isinstance(error, TimedOut) else "failed"
        return Discovery(subjects, _without_aws(skipped(f"AWS calls skipped after the first one {reason}")))


def _with_fetcher(request: Request, found: Discovery) -> Discovery:
    """Raises UsageError for a ``--fetcher`` or ``--ecs-config`` where all tasks run on Fargate."""
    platforms = [subject.values.get(Platform) for subject in found.subjects]
    on_fargate = [isinstance(platform, Platform) and platform.launch is Launch.FARGATE for platform in platforms]
    if on_fargate and all(on_fargate):
        if "--fetcher" in request.typed:
            raise UsageError("--fetcher has no effect on Fargate, which chooses the version itself; remove it")
        if request.ecs_config.given:
            raise UsageError("--ecs-config has no effect on Fargate, which has no such file; remove it")
    return found


def session_of(request: Request, task: OwnTask | None = None, sessions: AwsSessions | None = None) -> Aws:
    """The session for a request about a registered subject. Raises UsageError without a region or credentials."""
    registered.require_names(request)
    aws = (sessions or AwsSessions()).of(
        request.profile, task.region if task else request.region or _region_in(request)
    )
    if not aws.region:
        raise UsageError("no AWS region is configured: add --region, or set AWS_REGION.")
    require_credentials(aws)
    return aws


def _in_aws(request: Request, task: OwnTask | None, sessions: AwsSessions) -> Discovery:
    aws = session_of(request, task, sessions)
    sts, ecs = Sts(aws), Ecs(aws)
    in_background(sts.caller)  # at the same time as the calls to ECS
    compared = files.compared_definitions(request) or skipped("no file to compare with (--compare-with)")
    try:
        not_checked, place = NotChecked(), AwsPlace(aws.region, None)
        if task:
            subjects = own_task.find(task, request, ecs, Ec2(aws))
        elif request.starter:
            account = _account(sts) if request.state_machine else None  # for its ARN
            subjects = started.find(request, TaskStarters(aws), ecs, replace(place, account=account))
        elif request.of_several:
            subjects, not_checked = services.find(request, ecs, place)
        else:
            is_task = request.task and not (request.of_services or request.task_definition)
            subjects = (one_task if is_task else registered).find(request, ecs, place)
        session = _session(aws, sts, ecs)
    except CredentialsProblem as error:
        raise _usage_error(error) from error
    with_compared = (replace(subject, values={**subject.values, Intended: compared}) for subject in subjects)
    return Discovery(tuple(with_compared), session, not_checked)


def _account(sts: Sts) -> str | None:
    """None if STS does not answer. Raises CredentialsProblem."""
    try:
        return sts.caller().get("Account")
    except CredentialsProblem:
        raise
    except ClientError:
        return None


def _in_files(request: Request, sessions: AwsSessions, limit: RunLimit | None) -> Discovery:
    """Files need no AWS. With credentials and a region, checks that call AWS run as well."""
    aws = None if request.offline else sessions.of(request.profile, request.region)
    place = AwsPlace(aws.region if aws else request.region, None)
    subjects, not_checked = files.find(request, place, limit)
    if aws is None:
        return Discovery(subjects, _without_aws(skipped(OFFLINE)), not_checked)
    region = request.region or next((subject.place.region for subject in subjects if subject.place.region), None)
    if region and region != aws.region:
        aws = sessions.of(request.profile, region)
    return Discovery(subjects, _session_for_files(aws, region, request), not_checked)


def _session_for_files(aws: Aws, region: str | None, request: Request) -> AwsSession:
    if not region:
        return _without_aws(skipped(f"{_NO_AWS} no AWS region is known", fix=Fix("Add --region, or set AWS_REGION.")))
    try:
        if not aws.has_credentials():
            fix = Fix("Set AWS_PROFILE, or add --profile.")
            return _without_aws(skipped(f"{_NO_AWS} there are no AWS credentials", fix=fix))
        sts = Sts(aws)
        within(request.seconds / 2, "AWS", sts.caller)
    except CredentialsProblem as error:
        renew = error.fix or Fix("")
        fixed = replace(renew, text=f"{renew.text} To check the files alone, add --offline.".lstrip())
        return _without_aws(replace(error.finding(), summary=f"{_NO_AWS} {error.text}", fix=fixed))
    except TimedOut as error:
        return AwsSession(_clients(aws, sts), problem=error.finding())
    except ClientError:
        pass  # the caller is unknown; each check reports which calls fail
    return _session(aws, sts)


def require_credentials(aws: Aws) -> None:
    """Raises UsageError if no credentials are configured, or if they cannot be loaded."""
    try:
        if aws.has_credentials():
            return
    except CredentialsProblem as error:
        raise _usage_error(error) from error
    raise UsageError(
        "no AWS credentials are configured: set AWS_PROFILE, add --profile, or run `aws sso login`. "
        "Files can be checked without credentials (--offline)."
    )


def _usage_error(error: CredentialsProblem) -> UsageError:
    return UsageError(f"{error.text}. {error.fix.text if error.fix else ''}")


def _session(aws: Aws, sts: Sts, *others: Ecs) -> AwsSession:
    """The clients of a run. Those that were used already have their answers. Raises CredentialsProblem."""
    try:
        caller = sts.caller()
    except CredentialsProblem:
        raise
    except ClientError as error:
        return AwsSession(_clients(aws, sts, *others), problem=error.finding())
    return AwsSession(_clients(aws, sts, *others), caller.get("Account"), caller.get("Arn"))


def _without_aws(reason: Finding) -> AwsSession:
    return AwsSession(dict.fromkeys(AWS_CLIENTS, reason))


def _clients(aws: Aws, *used: Sts | Ecs) -> dict[type, object]:
    return {**{kind: kind(aws) for kind in AWS_CLIENTS}, **{type(client): client for client in used}}


def _region_in(request: Request) -> str | None:
    """The region in the first ARN among the arguments."""
    starter = request.starter and request.starter[1]
    for text in (*request.services, request.task_definition, starter, request.task, request.cluster):
        match = re.match(r"arn:[^:]+:(?:ecs|scheduler|events|states):([^:]+):", text or "")
        if match:
            return match[1]
    return None
