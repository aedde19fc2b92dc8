"""What the answers and timeouts of SQL Server Browser mean."""

from dataclasses import replace
from typing import Any, cast

import pytest

from gmsa_doctor.authoring import Owner
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.network.sql_browser import SqlBrowser
from gmsa_doctor.core.errors import ClientError, NotFound, Refused, TimedOut, Unreachable
from gmsa_doctor.core.model import Finding, Given, Outcome, Status, failed, passed, skipped
from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server.connection_string import parse
from gmsa_doctor.formats.sql_server.sql_browser import Instance
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.sql_server.hosts import SearchList, search_list_of
from gmsa_doctor_checks.sql_server.instance import instance
from gmsa_doctor_checks.sql_server.name import name
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, InstancePorts, NamedInstance
from gmsa_doctor_checks.values import DhcpOptions, DomainName, GmsaName, GmsaNames

NAMES = GmsaNames(DomainName("corp.example"), GmsaName("webapp01"))
NOTHING: Outcome[Any] = Outcome(None, skipped("not asked"))
PLACE = AwsPlace("us-east-1", "123456789012")
TASK, LAPTOP = Vantage(inside=True), Vantage(inside=False)
ENDPOINT = "db.abc123.us-east-1.rds.amazonaws.com"
SALES = Instance("DB", "SALES", ("tcp", "np"), 50123)
SILENCE = TimedOut("SQL Server Browser, UDP 10.0.0.5:1434", 1.5)
CLOSED = Refused("SQL Server Browser, UDP 10.0.0.5:1434", "nothing listens on this port")


class Host:
    """What SQL Server Browser on a host answers for one instance, and for all instances."""

    def __init__(self, answer: Instance | ClientError, *all: Instance, silent_at: str = "") -> None:
        self.answer, self.all, self.silent_at = answer, all, silent_at

    def instance(self, address: str, _: str) -> Instance:
        if address == self.silent_at:
            raise SILENCE
        if isinstance(self.answer, ClientError):
            raise self.answer
        return self.answer

    def instances(self, _: str) -> tuple[Instance, ...]:
        if not self.all:
            raise SILENCE
        return self.all


class Addresses:
    def __init__(self, *addresses: str) -> None:
        self.of_all = addresses

    def addresses(self, name: str) -> tuple[str, ...]:
        if not self.of_all:
            raise NotFound(f"no such name {name}", "NXDOMAIN")
        return self.of_all


def asked(
    host: Host,
    *servers: str,
    vantage: Vantage = TASK,
    dns: Addresses | None = None,
    network: Outcome[Any] = NOTHING,
) -> tuple[Finding, InstancePorts | None]:
    texts = [
        server if "=" in server or "://" in server else f"Server={server};Integrated Security=true"
        for server in servers or (r"db.x\SALES",)
    ]
    strings = ConnectionStrings(tuple(NamedString(f"string {n}", parse(text)) for n, text in enumerate(texts, 1)))
    known = cast("Dns", dns or Addresses("10.0.0.5"))
    result = instance(strings, NAMES, NOTHING, NOTHING, known, cast("SqlBrowser", host), vantage, network, PLACE)
    return (result.finding, result.value) if isinstance(result, Given) else (result, None)


def test_the_reported_port_passes() -> None:
    finding, value = asked(Host(SALES))
    assert (finding.status, finding.summary) == (Status.PASS, r"db.x\SALES listens on port 50123")
    assert value == InstancePorts((NamedInstance("db.x", "sales", 50123),))


@pytest.mark.parametrize("server", ["db.x", r"db.x\SALES,1500", r"localhost\SALES", r"db.x\MSSQLSERVER"])
def test_browser_is_not_asked_if_the_port_is_known_or_the_host_is_the_container(server: str) -> None:
    finding, _ = asked(Host(AssertionError()), server)  # type: ignore[arg-type]
    assert finding.status is Status.SKIPPED


@pytest.mark.parametrize("error", [SILENCE, CLOSED, Unreachable("UDP 10.0.0.5:1434", "no route to host")])
def test_a_timeout_fails_only_inside_the_task_network(error: ClientError) -> None:
    finding, value = asked(Host(error))
    assert (finding.status, value) == (Status.FAIL, None)
    assert "cannot be determined" in finding.summary
    assert finding.fix
    assert "Server=db.x,<port>" in finding.fix.text
    assert finding.fix.commands[-1] == "Start-Service -Name SQLBrowser"
    assert finding.fix.owner is Owner.DEVELOPER
    refused = error is CLOSED  # by the host itself, so no security group blocks it
    assert any("--protocol udp --port 1434" in command for command in finding.fix.commands) is not refused
    assert asked(Host(error), vantage=LAPTOP)[0].status is Status.SKIPPED


def test_a_timeout_for_one_instance_only_means_that_it_does_not_exist() -> None:
    for vantage in (TASK, LAPTOP):
        finding, value = asked(Host(SILENCE, Instance("DB", "HR", ("np",), None)), vantage=vantage)
        assert finding.status is Status.FAIL
        assert "does not list the instance SALES; it lists HR" in finding.summary
        assert value == InstancePorts((NamedInstance("db.x", "sales", lost=True),))


def test_an_instance_in_the_list_of_all_instances_passes() -> None:
    assert asked(Host(SILENCE, SALES))[0].status is Status.PASS


def test_an_instance_without_tcp_fails() -> None:
    finding, value = asked(Host(Instance("DB", "SALES", ("np",), None)))
    assert finding.status is Status.FAIL
    assert value
    assert value.instances[0].lost


