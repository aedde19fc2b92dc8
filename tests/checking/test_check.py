"""A run's own part: what is chosen, what is given to the graph, and what the findings come to."""

import os
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import pytest

from gmsa_doctor.checking import check as run
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.sts import Sts
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kerberos
from gmsa_doctor.clients.ldap.client import Ldap
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.engine import Progress
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import (
    Check,
    Explanation,
    Finding,
    Need,
    Report,
    Status,
    Verdict,
    failed,
    passed,
    unknown,
    warned,
)
from gmsa_doctor.core.registry import Registry, load
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.request import Live, Request
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer
from gmsa_doctor.given.vantage import Caller, KnownDnsServers, ServiceNames, Vantage
from tests.command import a_task_definition, environ, file_with
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create
from tests.lab.dns_server import domain_records, fake_dns
from tests.lab.environment import healthy
from tests.lab.loopback import fresh_address
from tests.lab.silent import silent

T = TypeVar("T")
SPEC = "credentialspecdomainless:arn:aws:s3:::credspecs/web.json"
NETWORK_CLIENTS = (Dns, Tcp, Ldap, Kerberos)


@pytest.fixture(autouse=True)
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No AWS configuration at all, not inside ECS, and an empty HOME."""
    wanted = environ(tmp_path)
    for name in set(os.environ) - set(wanted):
        monkeypatch.delenv(name)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def on_aws(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> EmbeddedAws:
    """The embedded AWS, to which our environment leads."""
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    return aws


def check(request: Request, registry: Registry | None = None) -> Report:
    return run.check(request, registry or load(), lambda progress: None)


def file_request(directory: Path, content: object = None, **options: Any) -> Request:
    """A request for a file: without `content`, one in which nothing is wrong; `live` is never."""
    name = file_with(directory, a_task_definition() if content is None else content)
    return Request(files=(name,), **{"live": Live.NEVER, **options})


def with_containers(*specs: str, **changes: Any) -> dict[str, Any]:
    """A task definition with a container for each credential spec, named a, b, c."""
    containers = [
        {"name": name, "image": "registry.example/web:1", "credentialSpecs": [spec]}
        for name, spec in zip("abc", specs, strict=False)
    ]
    return a_task_definition(containerDefinitions=containers, **changes)


def finding(report: Report, check: str, subject: int = 0) -> Finding:
    found = report.subjects[subject].finding(check)
    assert found is not None
    return found


def statuses(report: Report, subject: int = 0) -> dict[str, Status]:
    return {finding.check: finding.status for finding in report.subjects[subject].findings}


def the_check(id: str, function: Any, *needs: type, limit: float = 30.0) -> Check:
    """A check that takes values of these types and gives none."""
    return Check(
        id=id,
        title=id,
        function=function,
        needs=tuple(Need(kind.__name__, kind) for kind in needs),
        gives=None,
        cause=None,
        docs="https://example.com/",
        explanation=Explanation("What.", "Because.", "So."),
        limit=limit,
    )


def given(kind: type[T], request: Request) -> T | Finding:
    """What a run of the request hands to a check that takes this type, or the finding without it."""
    received: list[T] = []

    def receive(value: T) -> Finding:
        received.append(value)
        return passed("received")

    report = check(request, Registry([the_check("a.receiver", receive, kind)]))
    return received[0] if received else finding(report, "a.receiver")


def ends(*found: Finding | None) -> Registry:
    """A registry of a.0, a.1 …, which end in these findings; None: in a crash."""

    def check_that_ends(id: str, end: Finding | None) -> Check:
        def function(definition: TaskDefinition) -> Finding:
            assert end is not None
            return end

        return the_check(id, function, TaskDefinition)

    return Registry([check_that_ends(f"a.{number}", end) for number, end in enumerate(found)])


# Which checks run -------------------------------------------------------------------------------------


def chosen(report: Report) -> set[str]:
    return {finding.check for finding in report.subjects[0].findings if finding.summary != "not selected"}


def test_only_takes_along_what_its_checks_need_over_several_steps(tmp_path: Path) -> None:
    report = check(file_request(tmp_path, only=("credspec.size",)))
    assert chosen(report) == {
        "task-definition.credentialspecs",
        "task-definition.prefix",
        "task-definition.arn",
        "credspec.object",
        "credspec.size",
    }
    assert report.verdict is Verdict.UNPROVEN


def test_skip_takes_away_from_what_only_needs_and_that_is_the_reason_of_what_follows(tmp_path: Path) -> None:
    report = check(file_request(tmp_path, only=("credspec.size",), skip=("task-definition.arn",)))
    assert chosen(report) == {
        "task-definition.credentialspecs",
        "task-definition.prefix",
        "credspec.object",
        "credspec.size",
    }
    assert finding(report, "credspec.size").because == ("task-definition.arn",)
    assert finding(report, "credspec.size").status is Status.SKIPPED


def test_skip_within_an_area_of_only_leaves_the_rest(tmp_path: Path) -> None:
    report = check(file_request(tmp_path, only=("task-definition",), skip=("task-definition.user",)))
    assert "task-definition.user" not in chosen(report)
    assert {"task-definition.registered", "task-definition.arn"} <= chosen(report)


@pytest.mark.parametrize(
    ("only", "skip"),
    [
        (("credspec.size",), ("credspec.size",)),
        (("credspec.size",), ("credspec",)),
        (("secret", "credspec.size"), ("credspec", "secret")),
    ],
)
def test_what_only_needs_is_not_worth_a_run_of_its_own(
    only: tuple[str, ...], skip: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="leave no check to run"):
        check(file_request(tmp_path, only=only, skip=skip))


def test_to_skip_all_leaves_no_check_to_run(tmp_path: Path) -> None:
    areas = tuple({check.area for check in load().checks})
    with pytest.raises(UsageError, match="leave no check to run"):
        check(file_request(tmp_path, skip=areas))


@pytest.mark.parametrize("option", ["only", "skip", "require"])
def test_an_unknown_name_is_refused_before_anything_is_asked(option: str, on_aws: EmbeddedAws) -> None:
    names: dict[str, Any] = {option: ("nothing",)}
    with pytest.raises(UsageError, match="no check or area 'nothing'"):
        check(Request(task_definition="webapp", **names))
    assert on_aws.calls == []


def test_what_only_the_task_itself_knows_is_left_out_elsewhere(tmp_path: Path) -> None:
    report = check(file_request(tmp_path))
    assert report.subjects[0].finding("dhcp-options.in-use") is None


@pytest.mark.parametrize("option", ["only", "require"])
def test_named_by_its_id_it_says_where_it_is_known(option: str, tmp_path: Path) -> None:
    names: dict[str, Any] = {option: ("dhcp-options.in-use",)}
    report = check(file_request(tmp_path, **names))
    found = finding(report, "dhcp-options.in-use")
    assert (found.status, found.because) == (Status.SKIPPED, ())
    assert "only the task itself knows" in found.summary
    assert found.fix is not None
    assert report.missing == (("dhcp-options.in-use",) if option == "require" else ())


def test_to_require_its_area_does_not_require_it_elsewhere(on_aws: EmbeddedAws) -> None:
    create(healthy(DomainController(ip="127.77.0.1", state=Path("/nonexistent"))), on_aws)
    report = check(Request(cluster="demo", services=("healthy",), live=Live.NEVER, require=("dhcp-options",)))
    assert (report.verdict, report.missing) == (Verdict.UNPROVEN, ())


# What it comes to -------------------------------------------------------------------------------------


def test_what_is_required_and_was_skipped_makes_a_pass_incomplete(tmp_path: Path) -> None:
    request = file_request(tmp_path, require=("secret", "credspec.object", "task-definition"))
    report = check(request)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.missing == ("credspec.object", "secret.domain", "secret.fields", "secret.value")
    assert report.root_causes == ()


def test_what_skip_leaves_out_counts_as_skipped_for_require(tmp_path: Path) -> None:
    only = "task-definition.prefix"
    assert check(file_request(tmp_path, require=(only,))).verdict is Verdict.UNPROVEN
    report = check(file_request(tmp_path, require=(only,), skip=(only,)))
    assert (report.verdict, report.missing) == (Verdict.INCOMPLETE, (only,))


def test_require_names_what_was_skipped_for_one_of_the_subjects(tmp_path: Path) -> None:
    content = with_containers(SPEC, SPEC.upper())
    report = check(file_request(tmp_path, content, require=("task-definition",)))
    assert statuses(report, 0)["task-definition.arn"] is Status.PASS
    assert statuses(report, 1)["task-definition.arn"] is Status.SKIPPED
    assert (report.verdict, report.missing) == (Verdict.FAIL, ("task-definition.arn",))


@pytest.mark.parametrize(
    ("found", "verdict", "roots"),
    [
        ([passed("x"), passed("y")], Verdict.UNPROVEN, ()),
        ([passed("x"), warned("y")], Verdict.UNPROVEN, ()),
        ([failed("x"), passed("y"), failed("z")], Verdict.FAIL, ("a.0", "a.2")),
        ([unknown("x"), passed("y")], Verdict.INCOMPLETE, ("a.0",)),
        ([passed("x"), None], Verdict.INCOMPLETE, ("a.1",)),
        ([unknown("x"), None, failed("z")], Verdict.FAIL, ("a.2",)),
        ([replace(failed("x"), because=("a.1",)), failed("y")], Verdict.FAIL, ("a.1",)),
        ([replace(failed("x"), because=("a.1",)), unknown("y")], Verdict.FAIL, ("a.1",)),
    ],
)
def test_a_failure_outweighs_a_gap_and_a_gap_a_pass(
    found: list[Finding | None], verdict: Verdict, roots: tuple[str, ...], tmp_path: Path
) -> None:
    report = check(file_request(tmp_path), ends(*found))
    assert (report.verdict, report.root_causes) == (verdict, roots)


@pytest.mark.parametrize(
    ("found", "roots"),
    [
        ([warned("x"), passed("y")], ("a.0",)),
        ([warned("x"), failed("y")], ("a.0", "a.1")),
        ([warned("x"), unknown("y")], ("a.0",)),
    ],
)
def test_with_fail_on_warn_a_warning_is_a_failure(found: list[Finding], roots: tuple[str, ...], tmp_path: Path) -> None:
    report = check(file_request(tmp_path, fail_on_warning=True), ends(*found))
    assert (report.verdict, report.root_causes) == (Verdict.FAIL, roots)
    assert finding(report, "a.0").root
    assert finding(report, "a.0").status is Status.WARN


@pytest.mark.parametrize(("found", "verdict"), [(passed("x"), Verdict.UNPROVEN), (unknown("x"), Verdict.INCOMPLETE)])
def test_fail_on_warn_changes_nothing_where_nothing_warns(found: Finding, verdict: Verdict, tmp_path: Path) -> None:
    assert check(file_request(tmp_path, fail_on_warning=True), ends(found)).verdict is verdict


def test_each_container_is_a_subject_and_a_shared_cause_is_one(tmp_path: Path) -> None:
    report = check(file_request(tmp_path, with_containers(SPEC, SPEC.upper(), SPEC.upper())))
    assert [subject.name.rpartition("/")[2] for subject in report.subjects] == ["a", "b", "c"]
    assert [statuses(report, number)["task-definition.prefix"] for number in range(3)] == [
        Status.PASS,
        Status.FAIL,
        Status.FAIL,
    ]
    assert report.verdict is Verdict.FAIL
    assert report.root_causes == ("task-definition.prefix",)


def test_the_causes_of_several_subjects_are_in_the_subjects_order(tmp_path: Path) -> None:
    no_object = "credentialspecdomainless:arn:aws:s3:::"
    report = check(file_request(tmp_path, with_containers(no_object, SPEC.upper())))
    assert report.root_causes == ("task-definition.arn", "task-definition.prefix")
    other = check(file_request(tmp_path, with_containers(SPEC.upper(), no_object)))
    assert other.root_causes == ("task-definition.prefix", "task-definition.arn")


def test_the_counts_are_of_all_subjects_and_of_every_status(tmp_path: Path) -> None:
    report = check(file_request(tmp_path, with_containers(SPEC, SPEC, SPEC)), ends(passed("x"), warned("y"), None))
    assert report.counts == tuple((status, 3 if status in ("pass", "warn", "error") else 0) for status in Status)


def test_an_interrupted_run_is_incomplete_and_whole(tmp_path: Path) -> None:
    release = Event()

    def hangs(definition: TaskDefinition) -> Finding:
        release.wait(30)
        return passed("late")

    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    registry = Registry([the_check("a.hangs", hangs, TaskDefinition)])
    report = run.check(file_request(tmp_path), registry, interrupt)
    release.set()
    assert report.interrupted
    assert report.verdict is Verdict.INCOMPLETE
    assert finding(report, "a.hangs").status is Status.UNKNOWN


def test_the_limit_of_the_run_ends_its_checks(tmp_path: Path) -> None:
    release = Event()

    def hangs(definition: TaskDefinition) -> Finding:
        release.wait(30)
        return passed("late")

    report = check(file_request(tmp_path, seconds=1.0), Registry([the_check("a.hangs", hangs, TaskDefinition)]))
    release.set()
    assert not report.interrupted
    assert (report.verdict, report.root_causes) == (Verdict.INCOMPLETE, ("a.hangs",))


# The live flow ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NETWORK_CLIENTS)
def test_live_never_gives_no_client_of_the_network(kind: type, tmp_path: Path) -> None:
    reason = given(kind, file_request(tmp_path, live=Live.NEVER, dns_server=("127.77.0.1",)))
    assert isinstance(reason, Finding)
    assert reason.status is Status.SKIPPED
    assert reason.summary == "not checked: with --live never, nothing is sent to DNS or AD"


@pytest.mark.parametrize("live", [Live.AUTO, Live.ALWAYS])
@pytest.mark.parametrize("kind", NETWORK_CLIENTS)
def test_else_they_are_there(kind: type, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "gssapi_missing", lambda: None)
    assert isinstance(given(kind, file_request(tmp_path, live=live)), kind)


def test_without_gssapi_kerberos_alone_is_missing_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "gssapi_missing", lambda: "it is not installed")
    request = file_request(tmp_path, live=Live.AUTO)
    reason = given(Kerberos, request)
    assert isinstance(reason, Finding)
    assert (reason.status, reason.summary) == (
        Status.SKIPPED,
        "not checked: the live flow needs gssapi: it is not installed",
    )
    assert reason.fix is not None
    assert reason.fix.commands == ("pip install 'gmsa-doctor[live]'",)
    assert all(isinstance(given(kind, request), kind) for kind in (Dns, Tcp, Ldap))


def test_live_always_without_gssapi_is_refused_before_anything_is_asked(
    on_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "gssapi_missing", lambda: "it is not installed")
    with pytest.raises(UsageError, match="--live always needs gssapi: it is not installed"):
        check(Request(task_definition="webapp", live=Live.ALWAYS))
    assert on_aws.calls == []


def test_without_gssapi_all_is_checked_up_to_the_first_logon(
    on_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    ip = fresh_address()
    dc = DomainController(ip=ip, state=Path("/nonexistent"))
    create(healthy(dc), on_aws)
    monkeypatch.setattr(run, "gssapi_missing", lambda: "it is not installed")
    with fake_dns(ip, domain_records(dc.domain, {f"dc1.{dc.domain}": ip})), silent(ip, tcp=(88, 389)):
        only = ("network.ldap", "directory.managed-password")
        report = check(Request(cluster="demo", services=("healthy",), dns_server=(ip,), only=only))
    found = statuses(report)
    assert found["dns.domain-controllers"] is found["network.kerberos"] is found["network.ldap"] is Status.PASS
    assert finding(report, "kerberos.user-ticket").status is Status.SKIPPED
    assert "gssapi: it is not installed" in finding(report, "kerberos.user-ticket").summary
    assert finding(report, "directory.managed-password").because == ("kerberos.user-ticket",)
    assert report.verdict is Verdict.UNPROVEN


def test_live_never_judges_aws_and_leaves_the_ad_out(on_aws: EmbeddedAws) -> None:
    ip = fresh_address()
    create(healthy(DomainController(ip=ip, state=Path("/nonexistent"))), on_aws)
    with fake_dns(ip) as server:
        report = check(Request(cluster="demo", services=("healthy",), dns_server=(ip,), live=Live.NEVER))
    assert server.queries == []
    found = statuses(report)
    areas = ("dns", "network", "domain-controllers", "kerberos", "directory", "user", "gmsa", "permission")
    live = {id for id in found if id.partition(".")[0] in areas} | {"credspec.domain-data"}
    live.remove("kerberos.krb5-conf")  # judged by names alone
    assert len(live) > 8
    assert {found[id] for id in live} == {Status.SKIPPED}
    assert {found[id] for id in set(found) - live - {"dhcp-options.in-use"}} == {Status.PASS}
    assert "--live never" in finding(report, "dns.domain-controllers").summary
    assert report.verdict is Verdict.UNPROVEN


def test_a_look_tells_the_subjects_their_values_and_findings(on_aws: EmbeddedAws) -> None:
    create(healthy(DomainController(ip="127.77.0.1", state=Path("/nonexistent"))), on_aws)
    request = Request(cluster="demo", services=("healthy",), live=Live.NEVER)
    seen = run.attempt(request, load(), lambda progress: None)
    assert [found.subject.name for found in seen.found] == ["demo/healthy/web"]
    assert [case.name for case in seen.cases] == [subject.name for subject in seen.subjects] == ["demo/healthy/web"]
    (values,) = seen.execution.values
    assert set(values) == set(seen.registry.giver)
    assert isinstance(seen.cases[0].given[TaskDefinition], TaskDefinition)
    gives = {type(value).__name__ for value in values.values() if not isinstance(value, Finding)}
    assert {"CredSpec", "GmsaNames", "Account", "DhcpOptions", "VpcDns"} <= gives
    report = check(request)
    assert run.report_of(seen.subjects, frozenset(), False, 0.0).verdict is report.verdict is Verdict.UNPROVEN
    assert [finding.check for finding in seen.subjects[0].findings] == [
        finding.check for finding in report.subjects[0].findings
    ]


@pytest.mark.parametrize("live", Live)
def test_a_live_flow_that_others_will_do_is_skipped_with_the_reason_given(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "gssapi_missing", lambda: "it is not installed")
    request = file_request(tmp_path, live=live, dns_server=("127.77.0.1",))
    seen = run.attempt(request, load(), lambda progress: None, live_reason="somebody else asks AD")
    for kind in NETWORK_CLIENTS:
        reason = seen.cases[0].given[kind]
        assert isinstance(reason, Finding)
        assert (reason.status, reason.summary) == (Status.SKIPPED, "somebody else asks AD")


def test_where_no_name_is_known_nothing_is_asked_of_dns(tmp_path: Path) -> None:
    ip = fresh_address()
    with fake_dns(ip) as server:
        report = check(file_request(tmp_path, live=Live.AUTO, dns_server=(ip,)))
    assert server.queries == []
    assert statuses(report)["dns.domain-controllers"] is Status.SKIPPED
    assert report.verdict is Verdict.UNPROVEN


@pytest.mark.parametrize(
    ("options", "metadata", "vantage"),
    [
        ({}, "", Vantage(inside=False, asserted=False, own_resolver=True)),
        ({"live": Live.NEVER}, "", Vantage(inside=False, asserted=False, own_resolver=True)),
        ({"live": Live.ALWAYS}, "", Vantage(inside=False, asserted=True, own_resolver=True)),
        ({"dns_server": ("127.77.0.1",)}, "", Vantage(inside=False, asserted=True, own_resolver=False)),
        ({}, "http://127.0.0.1/v4/x", Vantage(inside=True, asserted=False, own_resolver=True)),
        (
            {"dns_server": ("127.77.0.1",)},
            "http://127.0.0.1/v4/x",
            Vantage(inside=True, asserted=True, own_resolver=False),
        ),
    ],
)
def test_the_vantage_comes_from_the_options_and_from_ecs(
    options: dict[str, Any], metadata: str, vantage: Vantage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "gssapi_missing", lambda: None)
    monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", metadata)
    request = file_request(tmp_path, **{"live": Live.AUTO, **options})
    assert given(Vantage, request) == vantage
    report = check(request, ends(passed("x")))
    assert dict(report.subjects[0].facts)["vantage"] == ("inside" if metadata else "outside")


@pytest.mark.parametrize(
    ("options", "inside"),
    [
        ({"cluster": "prod", "services": ("web",)}, True),
        ({"cluster": "prod", "services": ("web", "api")}, False),
        ({"cluster": "prod", "services": ("web-*",)}, False),
        ({"cluster": "prod"}, False),
        ({"all_clusters": True}, False),
    ],
)
def test_a_task_that_checks_several_services_is_outside_of_their_networks(
    options: dict[str, Any], inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", "http://127.0.0.1/v4/x")
    assert run._vantage(Request(**options)).inside is inside


def test_dns_is_asked_of_the_servers_that_are_given(tmp_path: Path) -> None:
    client = given(Dns, file_request(tmp_path, live=Live.AUTO, dns_server=("127.77.0.1", "127.77.0.2")))
    assert isinstance(client, Dns)
    assert client.servers == ("127.77.0.1", "127.77.0.2")


def test_what_the_user_knows_of_the_ad_is_handed_on(tmp_path: Path) -> None:
    spn = "MSSQLSvc/db.corp.example:1433"
    request = file_request(tmp_path, live=Live.AUTO, ad_dns=("10.0.0.1", "10.0.0.2"), spns=(spn,))
    assert given(KnownDnsServers, request) == KnownDnsServers(("10.0.0.1", "10.0.0.2"))
    assert given(ServiceNames, request) == ServiceNames((spn,))


# A file, with and without AWS -------------------------------------------------------------------------

AREAS_OF_AWS = ("credspec", "secret", "dhcp-options")


def of_aws(report: Report) -> list[Finding]:
    return [finding for finding in report.subjects[0].findings if finding.check.partition(".")[0] in AREAS_OF_AWS]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "AWS not checked: no AWS region is known"),
        ({"region": "us-east-1"}, "AWS not checked: there are no AWS credentials"),
    ],
)
def test_without_credentials_what_needs_aws_is_skipped_with_that_reason(
    options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    report = check(file_request(tmp_path, subnets=("subnet-1",), **options))
    assert report.verdict is Verdict.UNPROVEN
    assert len(of_aws(report)) > 8
    assert {finding.status for finding in of_aws(report)} == {Status.SKIPPED}
    for id in ("credspec.object", "network-path.subnets"):
        assert finding(report, id).summary == reason
        assert finding(report, id).fix is not None
    assert statuses(report)["task-definition.arn"] is Status.PASS


def test_without_credentials_a_failure_in_the_file_is_the_one_root_cause(tmp_path: Path) -> None:
    report = check(file_request(tmp_path, with_containers(SPEC.upper())))
    assert report.root_causes == ("task-definition.prefix",)
    assert {finding.status for finding in of_aws(report)} == {Status.SKIPPED}


@pytest.mark.parametrize("kind", AWS_CLIENTS)
def test_without_credentials_no_client_of_aws_is_given(kind: type, tmp_path: Path) -> None:
    reason = given(kind, file_request(tmp_path, region="us-east-1"))
    assert isinstance(reason, Finding)
    assert reason.status is Status.SKIPPED


def test_credentials_that_aws_refuses_are_a_reason_too(on_aws: EmbeddedAws, tmp_path: Path) -> None:
    on_aws.fail_with("sts", "GetCallerIdentity", "ExpiredToken", "The security token is expired", 403)
    report = check(file_request(tmp_path))
    assert (report.verdict, len(report.root_causes)) == (Verdict.INCOMPLETE, 1)
    assert finding(report, "credspec.object").status is Status.UNKNOWN
    assert "ExpiredToken" in finding(report, "credspec.object").summary
    assert "--offline" in str(finding(report, report.root_causes[0]).fix)
    assert {service for service, _ in on_aws.calls} == {"sts"}


def test_with_credentials_what_aws_can_tell_is_asked(on_aws: EmbeddedAws, tmp_path: Path) -> None:
    report = check(file_request(tmp_path))
    assert set(report.root_causes) == {"credspec.object", "execution-role.trust"}  # neither is there
    assert {service for service, _ in on_aws.calls} == {"sts", "s3", "iam"}


def test_aws_is_asked_also_by_those_who_may_not_ask_who_they_are(on_aws: EmbeddedAws, tmp_path: Path) -> None:
    on_aws.deny("sts", "GetCallerIdentity")
    request = file_request(tmp_path)
    assert isinstance(given(S3, request), S3)
    caller = given(Caller, request)
    assert isinstance(caller, Finding)
    assert (caller.status, caller.summary) == (Status.UNKNOWN, "access denied: sts:GetCallerIdentity on *")
    assert "account" not in dict(check(request, ends(passed("x"))).subjects[0].facts)


@pytest.mark.parametrize("region", ["eu-central-1", "eu-west-1"])
def test_the_files_own_region_is_where_aws_is_asked(region: str, on_aws: EmbeddedAws, tmp_path: Path) -> None:
    content = {**a_task_definition(), "taskDefinitionArn": f"arn:aws:ecs:{region}:210987654321:task-definition/w:1"}
    request = file_request(tmp_path, content)
    client = given(Ec2, request)
    assert isinstance(client, Ec2)
    assert client.aws.region == region
    assert given(AwsPlace, request) == AwsPlace(region, "210987654321")


def test_the_account_is_the_callers_where_the_file_names_none(on_aws: EmbeddedAws, tmp_path: Path) -> None:
    assert given(AwsPlace, file_request(tmp_path)) == AwsPlace("us-east-1", ACCOUNT)


def test_region_outweighs_the_files_own(on_aws: EmbeddedAws, tmp_path: Path) -> None:
    content = {**a_task_definition(), "taskDefinitionArn": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/w:1"}
    client = given(SecretsManager, file_request(tmp_path, content, region="eu-north-1"))
    assert isinstance(client, SecretsManager)
    assert client.aws.region == "eu-north-1"


# Whose credentials, and where -------------------------------------------------------------------------


def as_role(aws: EmbeddedAws, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on as a session of this role."""
    answer = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", answer["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", answer["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", answer["SessionToken"])


