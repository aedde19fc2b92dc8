"""What the user asks for, as data: the options of ``check``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Live(StrEnum):
    """Whether the live flow runs."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Fetcher(StrEnum):
    """A generation of Credentials Fetcher: the C++ daemon, or the Go rewrite that Fargate runs."""

    V1_3 = "1.3"
    V2 = "2"


@dataclass(frozen=True)
class Request:
    """A call of ``gmsa-doctor check``. Of the first three, one names the subject."""

    service: str | None = None
    task_definition: str | None = None
    task_definition_file: str | None = None
    cluster: str | None = None
    container: str | None = None
    region: str | None = None
    profile: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    fetcher: Fetcher | None = None
    live: Live = Live.AUTO
    dns_server: tuple[str, ...] = ()
    ad_dns: tuple[str, ...] = ()
    spns: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    fail_on_warning: bool = False
    seconds: float = 60.0
