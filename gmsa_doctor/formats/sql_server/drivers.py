"""The drivers of SQL Server, the kinds of logon, and what a driver on Linux does not accept."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

TRUSTED = ("integrated security", "trusted_connection")
TRUE = frozenset({"true", "yes", "sspi"})


class Form(StrEnum):
    """The driver of a connection string. Each driver builds the SPN differently."""

    DOTNET = ".NET SqlClient"
    ODBC = "ODBC"
    JDBC = "JDBC"
    FREETDS = "pymssql"
    GO = "go-mssqldb"


class Obstacle(StrEnum):
    """Why a driver on Linux does not accept the string, or ignores what it says, and the words for it."""

    AUTHENTICATION = "it has Authentication and integrated security; the driver refuses both together"
    """Source: SqlConnectionString of dotnet/SqlClient; msodbcsql: "Cannot use Authentication option with Integrated
    Security option"."""
    DOTNET_KEYWORD = "Integrated Security is a keyword of .NET, which ODBC ignores"
    """Source: https://learn.microsoft.com/sql/connect/odbc/dsn-connection-string-attribute."""
    TRUSTED_VALUE = "the value of integrated security is not one that the driver accepts (true, yes or SSPI)"
    """Source: DbConnectionStringUtilities.ConvertToIntegratedSecurity of dotnet/SqlClient."""
    OLE_DB = "it names an OLE DB provider (Provider=…), which exists on Windows only"
    """Source: https://learn.microsoft.com/sql/connect/oledb/oledb-driver-for-sql-server."""


class Logon(StrEnum):
    """The kind of logon."""

    KERBEROS = "integrated"
    """With the ticket in the cache."""
    NATIVE = "native"
    """JDBC's integrated security without JavaKerberos, which requires a library for Windows."""
    AD_USER = "ad-user"
    """JDBC with JavaKerberos and a user, for which the driver itself gets a ticket."""
    SQL = "sql"
    """With a SQL login and its password."""
    NTLM = "ntlm"
    ENTRA = "entra"
    """With a Microsoft Entra ID token."""
    NONE = "none"
    """Not specified."""


def obstacle_of(form: Form, pairs: Mapping[str, str]) -> Obstacle | None:
    """The obstacle in a string with these keywords, if any."""
    trusted = next((pairs[name] for name in TRUSTED if pairs.get(name)), "").lower()
    if form in (Form.DOTNET, Form.ODBC) and "provider" in pairs:
        return Obstacle.OLE_DB
    if form is Form.DOTNET and trusted not in (*TRUE, "", "false", "no"):
        return Obstacle.TRUSTED_VALUE
    if form is Form.ODBC and "integrated security" in pairs and not pairs.get("trusted_connection"):
        return Obstacle.DOTNET_KEYWORD
    together = form in (Form.DOTNET, Form.ODBC) and trusted in TRUE and pairs.get("authentication")
    return Obstacle.AUTHENTICATION if together else None


def trusts_any_certificate(pairs: Mapping[str, str]) -> bool:
    """Whether the driver does not verify the server's certificate."""
    encrypt = pairs.get("encrypt", "").lower()
    trusted = pairs.get("trustservercertificate") or pairs.get("trust server certificate") or ""
    return encrypt in ("false", "no", "optional", "disable", "0") or trusted.lower() in ("true", "yes", "1")
