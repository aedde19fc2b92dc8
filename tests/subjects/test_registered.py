"""What is checked, from each kind of argument: against the embedded AWS, and files."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Deployments, Launch, Network, Platform, Subject
from gmsa_doctor.subjects import files, registered
from gmsa_doctor.subjects.source import FoundSubject
from tests.command import a_task_definition, file_with
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Created, Environment, healthy, task_definition_file
from tests.lab.lies import Lie

T = TypeVar("T")
HERE = AwsPlace("us-east-1", None)
SPEC = ["credentialspecdomainless:arn:aws:s3:::credspecs/web.json"]


@pytest.fixture(autouse=True)
def variables(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def environment() -> Environment:
    return healthy(DomainController(ip="127.77.0.1", state=Path("/nonexistent")))


def find(region: str = "us-east-1", **request: Any) -> tuple[FoundSubject, ...]:
    if "service" in request:
        request["services"] = (request.pop("service"),)
    return registered.find(Request(**request), Ecs(Aws(region=region)), AwsPlace(region, None))


def find_one(region: str = "us-east-1", **request: Any) -> FoundSubject:
    (found,) = find(region, **request)
    return found


def the(kind: type[T], found: FoundSubject) -> T:
    value = found.values[kind]
    assert isinstance(value, kind)
    return value


def in_file(directory: Path, content: object, **request: Any) -> tuple[FoundSubject, ...]:
    return files.find(Request(files=(file_with(directory, content),), **request), HERE)[0]


def containers(found: tuple[FoundSubject, ...]) -> list[str | None]:
    chosen = [the(ChosenContainer, subject).container for subject in found]
    return [container.name if container else None for container in chosen]


# From a service ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "says", "denied"),
    [
        (
            {"cluster": "demmo", "service": "healthy"},
            "no cluster demmo in us-east-1. Did you mean demo?",
            "ListClusters",
        ),
        ({"cluster": "demo", "service": "helthy"}, "us-east-1. Did you mean healthy?", "ListServices"),
    ],
)
def test_a_misspelled_name_is_reported_with_one_that_exists(
    request_: dict[str, str], says: str, denied: str, aws: EmbeddedAws, environment: Environment
) -> None:
    create(environment, aws)
    with pytest.raises(UsageError) as caught:
        find(**request_)
    assert says in str(caught.value)
    aws.deny("ecs", denied)
    with pytest.raises(UsageError, match=r"us-east-1\. (?!Did)"):
        find(**request_)


def test_a_network_for_a_service_that_has_its_own_is_refused(aws: EmbeddedAws, environment: Environment) -> None:
    create(environment, aws)
    given: dict[str, Any] = {"cluster": "demo", "service": "healthy", "subnets": ("subnet-1",)}
    assert find(**given)
    with pytest.raises(UsageError, match="--subnets: no effect, since the service healthy has its own network"):
        find(**given, typed=frozenset({"--subnets"}))


def test_a_service_gives_its_task_definition_place_network_and_launch_type(
    aws: EmbeddedAws, environment: Environment
) -> None:
    created = create(environment, aws)
    found = find_one(cluster="demo", service="healthy")
    assert found.subject == Subject("demo/healthy/web", "demo", "healthy", "webapp:1")
    assert found.place == AwsPlace("us-east-1", ACCOUNT)
    assert the(TaskDefinition, found).arn == created.task_definition_arn
    assert the(Network, found) == Network((created.subnets[0],), (created.security_group,), False)
    assert the(Platform, found) == Platform(Launch.FARGATE, version="1.4.0")
    assert the(Platform, found).fetchers == {Fetcher.V2}
    assert the(Deployments, found) == Deployments()


def test_an_arn_of_the_service_names_cluster_and_region(aws: EmbeddedAws, environment: Environment) -> None:
    created = create(environment, aws)
    assert "service/demo/healthy" in created.service_arn
    found = find_one(service=created.service_arn)
    assert (found.subject.name, found.subject.cluster) == ("demo/healthy/web", "demo")
    cluster_arn = created.service_arn.replace(":service/demo/healthy", ":cluster/demo")
    assert find_one(cluster=cluster_arn, service="healthy").subject.name == "demo/healthy/web"


def test_without_a_cluster_the_default_cluster_is_used(aws: EmbeddedAws, environment: Environment) -> None:
    environment.cluster = "default"
    create(environment, aws)
    assert find_one(service="healthy").subject.name == "default/healthy/web"


def test_a_deleted_service_is_distinguished_from_a_missing_one(aws: EmbeddedAws, environment: Environment) -> None:
    create(environment, aws)
    aws.client("ecs").delete_service(cluster="demo", service="healthy", force=True)
    with pytest.raises(UsageError, match=r"was deleted \(INACTIVE\)|there is no service healthy"):
        find(cluster="demo", service="healthy")
    with pytest.raises(UsageError, match=r"was deleted \(INACTIVE\); name an active service"):
        described(a_service(status="INACTIVE"))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"cluster": "demo", "service": "typo"},
            "no service typo in cluster demo in us-east-1. `aws ecs list-services",
        ),
        ({"cluster": "typo", "service": "healthy"}, "no cluster typo in us-east-1. .*`aws ecs list-clusters"),
        ({"task_definition": "typo"}, "no task definition typo in us-east-1. `aws ecs list-task-definitions"),
        ({"task_definition": "webapp:7"}, "no task definition webapp:7 in us-east-1"),
        ({"cluster": "demo", "service": "healthy", "container": "db"}, "no container db; the task definition has web"),
    ],
)
def test_a_missing_resource_is_named_with_the_fix(
    request_: dict[str, str], message: str, aws: EmbeddedAws, environment: Environment
) -> None:
    create(environment, aws)
    with pytest.raises(UsageError, match=message):
        find(**request_)


@pytest.mark.parametrize("wanted", ["DescribeServices", "DescribeTaskDefinition"])
def test_a_denied_subject_is_a_finding_with_the_iam_action(
    wanted: str, aws: EmbeddedAws, environment: Environment
) -> None:
    create(environment, aws)
    aws.deny("ecs", wanted)
    found = find_one(cluster="demo", service="healthy")
    finding = found.values[TaskDefinition]
    assert isinstance(finding, Finding)
    assert (finding.status, finding.check) == (Status.UNKNOWN, "task-definition.registered")
    assert f"ecs:{wanted}" in finding.summary
    assert finding.fix is not None
    assert f"ecs:{wanted}" in finding.fix.text
    assert found.subject.name == "demo/healthy"


def test_a_throttled_subject_is_a_finding_too(aws: EmbeddedAws, environment: Environment) -> None:
    create(environment, aws)
    aws.throttle("ecs", "DescribeServices")
    finding = find_one(cluster="demo", service="healthy").values[ChosenContainer]
    assert isinstance(finding, Finding)
    assert finding.status is Status.UNKNOWN
    assert "throttled ecs:DescribeServices" in finding.summary
    assert aws.calls.count(("ecs", "DescribeServices")) == 3


# From a registered task definition ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", ['{"taskDefinition": {}}', '{"taskDefinition": {"containerDefinitions": [{}]}}', "{}"]
)
def test_a_task_definition_that_none_can_have_registered_is_not_from_aws(
    answer: str, aws: EmbeddedAws, environment: Environment
) -> None:
    headers = (("x-amzn-RequestId", "1"),)
    aws.lie("ecs", "DescribeTaskDefinition", Lie(lambda _: answer.encode(), headers=headers))
    create(environment, aws)
    reason = find_one(service="healthy", cluster="demo").values[TaskDefinition]
    assert isinstance(reason, Finding)
    assert (reason.status, "the answer is not from AWS" in reason.summary) == (Status.UNKNOWN, True)


def test_a_family_is_its_newest_revision_and_a_revision_is_itself(aws: EmbeddedAws, environment: Environment) -> None:
    create(environment, aws)
    newest = aws.client("ecs").register_task_definition(**a_task_definition(cpu="256", memory="512"))
    arn = newest["taskDefinition"]["taskDefinitionArn"]
    for name in ("webapp", "webapp:2", arn):
        found = find_one(task_definition=name)
        assert the(TaskDefinition, found).arn == arn
        assert found.subject.task_definition == "webapp:2"
        assert found.place == AwsPlace("us-east-1", ACCOUNT)
    assert find_one(task_definition="webapp:1").subject.task_definition == "webapp:1"


def test_a_task_definition_without_a_service_has_no_network(aws: EmbeddedAws, environment: Environment) -> None:
    create(environment, aws)
    finding = find_one(task_definition="webapp").values[Network]
    assert isinstance(finding, Finding)
    assert finding.status is Status.SKIPPED
    assert "--subnets" in finding.summary
    given = find_one(task_definition="webapp", subnets=("subnet-1",), security_groups=("sg-1",))
    assert the(Network, given) == Network(("subnet-1",), ("sg-1",))


def test_an_inactive_revision_says_so(aws: EmbeddedAws, environment: Environment) -> None:
    created = create(environment, aws)
    aws.client("ecs").deregister_task_definition(taskDefinition=created.task_definition_arn)
    assert the(TaskDefinition, find_one(task_definition="webapp:1")).status == "INACTIVE"


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_the_region_of_the_arn_is_used(region: str, aws: EmbeddedAws, environment: Environment) -> None:
    environment.region = region
    created = create(environment, aws)
    found = find_one(region, task_definition=created.task_definition_arn)
    assert found.place.region == region
    assert found.place.partition == created.partition != "aws"


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        (None, None),
    ],
)
def test_a_region_has_a_partition(region: str | None, partition: str | None) -> None:
    assert AwsPlace(region, None).partition == partition


BOTH = a_task_definition(requiresCompatibilities=["EC2", "FARGATE"])


def test_the_launch_type_of_the_command_line_decides_between_two(tmp_path: Path) -> None:
    (found,) = in_file(tmp_path, BOTH, launch_type=Launch.FARGATE, subnets=("subnet-1",), assign_public_ip=True)
    assert the(Platform, found).launch is Launch.FARGATE
    assert the(Network, found).public_address is True
    (found,) = in_file(tmp_path, BOTH)
    assert the(Platform, found).launch is None


def test_a_launch_type_that_the_task_definition_excludes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contradicts requiresCompatibilities"):
        in_file(tmp_path, BOTH, launch_type=Launch.EXTERNAL)


# Which container ----------------------------------------------------------------------------------------


def several(*definitions: tuple[str, bool, list[str]], **more: Any) -> dict[str, Any]:
    return a_task_definition(
        containerDefinitions=[
            {"name": name, "essential": essential, "credentialSpecs": specs} for name, essential, specs in definitions
        ],
        **more,
    )


@pytest.mark.parametrize(
    ("definition", "chosen"),
    [
        (several(("web", True, SPEC), ("log", False, [])), ["web"]),
        (several(("web", True, SPEC), ("log", False, []), ("api", True, SPEC)), ["web", "api"]),
        (several(("log", False, SPEC), ("web", True, [])), ["log"]),
        (several(("log", False, []), ("web", True, [])), ["web"]),
        (several(("api", True, []), ("web", True, [])), [None]),
        (several(("api", False, []), ("web", False, [])), [None]),
        (several(), [None]),
        (a_task_definition(container={"credentialSpecs": [], "essential": None}), ["web"]),
    ],
)
def test_the_containers_with_credential_specs_are_checked_otherwise_the_only_essential_one(
    definition: object, chosen: list[str | None], tmp_path: Path
) -> None:
    assert containers(in_file(tmp_path, definition)) == chosen


def test_docker_security_options_count_if_no_container_has_credential_specs(tmp_path: Path) -> None:
    legacy = {"credentialSpecs": [], "dockerSecurityOptions": ["credentialspec:file://web.json"], "essential": False}
    definition = a_task_definition(container=legacy)
    definition["containerDefinitions"].append({"name": "log"})
    assert containers(in_file(tmp_path, definition)) == ["web"]


def test_container_chooses_one_even_without_credential_specs(tmp_path: Path) -> None:
    definition = several(("web", True, SPEC), ("log", False, []))
    assert containers(in_file(tmp_path, definition, container="log")) == ["log"]
    with pytest.raises(UsageError, match="the containers are: web, log"):
        in_file(tmp_path, definition, container="db")


def test_a_file_is_checked_though_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    (found,) = in_file(tmp_path, a_task_definition())
    assert found.subject.name


def test_each_subject_has_its_containers_name(tmp_path: Path) -> None:
    found = in_file(tmp_path, several(("web", True, SPEC), ("api", True, SPEC)))
    file = str(tmp_path / "td.json")
    assert [subject.subject.name for subject in found] == [f"{file}/web", f"{file}/api"]
    (task,) = in_file(tmp_path, several(("api", True, []), ("web", True, [])))
    assert task.subject.name == file


# From a file --------------------------------------------------------------------------------------------


def test_a_file_of_register_task_definition_has_the_sessions_region(tmp_path: Path) -> None:
    (found,) = in_file(tmp_path, a_task_definition())
    assert found.place == HERE
    assert (found.subject.task_definition, found.subject.file) == ("webapp", str(tmp_path / "td.json"))


def test_a_file_of_describe_task_definition_has_region_account_and_revision(
    tmp_path: Path, environment: Environment
) -> None:
    environment.region = "eu-west-1"
    (found,) = in_file(tmp_path, task_definition_file(environment))
    assert found.place == AwsPlace("eu-west-1", ACCOUNT)
    assert found.subject.task_definition == "webapp:1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_may_have_a_byte_order_mark_as_powershell_writes_it(encoding: str, tmp_path: Path) -> None:
    (found,) = in_file(tmp_path, json.dumps(a_task_definition(family="käse"), ensure_ascii=False).encode(encoding))
    assert the(TaskDefinition, found).family == "käse"


def test_a_dash_means_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"taskDefinition": a_task_definition()}).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
    ((found,), _) = files.find(Request(files=("-",)), HERE)
    assert found.subject.name == "-/web"


# Launch types -------------------------------------------------------------------------------------------


class _DescribedEcs:
    """Stands for Ecs where moto has no such services: answers as ECS describes them."""

    def __init__(self, service: Mapping[str, Any], cluster: Mapping[str, Any]) -> None:
        self.service, self.cluster = service, cluster
        self.asked: list[str] = []

    def describe_service(self, service: str, cluster: str) -> dict[str, Any]:
        return dict(self.service)

    def describe_cluster(self, cluster: str) -> dict[str, Any]:
        self.asked.append(cluster)
        return dict(self.cluster)

    def describe_task_definition(self, task_definition: str) -> dict[str, Any]:
        name, _, revision = task_definition.partition(":")
        arn = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/{task_definition}"
        more = {"family": name, "revision": int(revision), "taskDefinitionArn": arn, "status": "ACTIVE"}
        return a_task_definition(**{"requiresCompatibilities": self.service["_compatible"], **more})


def a_service(**more: Any) -> dict[str, Any]:
    return {
        "serviceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/demo/web",
        "status": "ACTIVE",
        "taskDefinition": "webapp:2",
        "_compatible": ["EC2", "FARGATE"],
        **more,
    }


def described(service: Mapping[str, Any], cluster: Mapping[str, Any] | None = None, **request: Any) -> FoundSubject:
    ecs = cast("Ecs", _DescribedEcs(service, cluster or {}))
    (found,) = registered.find(Request(services=("web",), cluster="demo", **request), ecs, HERE)
    return found


def providers(*names: str) -> list[dict[str, object]]:
    return [{"capacityProvider": name, "weight": 1} for name in names]


@pytest.mark.parametrize(
    ("service", "cluster", "launch"),
    [
        ({"launchType": "FARGATE"}, {}, Launch.FARGATE),
        ({"launchType": "EC2"}, {"defaultCapacityProviderStrategy": providers("FARGATE")}, Launch.EC2),
        ({"launchType": "EXTERNAL"}, {}, Launch.EXTERNAL),
        ({"capacityProviderStrategy": providers("FARGATE")}, {}, Launch.FARGATE),
        ({"capacityProviderStrategy": providers("FARGATE_SPOT")}, {}, Launch.FARGATE),
        ({"capacityProviderStrategy": providers("FARGATE", "FARGATE_SPOT")}, {}, Launch.FARGATE),
        ({"capacityProviderStrategy": providers("my-asg", "other-asg")}, {}, Launch.EC2),
        ({"capacityProviderStrategy": providers("FARGATE", "my-asg")}, {}, None),
        ({}, {"defaultCapacityProviderStrategy": providers("FARGATE_SPOT")}, Launch.FARGATE),
        ({}, {"defaultCapacityProviderStrategy": providers("my-asg")}, Launch.EC2),
        ({"_compatible": ["EC2"]}, {}, Launch.EC2),
        ({"_compatible": ["FARGATE"]}, {"defaultCapacityProviderStrategy": []}, Launch.FARGATE),
        ({"_compatible": []}, {}, None),
        ({}, {}, None),
        ({"launchType": "MOON", "_compatible": ["FARGATE"]}, {}, Launch.FARGATE),
    ],
)
def test_the_launch_type_is_the_services_then_its_providers_then_the_clusters_then_the_task_definitions(
    service: dict[str, Any], cluster: dict[str, Any], launch: Launch | None
) -> None:
    assert the(Platform, described(a_service(**service), cluster)).launch is launch


@pytest.mark.parametrize(
    ("service", "names"),
    [
        ({"capacityProviderStrategy": providers("my-asg", "other-asg")}, ("my-asg", "other-asg")),
        (
            {"capacityProviderStrategy": providers(f"arn:aws:ecs:us-east-1:{ACCOUNT}:capacity-provider/my-asg")},
            ("my-asg",),
        ),
        ({"launchType": "EC2"}, ()),
        ({}, ()),
    ],
)
def test_the_capacity_providers_are_those_of_the_service(service: dict[str, Any], names: tuple[str, ...]) -> None:
    cluster = {"defaultCapacityProviderStrategy": providers("default-asg")}
    assert the(Platform, described(a_service(**service), cluster)).providers == names


def test_the_cluster_is_not_described_if_the_service_has_a_launch_type(
    aws: EmbeddedAws, environment: Environment
) -> None:
    create(environment, aws)
    assert the(Platform, find_one(cluster="demo", service="healthy")).launch is Launch.FARGATE
    assert [name for _, name in aws.calls] == ["DescribeServices", "DescribeTaskDefinition"]


def test_fetcher_sets_the_generation_on_ec2_but_not_on_fargate() -> None:
    ec2, fargate = a_service(launchType="EC2"), a_service(launchType="FARGATE")
    assert the(Platform, described(ec2)).fetchers == {Fetcher.V1_3, Fetcher.V2}
    assert the(Platform, described(ec2, fetcher=Fetcher.V1_3)).fetchers == {Fetcher.V1_3}
    assert the(Platform, described(fargate, fetcher=Fetcher.V1_3)).fetchers == {Fetcher.V2}


def test_windows_is_recognized_by_the_runtime_platform(tmp_path: Path) -> None:
    windows = a_task_definition(runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"})
    assert the(Platform, in_file(tmp_path, windows)[0]).windows
    assert not the(Platform, in_file(tmp_path, a_task_definition())[0]).windows


# Deployments and task sets ------------------------------------------------------------------------------


def network(subnet: str) -> dict[str, Any]:
    return {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}}


def test_the_primary_deployment_counts_and_another_that_still_runs_is_named(
    aws: EmbeddedAws, environment: Environment
) -> None:
    primary = {
        "status": "PRIMARY",
        "taskDefinition": "webapp:3",
        "launchType": "FARGATE",
        "networkConfiguration": network("subnet-new"),
        "runningCount": 0,
    }
    old = {"status": "ACTIVE", "taskDefinition": "webapp:2", "launchType": "EC2", "runningCount": 2}
    drained = {"status": "ACTIVE", "taskDefinition": "webapp:1", "launchType": "EC2", "runningCount": 0}
    service = a_service(
        taskDefinition="webapp:3", deployments=[old, primary, drained], networkConfiguration=network("subnet-old")
    )
    found = described(service)
    assert found.subject.task_definition == "webapp:3"
    assert the(Deployments, found) == Deployments(("webapp:2",))
    assert the(Network, found) == Network(("subnet-new",))
    assert the(Platform, found).launch is Launch.FARGATE


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_a_service_with_task_sets_has_the_data_of_its_primary_one(controller: str) -> None:
    blue = {
        "status": "PRIMARY",
        "taskDefinition": "webapp:4",
        "launchType": "FARGATE",
        "networkConfiguration": network("subnet-blue"),
        "runningCount": 2,
    }
    green = {**blue, "status": "ACTIVE", "taskDefinition": "webapp:5", "networkConfiguration": network("subnet-green")}
    service = a_service(deploymentController={"type": controller}, taskSets=[green, blue], deployments=[])
    found = described({key: value for key, value in service.items() if key != "taskDefinition"})
    assert found.subject.task_definition == "webapp:4"
    assert the(Deployments, found) == Deployments(("webapp:5",))
    assert the(Network, found) == Network(("subnet-blue",))
    assert the(Platform, found).launch is Launch.FARGATE


def test_a_task_set_in_the_embedded_aws_is_found(aws: EmbeddedAws, environment: Environment) -> None:
    created = create(_with_external_controller(environment), aws)
    ecs = aws.client("ecs")
    subnets = {"awsvpcConfiguration": {"subnets": [created.subnets[1]], "securityGroups": []}}
    task_set = ecs.create_task_set(
        cluster="demo",
        service="healthy",
        taskDefinition=created.task_definition_arn,
        launchType="FARGATE",
        networkConfiguration=subnets,
    )["taskSet"]
    ecs.update_service_primary_task_set(cluster="demo", service="healthy", primaryTaskSet=task_set["taskSetArn"])
    found = find_one(cluster="demo", service="healthy")
    assert found.subject.task_definition == "webapp:1"
    assert the(Platform, found).launch is Launch.FARGATE
    assert the(Network, found).subnets == (created.subnets[1],)


def _with_external_controller(environment: Environment) -> Environment:
    environment.service = {"deploymentController": {"type": "EXTERNAL"}, "desiredCount": 1}
    return environment


def test_the_services_network_takes_precedence_over_the_options(aws: EmbeddedAws, environment: Environment) -> None:
    created: Created = create(environment, aws)
    found = find_one(cluster="demo", service="healthy", subnets=("subnet-other",))
    assert the(Network, found).subnets == (created.subnets[0],)
    assert the(Network, described(a_service(), subnets=("subnet-other",))).subnets == ("subnet-other",)
