"""What the checks of SQL Server find out and hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.connection_string import ConnectionString
from gmsa_doctor.formats.task_definition import NamedString


@dataclass(frozen=True)
class SecretStrings:
    """The connection strings in the secrets and parameters that variables of the container are made of."""

    strings: tuple[NamedString, ...]


@dataclass(frozen=True)
class ConnectionStrings:
    """Those that log on with the ticket in the cache; at least one."""

    strings: tuple[NamedString, ...]


@dataclass(frozen=True)
class RdsServer:
    """A DB instance of RDS: the endpoint in the connection string, and the AD domain that it has joined.

    ``name``: the one that it has in that domain; empty where RDS does not tell.
    """

    endpoint: str
    id: str
    domain: str
    name: str


@dataclass(frozen=True)
class RdsServers:
    """The endpoints of RDS among the servers."""

    servers: tuple[RdsServer, ...]


@dataclass(frozen=True)
class SqlServer:
    """A SQL Server as the application names it, and the SPNs of which one has to be there: the first is asked first."""

    name: str
    """Of the connection string."""
    string: ConnectionString
    spns: tuple[str, ...]


@dataclass(frozen=True)
class SqlServers:
    """SQL Servers whose names can be right; at least one."""

    servers: tuple[SqlServer, ...]


@dataclass(frozen=True)
class ServiceTickets:
    """The SPNs that the gMSA got a ticket for."""

    spns: tuple[str, ...]
