"""Connection strings of SQL Server: which server, by which logon. Pure; no password leaves this module.

Sources: https://learn.microsoft.com/dotnet/api/microsoft.data.sqlclient.sqlconnection.connectionstring (.NET),
https://learn.microsoft.com/sql/connect/odbc/dsn-connection-string-attribute (ODBC),
https://learn.microsoft.com/sql/connect/jdbc/building-the-connection-url (JDBC), and
https://docs.sqlalchemy.org/en/20/dialects/mssql.html (SQLAlchemy's URLs: connection_url.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

LIMIT = 16 * 1024
"""Characters; what is longer is no connection string."""

DEFAULT_PORT = 1433


class ConnectionStringError(ValueError):
    """A text is no connection string of SQL Server. The message holds nothing of it: there may be a password in it."""


class Form(StrEnum):
    """The driver that a connection string is for; each builds the SPN differently."""

    DOTNET = ".NET SqlClient"
    ODBC = "ODBC"
    JDBC = "JDBC"
    FREETDS = "pymssql"


class Logon(StrEnum):
    """How the driver logs on."""

    KERBEROS = "integrated"
    """With the ticket in the cache."""
    NATIVE = "native"
    """JDBC's integrated security without JavaKerberos: by a library that there is for Windows only."""
    AD_USER = "ad-user"
    """JDBC with JavaKerberos and a user: the driver gets a ticket for that user itself."""
    SQL = "sql"
    """With a user and a password that SQL Server knows."""
    NTLM = "ntlm"
    ENTRA = "entra"
    """With a token of Microsoft Entra ID."""
    NONE = "none"
    """Not specified."""


@dataclass(frozen=True)
class ConnectionString:
    """What a connection string says of the server and the logon.

    ``port`` and ``instance`` are None where it does not say; ``protocol`` is ``tcp`` where it does not. ``spn`` is the
    one that it names itself. ``has_user``: a user or a password stands in it. ``colon``: the port stands after a
    colon where the driver wants a comma, and so takes all of it for the server's name.
    """

    form: Form
    host: str
    logon: Logon
    port: int | None = None
    instance: str | None = None
    protocol: str = "tcp"
    has_user: bool = False
    spn: str | None = None
    colon: bool = False
    database: str | None = None
    """None where it does not say, and where the name is none of plain letters, digits and a few signs."""

    @property
    def server(self) -> str:
        """The server as people write it."""
        instance = f"\\{self.instance}" if self.instance else ""
        return f"{self.host}{instance}" + (f",{self.port}" if self.port else "")


_SERVER = ("server", "data source", "address", "addr", "network address")
_USER = ("user id", "uid", "user", "username", "user name")
_PASSWORD = ("password", "pwd")
_DATABASE = ("database", "initial catalog", "databasename")
_TRUSTED = ("integrated security", "trusted_connection")
_SPN = ("server spn", "serverspn")
_BESIDES = frozenset(
    {*_USER, *_PASSWORD, *_TRUSTED, "database", "initial catalog", "driver", "authentication", "encrypt"}
)
"""Each connection string has one of these in addition to the server."""
_FOREIGN = (
    *("port", "host", "username", "user name", "sslmode", "ssl mode", "charset", "character set", "search path"),
    *("allowpublickeyretrieval", "allow user variables", "maximum pool size", "version"),
)
"""Keywords of MySQL's, PostgreSQL's and SQLite's .NET drivers; SqlClient refuses a string that has one."""
_FOREIGN_DRIVER = re.compile(
    r"postgres|psql|pgsql|mysql|maria|oracle|db2|sqlite|snowflake|redshift|teradata|sybase|adaptive server|informix|"
    r"hana|hive|spark|impala|athena|mongo|firebird|vertica",
    re.IGNORECASE,
)
_TRUE = frozenset({"true", "yes", "sspi"})
_HOST = re.compile(r"[A-Za-z0-9_.:%\[\]-]+|\(local\)|\(localdb\)", re.IGNORECASE)
_SCHEME = re.compile(r"\s*(?P<scheme>jdbc:[a-z]+|[a-z][a-z0-9+]*)://", re.IGNORECASE)
_MAYBE = re.compile(r"mssql|jdbc:sqlserver|(server|source|addr|address)\s*=", re.IGNORECASE)


