"""The parts of a finding as HTML: what was seen, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Finding, Fix, Status, SubjectReport
from gmsa_doctor.report.findings import checks_were, is_root_cause, skipped_because, skipped_by_reason, texts_by_version
from gmsa_doctor.report.tags import Html, badge, codes, icon, join, tag


def in_full(finding: Finding, title: str | None, anchor: str, root_link: str | None) -> Html:
    """A finding of which there is something to do; what to do may stand with its root cause at the top instead.

    Its heading is its check's title, else its id.
    """
    id = tag("code", finding.check)
    mark = tag("strong", "root cause") if is_root_cause(finding) else None
    fix_at_root = tag("p", tag("strong", "Fix: "), tag("a", "at the top", href=root_link)) if finding.fix else None
    meta = [part for part in (id if title else None, mark, *_place(finding)) if part is not None]
    return tag(
        "article",
        tag("h4", badge(finding.status), " ", title or id),
        tag("p", join(meta, " · "), class_="meta") if meta else None,
        tag("p", finding.summary, class_="summary"),
        *seen(finding),
        *([fix_at_root] if root_link else remedy(finding)),
        _documentation(finding),
        id=anchor,
        class_=f"finding {finding.status}",
    )


def seen(finding: Finding) -> Iterator[Html | None]:
    """What was seen."""
    texts = {"observed": finding.observed, "expected": finding.expected}
    parts = [part for name, text in texts.items() if text for part in (tag("dt", name), tag("dd", text))]
    yield tag("dl", *parts, class_="seen") if parts else None
    yield _rows(finding)


def remedy(finding: Finding) -> Iterator[Html | None]:
    """What to do, and what the daemon shows until it is done."""
    yield fix_of(finding.fix)
    quotes = join((join([version, tag("q", text)]) for version, text in texts_by_version(finding)), "; ")
    if quotes:
        yield tag("p", "Credentials Fetcher shows it as ", quotes, class_="shows")


def brief(finding: Finding, title: str | None) -> Iterator[Html | None]:
    """A finding of which there is nothing to do."""
    yield tag("p", title, class_="title") if title else None
    yield tag("p", finding.summary)
    yield tag("p", finding.observed) if finding.observed else None
    yield _rows(finding)
    yield tag("p", tag("code", finding.check), place(finding), class_="meta")


def _place(finding: Finding) -> Iterator[Html]:
    """Where it was seen from, and where in the files it stands."""
    if finding.vantage:
        yield tag("span", f"seen from {finding.vantage}")
    if finding.location:
        yield tag("span", "in ", tag("code", str(finding.location)))


def place(finding: Finding) -> Html:
    """The same, to follow other words."""
    return join(join([" · ", part]) for part in _place(finding))


def _rows(finding: Finding) -> Html | None:
    """The many of a kind (domain controllers, subnets) as a table."""
    if len(finding.rows) < 2:
        return None
    body = [
        tag("tr", tag("td", badge(row.status)), tag("th", row.name, scope="row"), tag("td", row.text))
        for row in finding.rows
    ]
    caption = tag("caption", f"{finding.check}, one by one", class_="unseen")
    return tag("table", caption, table_head("Status", "Name", "What was seen"), tag("tbody", *body), class_="rows")


def table_head(*names: str) -> Html:
    """The names of a table's columns."""
    return tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))


def fix_of(fix: Fix | None, word: str = "Fix") -> Html | None:
    """The sentence, and each command in a block of its own, to be copied whole."""
    if fix is None:
        return None
    commands = [
        tag("div", tag("pre", tag("code", command), class_="command"), class_="copied") for command in fix.commands
    ]
    return tag("div", tag("p", tag("strong", f"{word}: "), fix.text), *commands, class_="fix")


def _documentation(finding: Finding) -> Html | None:
    """A link, if it is one that a browser may follow: a plug-in may have put anything there."""
    if not finding.docs:
        return None
    is_safe = finding.docs.startswith(("https://", "http://"))
    link = tag("a", finding.docs, href=finding.docs, rel="noreferrer") if is_safe else finding.docs
    return tag("p", "See: ", link, class_="see")


def not_asked(subject: SubjectReport) -> Html | None:
    """What was skipped for a reason of its own, by reason, and what was skipped because of it."""
    reasons = skipped_by_reason([subject])
    hidden = [finding.check for _, finding in reasons.pop(NOT_SELECTED, [])]
    items = [_reason(reason, [skip for _, skip in skips], subject) for reason, skips in reasons.items()]
    if hidden:
        items.append(tag("li", tag("p", icon(Status.SKIPPED), f"{checks_were(hidden)} not selected: ", codes(hidden))))
    if not items:
        return None
    return tag("section", tag("h3", "Not asked"), tag("ul", *items, class_="plain"), class_="group")


def _reason(reason: str, skips: Sequence[Finding], subject: SubjectReport) -> Html:
    ids = [skip.check for skip in skips]
    all_ids = list(dict.fromkeys([*ids, *skipped_because(ids, subject.findings)]))
    return tag(
        "li",
        tag("p", icon(Status.SKIPPED), reason),
        tag("p", "Checks: ", codes(all_ids), class_="quiet"),
        fix_of(skips[0].fix, "Instead"),
    )
