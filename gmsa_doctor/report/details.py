"""The parts of a finding as HTML: what was seen, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gmsa_doctor.core.model import Finding, Fix, Row, ShowsAs, Status
from gmsa_doctor.report import way
from gmsa_doctor.report.tags import Html, join, tag
from gmsa_doctor.report.text import NOT_SELECTED


def badge(status: Status, text: str) -> Html:
    """The status's sign and colour, with words."""
    return tag("span", way.icon(status), text, class_=f"badge {status}")


def codes(names: Sequence[str]) -> Html:
    """Ids, to be read as such."""
    return join((tag("code", one) for one in names), ", ")


def in_full(finding: Finding, title: str | None, anchor: str, top: str | None) -> Html:
    """A finding of which there is something to do; what to do may stand at the ``top`` instead.

    Its heading is its check's title, else its id.
    """
    heading = tag("h4", badge(finding.status, finding.status), " ", title or tag("code", finding.check))
    mark = tag("strong", "root cause") if finding.root and finding.status in (Status.FAIL, Status.WARN) else None
    meta = [one for one in (tag("code", finding.check) if title else None, mark, *_place(finding)) if one is not None]
    return tag(
        "article",
        heading,
        tag("p", join(meta, " · "), class_="meta") if meta else None,
        tag("p", finding.summary, class_="summary"),
        *facts(finding),
        *([_elsewhere(finding, top)] if top else remedy(finding)),
        _documentation(finding),
        id=anchor,
        class_=f"finding {finding.status}",
    )


def facts(finding: Finding) -> Iterator[Html | None]:
    """What was seen."""
    pairs = [("observed", finding.observed), ("expected", finding.expected)]
    told = [part for name, text in pairs if text for part in (tag("dt", name), tag("dd", text))]
    yield tag("dl", *told, class_="seen") if told else None
    yield _rows(finding)


def remedy(finding: Finding) -> Iterator[Html | None]:
    """What to do, and what the daemon shows until it is done."""
    yield _fix(finding.fix)
    yield _shows_as(finding.shows_as)


def brief(finding: Finding, title: str | None) -> Iterator[Html | None]:
    """A finding of which there is nothing to do."""
    meta = [tag("code", finding.check), *_place(finding)]
    yield tag("p", title, class_="title") if title else None
    yield tag("p", finding.summary)
    yield tag("p", finding.observed) if finding.observed else None
    yield _rows(finding)
    yield tag("p", join(meta, " · "), class_="meta")


def _place(finding: Finding) -> Iterator[Html]:
    """Where it was seen from, and where in the files it stands."""
    if finding.vantage:
        yield tag("span", f"seen from {finding.vantage}")
    if finding.location:
        yield tag("span", "in ", tag("code", str(finding.location)))


def place(finding: Finding) -> Html:
    """The same, to follow other words."""
    return join(join([" · ", one]) for one in _place(finding))


def _rows(finding: Finding) -> Html | None:
    """The many of a kind (domain controllers, subnets) as a table."""
    if len(finding.rows) < 2:
        return None
    body = [_row(one) for one in finding.rows]
    head = tag("tr", *(tag("th", name, scope="col") for name in ("Status", "Name", "What was seen")))
    caption = tag("caption", f"{finding.check}, one by one", class_="unseen")
    return tag("table", caption, tag("thead", head), tag("tbody", *body), class_="rows")


def _row(row: Row) -> Html:
    return tag("tr", tag("td", badge(row.status, row.status)), tag("th", row.name, scope="row"), tag("td", row.text))


def _fix(what: Fix | None, word: str = "Fix") -> Html | None:
    """The sentence, and each command in a block of its own, to be copied whole."""
    if what is None:
        return None
    commands = [tag("div", tag("pre", tag("code", one), class_="command"), class_="copied") for one in what.commands]
    return tag("div", tag("p", tag("strong", f"{word}: "), what.text), *commands, class_="fix")


def _elsewhere(finding: Finding, top: str) -> Html | None:
    return tag("p", tag("strong", "Fix: "), tag("a", "at the top", href=top)) if finding.fix else None


def _shows_as(shows: ShowsAs | None) -> Html | None:
    if shows is None or not (shows.v2 or shows.v1_3):
        return None
    texts = {"": shows.v2} if shows.v2 == shows.v1_3 else {"2.x: ": shows.v2, "1.3: ": shows.v1_3}
    told = join((join([name, tag("q", text)]) for name, text in texts.items() if text), "; ")
    return tag("p", "Credentials Fetcher shows it as ", told, class_="shows")


def _documentation(finding: Finding) -> Html | None:
    """A link, if it is one that a browser may follow: a plug-in may have put anything there."""
    if not finding.docs:
        return None
    safe = finding.docs.startswith(("https://", "http://"))
    told = tag("a", finding.docs, href=finding.docs, rel="noreferrer") if safe else finding.docs
    return tag("p", "See: ", told, class_="see")


def not_asked(findings: Sequence[Finding]) -> Html | None:
    """What was skipped for a reason of its own, by reason, and what stands behind it."""
    reasons: dict[str, list[Finding]] = {}
    for one in findings:
        if one.status is Status.SKIPPED and not one.because:
            reasons.setdefault(one.summary, []).append(one)
    hidden = reasons.pop(NOT_SELECTED, [])
    items = [_reason(reason, same, findings) for reason, same in reasons.items()]
    if hidden:
        word = "check was" if len(hidden) == 1 else "checks were"
        text = f"{len(hidden)} {word} not selected: "
        items.append(tag("li", tag("p", way.icon(Status.SKIPPED), text, codes([one.check for one in hidden]))))
    if not items:
        return None
    return tag("section", tag("h3", "Not asked"), tag("ul", *items, class_="plain"), class_="group")


def _reason(reason: str, same: Sequence[Finding], findings: Sequence[Finding]) -> Html:
    ids = [one.check for one in same]
    behind = [one.check for one in findings if set(ids) & set(one.because)]
    return tag(
        "li",
        tag("p", way.icon(Status.SKIPPED), reason),
        tag("p", "Checks: ", codes(list(dict.fromkeys([*ids, *behind]))), class_="quiet"),
        _fix(same[0].fix, "Instead"),
    )
