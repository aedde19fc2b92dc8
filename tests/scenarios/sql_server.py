"""SQL Server: connection strings, names, SPNs, ports."""

import json

from tests.lab import ad
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import Created, Environment
from tests.scenarios.changes import (
    after,
    all_of,
    container,
    denied,
    dns_server,
    in_ad,
    nowhere,
    on_ec2,
    options,
    role_also,
)
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.policies import allow

HOST = "sql.corp.example"
PASSWORD = "Canary-Of-A-Connection-String-81"
DOTNET = f"Server=tcp:{HOST},1433;Database=app;Integrated Security=SSPI;Encrypt=true"
ODBC = f"Driver={{ODBC Driver 18 for SQL Server}};Server={HOST};Database=app;Trusted_Connection=Yes"
JDBC = f"jdbc:sqlserver://{HOST}:1433;databaseName=app;integratedSecurity=true;authenticationScheme=JavaKerberos"
SQLALCHEMY = f"mssql+pyodbc://{HOST}/app?driver=ODBC+Driver+18+for+SQL+Server"
PYMSSQL = f"mssql+pymssql://{HOST}/app"


def sql(*strings: str) -> Change:
    """Give these connection strings; the lab's SQL Server accepts connections."""

    def change(it: Environment, lab: Lab) -> None:
        listening(it, lab)
        for string in strings:
            it.arguments.extend(("--connection-string", string))

    return change


def listening(it: Environment, lab: Lab) -> None:
    """Add the lab's SQL Server to DNS, and accept connections."""
    address = [lab.mute(1433, 14330)]
    records = {(HOST, "A"): address, ("other.corp.example", "A"): address}
    aliases = {("sql-alias.corp.example", "CNAME"): [f"{HOST}."]}
    dns_server(lambda lab: lab.dns({**records, **aliases}))(it, lab)


def spns(account: str, *names: str) -> Change:
    """Set the SPNs of an account, for the time of the scenario."""

    def change(_: Environment, lab: Lab) -> None:
        before = list(ad.read(lab.dc, account, "servicePrincipalName")[1]["servicePrincipalName"])
        lab.stack.callback(ad.modify, lab.dc, account, servicePrincipalName=before)
        ad.modify(lab.dc, account, servicePrincipalName=[name.encode() for name in names])

    return change


def in_environment(**variables: str) -> Change:
    """Set variables of the container, with --app-config auto."""

    def change(it: Environment, lab: Lab) -> None:
        listening(it, lab)
        pairs = [{"name": name, "value": value} for name, value in variables.items()]
        container(environment=[*it.container["environment"], *pairs])(it, lab)
        it.arguments.extend(("--app-config", "auto"))

    return change


ENDPOINT = "sql.aaaaaaaaaa.us-east-1.rds.amazonaws.com"
"""The endpoint of the DB instance sql in the embedded AWS."""


def rds_instance(status: str = "joined", domain: str | None = "corp.example") -> Change:
    """Create the DB instance, joined to the domain or to none."""

    def make(aws: EmbeddedAws, created: Created) -> None:
        aws.client("rds", created.region).create_db_instance(
            DBInstanceIdentifier="sql",
            Engine="sqlserver-se",
            DBInstanceClass="db.m5.large",
            AllocatedStorage=20,
            MasterUsername="admin",
            MasterUserPassword="Adm1n-Passw0rd!",
            **({"Domain": created.directory, "DomainFqdn": domain} if domain else {}),
        )

        instance = aws.backend("rds", created.region).databases["sql"]
        for membership in instance.domain_memberships:
            membership.status = status

    return after(make)


