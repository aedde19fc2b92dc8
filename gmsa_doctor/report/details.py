"""The parts of a finding as HTML: what was observed, where, who fixes it, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Finding, Fix, Status
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.report.findings import (
    OWNERS,
    checks_were,
    is_bare,
    is_root_cause,
    language,
    skipped_because,
    skipped_by_reason,
    texts_by_version,
)
from gmsa_doctor.report.fix_steps import fix_steps
from gmsa_doctor.report.page import SubjectSection
from gmsa_doctor.report.tags import Html, badge, codes, icon, join, tag

LANGUAGES = {"powershell": "PowerShell", "sh": "Shell"}
"""What runs the commands of a fix, in words."""


def in_full(finding: Finding, title: str | None, anchor: str, root_link: str | None) -> Html:
    """A finding that somebody has to act on. ``root_link``: its root cause, at the top, which has the fix."""
    mark = tag("strong", "root cause") if is_root_cause(finding) else None
    meta = [part for part in (tag("code", finding.check), title, mark, *_place(finding)) if part is not None]
    link = tag("a", "see the root cause above", href=root_link)
    fix_at_root = tag("p", tag("strong", "Fix: "), link) if finding.fix else None
    return tag(
        "article",
        tag("h4", badge(finding.status), " ", finding.summary),
        tag("p", join(meta, " · "), class_="meta"),
        *seen(finding),
        *((_owner(finding), fix_at_root) if root_link else remedy(finding)),
        documentation(finding),
        id=anchor,
        class_=f"finding {finding.status}",
        data_status=finding.status,
    )


def seen(finding: Finding) -> Iterator[Html | None]:
    """What was observed and expected, and the rows."""
    texts = {"observed": finding.observed, "expected": finding.expected}
    parts = [part for name, text in texts.items() if text for part in (tag("dt", name), tag("dd", text))]
    parts += [part for one in finding.evidence for part in (tag("dt", "evidence"), tag("dd", one.sentence))]
    yield tag("dl", *parts, class_="seen") if parts else None
    yield _rows(finding)


def remedy(finding: Finding) -> Iterator[Html | None]:
    """Who fixes it, how, and what the daemon shows until then."""
    yield _owner(finding)
    yield fix_of(finding.fix)
    quotes = join((join([version, tag("q", text)]) for version, text in texts_by_version(finding)), "; ")
    if quotes:
        yield tag("p", tag("strong", "Seen as: "), quotes, class_="shows")


def _owner(finding: Finding) -> Html | None:
    if finding.owner is None or is_bare(finding) or finding.status not in BAD:
        return None
    return tag("p", tag("strong", "Owner: "), OWNERS[finding.owner])


def brief(finding: Finding, title: str | None) -> Iterator[Html | None]:
    """A finding without anything to do."""
    yield tag("p", title, class_="title") if title else None
    yield tag("p", finding.summary)
    yield tag("p", finding.observed) if finding.observed else None
    yield _rows(finding)
    yield tag("p", tag("code", finding.check), place(finding), class_="meta")


def _place(finding: Finding) -> Iterator[Html]:
    """Where it was observed from, and its place in the files."""
    if finding.vantage:
        yield tag("span", f"seen from {finding.vantage}")
    if finding.location:
        yield tag("span", "in ", tag("code", str(finding.location)))


def place(finding: Finding) -> Html:
    """The same, to follow other words."""
    return join(join([" · ", part]) for part in _place(finding))


def _rows(finding: Finding) -> Html | None:
    """The rows (domain controllers, subnets) as a table."""
    if len(finding.rows) < 2:
        return None
    body = [
        tag("tr", tag("td", badge(row.status)), tag("th", row.name, scope="row"), tag("td", row.text))
        for row in finding.rows
    ]
    caption = tag("caption", f"{finding.check} in detail", class_="unseen")
    return tag("table", caption, table_head("Status", "Name", "Result"), tag("tbody", *body), class_="rows")


def table_head(*names: str) -> Html:
    """The names of a table's columns."""
    return tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))


def fix_of(fix: Fix | None, word: str = "Fix") -> Html | None:
    """Each step with its commands, each of them in a block of its own, to be copied whole."""
    if fix is None:
        return None
    parts: list[Html] = []
    for step in fix_steps(fix):
        begins = None if parts else tag("strong", f"{word}: ")
        parts += [tag("p", begins, step.marked), *_commands(step.commands)]
    return tag("div", *parts, class_="fix")


def _commands(commands: Sequence[str]) -> Iterator[Html]:
    for shell, same in groupby(commands, language):
        yield tag("p", LANGUAGES[shell], class_="language")
        yield from (tag("div", tag("pre", tag("code", command), class_="command"), class_="copied") for command in same)


def documentation(finding: Finding) -> Html:
    """The check's own page, and the vendor's: a link if a browser may follow it, as plug-ins may put anything there."""
    docs = finding.docs
    is_safe = docs is not None and docs.startswith(("https://", "http://"))
    link = tag("a", docs, href=docs, rel="noreferrer") if is_safe else docs
    parts = [tag("code", f"gmsa-doctor explain {finding.check}"), link]
    return tag("p", "More: ", join((part for part in parts if part), " · "), class_="see")


def not_checked(subject: SubjectSection) -> Html | None:
    """What was skipped for a reason of its own, by reason, and what was skipped because of it."""
    reasons = skipped_by_reason([subject])
    hidden = [finding.check for _, finding in reasons.pop(NOT_SELECTED, [])]
    items = [_reason(reason, [skip for _, skip in skips], subject) for reason, skips in reasons.items()]
    if hidden:
        items.append(_skipped(tag("p", icon(Status.SKIPPED), f"{checks_were(hidden)} not selected: ", codes(hidden))))
    if not items:
        return None
    return tag("section", tag("h3", "Not checked"), tag("ul", *items, class_="plain"), class_="group")


def _reason(reason: str, skips: Sequence[Finding], subject: SubjectSection) -> Html:
    """The ids of checks that were skipped for this reason can be linked to; those after them are listed elsewhere."""
    ids = dict.fromkeys(skip.check for skip in skips)
    own = [tag("code", skip.check, id=subject.anchor_of(skip)) for skip in skips]
    later = [tag("code", id) for id in skipped_because(ids, subject.findings) if id not in ids]
    return _skipped(
        tag("p", icon(Status.SKIPPED), reason),
        tag("p", "Checks: ", join([*own, *later], ", "), class_="quiet"),
        fix_of(skips[0].fix, "Next"),
    )


def _skipped(*parts: Html | None) -> Html:
    return tag("li", *parts, data_status=Status.SKIPPED)
