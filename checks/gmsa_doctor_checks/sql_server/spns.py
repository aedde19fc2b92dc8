"""Who has an SPN of SQL Server, asked of the directory."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.ldap.directory import Directory, Entry, escape_filter
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT, ConnectionString, Form

DISABLED = 0x2
"""ADS_UF_ACCOUNTDISABLE of userAccountControl. Source: MS-ADTS 2.2.16."""
RC4, AES = 0x4, 0x18
"""Bits of msDS-SupportedEncryptionTypes. Source: MS-KILE 2.2.7."""

PREFIX = "MSSQLSvc/"
_ATTRIBUTES = ("sAMAccountName", "servicePrincipalName", "userAccountControl", "msDS-SupportedEncryptionTypes")


@dataclass(frozen=True)
class Holder:
    """An account with SPNs of SQL Server. ``rc4_only``: it says itself that it takes no AES."""

    account: str
    dn: str
    enabled: bool
    rc4_only: bool
    spns: tuple[str, ...]

    def has(self, spn: str) -> bool:
        """Whether it has that SPN; the AD compares without case."""
        return spn.lower() in {one.lower() for one in self.spns}

    def of_host(self, host: str) -> tuple[str, ...]:
        """Its SPNs for that host, whatever follows the host's name."""
        return tuple(one for one in self.spns if host_of(one).lower() == host.lower())


def host_of(spn: str) -> str:
    """The host in ``MSSQLSvc/host[:port]``."""
    return spn.partition("/")[2].partition(":")[0]


def holders_of(directory: Directory, base: str, hosts: tuple[str, ...]) -> tuple[Holder, ...]:
    """The accounts below ``base`` that have an SPN of SQL Server for one of these hosts."""
    parts = "".join(f"(servicePrincipalName={PREFIX}{escape_filter(one)}*)" for one in hosts)
    found = map(_holder, directory.search(base, f"(|{parts})", _ATTRIBUTES))
    return tuple(one for one in found if any(one.of_host(host) for host in hosts))


def known_hosts(directory: Directory, base: str) -> tuple[str, ...]:
    """The hosts below ``base`` for which there is any SPN of SQL Server."""
    found = map(_holder, directory.search(base, f"(servicePrincipalName={PREFIX}*)", _ATTRIBUTES))
    hosts = (host_of(spn).lower() for one in found for spn in one.spns)
    return tuple(dict.fromkeys(host for host in hosts if "." in host))


def _holder(entry: Entry) -> Holder:
    control = int(entry.text("userAccountControl") or 0)
    types = int(entry.text("msDS-SupportedEncryptionTypes") or 0)
    spns = tuple(one for one in entry.texts("servicePrincipalName") if one.lower().startswith(PREFIX.lower()))
    return Holder(
        entry.text("sAMAccountName") or entry.dn,
        entry.dn,
        not control & DISABLED,
        bool(types & RC4 and not types & AES),
        spns,
    )


def spns_of(string: ConnectionString, host: str, port: int | None = None) -> tuple[str, ...]:
    """What the driver asks a ticket for if it takes that name for the server's; one of several is enough.

    ``port`` is the one of a named instance that SQL Server Browser has told. All drivers ask with the port; .NET asks
    for the default instance without it too, and in most of its versions for a named one with the instance's name.
    Sources: SniProxy.GetSqlServerSPNs of dotnet/SqlClient (and its issues 2187 and 3566), SSPIAuthentication.makeSpn of
    microsoft/mssql-jdbc, and the documentation of SPNs (links.SPN).
    """
    dotnet = string.form is Form.DOTNET
    if string.port:
        return (f"{PREFIX}{host}:{string.port}",)
    if string.instance:
        by_name = f"{PREFIX}{host}:{string.instance}"
        by_port = (f"{PREFIX}{host}:{port}",) if port else ()
        return (*by_port, by_name) if dotnet or not port else by_port
    with_port = f"{PREFIX}{host}:{DEFAULT_PORT}"
    return (with_port, f"{PREFIX}{host}") if dotnet else (with_port,)
