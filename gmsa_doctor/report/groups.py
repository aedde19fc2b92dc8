"""Under which heading the reports for people list a finding: the documented causes, then what is around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gmsa_doctor.core.model import Cause, Finding

_CAUSES = {
    Cause.TASK_DEFINITION: "Cause 1: the task definition",
    Cause.CREDSPEC: "Cause 2: the CredSpec and its secret",
    Cause.CREDENTIALS: "Cause 3: the credentials in the secret",
    Cause.DHCP_OPTIONS: "Cause 4: the DHCP options",
}
_AREAS = {
    "The task definition and its role": (
        "task-definition",
        "execution-role",
        "credspec",
        "container-instances",
        "instance-role",
        "service",
        "log-group",
    ),
    "The network": ("dhcp-options", "resolver-rule", "directory-service", "network-path", "network-access", "network"),
    "The domain controllers": ("domain-controllers",),
    "Kerberos and the directory": ("kerberos", "directory", "user", "gmsa", "permission"),
    "SQL Server": ("sql-server",),
    "The tasks that were started": ("probe", "canary"),
}
"""Of findings without a documented cause, by the area of their check."""
_REST = "Around them"
_ORDER = (*_CAUSES.values(), *_AREAS, _REST)


def grouped(findings: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """The headings that have findings, in the order of the report, with these."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(_heading(finding), []).append(finding)
    yield from ((heading, found[heading]) for heading in _ORDER if heading in found)


def _heading(finding: Finding) -> str:
    if finding.cause is not None:
        return _CAUSES[finding.cause]
    area = finding.check.partition(".")[0]
    return next((heading for heading, areas in _AREAS.items() if area in areas), _REST)
