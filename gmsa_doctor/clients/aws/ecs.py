"""Amazon ECS: services, clusters, tasks, container instances and task definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from gmsa_doctor.clients.aws.session import Aws, AwsClient, operation
from gmsa_doctor.clients.aws.transport import the_only
from gmsa_doctor.core.errors import NotFound

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)
"""What ECS permits in the names of clusters and services. No other text may reach a shell."""

MOST_SERVICES = 10
"""What one call of DescribeServices describes at most."""
_MOST_PAGES = 10
"""Of the stopped tasks of a whole cluster; with more, each service's own are listed."""
_MOST_TASKS = 100
"""What one call of ListTasks lists, and one of DescribeTasks describes, at most."""


class EcsNames(AwsClient):
    """Lists names in Amazon ECS, page by page."""

    service = "ecs"

    @operation("ecs:ListClusters", fresh=True)
    def clusters(self) -> Iterator[tuple[str, ...]]:
        """Names of clusters."""
        return self._pages("list_clusters", "clusterArns")

    @operation("ecs:ListServices", fresh=True)
    def services(self, cluster: str) -> Iterator[tuple[str, ...]]:
        """Names of a cluster's services."""
        return self._pages("list_services", "serviceArns", cluster=cluster)

    def _pages(self, call: str, key: str, **arguments: Any) -> Iterator[tuple[str, ...]]:
        pages = self.each_page(call, **arguments, PaginationConfig={"PageSize": 100})
        first = _names(next(pages)[key])  # here, where its errors become ours
        return chain((first,), (_names(page[key]) for page in pages))


def _names(arns: list[str]) -> tuple[str, ...]:
    names = (arn.rpartition("/")[2] for arn in arns)
    return tuple(name for name in names if _NAME.fullmatch(name))


