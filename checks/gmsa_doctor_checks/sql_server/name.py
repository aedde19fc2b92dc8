"""Whether Kerberos can work with the name by which the application calls its SQL Server."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    Status,
    check,
    failed,
    passed,
    stands_behind,
    warned,
)
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT, ConnectionString, Form
from gmsa_doctor.given.subject import ChosenContainer
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.domain import domain_in_use
from gmsa_doctor_checks.sql_server.hosts import HostKind, Search, kind_of, own_names_of, search_of
from gmsa_doctor_checks.sql_server.rds import ENDPOINT, names_in
from gmsa_doctor_checks.sql_server.several import worst_of
from gmsa_doctor_checks.sql_server.spns import PREFIX, Holder, holders_of, known_hosts, spns_of
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, InstancePorts, RdsServers, SqlServer, SqlServers
from gmsa_doctor_checks.values import Account, BoundDirectory, DhcpOptions, DomainName, GmsaNames

_OF_AWS = (".ec2.internal", ".compute.internal", ".amazonaws.com", ".amazonaws.com.cn")
"""Ends of names that no AD has: those that EC2 gives to addresses, and those of AWS's services."""


_MOST_ALIASES = 8
"""So many are followed, of which one points to the next."""


@dataclass(frozen=True)
class Named:
    """A server's name, and by which other names a client may find out that it goes.

    ``others``: what an alias points to, the PTR record of an address, a short name with the domain behind it. ``seen``:
    what is not among them, the task does not find out either.
    """

    one: NamedString
    kind: HostKind
    others: tuple[str, ...] = ()
    seen: bool = True

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
        alias = f"an alias of {self.others[0]}" if self.kind is HostKind.FULL and self.others else str(self.kind)
        return f"{self.string.host} is {alias}"


@dataclass(frozen=True)
class Known:
    """What is known when a name is judged. ``holders``: the accounts with SPNs of the names that are in doubt.

    ``own_names``: what may tell the container names that DNS does not know.
    """

    domain: DomainName
    search: Search
    rds: RdsServers | None
    ports: InstancePorts | None
    bound: BoundDirectory | None
    holders: tuple[Holder, ...]
    own_names: str = ""

    def hosts(self) -> tuple[str, ...]:
        """All hosts that the AD has an SPN of SQL Server for; none where there are too many for one answer."""
        try:
            return known_hosts(self.bound.directory, self.domain.base_dn) if self.bound else ()
        except ClientError:
            return ()


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
    options: Outcome[DhcpOptions],
    rds: Outcome[RdsServers],
    ports: Outcome[InstancePorts],
    bound: Outcome[BoundDirectory],
    dns: Outcome[Dns],
    vantage: Vantage,
    chosen: Outcome[ChosenContainer],
) -> Result[SqlServers]:
    """Judges the server's name in each connection string: an address, a short name, an endpoint of RDS, an alias.

    Each is judged by itself: the worst decides, and what comes after goes on with those that can be right.

    Why: the client makes the SPN of that name, and the AD must have it. Where it has not, Windows falls back to NTLM;
    there is none on Linux, so the logon fails ("Cannot generate SSPI context"). SPNs have full names. What the task's
    resolver puts behind a short name is the `domain-name` of the DHCP options set.

    Fix: name the server as its SPN does; for RDS, in place of the endpoint, `<instance>.<AD domain>`, or where the AD
    is self-managed `<instance>.<hash>.<region>.awsrds.<AD domain>`.
    """
    left = tuple(one for one in strings.strings if not _is_lost(one.string, rds.value, ports.value))
    if not left:
        return stands_behind([one.finding for one in (rds, ports) if one.finding.status is Status.FAIL])
    domain = domain_in_use(names, account)
    search = search_of(domain, options)
    found = [
        named
        for _, named in each(left, lambda one: _named(one, domain, search, dns.value, vantage))
        if isinstance(named, Named)
    ]
    asked = tuple(dict.fromkeys(h for one in found if _is_doubtful(one) or _has_unknown_port(one) for h in one.hosts))
    holders = holders_of(bound.value.directory, domain.base_dn, asked) if asked and bound.value else ()
    known = Known(domain, search, rds.value, ports.value, bound.value, holders, own_names_of(chosen))
    asks = dns.value if vantage.silence_counts else None
    judged = each(found, lambda one: _unknown_to(asks, one, known) or _judge(one, known))
    findings = [one.finding() if isinstance(one, ClientError) else one for _, one in judged]
    rows = tuple(
        Row(one.one.name, finding.status, finding.summary) for one, finding in zip(found, findings, strict=True)
    )
    servers = tuple(
        SqlServer(one.one.name, one.string, _spns(one, known), _port(one.string, ports.value))
        for one, finding in zip(found, findings, strict=True)
        if finding.status is not Status.FAIL and not _is_unseen(one, holders)
    )
    finding = worst_of(findings, rows if len(rows) > 1 else ())
    return Given(SqlServers(servers), finding) if servers else finding


