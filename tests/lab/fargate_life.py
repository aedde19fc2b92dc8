"""The life of one task of the embedded Fargate, from its network interface to its end."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.lab.fargate_engine import TICKETS, Container, Running, exit_code, streams
from tests.lab.fargate_logs import LogDriver, LogEvent, pieces
from tests.lab.fargate_task import Task

if TYPE_CHECKING:
    from tests.lab.fargate import Fargate

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
_LOOK = 0.02
"""Seconds between two looks at a container that runs."""
_LONGEST_END = 0.5
"""Seconds that a task takes from its container's end to its own, at most."""
_GRACE = 30
"""Seconds between SIGTERM and SIGKILL, unless the container has a stopTimeout."""
KRB5CCNAME = f"{TICKETS}/krb5cc"


class FailedToStart(Exception):
    """The container is not started; the text is the stoppedReason. `of_container`: its reason too."""

    def __init__(self, text: str, of_container: bool = False) -> None:
        super().__init__(text)
        self.of_container = of_container


def live(task: Task, fargate: "Fargate") -> None:
    """Lead the task through its states until it has stopped, and its last log line is delivered."""
    log: LogDriver | None = None
    try:
        task.stopping.wait(fargate.speed)
        task.last_status, task.attachment_status = "PENDING", "ATTACHED"
        task.happens("connectivityAt")
        task.stopping.wait(fargate.speed)
        try:
            if not task.stopping.is_set():
                container, log = _prepare(task, fargate), _log_driver(task, fargate)
                _run(task, fargate, container, log)
        except FailedToStart as failure:
            task.stop("TaskFailedToStart", str(failure))
            task.container_reason = str(failure) if failure.of_container else None
        task.last_status = "DEPROVISIONING"
        if fargate.waits_for_stop:
            task.told_to_stop.wait(_GRACE)
        task.gone.wait(min(fargate.speed, _LONGEST_END))
    finally:
        task.stop("TaskFailedToStart", "the laboratory has failed")  # where nothing else was said before
        task.last_status, task.attachment_status = "STOPPED", "DELETED"
        task.happens("stoppedAt")
        task.ended.set()
    if log:
        log.deliver_late(task.gone)


def _prepare(task: Task, fargate: "Fargate") -> Container:
    """Do what comes before a container's start. Raises FailedToStart."""
    text = fargate.fault("start", task.subnet)
    if text is not None:
        raise FailedToStart(text)
    image = task.container["image"]
    task.happens("pullStartedAt")
    if fargate.fault("pull", task.subnet) or not fargate.engine.knows(image):
        retried = "pull image manifest has been retried 5 time(s)"
        text = f"CannotPullContainerError: {retried}: failed to resolve ref {_reference(image)}: not found"
        raise FailedToStart(text, of_container=True)
    task.happens("pullStoppedAt")
    environment = _environment(task, fargate)
    tickets = _tickets(task, fargate, environment) if task.container.get("credentialSpecs") else None
    if tickets:
        environment.setdefault("KRB5CCNAME", KRB5CCNAME)
    task.environment = environment
    resolv_conf = fargate.directory(task) / "resolv.conf"
    resolv_conf.write_text(task.interface.resolv_conf)
    command = task.override.get("command") or task.container.get("command") or ()
    return Container(
        name=f"gmsa-lab-{task.id}",
        image=image,
        entry_point=tuple(task.container.get("entryPoint") or ()),
        command=tuple(command),
        environment=environment,
        resolv_conf=resolv_conf,
        tickets=tickets,
        user=str(task.container.get("user") or ""),
        init=bool(task.container.get("linuxParameters", {}).get("initProcessEnabled")),
    )


def _reference(image: str) -> str:
    """Give the image's name as the registry's client completes it."""
    host, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in host and ":" not in host and host != "localhost":
        image = f"docker.io/{image}"
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"


