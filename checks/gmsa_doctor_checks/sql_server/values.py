"""The values that the checks of SQL Server give each other."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString


@dataclass(frozen=True)
class SecretStrings:
    """The connection strings in the secrets and parameters that variables of the container are made of."""

    strings: tuple[NamedString, ...]


@dataclass(frozen=True)
class ConnectionStrings:
    """Those that can log on with the ticket in the cache; at least one."""

    strings: tuple[NamedString, ...]


@dataclass(frozen=True)
class RdsServer:
    """A DB instance of RDS: the endpoint in the connection string, and the AD domain that it has joined.

    ``name``: the one that it has in that domain; empty where RDS does not report it.
    """

    endpoint: str
    id: str
    domain: str
    name: str


@dataclass(frozen=True)
class RdsServers:
    """The endpoints of RDS among the servers; ``lost`` are those where no logon of the AD can work."""

    servers: tuple[RdsServer, ...]
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedInstance:
    """An instance of SQL Server that is named without its port. ``port`` is None where it is not known.

    ``lost``: its host says that there is no such instance, or none that is reached by TCP.
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
    """What SQL Server Browser answered about the instances that are named without their ports."""

    instances: tuple[NamedInstance, ...]

    def of(self, string: ConnectionString) -> NamedInstance | None:
        """The instance that the connection string names; None where it names a port too, or none was asked for."""
        if string.port is not None:
            return None
        return next((found for found in self.instances if (found.host, found.name) == key_of(string)), None)


@dataclass(frozen=True)
class SqlServer:
    """A SQL Server as the application names it, and the SPNs of which one has to be there: the first is asked first.

    ``port`` is None for a named instance whose port is not known.
    """

    name: str
    """Of the connection string."""
    string: ConnectionString
    spns: tuple[str, ...]
    port: int | None = None


@dataclass(frozen=True)
class SqlServers:
    """SQL Servers whose names can be right; at least one."""

    servers: tuple[SqlServer, ...]


@dataclass(frozen=True)
class ServiceTickets:
    """The SPNs that the gMSA got a ticket for."""

    spns: tuple[str, ...]
