"""What the user asks for, as data: the options of ``check``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString
from gmsa_doctor.given.admin_account import AdminAccount


class Live(StrEnum):
    """Whether the live flow runs."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class AppConfig(StrEnum):
    """Whether connection strings are looked for in the container's configuration, its secrets included."""

    AUTO = "auto"
    NEVER = "never"


@dataclass(frozen=True)
class Request:
    """A call of ``gmsa-doctor check``. The first four name the subject, one of them."""

    service: str | None = None
    task_definition: str | None = None
    task_definition_file: str | None = None
    files: tuple[str, ...] = ()
    """Files, directories and globs."""
    credspec_file: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    """Of CloudFormation templates."""
    compare_with: str | None = None
    """A file with what was meant to be registered."""
    pass_over: bool = False
    """Files that are none of ours are passed over, though they are named."""
    offline: bool = False
    """Nothing is sent anywhere, and no AWS configuration is read."""
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
    connection_strings: tuple[ConnectionString, ...] = ()
    app_config: AppConfig = AppConfig.NEVER
    ask_as: AdminAccount | None = None
    """The account that the AD is asked as, beside the secret's user."""
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    fail_on_warning: bool = False
    seconds: float = 60.0
    wait: float = 0.0
    """Seconds in which is looked again while what is wrong may be about to pass; no time limit of a look."""

    @property
    def in_files(self) -> bool:
        """Whether the subjects are in files that were given."""
        return bool(self.task_definition_file or self.files or self.credspec_file)