def readable(it: Environment, lab: Lab) -> None:
    """Allow the execution role to read the application's secrets and parameters."""
    role_also(
        allow("secretsmanager:GetSecretValue", resource=f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:app/*"),
        allow("ssm:GetParameters", resource=f"arn:aws:ssm:*:{ACCOUNT}:parameter/app/*"),
    )(it, lab)


def in_secret(content: dict[str, str] | str, name: str = "ConnectionStrings__Default", key: str = "") -> Change:
    """Set a variable of the container from a secret, with --app-config auto."""

    def change(it: Environment, lab: Lab) -> None:
        listening(it, lab)
        text = content if isinstance(content, str) else json.dumps(content)
        readable(it, lab)
        client = lab.aws.client("secretsmanager", it.region)
        arn = client.create_secret(Name="app/database", SecretString=text)["ARN"]
        container(secrets=[{"name": name, "valueFrom": f"{arn}:{key}::" if key else arn}])(it, lab)
        it.arguments.extend(("--app-config", "auto"))

    return change


def in_parameter(text: str) -> Change:
    """Set a variable of the container from an SSM parameter, given by its ARN, with --app-config auto."""

    def change(it: Environment, lab: Lab) -> None:
        listening(it, lab)
        readable(it, lab)
        lab.aws.client("ssm", it.region).put_parameter(Name="/app/database", Type="SecureString", Value=text)
        arn = f"arn:aws:ssm:{it.region}:{ACCOUNT}:parameter/app/database"
        container(secrets=[{"name": "DATABASE_URL", "valueFrom": arn}])(it, lab)
        it.arguments.extend(("--app-config", "auto"))

    return change


STRINGS = (
    Scenario(
        "a wrong name in a secret's string",
        "sql-server.name",
        in_secret(DOTNET.replace(HOST, "nosuch.corp.example")),
        "ConnectionStrings__Default: nosuch.corp.example",
    ),
    Scenario(
        "a colon in place of the comma",
        "sql-server.connection-string",
        sql(f"Server={HOST}:1433;Database=app;Integrated Security=true"),
        "the port comes after a colon",
    ),
    Scenario(
        "LocalDB",
        "sql-server.connection-string",
        sql(r"Server=(localdb)\MSSQLLocalDB;Integrated Security=true"),
        "exists on Windows only",
    ),
    Scenario(
        "shared memory",
        "sql-server.connection-string",
        sql(f"Server=lpc:{HOST};Trusted_Connection=yes"),
        "shared memory",
    ),
    Scenario(
        "a colon, in the container's environment",
        "sql-server.connection-string",
        in_environment(ConnectionStrings__Default=f"Server={HOST}:1433;Database=app;Integrated Security=true"),
        "ConnectionStrings__Default",
    ),
)

DRIVERS = (
    Scenario(
        "Authentication beside integrated security",
        "sql-server.connection-string",
        sql(f"{DOTNET};Authentication=Active Directory Integrated"),
        "the driver refuses both together",
    ),
    Scenario(
        "a number for Trusted_Connection",
        "sql-server.connection-string",
        sql(f"Server={HOST};Database=app;Trusted_Connection=1"),
        "not one that the driver accepts",
    ),
    Scenario(
        "an OLE DB provider",
        "sql-server.connection-string",
        sql(f"Provider=MSOLEDBSQL;Data Source={HOST};Initial Catalog=app;Integrated Security=SSPI"),
        "exists on Windows only",
    ),
)

NAMES = (
    Scenario("an address", "sql-server.name", sql("Server=10.1.2.3;Integrated Security=SSPI"), "is an IP address"),
    Scenario("the container itself", "sql-server.name", sql("Server=localhost,1433;Trusted_Connection=True"), HOST),
    Scenario(
        "the container itself, as a dot", "sql-server.name", sql("Data Source=.;Integrated Security=SSPI"), "itself"
    ),
    Scenario(
        "a short name that does not exist",
        "sql-server.name",
        sql("jdbc:sqlserver://nosuch;integratedSecurity=true;authenticationScheme=JavaKerberos"),
        "nosuch.corp.example",
    ),
    Scenario(
        "a short name without an SPN", "sql-server.name", sql("Server=dc1;Integrated Security=true"), "is a short name"
    ),
    Scenario(
        "a misspelt name",
        "sql-server.name",
        sql("Driver={ODBC Driver 18 for SQL Server};Server=nosuch.corp.example;Trusted_Connection=Yes"),
        "the server's name nosuch.corp.example does not exist in DNS",
    ),
    Scenario(
        "an alias of a host without an SPN",
        "sql-server.name",
        sql("Server=dc-alias.corp.example;Integrated Security=true"),
        "an alias of dc1.corp.example",
    ),
)

SPNS = (
    Scenario(
        "a host without an SPN",
        "kerberos.service-ticket",
        sql(ODBC.replace(HOST, "other.corp.example")),
        "no account in the AD has the SPN MSSQLSvc/other.corp.example:1433",
    ),
    Scenario(
        "another port than the SPN's",
        "kerberos.service-ticket",
        sql(f"Server={HOST},14330;Database=app;Integrated Security=true"),
        "MSSQLSvc/sql.corp.example:1433 on svc-sql",
    ),
    Scenario(
        "an SPN without the port that JDBC asks for",
        "kerberos.service-ticket",
        all_of(spns("svc-sql", f"MSSQLSvc/{HOST}"), sql(JDBC)),
        "that host has MSSQLSvc/sql.corp.example on svc-sql",
    ),
    Scenario(
        "an alias in a JDBC URL",
        "kerberos.service-ticket",
        sql(JDBC.replace(HOST, "sql-alias.corp.example")),
        "sql-alias.corp.example",
    ),
    Scenario(
        "an SPN in the string that no account has",
        "kerberos.service-ticket",
        sql(f"{DOTNET};Server SPN=MSSQLSvc/nosuch.corp.example:1433"),
        "MSSQLSvc/nosuch.corp.example:1433",
    ),
)

ON_RDS = sql(f"Server={ENDPOINT},1433;Database=app;Integrated Security=true")


def known_to_dns(it: Environment, lab: Lab) -> None:
    """Add the endpoint to DNS."""
    address = [lab.mute(1433)]
    dns_server(lambda lab: lab.dns({(ENDPOINT, "A"): address, (HOST, "A"): address}))(it, lab)


RDS = (
    Scenario("an endpoint of RDS", "sql-server.name", all_of(ON_RDS, known_to_dns, rds_instance()), HOST),
    Scenario(
        "a DB instance without a domain",
        "sql-server.rds",
        all_of(ON_RDS, known_to_dns, rds_instance(domain=None)),
        "has not joined an AD domain",
    ),
    Scenario(
        "a DB instance that could not join",
        "sql-server.rds",
        all_of(ON_RDS, known_to_dns, rds_instance("failed")),
        "failed to join",
    ),
)

PORTS = (
    Scenario(
        "a SQL Server that does not listen",
        "sql-server.port",
        all_of(sql(ODBC), dns_server(lambda lab: lab.dns({(HOST, "A"): [nowhere(lab)]}))),
        "connection refused",
    ),
    Scenario(
        "a firewall before SQL Server",
        "sql-server.port",
        all_of(sql(JDBC), dns_server(lambda lab: lab.dns({(HOST, "A"): [lab.black_hole(1433)]}))),
        "did not answer",
    ),
)

FAULTS = (*STRINGS, *DRIVERS, *NAMES, *SPNS, *RDS, *PORTS)

HEALTHY = (
    Scenario("RDS by its name in the AD's domain", "", all_of(sql(DOTNET), rds_instance())),
    Scenario("--spn and a connection string", "", all_of(sql(DOTNET), options("--spn", f"MSSQLSvc/{HOST}:1433"))),
    Scenario(
        "an RDS endpoint and the right SPN",
        "",
        all_of(
            sql(f"Server={ENDPOINT},1433;Integrated Security=true;Server SPN=MSSQLSvc/{HOST}:1433"),
            known_to_dns,
            rds_instance(),
        ),
    ),
    Scenario("go-mssqldb", "", sql(f"sqlserver://{HOST}:1433?database=app&authenticator=krb5")),
    Scenario(
        "a failover partner and read-only routing",
        "",
        sql(f"{DOTNET};Failover Partner=other.corp.example;ApplicationIntent=ReadOnly"),
    ),
    Scenario("four forms, all right", "", sql(DOTNET, ODBC, JDBC, SQLALCHEMY, PYMSSQL)),
    Scenario(
        "only the SPN without a port, and .NET",
        "",
        all_of(spns("svc-sql", f"MSSQLSvc/{HOST}"), sql(f"Server={HOST};Database=app;Trusted_Connection=yes")),
    ),
    Scenario(
        "only the SPN with a port, and .NET without a port",
        "",
        all_of(spns("svc-sql", f"MSSQLSvc/{HOST}:1433"), sql(f"Server={HOST};Database=app;Trusted_Connection=yes")),
    ),
    Scenario(
        "SPNs of PostgreSQL and of a web service",
        "",
        all_of(
            spns("svc-sql", f"postgres/{HOST}", "HTTP/intranet.corp.example"),
            options("--spn", f"postgres/{HOST},HTTP/intranet.corp.example"),
        ),
    ),
    Scenario("found in a secret", "", in_secret(DOTNET)),
    Scenario("found under a key of a secret", "", in_secret({"url": JDBC, "password": PASSWORD}, key="url")),
    Scenario("found in a parameter", "", in_parameter(SQLALCHEMY)),
    Scenario("a secret that holds something else", "", in_secret(PASSWORD)),
    Scenario("a secret whose name does not suggest a database", "", in_secret(PASSWORD, name="API_TOKEN")),
    Scenario("found in the environment", "", in_environment(DATABASE_URL=SQLALCHEMY, GREETING="Server=hello")),
)

WARNINGS = (
    Scenario(
        "a service account whose encryption types are not set",
        "kerberos.service-ticket",
        all_of(in_ad("svc-sql", msDS_SupportedEncryptionTypes=[]), sql(DOTNET)),
        "Allow AES for it",
    ),
    Scenario(
        "a disabled service account",
        "sql-server.spn",
        all_of(in_ad("svc-sql", userAccountControl="514"), sql(DOTNET)),
        "on svc-sql, which is disabled",
    ),
    Scenario(
        "a service account of RC4 only",
        "kerberos.service-ticket",
        all_of(in_ad("svc-sql", msDS_SupportedEncryptionTypes="4"), sql(DOTNET)),
        "(on svc-sql) is encrypted with RC4 or DES",
    ),
    Scenario(
        "a DB instance that is joining its domain",
        "sql-server.rds",
        all_of(
            sql(f"Server={ENDPOINT},1433;Integrated Security=true;Server SPN=MSSQLSvc/{HOST}:1433"),
            known_to_dns,
            rds_instance("pending-maintenance-join"),
        ),
        "pending-maintenance-join",
    ),
    Scenario(
        ".NET's keyword in a string of ODBC",
        "sql-server.connection-string",
        sql(f"Driver={{ODBC Driver 18 for SQL Server}};Server={HOST};Integrated Security=SSPI"),
        "which ODBC ignores",
    ),
    Scenario(
        "go-mssqldb with a SQL login",
        "sql-server.connection-string",
        sql(f"sqlserver://app:{PASSWORD}@{HOST}:1433?database=app"),
        "a SQL login",
    ),
    Scenario(
        "a SQL login",
        "sql-server.connection-string",
        sql(f"Server={HOST};Database=app;User Id=app;Password={PASSWORD}"),
        "a SQL login",
    ),
    Scenario(
        "a password in addition to integrated security",
        "sql-server.connection-string",
        sql(f"{DOTNET};User Id=app;Password='{PASSWORD}'"),
        ".NET ignores them",
    ),
    Scenario(
        "a password in addition to JavaKerberos",
        "sql-server.connection-string",
        sql(f"{JDBC};user=app;password={{{PASSWORD}}}"),
        "as that user",
    ),
    Scenario(
        "JDBC's native library",
        "sql-server.connection-string",
        sql(f"jdbc:sqlserver://{HOST};integratedSecurity=true"),
        "JavaKerberos",
    ),
    Scenario("a short name", "sql-server.name", sql("Server=sql;Integrated Security=true"), HOST),
    Scenario(
        "a name that the container's extraHosts may resolve",
        "sql-server.name",
        all_of(
            on_ec2,
            container(extraHosts=[{"hostname": "hosts.corp.example", "ipAddress": "10.0.0.9"}]),
            spns("svc-sql", "MSSQLSvc/hosts.corp.example:1433"),
            sql(ODBC.replace(HOST, "hosts.corp.example")),
        ),
        "extraHosts of ",
    ),
    Scenario(
        "an alias of a host that has an SPN",
        "sql-server.name",
        sql(DOTNET.replace(HOST, "sql-alias.corp.example")),
        "an alias of sql.corp.example",
    ),
)

DOUBTS = (
    Scenario(
        "a string that cannot be read",
        "sql-server.connection-string",
        sql(f"Server={HOST};Password={PASSWORD};Integrated"),
        "--connection-string cannot be read: a keyword in it has no =",
    ),
    Scenario(
        "a string for PostgreSQL",
        "sql-server.connection-string",
        sql(f"postgresql://{HOST}/app"),
        "pass the SPN that it requests with --spn, such as postgres/<host>",
    ),
    Scenario(
        "the application's secret denied",
        "sql-server.app-secrets",
        all_of(
            in_secret(DOTNET), lambda _, lab: lab.aws.deny("secretsmanager", "GetSecretValue", resource="app/database")
        ),
        "secretsmanager:GetSecretValue",
    ),
    Scenario(
        "the application's secret denied, and another string",
        "sql-server.app-secrets",
        all_of(
            in_secret(DOTNET),
            sql(ODBC),
            lambda _, lab: lab.aws.deny("secretsmanager", "GetSecretValue", resource="app/database"),
        ),
        "secretsmanager:GetSecretValue",
    ),
    Scenario(
        "RDS denied",
        "sql-server.rds",
        all_of(
            sql(f"Server={ENDPOINT},1433;Integrated Security=true;Server SPN=MSSQLSvc/{HOST}:1433"),
            known_to_dns,
            denied("rds", "DescribeDBInstances"),
        ),
        "rds:DescribeDBInstances",
    ),
    Scenario(
        "a DB instance of another account",
        "sql-server.rds",
        all_of(sql(f"Server={ENDPOINT},1433;Integrated Security=true;Server SPN=MSSQLSvc/{HOST}:1433"), known_to_dns),
        "there is no DB instance sql",
    ),
)
