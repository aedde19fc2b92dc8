"""Named instances: the port that SQL Server Browser reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    alternatives,
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
from gmsa_doctor.formats.sql_server.connection_string import DEFAULT_PORT, ConnectionString
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
_MOST_OFFERED = 3
"""How many other instances a fix offers."""


@check(
    "sql-server.instance",
    title="SQL Server Browser reports the named instance's port",
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
    r"""For a server named `host\instance` without a port, asks SQL Server Browser for the port, as the drivers do.

    Why: the port of a named instance can change at each start. The driver asks SQL Server Browser on UDP 1434 of the
    host. It cannot connect if that port is closed, if Browser is not running, or if Browser does not list the instance
    (unknown or hidden). If the connection string has a port, Browser is not used.

    Fix: set the port instead of the instance (`Server=host,port`), or start the SQL Server Browser service and allow
    UDP 1434 from the task's security group. For an RDS endpoint, set its port.
    """
    targets = {key_of(named.string): named.string for named in strings.strings if _needs_browser(named.string)}
    if not targets:
        return skipped("no server is named by its instance without a port")
    search = search_list_of(domain_in_use(names, account), options)
    task = network.value.security_groups[:1] if network.value else ()
    command = (
        f"aws ec2 authorize-security-group-ingress "
        f"--group-id {posix('<security group of the server>')} --protocol udp --port {PORT} "
        f"--source-group {posix(task[0] if task else '<security group of the task>')}"
    )
    results = each(targets.values(), lambda string: _judge(string, search, dns, browser, vantage, command))
    instances = tuple(result.value for _, result in results if isinstance(result, Given))
    finding = combined([(string.server, result) for string, result in results])
    return Given(InstancePorts(instances), finding) if instances else finding


def _needs_browser(string: ConnectionString) -> bool:
    return bool(string.instance) and string.port is None and kind_of(string.host) is not HostKind.LOCAL


def _judge(
    string: ConnectionString, search: SearchList, dns: Dns, browser: SqlBrowser, vantage: Vantage, command: str
) -> Result[NamedInstance]:
    """``command`` opens the port of SQL Server Browser."""
    name = string.instance or ""
    if kind_of(string.host) is HostKind.RDS and not vantage.silence_counts:
        return warned(f"{string.server}: {_RDS}", expected=_with_port(string), fix=_name_the_port(string))
    try:
        addresses = search.addresses(string.host, dns)
    except ClientError as error:  # sql-server.name and sql-server.port report it
        return skipped(f"not checked: {string.host} does not resolve: {error.text}")
    try:
        return _judge_instance(string, _first(addresses, lambda address: browser.instance(address, name)))
    except TimedOut as silence:  # Browser does not answer for an instance that it does not list
        try:
            instances = _first(addresses, browser.instances)
        except ClientError:
            return judge_silence(_no_browser(string, silence, command), vantage)
        match = next((instance for instance in instances if instance.name.lower() == name.lower()), None)
        return _judge_instance(string, match) if match else _no_such_instance(string, instances)
    except (Refused, Unreachable) as error:
        return judge_silence(_no_browser(string, error, command), vantage)


def _first(addresses: tuple[str, ...], ask: Callable[[str], T]) -> T:
    """The first answer. Without one, raises TimedOut if any address timed out, otherwise the first error."""
    errors: list[ClientError] = []
    for _, answer in each(addresses, ask):
        if not isinstance(answer, ClientError):
            return answer
        errors.append(answer)
    raise next((error for error in errors if isinstance(error, TimedOut)), errors[0])


def _judge_instance(string: ConnectionString, instance: Instance) -> Result[NamedInstance]:
    host, name = key_of(string)
    if instance.port:
        return Given(
            NamedInstance(host, name, instance.port), passed(f"{string.server} listens on port {instance.port}")
        )
    if instance.has_tcp:
        return unknown(f"SQL Server Browser reports no port for {string.server}, although TCP/IP is enabled there")
    finding = failed(
        f"TCP/IP is not enabled for the instance {instance.name} on {string.host}; Linux drivers support TCP/IP only",
        observed=f"SQL Server Browser: protocols of {instance.name}: {', '.join(instance.protocols) or 'none'}",
        expected="tcp among the protocols",
        fix=Fix(
            f"On {string.host}, enable TCP/IP for {instance.name} in SQL Server Configuration Manager (SQL Server "
            f"Network Configuration, Protocols for {instance.name}). Then restart the instance.",
            (f"Restart-Service -Name {powershell(f'MSSQL${instance.name}')}",),
        ),
    )
    return Given(NamedInstance(host, name, lost=True), finding)


def _port_of(instance: Instance) -> str:
    if instance.port:
        return f"port {instance.port}"
    return "no port" if instance.has_tcp else "TCP/IP is off"


def _no_such_instance(string: ConnectionString, instances: tuple[Instance, ...]) -> Result[NamedInstance]:
    host, name = key_of(string)
    known = ", ".join(f"{instance.name} ({_port_of(instance)})" for instance in instances) or "none"
    finding = failed(
        f"SQL Server Browser on {string.host} does not list the instance {string.instance}; it lists {known}",
        observed=f"no answer for {string.instance}; all instances: {known}",
        expected=f"the instance {string.instance} in that list",
        fix=alternatives(
            *(_connect_to(string, instance) for instance in instances[:_MOST_OFFERED]),
            Fix(
                f"If {string.instance} is correct, database administrator: start it on {string.host}.",
                (f"Start-Service -Name {powershell(f'MSSQL${string.instance}')}",),
            ),
            Fix(
                f"If {string.instance} runs but is hidden (HideInstance), developer: set its port in the connection "
                f"string: {_with_port(string)}."
            ),
            owner=Owner.DEVELOPER,
        ),
    )
    return Given(NamedInstance(host, name, lost=True), finding)


def _connect_to(string: ConnectionString, other: Instance) -> Fix:
    """How to use another instance of the server."""
    if other.has_tcp:
        start = f"If the application needs {other.name}, developer: set"
        return Fix(f"{start} Server={string.host}\\{other.name} in the connection string.")
    return Fix(
        f"If the application needs {other.name}, database administrator: enable TCP/IP for it in SQL Server "
        f"Configuration Manager, and restart it. Developer: set Server={string.host}\\{other.name} in the connection "
        "string."
    )


_RDS = "the driver asks SQL Server Browser for the instance's port, and RDS is not known to run one that answers"
_START = ("Set-Service -Name SQLBrowser -StartupType Automatic", "Start-Service -Name SQLBrowser")


def _no_browser(string: ConnectionString, error: ClientError, command: str) -> Finding:
    summary = f"the port of {string.server} cannot be determined: {error.text}"
    is_refused = isinstance(error, Refused)
    opening = "" if is_refused else f"allow UDP {PORT} from the task's security group, and "
    fix = Fix(
        f"Set the port in the connection string ({_with_port(string)}); the driver then does not need SQL Server "
        f"Browser. Otherwise {opening}start the SQL Server Browser service on {string.host} (commands).",
        _START if is_refused else (command, *_START),
        Owner.DEVELOPER,
    )
    if kind_of(string.host) is HostKind.RDS:
        summary, fix = f"{string.server}: {_RDS}", _name_the_port(string)
    expected = f"an answer on UDP {PORT}, or a port in the connection string"
    return failed(summary, observed=error.text, expected=expected, fix=fix)


def _name_the_port(string: ConnectionString) -> Fix:
    text = f"Set the port of the endpoint instead of the instance: {_with_port(string)}."
    return Fix(text, owner=Owner.DEVELOPER)


def _with_port(string: ConnectionString) -> str:
    return string.at_port(DEFAULT_PORT if kind_of(string.host) is HostKind.RDS else "<port>")
