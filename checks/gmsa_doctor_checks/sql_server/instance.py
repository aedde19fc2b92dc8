"""Named instances: the port that SQL Server Browser tells of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    check,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.network.sql_browser import PORT, SqlBrowser
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT, ConnectionString, Form
from gmsa_doctor.formats.sql_server.sql_browser import Instance
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.domain import domain_in_use
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.sql_server.hosts import HostKind, Search, kind_of, search_of
from gmsa_doctor_checks.sql_server.several import worst_of
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, InstancePorts, NamedInstance, key_of
from gmsa_doctor_checks.values import Account, DhcpOptions, GmsaNames

T = TypeVar("T")


@check(
    "sql-server.instance",
    title="SQL Server Browser tells the named instance's port",
    docs=links.SQL_BROWSER,
    shows=(texts.SQL_INSTANCE, texts.SQL_INSTANCE_JDBC),
)
def instance(
    strings: ConnectionStrings,
    names: GmsaNames,
    account: Outcome[Account],
    options: Outcome[DhcpOptions],
    dns: Dns,
    browser: SqlBrowser,
    vantage: Vantage,
    network: Outcome[Network],
    place: AwsPlace,
) -> Result[InstancePorts]:
    r"""For a server that is named `host\\instance` without a port, asks SQL Server Browser for it, as the drivers do.

    Why: the port of a named instance may be another at each start. The driver asks SQL Server Browser on UDP 1434 of
    the host, and cannot connect where that port is closed, where Browser does not run, or where it does not know the
    instance, or hides it. A port in the connection string wins: Browser is not asked then.

    Fix: name the port in place of the instance (`Server=host,port`), or let the service SQL Server Browser run and
    allow UDP 1434 from the task's security group. For an endpoint of RDS, name its port.
    """
    asked = {key_of(one.string): one.string for one in strings.strings if _is_asked_for(one.string)}
    if not asked:
        return skipped("no server is named by its instance alone")
    search = search_of(domain_in_use(names, account), options)
    task = network.value.security_groups[:1] if network.value else ()
    allowed = _allowed(task[0] if task else "<security group of the task>", place)
    answers = each(asked.values(), lambda one: _judge(one, search, dns, browser, vantage, allowed))
    judged = [(one, _nameless(one, answer) if isinstance(answer, ClientError) else answer) for one, answer in answers]
    told = tuple(result.value for _, result in judged if isinstance(result, Given))
    findings = [result.finding if isinstance(result, Given) else result for _, result in judged]
    rows = tuple(
        Row(one.server, found.status, found.summary) for one, found in zip(asked.values(), findings, strict=True)
    )
    finding = worst_of(findings, rows if len(rows) > 1 else ())
    return Given(InstancePorts(told), finding) if told else finding


def _is_asked_for(string: ConnectionString) -> bool:
    return bool(string.instance) and string.port is None and kind_of(string.host) is not HostKind.LOCAL


def _judge(
    string: ConnectionString, search: Search, dns: Dns, browser: SqlBrowser, vantage: Vantage, allowed: str
) -> Result[NamedInstance]:
    """Raises ClientError where the host's address is not known. ``allowed``: the command that opens the port."""
    name = string.instance or ""
    if kind_of(string.host) is HostKind.RDS and not vantage.silence_counts:
        return warned(f"{string.server}: {_RDS}", expected=_with_port(string), fix=_name_the_port(string))
    addresses = search.addresses(string.host, dns)
    try:
        found = _first(addresses, lambda address: browser.instance(address, name))
    except TimedOut as silence:  # also of an instance that it does not know
        try:
            others = _first(addresses, browser.instances)
        except ClientError:
            return judge_silence(_no_browser(string, silence, allowed), vantage)
        listed = next((one for one in others if one.name.lower() == name.lower()), None)
        return _told(string, listed) if listed else _not_there(string, others)
    except (Refused, Unreachable) as error:
        return judge_silence(_no_browser(string, error, allowed), vantage)
    return _told(string, found)


