"""SPNs of SQL Server: which ones a driver requests, and which accounts in the directory have them."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.ldap.client import Directory, Entry, escape_filter
from gmsa_doctor.formats.ad.krb5_conf import host_of
from gmsa_doctor.formats.ad.supported_encryption_types import AES, EncryptionType, named
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT, ConnectionString
from gmsa_doctor.formats.sql_server.drivers import Form
from gmsa_doctor_checks.commands import powershell

PREFIX = "MSSQLSvc/"
_ATTRIBUTES = ("sAMAccountName", "servicePrincipalName", "userAccountControl", "msDS-SupportedEncryptionTypes")


@dataclass(frozen=True)
class SpnHolder:
    """An account with SPNs of SQL Server. ``rc4_only``: its msDS-SupportedEncryptionTypes allows RC4 but not AES.

    ``default_types``: the attribute is not set, so the domain controllers' default applies.
    """

    account: str
    dn: str
    enabled: bool
    rc4_only: bool
    spns: tuple[str, ...]
    default_types: bool = False

    def has(self, spn: str) -> bool:
        """Whether it has that SPN. The AD ignores case."""
        return spn.lower() in {own.lower() for own in self.spns}

    def of_host(self, host: str) -> tuple[str, ...]:
        """Its SPNs for that host, with any port or instance."""
        return tuple(spn for spn in self.spns if host_of(spn).lower() == host.lower())


def holders_of(directory: Directory, base: str, hosts: tuple[str, ...]) -> tuple[SpnHolder, ...]:
    """The accounts below ``base`` that have an SPN of SQL Server for one of these hosts."""
    parts = "".join(f"(servicePrincipalName={PREFIX}{escape_filter(host)}*)" for host in hosts)
    holders = map(_holder, directory.search(base, f"(|{parts})", _ATTRIBUTES))
    return tuple(holder for holder in holders if any(map(holder.of_host, hosts)))


def known_hosts(directory: Directory, base: str) -> tuple[str, ...]:
    """The hosts below ``base`` that have an SPN of SQL Server."""
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
        not control & Control.ACCOUNTDISABLE,
        bool(types & EncryptionType.RC4 and not types & AES),
        spns,
        named(types) is None,
    )


def setspn(option: str, spn: str, account: str = "") -> str:
    """A ``setspn`` command."""
    return f"setspn {option} {powershell(spn)}" + (f" {powershell(account)}" if account else "")


def removal(spn: str) -> tuple[str, ...]:
    """The commands that remove an SPN from an account."""
    return setspn("-Q", spn), setspn("-D", spn, "<account>")


def enabling(holder: SpnHolder) -> tuple[str, ...]:
    """The command that enables an account."""
    return (f"Enable-ADAccount -Identity {powershell(holder.account)}",)


def spns_of(string: ConnectionString, host: str, port: int | None = None) -> tuple[str, ...]:
    """The SPNs for which the driver requests a ticket if it uses ``host`` as the server's name; one is enough.

    ``port`` is the one that SQL Server Browser reported for a named instance. All drivers put the port into the SPN;
    .NET also omits it for the default instance, and in most versions uses the instance's name for a named one.
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
