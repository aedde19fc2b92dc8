"""How the application logs on to SQL Server: its connection strings."""

from __future__ import annotations

import re

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    Status,
    check,
    deferred_to,
    failed,
    if_several,
    passed,
    skipped,
    warned,
    worst,
)
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server import connection_string
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString, Form, Logon
from gmsa_doctor.given.application import ApplicationConfig
from gmsa_doctor.given.subject import ChosenContainer
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, SecretStrings

OPTION = "--connection-string"


@check(
    "sql-server.connection-string",
    title="The connection string logs on with the gMSA",
    docs=links.CONNECTION_STRINGS,
    shows=(texts.SQL_LOGIN_FAILED, texts.SQL_UNREACHABLE),
)
def connection_strings(
    application: ApplicationConfig, chosen: Outcome[ChosenContainer], secret: Outcome[SecretStrings]
) -> Result[ConnectionStrings]:
    """Reads the connection strings of `--connection-string`, and with `--app-config auto` those of the container.

    Each is judged by itself: the worst decides, and what comes after goes on with those that can be right.

    Why: only integrated security uses the ticket that Credentials Fetcher provides. With a user and a password, SQL
    Server asks neither the AD nor the gMSA; with both, it depends on the driver which counts.

    Fix: .NET and ODBC: `Integrated Security=true` or `Trusted_Connection=Yes`; JDBC: `integratedSecurity=true` with
    `authenticationScheme=JavaKerberos`; and no user and password.
    """
    strings = _all_strings(application, chosen, secret)
    if not strings:
        return deferred_to(secret.finding) if secret.finding.status in BAD else _nothing(application)
    judged = [(named, *_judge(named.string)) for named in strings]
    rows = tuple(Row(named.name, status, f"{named.string.server}: {text}") for named, status, text in judged)
    usable = ConnectionStrings(
        tuple(
            named for named, status, _ in judged if named.string.logon is Logon.KERBEROS and status is not Status.FAIL
        )
    )
    named, status, text = judged[rows.index(worst(rows))]
    if status is Status.PASS:
        names = ", ".join(f"{named.name} ({named.string.server})" for named in strings)
        return Given(usable, passed(f"{names}: integrated security", rows=rows))
    finding = (failed if status is Status.FAIL else warned)(
        f"{named.name} ({named.string.server}): {text}",
        observed=f"{named.string.form}: {_seen(named.string)}",
        expected=_right(named.string),
        fix=_fix(named.string),
        rows=if_several(rows),
    )
    return Given(usable, finding) if usable.strings else finding


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
    fix = Fix("Give it as the application has it.", (f"gmsa-doctor check … {OPTION} {example}",))
    where = "no connection string of SQL Server is in the container's environment or secrets"
    return skipped(where if application.search else "no connection string was given", fix=fix)


_NO_KERBEROS = {
    Logon.SQL: "it logs on with a user that SQL Server knows (a SQL login), not with the gMSA",
    Logon.NONE: "it does not ask for integrated security, so it does not use the gMSA",
    Logon.NATIVE: "integratedSecurity without authenticationScheme=JavaKerberos needs a library of Windows; on Linux "
    "it works only if the application sets the scheme itself",
    Logon.AD_USER: "JavaKerberos with a user and a password logs on as that user, not as the gMSA",
    Logon.NTLM: "it logs on with NTLM, as a user with a password, not as the gMSA",
    Logon.ENTRA: "it logs on to Microsoft Entra ID, not with the gMSA",
}
_BOTH = {
    Form.DOTNET: "beside integrated security stands a user or a password, which .NET passes over",
    Form.ODBC: "beside Trusted_Connection stands a user or a password; which counts depends on the driver",
    Form.FREETDS: "beside integrated security stands a user or a password; which counts depends on the driver",
}


_AZURE = re.compile(r"[^.]+\.database\.(windows\.net|usgovcloudapi\.net|chinacloudapi\.cn)", re.IGNORECASE)
"""Of Azure SQL Database. A managed instance has one label more, and can be in a Kerberos realm."""


def _judge(string: ConnectionString) -> tuple[Status, str]:
    if string.logon is not Logon.KERBEROS:
        return Status.WARN, _NO_KERBEROS[string.logon]
    if _AZURE.fullmatch(string.host):
        return Status.FAIL, "Azure SQL Database knows logins of its own and of Microsoft Entra ID, and none of an AD"
    if string.colon:
        return Status.FAIL, "the port stands after a colon, so that the driver takes all of it for the server's name"
    if string.host.lower() == "(localdb)":
        return Status.FAIL, "LocalDB is there on Windows only"
    if string.protocol == "lpc":
        return Status.FAIL, "shared memory (lpc:) leads to a SQL Server of the same Windows machine only"
    if string.protocol == "np":
        return Status.WARN, "it asks for a named pipe (np:); drivers on Linux connect by TCP"
    if string.has_user:
        return Status.WARN, _BOTH.get(string.form, "beside integrated security stands a user or a password")
    return Status.PASS, "integrated security"


def _seen(string: ConnectionString) -> str:
    if string.colon:
        return f"{string.host}:{string.port}"
    return (
        f"logon: {string.logon}, protocol: {string.protocol}{', with a user or a password' if string.has_user else ''}"
    )


def _fix(string: ConnectionString) -> Fix:
    if _AZURE.fullmatch(string.host):
        return Fix(
            "Let the application log on with Microsoft Entra ID, or as a user of the database; it needs no gMSA."
        )
    return Fix(f"Write it as {_right(string)}, without user and password.")


def _right(string: ConnectionString) -> str:
    """The string as it should be, without what is not ours to know."""
    if _AZURE.fullmatch(string.host):
        return "a SQL Server that has joined the AD"
    port = string.port or connection_string.DEFAULT_PORT
    host = string.host if string.host.lower() != "(localdb)" else "<host>.<domain>"
    if string.form is Form.JDBC:
        return f"jdbc:sqlserver://{host}:{port};integratedSecurity=true;authenticationScheme=JavaKerberos"
    if string.form is Form.ODBC:
        return f"Server={host},{port};Trusted_Connection=Yes"
    if string.form is Form.FREETDS:
        return f"mssql+pymssql://{host}:{port}/<database>"
    return f"Server={host},{port};Integrated Security=true"