def may_be_one(text: str) -> bool:
    """Whether it is worth parsing: quick, for each variable of each container."""
    return len(text) <= LIMIT and bool(_MAYBE.search(text))


def parse(text: str) -> ConnectionString:
    """A connection string of any form. Raises ConnectionStringError."""
    if len(text) > LIMIT:
        raise ConnectionStringError("it is too long for a connection string")
    if not text.strip():
        raise ConnectionStringError("it is empty")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _of_pairs(text)
    kind, rest = scheme["scheme"].lower(), text[scheme.end() :].strip()
    if kind == "jdbc:sqlserver":
        return _jdbc(rest)
    if kind.partition("+")[0] == "mssql":
        return _url(kind.partition("+")[2] or "pyodbc", rest)
    if kind == "sqlserver":
        raise ConnectionStringError("it is a URL of a driver of Go or Node.js, which is not known here")
    raise ConnectionStringError(f"it is of another kind of server ({kind}), not of SQL Server")


# Keywords and values -------------------------------------------------------------------------------


def _pairs(text: str, quotes: Mapping[str, str]) -> list[tuple[str, str]]:
    """``keyword=value;…`` in their order, keywords in lower case. In quotes, the closing one is doubled."""
    pairs: list[tuple[str, str]] = []
    rest = text.lstrip(_BETWEEN)
    while rest:
        keyword, equals, rest = rest.partition("=")
        if not equals or ";" in keyword:
            raise ConnectionStringError("a keyword in it has no = behind it (a value that holds ; must be in quotes)")
        value, rest = _value(rest.lstrip(_WHITE), quotes)
        pairs.append((" ".join(keyword.lower().split()), value))
        rest = rest.lstrip(_BETWEEN)
    return pairs


_WHITE = " \t\r\n"
_BETWEEN = f";{_WHITE}"


def _value(text: str, quotes: Mapping[str, str]) -> tuple[str, str]:
    """The value that a text begins with, and what follows its ``;``."""
    closing = quotes.get(text[:1])
    if closing is None:
        value, _, rest = text.partition(";")
        return value.strip(), rest
    quoted = re.match(f"((?:[^{closing}]|{closing}{closing})*){closing}(?!{closing})", text[1:])
    if quoted is None:
        raise ConnectionStringError("a quote or brace in it is not closed")
    behind, _, rest = text[1 + quoted.end() :].partition(";")
    if behind.strip():
        raise ConnectionStringError("something stands between a closing quote and the next ;")
    return quoted[1].replace(closing * 2, closing), rest


