"""Whether Kerberos can work with the name by which the application calls its SQL Server."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.clients.dns import Dns
from gmsa_doctor.errors import ClientError, NotFound
from gmsa_doctor.formats.connection_string import ConnectionString, Form
from gmsa_doctor.formats.task_definition import NamedString
from gmsa_doctor.model import (
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    Status,
    failed,
    passed,
    stands_behind,
    warned,
)
from gmsa_doctor.registry import check
from gmsa_doctor.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.sql_server.rds import ENDPOINT, names_in
from gmsa_doctor_checks.sql_server.spns import PREFIX, Holder, holders_of, known_hosts, spns_of
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, RdsServer, RdsServers, SqlServer, SqlServers
from gmsa_doctor_checks.values import Account, BoundDirectory, DomainName, GmsaNames

_OF_AWS = (".ec2.internal", ".compute.internal", ".amazonaws.com", ".amazonaws.com.cn")
"""Ends of names that no AD has: those that EC2 gives to addresses, and those of AWS's services."""


class Kind(StrEnum):
    """What a server's name is."""

    LOCAL = "the container itself"
    ADDRESS = "an IP address"
    RDS = "an endpoint of RDS"
    SHORT = "a short name"
    FULL = "a full name"


@dataclass(frozen=True)
class Named:
    """A server's name, and by which other names a client may find out that it goes.

    ``others``: what an alias points to, the PTR record of an address, a short name with the domain behind it.
    """

    one: NamedString
    kind: Kind
    others: tuple[str, ...] = ()

    @property
    def string(self) -> ConnectionString:
        """The connection string."""
        return self.one.string

    @property
    def hosts(self) -> tuple[str, ...]:
        """All its names, the one that is written first."""
        return tuple(dict.fromkeys((self.string.host.lower(), *self.others)))

    @property
    def what(self) -> str:
        """For people."""
        alias = f"an alias of {self.others[0]}" if self.kind is Kind.FULL and self.others else str(self.kind)
        return f"{self.string.host} is {alias}"


def kind_of(host: str) -> Kind:
    """What a server's name is, as it is written."""
    text = host.lower()
    if text in (".", "(local)", "localhost"):
        return Kind.LOCAL
    try:
        return Kind.LOCAL if ipaddress.ip_address(text).is_loopback else Kind.ADDRESS
    except ValueError:
        pass
    if ENDPOINT.fullmatch(text):
        return Kind.RDS
    return Kind.FULL if "." in text else Kind.SHORT


@check(
    "sql-server.name",
    title="Kerberos can work with the server's name",
    docs=links.SPN,
    shows=(texts.SSPI, texts.SQL_SPN, *texts.KERBEROS_SERVICE),
)
def name(
    strings: ConnectionStrings,
    names: GmsaNames,
    account: Outcome[Account],
    rds: Outcome[RdsServers],
    bound: Outcome[BoundDirectory],
    dns: Outcome[Dns],
    vantage: Vantage,
) -> Result[SqlServers]:
    """Judges the server's name in each connection string: an address, a short name, an endpoint of RDS, an alias.

    Why: the client makes the SPN of that name, and the AD must have it. Where it has not, Windows falls back to NTLM;
    there is none on Linux, so the logon fails ("Cannot generate SSPI context"). SPNs have full names.

    Fix: name the server as its SPN does; for RDS, in place of the endpoint, `<instance>.<AD domain>`, or where the AD
    is self-managed `<instance>.<hash>.<region>.awsrds.<AD domain>`.
    """
    if rds.value is None and rds.finding.status is Status.FAIL:
        return stands_behind([rds.finding])
    domain = account.value.domain if account.value else names.domain
    for string in strings.strings if vantage.silence_counts else ():
        if missing := _unknown_to(dns.value, string, domain):
            return missing
    found = [_named(one, domain, dns.value) for one in strings.strings]
    doubtful = [one for one in found if _is_doubtful(one)]
    instances = {one.endpoint: one for one in rds.value.servers} if rds.value else {}
    asked = tuple(dict.fromkeys(h for one in found if one in doubtful or _has_unknown_port(one) for h in one.hosts))
    holders = holders_of(bound.value.directory, domain.base_dn, asked) if asked and bound.value else ()
    if doubtful and bound.value:
        for one in doubtful:
            if not _held(one.hosts, holders) and not _may_be_elsewhere(one, domain):
                return _without_spn(one, _proposals(one, domain, instances, bound.value))
        doubtful = [one for one in doubtful if _is_still_doubtful(one, holders)]
        instead = {one.string.host: _held(one.others, holders) for one in doubtful}
    else:
        doubtful = [one for one in doubtful if not _is_alias_of_rds(one)]
        instead = {one.string.host: _guesses(one, domain, instances) for one in doubtful}
    value = SqlServers(tuple(SqlServer(one.one.name, one.string, _spns(one, domain, holders)) for one in found))
    if doubtful:
        return Given(value, _doubt(doubtful, instead, asked=any(instead.values()) and bound.value is not None))
    return Given(value, passed("; ".join(f"{one.one.name}: {one.string.host}" for one in found)))


