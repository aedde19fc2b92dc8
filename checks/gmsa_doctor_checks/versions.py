"""The status of a defect that only one generation of Credentials Fetcher, or one launch type, rejects."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from gmsa_doctor.authoring import Finding, Fix, Given, Result, Status, skipped
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform

T = TypeVar("T")
WINDOWS = "not checked: gmsa-doctor supports only Linux containers"


def judge_by_launch_type(value: T, failure: Finding, platform: Platform, reason: str = "") -> Result[T]:
    """The failure on Fargate; otherwise the value with a warning that ends in ``reason``."""
    if platform.launch is Launch.FARGATE:
        return failure
    return Given(value, replace(failure.to_warning(reason), shows_as=None))


FARGATE_ONLY = " (applies to Fargate only; the launch type is unknown)"
_EC2_ONLY = " (applies to EC2 only; the launch type is unknown)"
LAUNCH_UNKNOWN = skipped(
    "the launch type is unknown: the task definition is compatible with several", fix=Fix("Set --launch-type.")
)


def failed_on_fargate(finding: Finding, platform: Platform) -> Finding:
    """A failure as a warning if the launch type is unknown."""
    return finding if platform.launch else finding.to_warning(FARGATE_ONLY)


def on_ec2(finding: Finding, platform: Platform) -> Finding:
    """A failure or a warning about container instances, as a warning with the doubt if the launch type is unknown."""
    if platform.launch or finding.status not in (Status.FAIL, Status.WARN):
        return finding
    return replace(finding.to_warning(), summary=f"{finding.summary}{_EC2_ONLY}")


def may_run_on_fargate(platform: Platform, definition: TaskDefinition) -> bool:
    """Whether the task runs on Fargate, or may do so since the launch type is unknown."""
    compatible = definition.requires_compatibilities
    unknown = platform.launch is None and (not compatible or Launch.FARGATE in compatible)
    return platform.launch is Launch.FARGATE or unknown


def judge_by_version(failure: Finding, stumbles: frozenset[Fetcher], platform: Platform) -> Finding:
    """A failure if every generation that may run there rejects it; otherwise a warning that names those that do."""
    if shows := failure.shows_as:
        v2, v1_3 = (
            text if fetcher in stumbles else None
            for text, fetcher in ((shows.v2, Fetcher.V2), (shows.v1_3, Fetcher.V1_3))
        )
        failure = replace(failure, shows_as=replace(shows, v2=v2, v1_3=v1_3))
    if platform.fetchers <= stumbles:
        return failure
    reject, accept = (
        " and ".join(fetcher.series for fetcher in Fetcher if (fetcher in stumbles) is rejects)
        for rejects in (True, False)
    )
    return failure.to_warning(f" (Credentials Fetcher {reject} rejects this; {accept} accepts it)")
