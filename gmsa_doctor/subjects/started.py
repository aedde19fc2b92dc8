"""The subjects of what starts tasks without a service: a schedule, a rule, or the states of a state machine."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.session import CredentialsProblem
from gmsa_doctor.clients.aws.task_starters import TaskStarters
from gmsa_doctor.core.deferral import deferred_to
from gmsa_doctor.core.errors import ClientError, NotFound, UsageError
from gmsa_doctor.core.model import Finding, Fix, failed, skipped, unknown
from gmsa_doctor.formats.aws.task_start import TaskStart, of_rule, of_schedule, of_state_machine, tags_of
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace, Controller, Network, StartRole
from gmsa_doctor.subjects import registered
from gmsa_doctor.subjects.registered import similar_names
from gmsa_doctor.subjects.source import (
    REGISTERED,
    FoundSubject,
    SubjectSource,
    given_network,
    place_of,
    short_name,
    unreadable,
)


@dataclass(frozen=True)
class _Starter:
    """What starts tasks: its kind, name and ARN, and the starts that it contains."""

    controller: Controller
    name: str
    arn: str = ""
    starts: tuple[TaskStart, ...] = ()
    role: str = ""
    """Of a state machine."""
    enabled: bool = True

    def __str__(self) -> str:
        return f"{self.controller.words} {self.name}"

    def title(self, start: TaskStart) -> str:
        """The subject's name: the part distinguishes the tasks of one starter."""
        several = self.controller is Controller.STATE_MACHINE or len(self.starts) > 1
        return f"{self.name}/{start.part}" if several else self.name


def find(request: Request, starters: TaskStarters, ecs: Ecs, place: AwsPlace) -> tuple[FoundSubject, ...]:
    """A subject for each task that is started. Raises UsageError and CredentialsProblem as registered.find does."""
    option, value = request.starter or ("", "")
    read = {"--schedule": _schedule, "--rule": _rule, "--state-machine": _state_machine}[option]
    try:
        starter = read(value, starters, place)
    except CredentialsProblem:
        raise
    except ClientError as error:
        reason = unreadable(error)
        network = given_network(request) or reason
        return SubjectSource(short_name(value), reason, place, network=network).subjects(request)
    if not starter.starts:
        raise UsageError(f"{option} {value} starts no ECS task")
    sources = (_source(starter, start, request, ecs, place) for start in starter.starts)
    return tuple(subject for source in sources for subject in source.subjects(request))


# What starts the task -------------------------------------------------------------------------------


def _schedule(value: str, starters: TaskStarters, place: AwsPlace) -> _Starter:
    group, _, name = value.rpartition(":schedule/")[2].rpartition("/")
    group, client = group or "default", starters.scheduler
    found = _existing(
        partial(client.schedule, name, group),
        f"schedule {name} in the group {group}",
        partial(similar_names, name, partial(client.schedules, group)),
        f"aws scheduler list-schedules --group-name {shlex.quote(group)}",
        place,
    )
    start = of_schedule(found.get("Target") or {})
    starts = (start,) if start else ()
    enabled = found.get("State") != "DISABLED"
    return _Starter(Controller.SCHEDULE, f"{group}/{name}", str(found.get("Arn")), starts, enabled=enabled)


def _rule(value: str, starters: TaskStarters, place: AwsPlace) -> _Starter:
    bus, _, name = value.rpartition(":rule/")[2].rpartition("/")
    bus, client = bus or "default", starters.rules
    found = _existing(
        partial(client.rule, name, bus),
        f"rule {name} of the event bus {bus}",
        partial(similar_names, name, partial(client.rules, bus)),
        f"aws events list-rules --event-bus-name {shlex.quote(bus)}",
        place,
    )
    starts = of_rule(client.targets(name, bus))
    enabled = found.get("State") != "DISABLED"
    return _Starter(Controller.RULE, f"{bus}/{name}", str(found.get("Arn")), starts, enabled=enabled)


def _state_machine(value: str, starters: TaskStarters, place: AwsPlace) -> _Starter:
    name, client = value.rpartition(":stateMachine:")[2], starters.step_functions
    if not value.startswith("arn:"):
        if not place.account:
            raise UsageError(f"--state-machine {value}: the account is not known: give the ARN of the state machine")
        value = f"arn:{place.partition}:states:{place.region}:{place.account}:stateMachine:{value}"
    found = _existing(
        partial(client.state_machine, value),
        f"state machine {name}",
        partial(similar_names, name, client.state_machines),
        "aws stepfunctions list-state-machines",
        place,
    )
    try:
        starts = of_state_machine(str(found.get("definition")))
    except ValueError as error:
        raise UsageError(f"the definition of the state machine {name} is not JSON: {error}") from error
    role = str(found.get("roleArn") or "")
    return _Starter(Controller.STATE_MACHINE, name.partition(":")[0], value, starts, role)


