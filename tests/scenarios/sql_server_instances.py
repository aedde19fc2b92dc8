"""Named instances, whose ports SQL Server Browser reports."""

from collections.abc import Callable, Mapping

from tests.lab import silent
from tests.lab.environment import Environment
from tests.lab.sql_browser import PORT, fake_sql_browser
from tests.scenarios.changes import all_of, dns_server
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.sql_server import ENDPOINT, HOST, spns

DOTNET = rf"Server={HOST}\SALES;Database=app;Integrated Security=true"
ODBC = rf"Driver={{ODBC Driver 18 for SQL Server}};Server={HOST}\SALES;Trusted_Connection=Yes"
JDBC = rf"jdbc:sqlserver://{HOST}\SALES;integratedSecurity=true;authenticationScheme=JavaKerberos"
BOTH = (f"MSSQLSvc/{HOST}:14330", f"MSSQLSvc/{HOST}:SALES")
"""What SQL Server registers for an instance when it starts."""


def at(find: Callable[[Lab], str], *strings: str) -> Change:
    """Give these connection strings, and add the server to DNS with this address."""

    def change(it: Environment, lab: Lab) -> None:
        address = [find(lab)]
        names = (HOST, "other.corp.example", ENDPOINT)
        dns_server(lambda lab: lab.dns({(name, "A"): address for name in names}))(it, lab)
        for string in strings:
            it.arguments.extend(("--connection-string", string))

    return change


def browsed(instances: Mapping[str, int | None], *strings: str) -> Change:
    """Give these connection strings of a server that has these instances, and ports that accept connections."""

    def start(lab: Lab) -> str:
        address = lab.mute(1433, 14330)
        lab.stack.enter_context(fake_sql_browser(address, instances))
        return address

    return at(start, *strings)


def mute(lab: Lab) -> str:
    """Give the address of a server where nothing answers on UDP 1434."""
    address = lab.mute(1433, 14330)
    lab.stack.enter_context(silent.silent(address, udp=[PORT]))
    return address


def without_browser(lab: Lab) -> str:
    """Give the address of a server where nothing listens on UDP 1434."""
    return lab.mute(1433, 14330)


SALES = {"SALES": 14330}

FAULTS = (
    Scenario(
        "an instance that does not exist",
        "sql-server.instance",
        browsed({"HR": 14330, "SALES2": None}, DOTNET),
        "does not list the instance SALES; it lists HR (port 14330), SALES2 (TCP/IP is off)",
    ),
    Scenario(
        "an instance without TCP/IP",
        "sql-server.instance",
        browsed({"SALES": None}, JDBC),
        "TCP/IP is not enabled for the instance SALES",
    ),
    Scenario(
        "a firewall before SQL Server Browser",
        "sql-server.instance",
        all_of(spns("svc-sql", *BOTH), at(mute, ODBC)),
        "UDP 1434",
    ),
    Scenario(
        "no SQL Server Browser",
        "sql-server.instance",
        all_of(spns("svc-sql", *BOTH), at(without_browser, DOTNET)),
        "nothing listens on this port",
    ),
    Scenario(
        "an SPN of another port than the instance's",
        "kerberos.service-ticket",
        all_of(spns("svc-sql", f"MSSQLSvc/{HOST}:50000"), browsed(SALES, JDBC)),
        f"MSSQLSvc/{HOST}:50000 on svc-sql",
    ),
    Scenario(
        "a named instance of a host without an SPN",
        "kerberos.service-ticket",
        browsed(SALES, DOTNET.replace(HOST, "other.corp.example")),
        "MSSQLSvc/other.corp.example:14330",
    ),
    Scenario(
        "an instance that does not listen on the reported port",
        "sql-server.port",
        all_of(spns("svc-sql", f"MSSQLSvc/{HOST}:14999"), browsed({"SALES": 14999}, ODBC)),
        "refuses connections on port 14999",
    ),
    Scenario(
        "one instance of two that does not exist",
        "sql-server.instance",
        all_of(spns("svc-sql", *BOTH), browsed(SALES, DOTNET, DOTNET.replace("SALES", "HR"))),
        r"\HR",
    ),
)

HEALTHY = (
    Scenario(
        "a named instance, by each driver", "", all_of(spns("svc-sql", *BOTH), browsed(SALES, DOTNET, ODBC, JDBC))
    ),
    Scenario(
        "a named instance in another case, and drivers that request the port",
        "",
        all_of(spns("svc-sql", BOTH[0]), browsed({"Sales": 14330}, ODBC, JDBC.replace("SALES", "sales"))),
    ),
    Scenario(
        "a port and an instance: Browser is not asked",
        "",
        all_of(spns("svc-sql", *BOTH), at(without_browser, DOTNET.replace("SALES", "SALES,14330"))),
    ),
    Scenario(
        "two instances of a server",
        "",
        all_of(
            spns("svc-sql", *BOTH, f"MSSQLSvc/{HOST}:1433"),
            browsed({**SALES, "HR": 1433}, JDBC, ODBC.replace("SALES", "HR")),
        ),
    ),
)

WARNINGS = (
    Scenario(
        "an SPN with the port only, where .NET may request the instance's name",
        "sql-server.spn",
        all_of(spns("svc-sql", BOTH[0]), browsed(SALES, DOTNET)),
        f"{BOTH[1]}: no account has it",
    ),
    Scenario(
        "an SPN with the instance's name only, where .NET may request the port",
        "sql-server.spn",
        all_of(spns("svc-sql", BOTH[1]), browsed(SALES, DOTNET)),
        f"{BOTH[0]}: no account has it",
    ),
)
