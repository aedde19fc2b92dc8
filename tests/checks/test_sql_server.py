"""The checks of SQL Server, with values instead of servers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from gmsa_doctor.authoring import Owner
from gmsa_doctor.clients.aws.rds import Rds
from gmsa_doctor.clients.ldap.client import Attributes, Directory, Entry, LdapRefusal
from gmsa_doctor.core import registry
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, TimedOut
from gmsa_doctor.core.model import Finding, Given, Outcome, Result, Status, Stop, failed, passed, skipped
from gmsa_doctor.formats.documents.task_definition import Container, NamedString
from gmsa_doctor.formats.sql_server.connection_string import parse
from gmsa_doctor.given.request import ApplicationConfig
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.sql_server.connection_string import connection_strings
from gmsa_doctor_checks.sql_server.hosts import HostKind, kind_of
from gmsa_doctor_checks.sql_server.login import statements
from gmsa_doctor_checks.sql_server.name import name
from gmsa_doctor_checks.sql_server.port import port
from gmsa_doctor_checks.sql_server.rds import names_in, rds
from gmsa_doctor_checks.sql_server.spn import spn
from gmsa_doctor_checks.sql_server.spns import spns_of
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, RdsServers, ServiceTickets, SqlServer, SqlServers
from gmsa_doctor_checks.values import Account, BoundDirectory, DomainName, GmsaName, GmsaNames

NAMES = GmsaNames(DomainName("corp.example"), GmsaName("webapp01"))
LAPTOP = Vantage(inside=False)
PLACE = AwsPlace("us-east-1", "123456789012")
NOTHING: Outcome[Any] = Outcome(None, skipped("not asked"))
ENDPOINT = "db.abc123.us-east-1.rds.amazonaws.com"


def finding_of(call: Callable[[], Result[Any]]) -> Finding:
    try:
        result = call()
    except Stop as stop:
        return stop.finding
    except ClientError as error:
        return error.finding()
    return result.finding if isinstance(result, Given) else result


def strings(*texts: str) -> ConnectionStrings:
    return ConnectionStrings(tuple(NamedString(f"--connection-string {n}", parse(t)) for n, t in enumerate(texts, 1)))


def trusted(server: str) -> str:
    return f"Server={server};Integrated Security=true"


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        (".", HostKind.LOCAL),
        ("(local)", HostKind.LOCAL),
        ("LOCALHOST", HostKind.LOCAL),
        ("127.0.0.1", HostKind.LOCAL),
        ("::1", HostKind.LOCAL),
        ("10.0.0.5", HostKind.ADDRESS),
        ("fd00::5", HostKind.ADDRESS),
        ("db", HostKind.SHORT),
        ("db.corp.example", HostKind.FULL),
        (ENDPOINT, HostKind.RDS),
        ("DB.abc123.CN-NORTH-1.rds.amazonaws.com.cn", HostKind.RDS),
        ("db.abc123.rds.cn-north-1.amazonaws.com.cn", HostKind.RDS),
        ("rds.amazonaws.com.corp.example", HostKind.FULL),
    ],
)
def test_the_kind_of_a_server_name(host: str, kind: HostKind) -> None:
    assert kind_of(host) is kind


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (trusted("h"), ("MSSQLSvc/h:1433", "MSSQLSvc/h")),
        (trusted("h,5000"), ("MSSQLSvc/h:5000",)),
        (trusted(r"h\I"), ("MSSQLSvc/h:I",)),
        (trusted(r"h\I,5000"), ("MSSQLSvc/h:5000",)),
        ("Driver=x;Server=h;Trusted_Connection=yes", ("MSSQLSvc/h:1433",)),
        ("jdbc:sqlserver://h;integratedSecurity=true", ("MSSQLSvc/h:1433",)),
    ],
)
def test_each_driver_requests_its_own_spns(text: str, wanted: tuple[str, ...]) -> None:
    assert spns_of(parse(text), "h") == wanted


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("10.0.0.5", "is an IP address: Kerberos requires a name"),
        ("localhost", "is the container itself"),
        ("db", "is a short name"),
        (ENDPOINT, "is an RDS endpoint"),
    ],
)
def test_without_the_directory_a_doubtful_name_only_warns(server: str, words: str) -> None:
    found = finding_of(
        lambda: name(
            strings(trusted(server)), NAMES, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, LAPTOP, NOTHING
        )
    )
    assert found.status is Status.WARN
    assert words in found.summary
    assert "not checked whether it has an SPN" in found.summary


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (trusted("tcp:app.database.windows.net,1433"), Status.FAIL, "Azure SQL Database"),
        ("Server=app.database.windows.net;User Id=u;Password=p", Status.WARN, "a SQL login"),
        ("Server=app.database.windows.net;Authentication=Active Directory Default", Status.WARN, "Entra"),
        (trusted("mi.0a1b2c.database.windows.net"), Status.PASS, "integrated security"),
    ],
)
def test_azure_sql_database_does_not_accept_ad_accounts(text: str, status: Status, words: str) -> None:
    finding = finding_of(lambda: connection_strings(ApplicationConfig((parse(text),)), NOTHING, NOTHING))
    assert finding.status is status
    assert words in finding.summary


class Names:
    """DNS in which some names are aliases and all have these addresses."""

    def __init__(self, aliases: dict[str, str] | None = None, addresses: tuple[str, ...] = ("10.0.0.5",)) -> None:
        self.aliases, self.of_all = aliases or {}, addresses

    def is_alias(self, host: str) -> str | None:
        return self.aliases.get(host)

    def name_of(self, address: str) -> str | None:
        return self.aliases.get(address)

    def addresses(self, _: str) -> tuple[str, ...]:
        return self.of_all


def dns(**more: Any) -> Outcome[Any]:
    return Outcome(Names(**more), passed(""))


def named(
    server: str, aliases: dict[str, str], *accounts: dict[str, str], bound: bool = True, vantage: Vantage = LAPTOP
) -> Finding:
    directory: Outcome[Any] = Outcome(BoundDirectory("dc1", cast("Directory", Accounts(*accounts))), passed("bound"))
    known = dns(aliases=aliases)
    return finding_of(
        lambda: name(
            strings(trusted(server)),
            NAMES,
            NOTHING,
            NOTHING,
            NOTHING,
            NOTHING,
            directory if bound else NOTHING,
            known,
            vantage,
            NOTHING,
        )
    )


def test_an_alias_of_another_domain_is_left_to_the_kdc() -> None:
    target = {"db.aws.example": ENDPOINT, "db.corp.example": "db1.child.corp.example"}
    assert named("db.aws.example", target).status is Status.PASS
    assert named("db.corp.example", target).status is Status.PASS


def test_an_alias_within_the_domain_needs_an_spn_there() -> None:
    target = {"alias.corp.example": "db.corp.example", "rds.corp.example": ENDPOINT}
    assert named("alias.corp.example", target).status is Status.FAIL
    assert named("rds.corp.example", target).status is Status.FAIL
    assert named("alias.corp.example", target, account("svc-sql")).status is Status.WARN


def test_in_a_forest_an_account_of_another_domain_may_have_the_spn() -> None:
    class Forest(Accounts):
        def search(self, *asked: object) -> tuple[Entry, ...]:
            if "nETBIOSName" not in str(asked[1]):
                return ()
            domains = ("DC=corp,DC=example", "DC=child,DC=corp,DC=example")
            return tuple(Entry("CN=x", Attributes({"nCName": (domain.encode(),)})) for domain in domains)

    for server, status in (("db", Status.WARN), ("alias.corp.example", Status.PASS), ("localhost", Status.FAIL)):
        directory: Outcome[Any] = Outcome(BoundDirectory("dc1", cast("Directory", Forest())), passed("bound"))
        known = dns(aliases={"alias.corp.example": "db.corp.example"})
        given = (strings(trusted(server)), NAMES, NOTHING, NOTHING, NOTHING, NOTHING, directory, known, LAPTOP, NOTHING)
        assert finding_of(lambda given=given: name(*given)).status is status  # type: ignore[misc]


@pytest.mark.parametrize("shown", [None, ()])
def test_if_the_domains_of_the_forest_are_unknown_a_missing_spn_is_not_certain(shown: tuple[Entry, ...] | None) -> None:
    class Silent(Accounts):
        def search(self, *asked: object) -> tuple[Entry, ...]:
            if asked[1] != PARTITIONS:
                return ()
            if shown is None:
                raise LdapRefusal("dc1", 50, "insufficientAccessRights", "")
            return shown

    directory: Outcome[Any] = Outcome(BoundDirectory("dc1", cast("Directory", Silent())), passed("bound"))
    given = (strings(trusted("db")), NAMES, NOTHING, NOTHING, NOTHING, NOTHING, directory, dns(), LAPTOP, NOTHING)
    assert finding_of(lambda: name(*given)).status is Status.WARN


def test_an_alias_of_an_alias_is_followed() -> None:
    target = {"a.corp.example": "b.corp.example", "b.corp.example": "db.corp.example"}
    assert named("a.corp.example", target, account("svc-sql")).status is Status.WARN
    assert named("a.corp.example", target).status is Status.FAIL
    assert named("a.corp.example", {"a.corp.example": "b.corp.example", "b.corp.example": "a.corp.example"})


def test_an_alias_of_an_endpoint_of_rds_is_not_followed_behind_it() -> None:
    target = {"db.corp.example": ENDPOINT, ENDPOINT: "ec2-1-2-3-4.compute-1.amazonaws.com"}
    assert named("db.corp.example", target, bound=False).status is Status.PASS


def test_a_missing_name_of_an_address_fails_only_inside_the_task_network() -> None:
    inside = named("10.0.0.5", {}, account("svc-sql"), vantage=Vantage(inside=True))
    outside = named("10.0.0.5", {}, account("svc-sql"))
    assert (inside.status, outside.status) == (Status.FAIL, Status.WARN)
    assert "DNS returns none for it from here" in outside.summary
    assert named("10.0.0.5", {"10.0.0.5": "db.corp.example"}, account("svc-sql")).status is Status.WARN


def test_too_many_spns_for_one_answer_hide_no_failure() -> None:
    class Full(Accounts):
        def search(self, *asked: object) -> tuple[Entry, ...]:
            if str(asked[1]).endswith("MSSQLSvc/*)"):
                raise LdapRefusal("dc1", 4, "sizeLimitExceeded", "")
            return super().search(*asked)

    directory: Outcome[Any] = Outcome(BoundDirectory("dc1", cast("Directory", Full())), passed("bound"))
    found = finding_of(
        lambda: name(
            strings(trusted("db")), NAMES, NOTHING, NOTHING, NOTHING, NOTHING, directory, NOTHING, LAPTOP, NOTHING
        )
    )
    assert found.status is Status.FAIL
    assert "db.corp.example" in str(found.expected)


def test_an_alias_of_an_rds_endpoint_passes_without_the_directory() -> None:
    assert named("db.corp.example", {"db.corp.example": ENDPOINT}, bound=False).status is Status.PASS


def test_the_fix_for_an_unknown_rds_instance_lists_both_names() -> None:
    found = named(ENDPOINT, {}, bound=False)
    assert found.expected == "db.corp.example or db.abc123.us-east-1.awsrds.corp.example"


class Listening:
    def __init__(self, *open: str) -> None:
        self.open = open

    def connect(self, address: str, _: int) -> float:
        if address not in self.open:
            raise TimedOut(f"{address}:1433", 3)
        return 0.001


@pytest.mark.parametrize(
    ("open", "status", "words"),
    [
        (("10.0.1.5", "10.0.2.5"), Status.PASS, "10.0.1.5 is open after 1 ms"),
        (("10.0.2.5",), Status.PASS, "10.0.2.5 is open after 1 ms (1 of its 2 addresses failed)"),
        ((), Status.FAIL, "did not answer"),
    ],
)
def test_one_open_address_of_a_listener_is_enough(open: tuple[str, ...], status: Status, words: str) -> None:
    listener = Names(addresses=("10.0.1.5", "10.0.2.5"))
    inside = Vantage(inside=True)
    found = port(
        SERVERS, NAMES, NOTHING, NOTHING, cast("Any", listener), cast("Any", Listening(*open)), inside, NOTHING
    )
    assert found.status is status
    assert words in found.summary


def test_an_unresolved_server_does_not_hide_one_that_does_not_answer() -> None:
    class NotAll(Names):
        def addresses(self, name: str) -> tuple[str, ...]:
            if name == "db.corp.example":
                raise ClientError("the DNS server answers SERVFAIL")
            return ("10.0.9.9",)

    other = parse(trusted("other.corp.example"))
    both = SqlServers((*SERVERS.servers, SqlServer("other", other, ("MSSQLSvc/other.corp.example:1433",), 1433)))
    inside = Vantage(inside=True)
    found = port(both, NAMES, NOTHING, NOTHING, cast("Any", NotAll()), cast("Any", Listening()), inside, NOTHING)
    assert found.status is Status.FAIL
    assert "other.corp.example accepts no connection" in found.summary
    assert [row.status for row in found.rows] == [Status.UNKNOWN, Status.FAIL]


def test_a_name_that_extra_hosts_may_resolve_is_skipped() -> None:
    class Unknown(Names):
        def addresses(self, name: str) -> tuple[str, ...]:
            raise NotFound(f"no such name {name}", "NXDOMAIN")

    container = Container("app", dns_settings=("extraHosts",))
    chosen = Outcome(ChosenContainer(container), passed(""))
    inside, tcp = Vantage(inside=True), cast("Any", Listening())
    found = port(SERVERS, NAMES, NOTHING, NOTHING, cast("Any", Unknown()), tcp, inside, chosen)
    assert found.status is Status.SKIPPED
    assert "extraHosts of app may resolve it in the container" in found.summary
    failure = port(SERVERS, NAMES, NOTHING, NOTHING, cast("Any", Unknown()), tcp, inside, NOTHING)
    assert failure.status is Status.FAIL
    assert failure.fix
    assert failure.fix.owner is Owner.DEVELOPER


def test_a_sql_login_only_warns_whatever_the_server_name() -> None:
    config = ApplicationConfig((parse("Server=db2:50000;Database=x;UID=u;PWD=p"),))
    assert finding_of(lambda: connection_strings(config, NOTHING, NOTHING)).status is Status.WARN


def test_a_db_instance_without_a_domain_is_the_only_root_cause() -> None:
    no_domain: Outcome[Any] = Outcome(
        RdsServers((), (ENDPOINT,)), replace(failed("joined no AD"), check="sql-server.rds")
    )
    found = finding_of(
        lambda: name(
            strings(trusted(ENDPOINT)), NAMES, NOTHING, NOTHING, no_domain, NOTHING, NOTHING, NOTHING, LAPTOP, NOTHING
        )
    )
    assert (found.status, found.because) == (Status.SKIPPED, ("sql-server.rds",))


@pytest.mark.parametrize(
    ("id", "owner"),
    [
        ("sql-server.connection-string", Owner.DEVELOPER),
        ("sql-server.name", Owner.DEVELOPER),
        ("sql-server.rds", Owner.AWS),
        ("sql-server.app-secrets", Owner.AWS),
        ("sql-server.spn", Owner.AD),
    ],
)
def test_the_owner_of_the_findings(id: str, owner: Owner) -> None:
    check = registry.load().get(id)
    assert check
    assert check.owner is owner


def test_without_a_connection_string_the_fix_shows_the_option() -> None:
    for search, words in ((False, "was given"), (True, "environment or secrets")):
        config = ApplicationConfig((), search)
        found = finding_of(lambda config=config: connection_strings(config, NOTHING, NOTHING))  # type: ignore[misc]
        assert found.status is Status.SKIPPED
        assert words in found.summary
        assert found.fix
        assert "--connection-string" in found.fix.commands[0]


# RDS ------------------------------------------------------------------------------------------------


class Answering:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    def instance(self, id: str) -> dict[str, Any]:
        assert id == "db"
        if isinstance(self.answer, ClientError):
            raise self.answer
        if isinstance(self.answer, dict):
            return self.answer
        return {"DomainMemberships": self.answer}


def joined(status: str) -> list[dict[str, str]]:
    return [{"Domain": "d-1", "FQDN": "corp.example", "Status": status}]


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (joined("joined"), Status.PASS, "db: corp.example: joined"),
        (joined("kerberos-enabled"), Status.PASS, "kerberos-enabled"),
        (joined("pending-maintenance-join"), Status.WARN, "is still joining or leaving its domain"),
        (joined("removing"), Status.WARN, "corp.example: removing"),
        (joined("failed"), Status.FAIL, "failed to join"),
        (joined("something-new"), Status.UNKNOWN, "something-new"),
        ([], Status.FAIL, "has not joined an AD domain"),
        ({"Engine": "custom-sqlserver-ee", "DomainMemberships": []}, Status.PASS, "RDS Custom"),
        ({"Engine": "custom-sqlserver-ee"}, Status.PASS, "RDS Custom"),
        ({"Engine": "sqlserver-ee"}, Status.FAIL, "has not joined an AD domain"),
        (NotFound("rds:DescribeDBInstances: db", "DBInstanceNotFound"), Status.UNKNOWN, "there is no DB instance db"),
        (Denied("rds:DescribeDBInstances", "db"), Status.UNKNOWN, "rds:DescribeDBInstances"),
    ],
)
def test_each_domain_membership_status_of_rds(answer: object, status: Status, words: str) -> None:
    found = finding_of(lambda: rds(strings(trusted(ENDPOINT)), PLACE, cast("Rds", Answering(answer))))
    assert found.status is status
    assert words in found.summary


@pytest.mark.parametrize(
    ("server", "status"),
    [
        ("db.corp.example", Status.SKIPPED),
        ("db.a.eu-west-1.rds.amazonaws.com", Status.UNKNOWN),
        ("db.proxy-abc123.us-east-1.rds.amazonaws.com", Status.UNKNOWN),
    ],
)
def test_only_rds_endpoints_of_the_task_region_are_checked(server: str, status: Status) -> None:
    never = cast("Rds", Answering(AssertionError("asked")))
    assert finding_of(lambda: rds(strings(trusted(server)), PLACE, never)).status is status


@pytest.mark.parametrize(
    ("more", "wanted"),
    [({}, "db.corp.example"), ({"OU": "OU=RDS,DC=corp,DC=example"}, "db.abc123.us-east-1.awsrds.corp.example")],
)
def test_the_kind_of_ad_determines_the_name_of_a_db_instance(more: dict[str, str], wanted: str) -> None:
    answering = cast("Rds", Answering([{**joined("joined")[0], **more}]))
    result = rds(strings(trusted(ENDPOINT)), PLACE, answering)
    assert isinstance(result, Given)
    assert [server.name for server in result.value.servers] == [wanted]


def test_the_name_of_a_db_instance_in_china_has_its_region() -> None:
    assert names_in("db.abc.rds.cn-north-1.amazonaws.com.cn", "x.example") == (
        "db.x.example",
        "db.abc.cn-north-1.awsrds.x.example",
    )


# The account with the SPN -------------------------------------------------------------------------


PARTITIONS = "(nETBIOSName=*)"
ONLY_DOMAIN = (Entry("CN=CORP", Attributes({"nCName": (b"DC=corp,DC=example",)})),)


class Accounts:
    """A directory of the forest's only domain, which answers each other search with these accounts."""

    def __init__(self, *accounts: dict[str, str]) -> None:
        self.entries = tuple(
            Entry(f"CN={entry['sAMAccountName']}", Attributes({key: (value.encode(),) for key, value in entry.items()}))
            for entry in accounts
        )

    def search(self, *asked: object) -> tuple[Entry, ...]:
        return ONLY_DOMAIN if asked[1] == PARTITIONS else self.entries


