"""A task of the embedded Fargate: its state, as the API and the task metadata endpoint return it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import Any
from uuid import uuid4

from tests.lab.fargate_network import Interface


@dataclass(eq=False)
class Task:
    """A task. What it was started with stays; the rest changes as it goes on."""

    cluster_arn: str
    definition: Mapping[str, Any]
    """As DescribeTaskDefinition gives it."""
    arguments: Mapping[str, Any]
    """Those of RunTask."""
    tags: list[dict[str, str]]
    interface: Interface
    id: str = field(default_factory=lambda: uuid4().hex)
    runtime: str = ""
    """The id of its container."""
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    attachment_status: str = "PRECREATED"
    stop_code: str | None = None
    stopped_reason: str | None = None
    exit_code: int | None = None
    container_reason: str | None = None
    times: dict[str, float] = field(default_factory=dict)
    """Seconds of the epoch at which something happened: createdAt, startedAt …"""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The container's, once it has been started."""
    output: list[str] = field(default_factory=list)
    """What the container has written, line by line, before anything befell it."""
    stopping: Event = field(default_factory=Event, repr=False)
    """Set when the task is to stop."""
    told_to_stop: Event = field(default_factory=Event, repr=False)
    """Set by StopTask."""
    gone: Event = field(default_factory=Event, repr=False)
    """Set when the lab ends it at once and cares no more."""
    ended: Event = field(default_factory=Event, repr=False)
    """Set when the task has stopped."""

    def __post_init__(self) -> None:
        self.runtime = f"{self.id}-{uuid4().int % 10**10:010d}"
        self.happens("createdAt")

    def happens(self, *names: str) -> None:
        """Note the time."""
        for name in names:
            self.times.setdefault(name, time.time())

    def stop(self, code: str, reason: str) -> None:
        """Begin to stop; the first reason is kept."""
        if self.stop_code is None:
            self.stop_code, self.stopped_reason = code, reason
        self.desired_status = "STOPPED"
        self.happens("stoppingAt")
        self.stopping.set()

    @property
    def subnet(self) -> str:
        """Give the subnet that it is in."""
        return self.interface.subnet

    @property
    def cluster(self) -> str:
        """Give the name of its cluster."""
        return self.cluster_arn.rpartition("/")[2]

    @property
    def region(self) -> str:
        """Give the region that it runs in."""
        return self.cluster_arn.split(":")[3]

    @property
    def family(self) -> str:
        """Give the family of its task definition."""
        return str(self.definition["family"])

    @property
    def arn(self) -> str:
        """Give its ARN."""
        return f"{self.cluster_arn.replace(':cluster/', ':task/', 1)}/{self.id}"

    @property
    def container_arn(self) -> str:
        """Give the ARN of its container."""
        return f"{self.arn.replace(':task/', ':container/', 1)}/{self.runtime}"

    @property
    def container(self) -> Mapping[str, Any]:
        """Give the definition of its one container."""
        first: Mapping[str, Any] = self.definition["containerDefinitions"][0]
        return first

    @property
    def override(self) -> Mapping[str, Any]:
        """Give what RunTask has put in place of the container's definition."""
        overrides = self.arguments.get("overrides", {}).get("containerOverrides", ())
        return next((one for one in overrides if one.get("name") == self.container["name"]), {})

    def role(self, which: str) -> str | None:
        """Give the ARN of its `taskRoleArn` or `executionRoleArn`."""
        return self.arguments.get("overrides", {}).get(which) or self.definition.get(which) or None

    @property
    def size(self) -> dict[str, str]:
        """Give its CPU units and MiB of memory."""
        overrides = self.arguments.get("overrides", {})
        return {name: str(overrides.get(name) or self.definition.get(name, "")) for name in ("cpu", "memory")}

    @property
    def log_stream(self) -> str:
        """Give the name of the stream into which the log driver awslogs writes."""
        prefix = self.container.get("logConfiguration", {}).get("options", {}).get("awslogs-stream-prefix")
        return f"{prefix}/{self.container['name']}/{self.id}" if prefix else self.runtime


