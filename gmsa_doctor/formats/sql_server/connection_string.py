"""Connection strings of SQL Server: the server and the kind of logon. No password leaves this module.

Sources: https://learn.microsoft.com/dotnet/api/microsoft.data.sqlclient.sqlconnection.connectionstring (.NET),
https://learn.microsoft.com/sql/connect/odbc/dsn-connection-string-attribute (ODBC),
https://learn.microsoft.com/sql/connect/jdbc/building-the-connection-url (JDBC), and
https://docs.sqlalchemy.org/en/20/dialects/mssql.html (SQLAlchemy's URLs: connection_url.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gmsa_doctor.formats.sql_server import go_string
from gmsa_doctor.formats.sql_server.drivers import (
    TRUE,
    TRUSTED,
    Form,
    Logon,
    Obstacle,
    obstacle_of,
    trusts_any_certificate,
)

LIMIT = 16 * 1024
"""Maximum length of a connection string, in characters."""

DEFAULT_PORT = 1433


class ConnectionStringError(ValueError):
    """A text is not a connection string of SQL Server. The message does not repeat it: it may contain a password."""


@dataclass(frozen=True)
class ConnectionString:
    """The server and the logon in a connection string.

    ``has_user``: it has a user name or a password. ``colon``: the port comes after a colon, but the driver requires a
    comma, and takes all of it as the server's name. ``database`` is also None if its name has unusual characters.
    ``partner``: the failover partner. ``read_only``: read-only routing may lead to another server. Both need SPNs of
    their own. ``verifies_certificate``: it neither turns encryption off nor trusts any certificate.
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
    obstacle: Obstacle | None = None
    partner: str | None = None
    read_only: bool = False
    verifies_certificate: bool = True

    @property
    def server(self) -> str:
        r"""``host\instance,port``."""
        instance = f"\\{self.instance}" if self.instance else ""
        return f"{self.host}{instance}" + (f",{self.port}" if self.port else "")

    def at_port(self, port: object) -> str:
        """The server with this port instead of an instance, in the form of the driver."""
        if self.form is Form.GO:
            return f"sqlserver://{self.host}:{port}"
        if self.form is Form.JDBC:
            return f"jdbc:sqlserver://{self.host}:{port}"
        return f"{self.host}:{port}" if self.form is Form.FREETDS else f"Server={self.host},{port}"


_SERVER = ("server", "data source", "address", "addr", "network address")
_USER = ("user id", "uid", "user", "username", "user name")
_PASSWORD = ("password", "pwd")
_DATABASE = ("database", "initial catalog", "databasename")
_PARTNER = ("failover partner", "failover_partner", "failoverpartner")
_INTENT = ("applicationintent", "application intent")
_SPN = ("server spn", "serverspn")
_ALWAYS_ONE = frozenset(
    {*_USER, *_PASSWORD, *TRUSTED, "database", "initial catalog", "driver", "authentication", "encrypt"}
)
"""A connection string has at least one of these keywords in addition to the server."""
_FOREIGN = (
    *("port", "host", "username", "user name", "sslmode", "ssl mode", "charset", "character set", "search path"),
    *("allowpublickeyretrieval", "allow user variables", "maximum pool size", "version"),
)
"""Keywords of the .NET drivers for MySQL, PostgreSQL and SQLite, which SqlClient does not accept."""
_POSTGRES = frozenset({"kerberos service name", "include realm", "search path", "krbsrvname"})
_FOR_POSTGRES = "it is for PostgreSQL: pass the SPN that it requests with --spn, such as postgres/<host>"
_FOREIGN_DRIVER = re.compile(
    r"postgres|psql|pgsql|mysql|maria|oracle|db2|sqlite|snowflake|redshift|teradata|sybase|adaptive server|informix|"
    r"hana|hive|spark|impala|athena|mongo|firebird|vertica",
    re.IGNORECASE,
)
_HOST = re.compile(r"[A-Za-z0-9_.:%\[\]-]+|\(local\)|\(localdb\)", re.IGNORECASE)
_SCHEME = re.compile(r"\s*(?P<scheme>jdbc:[a-z]+|[a-z][a-z0-9+]*)://", re.IGNORECASE)
_MAYBE = re.compile(r"mssql|(jdbc:)?sqlserver:|(server|source|addr|address)\s*=", re.IGNORECASE)


