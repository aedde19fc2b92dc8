"""SPNs of SQL Server: which one a driver asks for, and which accounts of the directory have it."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.ldap.client import Directory, Entry, escape_filter
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT, ConnectionString, Form
from gmsa_doctor_checks.commands import powershell

DISABLED = 0x2
"""ADS_UF_ACCOUNTDISABLE of userAccountControl. Source: MS-ADTS 2.2.16."""
RC4, AES = 0x4, 0x18
"""Bits of msDS-SupportedEncryptionTypes. Source: MS-KILE 2.2.7."""

PREFIX = "MSSQLSvc/"
_ATTRIBUTES = ("sAMAccountName", "servicePrincipalName", "userAccountControl", "msDS-SupportedEncryptionTypes")


@dataclass(frozen=True)
class SpnHolder:
    """An account with SPNs of SQL Server. ``rc4_only``: it says itself that it takes no AES."""

    account: str
    dn: str
    enabled: bool
    rc4_only: bool
    spns: tuple[str, ...]

    def has(self, spn: str) -> bool:
        """Whether it has that SPN; the AD compares without case."""
        return spn.lower() in {own.lower() for own in self.spns}

    def of_host(self, host: str) -> tuple[str, ...]:
        """Its SPNs for that host, whatever follows the host's name."""
        return tuple(spn for spn in self.spns if host_of(spn).lower() == host.lower())


def host_of(spn: str) -> str:
    """The host in ``MSSQLSvc/host[:port]``."""
    return spn.partition("/")[2].partition(":")[0]


def holders_of(directory: Directory, base: str, hosts: tuple[str, ...]) -> tuple[SpnHolder, ...]:
    """The accounts below ``base`` that have an SPN of SQL Server for one of these hosts."""
    parts = "".join(f"(servicePrincipalName={PREFIX}{escape_filter(host)}*)" for host in hosts)
    holders = map(_holder, directory.search(base, f"(|{parts})", _ATTRIBUTES))
    return tuple(holder for holder in holders if any(map(holder.of_host, hosts)))


def known_hosts(directory: Directory, base: str) -> tuple[str, ...]:
    """The hosts below ``base`` for which there is any SPN of SQL Server."""
    holders = map(_holder, directory.search(base, f"(servicePrincipalName={PREFIX}*)", _ATTRIBUTES))
    hosts = (host_of(spn).lower() for holder in holders for spn in holder.spns)
    return tuple(dict.fromkeys(host for host in hosts if "." in host))


def _holder(entry: Entry) -> SpnHolder:
    control = int(entry.text("userAccountControl") or 0)
    types = int(entry.text("msDS-SupportedEncryptionTypes") or 0)
    spns = tuple(spn for spn in entry.texts("servicePrincipalName") if spn.lower().startswith(PREFIX.lower()))
    return SpnHolder(
        entry.text("sAMAccountName") or entry.dn,
        entry.dn,
        not control & DISABLED,
        bool(types & RC4 and not types & AES),
        spns,
    )


def setspn(option: str, spn: str, account: str = "") -> str:
    """A command about an SPN."""
    return f"setspn {option} {powershell(spn)}" + (f" {powershell(account)}" if account else "")


def removal(spn: str) -> tuple[str, ...]:
    """How to take an SPN off an account."""
    return setspn("-Q", spn), setspn("-D", spn, "<account>")


def enabling(holder: SpnHolder) -> tuple[str, ...]:
    """How to enable an account."""
    return (f"Enable-ADAccount -Identity {powershell(holder.account)}",)


def spns_of(string: ConnectionString, host: str, port: int | None = None) -> tuple[str, ...]:
    """What the driver asks a ticket for if it takes that name for the server's; one of several is enough.

    ``port`` is the one of a named instance that SQL Server Browser reported. All drivers ask with the port; .NET asks
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
