"""What the checks of SQL Server find out and hand to each other."""

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

    ``name``: the one that it has in that domain; empty where RDS does not tell.
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
    """An instance of SQL Server that is named without its port. ``port`` is None where nobody tells it.

    ``lost``: its host says that there is no such instance, or none that is reached by TCP.
    """

    host: str
    name: str
    port: int | None = None
    lost: bool = False

    def is_of(self, string: ConnectionString) -> bool:
        """Whether the connection string names it."""
        return (self.host, self.name) == key_of(string)


def key_of(string: ConnectionString) -> tuple[str, str]:
    """Host and instance of a connection string, in lower case."""
    return string.host.lower(), (string.instance or "").lower()


@dataclass(frozen=True)
class InstancePorts:
    """What SQL Server Browser tells of the instances that are named without their ports."""

    instances: tuple[NamedInstance, ...]

    def of(self, string: ConnectionString) -> NamedInstance | None:
        """The instance that the connection string names; None where it names a port too, or none was asked for."""
        return next((one for one in self.instances if string.port is None and one.is_of(string)), None)


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