def may_be_one(text: str) -> bool:
    """A quick test whether a text is worth parsing."""
    return len(text) <= LIMIT and bool(_MAYBE.search(text))


def parse(text: str) -> ConnectionString:
    """A connection string of any form. Raises ConnectionStringError."""
    if len(text) > LIMIT:
        raise ConnectionStringError("it is too long")
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
        return _go_url(rest)
    if kind in ("postgres", "postgresql", "jdbc:postgresql"):
        raise ConnectionStringError(f"{_FOR_POSTGRES} (for libpq and pgjdbc, also gssencmode and kerberosServerName)")
    raise ConnectionStringError(f"it is for another database ({kind}), not for SQL Server")


# Keywords and values -------------------------------------------------------------------------------


def _pairs(text: str, quotes: Mapping[str, str]) -> list[tuple[str, str]]:
    """``keyword=value;…`` in order, with keywords in lower case. Within quotes, the closing quote is doubled."""
    pairs: list[tuple[str, str]] = []
    rest = text.lstrip(_BETWEEN)
    while rest:
        keyword, equals, rest = rest.partition("=")
        if not equals or ";" in keyword:
            raise ConnectionStringError("a keyword in it has no = (a value that contains ; must be in quotes)")
        value, rest = _value(rest.lstrip(_WHITE), quotes)
        pairs.append((" ".join(keyword.lower().split()), value))
        rest = rest.lstrip(_BETWEEN)
    return pairs


_WHITE = " \t\r\n"
_BETWEEN = f";{_WHITE}"


def _value(text: str, quotes: Mapping[str, str]) -> tuple[str, str]:
    """The first value in a text, and the text after its ``;``."""
    closing = quotes.get(text[:1])
    if closing is None:
        value, _, rest = text.partition(";")
        return value.strip(), rest
    quoted = re.match(f"((?:[^{closing}]|{closing}{closing})*){closing}(?!{closing})", text[1:])
    if quoted is None:
        raise ConnectionStringError("a quote or brace in it is not closed")
    extra, _, rest = text[1 + quoted.end() :].partition(";")
    if extra.strip():
        raise ConnectionStringError("it has text between a closing quote and the next ;")
    return quoted[1].replace(closing * 2, closing), rest


