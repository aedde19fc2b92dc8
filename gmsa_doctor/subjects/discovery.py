"""The subjects that a request names, and AWS as far as it can be asked of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Thread

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.session import Aws, CredentialsProblem
from gmsa_doctor.clients.aws.sts import Sts
from gmsa_doctor.clients.aws.task_metadata import OwnTask
from gmsa_doctor.clients.files.file_search import Broken
from gmsa_doctor.core.errors import ClientError, TimedOut, UsageError
from gmsa_doctor.core.limits import within
from gmsa_doctor.core.model import Fix, skipped
from gmsa_doctor.given.compared import Intended
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.subjects import from_aws as subject
from gmsa_doctor.subjects import from_files as files
from gmsa_doctor.subjects import from_own_task as own_subject
from gmsa_doctor.subjects.compared_file import intended
from gmsa_doctor.subjects.from_aws import Found


@dataclass(frozen=True)
class SkippedFiles:
    """What was in the files beside subjects.

    Files that could not be read, with the reason; and how many task definitions have nothing of gMSA.
    """

    unread: tuple[tuple[str, str], ...] = ()
    passed_over: int = 0


OFFLINE = "--offline: nothing is sent anywhere"


@dataclass(frozen=True)
class AwsSession:
    """What the run speaks to AWS with, and who it is there."""

    clients: Mapping[type, object]
    account: str | None
    arn: str | None


def world_of(request: Request, own: OwnTask | None) -> tuple[tuple[Found, ...], AwsSession, SkippedFiles]:
    """The subjects, AWS, and the files that could not be read. Raises UsageError for what the user has to mend."""
    if request.in_files:
        return _find_in_files(request)
    try:
        return (*within(request.seconds, "AWS", lambda: _find(request, own)), SkippedFiles())
    except TimedOut as error:
        reason = skipped("AWS was not asked: it had not answered before")
        found = own_subject.unfound(own, request, error) if own else subject.unfound(request, error)
        return found, AwsSession(dict.fromkeys(AWS_CLIENTS, reason), None, None), SkippedFiles()


def _find(request: Request, own: OwnTask | None) -> tuple[tuple[Found, ...], AwsSession]:
    subject.require_names(request)
    region = own.region if own else request.region or _region_in(request)
    aws = Aws(request.profile, region)
    if not aws.region:
        raise UsageError("no AWS region is configured: give --region, or set AWS_REGION.")
    sts, ecs = Sts(aws), Ecs(aws)
    require_credentials(aws)
    Thread(target=_warm, args=(sts,), daemon=True).start()  # while ECS is asked
    place = AwsPlace(aws.region, None)
    meant = intended(request)
    found = own_subject.find(own, request, ecs, Ec2(aws)) if own else subject.from_aws(request, ecs, place)
    found = tuple(replace(one, values={**one.values, Intended: meant}) for one in found)
    return found, _world(aws, sts)


def _find_in_files(request: Request) -> tuple[tuple[Found, ...], AwsSession, SkippedFiles]:
    """Files need no AWS; with credentials and a region, what AWS can tell is asked as well."""
    aws = None if request.offline else Aws(request.profile, request.region)
    found, beside = _in_files(request, AwsPlace(aws.region if aws else request.region, None))
    if aws is None:
        return found, AwsSession(dict.fromkeys(AWS_CLIENTS, skipped(OFFLINE)), None, None), beside
    region = request.region or next((one.place.region for one in found if one.place.region), None)
    if region and region != aws.region:
        aws = Aws(request.profile, region)
    return found, _world_beside_files(aws, region, request), beside


def _in_files(request: Request, place: AwsPlace) -> tuple[tuple[Found, ...], SkippedFiles]:
    if request.task_definition_file:
        return subject.from_file(request, place), SkippedFiles()
    inside_them = files.find(request, place)
    return inside_them.found, SkippedFiles(tuple(map(_unread, inside_them.broken)), inside_them.passed_over)


def _unread(one: Broken) -> tuple[str, str]:
    """The file by its path alone, which is what CI systems look for."""
    where = f"line {one.position.line}, column {one.position.column}: " if one.position else ""
    return one.path, f"{where}{one.reason}"


def _world_beside_files(aws: Aws, region: str | None, request: Request) -> AwsSession:
    try:
        if not region:
            raise CredentialsProblem("no AWS region is known", Fix("Give --region, or set AWS_REGION."))
        if not aws.has_credentials():
            raise CredentialsProblem("there are no AWS credentials", Fix("Set AWS_PROFILE, or give --profile."))
        sts = Sts(aws)
        within(request.seconds / 2, "AWS", sts.caller)
    except CredentialsProblem as error:
        reason = skipped(f"AWS was not asked: {error.text}", fix=error.fix)
        return AwsSession(dict.fromkeys(AWS_CLIENTS, reason), None, None)
    except TimedOut:
        return AwsSession(_clients(aws, sts), None, None)
    except ClientError:
        pass  # who we are is not known; each check will tell what it cannot see
    return _world(aws, sts)


def require_credentials(aws: Aws) -> None:
    """Raises UsageError where none are configured, or they cannot be loaded."""
    try:
        if aws.has_credentials():
            return
    except CredentialsProblem as error:
        raise UsageError(f"{error.text}. {error.fix.text if error.fix else ''}") from error
    raise UsageError(
        "no AWS credentials are configured: set AWS_PROFILE, give --profile, or run `aws sso login`. "
        "A --task-definition-file can be checked without."
    )


def _warm(sts: Sts) -> None:
    try:
        sts.caller()
    except ClientError:
        return  # remembered, and told by whoever asks again


def _world(aws: Aws, sts: Sts) -> AwsSession:
    clients = _clients(aws, sts)
    try:
        who = sts.caller()
    except ClientError:
        return AwsSession(clients, None, None)
    return AwsSession(clients, who["Account"], who["Arn"])


def _clients(aws: Aws, sts: Sts) -> dict[type, object]:
    return {**{kind: kind(aws) for kind in AWS_CLIENTS}, Sts: sts}


def _region_in(request: Request) -> str | None:
    """The region that an ARN among the arguments names."""
    for text in (request.service, request.task_definition, request.cluster):
        match = re.match(r"arn:[^:]+:ecs:([^:]+):", text or "")
        if match:
            return match[1]
    return None
