"""The report as a page to send to each other: one file, which asks for nothing else and needs no script to be read."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.report import details, way
from gmsa_doctor.report.groups import grouped
from gmsa_doctor.report.page import IN_FULL, Page, Root, SubjectPage, Titles, key, roots
from gmsa_doctor.report.tags import Html, Part, join, tag
from gmsa_doctor.report.text import NOT_SELECTED
from gmsa_doctor.report.told import PROOF, VERDICTS, is_unproven

_OPEN_SUBJECTS = 3
"""With more subjects than these, those that have nothing to tell are folded."""
_NAMED_SUBJECTS = 12
"""The names of more subjects than these are folded, where they have one root cause."""


def render(report: Report, titles: Titles | None = None) -> str:
    """The page. ``titles`` are the checks by id: with them a finding's heading is its check's title."""
    report = printable(report)
    subjects = [SubjectPage(number, one, titles or {}) for number, one in enumerate(report.subjects, 1)]
    page = Page(report, subjects, roots(subjects))
    main = tag("main", *_beginning(page), *_subjects(page))
    parts = [
        _jump(page) if page.subjects else None,
        way.signs(),
        _header(report),
        main,
        tag("footer", tag("p", f"gmsa-doctor {report.version}, in {report.duration_ms / 1000:.1f} s")),
        Html(f"<script>{_resource('page.js')}</script>"),
    ]
    body = tag("body", Html("\n"), join(parts, "\n"), Html("\n"))
    return f"<!DOCTYPE html>\n{tag('html', _head(report), Html(chr(10)), body, lang='en')}\n"


def _head(report: Report) -> Html:
    style, script = _resource("page.css"), _resource("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    what = ", ".join(report.root_causes[:2]) + (" …" if len(report.root_causes) > 2 else "")
    title = f"{VERDICTS[report.verdict][1]}{': ' if what else ''}{what} - {_about(report)} - gmsa-doctor"
    parts = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        Html(f"<style>{style}</style>"),
    ]
    return tag("head", Html("\n"), join(parts, "\n"), Html("\n"))


def _jump(page: Page) -> Html:
    """For who reads with the keyboard."""
    what = "subjects" if page.many else "findings"
    return tag("a", f"To the {what}", href=f"#{what}", class_="jump")


def _resource(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


# The beginning: what is read first -------------------------------------------------------------------


def _header(report: Report) -> Html:
    status, word = VERDICTS[report.verdict]
    heading = tag(
        "h1",
        tag("span", way.icon(status), tag("span", word), class_=f"verdict {status}"),
        " ",
        tag("span", _about(report), class_="about"),
    )
    return tag("header", heading, tag("p", _counts(report), class_="counts"))


def _about(report: Report) -> str:
    if len(report.subjects) == 1:
        return report.subjects[0].name
    return f"{len(report.subjects)} subjects"


def _counts(report: Report) -> Html:
    hidden = sum(one.summary == NOT_SELECTED for each in report.subjects for one in each.findings)
    more = f" ({hidden} of them not selected)" if hidden else ""
    return join([_told(dict(report.counts)), more])


def _told(counts: Mapping[Status, int]) -> Html:
    return join((details.badge(status, f"{counts[status]} {status}") for status in Status if counts.get(status)), " ")


def _beginning(page: Page) -> Iterator[Html | None]:
    notes = list(_notes(page.report))
    if notes:
        yield tag("div", *notes, class_="notes")
    for first in (True, False):
        told = [one for one in page.roots.values() if page.is_told_first(one) is first]
        causes = [one for one in told if _is_root_cause(one.finding)]
        besides = "" if first else " besides"
        yield _told_roots(f"Root cause{'' if len(causes) == 1 else 's'}{besides}", causes, page)
        yield _told_roots(f"Not known{besides}", [one for one in told if one not in causes], page)
    yield _unread(page.report)
    if page.many:
        yield _index(page.subjects)
        yield _warnings(page)


def _notes(report: Report) -> Iterator[Html]:
    if not report.subjects:
        yield tag("p", "There was no subject to check.")
    if report.interrupted:
        yield tag("p", "Interrupted: what had not ended is unknown. Run the same command again.")
    if report.missing:
        yield tag("p", details.codes(report.missing), " was required, and was skipped.")
    proofs = {one.status for each in report.subjects for one in each.findings if one.check == PROOF}
    if is_unproven(report):
        yield tag("p", "The live flow was not run: that the gMSA gets its ticket is not proven.")
    elif report.verdict is Verdict.PASS and proofs == {Status.PASS}:
        yield tag("p", "The gMSA gets its ticket.")


def _is_root_cause(finding: Finding) -> bool:
    return finding.status in (Status.FAIL, Status.WARN)


def _told_roots(heading: str, these: Sequence[Root], page: Page) -> Html | None:
    if not these:
        return None
    return tag("section", tag("h2", heading), *(_root(one, page) for one in these), class_="roots")


def _root(root: Root, page: Page) -> Html:
    finding = root.finding
    links = join((tag("a", tag("code", one), href=_at(root, one)) for one in root.ids), ", ")
    place = details.place(finding) if len(root.subjects) == 1 else None
    return tag(
        "article",
        tag("h3", finding.summary),
        tag("p", details.badge(finding.status, finding.status), " ", links, place, class_="meta"),
        _of(root) if page.many else None,
        *details.facts(finding),
        *details.remedy(finding),
        _skipped_behind(root.behind()),
        tag("p", "More about it: ", tag("code", f"gmsa-doctor explain {root.ids[0]}"), class_="quiet"),
        id=root.anchor,
        class_=f"root {finding.status}",
    )


def _of(root: Root) -> Html:
    """The subjects; if they are several, each with its own place in the files."""
    links = [tag("a", one.report.name, href=f"#{one.anchor}") for one in root.subjects]
    if len(links) > 1:
        places = [root.at(one).location for one in root.subjects]
        links = [
            join([link, " in ", tag("code", str(place))]) if place else link
            for link, place in zip(links, places, strict=True)
        ]
    if len(links) <= _NAMED_SUBJECTS:
        return tag("p", "Of: ", join(links, ", "))
    return tag("details", tag("summary", f"Of {len(links)} subjects"), tag("p", join(links, ", ")), class_="of")


def _at(root: Root, check: str) -> str:
    return next(one.link(f) for one in root.subjects for f in one.report.findings if f.check == check and f.root)


def _skipped_behind(names: Sequence[str]) -> Html | None:
    if not names:
        return None
    word = "check was" if len(names) == 1 else "checks were"
    return tag("p", f"{len(names)} {word} skipped because of it: ", details.codes(names), class_="quiet")


def _unread(report: Report) -> Html | None:
    if not report.unread:
        return None
    items = [tag("li", tag("code", file), f": {reason}") for file, reason in report.unread]
    return tag("section", tag("h2", "Files that could not be read"), tag("ul", *items), class_="unread")


def _index(subjects: Sequence[SubjectPage]) -> Html:
    """The subjects, the worst first."""
    order = (*IN_FULL, Status.PASS, Status.SKIPPED)
    rows = [
        tag(
            "tr",
            tag("td", details.badge(one.status, one.status)),
            tag("th", tag("a", one.report.name, href=f"#{one.anchor}"), scope="row"),
            tag("td", _first_words(one)),
        )
        for one in sorted(subjects, key=lambda one: order.index(one.status))
    ]
    head = tag("tr", *(tag("th", name, scope="col") for name in ("Status", "Subject", "What")))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="index")
    return tag("nav", tag("h2", "Subjects", id="subjects"), table, aria_labelledby="subjects")


def _first_words(subject: SubjectPage) -> Part:
    findings = subject.report.findings
    worst = next((one for one in findings if one.root and one.status is subject.status), None) or next(
        (one for one in findings if one.status is subject.status and one.status in IN_FULL), None
    )
    if worst:
        return tag("a", worst.summary, href=subject.link(worst))
    counts = Counter(one.status for one in findings)
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])


def _warnings(page: Page) -> Html | None:
    """What is told in full below, and would be missed by who reads the beginning alone."""
    found: dict[object, Html] = {}
    for each in page.subjects:
        for one in each.report.findings:
            if one.status is Status.WARN and not one.root:
                link = tag("a", one.summary, href=each.link(one))
                found.setdefault(key(one), tag("li", details.badge(one.status, one.status), " ", link))
    if not found:
        return None
    heading = "Warning" if len(found) == 1 else "Warnings"
    return tag("section", tag("h2", heading), tag("ul", *found.values(), class_="plain"), class_="warnings")


# A subject -------------------------------------------------------------------------------------------


def _subjects(page: Page) -> Iterator[Html]:
    """The subjects; of many, those that have nothing to tell are folded, after the others."""
    if not page.many:
        yield from (_one_subject(one, page) for one in page.subjects)
        return
    quiet: list[SubjectPage] = []
    for one in page.subjects:
        if len(page.subjects) > _OPEN_SUBJECTS and one.status not in IN_FULL:
            quiet.append(one)
        else:
            yield tag("section", tag("h2", one.report.name), *_subject(one, page), class_="subject", id=one.anchor)
    if quiet:
        yield tag("section", tag("h2", "No failure and no warning"), *(_folded_subject(one, page) for one in quiet))


def _one_subject(subject: SubjectPage, page: Page) -> Html:
    """The only one: its name is in the page's heading."""
    return tag(
        "section",
        tag("h2", "The way to the ticket"),
        _facts(subject.report),
        way.draw(subject.report.findings, subject.link),
        _warnings(page),
        tag("h2", "Findings", id="findings"),
        *_findings(subject, page),
        id=subject.anchor,
    )


