"""The report as a page to send to each other: one file, which loads nothing and needs no script to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gmsa_doctor.core.model import Check, Finding, Report, Status, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.core.severity import worst_first
from gmsa_doctor.report import details, finding_filter, frame, network_picture, owners, step_list
from gmsa_doctor.report.findings import (
    VERDICTS,
    all_findings,
    checks_were,
    counted,
    is_bare,
    missing_proofs,
    not_selected,
    not_using_gmsa,
    root_findings,
    same_for_others,
    status_words,
    vantages,
)
from gmsa_doctor.report.fingerprint import place
from gmsa_doctor.report.page import IN_FULL, PageRoot, ReportPage, SubjectSection, anchor_of, key
from gmsa_doctor.report.steps import grouped
from gmsa_doctor.report.tags import Html, Part, badge, codes, fact_list, icon, icons, join, tag

_OPEN_SUBJECTS = 3
"""With more subjects than these, those without a problem are folded."""
_NAMED_SUBJECTS = 12
"""The names of more subjects than these are folded, where they have one root cause."""


def render(report: Report, checks: Mapping[str, Check] | None = None) -> str:
    """The page. With the ``checks`` by their ids, findings show the title of their check."""
    report = printable(report)
    subjects = [
        SubjectSection(subject.name, subject.facts, subject.findings, number, checks or {})
        for number, subject in enumerate(report.subjects, 1)
    ]
    page = ReportPage(report, subjects, root_findings(subjects, key))
    target = "subjects" if page.many else "findings"
    parts = [
        # for keyboard users
        tag("a", f"To the {target}", href=f"#{target}", class_="jump") if subjects else None,
        icons(),
        _header(report),
        tag("main", *_beginning(page), *_subjects(page)),
        tag("footer", tag("p", f"gmsa-doctor {report.version}")),
    ]
    roots = ", ".join(report.root_causes[:2]) + (" …" if len(report.root_causes) > 2 else "")
    heading = f"{_verdict(report)[1]}{': ' if roots else ''}{roots} - {_about(report)} - gmsa-doctor"
    return frame.page(heading, parts)


# The header: the verdict and the run -----------------------------------------------------------------


def _header(report: Report) -> Html:
    status, word = _verdict(report)
    verdict = tag("span", icon(status), tag("span", word), class_=f"verdict {status}")
    counts = join([_badges(list(all_findings(report.subjects))), not_selected(report)])
    return tag(
        "header",
        tag("h1", verdict, " ", tag("span", _about(report), class_="about")),
        tag("p", counts, class_="counts"),
        fact_list(_run(report)),
    )


def _verdict(report: Report) -> tuple[Status, str]:
    return (Status.SKIPPED, "NOTHING TO CHECK") if report.nothing_to_check else VERDICTS[report.verdict]


def _about(report: Report) -> str:
    if report.nothing_to_check:
        return "no gMSA found"
    return report.subjects[0].name if len(report.subjects) == 1 else f"{len(report.subjects)} subjects"


def _run(report: Report) -> Iterator[tuple[str, Part]]:
    """When it ran, where, and how."""
    started = report.started.replace("T", " ").replace("+00:00", " UTC")
    yield "started", tag("time", started, datetime=report.started) if started else None
    yield "duration", f"{report.duration_ms / 1000:.1f} s"
    yield "seen from", vantages(report)
    yield "exit code", f"{report.exit_code:d}{' (static checks only)' if report.static else ''}"
    yield "command", tag("code", report.command) if report.command else None


def _badges(findings: Sequence[Finding]) -> Html:
    """How many findings have each status."""
    return join((badge(status, words) for status, words in status_words(findings).items()), " ")


# The beginning: what is read first -------------------------------------------------------------------


def _beginning(page: ReportPage) -> Iterator[Html | None]:
    notes = list(_notes(page.report))
    if notes:
        yield tag("div", *notes, class_="notes")
    yield _missing_proof(page)
    for decides in (True, False):
        roots = [root for root in page.roots.values() if root.decides(page.report) is decides]
        causes = [root for root in roots if root.finding.is_failure]
        open_questions = [root for root in roots if root not in causes]
        heading = f"{'Root' if decides else 'Other root'} cause{'' if len(causes) == 1 else 's'}"
        yield _roots(heading, causes, page)
        yield _roots("Unknown" if decides else "Also unknown", open_questions, page)
    yield owners.draw(page.report)
    yield _unread(page.report)
    if page.many:
        yield _index(page.subjects)
        yield _warnings(page)
        yield finding_filter.draw(page.report)


def _notes(report: Report) -> Iterator[Html]:
    if report.nothing_to_check:
        yield tag("p", "No task definition that uses a gMSA was found.")
    if report.interrupted:
        yield tag("p", "Interrupted: unfinished checks are unknown. Run the same command again.")
    if report.missing:
        yield tag("p", "Required, but skipped: ", codes(report.missing), ".")
    yield from (tag("p", text) for text in not_using_gmsa(report))
    if report.verdict is Verdict.PASS:
        yield tag("p", "The gMSA got its ticket.")


def _missing_proof(page: ReportPage) -> Html | None:
    """Why the ticket is not proven, and the commands that prove it."""
    proofs = [] if page.report.nothing_to_check else missing_proofs(page.report)
    articles = [
        tag(
            "article",
            tag("h3", proof.sentence),
            tag("p", f"Subjects: {', '.join(proof.subjects)}", class_="quiet") if page.many else None,
            details.fix_of(proof.fix, "Next"),
            tag("p", proof.for_others) if proof.for_others else None,
            class_=f"root {Status.WARN}",
        )
        for proof in proofs
    ]
    return tag("section", tag("h2", "No failure found"), *articles, class_="roots") if articles else None


def _roots(heading: str, roots: Sequence[PageRoot], page: ReportPage) -> Html | None:
    if not roots:
        return None
    return tag("section", tag("h2", heading), *(_root(root, page) for root in roots), class_="roots")


def _root(root: PageRoot, page: ReportPage) -> Html:
    finding = root.finding
    links = join((tag("a", tag("code", id), href=_link_of(root, id)) for id in root.ids), ", ")
    place = details.place(finding) if len(root.subjects) == 1 else None
    skipped = root.skipped()
    return tag(
        "article",
        tag("h3", finding.summary),
        tag("p", badge(finding.status), " ", links, place, class_="meta"),
        _subjects_of(root) if page.many else None,
        *details.seen(finding),
        *details.remedy(finding),
        tag("p", same_for_others(root.subjects[0].name)) if root.fixes[1:] else None,
        tag("p", f"{checks_were(skipped)} skipped because of it: ", codes(skipped), class_="quiet")
        if skipped
        else None,
        None if is_bare(finding) else details.documentation(finding),
        id=anchor_of(root),
        class_=f"root {finding.status}",
    )


def _subjects_of(root: PageRoot) -> Html:
    """The subjects; if they are several, each with its own place in the files."""
    links = [tag("a", subject.name, href=f"#{subject.anchor}") for subject in root.subjects]
    if len(links) > 1:
        root_key = key(root.subjects[0], root.finding)
        findings = [
            next(finding for finding in subject.findings if finding.root and key(subject, finding) == root_key)
            for subject in root.subjects
        ]
        links = [
            join([link, " in ", tag("code", str(finding.location))]) if finding.location else link
            for link, finding in zip(links, findings, strict=True)
        ]
    if len(links) <= _NAMED_SUBJECTS:
        return tag("p", "Subject: " if len(links) == 1 else "Subjects: ", join(links, ", "))
    return tag("details", tag("summary", f"{len(links)} subjects"), tag("p", join(links, ", ")), class_="names")


def _link_of(root: PageRoot, check: str) -> str:
    return next(
        subject.link(finding)
        for subject in root.subjects
        for finding in subject.findings
        if finding.check == check and finding.root
    )


def _unread(report: Report) -> Html | None:
    if not report.unread:
        return None
    items = [tag("li", tag("code", place(unread.location)), f": {unread.reason}") for unread in report.unread]
    return tag("section", tag("h2", "Files that could not be read"), tag("ul", *items), class_="unread")


def _index(subjects: Sequence[SubjectSection]) -> Html:
    """The subjects, the worst first."""
    rows = [
        tag(
            "tr",
            tag("td", badge(subject.status)),
            tag("th", tag("a", subject.name, href=f"#{subject.anchor}"), scope="row"),
            tag("td", _first_words(subject)),
        )
        for subject in sorted(subjects, key=lambda subject: (subject.status is Status.SKIPPED, worst_first(subject)))
    ]
    table = tag("table", details.table_head("Status", "Subject", "Finding"), tag("tbody", *rows), class_="index")
    return tag("nav", tag("h2", "Subjects", id="subjects"), table, aria_labelledby="subjects")


def _first_words(subject: SubjectSection) -> Part:
    of_status = [finding for finding in subject.findings if finding.status is subject.status]
    worst = next((finding for finding in of_status if finding.root), None)
    if worst is None and subject.status in IN_FULL:
        worst = of_status[0]
    return tag("a", worst.summary, href=subject.link(worst)) if worst else counted(subject.findings)


def _warnings(page: ReportPage) -> Html | None:
    """What stands in full below, and would be missed by a reader of the beginning alone."""
    items: dict[object, Html] = {}
    for subject in page.subjects:
        for finding in subject.findings:
            if finding.status is Status.WARN and not finding.root:
                link = tag("a", finding.summary, href=subject.link(finding))
                items.setdefault(key(subject, finding), tag("li", badge(finding.status), " ", link))
    if not items:
        return None
    heading = tag("h2", "Warning" if len(items) == 1 else "Warnings")
    return tag("section", heading, tag("ul", *items.values(), class_="plain"), class_="warnings")


# A subject -------------------------------------------------------------------------------------------


def _subjects(page: ReportPage) -> Iterator[Html]:
    """The subjects; of many, those without a problem are folded, after the others."""
    if not page.many:
        yield from (_only_subject(subject, page) for subject in page.subjects)
        return
    folded: list[Html] = []
    for subject in page.subjects:
        parts = _subject(subject, page)
        if len(page.subjects) > _OPEN_SUBJECTS and subject.status not in IN_FULL:
            summary = tag("summary", badge(subject.status), " ", tag("strong", subject.name))
            folded.append(tag("details", summary, *parts, class_="subject", id=subject.anchor))
        else:
            yield tag("section", tag("h2", subject.name), *parts, class_="subject", id=subject.anchor)
    if folded:
        yield tag("section", tag("h2", "No failure and no warning"), *folded, class_="quiet-subjects")


def _only_subject(subject: SubjectSection, page: ReportPage) -> Html:
    """Its name is in the page's heading."""
    return tag(
        "section",
        tag("h2", "Steps to the ticket"),
        _facts(subject),
        step_list.draw(subject.findings, subject.link),
        _warnings(page),
        network_picture.draw(subject.findings, subject.link, "h2"),
        tag("h2", "Findings", id="findings"),
        finding_filter.draw(page.report),
        *_findings(subject, page),
        id=subject.anchor,
    )


