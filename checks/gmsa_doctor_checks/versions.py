"""The status of a defect that only one generation of Credentials Fetcher, or one launch type, rejects."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from gmsa_doctor.authoring import Finding, Given, Result, ShowsAs
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform

T = TypeVar("T")
WINDOWS = "not checked: gmsa-doctor supports only Linux containers"
_NAMES = {Fetcher.V1_3: "1.3", Fetcher.V2: "2.x"}


def judge_by_launch_type(value: T, failure: Finding, platform: Platform, reason: str = "") -> Result[T]:
    """The failure on Fargate; otherwise the value with a warning that ends in ``reason``."""
    if platform.launch is Launch.FARGATE:
        return failure
    return Given(value, replace(failure.to_warning(reason), shows_as=None))


def judge_by_version(failure: Finding, stumbles: frozenset[Fetcher], platform: Platform) -> Finding:
    """A failure if every generation that may run there rejects it; otherwise a warning that names those that do."""
    failure = replace(failure, shows_as=_only(failure.shows_as, stumbles))
    if platform.fetchers <= stumbles:
        return failure
    reject, accept = (
        " and ".join(_NAMES[fetcher] for fetcher in Fetcher if (fetcher in stumbles) is rejects)
        for rejects in (True, False)
    )
    return failure.to_warning(f" (Credentials Fetcher {reject} rejects this; {accept} accepts it)")


def _only(shows: ShowsAs | None, stumbles: frozenset[Fetcher]) -> ShowsAs | None:
    return shows and replace(
        shows, v2=shows.v2 if Fetcher.V2 in stumbles else None, v1_3=shows.v1_3 if Fetcher.V1_3 in stumbles else None
    )