def test_a_missing_port_is_unknown() -> None:
    assert asked(Host(Instance("DB", "SALES", ("tcp",), None)))[0].status is Status.UNKNOWN


def test_one_address_that_answers_is_enough() -> None:
    host = Host(SALES, silent_at="10.0.0.5")
    assert asked(host, dns=Addresses("10.0.0.5", "10.0.1.5"))[0].status is Status.PASS


def test_the_fix_names_the_security_group_of_the_task() -> None:
    network: Outcome[Any] = Outcome(Network(("subnet-1",), ("sg-1",)), passed(""))
    finding, _ = asked(Host(SILENCE), network=network)
    assert finding.fix
    assert finding.fix.commands[0].endswith("--protocol udp --port 1434 --source-group sg-1")


def test_a_refusing_address_does_not_hide_that_another_lists_no_such_instance() -> None:
    class Two(Host):
        def instance(self, address: str, name: str) -> Instance:
            raise CLOSED if address == "10.0.0.5" else SILENCE

    finding, _ = asked(Two(SILENCE, Instance("DB", "HR", ("tcp",), 1500)), dns=Addresses("10.0.0.5", "10.0.1.5"))
    assert "does not list the instance SALES; it lists HR" in finding.summary


def test_a_host_that_does_not_resolve_is_skipped() -> None:
    assert asked(Host(SALES), dns=Addresses())[0].status is Status.SKIPPED


def test_rds_is_asked_only_inside_the_task_network() -> None:
    server = rf"{ENDPOINT}\SALES"
    outside, _ = asked(Host(AssertionError()), server, vantage=LAPTOP)  # type: ignore[arg-type]
    inside, _ = asked(Host(SILENCE), server)
    assert (outside.status, inside.status) == (Status.WARN, Status.FAIL)
    for finding in (outside, inside):
        assert finding.fix
        assert f"Server={ENDPOINT},1433" in finding.fix.text


def test_the_worst_of_several_decides_and_each_has_a_row() -> None:
    host = Host(SALES)
    rds = rf"{ENDPOINT}\SALES"
    finding, value = asked(host, r"db.x\SALES", rds, rds, vantage=LAPTOP)
    assert finding.status is Status.WARN
    assert [row.status for row in finding.rows] == [Status.PASS, Status.WARN]
    assert value == InstancePorts((NamedInstance("db.x", "sales", 50123),))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (r"jdbc:sqlserver://db.x\SALES;integratedSecurity=true", "jdbc:sqlserver://db.x:<port>"),
        (r"mssql+pymssql://db.x\SALES/app", "db.x:<port>"),
    ],
)
def test_the_fix_has_the_form_of_the_driver(text: str, form: str) -> None:
    finding, _ = asked(Host(SILENCE), text)
    assert finding.fix
    assert form in finding.fix.text


def test_a_missing_instance_is_the_only_root_cause() -> None:
    lost: Outcome[Any] = Outcome(
        InstancePorts((NamedInstance("db", "sales", lost=True),)), replace(failed("none"), check="sql-server.instance")
    )
    strings = ConnectionStrings((NamedString("a", parse(r"Server=db\SALES;Integrated Security=true")),))
    found = name(strings, NAMES, NOTHING, NOTHING, NOTHING, lost, NOTHING, NOTHING, LAPTOP, NOTHING)
    assert isinstance(found, Finding)
    assert (found.status, found.because) == (Status.SKIPPED, ("sql-server.instance",))


# Short names ----------------------------------------------------------------------------------------


def options(domain_name: str | None) -> Outcome[DhcpOptions]:
    return Outcome(DhcpOptions("vpc-1", "dopt-1", (), domain_name), passed(""))


@pytest.mark.parametrize(
    ("known", "names"),
    [
        (NOTHING, ("db.corp.example",)),
        (options("corp.example"), ("db.corp.example",)),
        (options("Other.example. corp.example"), ("db.other.example", "db.corp.example")),
        (options(None), ("db",)),
    ],
)
def test_the_dhcp_options_complete_a_short_name(known: Outcome[DhcpOptions], names: tuple[str, ...]) -> None:
    search = search_list_of(NAMES.domain, known)
    assert search.full_names("DB") == names
    assert search.full_names("db.x") == ("db.x",)
    assert search.full_names("10.0.0.5") == ("10.0.0.5",)


def test_any_of_the_completed_names_may_resolve() -> None:
    class OneOfThem:
        def addresses(self, name: str) -> tuple[str, ...]:
            if name != "db.corp.example":
                raise NotFound(f"no such name {name}", "NXDOMAIN")
            return ("10.0.0.5",)

    search = SearchList(("other.example", "corp.example"), "")
    assert search.addresses("db", cast("Dns", OneOfThem())) == ("10.0.0.5",)
    assert search.addresses("10.0.0.6", cast("Dns", OneOfThem())) == ("10.0.0.6",)
    with pytest.raises(NotFound):
        search.addresses("db.x", cast("Dns", OneOfThem()))


def test_a_short_name_completed_with_another_domain_warns() -> None:
    strings = ConnectionStrings((NamedString("a", parse("Server=db;Integrated Security=true")),))
    given = name(
        strings,
        NAMES,
        NOTHING,
        options("us-east-1.compute.internal"),
        NOTHING,
        NOTHING,
        NOTHING,
        NOTHING,
        LAPTOP,
        NOTHING,
    )
    assert isinstance(given, Given)
    assert given.finding.status is Status.WARN
    assert "completes it with us-east-1.compute.internal (the domain-name of dopt-1)" in given.finding.summary
    assert given.finding.expected == "db.corp.example"
