"""SQL Server in another forest, whose domain and ours trust each other: what the KDCs of both say."""

from collections.abc import Callable

from tests.lab import accounts, ad
from tests.lab.dns_server import domain_records
from tests.scenarios.changes import all_of, dns_server, nowhere, options
from tests.scenarios.lab import Change, Lab, Scenario

DOMAIN = accounts.OTHER_DOMAIN
HOST = f"sql.{DOMAIN}"
TICKET = "kerberos.service-ticket"


def of_other_domain(lab: Lab) -> str:
    """Give the address of the other domain's domain controller."""
    return ad.other_domain(lab.dc).ip


def known(kdc: Callable[[Lab], str] | None) -> Change:
    """Let DNS know the other domain's hosts, of which SQL Server listens, and its KDC at this address."""

    def server(lab: Lab) -> str:
        address = [lab.mute(1433)]
        hosts = {(f"{name}.{domain}", "A"): address for name in ("sql", "other") for domain in (DOMAIN, "lost.example")}
        return lab.dns({**(domain_records(DOMAIN, {f"dc1.{DOMAIN}": kdc(lab)}) if kdc else {}), **hosts})

    return dns_server(server)


def string(text: str, kdc: Callable[[Lab], str] | None = of_other_domain) -> Change:
    """Use this connection string."""
    return all_of(known(kdc), options("--connection-string", text))


DOTNET = f"Server={HOST},1433;Integrated Security=true"
JDBC = f"jdbc:sqlserver://{HOST};integratedSecurity=true;authenticationScheme=JavaKerberos"

HEALTHY = (
    Scenario("a SQL Server in a trusted forest", "", string(DOTNET)),
    Scenario("a SQL Server in a trusted forest, by JDBC", "", string(JDBC)),
    Scenario("an SPN without a port, to which the KDC refers", "", string(f"{DOTNET};Server SPN=MSSQLSvc/{HOST}")),
)

WARNINGS = (
    Scenario(
        "an SPN in a trusted forest",
        "kerberos.krb5-conf",
        all_of(known(of_other_domain), options("--spn", f"MSSQLSvc/{HOST}:1433")),
        f"{HOST}: OTHER.EXAMPLE",
    ),
    Scenario(
        "a trusted forest whose KDC does not answer",
        TICKET,
        string(DOTNET, nowhere),
        "referred to OTHER.EXAMPLE, not followed",
    ),
    Scenario(
        "a trusted forest that DNS does not know",
        TICKET,
        string(DOTNET, None),
        "referred to OTHER.EXAMPLE, not followed",
    ),
)

FAULTS = (
    Scenario(
        "an SPN that no account of the trusted forest has",
        TICKET,
        string(DOTNET.replace("sql.", "other.")),
        "other.other.example is outside that domain",
    ),
    Scenario(
        "a SQL Server in a domain without a trust",
        TICKET,
        string(DOTNET.replace(DOMAIN, "lost.example")),
        "sql.lost.example is outside that domain",
    ),
)