def _is_lost(string: ConnectionString, rds: RdsServers | None, ports: InstancePorts | None) -> bool:
    """Whether there is no such server, or none that lets anybody of the AD in: told by sql-server.rds, .instance."""
    instance = ports.of(string) if ports else None
    return bool(rds and string.host.lower() in rds.lost) or bool(instance and instance.lost)


def _port(string: ConnectionString, ports: InstancePorts | None) -> int | None:
    if string.port or not string.instance:
        return string.port or DEFAULT_PORT
    instance = ports.of(string) if ports else None
    return instance.port if instance else None


def _unknown_to(dns: Dns | None, one: Named, known: Known) -> Finding | None:
    """The failure of a name that DNS does not know; who answers nothing at all is another check's."""
    host = one.string.host.lower()
    if dns is None or kind_of(host) in (
        HostKind.LOCAL,
        HostKind.ADDRESS,
        HostKind.RDS,
    ):  # of an endpoint, more is known than that
        return None
    try:
        known.search.addresses(host, dns)
    except NotFound as error:
        full = known.search.full_names(host)
        in_domain = f"{host}.{known.domain.text}"
        short = kind_of(host) is HostKind.SHORT and in_domain not in full
        right = (
            f"Name the server {in_domain}" if short and _has_address(in_domain, dns) else "Correct the server's name"
        )
        finding = failed(
            f"DNS does not know the server's name {' or '.join(full)}",
            observed=f"{one.one.name}: {one.string.server}; {error.text}{_completion(one, known)}",
            expected=f"an address of {' or '.join(full)}",
            fix=Fix(
                f"{right} in the connection string, or let the task's DNS servers know {' or '.join(full)}.",
                (f"dig +short {posix(full[0])}",),
            ),
        )
        if not known.own_names:
            return finding
        text = f"{finding.summary}, as it is asked from here; {known.own_names} may tell it to the container"
        return replace(finding, status=Status.WARN, summary=text)
    except ClientError:
        return None
    return None


def _has_address(host: str, dns: Dns) -> bool:
    try:
        return bool(dns.addresses(host))
    except ClientError:
        return False


def _completion(one: Named, known: Known) -> str:
    """What stands behind a short name, and how that is known."""
    if one.kind is not HostKind.SHORT:
        return ""
    domains = ", ".join(known.search.domains)
    return f"; a short name is completed with {domains or 'nothing'} ({known.search.known_by})"


def _named(one: NamedString, domain: DomainName, search: Search, dns: Dns | None, vantage: Vantage) -> Named:
    host = one.string.host.lower()
    kind = kind_of(host)
    if one.string.spn and one.string.form is not Form.ODBC:
        return Named(one, HostKind.FULL)  # the name does not matter
    if kind is HostKind.SHORT:
        return Named(one, kind, tuple(dict.fromkeys((*search.full_names(host), f"{host}.{domain.text}"))))
    if kind is HostKind.ADDRESS:  # PTR records of private addresses are often known to the AD's DNS alone
        name = dns.name_of(host) if dns else None
        return Named(one, kind, (name,) if name else (), seen=vantage.silence_counts and dns is not None)
    if dns is None or kind is HostKind.LOCAL:
        return Named(one, kind)
    return Named(one, kind, _aliases(host, dns))


def _aliases(host: str, dns: Dns) -> tuple[str, ...]:
    """What an alias points to, and what that points to in its turn; nothing behind an endpoint of RDS."""
    found: list[str] = []
    target = dns.is_alias(host)
    while target and target not in (host, *found) and len(found) < _MOST_ALIASES:
        found.append(target)
        target = None if ENDPOINT.fullmatch(target) else dns.is_alias(target)
    return tuple(found)


def _judge(one: Named, known: Known) -> Finding:
    if not _is_doubtful(one):
        return passed(f"{one.one.name}: {one.string.host}")
    if known.bound:
        if _is_unseen(one, known.holders):
            return _unseen(one, known)
        if not _held(one.hosts, known.holders) and not _may_be_elsewhere(one, known.domain):
            return _without_spn(one, _proposals(one, known))
        if not _is_still_doubtful(one, known.holders):
            return passed(f"{one.one.name}: {one.string.host}")
        return _doubt(one, _held(one.others, known.holders), known)
    if _is_alias_of_rds(one):
        return passed(f"{one.one.name}: {one.string.host}")
    return _doubt(one, _guesses(one, known), known)


def _is_doubtful(one: Named) -> bool:
    return one.kind is not HostKind.FULL or bool(one.others)


def _is_still_doubtful(one: Named, holders: tuple[Holder, ...]) -> bool:
    """Of a full name that this domain has no SPN for, the KDC tells more than the directory."""
    if one.kind is HostKind.FULL and not _held(one.hosts, holders):
        return False
    return not _held(one.hosts[:1], holders)


def _is_unseen(one: Named, holders: tuple[Holder, ...]) -> bool:
    """Whether a name may be behind it that is not known here: for which SPN the client asks is open then."""
    return not one.seen and not one.others and not _held(one.hosts, holders)


