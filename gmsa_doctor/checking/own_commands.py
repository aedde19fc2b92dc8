"""Completes the commands of fixes, so that they work when pasted.

gmsa-doctor's own commands get the subject's options; for those of the AWS CLI see ``aws_commands.py``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from gmsa_doctor.checking.aws_commands import with_aws_commands
from gmsa_doctor.core.model import Finding, Fix
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import Network
from gmsa_doctor.subjects.source import FoundSubject

_CHECK, _RUN = "gmsa-doctor check …", "gmsa-doctor run …"
_UNKNOWN_SERVICE = "--cluster '<cluster>' --service '<service>'"
IN_THE_TASKS_NETWORK = Fix("Request the ticket from the task's own network.", (_RUN,))
AFTER_DEPLOYMENT = Fix("After the deployment, request the ticket from the task's own network.", (_RUN,))


class OwnCommands:
    """Completes the fixes of a subject: see ``Fix``."""

    def __init__(self, subject: FoundSubject, request: Request) -> None:
        self._subject, self._request = subject, request
        self._made: dict[int, tuple[Fix, Fix]] = {}

    def of(self, fix: Fix | None) -> Fix | None:
        """The fix with commands that work when pasted."""
        if fix is None or not fix.commands:
            return fix
        if id(fix) not in self._made:  # with the fix, whose id no other gets then
            self._made[id(fix)] = fix, self._complete(fix)
        return self._made[id(fix)][1]

    def _complete(self, fix: Fix) -> Fix:
        fix = with_aws_commands(fix, self._subject.subject, self._subject.place.region)
        commands = (command.replace(_CHECK, self._check).replace(_RUN, self._run) for command in fix.commands)
        return replace(fix, commands=tuple(commands))

    @cached_property
    def _check(self) -> str:
        subject, request = self._subject, self._request
        return shlex.join(["gmsa-doctor", "check", *_subject(subject, request), *_where(subject, request)])

    @cached_property
    def _run(self) -> str:
        subject, request = self._subject, self._request
        service = [] if subject.subject.file else _starter(request) or _in_service(subject)
        if not service:
            return f"gmsa-doctor run {_UNKNOWN_SERVICE}"
        return shlex.join(["gmsa-doctor", "run", *service, *_where(subject, request)])


def with_own_commands(finding: Finding, subject: FoundSubject, request: Request) -> Finding:
    """The finding with commands that work when pasted."""
    return replace(finding, fix=OwnCommands(subject, request).of(finding.fix))


def _subject(subject: FoundSubject, request: Request) -> list[str]:
    """As the user named it: a file, the own task (which has no name), or as for ``run``."""
    if request.in_files:
        credspec = ["--credspec-file", request.credspec_file] if request.credspec_file else []
        return [subject.subject.file or "-", *credspec]
    if request.task and not request.service:
        cluster = ["--cluster", subject.subject.cluster] if subject.subject.cluster else []
        return [*cluster, "--task", request.task]
    if not (request.of_services or request.task_definition or request.starter):
        return []
    named = _starter(request) or _in_service(subject) or list(_options(request, "task_definition"))
    public = ["--assign-public-ip"] if request.assign_public_ip else []
    return [*named, *_options(request, "launch_type"), *public]


def _starter(request: Request) -> list[str]:
    """What starts the task, with the network that it does not know; empty if a service does."""
    if request.starter is None:
        return []
    subnets = ["--subnets", ",".join(request.subnets)] if request.subnets else []
    groups = ["--security-groups", ",".join(request.security_groups)] if request.security_groups else []
    return [*request.starter, *_options(request, "cluster"), *subnets, *groups]


def _in_service(subject: FoundSubject) -> list[str]:
    """The service, or the task definition with where it runs; empty if that is not known."""
    named = subject.subject
    if named.service:
        cluster = ["--cluster", named.cluster] if named.cluster else []
        return [*cluster, "--service", named.service]
    network = subject.values.get(Network)
    if not isinstance(network, Network) or not network.subnets:
        return []
    definition = ["--cluster", named.cluster or "default", "--task-definition", named.task_definition]
    groups = ["--security-groups", ",".join(network.security_groups)] if network.security_groups else []
    return [*definition, "--subnets", ",".join(network.subnets), *groups]


def _where(subject: FoundSubject, request: Request) -> Iterator[str]:
    if subject.place.region and (request.region or not request.in_files):
        yield from ("--region", subject.place.region)
    yield from _options(request, "profile", "container")


def _options(request: Request, *names: str) -> Iterator[str]:
    for name in names:
        if value := getattr(request, name):
            yield from (f"--{name.replace('_', '-')}", value)
