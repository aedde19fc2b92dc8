"""Options that several commands have, in groups, and how their values are read."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from gmsa_doctor.cli.configured import take_configuration
from gmsa_doctor.cli.fields_as_parameters import values_of
from gmsa_doctor.cli.process import standard_input
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.formats.sql_server import connection_string
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString, ConnectionStringError
from gmsa_doctor.given.request import AppConfig, Request

Many = Optional[list[str]]  # noqa: UP045 - typer before 0.16 reads annotations at run time


class FailOn(StrEnum):
    """From which status on the run fails."""

    FAIL = "fail"
    WARN = "warn"


Container = Annotated[str | None, typer.Option(help="Judge this container only.")]
Region = Annotated[str | None, typer.Option(help="The AWS region.")]
Profile = Annotated[str | None, typer.Option(help="The AWS profile.")]
Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report to a file instead.")]
TaskDefinitionFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The JSON of register- or describe-task-definition; - reads standard input."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Send nothing anywhere, and read no AWS configuration.")]


@dataclass(frozen=True, kw_only=True)
class SubjectOptions:
    """Which registered subject."""

    service: Annotated[str | None, typer.Option(help="An ECS service, by name or ARN.")] = None
    cluster: Annotated[str | None, typer.Option(help="Its cluster, by name or ARN.")] = None
    task_definition: Annotated[
        str | None, typer.Option(metavar="FAMILY[:REV]|ARN", help="A registered task definition.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class AwsOptions:
    """Which container, and with which AWS configuration."""

    container: Container = None
    region: Region = None
    profile: Profile = None


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Where the tasks run."""

    subnets: Annotated[Many, typer.Option(metavar="ID[,ID…]", help="The task's subnets, where no service tells.")] = (
        None
    )
    security_groups: Annotated[
        Many, typer.Option(metavar="ID[,ID…]", help="The task's security groups, where no service tells.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ApplicationOptions:
    """What the user tells of the AD and the application."""

    ad_dns: Annotated[
        Many, typer.Option(metavar="IP[,IP]", help="The AD's DNS servers, to compare the DHCP options with.")
    ] = None
    spns: Annotated[
        Many,
        typer.Option("--spn", metavar="SPN", help="Get a service ticket too, such as MSSQLSvc/db.corp.example:1433."),
    ] = None
    connection_string: Annotated[
        Many,
        typer.Option(
            metavar="TEXT",
            help="How the application connects to SQL Server (.NET, ODBC, JDBC, SQLAlchemy); - reads standard input.",
        ),
    ] = None
    app_config: Annotated[
        AppConfig, typer.Option(help="auto: look for it in the container's environment and secrets too.")
    ] = AppConfig.NEVER


@dataclass(frozen=True, kw_only=True)
class SelectionOptions:
    """Which checks, and what is made of their findings."""

    only: Annotated[Many, typer.Option(metavar="ID|AREA", help="Only these checks, and what they need.")] = None
    skip: Annotated[Many, typer.Option(metavar="ID|AREA", help="Not these checks.")] = None
    require: Annotated[
        Many, typer.Option(metavar="ID|AREA", help="Incomplete (exit code 3) if one of these was skipped.")
    ] = None
    fail_on: Annotated[FailOn, typer.Option(help="The status from which on the run fails.")] = FailOn.FAIL
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            is_eager=True,
            callback=take_configuration,
            help="The configuration, in place of the nearest gmsa-doctor.toml or pyproject.toml.",
        ),
    ] = None
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A JSON report of an earlier run: only what is new since then fails."),
    ] = None


def request_of(arguments: object, **values: Any) -> Request:
    """The request of a command's arguments, by the names of its fields; ``values`` win over those."""
    given = values_of(arguments)
    names = {field.name for field in fields(Request)} & {name for name, value in given.items() if value is not None}
    copied = {name: items(given[name]) if isinstance(given[name], list) else given[name] for name in names}
    return Request(**{**copied, "fail_on_warning": given.get("fail_on") is FailOn.WARN, **values})


def items(values: list[str] | None) -> tuple[str, ...]:
    """Options that may be repeated and may hold several items with commas between."""
    parts = (item.strip() for value in values or () for item in value.split(","))
    return tuple(dict.fromkeys(item for item in parts if item))


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


def connection_strings(values: list[str] | None) -> tuple[ConnectionString, ...]:
    """Those of the option, read; ``-``: standard input, one a line. Raises UsageError, which shows nothing of them."""
    found: list[ConnectionString] = []
    for value in values or ():
        lines = standard_input().splitlines() if value == "-" else [value]
        texts = [line for line in lines if line.strip()]
        if not texts:
            raise UsageError("--connection-string: give the text, or - and the text on standard input")
        found += map(_connection_string, texts)
    return tuple(dict.fromkeys(found))


def _connection_string(text: str) -> ConnectionString:
    try:
        return connection_string.parse(text)
    except ConnectionStringError as error:
        raise UsageError(
            f"--connection-string: {error}; give it as the application has it, such as "
            '"Server=db.corp.example,1433;Database=app;Integrated Security=true"'
        ) from None
