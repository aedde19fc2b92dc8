"""The connection strings with which the application logs on to SQL Server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Row,
    Status,
    check,
    deferred_to,
    failed,
    if_several,
    passed,
    skipped,
    unknown,
    warned,
    worst,
)
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server import connection_string
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString
from gmsa_doctor.formats.sql_server.drivers import Form, Logon, Obstacle
from gmsa_doctor.given.request import ApplicationConfig
from gmsa_doctor.given.subject import ChosenContainer
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, SecretStrings

OPTION = "--connection-string"


@check(
    "sql-server.connection-string",
    title="Connection string uses integrated security",
    docs=links.CONNECTION_STRINGS,
    owner=Owner.DEVELOPER,
    shows=(texts.SQL_LOGIN_FAILED, texts.SQL_UNREACHABLE),
)
def connection_strings(
    application: ApplicationConfig, chosen: Outcome[ChosenContainer], secret: Outcome[SecretStrings]
) -> Result[ConnectionStrings]:
    """Reads the connection strings of `--connection-string`, and with `--app-config auto` those of the container.

    Each is checked separately: the worst one decides, and later checks continue with those that can be right.

    Why: only integrated security uses the ticket that Credentials Fetcher provides. With a user name and a password,
    the gMSA is not used. With both, the driver decides which one counts. The driver on Linux refuses
    `Authentication` with integrated security, a value that it does not know, and an OLE DB provider.

    Fix: use `Integrated Security=true` or `Trusted_Connection=Yes` (.NET and ODBC), or `integratedSecurity=true` with
    `authenticationScheme=JavaKerberos` (JDBC). Remove the user name and the password.
    """
    strings = _all_strings(application, chosen, secret)
    if not strings and application.unreadable:
        return _unreadable(application.unreadable)
    if not strings:
        return deferred_to(secret.finding) if secret.finding.status in BAD else _nothing(application)
    judged = [(named, *_judge(named.string)) for named in strings]
    rows = tuple(Row(named.name, status, f"{_written(named.string)}: {text}") for named, status, text in judged)
    kerberos = (item for item in judged if item[0].string.logon is Logon.KERBEROS)
    usable = ConnectionStrings(tuple(named for named, status, _ in kerberos if status is not Status.FAIL))
    named, status, text = judged[rows.index(worst(rows))]
    if application.unreadable and status is not Status.FAIL:
        return (
            Given(usable, _unreadable(application.unreadable))
            if usable.strings
            else _unreadable(application.unreadable)
        )
    if status is Status.PASS:
        names = ", ".join(f"{named.name} ({named.string.server})" for named in strings)
        return Given(usable, passed(f"{names}: integrated security", rows=rows))
    finding = (failed if status is Status.FAIL else warned)(
        f"{named.name} ({_written(named.string)}): {text}",
        observed=f"{named.string.form}: {_observed(named.string)}",
        expected=_right(named.string),
        fix=_fix(named),
        rows=if_several(rows),
    )
    return Given(usable, finding) if usable.strings else finding


def _unreadable(reasons: tuple[str, ...]) -> Finding:
    return unknown(
        f"{OPTION} cannot be read: {reasons[0]}",
        expected="Server=db.corp.example,1433;Database=app;Integrated Security=true, or the form of another driver",
        fix=Fix(
            "Pass the string as the application has it. For a service other than SQL Server, pass its SPN instead.",
            (f"gmsa-doctor check … --spn {posix('<service>/<host>.<domain>')}",),
        ),
    )


def _all_strings(
    application: ApplicationConfig, chosen: Outcome[ChosenContainer], secret: Outcome[SecretStrings]
) -> tuple[NamedString, ...]:
    several = len(application.strings) > 1
    given = (
        NamedString(f"{OPTION} {number}" if several else OPTION, string)
        for number, string in enumerate(application.strings, 1)
    )
    container = chosen.value.container if chosen.value and application.search else None
    of_container = container.connection_strings if container else ()
    return (*given, *of_container, *(secret.value.strings if secret.value else ()))


def _nothing(application: ApplicationConfig) -> Finding:
    example = posix("Server=<host>.<domain>,1433;Database=<name>;Integrated Security=true")
    fix = Fix("Pass the connection string that the application uses.", (f"gmsa-doctor check … {OPTION} {example}",))
    if application.search:
        return skipped("found no connection string of SQL Server in the container's environment or secrets", fix=fix)
    return skipped("no connection string was given", fix=fix)


_NO_KERBEROS = {
    Logon.SQL: "it uses a SQL login (user name and password), not the gMSA",
    Logon.NONE: "it does not request integrated security, so it does not use the gMSA",
    Logon.NATIVE: "integratedSecurity without authenticationScheme=JavaKerberos requires a Windows library; on Linux "
    "it works only if the application sets the scheme itself",
    Logon.AD_USER: "JavaKerberos with a user and a password logs on as that user, not as the gMSA",
    Logon.NTLM: "it logs on with NTLM as a user with a password, not as the gMSA",
    Logon.ENTRA: "it uses Microsoft Entra ID, not the gMSA",
}

_AZURE = re.compile(r"[^.]+\.database\.(windows\.net|usgovcloudapi\.net|chinacloudapi\.cn)", re.IGNORECASE)
"""Azure SQL Database. A managed instance has one more label, and can be in a Kerberos realm."""


_DOUBTFUL = (Obstacle.DOTNET_KEYWORD,)
"""The driver passes over the keyword; a setting elsewhere (odbc.ini) may ask for integrated security."""


def _judge(string: ConnectionString) -> tuple[Status, str]:
    if string.obstacle:
        return Status.WARN if string.obstacle in _DOUBTFUL else Status.FAIL, string.obstacle.value
    if string.logon is not Logon.KERBEROS:
        return Status.WARN, _NO_KERBEROS[string.logon]
    if _AZURE.fullmatch(string.host):
        return Status.FAIL, "Azure SQL Database accepts SQL logins and Microsoft Entra ID, not AD accounts"
    if string.colon:
        return (
            Status.FAIL,
            "the port comes after a colon, but the driver requires a comma and takes all of it as the server's name",
        )
    if string.host.lower() == "(localdb)":
        return Status.FAIL, "LocalDB exists on Windows only"
    if string.protocol == "lpc":
        return Status.FAIL, "shared memory (lpc:) reaches only a SQL Server on the same Windows machine"
    if string.protocol == "np":
        return Status.WARN, "it requests a named pipe (np:); drivers on Linux use TCP"
    if string.has_user:
        effect = ".NET ignores them" if string.form is Form.DOTNET else "the driver decides which one counts"
        return Status.WARN, f"it has integrated security and also a user name or a password; {effect}"
    return Status.PASS, "; ".join(("integrated security", *_next_obstacles(string)))


def _next_obstacles(string: ConnectionString) -> Iterator[str]:
    """What decides after the logon, or for another server than the one that is named."""
    if string.form is Form.DOTNET and string.instance and string.port:
        yield "SqlClient 5.2.0 does not connect with both an instance and a port on Linux (use 5.2.1 or later)"
    if string.partner:
        yield f"the failover partner {string.partner} needs an SPN of its own: check it with --spn"
    if string.read_only:
        yield "read-only routing may lead to another server, whose SPN is needed too: check it with --spn"
    if string.verifies_certificate and string.form is not Form.FREETDS:
        yield "current drivers encrypt by default and verify the server's certificate (TrustServerCertificate)"


def _written(string: ConnectionString) -> str:
    """The server as the string has it, with the colon of a wrong port."""
    return f"{string.host}:{string.port}" if string.colon else string.server


def _observed(string: ConnectionString) -> str:
    if string.colon:
        return f"the server is {_written(string)}"
    user = ", with a user name or a password" if string.has_user else ""
    return f"logon: {string.logon}, protocol: {string.protocol}{user}"


_WITH_USER = (Logon.SQL, Logon.AD_USER, Logon.NTLM, Logon.ENTRA)


def _fix(named: NamedString) -> Fix:
    string = named.string
    if _AZURE.fullmatch(string.host):
        return Fix("Use Microsoft Entra ID or a database user in the connection string. A gMSA is not needed.")
    where = (
        f"the application's configuration, and in {OPTION} of gmsa-doctor"
        if named.name.startswith(OPTION)
        else named.name
    )
    remove = ", and remove the user name and the password" if string.has_user or string.logon in _WITH_USER else ""
    return Fix(f"In the connection string in {where}, set {_right(string)}{remove}.")


def _right(string: ConnectionString) -> str:
    """The parts of the string that must change, as they should be."""
    if _AZURE.fullmatch(string.host):
        return "a SQL Server that has joined the AD"
    host = string.host if string.host.lower() != "(localdb)" else "<host>.<domain>"
    server = replace(string, host=host).at_port(string.port or connection_string.DEFAULT_PORT)
    return {
        Form.DOTNET: f"{server};Integrated Security=true",
        Form.ODBC: f"{server};Trusted_Connection=Yes",
        Form.JDBC: f"{server};integratedSecurity=true;authenticationScheme=JavaKerberos",
        Form.GO: f"{server}?authenticator=krb5",
        Form.FREETDS: f"mssql+pymssql://{server}/<database>",
    }[string.form]