@pytest.mark.parametrize(
    ("role", "execution_role", "same"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/exec", f"arn:aws:iam::{ACCOUNT}:role/exec", True),
        (f"arn:aws:iam::{ACCOUNT}:role/exec", f"arn:aws:iam::{ACCOUNT}:role/a/path/exec", True),
        (f"arn:aws:iam::{ACCOUNT}:role/other", f"arn:aws:iam::{ACCOUNT}:role/exec", False),
        (f"arn:aws:iam::{ACCOUNT}:role/exec", "arn:aws:iam::210987654321:role/exec", False),
        (f"arn:aws:iam::{ACCOUNT}:role/exec", "exec", False),
        (f"arn:aws:iam::{ACCOUNT}:role/exec", None, False),
    ],
)
def test_a_session_of_the_execution_role_is_known_as_such(
    role: str, execution_role: str | None, same: bool, on_aws: EmbeddedAws, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    as_role(on_aws, role, monkeypatch)
    caller = given(Caller, file_request(tmp_path, a_task_definition(executionRoleArn=execution_role)))
    assert isinstance(caller, Caller)
    assert caller.account == ACCOUNT
    assert ":assumed-role/" in caller.arn
    assert caller.is_execution_role is same


def test_a_user_is_no_session_of_a_role(on_aws: EmbeddedAws, tmp_path: Path) -> None:
    caller = given(Caller, file_request(tmp_path))
    assert isinstance(caller, Caller)
    assert not caller.is_execution_role


def test_an_arn_among_the_arguments_names_the_region_where_none_is_configured(
    on_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = healthy(DomainController(ip="127.77.0.1", state=Path("/nonexistent")))
    environment.region = "eu-west-1"
    created = create(environment, on_aws)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UsageError, match="no AWS region is configured"):
        check(Request(task_definition="webapp", live=Live.NEVER))
    cluster = created.service_arn.partition(":service/")[0] + ":cluster/demo"
    for request in (
        Request(task_definition=created.task_definition_arn, live=Live.NEVER),
        Request(services=(created.service_arn,), live=Live.NEVER),
        Request(services=("healthy",), cluster=cluster, live=Live.NEVER),
    ):
        report = check(request, ends(passed("x")))
        assert dict(report.subjects[0].facts)["region"] == "eu-west-1"


def test_the_facts_of_a_subject_say_what_and_where_it_is(on_aws: EmbeddedAws, tmp_path: Path) -> None:
    create(healthy(DomainController(ip="127.77.0.1", state=Path("/nonexistent"))), on_aws)
    report = check(Request(cluster="demo", services=("healthy",), live=Live.NEVER), ends(passed("x")))
    assert report.subjects[0].facts == (
        ("subject", "demo/healthy/web"),
        ("task_definition", "webapp:1"),
        ("service", "demo/healthy"),
        ("container", "web"),
        ("account", ACCOUNT),
        ("region", "us-east-1"),
        ("vantage", "outside"),
    )


def test_what_is_not_known_is_no_fact(tmp_path: Path) -> None:
    content = a_task_definition(containerDefinitions=[{"name": name, "essential": True} for name in "ab"])
    report = check(file_request(tmp_path, content), ends(passed("x")))
    assert [name for name, _ in report.subjects[0].facts] == ["subject", "task_definition", "vantage"]


# Subjects that cannot be looked at --------------------------------------------------------------------


def test_a_subject_that_we_may_not_look_at_stands_in_the_way_of_all(on_aws: EmbeddedAws) -> None:
    on_aws.deny("ecs", "DescribeTaskDefinition")
    report = check(Request(task_definition="webapp", live=Live.NEVER))
    assert (report.verdict, report.root_causes) == (Verdict.INCOMPLETE, ("task-definition.registered",))
    others = {status for id, status in statuses(report).items() if id != "task-definition.registered"}
    assert others == {Status.SKIPPED}


def test_sts_is_asked_once_by_the_run_and_its_checks(on_aws: EmbeddedAws) -> None:
    create(healthy(DomainController(ip="127.77.0.1", state=Path("/nonexistent"))), on_aws)
    client = given(Sts, Request(cluster="demo", services=("healthy",), live=Live.NEVER))
    assert isinstance(client, Sts)
    assert client.caller()["Account"] == ACCOUNT
    assert on_aws.calls.count(("sts", "GetCallerIdentity")) == 1


def test_two_subjects_share_their_clients(on_aws: EmbeddedAws, tmp_path: Path) -> None:
    received: list[object] = []

    def receive(client: S3, chosen: ChosenContainer) -> Finding:
        received.append(client)
        return passed("received")

    registry = Registry([the_check("a.receiver", receive, S3, ChosenContainer)])
    check(file_request(tmp_path, with_containers(SPEC, SPEC)), registry)
    assert len(received) == 2
    assert received[0] is received[1]
