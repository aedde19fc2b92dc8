"""The steps from task definition to ticket, in the order of Credentials Fetcher: each with the worst of its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Cause, Finding, Status
from gmsa_doctor.core.severity import BAD, worst
from gmsa_doctor.report.findings import PROOF
from gmsa_doctor.report.tags import Html, icon, join, tag


@dataclass(frozen=True)
class _Step:
    """The pass of ``proof`` is what shows that the step can be done."""

    name: str
    detail: str
    proof: CheckId
    cause: Cause | None = None
    optional: bool = False


_BIND, _SERVICE_TICKET = CheckId("directory.bind"), CheckId("kerberos.service-ticket")
_STEPS = (
    _Step("Task definition", "names the CredSpec", CheckId("task-definition.prefix"), Cause.TASK_DEFINITION),
    _Step("CredSpec", "read by its ARN", CheckId("credspec.names"), Cause.CREDSPEC),
    _Step("Secret", "in Secrets Manager", CheckId("secret.fields"), Cause.CREDENTIALS),
    _Step("DNS", "by the DHCP options", CheckId("dns.domain-controllers"), Cause.DHCP_OPTIONS),
    _Step("User logon", "at the KDC", CheckId("kerberos.user-ticket")),
    _Step("LDAP bind", "at a domain controller", _BIND),
    _Step("gMSA password", "read from the directory", CheckId("directory.managed-password")),
    _Step("gMSA ticket", "for the container", PROOF),
    _Step("Service ticket", "for the SPN", _SERVICE_TICKET, optional=True),
)
_ROLE = (CheckId("execution-role.present"), CheckId("execution-role.trust"))
_CHECKS = {
    "Task definition": ("task-definition", "container-instances", *_ROLE),
    "CredSpec": ("credspec", CheckId("execution-role.credspec"), CheckId("network-path.s3")),
    "Secret": ("secret", "instance-role", CheckId("execution-role.secret"), CheckId("network-path.secrets-manager")),
    "DNS": ("dhcp-options", "resolver-rule", "directory-service", "dns"),
    "User logon": ("network", "network-access", "domain-controllers", "user", "kerberos"),
    "LDAP bind": (CheckId("network.ldap"), _BIND),
    "gMSA password": ("directory", "gmsa", "permission"),
    "gMSA ticket": (PROOF, "canary"),
    "Service ticket": (_SERVICE_TICKET, CheckId("canary.service-ticket"), "sql-server"),
}
"""The ids and areas of each step.

An id belongs to the step that has it, otherwise to the one that has its area, otherwise to the one of its cause.
"""

_OWN_AREAS = frozenset({"probe"})
"""Areas of checks that look after the run itself, not after a step."""

Link = Callable[[Finding], str]
"""Where in the page a finding stands."""


def draw(findings: Sequence[Finding], link: Link) -> Html:
    """The list of steps, and under it the problems that belong to none: the run's own, and those of plug-ins."""
    steps = list(_steps(findings))
    broken = next((step for step, status, _ in steps if status is Status.FAIL), None)
    items = [_item(step, status, of_step, link, step is broken) for step, status, of_step in steps]
    others = [
        tag("li", icon(finding.status), " ", tag("a", finding.check, href=link(finding)), f" {finding.status}")
        for finding in findings
        if finding.status in BAD and _step(finding) is None
    ]
    beside = tag("div", tag("p", "Beside the way:"), tag("ul", *others), class_="beside") if others else None
    return join([tag("ol", *items, class_="way"), beside])


def _steps(findings: Sequence[Finding]) -> Iterator[tuple[_Step, Status | None, list[Finding]]]:
    """The steps, each with its status (None: nothing of it is in the report) and its findings."""
    for step in _STEPS:
        of_step = [finding for finding in findings if _step(finding) is step]
        of_step = [
            finding for finding in of_step if finding.summary != NOT_SELECTED or finding.status is not Status.SKIPPED
        ] or of_step
        if of_step or not step.optional:
            yield step, _status(step, of_step), of_step


def _step(finding: Finding) -> _Step | None:
    area = finding.check.partition(".")[0]
    for name in (finding.check, area):
        for step in _STEPS:
            if name in _CHECKS[step.name]:
                return step
    if finding.cause is None or area in _OWN_AREAS:
        return None
    return next((step for step in _STEPS if step.cause is finding.cause), None)


def _status(step: _Step, findings: Sequence[Finding]) -> Status | None:
    """The worst; but whether a step without a problem is a pass, its proof decides: None if it is not there."""
    status = _worst(findings).status if findings else None
    if status not in (Status.SKIPPED, Status.PASS):
        return status
    proof = next((finding.status for finding in findings if finding.check == step.proof), None)
    return proof or (status if status is Status.SKIPPED else None)


def _worst(findings: Sequence[Finding]) -> Finding:
    return worst(sorted(findings, key=lambda finding: not finding.root))


def _item(step: _Step, status: Status | None, findings: Sequence[Finding], link: Link, is_broken: bool) -> Html:
    shown = status or Status.SKIPPED
    problems = [finding for finding in findings if finding.status in BAD]
    parts = (
        tag("span", tag("a", step.name, href=link(_worst(problems))) if problems else step.name, class_="name"),
        tag("span", step.detail, class_="detail"),
        tag("span", _word(status, findings), class_="state"),
        tag("span", "It breaks here", class_="here") if is_broken else None,
    )
    return tag(
        "li",
        tag("span", icon(shown), class_="dot"),
        tag("span", join(parts, " "), class_="step"),
        class_=f"{shown}{' broken' if is_broken else ''}",
    )


def _word(status: Status | None, findings: Sequence[Finding]) -> str:
    if status is None:
        return "not proven" if findings else "no finding"
    if status is not Status.SKIPPED:
        return status
    skips = [finding for finding in findings if finding.status is Status.SKIPPED]
    if any(skip.because for skip in skips):
        return "not reached"
    return "not selected" if all(skip.summary == NOT_SELECTED for skip in skips) else "not asked"