def _unknown_to(dns: Dns | None, one: NamedString, domain: DomainName) -> Finding | None:
    """The failure of a name that DNS does not know; who answers nothing at all is another check's."""
    host = one.string.host.lower()
    kind = kind_of(host)
    full = f"{host}.{domain.text}" if kind is Kind.SHORT else host
    if dns is None or kind in (Kind.LOCAL, Kind.ADDRESS, Kind.RDS):  # of an endpoint, more is known than that
        return None
    try:
        dns.addresses(full)
    except NotFound as error:
        return failed(
            f"DNS does not know the server's name {full}",
            observed=f"{one.name}: {one.string.server}; {error.text}",
            expected=f"an address of {full}",
            fix=Fix(
                "Correct the server's name in the connection string, or let the task's DNS servers know it.",
                (f"dig +short {posix(full)}",),
            ),
        )
    except ClientError:
        return None
    return None


def _named(one: NamedString, domain: DomainName, dns: Dns | None) -> Named:
    host = one.string.host.lower()
    kind = kind_of(host)
    if one.string.spn and one.string.form is not Form.ODBC:
        return Named(one, Kind.FULL)  # the name does not matter
    if kind is Kind.SHORT:
        return Named(one, kind, (f"{host}.{domain.text}",))
    if dns is None or kind is Kind.LOCAL:
        return Named(one, kind)
    if kind is Kind.ADDRESS:
        name = dns.name_of(host)
        return Named(one, kind, (name,) if name else ())
    target = dns.is_alias(host)
    return Named(one, kind, (target,) if target else ())


def _is_doubtful(one: Named) -> bool:
    return one.kind is not Kind.FULL or bool(one.others)


def _is_still_doubtful(one: Named, holders: tuple[Holder, ...]) -> bool:
    """Of a full name that this domain has no SPN for, the KDC tells more than the directory."""
    if one.kind is Kind.FULL and not _held(one.hosts, holders):
        return False
    return not _held(one.hosts[:1], holders)


def _is_alias_of_rds(one: Named) -> bool:
    """RDS keeps aliases of its endpoints in the AD's domain; that is how they should be named."""
    return one.kind is Kind.FULL and all(ENDPOINT.fullmatch(host) for host in one.others)


def _may_be_elsewhere(one: Named, domain: DomainName) -> bool:
    """Whether an account of another domain may have an SPN for it, which only the KDC finds (kerberos.service-ticket).

    Of names that stand in the AD's own domain, and of those that no SPN has, this domain tells all.
    """
    others = (host for host in one.hosts if kind_of(host) is Kind.FULL and host.partition(".")[2] != domain.text)
    return one.kind is not Kind.RDS and any(not host.endswith(_OF_AWS) for host in others)


def _held(hosts: tuple[str, ...], holders: tuple[Holder, ...]) -> tuple[str, ...]:
    """Those of the hosts that there is an SPN of SQL Server for."""
    return tuple(host for host in hosts if any(holder.of_host(host) for holder in holders))