def _existing(
    describe: Callable[[], dict[str, Any]],
    name: str,
    similar_names: Callable[[], str],
    list_command: str,
    place: AwsPlace,
) -> dict[str, Any]:
    """The description. Raises UsageError, with similar names, for what does not exist."""
    try:
        return describe()
    except NotFound as error:
        raise UsageError(
            f"there is no {name} in {place.region}{similar_names() or '.'} "
            f"`{list_command}{place.region_option}` lists them."
        ) from error


# The task -------------------------------------------------------------------------------------------


def _source(starter: _Starter, start: TaskStart, request: Request, ecs: Ecs, place: AwsPlace) -> SubjectSource:
    cluster = _cluster(starter, start, request)
    name = start.arguments.get("taskDefinition")
    place = place_of(str(start.arguments.get("cluster") or ""), place)
    definition = _definition(starter, start, str(name), ecs, place) if name else _unknown_definition(starter, start)
    varies = any(map(start.varies, ("launchType", "capacityProviderStrategy")))
    launch = None if varies else registered.launch_in(start.arguments, {}, cluster, ecs)
    if launch and "--launch-type" in request.typed:
        raise UsageError(f"--launch-type: no effect, since {starter} starts its tasks on {launch}; leave it out")
    return SubjectSource(
        starter.title(start),
        definition,
        place,
        launch,
        _network(starter, start, request),
        start.arguments.get("platformVersion"),
        cluster,
        definition_name=short_name(str(name)) if name else None,
        capacity_providers=() if varies else registered.providers_of(registered.strategy_of(start.arguments, {})),
        controller=starter.controller,
        starter=starter.arn,
        part=start.part,
        start_role=StartRole(
            start.role or starter.role,
            not re.search(r":\d+$", str(name or "")),
            tags_of(start),
            starter.enabled,
            starter.role or start.role,
        ),
    )


def _cluster(starter: _Starter, start: TaskStart, request: Request) -> str | None:
    """RunTask starts the task in the cluster ``default`` if none is named; None if each start names another one."""
    own = start.arguments.get("cluster")
    if start.expression("cluster"):
        return short_name(request.cluster) if request.cluster else None
    if "--cluster" in request.typed:
        names = "names the cluster" if own else "names no cluster, and RunTask uses the cluster default"
        raise UsageError(f"--cluster: no effect, since {starter} {names}; leave it out")
    return short_name(str(own)) if own else "default"


_VPC = "networkConfiguration.awsvpcConfiguration"


def _network(starter: _Starter, start: TaskStart, request: Request) -> Network | Finding | None:
    own = registered.network_of(start.arguments, {})
    vary = [bool(start.expression(f"{_VPC}.{name}")) for name in ("securityGroups", "assignPublicIp")]
    if own and own.subnets:
        varying = {
            name for name, varies in zip(("--security-groups", "--assign-public-ip"), vary, strict=True) if varies
        }
        if given := request.typed & {"--subnets", "--security-groups", "--assign-public-ip"} - varying:
            raise UsageError(
                f"{' and '.join(sorted(given, reverse=True))}: no effect, since {starter} has its own network "
                f"configuration ({', '.join(own.subnets)}); leave out these options"
            )
        groups = request.security_groups if vary[0] else own.security_groups
        public = request.assign_public_ip or None if vary[1] else own.public_address
        return Network(own.subnets, groups, public, vary[0] and not groups)
    if "--assign-public-ip" in request.typed and not request.subnets:
        raise UsageError("--assign-public-ip: no effect without --subnets")
    expression = start.expression(f"{_VPC}.subnets")
    if expression is None or request.subnets:
        return given_network(request)
    return skipped(
        f"each execution of {starter} gives the subnets: {expression}",
        fix=Fix("Add --subnets and --security-groups with the values of an execution."),
    )


def _definition(starter: _Starter, start: TaskStart, name: str, ecs: Ecs, place: AwsPlace) -> TaskDefinition | Finding:
    """One that does not exist is a failure of this start only, unless it may exist in another account or region."""
    try:
        return registered.describe(ecs, name, place, start)
    except UsageError as error:
        other_role = starter.role and start.role not in ("", starter.role)
        if other_role or (name.startswith("arn:") and name.split(":")[3:5] != starter.arn.split(":")[3:5]):
            return unreadable(ClientError(str(error)))
        update = (
            f"aws ecs update-service --cluster '<cluster>' --service '<service>' --task-definition {shlex.quote(name)}"
        )
        failure = failed(
            f"there is no task definition {short_name(name)} in {place.region}: {starter} cannot start a task with it",
            observed=name,
            expected="a registered task definition",
            fix=Fix(
                "Name one that exists (command 1 lists them).",
                (f"aws ecs list-task-definitions{place.region_option}", update),
            ),
        )
        return deferred_to(REGISTERED, failure)


def _unknown_definition(starter: _Starter, start: TaskStart) -> Finding:
    expression = start.expression("taskDefinition") or "nothing"
    finding = unknown(
        f"each execution of {starter} gives the task definition: {expression}",
        observed=expression,
        expected="a task definition",
        fix=Fix(
            "Check the task definition of an execution.",
            ("gmsa-doctor check --task-definition '<task definition>' --subnets '<subnets>'",),
        ),
    )
    return deferred_to(REGISTERED, finding)
