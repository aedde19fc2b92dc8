"""``gmsa-doctor run --journal``: reads the daemon's journal on the container instances, through Systems Manager."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.checking import check
from gmsa_doctor.checking.selection import Selection
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.run_command import DOCUMENT, Invocation, RunCommand
from gmsa_doctor.core import engine
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.engine import Case
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.model import Finding, Fix, Report, skipped
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.aws.instance_journal import SCRIPT, read_journal
from gmsa_doctor.formats.symptoms.reading import redacted
from gmsa_doctor.formats.symptoms.searching import known_lines
from gmsa_doctor.given.records import InstanceJournal, InstanceJournals, Record
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.shared_values import ContainerInstances
from gmsa_doctor.probe.launch import Pace
from gmsa_doctor.triage.apply import Triage, applied

_JOURNAL = CheckId("evidence.journal")
_MOST = 3
"""Instances whose journals are read."""
_SECONDS = 60
"""Time limit of the script on an instance."""


@dataclass(frozen=True)
class JournalPlan:
    """The instances on which the script runs, of how many that support gMSA, and the region."""

    instances: tuple[str, ...]
    number: int
    region: str

    def describe(self) -> tuple[tuple[int, str], ...]:
        """The plan as lines with their indentation."""
        return (
            (0, f"Runs this script with {DOCUMENT} as root on {', '.join(self.instances)} (of {self.number}). It only "
                "reads, but AWS keeps its output in the history of Systems Manager for 30 days:"),
            *((2, line) for line in SCRIPT.splitlines()),
        )  # fmt: skip

    def by_hand(self) -> tuple[str, ...]:
        """Commands for somebody who may run it."""
        instance = shlex.quote(self.instances[0])
        parameters = shlex.quote(json.dumps({"commands": [SCRIPT]}))
        region = f" --region {shlex.quote(self.region)}" if self.region else ""
        return (
            f"id=$(aws ssm send-command{region} --instance-ids {instance} --document-name {DOCUMENT} "
            f"--parameters {parameters} --query Command.CommandId --output text)",
            f'aws ssm wait command-executed{region} --command-id "$id" --instance-id {instance}',
            f'aws ssm get-command-invocation{region} --command-id "$id" --instance-id {instance} '
            "--query StandardOutputContent --output text | gmsa-doctor explain -",
        )


@dataclass(frozen=True)
class JournalConversation:
    """The user interface: asks for confirmation, says what goes on, and shows the commands to run by hand."""

    agree: Callable[[JournalPlan], bool]
    say: Callable[[str], None]
    by_hand: Callable[[Sequence[str]], None]
    watch: check.Watch


def run(
    request: Request,
    registry: Registry,
    user: JournalConversation,
    *,
    triage: Triage | None = None,
    pace: Pace | None = None,
    keep: check.Keep | None = None,
) -> Report:
    """Check the service, and read the journals of its container instances. Raises UsageError if it has none."""
    started = time.monotonic()
    selection = Selection(request, registry)
    attempt = check.attempt(request, registry, user.watch)
    if keep:
        keep(attempt)
    plan = _plan(attempt)
    journals: InstanceJournals | Finding = skipped("not read: not confirmed")
    if user.agree(plan):
        journals = _read(plan, attempt, time.monotonic() + _SECONDS, user.say, pace or Pace())
    if isinstance(journals, Finding):
        journals = replace(journals, fix=journals.fix or Fix("Ask somebody who may run it.", plan.by_hand()))
        user.by_hand(plan.by_hand())
    first, *others = attempt.subjects
    added = replace(_finding(registry, journals), vantage="outside").rooted(request.fail_on_warning)
    subjects = (replace(first, findings=(*first.findings, added)), *others)
    records = journals.records if isinstance(journals, InstanceJournals) else ()
    subjects = check.with_evidence(attempt, subjects, request.fail_on_warning, records)
    subjects = applied(subjects, triage or Triage(), registry, selection.with_afterwards, request.fail_on_warning)
    interrupted = attempt.execution.interrupted
    return check.report_of(subjects, registry.select(request.require), interrupted, started)


def _plan(attempt: check.Attempt) -> JournalPlan:
    found = [values.get(ContainerInstances) for values in attempt.execution.values]
    names = [instance.name for value in found if isinstance(value, ContainerInstances) for instance in value.members]
    names = list(dict.fromkeys(name for name in names if name.startswith(("i-", "mi-"))))
    if not names:
        reasons = [value.summary for value in found if isinstance(value, Finding)]
        reason = reasons[0] if reasons else "its tasks do not run on EC2"
        raise UsageError(
            f"--journal: the service has no container instance that supports gMSA: {reason}. Only instances have a "
            "journal; for the logs of containers, use `gmsa-doctor check --logs`"
        )
    return JournalPlan(tuple(names[:_MOST]), len(names), _ecs(attempt).aws.region or "")


def _ecs(attempt: check.Attempt) -> Ecs:
    ecs = attempt.cases[0].given[Ecs]
    assert isinstance(ecs, Ecs)  # noqa: S101 - it has described the instances
    return ecs


def _read(
    plan: JournalPlan, attempt: check.Attempt, ends: float, say: Callable[[str], None], pace: Pace
) -> InstanceJournals | Finding:
    """The journals of the instances; a finding if the script could not be started."""
    client = RunCommand(_ecs(attempt).aws)
    try:
        command = client.send(plan.instances, SCRIPT, _SECONDS)
    except ClientError as error:
        return replace(error.finding(), summary=f"the journals were not read: {error.text}")
    say(f"reading the journals of {', '.join(plan.instances)}")
    journals: dict[str, InstanceJournal] = {}
    records: list[Record] = []
    while True:
        for instance in plan.instances:
            if instance not in journals and (ended := _ended(client, command, instance)):
                journals[instance], found = ended
                records += found
        if len(journals) == len(plan.instances) or time.monotonic() + pace.poll > ends:
            break
        time.sleep(pace.poll)
    left = f"the script did not end within {_SECONDS} s; is the Systems Manager agent running?"
    complete = [journals.get(name) or InstanceJournal(name, problem=left) for name in plan.instances]
    return InstanceJournals(tuple(complete), tuple(records))


def _ended(client: RunCommand, command: str, instance: str) -> tuple[InstanceJournal, list[Record]] | None:
    try:
        invocation = client.ended(command, instance)
    except ClientError as error:
        return InstanceJournal(instance, problem=error.text), []
    return _of_output(instance, invocation) if invocation else None


def _of_output(instance: str, invocation: Invocation) -> tuple[InstanceJournal, list[Record]]:
    found = read_journal(invocation.output)
    if invocation.status != "Success" and not (found.journal or found.daemon):
        text = redacted(" ".join(invocation.error.split()))[:200]
        return InstanceJournal(instance, problem=f"the script ended with {invocation.status}: {text}"), []
    logs = {"the journal": found.journal, "the agent's log": found.agent_log}
    records = [
        Record(_JOURNAL, f"{name} of {instance}", *known) for name, log in logs.items() if (known := known_lines(log))
    ]
    return InstanceJournal(instance, found.daemon, found.agent, tuple(map(redacted, found.settings))), records


def _finding(registry: Registry, journals: InstanceJournals | Finding) -> Finding:
    ids = registry.needing(frozenset({InstanceJournals}))
    checks = Registry([declared for declared in registry.checks if declared.id in ids])
    (findings,) = engine.execute(checks, [Case("run", {InstanceJournals: journals})], seconds=60).findings
    return next(finding for finding in findings if finding.check == _JOURNAL)
