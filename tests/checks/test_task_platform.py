"""What Fargate asks of a task, and whether the ticket can be found and read there: by values."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gmsa_doctor.clients.kerberos.ticket_cache import DEFAULT
from gmsa_doctor.core.model import Finding, Outcome, Status
from gmsa_doctor.formats.aws.image_config import ImageConfig
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import Container, TaskDefinition, read_task_definition
from gmsa_doctor.given.subject import ChosenContainer, Launch, Platform, Subject
from gmsa_doctor_checks.task.task_definition.platform import dns_settings, network_mode, one_domain, platform_version
from gmsa_doctor_checks.task.task_definition.ticket_access import krb5ccname, user
from gmsa_doctor_checks.values import CredentialSpec, ImageSettings

SPEC = CredentialSpec("credentialspecdomainless:arn:aws:s3:::credspecs/web.json")
SERVICE = Subject("demo/web/web", "demo", "my web", "web:1")
FILE = Subject("td.json", None, None, "web", "td.json")
FARGATE, EC2, OPEN = Platform(Launch.FARGATE), Platform(Launch.EC2), Platform(None)
WINDOWS = Platform(Launch.EC2, windows=True)
CACHE = "/var/credentials-fetcher/krbdir/krb5cc"


def container(**fields: Any) -> Container:
    return Container("web", credential_specs=(SPEC.text,), **fields)


def definition(*others: Container, mode: str | None = "awsvpc", **fields: Any) -> TaskDefinition:
    return TaskDefinition("web", (container(**fields), *others), network_mode=mode)


def fix_of(finding: Finding) -> str:
    assert finding.fix
    return " ".join((finding.fix.text, *finding.fix.commands))


# The platform version


def version(text: str | None, launch: Launch | None = Launch.FARGATE, subject: Subject = SERVICE) -> Finding:
    return platform_version(SPEC, Platform(launch, version=text), subject)


@pytest.mark.parametrize("text", ["1.4.0", "1.4", "1.10.0", "2.0.0", "LATEST", None])
def test_fargate_from_1_4_0_on_passes(text: str | None) -> None:
    assert version(text).status is Status.PASS


@pytest.mark.parametrize("text", ["1.3.0", "1.0.0", "1.3"])
def test_an_older_platform_version_fails_with_the_command_that_mends_it(text: str) -> None:
    finding = version(text)
    assert (finding.status, finding.observed) == (Status.FAIL, text)
    assert "aws ecs update-service --cluster demo --service 'my web' --platform-version LATEST" in fix_of(finding)


def test_without_a_service_no_command_is_given() -> None:
    finding = version("1.3.0", subject=FILE)
    assert finding.fix
    assert finding.fix.commands == ()


def test_an_older_platform_version_only_warns_if_it_may_run_on_ec2() -> None:
    assert version("1.3.0", launch=None).status is Status.WARN
    assert version("1.3.0", launch=Launch.EC2).status is Status.PASS


def test_platform_versions_of_windows_are_not_compared() -> None:
    assert platform_version(SPEC, Platform(None, windows=True, version="1.0.0"), SERVICE).status is Status.PASS


# The network mode


@pytest.mark.parametrize(
    ("mode", "platform", "status"),
    [
        ("awsvpc", FARGATE, Status.PASS),
        ("bridge", FARGATE, Status.FAIL),
        ("host", FARGATE, Status.FAIL),
        (None, FARGATE, Status.FAIL),
        (Open("${Mode}"), FARGATE, Status.SKIPPED),
        ("bridge", EC2, Status.PASS),
        ("host", EC2, Status.PASS),
        (None, EC2, Status.PASS),
        (None, OPEN, Status.PASS),
        ("bridge", OPEN, Status.PASS),
    ],
)
def test_fargate_requires_awsvpc_and_ec2_supports_any_mode(
    mode: str | None, platform: Platform, status: Status
) -> None:
    assert network_mode(SPEC, definition(mode=mode), platform, FILE).status is status


def test_a_wrong_network_mode_is_reported_with_the_file_to_change() -> None:
    finding = network_mode(SPEC, definition(mode="bridge"), FARGATE, FILE)
    assert "network mode is bridge" in finding.summary
    assert fix_of(finding) == 'Set "networkMode": "awsvpc" in td.json.'
    assert "so bridge applies" in network_mode(SPEC, definition(mode=None), FARGATE, FILE).summary


# DNS settings


@pytest.mark.parametrize("key", ["dnsServers", "dnsSearchDomains", "extraHosts"])
def test_dns_settings_fail_on_fargate_and_nowhere_else(key: str) -> None:
    found = definition(dns_settings=(key,))
    finding = dns_settings(SPEC, found, FARGATE, FILE)
    assert (finding.status, finding.observed) == (Status.FAIL, f"{key} in the container web")
    assert {dns_settings(SPEC, found, platform, FILE).status for platform in (EC2, OPEN)} == {Status.PASS}


def test_dns_settings_of_a_sidecar_are_reported_with_its_name() -> None:
    finding = dns_settings(SPEC, definition(Container("log", dns_settings=("dnsServers",))), FARGATE, FILE)
    assert (finding.status, finding.observed) == (Status.FAIL, "dnsServers in the container log")


def test_without_dns_settings_fargate_passes() -> None:
    assert dns_settings(SPEC, definition(), FARGATE, FILE).status is Status.PASS


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ()),
        ({"dnsServers": [], "dnsSearchDomains": None, "extraHosts": []}, ()),
        ({"dnsServers": ["10.0.0.2"]}, ("dnsServers",)),
        ({"extraHosts": [{"hostname": "dc1", "ipAddress": "10.0.0.2"}]}, ("extraHosts",)),
        ({"dnsServers": ["10.0.0.2"], "dnsSearchDomains": ["corp.example"]}, ("dnsServers", "dnsSearchDomains")),
        ({"dnsServers": [Open("${Servers}")]}, ()),
    ],
)
def test_the_dns_settings_of_a_container_are_read(fields: dict[str, Any], found: tuple[str, ...]) -> None:
    read = read_task_definition({"containerDefinitions": [{"name": "web", **fields}]})
    assert read.containers[0].dns_settings == found


# One AD in a task


OTHER = Container("api", credential_specs=("credentialspecdomainless:arn:aws:s3:::credspecs/api.json",))
SAME = Container("api", credential_specs=(SPEC.text,))


def judge_domains(found: TaskDefinition, platform: Platform = FARGATE) -> Finding:
    return one_domain(SPEC, ChosenContainer(found.containers[0]), found, platform)


@pytest.mark.parametrize("others", [(), (SAME,), (Container("log"),)])
def test_one_credspec_in_the_task_passes(others: tuple[Container, ...]) -> None:
    assert judge_domains(definition(*others)).status is Status.PASS


@pytest.mark.parametrize("platform", [FARGATE, OPEN])
def test_several_credspecs_only_warn_because_they_may_be_for_one_ad(platform: Platform) -> None:
    finding = judge_domains(definition(OTHER), platform)
    assert finding.status is Status.WARN
    assert "api has a different CredSpec" in finding.summary


def test_several_credspecs_pass_on_ec2() -> None:
    assert judge_domains(definition(OTHER), EC2).status is Status.PASS


# The user


def judge_user(
    name: str | None, platform: Platform = FARGATE, cache: str | None = DEFAULT, image: str = "web:1"
) -> Finding:
    environment = (("KRB5CCNAME", cache),) if cache else ()
    chosen = ChosenContainer(container(user=name, environment=environment, image=image))
    return user(SPEC, chosen, platform, FILE, NOT_READ)


NOT_READ = Outcome(ImageSettings(None), Finding(Status.PASS, "not read"))


def of_image(user: str, *environment: tuple[str, str]) -> Outcome[ImageSettings]:
    return Outcome(ImageSettings(ImageConfig(user, environment)), Finding(Status.PASS, ""))


@pytest.mark.parametrize("name", ["root", "0", "0:0", "root:root", "0:1000", "root:web", "00"])
def test_root_passes(name: str) -> None:
    assert judge_user(name).status is Status.PASS


@pytest.mark.parametrize("name", [None, ""])
def test_without_a_user_the_one_of_the_image_decides(name: str | None) -> None:
    assert "the image's USER applies" in judge_user(name).summary


def test_without_a_user_an_image_that_could_not_be_read_decides_nothing() -> None:
    chosen = ChosenContainer(container(image="web:1"))
    failed_read = Outcome(ImageSettings(None), Finding(Status.SKIPPED, "not read: no such image"))
    assert user(SPEC, chosen, FARGATE, FILE, failed_read).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("of_task", "declared", "status"),
    [
        (None, "", Status.PASS),
        (None, "0:0", Status.PASS),
        (None, "1654", Status.FAIL),
        (None, "app", Status.FAIL),
        ("root", "1654", Status.PASS),
        ("1000", "root", Status.FAIL),
    ],
)
def test_the_user_of_the_task_definition_overrides_the_one_of_the_image(
    of_task: str | None, declared: str, status: Status
) -> None:
    chosen = ChosenContainer(container(user=of_task, environment=(("KRB5CCNAME", CACHE),), image="web:1"))
    assert user(SPEC, chosen, FARGATE, FILE, of_image(declared)).status is status


def test_a_user_of_the_image_warns_if_krb5ccname_names_a_copy_of_the_ticket() -> None:
    chosen = ChosenContainer(container(image="web:1"))
    assert user(SPEC, chosen, FARGATE, FILE, of_image("1654", ("KRB5CCNAME", "/tmp/krb5cc"))).status is Status.WARN


@pytest.mark.parametrize("name", ["1654", "app", "1000:0", "app:root", "rooty", "01"])
def test_another_user_fails_on_fargate_with_an_entrypoint_that_copies_the_ticket(name: str) -> None:
    finding = judge_user(name)
    assert (finding.status, finding.observed) == (Status.FAIL, f"user: {name}")
    assert "gmsa-doctor explain task-definition.user" in fix_of(finding)


def test_the_command_that_sets_the_entrypoint_changes_only_this_container(tmp_path: Path) -> None:
    chosen = ChosenContainer(container(user="1654:0", environment=(("KRB5CCNAME", DEFAULT),)))
    fix = user(SPEC, chosen, FARGATE, SERVICE, NOT_READ).fix
    assert fix
    others = [{"name": "other", "user": "1000"}]
    environment = [{"name": "KRB5CCNAME", "value": DEFAULT}, {"name": "MODE", "value": "test"}]
    own = {"name": "web", "user": "1654:0", "environment": environment}
    (tmp_path / "td.json").write_text(json.dumps({"family": "web", "containerDefinitions": [own, *others]}))
    command = next(command for command in fix.commands if "setpriv" in command)
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    edited, *others_now = json.loads((tmp_path / "td.json").read_text())["containerDefinitions"]
    assert others_now == others
    assert edited["user"] == "root"
    assert edited["environment"] == [environment[1], {"name": "KRB5CCNAME", "value": "/tmp/krb5cc"}]
    assert "setpriv --reuid 1654 --regid 1654 --clear-groups <application>" in edited["entryPoint"][2]


@pytest.mark.parametrize(
    ("platform", "cache"), [(EC2, DEFAULT), (OPEN, DEFAULT), (FARGATE, None), (FARGATE, "/shared/krb5cc")]
)
def test_another_user_warns_where_it_may_read_the_ticket_or_a_copy(platform: Platform, cache: str | None) -> None:
    assert judge_user("1654", platform, cache).status is Status.WARN


@pytest.mark.parametrize(
    ("image", "status"),
    [
        ("mcr.microsoft.com/dotnet/aspnet:9.0-noble-chiseled", Status.WARN),
        ("gcr.io/distroless/java21:nonroot", Status.WARN),
        ("registry.example/web:1", Status.PASS),
    ],
)
def test_an_image_that_is_known_to_run_without_root_warns(image: str, status: Status) -> None:
    assert judge_user(None, image=image).status is status
    assert judge_user("root", image=image).status is Status.PASS


def test_a_user_that_is_only_known_at_deployment_is_skipped() -> None:
    assert judge_user(Open("${User}")).status is Status.SKIPPED
    assert judge_user("ContainerUser", WINDOWS).status is Status.SKIPPED


# KRB5CCNAME


def judge_cache(*values: str, platform: Platform = FARGATE) -> Finding:
    environment = tuple(("KRB5CCNAME", value) for value in values)
    return krb5ccname(SPEC, ChosenContainer(container(environment=environment)), platform, FILE, NOT_READ)


@pytest.mark.parametrize("platform", [FARGATE, EC2, OPEN])
@pytest.mark.parametrize("value", [CACHE, f"FILE:{CACHE}"])
def test_the_path_of_the_ticket_cache_passes(value: str, platform: Platform) -> None:
    assert judge_cache(value, platform=platform).status is Status.PASS


@pytest.mark.parametrize("value", ["/tmp/krb5cc_0", "DIR:/var/credentials-fetcher/krbdir", f"{CACHE}_web", "KCM:"])
def test_another_path_warns(value: str) -> None:
    finding = judge_cache(value)
    assert (finding.status, finding.observed, finding.expected) == (
        Status.WARN,
        f"KRB5CCNAME={value}",
        f"KRB5CCNAME={CACHE}",
    )


@pytest.mark.parametrize("values", [(), ("",)])
def test_a_missing_variable_warns_that_the_image_must_set_it(values: tuple[str, ...]) -> None:
    finding = judge_cache(*values)
    assert (finding.status, finding.observed) == (Status.WARN, "no KRB5CCNAME")
    assert "the image or the application must set it" in finding.summary


def test_the_environment_of_the_image_counts_if_the_task_definition_sets_none() -> None:
    def judge(*environment: tuple[str, str]) -> Finding:
        return krb5ccname(SPEC, ChosenContainer(container()), FARGATE, FILE, of_image("", *environment))

    assert judge(("KRB5CCNAME", CACHE)).status is Status.PASS
    assert judge(("KRB5CCNAME", "/tmp/other")).status is Status.WARN
    assert "neither the task definition nor the image sets" in judge().summary


def test_a_path_that_is_only_known_at_deployment_is_skipped() -> None:
    assert judge_cache(Open("${Cache}")).status is Status.SKIPPED
    assert judge_cache(platform=WINDOWS).status is Status.SKIPPED
