"""The task metadata endpoint: its description of the own task, and all its errors."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.clients.aws.task_metadata import OwnTask, inside, own_task
from gmsa_doctor.core.errors import ClientError, ServiceError, TimedOut, Unreachable
from tests.lab.aws import ACCOUNT
from tests.lab.loopback import fresh_address
from tests.lab.silent import closing_at_once, silent
from tests.metadata_endpoint import ID, VARIABLE, answering, network, on_fargate

HERE = f"arn:aws:ecs:us-east-1:{ACCOUNT}"


@pytest.fixture(autouse=True)
def proxies_that_must_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint is link-local: a proxy would ask its own."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.77.0.254:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_metadata, "SECONDS", 0.2)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OwnTask]]:
    """Ask an endpoint that answers this."""
    with ExitStack() as stack:

        def ask(answer: object, status: int = 200) -> OwnTask:
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            monkeypatch.setenv(VARIABLE, stack.enter_context(answering(body, status)))
            return own_task()

        yield ask


Ask = Callable[..., OwnTask]


# What it tells ----------------------------------------------------------------------------------------


def test_a_fargate_task_has_region_task_definition_and_network(told: Ask) -> None:
    own = told(on_fargate("10.0.0.10", "10.0.0.11"))
    assert own == OwnTask(
        arn=f"{HERE}:task/demo/{ID}",
        cluster=f"{HERE}:cluster/demo",
        family="webapp",
        revision="1",
        launch_type="FARGATE",
        dns_servers=("10.0.0.10", "10.0.0.11"),
        subnet_cidr="10.0.0.0/24",
    )
    assert (own.region, own.account, own.task_definition) == ("us-east-1", ACCOUNT, "webapp:1")
    assert own.task_definition_arn == f"{HERE}:task-definition/webapp:1"


def test_on_ec2_the_cluster_may_be_a_short_name_and_the_pause_container_has_the_network_too(told: Ask) -> None:
    pause = {"Name": "~internal~ecs~pause", "Type": "CNI_PAUSE", "Networks": [network("10.0.0.10")]}
    answer = on_fargate(Cluster="demo", LaunchType="EC2", VPCID="vpc-1", ServiceName="web")
    own = told({**answer, "Containers": [pause, {"Name": "web", "Networks": [network("10.0.0.10", "10.0.0.2")]}]})
    assert (own.cluster, own.launch_type, own.dns_servers) == ("demo", "EC2", ("10.0.0.10", "10.0.0.2"))


def test_in_bridge_mode_there_are_neither_dns_servers_nor_a_subnet(told: Ask) -> None:
    bridge = {"NetworkMode": "bridge", "IPv4Addresses": ["172.17.0.2"]}
    own = told(on_fargate(LaunchType="EC2", Containers=[{"Name": "web", "Networks": [bridge]}]))
    assert (own.dns_servers, own.subnet_cidr) == ((), None)


@pytest.mark.parametrize(
    ("arn", "region", "definition"),
    [
        (f"{HERE}:task/{ID}", "us-east-1", f"{HERE}:task-definition/webapp:1"),
        (
            f"arn:aws-cn:ecs:cn-north-1:{ACCOUNT}:task/demo/{ID}",
            "cn-north-1",
            f"arn:aws-cn:ecs:cn-north-1:{ACCOUNT}:task-definition/webapp:1",
        ),
        (
            f"arn:aws-us-gov:ecs:us-gov-west-1:{ACCOUNT}:task/my_cluster-2/{ID}",
            "us-gov-west-1",
            f"arn:aws-us-gov:ecs:us-gov-west-1:{ACCOUNT}:task-definition/webapp:1",
        ),
    ],
)
def test_the_task_definition_has_the_tasks_partition_and_region(
    arn: str, region: str, definition: str, told: Ask
) -> None:
    own = told(on_fargate(TaskARN=arn))
    assert (own.region, own.task_definition_arn) == (region, definition)


def test_an_older_agent_has_no_launch_type_and_a_revision_may_be_a_number(told: Ask) -> None:
    answer = on_fargate(Revision=12)
    del answer["LaunchType"]
    own = told(answer)
    assert (own.launch_type, own.task_definition) == (None, "webapp:12")


@pytest.mark.parametrize(
    "containers",
    [
        None,
        {},
        "web",
        [None, 7, "web"],
        [{"Networks": None}],
        [{"Networks": {"NetworkMode": "awsvpc"}}],
        [{"Networks": ["awsvpc", None, []]}],
        [{"Networks": [{"DomainNameServers": None, "IPv4SubnetCIDRBlock": None}]}],
        [{"Networks": [{"DomainNameServers": "10.0.0.2", "IPv4SubnetCIDRBlock": ["10.0.0.0/24"]}]}],
        [{"Networks": [{"DomainNameServers": [None, {}, "", True], "IPv4SubnetCIDRBlock": ""}]}],
    ],
)
def test_a_network_of_unknown_form_is_ignored(containers: Any, told: Ask) -> None:
    own = told(on_fargate(Containers=containers))
    assert (own.family, own.dns_servers, own.subnet_cidr) == ("webapp", (), None)


# What is no answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["TaskARN", "Cluster", "Family", "Revision"])
@pytest.mark.parametrize("value", [None, "", {}, ["x"]])
def test_an_answer_without_a_task_is_an_error(key: str, value: object, told: Ask) -> None:
    with pytest.raises(ServiceError, match="does not describe a task"):
        told({**on_fargate(), key: value})


@pytest.mark.parametrize(
    "arn", ["task/demo/1", f"{HERE}:service/demo/web", f"{HERE}:task/demo/1\n", "arn:aws:ecs::1:x"]
)
def test_a_task_must_have_the_arn_of_a_task(arn: str, told: Ask) -> None:
    with pytest.raises(ServiceError, match="does not describe a task"):
        told(on_fargate(TaskARN=arn))


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (b"", 404, "HTTP status 404"),
        (b"{}", 500, "HTTP status 500"),
        (b"", 200, "did not return JSON"),
        (b"<html>", 200, "did not return JSON"),
        (b"\xff\xfe\xff", 200, "did not return JSON"),
        (b"[" * 100_000, 200, "did not return JSON"),
        (b"[]", 200, "did not return a JSON object"),
        (b"null", 200, "did not return a JSON object"),
        (b'{"TaskARN": "' + b"x" * 2_000_000 + b'"}', 200, "more than 1048576 bytes"),
    ],
)
def test_an_invalid_answer_is_an_error_that_says_so(answer: bytes, status: int, message: str, told: Ask) -> None:
    with pytest.raises(ServiceError, match=message):
        told(answer, status)


def test_a_closed_port_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"http://{fresh_address()}:9/v4/abc")
    with pytest.raises(Unreachable, match="refused"):
        own_task()


def test_an_endpoint_that_closes_the_connection_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    ip = fresh_address()
    with closing_at_once(ip, [8080]):
        monkeypatch.setenv(VARIABLE, f"http://{ip}:8080/v4/abc")
        with pytest.raises(Unreachable):
            own_task()


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"HTTP/1.1 x\r\n\r\n"]
)
def test_an_incomplete_http_answer_is_unreachable(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with saying(said) as url:
        monkeypatch.setenv(VARIABLE, url)
        with pytest.raises((Unreachable, ServiceError)):
            own_task()


@pytest.mark.usefixtures("impatient")
def test_a_silent_endpoint_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ip = fresh_address()
    with silent(ip, tcp=[8080]):
        monkeypatch.setenv(VARIABLE, f"http://{ip}:8080/v4/abc")
        with pytest.raises(TimedOut, match="the task metadata endpoint did not answer"):
            own_task()


@pytest.mark.usefixtures("impatient")
def test_an_endpoint_that_drips_its_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b" ") as url:
        monkeypatch.setenv(VARIABLE, url)
        with pytest.raises(TimedOut):
            own_task()


@pytest.mark.parametrize(
    "url", ["", "file:///etc", "ftp://127.0.0.1/", "v4", "http://", "http://[::1", "http://127.0.0.1:x/"]
)
def test_a_url_of_another_scheme_is_not_requested(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(ClientError):
        own_task()


def test_inside_means_that_ecs_names_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not inside()
    monkeypatch.setenv(VARIABLE, "")
    assert not inside()
    monkeypatch.setenv(VARIABLE, "http://169.254.170.2/v4/abc")
    assert inside()


@contextmanager
def saying(first: bytes, then: bytes = b"") -> Iterator[str]:
    """Send the first text to each client, then the second one every 50 ms; without a second one, close."""
    ended = Event()

    def serve(listener: socket.socket) -> None:
        connection = listener.accept()[0]
        with connection:
            connection.recv(4096)
            connection.sendall(first)
            while then and not ended.wait(0.05):
                connection.sendall(then)

    with socket.create_server((fresh_address(), 0)) as listener:
        thread = Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        host, port = listener.getsockname()
        yield f"http://{host}:{port}/v4/abc"
        ended.set()
        thread.join(5)
