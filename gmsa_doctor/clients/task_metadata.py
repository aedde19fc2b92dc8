"""The ECS task metadata endpoint, version 4: what a container can learn of its own task.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-response.html
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.errors import ServiceError, TimedOut, Unreachable

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
SECONDS = 3.0
_LIMIT = 1024 * 1024
_NAME = "the task metadata endpoint"


@dataclass(frozen=True)
class OwnTask:
    """The task that we run in. ``dns_servers`` are those that it was started with."""

    arn: str
    cluster: str
    """An ARN, or on EC2 a short name."""
    family: str
    revision: str
    launch_type: str | None = None
    dns_servers: tuple[str, ...] = ()

    @property
    def region(self) -> str:
        """The region that the task's ARN names."""
        return self.arn.split(":")[3]

    @property
    def task_definition_arn(self) -> str:
        """The ARN of the task definition, which has the task's partition, region and account."""
        return f"{':'.join(self.arn.split(':')[:5])}:task-definition/{self.family}:{self.revision}"


def inside() -> bool:
    """Whether this is a container of an ECS task."""
    return bool(os.environ.get(VARIABLE))


def own_task() -> OwnTask:
    """Ask the endpoint that ECS names in the environment.

    Raises TimedOut, Unreachable, or ServiceError for an answer that tells no task.
    """
    answer = _get(f"{os.environ[VARIABLE]}/task")
    arn, cluster, family, revision = (str(answer.get(key, "")) for key in ("TaskARN", "Cluster", "Family", "Revision"))
    if not (re.match(r"arn:[^:]+:ecs:[^:]+:\d+:task/", arn) and cluster and family and revision):
        raise ServiceError(f"{_NAME} tells no task", "InvalidAnswer")
    networks = [one for each in answer.get("Containers") or () for one in each.get("Networks") or ()]
    servers = dict.fromkeys(str(ip) for one in networks for ip in one.get("DomainNameServers") or ())
    return OwnTask(arn, cluster, family, revision, answer.get("LaunchType"), tuple(servers))


def _get(url: str) -> Mapping[str, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=SECONDS) as response:
            answer = json.loads(response.read(_LIMIT))
    except TimeoutError as error:
        raise TimedOut(_NAME, SECONDS) from error
    except urllib.error.HTTPError as error:
        raise ServiceError(f"{_NAME} answered {error.code}", str(error.code)) from error
    except OSError as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            raise TimedOut(_NAME, SECONDS) from error
        raise Unreachable(_NAME, str(getattr(error, "reason", error))) from error
    except ValueError as error:
        raise ServiceError(f"{_NAME} answered no JSON", "InvalidAnswer") from error
    if not isinstance(answer, dict):
        raise ServiceError(f"{_NAME} answered no JSON object", "InvalidAnswer")
    return answer
