"""The values that the checks of SQL Server hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString


@dataclass(frozen=True)
class SecretStrings:
    """The connection strings in the secrets and parameters that the container's variables come from."""

    strings: tuple[NamedString, ...]


@dataclass(frozen=True)
class ConnectionStrings:
    """The connection strings that can log on with the ticket in the cache; at least one."""

    strings: tuple[NamedString, ...]


@dataclass(frozen=True)
class RdsServer:
    """An RDS DB instance: its endpoint in the connection string, and the AD domain that it has joined.

    ``name``: its name in that domain; empty where RDS does not report it.
    """

    endpoint: str
    id: str
    domain: str
    name: str


@dataclass(frozen=True)
class RdsServers:
    """The RDS endpoints among the servers; on those in ``lost`` no logon with Windows authentication can work."""

    servers: tuple[RdsServer, ...]
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedInstance:
    """A SQL Server instance that is named without its port. ``port`` is None where it is unknown.

    ``lost``: SQL Server Browser reports no such instance, or one without TCP/IP.
    """

    host: str
    name: str
    port: int | None = None
    lost: bool = False


def key_of(string: ConnectionString) -> tuple[str, str]:
    """Host and instance of a connection string, in lower case."""
    return string.host.lower(), (string.instance or "").lower()


@dataclass(frozen=True)
class InstancePorts:
    """What SQL Server Browser reported about the instances that are named without their ports."""

    instances: tuple[NamedInstance, ...]

    def of(self, string: ConnectionString) -> NamedInstance | None:
        """The instance that the connection string names; None if it also names a port, or none was looked up."""
        if string.port is not None:
            return None
        return next((instance for instance in self.instances if (instance.host, instance.name) == key_of(string)), None)


@dataclass(frozen=True)
class SqlServer:
    """A SQL Server as the application names it. One of the SPNs must exist; the driver asks for the first one first.

    ``name`` is the connection string's. ``port`` is None for a named instance whose port is unknown.
    """

    name: str
    string: ConnectionString
    spns: tuple[str, ...]
    port: int | None = None


@dataclass(frozen=True)
class SqlServers:
    """SQL Servers whose names can be right; at least one."""

    servers: tuple[SqlServer, ...]


@dataclass(frozen=True)
class ServiceTickets:
    """The SPNs that the gMSA got a ticket for, and the tickets' encryption types (None: not seen)."""

    spns: tuple[str, ...]
    enctypes: tuple[int | None, ...] = ()

    def enctype_of(self, spn: str) -> int | None:
        """The encryption type of the ticket for the SPN, if it was seen."""
        return dict(zip(self.spns, self.enctypes, strict=False)).get(spn)
