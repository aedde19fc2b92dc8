"""Options that several commands have, in groups, and how their values are read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Optional

import typer

from gmsa_doctor.cli.configured import take_configuration
from gmsa_doctor.cli.fields_as_parameters import values_of
from gmsa_doctor.cli.process import Format, standard_input
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.formats.sql_server import connection_string
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString, ConnectionStringError
from gmsa_doctor.given.request import AppConfig, Request

Many = Optional[list[str]]  # noqa: UP045 - typer before 0.16 reads annotations at run time


class FailOn(StrEnum):
    """The lowest status that makes the run fail."""

    FAIL = "fail"
    WARN = "warn"


def number(least: float, most: float, kind: type[int] | type[float] = float) -> Callable[[Any], float]:
    """A parser of numbers between two limits, with one clear message for anything else."""

    def parse(text: Any) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # also of nan
            raise typer.BadParameter(f"{text} is not a number from {least:g} to {most:g}")
        return value

    return parse


class SubnetMode(StrEnum):
    """In which subnets tasks are started."""

    EACH = "each"
    ONE = "one"


ImageOption: Any = typer.Option(
    metavar="IMAGE",
    envvar="GMSA_DOCTOR_IMAGE",
    help="gmsa-doctor's image. Default: the one published with this release, by its digest; without a release, "
    "gmsa-doctor:VERSION in the account's own ECR registry.",
)
FormatOption = Annotated[Format | None, typer.Option("--format", help="The format of the output.  [default: text]")]
JsonOption = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Files = Annotated[
    Many,
    typer.Argument(
        metavar="FILES",
        help="Task definitions, CloudFormation and SAM templates, cdk.out, Terraform plans, Compose files, CredSpecs; "
        "directories and globs of them; - reads standard input.",
    ),
]
Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report to a file instead.")]
TaskDefinitionFile = Annotated[str | None, typer.Option(metavar="FILE", hidden=True, help="The same as FILES.")]
Offline = Annotated[
    bool,
    typer.Option("--offline", rich_help_panel="AWS", help="Send nothing anywhere, and read no AWS configuration."),
]


@dataclass(frozen=True, kw_only=True)
class SubjectOptions:
    """Which registered subject."""

    PANEL: ClassVar = "Subject"
    services: Annotated[
        Many,
        typer.Option(
            "--service",
            metavar="NAME|ARN",
            help="An ECS service. check and iam-policy take several, and patterns such as 'web-*'.",
        ),
    ] = None
    cluster: Annotated[str | None, typer.Option(metavar="NAME|ARN", help="The cluster of the service.")] = None
    task_definition: Annotated[
        str | None, typer.Option(metavar="FAMILY[:REV]|ARN", help="A registered task definition.")
    ] = None
    schedule: Annotated[
        str | None,
        typer.Option(metavar="[GROUP/]NAME|ARN", help="The task that a schedule of EventBridge Scheduler starts."),
    ] = None
    rule: Annotated[
        str | None, typer.Option(metavar="[BUS/]NAME|ARN", help="The tasks that an EventBridge rule starts.")
    ] = None
    state_machine: Annotated[
        str | None, typer.Option(metavar="NAME|ARN", help="The tasks that a Step Functions state machine starts.")
    ] = None
    container: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this container of the task definition.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class AwsOptions:
    """With which AWS configuration."""

    PANEL: ClassVar = "AWS"
    region: Annotated[str | None, typer.Option(metavar="REGION", help="The AWS region.")] = None
    profile: Annotated[str | None, typer.Option(metavar="PROFILE", help="The AWS profile.")] = None


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Where the tasks run."""

    PANEL: ClassVar = "Network"
    subnets: Annotated[Many, typer.Option(metavar="ID[,ID]", help="The task's subnets, if no --service is given.")] = (
        None
    )
    security_groups: Annotated[
        Many, typer.Option(metavar="ID[,ID]", help="The task's security groups; requires --subnets.")
    ] = None
    ad_dns: Annotated[
        Many, typer.Option(metavar="IP[,IP]", help="The AD's DNS servers, to compare the DHCP options with.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ApplicationOptions:
    """The servers that the application logs on to."""

    PANEL: ClassVar = "Application"
    spns: Annotated[
        Many,
        typer.Option(
            "--spn",
            metavar="SPN",
            help="Also get a service ticket for it, such as MSSQLSvc/db.corp.example:1433.",
        ),
    ] = None
    connection_string: Annotated[
        Many,
        typer.Option(
            metavar="TEXT",
            help="A connection string of the application for SQL Server (.NET, ODBC, JDBC, Go, SQLAlchemy), to be "
            "checked. With -, it is read from standard input.",
        ),
    ] = None
    app_config: Annotated[
        AppConfig, typer.Option(help="auto: also look for it in the container's environment and secrets.")
    ] = AppConfig.NEVER


@dataclass(frozen=True, kw_only=True)
class SelectionOptions:
    """Which checks run, and which findings make the run fail."""

    PANEL: ClassVar = "Selection"
    only: Annotated[Many, typer.Option(metavar="ID|AREA", help="Run only these checks, and those they require.")] = None
    skip: Annotated[Many, typer.Option(metavar="ID|AREA", help="Skip these checks.")] = None
    require: Annotated[
        Many, typer.Option(metavar="ID|AREA", help="Exit with 3 if one of these checks was skipped.")
    ] = None
    fail_on: Annotated[FailOn, typer.Option(help="The lowest status that makes the run fail.")] = FailOn.FAIL
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            is_eager=True,
            callback=take_configuration,
            help="The configuration, instead of the nearest gmsa-doctor.toml or pyproject.toml.",
        ),
    ] = None
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A JSON report of an earlier run: only new failures make the run fail."),
    ] = None


