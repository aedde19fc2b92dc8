"""Connection strings of each driver, and that none of them shows its password."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.sql_server.connection_string import ConnectionString, ConnectionStringError, may_be_one, parse
from gmsa_doctor.formats.sql_server.drivers import Form, Logon, Obstacle

HOST = "db.corp.example"
CANARY = "Canary-9d1f"


def of(form: Form, logon: Logon = Logon.KERBEROS, port: int | None = None, **more: object) -> ConnectionString:
    return ConnectionString(form, HOST, logon, port, **more)  # type: ignore[arg-type]


DOTNET = {
    f"Server={HOST};Database=x;Integrated Security=true": of(Form.DOTNET),
    f"Data Source=tcp:{HOST},1433;Initial Catalog=x;Integrated Security=SSPI": of(Form.DOTNET, port=1433),
    f"  server = {HOST} , 1433 ; trusted_connection = YES ; ": of(Form.DOTNET, port=1433),
    rf"Server={HOST}\SALES;Trusted_Connection=True": of(Form.DOTNET, instance="SALES"),
    rf"Server={HOST}\SALES,5000;Trusted_Connection=True": of(Form.DOTNET, port=5000, instance="SALES"),
    rf"Server={HOST}\MSSQLSERVER;Trusted_Connection=True": of(Form.DOTNET),
    f"Server={HOST}.,1433;Integrated Security=true": of(Form.DOTNET, port=1433),
    f"Addr={HOST};Integrated Security=sspi": of(Form.DOTNET),
    f"Network Address={HOST};Integrated Security=sspi": of(Form.DOTNET),
    f"Address=a;Server={HOST};Server=b;Server={HOST};Integrated Security=sspi": of(Form.DOTNET),
    f"Server={HOST};Integrated Security=false;Integrated Security=true": of(Form.DOTNET),
    f"Server={HOST};Database=x": of(Form.DOTNET, Logon.NONE),
    f"Server={HOST};User Id=sa;Password='a;''b=c'": of(Form.DOTNET, Logon.SQL, has_user=True),
    f'Server={HOST};Uid=sa;Pwd="a;""Server=x"': of(Form.DOTNET, Logon.SQL, has_user=True),
    f"Server={HOST};Integrated Security=no;User=sa;Password=a=b": of(Form.DOTNET, Logon.SQL, has_user=True),
    f"Server={HOST};Authentication=Active Directory Default;Database=x": of(Form.DOTNET, Logon.ENTRA),
    f"Server=np:{HOST};Integrated Security=true": of(Form.DOTNET, protocol="np"),
    rf"Server=np:\\{HOST}\pipe\sql\query;Integrated Security=true": of(Form.DOTNET, protocol="np"),
    rf"Server=\\{HOST}\pipe\sql\query;Integrated Security=true": of(Form.DOTNET, protocol="np"),
    f"Server=lpc:{HOST};Integrated Security=true": of(Form.DOTNET, protocol="lpc"),
    f"Server={HOST}:1433;Integrated Security=true": of(Form.DOTNET, port=1433, colon=True),
    f"Server={HOST};Integrated Security=true;Server SPN=MSSQLSvc/db:1433": of(Form.DOTNET, spn="MSSQLSvc/db:1433"),
    f"Server={HOST};Integrated Security=true;ServerSPN=MSSQLSvc/db@CORP": of(Form.DOTNET, spn="MSSQLSvc/db"),
}
ODBC = {
    f"Driver={{ODBC Driver 18 for SQL Server}};Server={HOST};Trusted_Connection=Yes": of(Form.ODBC),
    f"DRIVER={{a;b}}}};c}};SERVER=tcp:{HOST},1433;Trusted_Connection=yes": of(Form.ODBC, port=1433),
    f"Driver=FreeTDS;Server={HOST};Port=1433;UID=sa;PWD={{a;}}}}b}}": of(Form.ODBC, Logon.SQL, 1433, has_user=True),
    f"Driver={{FreeTDS}};Server={HOST}:1433;Trusted_Connection=Yes": of(Form.ODBC, port=1433),
    f"Driver=x;Server={HOST}:1433;Trusted_Connection=Yes": of(Form.ODBC, port=1433, colon=True),
    f"Driver=x;Server={HOST};Server=b;Trusted_Connection=Yes;Trusted_Connection=No": of(Form.ODBC),
    f"Driver=x;Server={HOST};ServerSPN=MSSQLSvc/db:1;Trusted_Connection=yes": of(Form.ODBC, spn="MSSQLSvc/db:1"),
    f"Driver=x;Server={HOST};Authentication=ActiveDirectoryMsi": of(Form.ODBC, Logon.ENTRA),
}
_KERBEROS = "integratedSecurity=true;authenticationScheme=JavaKerberos"
JDBC = {
    f"jdbc:sqlserver://{HOST};{_KERBEROS}": of(Form.JDBC),
    f"jdbc:sqlserver://{HOST}:1433;databaseName=x;{_KERBEROS};": of(Form.JDBC, port=1433),
    rf"jdbc:sqlserver://{HOST}\SALES:1433;{_KERBEROS}": of(Form.JDBC, port=1433, instance="SALES"),
    f"jdbc:sqlserver://;serverName={HOST};portNumber=1433;instanceName=I;{_KERBEROS}": of(
        Form.JDBC, port=1433, instance="I"
    ),
    f"jdbc:sqlserver://{HOST};{_KERBEROS};serverSpn=MSSQLSvc/db:1433@CORP.EXAMPLE": of(
        Form.JDBC, spn="MSSQLSvc/db:1433"
    ),
    f"jdbc:sqlserver://{HOST};integratedSecurity=true": of(Form.JDBC, Logon.NATIVE),
    f"jdbc:sqlserver://{HOST};authenticationScheme=JavaKerberos": of(Form.JDBC, Logon.NONE),
    f"jdbc:sqlserver://{HOST};user=u;password={{a;b}}}}}}": of(Form.JDBC, Logon.SQL, has_user=True),
    f"jdbc:sqlserver://{HOST};{_KERBEROS};userName=u;password=p": of(Form.JDBC, Logon.AD_USER, has_user=True),
    f"jdbc:sqlserver://{HOST};integratedSecurity=true;authenticationScheme=NTLM;user=u;password=p": of(
        Form.JDBC, Logon.NTLM, has_user=True
    ),
    f"JDBC:SQLSERVER://{HOST};authentication=ActiveDirectoryManagedIdentity": of(Form.JDBC, Logon.ENTRA),
}
_QUOTED = f"Driver%3D%7BODBC%3B18%7D%3BServer%3D{HOST}%2C1433%3BTrusted_Connection%3DYes"
SQLALCHEMY = {
    f"mssql+pyodbc://{HOST}/x?driver=ODBC+Driver+18+for+SQL+Server": of(Form.ODBC),
    f"mssql+pyodbc://{HOST}:1433/x?driver=a&Trusted_Connection=yes": of(Form.ODBC, port=1433),
    f"mssql://{HOST}/x": of(Form.ODBC),
    rf"mssql+pyodbc://{HOST}\SALES/x?driver=a": of(Form.ODBC, instance="SALES"),
    f"mssql+pyodbc://sa:p%40%2F@{HOST}/x?driver=a": of(Form.ODBC, Logon.SQL, has_user=True),
    f"mssql+pyodbc://sa:p@ss@{HOST}/x?driver=a": of(Form.ODBC, Logon.SQL, has_user=True),
    f"mssql+pyodbc://sa:p@{HOST}/x?trusted_connection=yes": of(Form.ODBC, has_user=True),
    f"mssql+pyodbc://{HOST}/x?authentication=ActiveDirectoryMsi": of(Form.ODBC, Logon.ENTRA),
    f"mssql+pyodbc:///?odbc_connect={_QUOTED}": of(Form.ODBC, port=1433),
    f"mssql+pymssql://{HOST}/x": of(Form.FREETDS),
    f"mssql+pymssql://sa:p@{HOST}:1433/x": of(Form.FREETDS, Logon.SQL, 1433, has_user=True),
}
GO = {
    f"sqlserver://{HOST}?database=x&authenticator=krb5": of(Form.GO),
    f"sqlserver://{HOST}:1433?database=x&authenticator=krb5&krb5-configfile=/etc/krb5.conf": of(Form.GO, port=1433),
    f"sqlserver://{HOST}/SALES?authenticator=krb5&ServerSPN=MSSQLSvc/db:1433": of(
        Form.GO, instance="SALES", spn="MSSQLSvc/db:1433"
    ),
    f"sqlserver://u:p%40@{HOST}?authenticator=krb5": of(Form.GO, Logon.AD_USER, has_user=True),
    f"sqlserver://sa:p@{HOST}:1433?database=x": of(Form.GO, Logon.SQL, 1433, has_user=True),
    f"sqlserver://{HOST}?fedauth=ActiveDirectoryDefault": of(Form.GO, Logon.ENTRA),
    f"sqlserver://{HOST}?database=x": of(Form.GO, Logon.NONE),
    f"server={HOST};port=1433;authenticator=krb5;database=x": of(Form.GO, port=1433),
    f"server={HOST};authenticator=krb5;TrustServerCertificate=true": of(Form.GO, verifies_certificate=False),
}
TROUBLED = {
    f"Server={HOST};Integrated Security=true;Authentication=Active Directory Integrated": of(
        Form.DOTNET, obstacle=Obstacle.AUTHENTICATION
    ),
    f"Driver=x;Server={HOST};Trusted_Connection=yes;Authentication=SqlPassword": of(
        Form.ODBC, obstacle=Obstacle.AUTHENTICATION
    ),
    f"Driver=x;Server={HOST};Integrated Security=SSPI": of(Form.ODBC, obstacle=Obstacle.DOTNET_KEYWORD),
    f"Server={HOST};Trusted_Connection=1": of(Form.DOTNET, Logon.NONE, obstacle=Obstacle.TRUSTED_VALUE),
    f"Provider=MSOLEDBSQL;Data Source={HOST};Integrated Security=SSPI": of(Form.DOTNET, obstacle=Obstacle.OLE_DB),
    f"Server={HOST};Integrated Security=true;Failover Partner=db2.corp.example": of(
        Form.DOTNET, partner="db2.corp.example"
    ),
    f"jdbc:sqlserver://{HOST};{_KERBEROS};applicationIntent=ReadOnly": of(Form.JDBC, read_only=True),
    f"Server={HOST};Integrated Security=true;Encrypt=Optional": of(Form.DOTNET, verifies_certificate=False),
}
ALL = {**DOTNET, **ODBC, **JDBC, **SQLALCHEMY, **GO, **TROUBLED}


@pytest.mark.parametrize(("text", "wanted"), ALL.items(), ids=ALL)
def test_each_form_is_read(text: str, wanted: ConnectionString) -> None:
    assert replace(parse(text), database=None) == wanted
    assert may_be_one(text)


@pytest.mark.parametrize(
    ("text", "database"),
    [
        (f"Server={HOST};Initial Catalog=app;Integrated Security=true", "app"),
        (f"Server={HOST};Database='Order Desk';Integrated Security=true", "Order Desk"),
        (f"Driver=x;Server={HOST};Database={{app_1}};Trusted_Connection=yes", "app_1"),
        (f"jdbc:sqlserver://{HOST};databaseName=app;integratedSecurity=true", "app"),
        (f"mssql+pyodbc://{HOST}/my%20app?driver=x", "my app"),
        (f"mssql+pymssql://{HOST}", None),
        (f"Server={HOST};Integrated Security=true", None),
        (f"Server={HOST};Database='a;b'';--';Integrated Security=true", None),
        (f"Server={HOST};Database={'a' * 129};Integrated Security=true", None),
    ],
)
def test_the_database_is_read_if_its_name_is_plain(text: str, database: str | None) -> None:
    assert parse(text).database == database


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("x" * 20_000, "too long"),
        (CANARY, "a keyword in it has no ="),
        (f"Server={HOST};Password={CANARY};{CANARY}", "a keyword in it has no ="),
        (f"Server={HOST};Password='{CANARY}", "not closed"),
        (f"Server={HOST};Password='{CANARY}'{CANARY}", "between a closing quote"),
        (f"Driver={{x;Server={HOST};PWD={CANARY}", "not closed"),
        (f"Database=x;Password={CANARY}", "server is missing"),
        (f"Server=;Password={CANARY}", "server is missing"),
        (f"Server={CANARY}", "server is missing"),
        (f"Driver=x;PWD={CANARY}", "server is missing"),
        (f"DSN=x;PWD={CANARY}", "names a DSN"),
        (f"Driver=FreeTDS;Servername=x;PWD={CANARY}", "an entry of freetds.conf"),
        (f"Server={CANARY}?x;Database=x", "contains invalid characters"),
        (f"Server={HOST},{CANARY};Database=x", "port is not a number"),
        (f"Server={HOST},65536;Database=x", "port is not a number"),
        (f"Server={HOST},0;Database=x", "port is not a number"),
        (rf"Server={HOST}\{CANARY}!;Database=x", "instance's name"),
        (f"Server={HOST};Database=x;Server SPN={CANARY}", "server SPN does not have the form"),
        (f"jdbc:sqlserver://{HOST}:{CANARY}", "is not host"),
        ("jdbc:sqlserver://;databaseName=x", "server is missing"),
        (f"jdbc:postgresql://{HOST}/{CANARY}", "with --spn, such as postgres/<host>"),
        (f"postgresql://u:{CANARY}@{HOST}/x", "with --spn, such as postgres/<host>"),
        (f"Host={HOST};Database=x;Kerberos Service Name=postgres;Password={CANARY}", "with --spn, such as postgres/"),
        (f"jdbc:mysql://{HOST}/{CANARY}", "another database (jdbc:mysql)"),
        (f"server=;authenticator=krb5;password={CANARY}", "server is missing"),
        (f"sqlserver://sa:p@{HOST}?x@{CANARY}", "the URL is not"),
        ("mssql+pyodbc://mydsn", "names a DSN"),
        (f"mssql+pyodbc://sa:{CANARY}@mydsn", "names a DSN"),
        (f"mssql+pyodbc://sa:{CANARY}/x@{HOST}/x", "percent-encode @, /, : and ?"),
        (f"mssql+pymssql://sa:12345?{CANARY}@{HOST}/x", "percent-encode @, /, : and ?"),
        (f"mssql+pyodbc://sa:1234/x?{CANARY}=@{HOST}/x", "percent-encode @, /, : and ?"),
        (f"mssql+pyodbc://sa:a@{CANARY}?b@{HOST}/x", "percent-encode @, /, : and ?"),
        (f"Server={HOST};Port=3306;Database=x;Uid=root;Pwd={CANARY}", "does not accept port="),
        (f"Server={HOST};Database=x;Username=app;Password={CANARY}", "does not accept username="),
        (f"Server={HOST};Database=x;Uid=root;Pwd={CANARY};SslMode=Required", "does not accept sslmode="),
        (f"Driver={{PostgreSQL Unicode}};Server={HOST};Uid=app;Pwd={CANARY}", "driver is for another database"),
        (
            f"Driver={{MySQL ODBC 8.0 Unicode Driver}};Server={HOST};Uid=app;Pwd={CANARY}",
            "driver is for another database",
        ),
        (f"mssql+pyodbc://{HOST}:{CANARY}/x", "is not user:password@"),
    ],
)
def test_another_text_is_refused_without_showing_it(text: str, words: str) -> None:
    with pytest.raises(ConnectionStringError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert CANARY not in str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except ConnectionStringError:
        return
    assert found.host


_WORDS = ["Server=", "Data Source=", ";", "=", "'", '"', "{", "}", "tcp:", ",1433", "\\", "jdbc:sqlserver://", "mssql+"]
_MORE = ["pyodbc://", "@", "/", "?odbc_connect=", "%3B", "Driver=", "Trusted_Connection=yes", "a.b", "Password=", " "]


@given(st.lists(st.sampled_from(_WORDS + _MORE), max_size=14).map("".join))
def test_any_similar_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except ConnectionStringError:
        return


def _dotnet(password: str) -> str:
    quoted = "'" + password.replace("'", "''") + "'"
    return f"Password={quoted};Server={HOST};User Id=app;Database=x"


def _odbc(password: str) -> str:
    return f"Driver=x;PWD={{{password.replace('}', '}}')}}};UID=app;Server={HOST}"


def _jdbc(password: str) -> str:
    return f"jdbc:sqlserver://{HOST};password={{{password.replace('}', '}}')}}};user=app"


def _url(password: str) -> str:
    from urllib.parse import quote

    return f"mssql+pyodbc://app:{quote(password, safe='')}@{HOST}/x?driver=a"


@given(
    st.text(min_size=1, max_size=30, alphabet=st.characters(codec="utf-8")),
    st.sampled_from([_dotnet, _odbc, _jdbc, _url]),
)
def test_a_quoted_password_is_always_read_as_a_password(password: str, write: object) -> None:
    assert callable(write)
    found = parse(write(password))
    assert (found.host, found.logon, found.has_user) == (HOST, Logon.SQL, True)
    assert repr(found) == repr(parse(write("other")))
