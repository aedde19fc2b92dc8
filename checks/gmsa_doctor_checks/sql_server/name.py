"""Whether Kerberos can work with the name by which the application calls its SQL Server."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Status,
    check,
    deferred_to,
    failed,
    passed,
    warned,
)
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT, ConnectionString, Form
from gmsa_doctor.given.subject import ChosenContainer
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.domain import domain_in_use
from gmsa_doctor_checks.sql_server.combined import combined
from gmsa_doctor_checks.sql_server.hosts import HostKind, SearchList, kind_of, own_names_of, search_list_of
from gmsa_doctor_checks.sql_server.rds import ENDPOINT, names_in
from gmsa_doctor_checks.sql_server.server_name import ServerName, server_name, with_spn
from gmsa_doctor_checks.sql_server.spns import PREFIX, SpnHolder, holders_of, known_hosts, spns_of
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, InstancePorts, RdsServers, SqlServer, SqlServers
from gmsa_doctor_checks.values import Account, BoundDirectory, DhcpOptions, DomainName, GmsaNames


@dataclass(frozen=True)
class NameContext:
    """What is known when a name is judged. ``holders``: the accounts with SPNs of the names that are in doubt.

    ``own_names``: what may resolve names in the container that DNS does not know.
    """

    domain: DomainName
    search: SearchList
    rds: RdsServers | None
    ports: InstancePorts | None
    bound: BoundDirectory | None
    holders: tuple[SpnHolder, ...]
    own_names: str

    def hosts(self) -> tuple[str, ...]:
        """All hosts that the AD has an SPN of SQL Server for; none where there are too many for one answer."""
        try:
            return known_hosts(self.bound.directory, self.domain.base_dn) if self.bound else ()
        except ClientError:
            return ()

    def port(self, string: ConnectionString) -> int | None:
        """The port in the string, or the one that SQL Server Browser reported."""
        if string.port or not string.instance:
            return string.port or DEFAULT_PORT
        instance = self.ports.of(string) if self.ports else None
        return instance.port if instance else None

    def is_unseen(self, server: ServerName) -> bool:
        """Whether there may be a name behind it that is not known here: which SPN the client asks for is open then."""
        return not server.complete and not server.others and not with_spn(server.hosts, self.holders)


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
    left = tuple(named for named in strings.strings if not _is_lost(named.string, rds.value, ports.value))
    if not left:
        return deferred_to([outcome.finding for outcome in (rds, ports) if outcome.finding.status is Status.FAIL])
    domain = domain_in_use(names, account)
    search = search_list_of(domain, options)
    resolved = each(left, lambda named: server_name(named, domain, search, dns.value, vantage))
    servers = [server for _, server in resolved if isinstance(server, ServerName)]
    doubtful = (server for server in servers if server.is_doubtful or server.has_unknown_port)
    hosts = tuple(dict.fromkeys(host for server in doubtful for host in server.hosts))
    holders = holders_of(bound.value.directory, domain.base_dn, hosts) if hosts and bound.value else ()
    context = NameContext(domain, search, rds.value, ports.value, bound.value, holders, own_names_of(chosen))
    asks = dns.value if vantage.silence_counts else None
    judged = [
        (server, result.finding() if isinstance(result, ClientError) else result)
        for server, result in each(
            servers, lambda server: _unknown_to(asks, server, context) or _judge(server, context)
        )
    ]
    usable = tuple(
        SqlServer(server.named.name, server.string, _spns(server, context), context.port(server.string))
        for server, finding in judged
        if finding.status is not Status.FAIL and not context.is_unseen(server)
    )
    finding = combined([(server.named.name, finding) for server, finding in judged])
    return Given(SqlServers(usable), finding) if usable else finding


def _is_lost(string: ConnectionString, rds: RdsServers | None, ports: InstancePorts | None) -> bool:
    """Whether there is no such server, or none that accepts accounts of the AD: sql-server.rds, .instance report it."""
    instance = ports.of(string) if ports else None
    return bool(rds and string.host.lower() in rds.lost) or bool(instance and instance.lost)


def _unknown_to(dns: Dns | None, server: ServerName, context: NameContext) -> Finding | None:
    """The failure of a name that DNS does not know; of an endpoint of RDS, more is known than that."""
    host, kind = server.host, kind_of(server.host)
    if dns is None or kind not in (HostKind.SHORT, HostKind.FULL):
        return None
    try:
        context.search.addresses(host, dns)
    except NotFound as error:
        names = context.search.full_names(host)
        in_domain = f"{host}.{context.domain.text}"
        is_wrong_domain = kind is HostKind.SHORT and in_domain not in names and _has_address(in_domain, dns)
        right = f"Name the server {in_domain}" if is_wrong_domain else "Correct the server's name"
        wanted = " or ".join(names)
        finding = failed(
            f"DNS does not know the server's name {wanted}",
            observed=f"{server.named.name}: {server.string.server}; {error.text}{_completion(server, context)}",
            expected=f"an address of {wanted}",
            fix=Fix(
                f"{right} in the connection string, or let the task's DNS servers know {wanted}.",
                (f"dig +short {posix(names[0])}",),
            ),
        )
        if not context.own_names:
            return finding
        return finding.to_warning(f", as it is asked from here; {context.own_names} may tell it to the container")
    except ClientError:  # that no DNS server answers is reported by another check
        pass
    return None


def _has_address(host: str, dns: Dns) -> bool:
    try:
        return bool(dns.addresses(host))
    except ClientError:
        return False


def _completion(server: ServerName, context: NameContext) -> str:
    """What is appended to a short name, and how that is known."""
    if server.kind is not HostKind.SHORT:
        return ""
    domains = ", ".join(context.search.domains) or "nothing"
    return f"; a short name is completed with {domains} ({context.search.known_by})"


def _judge(server: ServerName, context: NameContext) -> Finding:
    good = passed(f"{server.named.name}: {server.string.host}")
    if not server.is_doubtful:
        return good
    if context.bound is None:
        return good if server.is_alias_of_rds else _doubt(server, _guesses(server, context), context)
    if context.is_unseen(server):
        return _unseen(server, context)
    named_by_spn = with_spn(server.hosts, context.holders)
    if not named_by_spn and not server.may_be_of_another_domain(context.domain):
        return _without_spn(server, _proposals(server, context))
    # of a full name that this domain has no SPN for, the KDC knows more than the directory
    if server.host in named_by_spn or (server.kind is HostKind.FULL and not named_by_spn):
        return good
    return _doubt(server, with_spn(server.others, context.holders), context)


def _spns(server: ServerName, context: NameContext) -> tuple[str, ...]:
    """Java takes a name in the AD's domain as it is written; other clients may use what it stands for.

    Where the port of a named instance is not known, any SPN of the host may be the one.
    """
    string = server.string
    if string.spn and string.form is not Form.ODBC:
        return (string.spn,)
    is_literal = string.form is Form.JDBC and server.host.endswith(f".{context.domain.text}")
    hosts = server.hosts[:1] if is_literal else server.hosts
    port = context.port(string)
    spns = [spn for host in hosts for spn in spns_of(string, host, port)]
    if port is None:
        spns += [spn for holder in context.holders for host in hosts for spn in holder.of_host(host)]
        return tuple(dict.fromkeys(spns))
    return tuple(spns)


def _guesses(server: ServerName, context: NameContext) -> tuple[str, ...]:
    """Names that may be right."""
    instances = context.rds.servers if context.rds else ()
    instance = next((instance for instance in instances if instance.endpoint == server.host), None)
    if instance:
        return (instance.name,) if instance.name else ()
    if server.kind is HostKind.RDS:
        return names_in(server.host, context.domain.text)
    if server.kind is HostKind.SHORT:
        return (f"{server.host}.{context.domain.text}",)
    return tuple(host for host in server.others if not ENDPOINT.fullmatch(host))


def _proposals(server: ServerName, context: NameContext) -> tuple[str, ...]:
    """Names that the AD has an SPN for: those that fit, else all that there are."""
    hosts = context.hosts()
    first = server.host.partition(".")[0]
    is_name = server.kind in (HostKind.RDS, HostKind.FULL, HostKind.SHORT)
    fitting = tuple(host for host in hosts if is_name and first in host.split("."))
    return fitting or _guesses(server, context) or hosts[:5]


_REASONS = {
    HostKind.LOCAL: "nothing in the AD has that name",
    HostKind.ADDRESS: "Kerberos needs a name",
    HostKind.RDS: "its SPN has the name in the AD's domain",
    HostKind.SHORT: "its SPN has the full name",
    HostKind.FULL: "its SPN has the name that the server calls itself",
}
"""Why Kerberos cannot work with such a name, or not for certain."""


def _without_spn(server: ServerName, proposals: tuple[str, ...]) -> Finding:
    right = " or ".join(proposals[:5]) or "<host>.<domain>"
    spn = powershell(f"{PREFIX}{proposals[0] if len(proposals) == 1 else '<host>.<domain>'}*")
    return failed(
        f"{server}, and the AD has no SPN for it: no Kerberos, and Linux has no NTLM to fall back to "
        f"({_REASONS[server.kind]})",
        observed=_no_spn_of(server),
        expected=f"a server's name that there is an SPN for: {right}",
        fix=Fix(f"Name the server {right} in the connection string.", (f"setspn -Q {spn}",)),
    )


def _no_spn_of(server: ServerName) -> str:
    return f"{server.named.name}: {server.string.server}; no {PREFIX}{server.string.host}… in the AD"


def _unseen(server: ServerName, context: NameContext) -> Finding:
    right = " or ".join(_proposals(server, context)) or "its full name in the AD's domain"
    return warned(
        f"{server}: {_REASONS[server.kind]}, and DNS, as it is asked from here, has none for it",
        observed=_no_spn_of(server),
        expected=f"a server's name that there is an SPN for: {right}",
        fix=Fix(
            "Name the server as its SPN does in the connection string. Whether the task finds out a name, its own DNS "
            "servers tell.",
            (f"dig +short -x {posix(server.string.host)}",),
        ),
    )


def _doubt(server: ServerName, alternatives: tuple[str, ...], context: NameContext) -> Finding:
    right = " or ".join(alternatives) or "its full name in the AD's domain"
    reason = (
        f"the AD has an SPN for {right} only: it works if the client finds out that name by itself"
        if alternatives and context.bound
        else f"{_REASONS[server.kind]}; whether there is an SPN for it could not be asked"
    )
    if server.kind is HostKind.SHORT and not context.search.completes_with(context.domain):
        domains = ", ".join(context.search.domains) or "nothing"
        reason = f"the task completes it with {domains} ({context.search.known_by}), not with {context.domain.text}"
    reverse = "-x " if server.kind is HostKind.ADDRESS else ""
    return warned(
        f"{server}: {reason}",
        observed=f"{server.named.name}: {server.string.server}{_completion(server, context)}",
        expected=right,
        fix=Fix(
            f"Name the server {right} in the connection string.", (f"dig +short {reverse}{posix(server.string.host)}",)
        ),
    )