def is_json(format: Format | None, json: bool) -> bool:
    """Whether JSON is asked for. Raises UsageError for two options that say which format."""
    if json and format:
        raise UsageError("--format has no effect with --json; remove it")
    return json or format is Format.JSON


def request_of(arguments: object, **values: Any) -> Request:
    """The request of a command's arguments, by the names of its fields; ``values`` win over those."""
    given = values_of(arguments)
    names = {field.name for field in fields(Request)} & {name for name, value in given.items() if value is not None}
    copied = {name: items(given[name]) if isinstance(given[name], list) else given[name] for name in names}
    return Request(**{**copied, "fail_on_warning": given.get("fail_on") is FailOn.WARN, **values})


def subjects_in(request: Request) -> list[str]:
    """The options and arguments that name a subject, other than a task."""
    subjects = {
        "--service": request.services,
        "--task-definition": request.task_definition,
        "--schedule": request.schedule,
        "--rule": request.rule,
        "--state-machine": request.state_machine,
        "FILES": request.files,
    }
    return [name for name, value in subjects.items() if value]


def items(values: list[str] | None) -> tuple[str, ...]:
    """Options that may be repeated and may hold several items with commas between."""
    parts = (item.strip() for value in values or () for item in value.split(","))
    return tuple(dict.fromkeys(item for item in parts if item))


def require_one_service(request: Request, command: str) -> None:
    """Raises UsageError for several services, or a pattern, where a command is about one."""
    if request.services and not request.service:
        names = ", ".join(request.services)
        raise UsageError(f"--service {names}: {command} is about one service; `gmsa-doctor check` takes several")


def require_addresses(option: str, addresses: tuple[str, ...]) -> None:
    """Raises UsageError for one that is no IP address."""
    from ipaddress import ip_address

    for address in addresses:
        try:
            ip_address(address)
        except ValueError as error:
            raise UsageError(f"{option} {address}: give the IP address of a DNS server, without a port") from error


def require_spns(spns: tuple[str, ...]) -> None:
    """Raises UsageError for one that no SPN can be."""
    for spn in spns:
        if not re.fullmatch(r"[^/@\s]+/[^/@\s]+(/[^/@\s]+)?", spn):
            raise UsageError(f"--spn {spn}: give service/host[:port], such as MSSQLSvc/db.corp.example:1433")


def with_connection_strings(request: Request, values: list[str] | None) -> Request:
    """The request with those of the option, read; ``-``: standard input, one a line. Raises UsageError."""
    found: dict[ConnectionString, None] = {}
    unreadable: dict[str, None] = {}
    for value in values or ():
        lines = standard_input().splitlines() if value == "-" else [value]
        texts = [line for line in lines if line.strip()]
        if not texts:
            raise UsageError("--connection-string: give the text, or - and the text on standard input")
        for text in texts:
            try:
                found[connection_string.parse(text)] = None
            except ConnectionStringError as error:  # shows nothing of the text
                unreadable[str(error)] = None
    return replace(request, connection_strings=tuple(found), unreadable_strings=tuple(unreadable))
