"""Whether the application's SQL Servers accept TCP connections."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Outcome, Owner, Row, Status, check, failed, if_several, passed, skipped
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
"""Errors that show that the server cannot be reached; after any other error, that is unknown."""


@check("sql-server.port", title="SQL Server accepts TCP connections", docs=links.SPN, shows=(texts.SQL_UNREACHABLE,))
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
    """Resolves the server's name of each connection string, and opens a TCP connection to its port.

    The port of a named instance is the one that SQL Server Browser reported (`sql-server.instance`).

    Why: a ticket is useless if the server cannot be reached. Usual causes are a security group, a network ACL, or a
    name that the task's DNS servers do not resolve.

    Fix: allow TCP 1433 (or the instance's port) from the task's security group.
    """
    search = search_list_of(domain_in_use(names, account), options)
    targets = {
        (server.string.host.lower(), server.port): server
        for server in servers.servers
        if server.port is not None and kind_of(server.string.host) is not HostKind.LOCAL
    }
    if not targets:
        return skipped("not checked: each server is the container itself, or a named instance whose port is unknown")
    answers = each(targets.values(), lambda server: _connect(server, search, dns, tcp))
    rows = tuple(_row(server, answer) for server, answer in answers)
    errors = [(server, answer) for server, answer in answers if isinstance(answer, ClientError)]
    if not errors:
        return passed("; ".join(f"{row.name}: {row.text}" for row in rows), rows=rows)
    own_names = own_names_of(chosen)
    certain = tuple(error for error in _CLOSED if not (own_names and error is NotFound))
    server, error = next((pair for pair in errors if isinstance(pair[1], certain)), errors[0])
    if own_names and isinstance(error, NotFound):
        return skipped(f"{server.string.host} does not resolve here, but {own_names} may resolve it in the container")
    if not isinstance(error, _CLOSED):
        raise error
    return judge_silence(_unreachable(server, error, if_several(rows)), vantage)


def _row(server: SqlServer, answer: str | ClientError) -> Row:
    name = f"{server.string.host}:{server.port}"
    if isinstance(answer, ClientError):
        return Row(name, Status.FAIL if isinstance(answer, _CLOSED) else Status.UNKNOWN, answer.text)
    return Row(name, Status.PASS, answer)


def _connect(server: SqlServer, search: SearchList, dns: Dns, tcp: Tcp) -> str:
    """One address is enough: an availability group listener has one in each subnet, of which only one answers."""
    port = server.port or DEFAULT_PORT
    answers = each(search.addresses(server.string.host, dns), lambda address: tcp.connect(address, port))
    errors = [answer for _, answer in answers if isinstance(answer, ClientError)]
    if len(errors) == len(answers):
        raise errors[0]
    address, seconds = next((address, answer) for address, answer in answers if not isinstance(answer, ClientError))
    rest = f" ({len(errors)} of its {len(answers)} addresses failed)" if errors else ""
    return f"{address} is open after {seconds * 1000:.0f} ms{rest}"


def _unreachable(server: SqlServer, error: ClientError, rows: tuple[Row, ...]) -> Finding:
    host, port = server.string.host, server.port
    if isinstance(error, NotFound):
        summary, expected = f"the name of SQL Server {host} does not resolve: {error.text}", f"an address of {host}"
        fix = Fix(
            f"1. Developer: correct the server's name in the connection string. 2. If {host} is correct, DNS "
            "administrator: add its record to the zone that the task's DNS servers use.",
            (f"dig +short {posix(host)}",),
            Owner.DEVELOPER,
        )
    else:
        summary, expected = f"SQL Server {host} accepts no connection on port {port}: {error.text}", f"TCP {port} open"
        test = f"nc -vz -w 3 {posix(host)} {port}"
        fix = Fix(
            f"Allow TCP {port} from the task to {host}, in this order: security group of the server, outbound rules of "
            "the task's security group, network ACLs (also the return ports 1024-65535), routes, firewalls. Test from "
            "the task's subnet with nc.",
            (test,),
            Owner.AWS,
        )
        if isinstance(error, Refused):
            summary = f"SQL Server {host} refuses connections on port {port}"
            fix = Fix(
                f"1. Developer: ask the administrator of {host} whether SQL Server runs and listens on TCP {port} "
                "(command 1). If not, the administrator enables TCP/IP on that port in SQL Server Configuration "
                "Manager, and restarts SQL Server. 2. If it listens, AWS administrator: test from the task's subnet "
                "(command 2). If the test fails, find the firewall that rejects the connection, and allow TCP "
                f"{port} to {host} in it.",
                (f"Get-NetTCPConnection -State Listen -LocalPort {port}", test),
                Owner.DEVELOPER,
            )
    return failed(summary, observed=error.text, expected=expected, fix=fix, rows=rows)
