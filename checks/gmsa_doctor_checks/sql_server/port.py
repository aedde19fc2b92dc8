"""Whether the application's SQL Servers accept connections."""

from __future__ import annotations

import ipaddress

from gmsa_doctor.clients.dns import Dns
from gmsa_doctor.clients.tcp import Tcp
from gmsa_doctor.errors import ClientError, NotFound, Refused, TimedOut, Unreachable
from gmsa_doctor.formats.connection_string import DEFAULT_PORT, ConnectionString
from gmsa_doctor.limits import each
from gmsa_doctor.model import Finding, Fix, Outcome, Row, Status, failed, passed, skipped
from gmsa_doctor.registry import check
from gmsa_doctor.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import domain_in_use
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.sql_server.name import Kind, kind_of
from gmsa_doctor_checks.sql_server.values import SqlServers
from gmsa_doctor_checks.values import Account, DomainName, GmsaNames


@check(
    "sql-server.port",
    title="The SQL Server accepts connections",
    docs=links.SPN,
    shows=(texts.SQL_UNREACHABLE,),
)
def port(
    servers: SqlServers, names: GmsaNames, account: Outcome[Account], dns: Dns, tcp: Tcp, vantage: Vantage
) -> Finding:
    """Looks up the server of each connection string, and opens a TCP connection to its port.

    Why: with the best ticket nothing is read from a server that cannot be reached: a security group, a network ACL, a
    name that the task's DNS servers do not know.

    Fix: allow TCP 1433 (or the instance's port, and UDP 1434 to find it out) from the task's security group.
    """
    domain = domain_in_use(names, account)
    strings = tuple(dict.fromkeys(one.string for one in servers.servers))
    asked = [one for one in strings if kind_of(one.host) is not Kind.LOCAL and (one.port or not one.instance)]
    if not asked:
        return skipped("the servers' ports are not known: they are the container's own, or those of named instances")
    answers = each(asked, lambda one: _reached(one, domain, dns, tcp))
    rows = tuple(
        Row(_name(one), Status.FAIL, answer.text)
        if isinstance(answer, ClientError)
        else Row(_name(one), Status.PASS, answer)
        for one, answer in answers
    )
    closed = [(one, answer) for one, answer in answers if isinstance(answer, ClientError)]
    if not closed:
        return passed("; ".join(f"{row.name}: {row.text}" for row in rows), rows=rows)
    string, error = closed[0]
    if not isinstance(error, NotFound | TimedOut | Refused | Unreachable):
        raise error
    return judge_silence(_no_way(string, error, rows if len(rows) > 1 else ()), vantage)


def _name(string: ConnectionString) -> str:
    return f"{string.host}:{string.port or DEFAULT_PORT}"


def _reached(string: ConnectionString, domain: DomainName, dns: Dns, tcp: Tcp) -> str:
    """One address is enough: a listener of an availability group has one in each subnet, and one of them answers."""
    number = string.port or DEFAULT_PORT
    answers = each(_addresses(string.host, domain, dns), lambda address: tcp.connect(address, number))
    closed = [answer for _, answer in answers if isinstance(answer, ClientError)]
    if len(closed) == len(answers):
        raise closed[0]
    address, seconds = next((one, answer) for one, answer in answers if not isinstance(answer, ClientError))
    rest = f" ({len(closed)} of its {len(answers)} addresses is not)" if closed else ""
    return f"{address} is open after {seconds * 1000:.0f} ms{rest}"


def _addresses(host: str, domain: DomainName, dns: Dns) -> tuple[str, ...]:
    try:
        return (str(ipaddress.ip_address(host)),)
    except ValueError:
        return dns.addresses(host if "." in host else f"{host}.{domain.text}")


def _no_way(string: ConnectionString, error: ClientError, rows: tuple[Row, ...]) -> Finding:
    number = string.port or DEFAULT_PORT
    if isinstance(error, NotFound):
        return failed(
            f"the SQL Server {string.host} has no address: {error.text}",
            observed=error.text,
            expected=f"an address of {string.host}",
            fix=Fix(
                "Correct the server's name, or let the task's DNS servers know it.",
                (f"dig +short {posix(string.host)}",),
            ),
            rows=rows,
        )
    return failed(
        f"the SQL Server {string.host} accepts no connection on port {number}: {error.text}",
        observed=error.text,
        expected=f"TCP {number} open",
        fix=Fix(
            f"Allow TCP {number} from the task's security group to the server: security groups on both sides, network "
            "ACLs (return ports 1024-65535 too), routes and firewalls; see that SQL Server listens on that port.",
            (f"nc -vz -w 3 {posix(string.host)} {number}",),
        ),
        rows=rows,
    )
