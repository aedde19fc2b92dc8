"""Whether Kerberos can work with the name of the SQL Server in the connection string."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Status,
    check,
    deferred_to,
    failed,
    passed,
    warned,
)
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.ldap.forest import partitions
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT, ConnectionString
from gmsa_doctor.formats.sql_server.drivers import Form
from gmsa_doctor.given.subject import ChosenContainer
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.domain import domain_in_use
from gmsa_doctor_checks.sql_server.combined import combined
from gmsa_doctor_checks.sql_server.hosts import (
    HostKind,
    SearchList,
    ServerName,
    kind_of,
    own_names_of,
    search_list_of,
    server_name,
)
from gmsa_doctor_checks.sql_server.rds import ENDPOINT, names_in
from gmsa_doctor_checks.sql_server.spns import PREFIX, SpnHolder, holders_of, known_hosts, spns_of
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, InstancePorts, RdsServers, SqlServer, SqlServers
from gmsa_doctor_checks.values import Account, BoundDirectory, DhcpOptions, DomainName, GmsaNames


@dataclass(frozen=True)
class NameContext:
    """What is known besides the names. ``holders``: the accounts with SPNs of the doubtful names.

    ``own_names``: the container's settings that may resolve names which DNS does not.
    """

    domain: DomainName
    search: SearchList
    rds: RdsServers | None
    ports: InstancePorts | None
    bound: BoundDirectory | None
    holders: tuple[SpnHolder, ...]
    own_names: str

    @property
    def in_forest(self) -> bool:
        """Whether the forest may have other domains: unless the AD lists exactly this one."""
        try:
            found = partitions(self.bound.directory) if self.bound else ()
        except ClientError:
            return True
        return {partition.dn.lower() for partition in found} != {self.domain.base_dn.lower()}

    def hosts(self) -> tuple[str, ...]:
        """All hosts that have an SPN of SQL Server in the AD; none if there are too many for one answer."""
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

    def with_spn(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the hosts that have an SPN of SQL Server."""
        return tuple(host for host in hosts if any(holder.of_host(host) for holder in self.holders))

    def is_unseen(self, server: ServerName) -> bool:
        """Whether it may have a name that is unknown here, so that the SPN which the client requests is unknown."""
        return not server.complete and not server.others and not self.with_spn(server.hosts)