def _has_unknown_port(one: Named) -> bool:
    return one.string.instance is not None and one.string.port is None


def _spns(one: Named, domain: DomainName, holders: tuple[Holder, ...]) -> tuple[str, ...]:
    """Java takes a name in the AD's domain as it is written; other clients may find out what it stands for.

    The port of a named instance is told by SQL Server Browser alone: any SPN of the host may be the one.
    """
    if one.string.spn and one.string.form is not Form.ODBC:
        return (one.string.spn,)
    literal_only = one.string.form is Form.JDBC and one.string.host.lower().endswith(f".{domain.text}")
    hosts = one.hosts[:1] if literal_only else one.hosts
    own = tuple(spn for host in hosts for spn in spns_of(one.string, host))
    if not _has_unknown_port(one):
        return own
    return tuple(dict.fromkeys([*own, *(spn for holder in holders for host in hosts for spn in holder.of_host(host))]))


def _guesses(one: Named, domain: DomainName, instances: dict[str, RdsServer]) -> tuple[str, ...]:
    """Names that may be right."""
    instance = instances.get(one.string.host.lower())
    if instance:
        return (instance.name,) if instance.name else ()
    if one.kind is Kind.RDS:
        return names_in(one.string.host, domain.text)
    return tuple(host for host in one.others if not ENDPOINT.fullmatch(host))


def _proposals(
    one: Named, domain: DomainName, instances: dict[str, RdsServer], bound: BoundDirectory
) -> tuple[str, ...]:
    """Names that the AD has an SPN for: one that fits, else all that there are."""
    try:
        known = known_hosts(bound.directory, domain.base_dn)
    except ClientError:  # in a large AD there may be more of them than one answer holds
        known = ()
    first = one.string.host.lower().partition(".")[0]
    fitting = tuple(
        host for host in known if one.kind in (Kind.RDS, Kind.FULL, Kind.SHORT) and first in host.split(".")
    )
    return fitting or _guesses(one, domain, instances) or known[:5]


def _reason(one: Named) -> str:
    reasons = {
        Kind.LOCAL: "nothing in the AD has that name",
        Kind.ADDRESS: "Kerberos needs a name",
        Kind.RDS: "its SPN has the name in the AD's domain",
        Kind.SHORT: "its SPN has the full name",
        Kind.FULL: "its SPN has the name that the server calls itself",
    }
    return reasons[one.kind]


def _without_spn(one: Named, proposals: tuple[str, ...]) -> Finding:
    right = " or ".join(proposals[:5]) or "<host>.<domain>"
    host = powershell(f"{PREFIX}{proposals[0] if len(proposals) == 1 else '<host>.<domain>'}*")
    return failed(
        f"{one.what}, and the AD has no SPN for it: no Kerberos, and Linux has no NTLM to fall back to "
        f"({_reason(one)})",
        observed=f"{one.one.name}: {one.string.server}; no {PREFIX}{one.string.host}… in the AD",
        expected=f"a server's name that there is an SPN for: {right}",
        fix=Fix(f"Name the server {right} in the connection string.", (f"setspn -Q {host}",)),
    )


def _doubt(doubtful: list[Named], instead: dict[str, tuple[str, ...]], *, asked: bool) -> Finding:
    one = doubtful[0]
    right = " or ".join(instead[one.string.host]) or "its full name in the AD's domain"
    why = (
        f"the AD has an SPN for {right} only: it works if the client finds out that name by itself"
        if asked
        else f"{_reason(one)}; whether there is an SPN for it could not be asked"
    )
    dig = "-x " if one.kind is Kind.ADDRESS else ""
    return warned(
        f"{one.what}: {why}",
        observed=f"{one.one.name}: {one.string.server}",
        expected=right,
        fix=Fix(f"Name the server {right} in the connection string.", (f"dig +short {dig}{posix(one.string.host)}",)),
        rows=tuple(Row(other.one.name, Status.WARN, other.what) for other in doubtful) if len(doubtful) > 1 else (),
    )