SPN = "MSSQLSvc/db.corp.example:1433"
SERVERS = SqlServers((SqlServer("--connection-string", parse(trusted("db.corp.example,1433")), (SPN,), 1433),))
ACCOUNT = Account("arn", "reader", cast("Any", None), DomainName("corp.example"))
GOT: Outcome[ServiceTickets] = Outcome(ServiceTickets((SPN,)), passed("a ticket"))


def account(name: str, spn: str = SPN, **more: str) -> dict[str, str]:
    return {"sAMAccountName": name, "servicePrincipalName": spn, "userAccountControl": "512", **more}


@pytest.mark.parametrize(
    ("accounts", "tickets", "status", "words"),
    [
        ([account("svc-sql")], GOT, Status.PASS, f"{SPN}: on svc-sql"),
        ([account("svc-sql", SPN.upper().replace("MSSQLSVC", "MSSQLSvc"))], GOT, Status.PASS, "on svc-sql"),
        ([], GOT, Status.PASS, "no visible account in this domain has it"),
        ([], NOTHING, Status.WARN, "no account in the domain has it"),
        (
            [account("svc-sql", "MSSQLSvc/db.corp.example")],
            NOTHING,
            Status.WARN,
            "that host has MSSQLSvc/db.corp.example",
        ),
        ([account("svc-a"), account("svc-b")], NOTHING, Status.WARN, "2 accounts have it: svc-a, svc-b"),
        ([account("svc-sql", userAccountControl="514")], NOTHING, Status.WARN, "which is disabled"),
        ([account("svc-sql", **{"msDS-SupportedEncryptionTypes": "4"})], GOT, Status.WARN, "RC4 only"),
        ([account("svc-sql", **{"msDS-SupportedEncryptionTypes": "28"})], GOT, Status.PASS, "on svc-sql"),
    ],
)
def test_the_account_with_the_spn(
    accounts: list[dict[str, str]], tickets: Outcome[ServiceTickets], status: Status, words: str
) -> None:
    bound = BoundDirectory("dc1", cast("Directory", Accounts(*accounts)))
    found = spn(SERVERS, bound, ACCOUNT, tickets)
    assert found.status is status
    assert words in found.summary