class Ecs(EcsNames):
    """Amazon ECS."""

    def __init__(self, aws: Aws) -> None:
        super().__init__(aws)
        self._searched: set[str] = set()
        """The clusters whose services are described ten a call: their tasks are listed together, too."""

    @operation("ecs:DescribeServices")
    def describe_service(self, service: str, cluster: str) -> dict[str, Any]:
        """A service. Raises NotFound for an unknown service or cluster."""
        answer = self.api.describe_services(cluster=cluster, services=[service])
        if not answer["services"]:
            raise NotFound(f"no service {service} in cluster {cluster}", "ServiceNotFoundException")
        return the_only(answer["services"])

    @operation("ecs:DescribeServices", fresh=True)
    def describe_services(self, cluster: str, services: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """Services of a cluster by the names that were given, at most ten; unknown ones are missing.

        :meth:`describe_service` then answers from these. Source:
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
        """
        answer = self.api.describe_services(cluster=cluster, services=list(services))
        by_name = {str(service["serviceName"]): service for service in answer["services"]}
        found = {name: by_name[short] for name in services if (short := name.rpartition("/")[2]) in by_name}
        if len(found) == MOST_SERVICES:
            self._searched.add(cluster)
        for name, service in found.items():
            self.answers.put(("ecs:DescribeServices", (name, cluster), ()), service)
        return found

    @operation("ecs:DescribeServiceRevisions")
    def service_revisions(self, arns: tuple[str, ...]) -> list[dict[str, Any]]:
        """Revisions of a service, with the digests that ECS resolved the tags of their images to."""
        return list(self.api.describe_service_revisions(serviceRevisionArns=list(arns))["serviceRevisions"])

    @operation("ecs:DescribeClusters")
    def describe_cluster(self, cluster: str) -> dict[str, Any]:
        """A cluster, with its default capacity providers. Raises NotFound."""
        answer = self.api.describe_clusters(clusters=[cluster])
        if not answer["clusters"]:
            raise NotFound(f"no cluster {cluster}", "ClusterNotFoundException")
        return the_only(answer["clusters"])

    @operation("ecs:DescribeTasks")
    def describe_task(self, task: str, cluster: str) -> dict[str, Any]:
        """A task. ECS knows a stopped one for an hour. Raises NotFound."""
        answer = self.api.describe_tasks(cluster=cluster, tasks=[task])
        if not answer["tasks"]:
            raise NotFound(f"no task {task} in cluster {cluster}", "TaskNotFoundException")
        return the_only(answer["tasks"])

    @operation("ecs:ListTasks")
    def task_arns(self, cluster: str, service: str, status: str) -> tuple[str, ...]:
        """ARNs of at most 100 tasks of a service whose desired status is RUNNING or STOPPED.

        ECS keeps stopped tasks for an hour.
        """
        answer = self.api.list_tasks(cluster=cluster, serviceName=service, desiredStatus=status, maxResults=_MOST_TASKS)
        return tuple(answer["taskArns"])

    @operation("ecs:ListTasks")
    def family_task_arns(self, cluster: str, family: str, status: str) -> tuple[str, ...]:
        """The same for the tasks of a task definition family, whatever has started them."""
        answer = self.api.list_tasks(cluster=cluster, family=family, desiredStatus=status, maxResults=_MOST_TASKS)
        return tuple(answer["taskArns"])

    def stopped_tasks(self, cluster: str, service: str) -> list[dict[str, Any]]:
        """At most 100 stopped tasks of a service, which ECS keeps for an hour."""
        arns = self.stopped_in_cluster(cluster) if cluster in self._searched else None
        if arns is None:
            own = self.task_arns(cluster, service, "STOPPED")
            return self.described_tasks(own, cluster) if own else []
        groups = (arns[start : start + _MOST_TASKS] for start in range(0, len(arns), _MOST_TASKS))
        tasks = (task for group in groups for task in self.described_tasks(group, cluster))
        return [task for task in tasks if task.get("group") == f"service:{service.rpartition('/')[2]}"]

    @operation("ecs:ListTasks")
    def stopped_in_cluster(self, cluster: str) -> tuple[str, ...] | None:
        """The stopped tasks of a whole cluster; None if there are too many."""
        arns: list[str] = []
        for number, page in enumerate(self.each_page("list_tasks", cluster=cluster, desiredStatus="STOPPED")):
            if number >= _MOST_PAGES:
                return None
            arns += page["taskArns"]
        return tuple(arns)

    @operation("ecs:DescribeTasks")
    def described_tasks(self, arns: tuple[str, ...], cluster: str) -> list[dict[str, Any]]:
        """Tasks, at most 100; those that ECS no longer knows are missing."""
        return list(self.api.describe_tasks(cluster=cluster, tasks=list(arns))["tasks"])

    def container_instances(self, cluster: str) -> list[dict[str, Any]]:
        """The active container instances of a cluster, with their attributes."""
        arns = self.container_instance_arns(cluster)
        groups = [arns[n : n + 100] for n in range(0, len(arns), 100)]  # the most that one call describes
        return [instance for group in groups for instance in self.described_container_instances(group, cluster)]

    @operation("ecs:ListContainerInstances")
    def container_instance_arns(self, cluster: str) -> tuple[str, ...]:
        """The ARNs of a cluster's active container instances."""
        return tuple(self.pages("list_container_instances", "containerInstanceArns", cluster=cluster, status="ACTIVE"))

    @operation("ecs:DescribeContainerInstances")
    def described_container_instances(self, arns: tuple[str, ...], cluster: str) -> list[dict[str, Any]]:
        """Container instances, at most 100; deregistered ones are missing."""
        answer = self.api.describe_container_instances(cluster=cluster, containerInstances=list(arns))
        return list(answer["containerInstances"])

    @operation("ecs:DescribeTaskDefinition")
    def describe_task_definition(self, task_definition: str) -> dict[str, Any]:
        """A task definition by FAMILY, FAMILY:REVISION or ARN."""
        definition: dict[str, Any] = self.api.describe_task_definition(taskDefinition=task_definition)["taskDefinition"]
        return definition
