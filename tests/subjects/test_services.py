"""The services of a cluster, of a pattern, or of all clusters: which are subjects, which are counted, what is asked."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace, Controller, Launch, Platform
from gmsa_doctor.subjects import services
from gmsa_doctor.subjects.source import FoundSubject, NotChecked
from tests.command import a_task_definition
from tests.lab.aws import EmbeddedAws

HERE = AwsPlace("us-east-1", None)


@pytest.fixture(autouse=True)
def variables(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)


def find(**request: Any) -> tuple[tuple[FoundSubject, ...], NotChecked]:
    return services.find(Request(**request), Ecs(Aws(region="us-east-1")), HERE)


def names(**request: Any) -> list[str]:
    return [subject.subject.name for subject in find(**request)[0]]


def register(aws: EmbeddedAws, family: str, **changes: Any) -> str:
    container = {"memory": 128, **changes.pop("container", {})}
    definition = a_task_definition(family=family, cpu="256", memory="512", container=container, **changes)
    return str(aws.client("ecs").register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"])


def serve(aws: EmbeddedAws, cluster: str, name: str, definition: str, **more: Any) -> None:
    ecs = aws.client("ecs")
    if cluster not in {arn.rpartition("/")[2] for arn in ecs.list_clusters()["clusterArns"]}:
        ecs.create_cluster(clusterName=cluster)
    ecs.create_service(cluster=cluster, serviceName=name, taskDefinition=definition, desiredCount=0, **more)


@pytest.fixture
def prod(aws: EmbeddedAws) -> str:
    """A cluster with two gMSA services of one task definition, and two services without a gMSA."""
    with_gmsa, without = register(aws, "web"), register(aws, "cache", container={"credentialSpecs": []})
    for name, definition in {"web-1": with_gmsa, "web-2": with_gmsa, "cache": without, "web-cache": without}.items():
        serve(aws, "prod", name, definition)
    return "prod"


@contextmanager
def calls(aws: EmbeddedAws) -> Iterator[Counter[str]]:
    counted: Counter[str] = Counter()
    before = len(aws.calls)
    yield counted
    counted.update(operation for _, operation in aws.calls[before:])


def test_a_cluster_stands_for_its_gmsa_services_and_the_others_are_counted(aws: EmbeddedAws, prod: str) -> None:
    subjects, not_checked = find(cluster=prod)
    assert [subject.subject.name for subject in subjects] == ["prod/web-1/web", "prod/web-2/web"]
    assert not_checked.services == 2


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("web-*",), ["web-1", "web-2"]),
        (("web-[2-9]", "cache"), ["cache", "web-2"]),
        (("web-1", "web-2"), ["web-1", "web-2"]),
        (("web-2", "arn:aws:ecs:us-east-1:123456789012:service/prod/web-2", "cache"), ["cache", "web-2"]),
    ],
)
def test_services_are_named_or_matched_and_what_is_named_is_checked(
    wanted: tuple[str, ...], found: list[str], prod: str
) -> None:
    assert sorted(names(cluster=prod, services=wanted)) == [f"prod/{name}/web" for name in found]


def test_services_are_described_ten_a_call_and_task_definitions_once(aws: EmbeddedAws) -> None:
    definitions = [register(aws, "web"), register(aws, "api")]
    for number in range(21):
        serve(aws, "prod", f"web-{number}", definitions[number % 2])
    client = Ecs(Aws(region="us-east-1"))
    with calls(aws) as counted:
        subjects, _ = services.find(Request(cluster="prod"), client, HERE)
        for subject in subjects:  # as the checks ask again
            client.describe_service(str(subject.subject.service), str(subject.subject.cluster))
    assert len(subjects) == 21
    assert counted == {"ListServices": 1, "DescribeServices": 3, "DescribeTaskDefinition": 2}


def test_all_clusters_of_the_region_are_searched(aws: EmbeddedAws, prod: str) -> None:
    serve(aws, "test", "web-3", register(aws, "web"))
    aws.client("ecs").create_cluster(clusterName="empty")
    assert names(all_clusters=True) == ["prod/web-1/web", "prod/web-2/web", "test/web-3/web"]
    assert names(all_clusters=True, services=("web-3",)) == ["test/web-3/web"]
    assert names(all_clusters=True, services=("*-2",)) == ["prod/web-2/web"]


def test_a_cluster_without_services_has_nothing_to_check(aws: EmbeddedAws) -> None:
    assert find(all_clusters=True) == ((), NotChecked())
    aws.client("ecs").create_cluster(clusterName="empty")
    assert find(cluster="empty") == ((), NotChecked())


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"services": ("web1", "web-2")}, "no service web1 in cluster prod in us-east-1. Did you mean web-1"),
        ({"cluster": "prd"}, "there is no cluster prd in us-east-1. Did you mean prod?"),
        ({"cluster": "prd", "services": ("web-1", "web-2")}, "there is no cluster prd"),
        ({"services": ("web-1", "web-33")}, "there is no service web-33 in cluster prod in us-east-1"),
        ({"services": ("wep-*",)}, "--service wep-*: no service in prod in us-east-1 has such a name"),
        ({"all_clusters": True, "services": ("web-9",)}, "--service web-9: no service in prod in us-east-1"),
        ({"services": ("web-*",), "container": "app"}, "no container app in any of the 3 services that were found"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(request_: dict[str, Any], says: str, prod: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(**{"cluster": prod, **request_})
    assert says in str(caught.value)


def test_a_container_selects_the_services_that_have_it(aws: EmbeddedAws, prod: str) -> None:
    serve(aws, "prod", "app", register(aws, "app", container={"name": "app"}))
    subjects, not_checked = find(cluster=prod, container="app")
    assert ([subject.subject.name for subject in subjects], not_checked.services) == (["prod/app/app"], 4)


@pytest.mark.parametrize(
    ("operation", "found"),
    [
        ("ListClusters", ["all clusters"]),
        ("ListServices", ["prod"]),
        ("DescribeServices", ["prod/cache", "prod/web-1", "prod/web-2", "prod/web-cache"]),
        ("DescribeTaskDefinition", ["prod/cache", "prod/web-1", "prod/web-2", "prod/web-cache"]),
    ],
)
def test_a_denied_call_is_a_finding_with_the_missing_action(
    operation: str, found: list[str], aws: EmbeddedAws, prod: str
) -> None:
    aws.deny("ecs", operation)
    subjects, not_checked = find(all_clusters=True)
    assert [subject.subject.name for subject in subjects] == found
    assert not_checked.services == 0
    for subject in subjects:
        finding = subject.values[TaskDefinition]
        assert isinstance(finding, Finding)
        assert (finding.status, f"ecs:{operation}" in finding.summary) == (Status.UNKNOWN, True)
    if operation == "DescribeTaskDefinition":  # IAM cannot limit it: one permission is missing
        assert len({subject.values[TaskDefinition] for subject in subjects}) == 1


def test_one_service_whose_task_definition_was_deleted_does_not_stop_the_others(aws: EmbeddedAws, prod: str) -> None:
    serve(aws, "prod", "gone", register(aws, "gone"))
    backend = aws.backend("ecs")
    del backend.task_definitions["gone"]
    assert names(cluster=prod) == ["prod/gone", "prod/web-1/web", "prod/web-2/web"]


def test_windows_daemon_and_external_services_are_found_as_one_service_is(aws: EmbeddedAws) -> None:
    windows = {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}
    on_ec2: dict[str, Any] = {"requiresCompatibilities": ["EC2"], "networkMode": "default"}
    serve(aws, "prod", "iis", register(aws, "iis", runtimePlatform=windows, **on_ec2), launchType="EC2")
    serve(aws, "prod", "daemon", register(aws, "d", **on_ec2), launchType="EC2", schedulingStrategy="DAEMON")
    serve(aws, "prod", "green", register(aws, "g"), deploymentController={"type": "EXTERNAL"})
    subjects = {subject.subject.service: subject for subject in find(cluster="prod")[0]}
    platforms = {name: subject.values[Platform] for name, subject in subjects.items()}
    assert isinstance(platforms["iis"], Platform)
    assert platforms["iis"].windows
    launches = {name: platform.launch for name, platform in platforms.items() if isinstance(platform, Platform)}
    assert launches["iis"] is launches["daemon"] is Launch.EC2
    assert subjects["green"].subject.controller is Controller.EXTERNAL


def test_cluster_arns_name_the_cluster(prod: str) -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:cluster/prod"
    assert names(cluster=arn) == ["prod/web-1/web", "prod/web-2/web"]