@pytest.mark.parametrize(
    ("text", "registered", "named"),
    [
        ("Server=db.corp.example;Integrated Security=true", (), True),
        ("Server=db.corp.example,1433;Integrated Security=true", (), False),
        ("Server=db.corp.example;Integrated Security=true", ("MSSQLSvc/db.corp.example",), False),
        ("jdbc:sqlserver://db.corp.example;integratedSecurity=true;authenticationScheme=JavaKerberos", (), False),
    ],
)
def test_the_spn_that_one_version_of_sqlclient_requests_is_named_if_nobody_has_it(
    text: str, registered: tuple[str, ...], named: bool
) -> None:
    string = parse(text)
    servers = SqlServers((SqlServer("--connection-string", string, spns_of(string, "db.corp.example"), 1433),))
    accounts = [account("svc-sql"), *(account("svc-sql", own) for own in registered)]
    found = spn(servers, BoundDirectory("dc1", cast("Directory", Accounts(*accounts))), ACCOUNT, GOT)
    assert found.status is Status.PASS
    assert ("SqlClient 5.2.0 requests" in found.summary) is named


def test_a_refusal_of_the_kdc_is_the_root_cause() -> None:
    refused: Outcome[ServiceTickets] = Outcome(None, replace(failed("no SPN"), check="kerberos.service-ticket"))
    found = spn(SERVERS, cast("BoundDirectory", None), ACCOUNT, refused)
    assert (found.status, found.because) == (Status.SKIPPED, ("kerberos.service-ticket",))


# The login ------------------------------------------------------------------------------------------


def test_the_login_is_created_once_and_its_user_in_each_database() -> None:
    assert statements(r"CORP\webapp01$", ("app", "<database>")) == (
        r"CREATE LOGIN [CORP\webapp01$] FROM WINDOWS;",
        "USE [app];",
        r"CREATE USER [CORP\webapp01$] FOR LOGIN [CORP\webapp01$];",
        r"ALTER ROLE [db_datareader] ADD MEMBER [CORP\webapp01$];",
        "USE [<database>];",
        r"CREATE USER [CORP\webapp01$] FOR LOGIN [CORP\webapp01$];",
        r"ALTER ROLE [db_datareader] ADD MEMBER [CORP\webapp01$];",
        r"SELECT name, is_disabled FROM sys.server_principals WHERE name = N'CORP\webapp01$';",
    )


def test_names_are_quoted_for_t_sql() -> None:
    login, use, *_, shown = statements(r"A]B\it's$", ("x]; DROP DATABASE [y",))
    assert login == r"CREATE LOGIN [A]]B\it's$] FROM WINDOWS;"
    assert use == "USE [x]]; DROP DATABASE [y];"
    assert shown.endswith(r"N'A]B\it''s$';")