def _is_alias_of_rds(one: Named) -> bool:
    """RDS keeps aliases of its endpoints in the AD's domain; that is how they should be named."""
    return one.kind is HostKind.FULL and all(ENDPOINT.fullmatch(host) for host in one.others)


def _may_be_elsewhere(one: Named, domain: DomainName) -> bool:
    """Whether an account of another domain may have an SPN for it, which only the KDC finds (kerberos.service-ticket).

    Of names that stand in the AD's own domain, and of those that no SPN has, this domain tells all.
    """
    others = (host for host in one.hosts if kind_of(host) is HostKind.FULL and host.partition(".")[2] != domain.text)
    return one.kind is not HostKind.RDS and any(not host.endswith(_OF_AWS) for host in others)


def _held(hosts: tuple[str, ...], holders: tuple[Holder, ...]) -> tuple[str, ...]:
    """Those of the hosts that there is an SPN of SQL Server for."""
    return tuple(host for host in hosts if any(holder.of_host(host) for holder in holders))


def _has_unknown_port(one: Named) -> bool:
    return one.string.instance is not None and one.string.port is None


def _spns(one: Named, known: Known) -> tuple[str, ...]:
    """Java takes a name in the AD's domain as it is written; other clients may find out what it stands for.

    Where nobody has told the port of a named instance, any SPN of the host may be the one.
    """
    if one.string.spn and one.string.form is not Form.ODBC:
        return (one.string.spn,)
    literal_only = one.string.form is Form.JDBC and one.string.host.lower().endswith(f".{known.domain.text}")
    hosts = one.hosts[:1] if literal_only else one.hosts
    port = _port(one.string, known.ports)
    own = tuple(spn for host in hosts for spn in spns_of(one.string, host, port))
    if port is not None:
        return own
    return tuple(
        dict.fromkeys([*own, *(spn for holder in known.holders for host in hosts for spn in holder.of_host(host))])
    )


def _guesses(one: Named, known: Known) -> tuple[str, ...]:
    """Names that may be right."""
    servers = known.rds.servers if known.rds else ()
    instance = next((each for each in servers if each.endpoint == one.string.host.lower()), None)
    if instance:
        return (instance.name,) if instance.name else ()
    if one.kind is HostKind.RDS:
        return names_in(one.string.host, known.domain.text)
    if one.kind is HostKind.SHORT:
        return (f"{one.string.host.lower()}.{known.domain.text}",)
    return tuple(host for host in one.others if not ENDPOINT.fullmatch(host))


def _proposals(one: Named, known: Known) -> tuple[str, ...]:
    """Names that the AD has an SPN for: one that fits, else all that there are."""
    hosts = known.hosts()
    first = one.string.host.lower().partition(".")[0]
    fitting = tuple(
        host for host in hosts if one.kind in (HostKind.RDS, HostKind.FULL, HostKind.SHORT) and first in host.split(".")
    )
    return fitting or _guesses(one, known) or hosts[:5]


def _reason(one: Named) -> str:
    reasons = {
        HostKind.LOCAL: "nothing in the AD has that name",
        HostKind.ADDRESS: "Kerberos needs a name",
        HostKind.RDS: "its SPN has the name in the AD's domain",
        HostKind.SHORT: "its SPN has the full name",
        HostKind.FULL: "its SPN has the name that the server calls itself",
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


def _unseen(one: Named, known: Known) -> Finding:
    right = " or ".join(_proposals(one, known)) or "its full name in the AD's domain"
    return warned(
        f"{one.what}: {_reason(one)}, and DNS, as it is asked from here, has none for it",
        observed=f"{one.one.name}: {one.string.server}; no {PREFIX}{one.string.host}… in the AD",
        expected=f"a server's name that there is an SPN for: {right}",
        fix=Fix(
            "Name the server as its SPN does in the connection string. Whether the task finds out a name, its own DNS "
            "servers tell.",
            (f"dig +short -x {posix(one.string.host)}",),
        ),
    )


def _doubt(one: Named, instead: tuple[str, ...], known: Known) -> Finding:
    right = " or ".join(instead) or "its full name in the AD's domain"
    why = (
        f"the AD has an SPN for {right} only: it works if the client finds out that name by itself"
        if instead and known.bound
        else f"{_reason(one)}; whether there is an SPN for it could not be asked"
    )
    if one.kind is HostKind.SHORT and not known.search.completes_with(known.domain):
        domains = ", ".join(known.search.domains) or "nothing"
        why = f"the task completes it with {domains} ({known.search.known_by}), not with {known.domain.text}"
    dig = "-x " if one.kind is HostKind.ADDRESS else ""
    return warned(
        f"{one.what}: {why}",
        observed=f"{one.one.name}: {one.string.server}{_completion(one, known)}",
        expected=right,
        fix=Fix(f"Name the server {right} in the connection string.", (f"dig +short {dig}{posix(one.string.host)}",)),
    )