def _subject(subject: SubjectSection, page: ReportPage) -> Iterator[Html | None]:
    yield _facts(subject)
    yield tag("h3", "Steps to the ticket")
    yield step_list.draw(subject.findings, subject.link)
    yield network_picture.draw(subject.findings, subject.link, "h3")
    yield from _findings(subject, page)


def _facts(subject: SubjectSection) -> Html | None:
    """What is known of the subject; its name is in a heading, and the vantage in the page's header."""
    shown = (fact for fact in subject.facts if fact[0] not in ("subject", "vantage"))
    return fact_list((name.replace("_", " "), text) for name, text in shown)


def _findings(subject: SubjectSection, page: ReportPage) -> Iterator[Html | None]:
    for heading, findings in grouped(subject.findings):
        passes = [finding for finding in findings if finding.status is Status.PASS]
        skips = [finding for finding in findings if finding.status is Status.SKIPPED and finding.because]
        in_full = [_finding(finding, subject, page) for finding in findings if finding.status in IN_FULL]
        parts = (*in_full, _folded(passes, subject), _folded(skips, subject))
        if any(parts):
            yield tag("section", tag("h3", heading), *parts, class_="group")
    yield details.not_checked(subject)


def _finding(finding: Finding, subject: SubjectSection, page: ReportPage) -> Html:
    link = f"#{anchor_of(page.roots[key(subject, finding)])}" if finding.root else None
    return details.in_full(finding, subject.title(finding), subject.anchor_of(finding), link)


def _folded(findings: Sequence[Finding], subject: SubjectSection) -> Html | None:
    """Findings of one status."""
    if not findings:
        return None
    items = [
        tag(
            "li",
            icon(finding.status),
            tag("div", *details.brief(finding, subject.title(finding))),
            id=subject.anchor_of(finding),
            class_=str(finding.status),
            data_status=finding.status,
        )
        for finding in findings
    ]
    ids = codes([finding.check for finding in findings])
    return tag("details", tag("summary", _badges(findings), " ", ids), tag("ul", *items, class_="brief"))
