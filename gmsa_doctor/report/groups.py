"""Under which heading the reports for people tell a finding: the documented causes, then what is around them."""

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
    "task-definition": "The task definition and its role",
    "execution-role": "The task definition and its role",
    "credspec": "The task definition and its role",
    "container-instances": "The task definition and its role",
    "instance-role": "The task definition and its role",
    "service": "The task definition and its role",
    "log-group": "The task definition and its role",
    "dhcp-options": "The network",
    "resolver-rule": "The network",
    "directory-service": "The network",
    "network-path": "The network",
    "network-access": "The network",
    "network": "The network",
    "domain-controllers": "The domain controllers",
    "kerberos": "Kerberos and the directory",
    "directory": "Kerberos and the directory",
    "user": "Kerberos and the directory",
    "gmsa": "Kerberos and the directory",
    "permission": "Kerberos and the directory",
    "sql-server": "SQL Server",
    "probe": "The tasks that were started",
    "canary": "The tasks that were started",
}
"""Of findings without a documented cause, by the area of their check."""
_REST = "Around them"
_ORDER = tuple(dict.fromkeys((*_CAUSES.values(), *_AREAS.values(), _REST)))


def grouped(findings: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """The headings that have findings, in the order in which they are told, with these."""
    found: dict[str, list[Finding]] = {}
    for one in findings:
        found.setdefault(_heading(one), []).append(one)
    yield from ((heading, found[heading]) for heading in _ORDER if heading in found)


def _heading(finding: Finding) -> str:
    if finding.cause is not None:
        return _CAUSES[finding.cause]
    return _AREAS.get(finding.check.partition(".")[0], _REST)