def _environment(task: Task, fargate: "Fargate") -> dict[str, str]:
    """Give the container's environment: what the platform sets, then the task definition, then RunTask."""
    platform = {
        "HOSTNAME": task.interface.private_name,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": task.region,
        "AWS_DEFAULT_REGION": task.region,
        "ECS_CONTAINER_METADATA_URI_V4": fargate.metadata_url(task),
        # Not of the platform, but what makes the embedded AWS the container's.
        "AWS_ENDPOINT_URL": fargate.aws.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if task.role("taskRoleArn"):
        platform["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = fargate.credentials_url(task)
    given = [*task.container.get("environment", ()), *task.override.get("environment", ())]
    return {**platform, **{one["name"]: one["value"] for one in given}}


def _tickets(task: Task, fargate: "Fargate", environment: dict[str, str]) -> Path | None:
    """Let Credentials Fetcher do its work: give the directory with the ticket cache. Raises FailedToStart."""
    text = fargate.fault("ticket", task.subnet)
    if text is not None:
        raise FailedToStart(text)
    if fargate.credentials_fetcher is None:
        return None
    found = fargate.credentials_fetcher(task.definition, environment)
    if isinstance(found, str):
        raise FailedToStart(found)
    directory = fargate.directory(task) / "krbdir"
    directory.mkdir(mode=0o755)
    cache = directory / "krb5cc"
    shutil.copyfile(found, cache)
    cache.chmod(0o600)
    os.chown(cache, 0, 0)
    return directory


def _log_driver(task: Task, fargate: "Fargate") -> LogDriver:
    """Make the task's log stream. Raises FailedToStart."""
    mishaps, configuration = fargate.mishaps(task.subnet), task.container.get("logConfiguration", {})
    if configuration.get("logDriver") != "awslogs":
        return LogDriver(lambda _: None, mishaps)
    options = configuration["options"]
    stream = {"logGroupName": options["awslogs-group"], "logStreamName": task.log_stream}
    logs = fargate.client_of(task, "logs", options.get("awslogs-region", task.region))
    create = options.get("awslogs-create-group") == "true"
    _create_stream(logs, stream, create)

    def put(events: list[LogEvent]) -> None:
        try:
            logs.put_log_events(**stream, logEvents=events)
        except (ClientError, BotoCoreError):
            return  # as the driver, which has nobody to tell

    return LogDriver(put, mishaps)


def _create_stream(logs: Any, stream: dict[str, str], create_group: bool) -> None:
    group = {"logGroupName": stream["logGroupName"]}
    try:
        _create("stream", lambda: logs.create_log_stream(**stream))
    except FailedToStart as failure:
        if not create_group or "ResourceNotFoundException" not in str(failure):
            raise
        _create("group", lambda: logs.create_log_group(**group))
        _create("stream", lambda: logs.create_log_stream(**stream))


def _create(what: str, call: Callable[[], Any]) -> None:
    try:
        call()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        text = f"failed to create Cloudwatch log {what}: {code}: {message}"
    except BotoCoreError as error:
        text = f"failed to create Cloudwatch log {what}: {error}"
    else:
        return
    retried = "failed to validate logger args: create stream has been retried 1 times"
    raise FailedToStart(f"ResourceInitializationError: {retried}: {text} : exit status 1")


def _run(task: Task, fargate: "Fargate", container: Container, log: LogDriver) -> None:
    """Run the container until it ends, gets SIGTERM, or is killed."""
    running = fargate.engine.start(container)
    task.last_status = "RUNNING"
    task.happens("startedAt")
    readers = [Thread(target=_read, args=(pipe, task, log), daemon=True) for pipe in streams(running)]
    for reader in readers:
        reader.start()
    killed = _watch(task, fargate, running)
    code = exit_code(running)
    for reader in readers:
        reader.join(timeout=10)
    log.finish()
    task.exit_code = 137 if killed else code
    task.container_reason = OUT_OF_MEMORY if killed else None
    task.happens("executionStoppedAt")
    task.stop("EssentialContainerExited", "Essential container in task exited")


def _read(pipe: IO[bytes], task: Task, log: LogDriver) -> None:
    with pipe:
        for lines in pieces(pipe):
            task.output += lines
            log.write(lines)


def _watch(task: Task, fargate: "Fargate", running: Running) -> bool:
    """Wait for the container's end, and hasten it. Return whether it was killed for its memory."""
    seconds = fargate.fault("kill", task.subnet)
    dies = None if seconds is None else time.monotonic() + seconds
    patience: float | None = None
    while running.process.poll() is None:
        now = time.monotonic()
        if dies is not None and now >= dies:
            running.kill()
            return True
        if task.gone.is_set() or (patience is not None and now >= patience):
            running.kill()
            return False
        if task.stopping.is_set() and patience is None:
            running.terminate()
            patience = now + _grace(task, fargate)
        time.sleep(_LOOK)
    return False


def _grace(task: Task, fargate: "Fargate") -> float:
    return float(task.container.get("stopTimeout", _GRACE) if fargate.stop_timeout is None else fargate.stop_timeout)
