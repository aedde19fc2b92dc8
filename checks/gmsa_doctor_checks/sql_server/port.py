"""Whether the application's SQL Servers accept connections."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Outcome, Row, Status, check, failed, if_several, passed, skipped
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, NotFound, Refused, TimedOut, Unreachable
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT
from gmsa_doctor.given.subject import ChosenContainer
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import domain_in_use
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.sql_server.hosts import HostKind, SearchList, kind_of, own_names_of, search_list_of
from gmsa_doctor_checks.sql_server.values import SqlServer, SqlServers
from gmsa_doctor_checks.values import Account, DhcpOptions, GmsaNames

_CLOSED = (NotFound, TimedOut, Refused, Unreachable)
"""What shows that the server cannot be reached; any other error leaves that open."""


@check("sql-server.port", title="The SQL Server accepts connections", docs=links.SPN, shows=(texts.SQL_UNREACHABLE,))
def port(
    servers: SqlServers,
    names: GmsaNames,
    account: Outcome[Account],
    options: Outcome[DhcpOptions],
    dns: Dns,
    tcp: Tcp,
    vantage: Vantage,
    chosen: Outcome[ChosenContainer],
) -> Finding:
    """Looks up the server of each connection string, and opens a TCP connection to its port.

    The port of a named instance is the one that SQL Server Browser has told (`sql-server.instance`).

    Why: with the best ticket nothing is read from a server that cannot be reached: a security group, a network ACL, a
    name that the task's DNS servers do not know.

    Fix: allow TCP 1433 (or the instance's port) from the task's security group.
    """
    search = search_list_of(domain_in_use(names, account), options)
    targets = {
        (server.string.host.lower(), server.port): server
        for server in servers.servers
        if server.port is not None and kind_of(server.string.host) is not HostKind.LOCAL
    }
    if not targets:
        return skipped("the servers' ports are not known: they are the container's own, or those of named instances")
    answers = each(targets.values(), lambda server: _connect(server, search, dns, tcp))
    rows = tuple(_row(server, answer) for server, answer in answers)
    errors = [(server, answer) for server, answer in answers if isinstance(answer, ClientError)]
    if not errors:
        return passed("; ".join(f"{row.name}: {row.text}" for row in rows), rows=rows)
    own_names = own_names_of(chosen)
    certain = tuple(error for error in _CLOSED if not (own_names and error is NotFound))
    server, error = next((pair for pair in errors if isinstance(pair[1], certain)), errors[0])
    if own_names and isinstance(error, NotFound):
        return skipped(f"{server.string.host} has no address here, and {own_names} may tell the container one")
    if not isinstance(error, _CLOSED):
        raise error
    return judge_silence(_unreachable(server, error, if_several(rows)), vantage)


def _row(server: SqlServer, answer: str | ClientError) -> Row:
    name = f"{server.string.host}:{server.port}"
    if isinstance(answer, ClientError):
        return Row(name, Status.FAIL if isinstance(answer, _CLOSED) else Status.UNKNOWN, answer.text)
    return Row(name, Status.PASS, answer)


def _connect(server: SqlServer, search: SearchList, dns: Dns, tcp: Tcp) -> str:
    """One address is enough: a listener of an availability group has one in each subnet, and one of them answers."""
    port = server.port or DEFAULT_PORT
    answers = each(search.addresses(server.string.host, dns), lambda address: tcp.connect(address, port))
    errors = [answer for _, answer in answers if isinstance(answer, ClientError)]
    if len(errors) == len(answers):
        raise errors[0]
    address, seconds = next((address, answer) for address, answer in answers if not isinstance(answer, ClientError))
    rest = f" ({len(errors)} of its {len(answers)} addresses is not)" if errors else ""
    return f"{address} is open after {seconds * 1000:.0f} ms{rest}"


def _unreachable(server: SqlServer, error: ClientError, rows: tuple[Row, ...]) -> Finding:
    host, port = server.string.host, server.port
    if isinstance(error, NotFound):
        return failed(
            f"the SQL Server {host} has no address: {error.text}",
            observed=error.text,
            expected=f"an address of {host}",
            fix=Fix(
                "Correct the server's name, or let the task's DNS servers know it.", (f"dig +short {posix(host)}",)
            ),
            rows=rows,
        )
    return failed(
        f"the SQL Server {host} accepts no connection on port {port}: {error.text}",
        observed=error.text,
        expected=f"TCP {port} open",
        fix=Fix(
            f"Allow TCP {port} from the task's security group to the server: security groups on both sides, network "
            "ACLs (return ports 1024-65535 too), routes and firewalls; see that SQL Server listens on that port.",
            (f"nc -vz -w 3 {posix(host)} {port}",),
        ),
        rows=rows,
    )
