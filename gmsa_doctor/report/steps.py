"""The nine steps from the task definition to the ticket, each with the worst of its findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Check, Finding, Status, Step
from gmsa_doctor.core.severity import BAD, worst
from gmsa_doctor.report.findings import PROOF

T = TypeVar("T", Finding, Check)
_SERVICE_TICKET = CheckId("kerberos.service-ticket")
_STEPS = {
    Step.TASK: ("Task", "names the CredSpec", CheckId("task-definition.prefix")),
    Step.CREDSPEC: ("CredSpec", "read by its ARN", CheckId("credspec.names")),
    Step.SECRET: ("Secret", "read from Secrets Manager", CheckId("secret.fields")),
    Step.DNS: ("DNS", "finds the domain controllers", CheckId("dns.domain-controllers")),
    Step.USER_LOGON: ("User logon", "at a KDC", CheckId("kerberos.user-ticket")),
    Step.LDAP_BIND: ("LDAP bind", "at a domain controller", CheckId("directory.bind")),
    Step.GMSA_PASSWORD: ("gMSA password", "read from AD", CheckId("directory.managed-password")),
    Step.GMSA_TICKET: ("gMSA ticket", "for the container", PROOF),
    Step.SERVICE_TICKET: ("Service ticket", "for the SPN", _SERVICE_TICKET),
}
"""The name of each step, its detail, and the check whose pass proves it."""
OTHER = "Other"
"""The heading of findings that belong to no step: those of the run itself, and of plug-ins."""


@dataclass(frozen=True)
class StepState:
    """A step with its findings. ``status`` is None if nothing of it was checked, or it is not proven."""

    name: str
    detail: str
    status: Status | None
    findings: tuple[Finding, ...]
    proof: Finding | None = None
    """The finding of the check whose pass proves the step."""

    @property
    def word(self) -> str:
        """The status in a word."""
        if self.status is None:
            return "not proven" if self.findings else "not checked"
        if self.status is not Status.SKIPPED:
            return self.status
        skips = [finding for finding in self.findings if finding.status is Status.SKIPPED]
        if any(skip.because for skip in skips):
            return "not reached"
        return "not selected" if all(skip.summary == NOT_SELECTED for skip in skips) else "not checked"


def states(findings: Sequence[Finding]) -> list[StepState]:
    """The steps with their findings. The service ticket is left out if no check of it is in the report."""
    found = []
    for step, (name, detail, proof) in _STEPS.items():
        of_step = tuple(finding for finding in findings if finding.step is step)
        selected = tuple(finding for finding in of_step if not _is_not_selected(finding)) or of_step
        if step is not Step.SERVICE_TICKET or any(not _is_not_selected(finding) for finding in of_step):
            proven = next((finding for finding in selected if finding.check == proof), None)
            found.append(StepState(name, detail, _status(proven, selected), selected, proven))
    return found


def heading(step: Step | None) -> str:
    """The name of a step."""
    return _STEPS[step][0] if step else OTHER


def grouped(items: Iterable[T]) -> list[tuple[str, list[T]]]:
    """Findings or checks by step, in the order of the steps, with the heading of each group."""
    groups: dict[str, list[T]] = {heading(step): [] for step in (*Step, None)}
    for item in items:
        groups[heading(item.step)].append(item)
    return [(name, of_step) for name, of_step in groups.items() if of_step]


def broken(steps: Sequence[StepState]) -> StepState | None:
    """The first step that fails."""
    return next((step for step in steps if step.status is Status.FAIL), None)


def outside_steps(findings: Iterable[Finding]) -> list[Finding]:
    """The problems that belong to no step."""
    return [finding for finding in findings if finding.step is None and finding.status in BAD]


def worst_of(findings: Sequence[Finding]) -> Finding:
    """The worst finding, a root cause before others."""
    return worst(sorted(findings, key=lambda finding: not finding.root))


def _is_not_selected(finding: Finding) -> bool:
    return finding.status is Status.SKIPPED and finding.summary == NOT_SELECTED


def _status(proof: Finding | None, findings: Sequence[Finding]) -> Status | None:
    """The worst. Without a problem the step passes only if its proof does; None if the proof is not there."""
    status = worst_of(findings).status if findings else None
    if status not in (Status.SKIPPED, Status.PASS):
        return status
    return proof.status if proof else status if status is Status.SKIPPED else None
