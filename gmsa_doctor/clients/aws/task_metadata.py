"""The ECS task metadata endpoint, version 4: describes a container's own task.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-response.html
(Fargate), task-metadata-endpoint-v4-response.html (EC2); the network's fields by amazon-ecs-agent,
ecs-agent/tmds/handlers/v4/state/response.go: DNS servers and subnet are present in network mode awsvpc only.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gmsa_doctor.core.errors import ServiceError, TimedOut, Unreachable
from gmsa_doctor.core.limits import within
from gmsa_doctor.formats.documents.walk import entries, items

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
SECONDS = 3.0
_LIMIT = 1024 * 1024
_NAME = "the task metadata endpoint"
_TASK_ARN = re.compile(r"arn:[\w-]+:ecs:[\w-]+:\d+:task/(?:[\w-]+/)?[\w-]+")
"""With the cluster's name, or in the older form without it."""


@dataclass(frozen=True)
class OwnTask:
    """The own task. ``dns_servers``: those that it was started with; empty if the endpoint lists none."""

    arn: str
    cluster: str
    """An ARN, or a short name."""
    family: str
    revision: str
    launch_type: str | None = None
    dns_servers: tuple[str, ...] = ()
    subnet_cidr: str | None = None

    @property
    def region(self) -> str:
        """The region in the task's ARN."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """The account in the task's ARN."""
        return self.arn.split(":")[4]

    @property
    def task_definition(self) -> str:
        """``FAMILY:REVISION``."""
        return f"{self.family}:{self.revision}"

    @property
    def task_definition_arn(self) -> str:
        """The ARN of the task definition: it has the task's partition, region and account."""
        return f"{':'.join(self.arn.split(':')[:5])}:task-definition/{self.task_definition}"


def inside() -> bool:
    """Whether gmsa-doctor runs in a container of an ECS task."""
    return bool(os.environ.get(VARIABLE))


def own_task() -> OwnTask:
    """The own task, from the endpoint that ECS names in the environment.

    Raises TimedOut, Unreachable, or ServiceError for an answer that does not describe a task.
    """
    answer = _object(within(SECONDS, _NAME, lambda: _get(os.environ.get(VARIABLE, ""))))
    arn, cluster, family, revision = (_text(answer.get(key)) for key in ("TaskARN", "Cluster", "Family", "Revision"))
    if not (_TASK_ARN.fullmatch(arn) and cluster and family and revision):
        raise ServiceError(f"{_NAME} does not describe a task", "InvalidAnswer")
    networks = list(_networks(answer))
    servers = (_text(address) for network in networks for address in items(network.get("DomainNameServers")))
    blocks = (_text(network.get("IPv4SubnetCIDRBlock")) for network in networks)
    return OwnTask(
        arn,
        cluster,
        family,
        revision,
        _text(answer.get("LaunchType")) or None,
        tuple(dict.fromkeys(filter(None, servers))),
        next(filter(None, blocks), None),
    )


def _networks(answer: dict[str, object]) -> Iterator[dict[str, object]]:
    """The networks of all containers; in network mode awsvpc all have the same."""
    for container in map(entries, items(answer.get("Containers"))):
        yield from map(entries, items(container.get("Networks")))


def _get(base: str) -> bytes:
    import http.client  # takes 30 ms, so --help must not import it
    import urllib.error
    import urllib.request

    if not base.startswith("http://"):
        raise Unreachable(_NAME, f"{VARIABLE} is not an http URL")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{base}/task", timeout=SECONDS) as response:
            body: bytes = response.read(_LIMIT + 1)
    except TimeoutError as error:
        raise TimedOut(_NAME, SECONDS) from error
    except urllib.error.HTTPError as error:
        raise ServiceError(f"{_NAME} returned HTTP status {error.code}", str(error.code)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            raise TimedOut(_NAME, SECONDS) from error
        raise Unreachable(_NAME, str(reason) or type(reason).__name__) from error
    if len(body) > _LIMIT:
        raise ServiceError(f"{_NAME} returned more than {_LIMIT} bytes", "InvalidAnswer")
    return body


def _object(body: bytes) -> dict[str, object]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ServiceError(f"{_NAME} did not return JSON", "InvalidAnswer") from error
    if not isinstance(answer, dict):
        raise ServiceError(f"{_NAME} did not return a JSON object", "InvalidAnswer")
    return answer


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