def _first(pairs: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((pairs[name] for name in names if pairs.get(name)), None)


_ADO = {"'": "'", '"': '"'}
_BRACES = {"{": "}"}


def _of_pairs(text: str) -> ConnectionString:
    """.NET's or ODBC's, decided by the keyword ``driver``. In .NET the last of a keyword counts, in ODBC the first."""
    odbc = re.search(r"(^|;)\s*(driver|dsn)\s*=", text, re.IGNORECASE) is not None
    if odbc:
        return _odbc(dict(reversed(_pairs(text, _BRACES))))
    pairs = dict(_pairs(text, _ADO))
    server = _first(pairs, _SERVER)
    if server is None or not _BESIDES & pairs.keys():
        raise ConnectionStringError("it names no server (Server=… or Data Source=…)")
    if foreign := next((keyword for keyword in _FOREIGN if keyword in pairs), None):
        raise ConnectionStringError(
            f"it is of another kind of server: SQL Server's .NET driver knows no {foreign}= (it takes Server=host,port "
            "and User Id=)"
        )
    return _with_server(server, Form.DOTNET, pairs)


def _odbc(pairs: Mapping[str, str]) -> ConnectionString:
    driver = pairs.get("driver", "")
    if _FOREIGN_DRIVER.search(driver):
        raise ConnectionStringError("its driver is one of another kind of server, not of SQL Server")
    server = _first(pairs, ("address", "addr", "server"))
    if server is None and "servername" in pairs:
        raise ConnectionStringError(
            "it names an entry of freetds.conf: give the string with its host and port (Server)"
        )
    if server is None:
        raise ConnectionStringError(
            "it names a DSN: give the string with what odbc.ini says (Driver, Server, Trusted_Connection)"
            if "dsn" in pairs
            else "it names no server (Server=…)"
        )
    return _with_server(server, Form.ODBC, pairs, takes_colon="tds" in driver.lower())


_PROTOCOLS = ("tcp", "np", "lpc", "admin")


def _with_server(server: str, form: Form, pairs: Mapping[str, str], *, takes_colon: bool = False) -> ConnectionString:
    r"""``[tcp:]host[\instance][,port]``; of a named pipe (``np:\\host\pipe\…``) the host.

    FreeTDS takes a colon before the port as well (parse_server_name_for_port of its config.c).
    """
    protocol, colon, rest = server.partition(":")
    protocol = protocol.strip().lower()
    if not colon or protocol not in _PROTOCOLS:
        protocol, rest = "tcp", server
    rest = rest.strip()
    if rest.startswith("\\\\"):
        protocol, rest = "np", rest[2:].partition("\\")[0]
    name, _, port = rest.partition(",")
    host, _, instance = name.partition("\\")
    host, number, mistaken = _with_colon(host.strip(), _port(port) or _port(pairs.get("port", "")))
    if instance.strip().lower() == "mssqlserver":  # the default instance's own name
        instance = ""
    string = _string(form, pairs, host, _logon(pairs), number, instance)
    return replace(string, protocol=protocol, colon=mistaken and not takes_colon)


def _string(
    form: Form, pairs: Mapping[str, str], host: str, logon: Logon, port: int | None, instance: str
) -> ConnectionString:
    return ConnectionString(
        form,
        _checked(host),
        logon,
        port,
        _instance(instance),
        has_user=_has_user(pairs),
        spn=_spn(pairs),
        database=_database(pairs),
    )


def _with_colon(host: str, port: int | None) -> tuple[str, int | None, bool]:
    """``host:1433`` is meant as a port, and is none: .NET and ODBC want a comma. IPv6 addresses have more colons."""
    match = re.fullmatch(r"([^:]+):(\d{1,5})", host)
    return (match[1], port or _port(match[2]), True) if match else (host, port, False)


def _port(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536 and len(text) < 6):
        raise ConnectionStringError("the port is no number from 1 to 65535")
    return int(text)


def _checked(host: str) -> str:
    if not _HOST.fullmatch(host) and host != ".":
        raise ConnectionStringError("the server's name holds characters that no name has")
    bare = host.strip("[]")
    return bare.rstrip(".") or bare  # a last dot says that the name is full; no SPN has it


_SPN_FORM = re.compile(r"[A-Za-z]+/[^/@\s;]+(@[A-Za-z0-9.-]+)?")


def _spn(pairs: Mapping[str, str]) -> str | None:
    """The SPN that it names itself, without a realm behind it."""
    text = _first(pairs, _SPN)
    if text is not None and not _SPN_FORM.fullmatch(text):
        raise ConnectionStringError("the server's SPN in it is not MSSQLSvc/host:port")
    return text.partition("@")[0] if text else None


def _instance(text: str) -> str | None:
    text = text.strip()
    if text and not re.fullmatch(r"[\w$#-]+", text):
        raise ConnectionStringError("the instance's name holds characters that no name has")
    return text or None


def _database(pairs: Mapping[str, str]) -> str | None:
    text = _first(pairs, _DATABASE) or ""
    return text if re.fullmatch(r"[\w$#.-]+( [\w$#.-]+)*", text) and len(text) <= 128 else None


def _has_user(pairs: Mapping[str, str]) -> bool:
    return _first(pairs, (*_USER, *_PASSWORD)) is not None


def _logon(pairs: Mapping[str, str]) -> Logon:
    if (_first(pairs, _TRUSTED) or "").lower() in _TRUE:
        return Logon.KERBEROS
    authentication = re.sub(r"[\s_]", "", pairs.get("authentication", "").lower())
    if authentication.startswith("activedirectory"):
        return Logon.ENTRA
    return Logon.SQL if _has_user(pairs) else Logon.NONE


# JDBC ----------------------------------------------------------------------------------------------


def _jdbc(rest: str) -> ConnectionString:
    r"""``[host[\instance][:port]][;property=value…]``; what stands in front outweighs the properties."""
    authority, _, properties = rest.partition(";")
    pairs = dict(_pairs(properties, _BRACES))
    match = re.fullmatch(
        r"(?P<host>\[[^\]]+\]|[^\\:/]*)(\\(?P<instance>[^:/]*))?(:(?P<port>\d+))?/?", authority.strip()
    )
    if match is None:
        raise ConnectionStringError("what follows jdbc:sqlserver:// is not host[\\instance][:port]")
    host = match["host"] or _first(pairs, ("servername", "server")) or ""
    host, _, instance = host.partition("\\")
    port = _port(match["port"] or _first(pairs, ("portnumber", "port")) or "")
    if not host:
        raise ConnectionStringError("it names no server (jdbc:sqlserver://host or serverName=…)")
    instance = match["instance"] or instance or pairs.get("instancename", "")
    return _string(Form.JDBC, pairs, host, _jdbc_logon(pairs), port, instance)


def _jdbc_logon(pairs: Mapping[str, str]) -> Logon:
    """Source: https://learn.microsoft.com/sql/connect/jdbc/using-kerberos-integrated-authentication-to-connect-to-sql-server."""
    integrated = pairs.get("integratedsecurity", "").lower() == "true"
    scheme = pairs.get("authenticationscheme", "").lower()
    if integrated and scheme == "javakerberos":
        return Logon.AD_USER if _has_user(pairs) else Logon.KERBEROS
    if integrated and scheme == "ntlm":
        return Logon.NTLM
    if integrated:
        return Logon.NATIVE
    if pairs.get("authentication", "").lower().startswith("activedirectory"):
        return Logon.ENTRA
    return Logon.SQL if _has_user(pairs) else Logon.NONE


# SQLAlchemy ----------------------------------------------------------------------------------------


_UNQUOTED = "the URL is not user:password@host:port/database (quote @, / and : in a password, and ? too)"


def _url(driver: str, rest: str) -> ConnectionString:
    """``[user[:password]@][host[:port]][/database][?keyword=value&…]``."""
    from urllib.parse import parse_qsl, unquote, unquote_plus

    rest, _, query = rest.partition("?")
    pairs = {" ".join(name.lower().split()): value for name, value in parse_qsl(query, keep_blank_values=True)}
    if "odbc_connect" in pairs:
        return _odbc(dict(reversed(_pairs(pairs["odbc_connect"], _BRACES))))
    user, at, place = rest.rpartition("@")
    if "@" in query and ":" in rest:  # the ? may be one of the password
        raise ConnectionStringError(_UNQUOTED)
    authority, _, database = place.partition("/")
    match = re.fullmatch(r"(?P<host>\[[^\]]+\]|[^:]*)(:(?P<port>\d+))?", authority)
    if match is None or "/" in user:
        raise ConnectionStringError(_UNQUOTED)
    host = unquote(match["host"])
    name, _, instance = host.partition("\\")
    if not name or (driver == "pyodbc" and not database):
        raise ConnectionStringError("it names a DSN, or no server: give host and database, or odbc_connect=…")
    if at and unquote_plus(user).strip(":"):
        pairs["uid"] = "given"
    form = Form.FREETDS if driver == "pymssql" else Form.ODBC
    pairs["database"] = unquote(database)
    # Without a user SQLAlchemy asks pyodbc for a trusted connection, and FreeTDS takes the ticket by itself.
    logon = Logon.KERBEROS if _logon(pairs) is Logon.NONE else _logon(pairs)
    return _string(form, pairs, name, logon, _port(match["port"] or pairs.get("port", "")), instance)
