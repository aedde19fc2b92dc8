"""How a finding gives way to others that report the fault already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, Union

from gmsa_doctor.core.check_id import CheckFunction, CheckId
from gmsa_doctor.core.model import Finding, Fix, Status

Reference: TypeAlias = Union[Finding, CheckId, CheckFunction[..., Any]]  # noqa: UP007 - not with CheckFunction in 3.11
"""A check that another finding gives way to: its finding, its id or its function."""


def deferred_to(
    others: Reference | Iterable[Reference], reason: str | Finding = "", *, fix: Fix | None = None
) -> Finding:
    """What other checks report already: skipped because of them, or of what these are skipped because of.

    ``reason`` is the summary; without one, the summary lists the checks. If it is a finding, the other check reports
    that one as its own. If ``others`` are findings that no check has raised (values that were not given), the first
    of them is the reason.
    """
    references = _references(others)
    if isinstance(reason, Finding):
        return replace(reason, check=_id(references[0]))
    because = root_ids(references)
    first = references[0] if references else None
    if not because and not reason and isinstance(first, Finding):
        return replace(first, check="")
    return Finding(Status.SKIPPED, reason or _summary(because), fix=fix, because=because)


def with_one_root_per_fault(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Of several findings with the same fault, the one with the shortest summary is the root cause of the others.

    It is the client's own error, without what the check would have done with the answer.
    """
    all_findings = tuple(findings)
    roots: dict[str, Finding] = {}
    shared = [finding for finding in all_findings if finding.root and finding.fault]
    for finding in sorted(shared, key=lambda finding: len(finding.summary)):
        roots.setdefault(str(finding.fault), finding)
    root_of = {finding.check: roots[str(finding.fault)].check for finding in shared}
    root_of = {id: root for id, root in root_of.items() if id != root}
    return tuple(_behind(finding, root_of) for finding in all_findings) if root_of else all_findings


def _behind(finding: Finding, root_of: Mapping[str, str]) -> Finding:
    if finding.check in root_of:
        return replace(finding, root=False, because=(root_of[finding.check],))
    because = tuple(dict.fromkeys(root_of.get(id, id) for id in finding.because))
    if because == finding.because:
        return finding
    summary = _summary(because) if finding.summary == _summary(finding.because) else finding.summary
    return replace(finding, because=because, summary=summary)


def _summary(because: tuple[str, ...]) -> str:
    return f"skipped because of {', '.join(because)}"


def root_ids(others: Reference | Iterable[Reference]) -> tuple[str, ...]:
    """The ids of these checks; in place of one that was skipped because of others, the ids of those."""
    ids: dict[str, None] = {}
    for other in _references(others):
        if isinstance(other, Finding) and other.status is Status.SKIPPED and other.because:
            ids |= dict.fromkeys(other.because)
        elif id := _id(other):
            ids[id] = None
    return tuple(ids)


def _references(others: Reference | Iterable[Reference]) -> list[Reference]:
    if isinstance(others, (Finding, CheckId)) or callable(others):
        return [others]
    return list(others)


def _id(reference: Reference) -> str:
    if isinstance(reference, CheckId):
        return reference
    return reference.check if isinstance(reference, Finding) else reference.id
