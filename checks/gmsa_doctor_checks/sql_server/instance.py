"""Named instances: the port that SQL Server Browser reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gmsa_doctor.authoring import Finding, Fix, Given, Outcome, Result, check, failed, passed, skipped, unknown, warned
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
from gmsa_doctor_checks.sql_server.combined import combined
from gmsa_doctor_checks.sql_server.hosts import HostKind, SearchList, kind_of, search_list_of
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
    targets = {key_of(named.string): named.string for named in strings.strings if _needs_browser(named.string)}
    if not targets:
        return skipped("no server is named by its instance alone")
    search = search_list_of(domain_in_use(names, account), options)
    task = network.value.security_groups[:1] if network.value else ()
    command = (
        f"aws ec2 authorize-security-group-ingress{place.region_option} "
        f"--group-id {posix('<security group of the server>')} --protocol udp --port {PORT} "
        f"--source-group {posix(task[0] if task else '<security group of the task>')}"
    )
    answers = each(targets.values(), lambda string: _judge(string, search, dns, browser, vantage, command))
    results = [
        # that DNS does not know the host is reported by sql-server.name and sql-server.port
        (string, skipped(f"{string.host} has no address to ask SQL Server Browser at: {result.text}"))
        if isinstance(result, ClientError)
        else (string, result)
        for string, result in answers
    ]
    instances = tuple(result.value for _, result in results if isinstance(result, Given))
    finding = combined(
        [(string.server, result.finding if isinstance(result, Given) else result) for string, result in results]
    )
    return Given(InstancePorts(instances), finding) if instances else finding


def _needs_browser(string: ConnectionString) -> bool:
    return bool(string.instance) and string.port is None and kind_of(string.host) is not HostKind.LOCAL


def _judge(
    string: ConnectionString, search: SearchList, dns: Dns, browser: SqlBrowser, vantage: Vantage, command: str
) -> Result[NamedInstance]:
    """Raises ClientError where the host's address is not known. ``command`` opens the port of SQL Server Browser."""
    name = string.instance or ""
    if kind_of(string.host) is HostKind.RDS and not vantage.silence_counts:
        return warned(f"{string.server}: {_RDS}", expected=_with_port(string), fix=_name_the_port(string))
    addresses = search.addresses(string.host, dns)
    try:
        return _judge_instance(string, _first(addresses, lambda address: browser.instance(address, name)))
    except TimedOut as silence:  # also of an instance that it does not know
        try:
            instances = _first(addresses, browser.instances)
        except ClientError:
            return judge_silence(_no_browser(string, silence, command), vantage)
        found = next((instance for instance in instances if instance.name.lower() == name.lower()), None)
        return _judge_instance(string, found) if found else _no_such_instance(string, instances)
    except (Refused, Unreachable) as error:
        return judge_silence(_no_browser(string, error, command), vantage)


def _first(addresses: tuple[str, ...], ask: Callable[[str], T]) -> T:
    """The answer of the first address that gives one; raises TimedOut if one is silent, else the first error."""
    errors: list[ClientError] = []
    for _, answer in each(addresses, ask):
        if not isinstance(answer, ClientError):
            return answer
        errors.append(answer)
    raise next((error for error in errors if isinstance(error, TimedOut)), errors[0])


def _judge_instance(string: ConnectionString, found: Instance) -> Result[NamedInstance]:
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


def _no_such_instance(string: ConnectionString, instances: tuple[Instance, ...]) -> Result[NamedInstance]:
    host, name = key_of(string)
    ports = ((instance.name, f"port {instance.port}" if instance.port else "no port") for instance in instances)
    known = ", ".join(f"{instance} ({port})" for instance, port in ports) or "none"
    finding = failed(
        f"SQL Server Browser on {string.host} knows no instance {string.instance}; it knows {known}",
        observed=f"no answer for {string.instance}; all instances: {known}",
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


def _no_browser(string: ConnectionString, error: ClientError, command: str) -> Finding:
    """The driver asks nobody else for the port."""
    summary = f"the port of {string.server} cannot be found out: {error.text}"
    fix = Fix(
        f"Name the port in the connection string ({_with_port(string)}), which needs no SQL Server Browser. Or let "
        f"the service SQL Server Browser run on {string.host} and allow UDP {PORT} from the task's security group.",
        _START if isinstance(error, Refused) else (command, *_START),
    )
    if kind_of(string.host) is HostKind.RDS:
        summary, fix = f"{string.server}: {_RDS}", _name_the_port(string)
    expected = f"an answer on UDP {PORT}, or a port in the connection string"
    return failed(summary, observed=error.text, expected=expected, fix=fix)


def _name_the_port(string: ConnectionString) -> Fix:
    return Fix(f"Name the port of the endpoint in place of the instance: {_with_port(string)}.")


def _with_port(string: ConnectionString) -> str:
    port = str(DEFAULT_PORT) if kind_of(string.host) is HostKind.RDS else "<port>"
    if string.form is Form.JDBC:
        return f"jdbc:sqlserver://{string.host}:{port}"
    return f"{string.host}:{port}" if string.form is Form.FREETDS else f"Server={string.host},{port}"
