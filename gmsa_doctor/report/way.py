"""The way from task definition to ticket, as Credentials Fetcher goes it: each step with the worst of its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.model import Cause, Finding, Status
from gmsa_doctor.report.tags import Html, join, tag
from gmsa_doctor.report.text import NOT_SELECTED

_ICONS = {
    Status.PASS: "M3.5 8.5 6.7 11.7 12.5 4.9",
    Status.WARN: "M8 3.2V9.3M8 12.4V12.6",
    Status.FAIL: "M4.2 4.2 11.8 11.8M11.8 4.2 4.2 11.8",
    Status.UNKNOWN: "M5.3 5.6A2.7 2.7 0 1 1 8 8.4V9.6M8 12.4V12.6",
    Status.SKIPPED: "M4 8H12",
    Status.ERROR: "M4.2 4.2 11.8 11.8M11.8 4.2 4.2 11.8",
    Status.WAIVED: "M3.2 9Q5.6 5.8 8 8T12.8 7",
}
"""Strokes in a square of 16: a sign for each status, so that nothing is told by colour alone."""


@dataclass(frozen=True)
class _Step:
    """``checks`` are ids and areas; the pass of ``proof`` is what shows that the step can be done."""

    name: str
    detail: str
    checks: tuple[str, ...]
    proof: str
    cause: Cause | None = None
    optional: bool = False


_STEPS = (
    _Step(
        "Task definition",
        "names the CredSpec",
        ("task-definition", "container-instances", "execution-role.present", "execution-role.trust"),
        "task-definition.prefix",
        Cause.TASK_DEFINITION,
    ),
    _Step(
        "CredSpec",
        "read by its ARN",
        ("credspec", "execution-role.credspec", "network-path.s3"),
        "credspec.names",
        Cause.CREDSPEC,
    ),
    _Step(
        "Secret",
        "in Secrets Manager",
        ("secret", "execution-role.secret", "instance-role", "network-path.secrets-manager"),
        "secret.fields",
        Cause.CREDENTIALS,
    ),
    _Step(
        "DNS",
        "by the DHCP options",
        ("dhcp-options", "resolver-rule", "directory-service", "dns"),
        "dns.domain-controllers",
        Cause.DHCP_OPTIONS,
    ),
    _Step(
        "User logon",
        "at the KDC",
        ("network", "network-access", "domain-controllers", "user", "kerberos"),
        "kerberos.user-ticket",
    ),
    _Step("LDAP bind", "at a domain controller", ("network.ldap", "directory.bind"), "directory.bind"),
    _Step(
        "gMSA password", "read from the directory", ("directory", "gmsa", "permission"), "directory.managed-password"
    ),
    _Step("gMSA ticket", "for the container", ("kerberos.gmsa-ticket", "canary"), "kerberos.gmsa-ticket"),
    _Step(
        "Service ticket",
        "for the SPN",
        ("kerberos.service-ticket", "canary.service-ticket", "sql-server"),
        "kerberos.service-ticket",
        optional=True,
    ),
)
"""An id belongs to the step that names it, else to the one that names its area, else to the one of its cause."""

_OUR_AREAS = frozenset({"probe"})
"""Areas of ours that look after the run itself, not after a step."""

_BAD = (Status.FAIL, Status.ERROR, Status.UNKNOWN, Status.WARN)
_WORST_FIRST = (*_BAD, Status.SKIPPED, Status.WAIVED, Status.PASS)

Link = Callable[[Finding], str]
"""Where in the page a finding stands."""


def icon(status: Status) -> Html:
    """The status's sign; the word stands beside it."""
    return tag("svg", tag("use", href=f"#sign-{status}"), class_="sign", viewBox="0 0 16 16", aria_hidden="true")


def signs() -> Html:
    """The signs, once a page."""
    shapes = [
        tag("symbol", tag("path", d=path), id=f"sign-{status}", viewBox="0 0 16 16") for status, path in _ICONS.items()
    ]
    return tag("svg", *shapes, class_="signs", aria_hidden="true")


def draw(findings: Sequence[Finding], link: Link) -> Html:
    """The way as a list of steps, and under it what went wrong beside it."""
    steps = list(_walked(findings))
    broken = next((step for step, status, _ in steps if status is Status.FAIL), None)
    items = [_item(step, status, mine, link, broken) for step, status, mine in steps]
    return join([tag("ol", *items, class_="way"), _beside(findings, link)])


def _walked(findings: Sequence[Finding]) -> Iterator[tuple[_Step, Status | None, list[Finding]]]:
    """The steps, each with its status (None: nothing of it is in the report) and its findings."""
    for step in _STEPS:
        mine = [one for one in findings if _step(one) is step]
        asked = [one for one in mine if one.summary != NOT_SELECTED or one.status is not Status.SKIPPED] or mine
        if asked or not step.optional:
            yield step, _status(step, asked), asked


def _step(finding: Finding) -> _Step | None:
    area = finding.check.partition(".")[0]
    for key in (finding.check, area):
        for step in _STEPS:
            if key in step.checks:
                return step
    if finding.cause is None or area in _OUR_AREAS:
        return None
    return next((step for step in _STEPS if step.cause is finding.cause), None)


def _status(step: _Step, findings: Sequence[Finding]) -> Status | None:
    """The worst; but whether a step of which nothing went wrong is a pass, its proof tells: None if it is not there."""
    worst = _worst(findings)
    if worst is None or worst.status not in (Status.SKIPPED, Status.PASS):
        return worst.status if worst else None
    proof = next((one.status for one in findings if one.check == step.proof), None)
    return proof or (worst.status if worst.status is Status.SKIPPED else None)


def _worst(findings: Sequence[Finding]) -> Finding | None:
    return min(findings, key=lambda one: (_WORST_FIRST.index(one.status), not one.root), default=None)


def _item(step: _Step, status: Status | None, findings: Sequence[Finding], link: Link, broken: _Step | None) -> Html:
    worst = _worst(findings)
    name: Html | str = step.name
    if worst and worst.status in _BAD:
        name = tag("a", step.name, href=link(worst))
    shown = status or Status.SKIPPED
    return tag(
        "li",
        tag("span", icon(shown), class_="dot"),
        tag(
            "span",
            tag("span", name, class_="name"),
            " ",
            tag("span", step.detail, class_="detail"),
            " ",
            tag("span", _word(status, findings), class_="state"),
            join([" ", tag("span", "It breaks here", class_="here")]) if step is broken else None,
            class_="step",
        ),
        class_=f"{shown}{' broken' if step is broken else ''}",
    )


def _word(status: Status | None, findings: Sequence[Finding]) -> str:
    if status is None:
        return "not proven" if findings else "no finding"
    if status is not Status.SKIPPED:
        return status
    skips = [one for one in findings if one.status is Status.SKIPPED]
    if any(one.because for one in skips):
        return "not reached"
    return "not selected" if all(one.summary == NOT_SELECTED for one in skips) else "not asked"


def _beside(findings: Sequence[Finding], link: Link) -> Html | None:
    """What is no step of the way and did not pass: the run's own, and that of plug-ins."""
    bad = [one for one in findings if one.status in _BAD and _step(one) is None]
    if not bad:
        return None
    items = [tag("li", icon(one.status), " ", tag("a", one.check, href=link(one)), f" {one.status}") for one in bad]
    return tag("div", tag("p", "Beside the way:"), tag("ul", *items), class_="beside")
