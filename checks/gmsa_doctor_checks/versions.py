"""What a defect is worth that only one generation of Credentials Fetcher stumbles over."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, ShowsAs, Status
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Platform

_NAMES = {Fetcher.V1_3: "1.3", Fetcher.V2: "2.x"}


def judge_by_version(failure: Finding, stumbles: frozenset[Fetcher], platform: Platform) -> Finding:
    """A failure if every generation that may run there refuses; else a warning that says which does."""
    if platform.fetchers <= stumbles:
        return replace(failure, shows_as=_only(failure.shows_as, stumbles))
    refuse = " and ".join(_NAMES[one] for one in Fetcher if one in stumbles)
    accept = " and ".join(_NAMES[one] for one in Fetcher if one not in stumbles)
    return replace(
        failure,
        status=Status.WARN,
        summary=f"{failure.summary} (Credentials Fetcher {refuse} refuses that; {accept} accepts it)",
        shows_as=_only(failure.shows_as, stumbles),
    )


def _only(shows: ShowsAs | None, stumbles: frozenset[Fetcher]) -> ShowsAs | None:
    if shows is None:
        return None
    return replace(
        shows,
        v2=shows.v2 if Fetcher.V2 in stumbles else None,
        v1_3=shows.v1_3 if Fetcher.V1_3 in stumbles else None,
    )