@check(
    "sql-server.name",
    title="Kerberos works with the server's name",
    docs=links.SPN,
    shows=(texts.SSPI, texts.SQL_SPN, *texts.KERBEROS_SERVICE),
    owner=Owner.DEVELOPER,
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
    """Checks the server's name in each connection string: IP address, short name, RDS endpoint, or alias.

    Each is checked separately: the worst one decides, and later checks continue with those that can be right.

    Why: the client builds the SPN from that name, and the AD must have that SPN. Without it, Windows falls back to
    NTLM, which Linux does not have, so the logon fails ("Cannot generate SSPI context"). SPNs contain full names. The
    task's resolver appends the `domain-name` of the DHCP options set to a short name.

    Fix: use the name in the SPN as the server's name. For RDS, replace the endpoint with `<instance>.<AD domain>`, or
    for a self-managed AD with `<instance>.<hash>.<region>.awsrds.<AD domain>`.
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
    resolver = dns.value if vantage.silence_counts else None
    results = each(servers, lambda server: _unresolved(resolver, server, context) or _judge(server, context))
    usable = tuple(
        SqlServer(server.named.name, server.string, _spns(server, context), context.port(server.string))
        for server, result in results
        if not (isinstance(result, Finding) and result.status is Status.FAIL) and not context.is_unseen(server)
    )
    finding = combined([(server.named.name, result) for server, result in results])
    return Given(SqlServers(usable), finding) if usable else finding


def _is_lost(string: ConnectionString, rds: RdsServers | None, ports: InstancePorts | None) -> bool:
    """Whether sql-server.rds or .instance reports that no AD account can log on there, or that there is no server."""
    instance = ports.of(string) if ports else None
    return bool(rds and string.host.lower() in rds.lost) or bool(instance and instance.lost)


def _unresolved(dns: Dns | None, server: ServerName, context: NameContext) -> Finding | None:
    """The failure of a name that does not exist in DNS. RDS endpoints are left to :func:`_judge`."""
    host, kind = server.host, kind_of(server.host)
    if dns is None or kind not in (HostKind.SHORT, HostKind.FULL):
        return None
    try:
        context.search.addresses(host, dns)
        return None
    except NotFound as error:
        text = error.text
    except ClientError:  # another check reports DNS servers that do not answer
        return None
    names = context.search.full_names(host)
    in_domain = f"{host}.{context.domain.text}"
    is_wrong_domain = kind is HostKind.SHORT and in_domain not in names and _has_address(in_domain, dns)
    right = f"Set the server's name to {in_domain}" if is_wrong_domain else "Correct the server's name"
    wanted = " or ".join(names)
    finding = failed(
        f"the server's name {wanted} does not exist in DNS",
        observed=f"{server.named.name}: {server.string.server}; {text}{_completion(server, context)}",
        expected=f"an address of {wanted}",
        fix=Fix(
            f"1. Developer: {right[0].lower()}{right[1:]} in the connection string. 2. If the name is correct, DNS "
            f"administrator: add the A record of {wanted}. Test with dig.",
            (" ".join(("dig +short", posix(names[0]), *(f"@{server}" for server in dns.servers[:1]))),),
        ),
    )
    if not context.own_names:
        return finding
    return finding.to_warning(f", queried from here; {context.own_names} may resolve it in the container")


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
    named_by_spn = context.with_spn(server.hosts)
    if not named_by_spn and not server.may_be_of_another_domain(context.domain, in_forest=context.in_forest):
        return _without_spn(server, _proposals(server, context))
    # the KDC may find an SPN of a full name in another domain
    if server.host in named_by_spn or (server.kind is HostKind.FULL and not named_by_spn):
        return good
    return _doubt(server, context.with_spn(server.others), context)


def _spns(server: ServerName, context: NameContext) -> tuple[str, ...]:
    """Java uses a name in the AD domain as it is written; other clients may use its CNAME target.

    If the port of a named instance is unknown, any SPN of the host may be the right one.
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
    """Names with an SPN in the AD: those that fit, otherwise all."""
    hosts = context.hosts()
    first = server.host.partition(".")[0]
    is_name = server.kind in (HostKind.RDS, HostKind.FULL, HostKind.SHORT)
    fitting = tuple(host for host in hosts if is_name and first in host.split("."))
    return fitting or _guesses(server, context) or hosts[:5]


_REASONS = {
    HostKind.LOCAL: "no account in the AD has that name",
    HostKind.ADDRESS: "Kerberos requires a name",
    HostKind.RDS: "its SPN contains the name in the AD domain",
    HostKind.SHORT: "its SPN contains the full name",
    HostKind.FULL: "its SPN contains the name that the server itself uses",
}
"""Why Kerberos cannot work with such a name, or may not."""


def _rename(name: str, command: str) -> Fix:
    return Fix(f"Set the server's name to {name} in the connection string.", (command,))


def _without_spn(server: ServerName, proposals: tuple[str, ...]) -> Finding:
    right = " or ".join(proposals[:5]) or "<host>.<domain>"
    spn = powershell(f"{PREFIX}{proposals[0] if len(proposals) == 1 else '<host>.<domain>'}*")
    return failed(
        f"{server}, and the AD has no SPN for it, so Kerberos cannot work and Linux has no NTLM to fall back to "
        f"({_REASONS[server.kind]})",
        observed=_no_spn_of(server),
        expected=f"a server name that has an SPN: {right}",
        fix=_rename(right, f"setspn -Q {spn}"),
    )


def _no_spn_of(server: ServerName) -> str:
    return f"{server.named.name}: {server.string.server}; no {PREFIX}{server.string.host}… in the AD"


def _unseen(server: ServerName, context: NameContext) -> Finding:
    right = " or ".join(_proposals(server, context)) or "its full name in the AD domain"
    fix = _rename("the one in its SPN", f"dig +short -x {posix(server.string.host)}")
    return warned(
        f"{server}: {_REASONS[server.kind]}, and DNS returns none for it from here",
        observed=_no_spn_of(server),
        expected=f"a server name that has an SPN: {right}",
        fix=replace(fix, text=f"{fix.text} Run this inside the task's network to see what its DNS servers return."),
    )


def _doubt(server: ServerName, alternatives: tuple[str, ...], context: NameContext) -> Finding:
    right = " or ".join(alternatives) or "its full name in the AD domain"
    reason = (
        f"the AD has an SPN only for {right}: Kerberos works only if the client itself finds that name"
        if alternatives and context.bound
        else f"{_REASONS[server.kind]}; not checked whether it has an SPN"
    )
    if server.kind is HostKind.SHORT and context.domain.text not in context.search.domains:
        domains = ", ".join(context.search.domains) or "nothing"
        reason = f"the task completes it with {domains} ({context.search.known_by}), not with {context.domain.text}"
    reverse = "-x " if server.kind is HostKind.ADDRESS else ""
    return warned(
        f"{server}: {reason}",
        observed=f"{server.named.name}: {server.string.server}{_completion(server, context)}",
        expected=right,
        fix=_rename(right, f"dig +short {reverse}{posix(server.string.host)}"),
    )