def _folded_subject(subject: SubjectPage, page: Page) -> Html:
    summary = tag("summary", details.badge(subject.status, subject.status), " ", tag("strong", subject.report.name))
    return tag("details", summary, *_subject(subject, page), class_="subject", id=subject.anchor)


def _subject(subject: SubjectPage, page: Page) -> Iterator[Html | None]:
    yield _facts(subject.report)
    yield tag("h3", "The way to the ticket")
    yield way.draw(subject.report.findings, subject.link)
    yield from _findings(subject, page)


def _facts(report: SubjectReport) -> Html | None:
    """What the header shows of the subject; the first fact is its name."""
    facts = [
        tag("li", tag("span", name, class_="name"), " ", tag("span", text))
        for name, text in report.facts
        if text and name != "subject"
    ]
    return tag("ul", *facts, class_="facts") if facts else None


def _findings(subject: SubjectPage, page: Page) -> Iterator[Html | None]:
    yield from (_group(subject, heading, mine, page) for heading, mine in grouped(subject.report.findings))
    yield details.not_asked(subject.report.findings)


def _group(subject: SubjectPage, heading: str, mine: Sequence[Finding], page: Page) -> Html | None:
    full = [_finding(one, subject, page) for one in mine if one.status in IN_FULL]
    passes = [one for one in mine if one.status is Status.PASS]
    behind = [one for one in mine if one.status is Status.SKIPPED and one.because]
    parts = (*full, _folded(passes, subject), _folded(behind, subject))
    if not any(parts):
        return None
    return tag("section", tag("h3", heading), *parts, class_="group")


def _finding(finding: Finding, subject: SubjectPage, page: Page) -> Html:
    root = page.root_of(finding)
    return details.in_full(
        finding, subject.title(finding), subject.anchor_of(finding), f"#{root.anchor}" if root else None
    )


def _folded(findings: Sequence[Finding], subject: SubjectPage) -> Html | None:
    if not findings:
        return None
    status = findings[0].status
    items = [
        tag(
            "li",
            way.icon(status),
            tag("div", *details.brief(one, subject.title(one))),
            id=subject.anchor_of(one),
            class_=str(status),
        )
        for one in findings
    ]
    ids = details.codes([one.check for one in findings])
    summary = tag("summary", details.badge(status, f"{len(findings)} {status}"), " ", ids)
    return tag("details", summary, tag("ul", *items, class_="brief"))
