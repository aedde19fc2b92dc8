"""Options that several commands have, and how their values are read."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from gmsa_doctor.cli.process import Color, Format, standard_input
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.formats.sql_server import connection_string
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString, ConnectionStringError
from gmsa_doctor.given.request import AppConfig

Many = Optional[list[str]]  # noqa: UP045 - typer before 0.16 reads annotations at run time


class FailOn(StrEnum):
    """From which status on the run fails."""

    FAIL = "fail"
    WARN = "warn"


Service = Annotated[str | None, typer.Option(help="An ECS service, by name or ARN.")]
Cluster = Annotated[str | None, typer.Option(help="Its cluster, by name or ARN.")]
TaskDefinition = Annotated[str | None, typer.Option(metavar="FAMILY[:REV]|ARN", help="A registered task definition.")]
Container = Annotated[str | None, typer.Option(help="Judge this container only.")]
Region = Annotated[str | None, typer.Option(help="The AWS region.")]
Profile = Annotated[str | None, typer.Option(help="The AWS profile.")]
Subnets = Annotated[Many, typer.Option(metavar="ID[,ID…]", help="The task's subnets, where no service tells.")]
SecurityGroups = Annotated[
    Many, typer.Option(metavar="ID[,ID…]", help="The task's security groups, where no service tells.")
]
AdDns = Annotated[Many, typer.Option(metavar="IP[,IP]", help="The AD's DNS servers, to compare the DHCP options with.")]
Spn = Annotated[
    Many, typer.Option(metavar="SPN", help="Get a service ticket too, such as MSSQLSvc/db.corp.example:1433.")
]
ConnectionStrings = Annotated[
    Many,
    typer.Option(
        "--connection-string",
        metavar="TEXT",
        help="How the application connects to SQL Server (.NET, ODBC, JDBC, SQLAlchemy); - reads standard input.",
    ),
]
FindStrings = Annotated[
    AppConfig, typer.Option("--app-config", help="auto: look for it in the container's environment and secrets too.")
]
Only = Annotated[Many, typer.Option(metavar="ID|AREA", help="Only these checks, and what they need.")]
Skip = Annotated[Many, typer.Option(metavar="ID|AREA", help="Not these checks.")]
Require = Annotated[Many, typer.Option(metavar="ID|AREA", help="Incomplete (exit code 3) if one of these was skipped.")]
FailOnOption = Annotated[FailOn, typer.Option(help="The status from which on the run fails.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the report is written.")]
Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report to a file instead.")]
ColorOption = Annotated[Color, typer.Option(help="When to colour the text.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show all findings in full.")]


def items(values: list[str] | None) -> tuple[str, ...]:
    """Options that may be repeated and may hold several items with commas between."""
    parts = (item.strip() for value in values or () for item in value.split(","))
    return tuple(dict.fromkeys(item for item in parts if item))


def require_addresses(option: str, addresses: tuple[str, ...]) -> None:
    """Raises UsageError for one that is no IP address."""
    from ipaddress import ip_address

    for one in addresses:
        try:
            ip_address(one)
        except ValueError as error:
            raise UsageError(f"{option} {one}: give the IP address of a DNS server, without a port") from error


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