def described(task: Task, with_tags: bool) -> dict[str, Any]:
    """Give the task as DescribeTasks returns it."""
    strategy = task.arguments.get("capacityProviderStrategy")
    by = {"capacityProviderName": strategy[0]["capacityProvider"]} if strategy else {}
    architecture = task.definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
    overrides = task.arguments.get("overrides", {})
    attached = task.attachment_status != "PRECREATED"
    return {
        "attachments": [
            {
                "id": task.runtime,
                "type": "ElasticNetworkInterface",
                "status": task.attachment_status,
                "details": task.interface.details if attached else task.interface.details[:1],
            }
        ],
        "attributes": [{"name": "ecs.cpu-architecture", "value": architecture.lower()}],
        "availabilityZone": task.interface.zone,
        **by,
        "clusterArn": task.cluster_arn,
        **({"connectivity": "CONNECTED"} if "connectivityAt" in task.times else {}),
        "containers": [_container(task)],
        **task.size,
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": False,
        "ephemeralStorage": {"sizeInGiB": 20},
        "group": task.arguments.get("group") or f"family:{task.family}",
        "healthStatus": "UNKNOWN",
        "lastStatus": task.last_status,
        "launchType": "FARGATE",
        "overrides": {"containerOverrides": [{"name": task.container["name"]}], **overrides},
        "platformFamily": "Linux",
        "platformVersion": _platform_version(task),
        **_known("startedBy", task.arguments.get("startedBy")),
        **_known("stopCode", task.stop_code),
        **_known("stoppedReason", task.stopped_reason),
        "tags": task.tags if with_tags else [],
        "taskArn": task.arn,
        "taskDefinitionArn": task.definition["taskDefinitionArn"],
        **task.times,
    }


def _known(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: value}


def _platform_version(task: Task) -> str:
    version = str(task.arguments.get("platformVersion") or "LATEST")
    return "1.4.0" if version == "LATEST" else version


def _container(task: Task) -> dict[str, Any]:
    attached = task.attachment_status != "PRECREATED"
    interfaces = [{"attachmentId": task.runtime, "privateIpv4Address": task.interface.address}]
    status = task.last_status if task.last_status in ("RUNNING", "STOPPED") else "PENDING"
    return {
        "containerArn": task.container_arn,
        "taskArn": task.arn,
        "name": task.container["name"],
        "image": task.container["image"],
        "runtimeId": task.runtime,
        "lastStatus": "STOPPED" if task.last_status == "DEPROVISIONING" else status,
        **_known("exitCode", task.exit_code),
        **_known("reason", task.container_reason),
        "networkBindings": [],
        "networkInterfaces": interfaces if attached else [],
        "healthStatus": "UNKNOWN",
        "cpu": str(task.container.get("cpu", 0)),
    }


def task_metadata(task: Task) -> dict[str, Any]:
    """Give the task as the metadata endpoint returns it to its container.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-response.html
    """
    return {
        "Cluster": task.cluster_arn,
        "TaskARN": task.arn,
        "Family": task.family,
        "Revision": str(task.definition["revision"]),
        "DesiredStatus": task.desired_status,
        "KnownStatus": task.last_status,
        "Limits": {"CPU": int(task.size["cpu"] or 0) / 1024, "Memory": int(task.size["memory"] or 0)},
        "PullStartedAt": _moment(task, "pullStartedAt"),
        "PullStoppedAt": _moment(task, "pullStoppedAt"),
        "AvailabilityZone": task.interface.zone,
        "LaunchType": "FARGATE",
        "Containers": [container_metadata(task)],
        "ClockDrift": {"ClockErrorBound": 0.5, "ClockSynchronizationStatus": "SYNCHRONIZED"},
    }


def container_metadata(task: Task) -> dict[str, Any]:
    """Give the container as the metadata endpoint returns it."""
    interface, logs = task.interface, task.container.get("logConfiguration", {})
    labels = {
        "cluster": task.cluster_arn,
        "container-name": task.container["name"],
        "task-arn": task.arn,
        "task-definition-family": task.family,
        "task-definition-version": str(task.definition["revision"]),
    }
    return {
        "DockerId": task.runtime,
        "Name": task.container["name"],
        "DockerName": task.container["name"],
        "Image": task.container["image"],
        "Labels": {f"com.amazonaws.ecs.{name}": value for name, value in labels.items()},
        "DesiredStatus": task.desired_status,
        "KnownStatus": task.last_status,
        "Limits": {"CPU": int(task.container.get("cpu", 0))},
        "CreatedAt": _moment(task, "pullStoppedAt"),
        "StartedAt": _moment(task, "startedAt"),
        "Type": "NORMAL",
        **({"LogDriver": logs["logDriver"]} if logs else {}),
        **({"LogOptions": {**logs.get("options", {}), "awslogs-stream": task.log_stream}} if logs else {}),
        "ContainerARN": task.container_arn,
        "Networks": [
            {
                "NetworkMode": "awsvpc",
                "IPv4Addresses": [interface.address],
                "AttachmentIndex": 0,
                "MACAddress": interface.mac,
                "IPv4SubnetCIDRBlock": interface.cidr,
                "DomainNameServers": list(interface.dns_servers),
                "DomainNameSearchList": list(interface.search),
                "PrivateDNSName": interface.private_name,
                "SubnetGatewayIpv4Address": interface.gateway,
            }
        ],
    }


def _moment(task: Task, name: str) -> str | None:
    if name not in task.times:
        return None
    return datetime.fromtimestamp(task.times[name], UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
