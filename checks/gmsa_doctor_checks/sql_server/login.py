"""The login that SQL Server requires for the gMSA."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Outcome, check, passed
from gmsa_doctor.clients.ldap.client import escape_filter
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.sql_server.values import SqlServers
from gmsa_doctor_checks.values import BoundDirectory, CredSpec, GmsaNames


@check(
    "sql-server.login",
    title="Login for the gMSA in SQL Server (shown, not checked)",
    docs=links.SQL_LOGIN,
    shows=(texts.SQL_LOGIN_FAILED,),
)
def login(servers: SqlServers, names: GmsaNames, credspec: CredSpec, bound: Outcome[BoundDirectory]) -> Finding:
    r"""Shows the T-SQL that creates a login for the gMSA, with its real name. It does not connect to SQL Server.

    Why: a ticket proves who the container is, not that SQL Server accepts it. "Login failed for user 'CORP\webapp01$'"
    means that Kerberos worked, and that the login is missing, disabled, or has no user in the database. The T-SQL is
    the same on RDS. A login for a group that contains the gMSA also works.

    Fix: run the T-SQL as a SQL Server administrator, and give the user the roles that the application needs.
    """
    netbios = _netbios(names, bound) or credspec.document.net_bios_name or names.domain.text.partition(".")[0].upper()
    account = f"{netbios}\\{names.gmsa.text}$"
    strings = [server.string for server in servers.servers]
    hosts = ", ".join(dict.fromkeys(string.server for string in strings))
    databases = tuple(dict.fromkeys(string.database or "<database>" for string in strings))
    fix = Fix(
        "If the login is missing, create it on each server, and its user in each database. The role is an example. In "
        "a contained database, CREATE USER without FOR LOGIN is enough. The last statement shows an existing login.",
        statements(account, databases),
    )
    return replace(passed(f"not checked: SQL Server on {hosts} needs a login for {account}"), fix=fix)


def statements(account: str, databases: tuple[str, ...]) -> tuple[str, ...]:
    r"""The T-SQL for a Windows login and its users. Windows accounts are named ``DOMAIN\name``, never as a UPN.

    Source: https://learn.microsoft.com/sql/t-sql/statements/create-login-transact-sql and create-user-transact-sql.
    """
    login, text = _quoted(account), account.replace("'", "''")
    return (
        f"CREATE LOGIN {login} FROM WINDOWS;",
        *(
            line
            for database in databases
            for line in (
                f"USE {_quoted(database)};",
                f"CREATE USER {login} FOR LOGIN {login};",
                f"ALTER ROLE [db_datareader] ADD MEMBER {login};",
            )
        ),
        f"SELECT name, is_disabled FROM sys.server_principals WHERE name = N'{text}';",  # noqa: S608 - printed, not run
    )


def _quoted(name: str) -> str:
    """An identifier of T-SQL."""
    return f"[{name.replace(']', ']]')}]"


def _netbios(names: GmsaNames, bound: Outcome[BoundDirectory]) -> str | None:
    """The domain's short name in the AD (MS-ADTS 6.1.1.2.1.1), from which that of a CredSpec may differ."""
    if bound.value is None:
        return None
    base = names.domain.base_dn
    try:
        entries = bound.value.directory.search(
            f"CN=Partitions,CN=Configuration,{base}", f"(nCName={escape_filter(base)})", ("nETBIOSName",), "one"
        )
    except ClientError:  # a child domain has its configuration elsewhere
        return None
    return entries[0].text("nETBIOSName") if entries else None
