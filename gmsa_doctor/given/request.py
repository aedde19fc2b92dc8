"""The options of ``gmsa-doctor check``, as data, and values that come from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.formats.aws.ecs_config import EcsConfig
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString
from gmsa_doctor.given.subject import Launch


class Live(StrEnum):
    """Whether the live flow runs."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class AppConfig(StrEnum):
    """Whether the container's environment and secrets are searched for connection strings."""

    AUTO = "auto"
    NEVER = "never"


@dataclass(frozen=True)
class AdminAccount:
    """The account of ``--as``, which makes LDAP queries in addition to the secret's user.

    It is in the secret's domain; ``user`` is its sAMAccountName. It has a password or the content of a keytab.
    """

    user: str
    password: Hidden[str] = field(default_factory=lambda: Hidden(""))
    keytab: Hidden[bytes] | None = None


@dataclass(frozen=True)
class Request:
    """A call of ``gmsa-doctor check``.

    The services, the task definition, the files or a task name the subjects; a cluster alone stands for its services.
    """

    services: tuple[str, ...] = ()
    """Names, ARNs, or patterns of names such as ``web-*``."""
    all_clusters: bool = False
    """Search every cluster of the region for the services."""
    task_definition: str | None = None
    schedule: str | None = None
    rule: str | None = None
    state_machine: str | None = None
    files: tuple[str, ...] = ()
    """Files, directories and globs; ``-`` is standard input."""
    credspec_file: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    """CloudFormation parameters."""
    compare_with: str | None = None
    """A file with the task definition as intended."""
    pass_over: bool = False
    """Ignore files without gMSA configuration, even if named explicitly."""
    offline: bool = False
    """Send no network requests, and read no AWS configuration."""
    task: str | None = None
    """The ARN or id of a task of the service, or of any task."""
    logs: bool = False
    """Search the containers' logs for known error texts."""
    cluster: str | None = None
    container: str | None = None
    region: str | None = None
    profile: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False
    launch_type: Launch | None = None
    """Where the task runs, if its task definition fits several launch types."""
    fetcher: Fetcher | None = None
    ecs_config: EcsConfig = field(default_factory=EcsConfig)
    """The container instances' ecs.config."""
    live: Live = Live.AUTO
    dns_server: tuple[str, ...] = ()
    ad_dns: tuple[str, ...] = ()
    spns: tuple[str, ...] = ()
    connection_strings: tuple[ConnectionString, ...] = ()
    unreadable_strings: tuple[str, ...] = ()
    """Why others that were given cannot be read."""
    app_config: AppConfig = AppConfig.NEVER
    ask_as: AdminAccount | None = None
    """The account for LDAP queries, in addition to the secret's user."""
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    fail_on_warning: bool = False
    seconds: float = 60.0
    wait: float = 0.0
    """How long to retry while the failure may be temporary. Does not limit a single attempt."""
    max_rate: float | None = None
    """Requests a second to each AWS service at most, if fewer than usual."""
    watch: float = 0.0
    """How long to follow the service's deployment before it is checked."""
    typed: frozenset[str] = frozenset()
    """The options of the command line, such as ``--fetcher``: one of these without an effect is an error."""

    @property
    def in_files(self) -> bool:
        """Whether the subjects are files."""
        return bool(self.files or self.credspec_file)

    @property
    def service(self) -> str | None:
        """The service, if the request names exactly one."""
        is_one = len(self.services) == 1 and not self.all_clusters and not is_pattern(self.services[0])
        return self.services[0] if is_one else None

    @property
    def of_services(self) -> bool:
        """Whether the subjects are services."""
        if self.services or self.all_clusters:
            return True
        return bool(self.cluster) and not (self.task_definition or self.starter or self.task or self.in_files)

    @property
    def of_several(self) -> bool:
        """Whether the subjects are services that may be several, and that have to be searched for."""
        return self.of_services and self.service is None

    @property
    def starter(self) -> tuple[str, str] | None:
        """The option that names what starts the task, with its value: a schedule, a rule or a state machine."""
        options = {"--schedule": self.schedule, "--rule": self.rule, "--state-machine": self.state_machine}
        return next(((option, value) for option, value in options.items() if value), None)

    @property
    def is_registered(self) -> bool:
        """Whether an option names a subject in AWS."""
        return bool(self.of_services or self.task_definition or self.starter or self.task)


def is_pattern(name: str) -> bool:
    """Whether the name of a service is a pattern, which may match several."""
    return any(sign in name for sign in "*?[")


@dataclass(frozen=True)
class ApplicationConfig:
    """Connection strings of the application from the command line.

    ``search`` (``--app-config auto``): also read the container's environment, and the secrets that it references.
    """

    strings: tuple[ConnectionString, ...] = ()
    search: bool = False
    unreadable: tuple[str, ...] = ()
    """Why others that were given cannot be read."""

    def __bool__(self) -> bool:
        return bool(self.strings) or self.search or bool(self.unreadable)


@dataclass(frozen=True)
class Intended:
    """The task definitions in the file of ``--compare-with``."""

    file: str
    definitions: tuple[TaskDefinition, ...]

    def of(self, family: str | None) -> TaskDefinition | None:
        """The task definition of a family. A file's only task definition matches any family."""
        found = [definition for definition in self.definitions if definition.family == family] or self.definitions
        return found[0] if len(found) == 1 else None
