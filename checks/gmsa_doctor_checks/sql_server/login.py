"""The login that SQL Server must have for the gMSA."""

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
    title="The login that SQL Server must have for the gMSA",
    docs=links.SQL_LOGIN,
    shows=(texts.SQL_LOGIN_FAILED,),
)
def login(servers: SqlServers, names: GmsaNames, credspec: CredSpec, bound: Outcome[BoundDirectory]) -> Finding:
    r"""Says the T-SQL that makes a login for the gMSA, with its real name. SQL Server itself is not asked.

    Why: a ticket proves who the container is, not that SQL Server lets it in: "Login failed for user 'CORP\webapp01$'"
    means that all of Kerberos has worked, and that the login is missing, disabled, or has no user in the database. On
    RDS it is made in the same way. A login of a group that the gMSA is in will do as well.

    Fix: run the T-SQL as an administrator of SQL Server, and give the user the roles that the application needs.
    """
    netbios = _netbios(names, bound) or credspec.document.net_bios_name or names.domain.text.partition(".")[0].upper()
    account = f"{netbios}\\{names.gmsa.text}$"
    strings = [server.string for server in servers.servers]
    hosts = ", ".join(dict.fromkeys(string.server for string in strings))
    databases = tuple(dict.fromkeys(string.database or "<database>" for string in strings))
    fix = Fix(
        "Where it is missing: the login on each server, and its user in each database (the role is an example; in a "
        "contained database, CREATE USER without FOR LOGIN is enough). The last line shows a login that is there.",
        statements(account, databases),
    )
    return replace(passed(f"not asked of {hosts}: it has to know the login {account}"), fix=fix)


def statements(account: str, databases: tuple[str, ...]) -> tuple[str, ...]:
    r"""The T-SQL for a login of Windows and its users. Windows accounts are named ``DOMAIN\name``, never as a UPN.

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
    """The domain's short name as the AD has it: CredSpecs are known to hold others (MS-ADTS 6.1.1.2.1.1)."""
    if bound.value is None:
        return None
    base = names.domain.base_dn
    try:
        entries = bound.value.directory.search(
            f"CN=Partitions,CN=Configuration,{base}", f"(nCName={escape_filter(base)})", ("nETBIOSName",), "one"
        )
    except ClientError:  # of a child domain, the configuration is elsewhere
        return None
    return entries[0].text("nETBIOSName") if entries else None