def _first(addresses: tuple[str, ...], ask: Callable[[str], T]) -> T:
    """The answer of the first address that gives one; raises TimedOut if one is silent, else the first error."""
    answers = [answer for _, answer in each(addresses, ask)]
    for answer in answers:
        if not isinstance(answer, ClientError):
            return answer
    errors = [one for one in answers if isinstance(one, ClientError)]
    raise next((one for one in errors if isinstance(one, TimedOut)), errors[0])


def _nameless(string: ConnectionString, error: ClientError) -> Finding:
    """That DNS does not know the host is told by sql-server.name and sql-server.port."""
    return skipped(f"{string.host} has no address to ask SQL Server Browser at: {error.text}")


def _told(string: ConnectionString, found: Instance) -> Result[NamedInstance]:
    host, name = key_of(string)
    if found.port:
        return Given(NamedInstance(host, name, found.port), passed(f"{string.server} listens on port {found.port}"))
    if found.has_tcp:
        return unknown(f"SQL Server Browser tells no port of {string.server}, although TCP/IP is enabled there")
    protocols = ", ".join(found.protocols) or "none"
    finding = failed(
        f"TCP/IP is not enabled for the instance {found.name} on {string.host}: drivers on Linux know nothing else",
        observed=f"SQL Server Browser: protocols of {found.name}: {protocols}",
        expected="tcp among them",
        fix=Fix(
            f"On {string.host}, enable TCP/IP for {found.name} in SQL Server Configuration Manager (SQL Server Network "
            f"Configuration, Protocols for {found.name}), and restart the instance.",
            (f"Restart-Service -Name {powershell(f'MSSQL${found.name}')}",),
        ),
    )
    return Given(NamedInstance(host, name, lost=True), finding)


def _not_there(string: ConnectionString, others: tuple[Instance, ...]) -> Result[NamedInstance]:
    host, name = key_of(string)
    listed = ", ".join(f"{one.name} ({f'port {one.port}' if one.port else 'no port'})" for one in others)
    finding = failed(
        f"SQL Server Browser on {string.host} knows no instance {string.instance}; it knows {listed or 'none'}",
        observed=f"no answer for {string.instance}; all instances: {listed or 'none'}",
        expected=f"the instance {string.instance}, or the name of another one",
        fix=Fix(
            f"Correct the instance's name in the connection string. If it is right: let the instance run, and if it is "
            f"hidden (HideInstance), name its port, {_with_port(string)}.",
            (f"Get-Service -Name {powershell('MSSQL$*')}",),
        ),
    )
    return Given(NamedInstance(host, name, lost=True), finding)


_RDS = "the driver asks SQL Server Browser for the instance's port, and RDS is not known to have one that answers"


_START = ("Set-Service -Name SQLBrowser -StartupType Automatic", "Start-Service -Name SQLBrowser")


def _allowed(task: str, place: AwsPlace) -> str:
    return (
        f"aws ec2 authorize-security-group-ingress{place.region_option} "
        f"--group-id {posix('<security group of the server>')} --protocol udp --port {PORT} "
        f"--source-group {posix(task)}"
    )


def _no_browser(string: ConnectionString, error: ClientError, allowed: str) -> Finding:
    """The driver asks nobody else for the port."""
    is_rds = kind_of(string.host) is HostKind.RDS
    return failed(
        f"{string.server}: {_RDS}" if is_rds else f"the port of {string.server} cannot be found out: {error.text}",
        observed=error.text,
        expected=f"an answer on UDP {PORT}, or a port in the connection string",
        fix=_name_the_port(string)
        if is_rds
        else Fix(
            f"Name the port in the connection string ({_with_port(string)}), which needs no SQL Server Browser. Or let "
            f"the service SQL Server Browser run on {string.host} and allow UDP {PORT} from the task's security group.",
            (*(() if isinstance(error, Refused) else (allowed,)), *_START),
        ),
    )


def _name_the_port(string: ConnectionString) -> Fix:
    return Fix(f"Name the port of the endpoint in place of the instance: {_with_port(string)}.")


def _with_port(string: ConnectionString) -> str:
    port = str(DEFAULT_PORT) if kind_of(string.host) is HostKind.RDS else "<port>"
    if string.form is Form.JDBC:
        return f"jdbc:sqlserver://{string.host}:{port}"
    return f"{string.host}:{port}" if string.form is Form.FREETDS else f"Server={string.host},{port}"