def _first(pairs: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((pairs[name] for name in names if pairs.get(name)), None)


_ADO = {"'": "'", '"': '"'}
_BRACES = {"{": "}"}


def _of_pairs(text: str) -> ConnectionString:
    """For ODBC if it has ``driver`` or ``dsn``, otherwise for .NET. Of equal keywords, .NET uses the last."""
    if re.search(r"(^|;)\s*(driver|dsn)\s*=", text, re.IGNORECASE):
        return _odbc(text)
    pairs = dict(_pairs(text, _ADO))
    if "authenticator" in pairs:
        return _go(pairs)
    if _POSTGRES & pairs.keys() and "data source" not in pairs:
        raise ConnectionStringError(_FOR_POSTGRES)
    server = _first(pairs, _SERVER)
    if server is None or not _ALWAYS_ONE & pairs.keys():
        raise ConnectionStringError("its server is missing (Server=… or Data Source=…)")
    if foreign := next((keyword for keyword in _FOREIGN if keyword in pairs), None):
        raise ConnectionStringError(
            f"it is for another database: SQL Server's .NET driver does not accept {foreign}= (it accepts "
            "Server=host,port and User Id=)"
        )
    return _with_server(server, Form.DOTNET, pairs)


def _odbc(text: str) -> ConnectionString:
    pairs = dict(reversed(_pairs(text, _BRACES)))
    driver = pairs.get("driver", "")
    if _FOREIGN_DRIVER.search(driver):
        raise ConnectionStringError("its driver is for another database, not for SQL Server")
    server = _first(pairs, ("address", "addr", "server"))
    if server is None and "servername" in pairs:
        raise ConnectionStringError("it names an entry of freetds.conf: replace it with Server, the host and port")
    if server is None and "dsn" in pairs:
        raise ConnectionStringError(
            "it names a DSN: replace it with the settings in odbc.ini (Driver, Server, Trusted_Connection)"
        )
    if server is None:
        raise ConnectionStringError("its server is missing (Server=…)")
    return _with_server(server, Form.ODBC, pairs, takes_colon="tds" in driver.lower())


_PROTOCOLS = ("tcp", "np", "lpc", "admin")
_SPN_FORM = re.compile(r"[A-Za-z]+/[^/@\s;]+(@[A-Za-z0-9.-]+)?")


def _with_server(server: str, form: Form, pairs: Mapping[str, str], *, takes_colon: bool = False) -> ConnectionString:
    r"""``[tcp:]host[\instance][,port]``, or the host of a named pipe (``np:\\host\pipe\…``).

    FreeTDS also accepts a colon before the port (parse_server_name_for_port of its config.c).
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
    number = _port(port) or _port(pairs.get("port", ""))
    colon_form = re.fullmatch(r"([^:]+):(\d{1,5})", host.strip())  # IPv6 addresses have more colons
    if colon_form:
        host, number = colon_form[1], number or _port(colon_form[2])
    if instance.strip().lower() == "mssqlserver":  # the name of the default instance
        instance = ""
    string = _string(form, pairs, host.strip(), _logon(pairs), number, instance)
    return replace(string, protocol=protocol, colon=bool(colon_form) and not takes_colon)


def _string(
    form: Form, pairs: Mapping[str, str], host: str, logon: Logon, port: int | None, instance: str
) -> ConnectionString:
    if not _HOST.fullmatch(host) and host != ".":
        raise ConnectionStringError("the server's name contains invalid characters")
    bare = host.strip("[]")
    host = bare.rstrip(".") or bare  # a trailing dot marks a full name, and is not part of the SPN
    instance = instance.strip()
    if not re.fullmatch(r"[\w$#-]*", instance):
        raise ConnectionStringError("the instance's name contains invalid characters")
    spn = _first(pairs, _SPN)
    if spn and not _SPN_FORM.fullmatch(spn):
        raise ConnectionStringError("its server SPN does not have the form MSSQLSvc/host:port")
    spn = spn.partition("@")[0] if spn else None
    database = _first(pairs, _DATABASE) or ""
    if not re.fullmatch(r"[\w$#.-]+( [\w$#.-]+)*", database) or len(database) > 128:
        database = ""
    partner = _first(pairs, _PARTNER)
    return ConnectionString(
        form,
        host,
        logon,
        port,
        instance or None,
        has_user=_has_user(pairs),
        spn=spn,
        database=database or None,
        obstacle=obstacle_of(form, pairs),
        partner=partner if partner and _HOST.fullmatch(partner) else None,
        read_only=(_first(pairs, _INTENT) or "").lower() == "readonly",
        verifies_certificate=not trusts_any_certificate(pairs),
    )


def _port(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536 and len(text) < 6):
        raise ConnectionStringError("the port is not a number from 1 to 65535")
    return int(text)


def _has_user(pairs: Mapping[str, str]) -> bool:
    return _first(pairs, (*_USER, *_PASSWORD)) is not None


def _logon(pairs: Mapping[str, str]) -> Logon:
    if (_first(pairs, TRUSTED) or "").lower() in TRUE:
        return Logon.KERBEROS
    authentication = re.sub(r"[\s_]", "", pairs.get("authentication", "").lower())
    if authentication.startswith("activedirectory"):
        return Logon.ENTRA
    return Logon.SQL if _has_user(pairs) else Logon.NONE


# Go -----------------------------------------------------------------------------------------------


def _go_url(rest: str) -> ConnectionString:
    url = go_string.read_url(rest)
    if url is None:
        raise ConnectionStringError("the URL is not user:password@host:port/instance (percent-encode @, /, : and ?)")
    return _string(Form.GO, url.pairs, url.host, _go_logon(url.pairs), _port(url.port), url.instance)


def _go(pairs: Mapping[str, str]) -> ConnectionString:
    server = _first(pairs, _SERVER)
    if server is None:
        raise ConnectionStringError("its server is missing (server=…)")
    return replace(_with_server(server, Form.GO, pairs), logon=_go_logon(pairs))


def _go_logon(pairs: Mapping[str, str]) -> Logon:
    if go_string.uses_ticket(pairs):
        return Logon.AD_USER if _has_user(pairs) else Logon.KERBEROS
    if pairs.get("fedauth"):
        return Logon.ENTRA
    return Logon.SQL if _has_user(pairs) else Logon.NONE


# JDBC ----------------------------------------------------------------------------------------------


def _jdbc(rest: str) -> ConnectionString:
    r"""``[host[\instance][:port]][;property=value…]``; the first part overrides the properties."""
    authority, _, properties = rest.partition(";")
    pairs = dict(_pairs(properties, _BRACES))
    match = re.fullmatch(
        r"(?P<host>\[[^\]]+\]|[^\\:/]*)(\\(?P<instance>[^:/]*))?(:(?P<port>\d+))?/?", authority.strip()
    )
    if match is None:
        raise ConnectionStringError("the text after jdbc:sqlserver:// is not host[\\instance][:port]")
    host = match["host"] or _first(pairs, ("servername", "server")) or ""
    host, _, instance = host.partition("\\")
    port = _port(match["port"] or _first(pairs, ("portnumber", "port")) or "")
    if not host:
        raise ConnectionStringError("its server is missing (jdbc:sqlserver://host or serverName=…)")
    instance = match["instance"] or instance or pairs.get("instancename", "")
    return _string(Form.JDBC, pairs, host, _jdbc_logon(pairs), port, instance)


def _jdbc_logon(pairs: Mapping[str, str]) -> Logon:
    """Source: https://learn.microsoft.com/sql/connect/jdbc/using-kerberos-integrated-authentication-to-connect-to-sql-server."""
    integrated = pairs.get("integratedsecurity", "").lower() == "true"
    scheme = pairs.get("authenticationscheme", "").lower()
    if integrated and scheme == "javakerberos":
        return Logon.AD_USER if _has_user(pairs) else Logon.KERBEROS
    if integrated:
        return Logon.NTLM if scheme == "ntlm" else Logon.NATIVE
    if pairs.get("authentication", "").lower().startswith("activedirectory"):
        return Logon.ENTRA
    return Logon.SQL if _has_user(pairs) else Logon.NONE


# SQLAlchemy ----------------------------------------------------------------------------------------


_UNQUOTED = "the URL is not user:password@host:port/database (in a password, percent-encode @, /, : and ?)"


def _url(driver: str, rest: str) -> ConnectionString:
    """``[user[:password]@][host[:port]][/database][?keyword=value&…]``."""
    from urllib.parse import parse_qsl, unquote, unquote_plus

    rest, _, query = rest.partition("?")
    pairs = {" ".join(name.lower().split()): value for name, value in parse_qsl(query, keep_blank_values=True)}
    if "odbc_connect" in pairs:
        return _odbc(pairs["odbc_connect"])
    user, _, place = rest.rpartition("@")
    if "@" in query and ":" in rest:  # the ? may be part of the password
        raise ConnectionStringError(_UNQUOTED)
    authority, _, database = place.partition("/")
    match = re.fullmatch(r"(?P<host>\[[^\]]+\]|[^:]*)(:(?P<port>\d+))?", authority)
    if match is None or "/" in user:
        raise ConnectionStringError(_UNQUOTED)
    host = unquote(match["host"])
    name, _, instance = host.partition("\\")
    if not name or (driver == "pyodbc" and not database):
        raise ConnectionStringError("it names a DSN, or no server: use host and database, or odbc_connect=…")
    if unquote_plus(user).strip(":"):
        pairs["uid"] = "given"
    form = Form.FREETDS if driver == "pymssql" else Form.ODBC
    pairs["database"] = unquote(database)
    # Without a user, SQLAlchemy requests a trusted connection from pyodbc, and FreeTDS uses the ticket.
    logon = Logon.KERBEROS if _logon(pairs) is Logon.NONE else _logon(pairs)
    return _string(form, pairs, name, logon, _port(match["port"] or pairs.get("port", "")), instance)
