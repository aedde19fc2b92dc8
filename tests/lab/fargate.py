"""An embedded Fargate: it answers the ECS API's calls on tasks, and runs the tasks for real.

moto accepts RunTask but runs nothing. Here the task's (one) container runs, with the DNS of its subnet's VPC, the task
metadata endpoint, the credentials of its task role and its output in CloudWatch Logs. Task definitions and clusters are
moto's.
"""

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.lab import fargate_api as api
from tests.lab.aws_errors import Refused
from tests.lab.aws_requests import Request
from tests.lab.fargate_endpoint import Endpoint
from tests.lab.fargate_engine import Engine, Processes, short_name
from tests.lab.fargate_faults import Faults
from tests.lab.fargate_life import live
from tests.lab.fargate_network import AMAZON, place
from tests.lab.fargate_task import Task, container_metadata, described, task_metadata
from tests.lab.loopback import fresh_address

if TYPE_CHECKING:
    from tests.lab.aws import EmbeddedAws

CredentialsFetcher: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, str]], Path | str]
"""Given a task definition and the container's environment: a ticket cache, or the stoppedReason of a failure."""
_NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


def _epoch(value: Any) -> float:
    """A time, as the ECS API returns it."""
    return float(value.timestamp())


class Fargate(Faults):
    """Runs tasks. What can be set holds until the `reset` of the embedded AWS."""

    def __init__(self, aws: "EmbeddedAws") -> None:
        super().__init__()
        self.aws = aws
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._keys: set[str] = set()
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._credentials: dict[str, dict[str, Any]] = {}
        self._tokens: dict[tuple[str, str], list[Task]] = {}
        self._endpoint: Endpoint | None = None
        self._asking_moto = False
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._set_defaults()

    def _set_defaults(self) -> None:
        self.tasks: list[Task] = []
        """All that were started, in their order."""
        self.speed = 0.05
        """Seconds that a task takes from one state to the next."""
        self.waits_for_stop = False
        """Whether a task whose container has ended stays until StopTask is called."""
        self.stop_timeout: float | None = None
        """Seconds between SIGTERM and SIGKILL; None: the container's stopTimeout, otherwise 30."""
        self.engine: Engine = Processes()
        self.amazon_dns = ""
        """The address of AmazonProvidedDNS; empty: one on which nothing listens."""
        self.credentials_fetcher: CredentialsFetcher | None = None
        """Makes the tickets of tasks with credentialSpecs; None: they start without."""
        self.events: list[tuple[str, float, str]] = []
        """Events of services: the service, when, and the text after its name."""
        self.deployment: dict[str, Any] = {}
        """What DescribeServices returns of each deployment, instead of moto's."""

    @property
    def running(self) -> list[Task]:
        """Give the tasks that have not stopped yet."""
        return [task for task in self.tasks if not task.ended.is_set()]

    def run_as(self, image: str, *argv: str) -> None:
        """Use this program with these first arguments as an image (its ENTRYPOINT)."""
        if not isinstance(self.engine, Processes):
            raise TypeError("only for images that are run as processes")
        self.engine.images[short_name(image)] = argv

    # For the embedded AWS -------------------------------------------------------------------------

    def open(self) -> None:
        """Open the endpoints for the tasks."""
        self._endpoint = Endpoint(self._answer_container)

    def close(self) -> None:
        """End all tasks and close the endpoints."""
        self.reset()
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None

    def reset(self) -> None:
        """End all tasks at once, and forget them and all that was set."""
        with self._lock:
            tasks, threads = list(self.tasks), list(self._threads)
        for task in tasks:
            task.gone.set()
            task.told_to_stop.set()
            task.stop("UserInitiated", "the laboratory ends")
        for thread in threads:
            thread.join(timeout=60)
        with self._lock:
            for memory in (self._threads, self._keys, self._clients, self._credentials, self._tokens):
                memory.clear()
            if self._directory is not None:
                self._directory.cleanup()
                self._directory = None
            self.clear_faults()
            self._set_defaults()

    def acts_with(self, access_key: str) -> bool:
        """Return whether these are credentials with which Fargate itself acts, and not a container."""
        return access_key in self._keys

    def answer(self, request: Request) -> dict[str, Any] | None:
        """Give the answer to a request, or None where moto is to give it. Raises Refused."""
        if request.service != "ecs" or request.protocol != "json":
            return None
        operations: dict[str, Callable[[str, dict[str, Any]], dict[str, Any] | None]] = {
            "RunTask": self._run_task,
            "DescribeTasks": self._describe_tasks,
            "StopTask": self._stop_task,
            "ListTasks": self._list_tasks,
            "DescribeServices": self._describe_services,
        }
        if request.operation == "RegisterTaskDefinition":
            api.check_registration(request.body)
        if request.operation not in operations:
            return None
        return operations[request.operation](request.region, json.loads(request.body or b"{}"))

    # The API --------------------------------------------------------------------------------------

    def _run_task(self, region: str, arguments: dict[str, Any]) -> dict[str, Any]:
        ecs, ec2 = self.aws.client("ecs", region), self.aws.client("ec2", region)
        cluster = api.cluster_arn(ecs, arguments)
        definition, tags = api.task_definition(ecs, arguments)
        vpc = api.check_run_task(ec2, arguments, definition)
        subnet = next((one for one in vpc["subnets"] if not self.fault("capacity", one)), None)
        if subnet is None:
            return {"tasks": [], "failures": [{"reason": _NO_CAPACITY}]}
        with self._lock:
            token = (region, arguments.get("clientToken", ""))
            made = self._tokens.get(token, []) if token[1] else []
            while len(made) < arguments.get("count", 1):
                groups, dns_at = vpc.get("securityGroups", ()), lambda server: self._dns_at(server, subnet)
                interface = place(ec2, region, subnet, groups, len(self.tasks), dns_at)
                task = Task(cluster, definition, arguments, tags, interface)
                thread = Thread(target=live, args=(task, self), name=f"task {task.id}", daemon=True)
                made.append(task)
                self.tasks.append(task)
                self._threads.append(thread)
                thread.start()
            self._tokens[token] = made
            return {"tasks": [described(task, with_tags=True) for task in made], "failures": []}

    def _dns_at(self, server: str, subnet: str) -> str:
        if self.fault("dns", subnet):
            return fresh_address()
        return (self.amazon_dns or fresh_address()) if server == AMAZON else server

    def _describe_tasks(self, region: str, arguments: dict[str, Any]) -> dict[str, Any]:
        cluster = api.cluster_arn(self.aws.client("ecs", region), arguments)
        known = self._known(cluster)
        wanted = [(name, known.get(name.rpartition("/")[2])) for name in arguments["tasks"]]
        with_tags = "TAGS" in arguments.get("include", ())
        return {
            "tasks": [described(task, with_tags) for _, task in wanted if task],
            "failures": [api.missing(name, cluster) for name, task in wanted if not task],
        }

    def _stop_task(self, region: str, arguments: dict[str, Any]) -> dict[str, Any]:
        cluster = api.cluster_arn(self.aws.client("ecs", region), arguments)
        task = self._known(cluster).get(arguments["task"].rpartition("/")[2])
        if task is None:
            raise Refused("InvalidParameterException", "The referenced task was not found.")
        task.told_to_stop.set()
        if not task.ended.is_set():
            task.stop("UserInitiated", arguments.get("reason") or "Task stopped by user")
        return {"task": described(task, with_tags=False)}

    def _list_tasks(self, region: str, arguments: dict[str, Any]) -> dict[str, Any]:
        cluster = api.cluster_arn(self.aws.client("ecs", region), arguments)
        return api.page([task for task in self._known(cluster).values() if api.is_wanted(task, arguments)], arguments)

    def _describe_services(self, region: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Give moto's answer with the events of the services, and the tasks that run. None: moto's alone."""
        if self._asking_moto or not (self.events or self.deployment or self.tasks):
            return None
        self._asking_moto = True
        try:
            answer = self.aws.client("ecs", region).describe_services(**arguments)
        finally:
            self._asking_moto = False
        for service in answer["services"]:
            name = service["serviceName"]
            own = [task for task in self.running if task.arguments.get("group") == f"service:{name}"]
            service["runningCount"] = sum(task.last_status == "RUNNING" for task in own)
            service["events"] = [
                {"id": str(number), "createdAt": time, "message": f"(service {name}) {text}"}
                for number, (of, time, text) in reversed(list(enumerate(self.events)))
                if of == name
            ]
            for deployment in service["deployments"]:
                deployment.update(self.deployment)
        kept = {name: answer[name] for name in ("services", "failures")}
        document: dict[str, Any] = json.loads(json.dumps(kept, default=_epoch))
        return document

    def event(self, service: str, text: str) -> None:
        """Add an event of a service, now."""
        self.events.append((service, time.time(), text))

    def _known(self, cluster: str) -> dict[str, Task]:
        with self._lock:
            return {task.id: task for task in self.tasks if task.cluster_arn == cluster}

    # For the tasks --------------------------------------------------------------------------------

    def directory(self, task: Task) -> Path:
        """Give a directory for the files of a task."""
        with self._lock:
            if self._directory is None:
                self._directory = tempfile.TemporaryDirectory(prefix="gmsa-fargate-")
            path = Path(self._directory.name) / task.id
            path.mkdir(exist_ok=True)
            return path

    def client_of(self, task: Task, service: str, region: str) -> Any:
        """Give a client with which Fargate acts for the task, by its execution role."""
        role = task.role("executionRoleArn")
        if role is None:
            return self.aws.client(service, region)
        key = (role, service, region)
        with self._lock:
            if key not in self._clients:
                credentials = self._assume(task, role)
                self._keys.add(credentials["AccessKeyId"])
                self._clients[key] = self.aws.client_with(credentials, service, region)
            return self._clients[key]

    def _assume(self, task: Task, role: str) -> dict[str, Any]:
        answer = self.aws.client("sts", task.region).assume_role(RoleArn=role, RoleSessionName=task.id)
        credentials: dict[str, Any] = answer["Credentials"]
        return credentials

    def metadata_url(self, task: Task) -> str:
        """Give the task metadata endpoint of the task's container."""
        return f"{self._url}/v4/{task.runtime}"

    def credentials_url(self, task: Task) -> str:
        """Give the endpoint of the task role's credentials."""
        return f"{self._url}/v2/credentials/{task.id}"

    @property
    def _url(self) -> str:
        assert self._endpoint is not None
        return self._endpoint.url

    def _answer_container(self, path: str) -> Any:
        """Answer a container's request about its own task; None: there is no such path."""
        kind, _, rest = path.strip("/").partition("/")
        name, _, what = rest.partition("/")
        by_name = {one: task for task in list(self.tasks) for one in (task.runtime, f"credentials/{task.id}")}
        if kind == "v2":
            task = by_name.get(rest)
            return self._credentials_of(task) if task else None
        task = by_name.get(name) if kind == "v4" else None
        if task is None or what not in ("", "task", "taskWithTags"):
            return None
        return task_metadata(task) if what else container_metadata(task)

    def _credentials_of(self, task: Task) -> dict[str, Any] | None:
        role = task.role("taskRoleArn")
        if role is None:
            return None
        with self._lock:
            if task.id not in self._credentials:
                self._credentials[task.id] = self._assume(task, role)
            found = self._credentials[task.id]
        return {
            "RoleArn": role,
            "AccessKeyId": found["AccessKeyId"],
            "SecretAccessKey": found["SecretAccessKey"],
            "Token": found["SessionToken"],
            "Expiration": found["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
