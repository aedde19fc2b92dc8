"""The overview of a fleet as one page: root causes, accounts and regions, and each service with its findings.

A script shows the findings of a service when it is unfolded, from the same table that the JSON report has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from gmsa_doctor.core.model import Check, Finding, Status, SubjectReport
from gmsa_doctor.core.severity import WORST_FIRST
from gmsa_doctor.report import details, finding_filter, frame
from gmsa_doctor.report.findings import INTERRUPTION, is_bare, same_for_others
from gmsa_doctor.report.fleet.causes import FleetCause, service_of
from gmsa_doctor.report.fleet.model import FleetReport, FleetSubject, Shard
from gmsa_doctor.report.fleet.overview import WORDS, Cell, Gap, Overview, overview
from gmsa_doctor.report.fleet.table import facts_of, status_of
from gmsa_doctor.report.grouping import own_names
from gmsa_doctor.report.tags import Html, Part, badge, fact_list, icon, icons, join, tag

_NAMED_SERVICES = 12
"""The names of more services than these are folded."""


def render(fleet: FleetReport, checks: Mapping[str, Check] | None = None) -> str:
    """The page. With the ``checks`` by their ids, findings show the title of their check."""
    shown = overview(fleet)
    numbers = _causes_of_subjects(shown)
    parts: list[Part] = [
        tag("a", "To the services", href="#services", class_="jump"),  # for keyboard users
        icons(),
        _header(shown),
        tag("main", *_main(shown, numbers)),
        tag("footer", tag("p", f"gmsa-doctor {fleet.version}")),
        _data(shown.fleet, checks or {}),
    ]
    return frame.page(f"{shown.word}: {shown.summary} - gmsa-doctor", parts, "fleet/fleet")


def _header(shown: Overview) -> Html:
    fleet = shown.fleet
    verdict = tag("span", icon(shown.status), tag("span", shown.word), class_=f"verdict {shown.status}")
    started = fleet.started.replace("T", " ").replace("+00:00", " UTC")
    facts = (
        ("run", fleet.run),
        ("started", tag("time", started, datetime=fleet.started) if started else None),
        ("duration", f"{fleet.duration_ms / 1000:.1f} s"),
        ("exit code", f"{fleet.exit_code:d}"),
        ("command", tag("code", fleet.command) if fleet.command else None),
    )
    return tag("header", tag("h1", verdict, " ", tag("span", shown.summary, class_="about")), fact_list(facts))


def _main(shown: Overview, numbers: Mapping[int, list[int]]) -> Iterator[Html | None]:
    if shown.fleet.interrupted:
        yield tag("div", tag("p", INTERRUPTION), class_="notes")
    statuses = {cause.finding.status for cause in shown.causes}
    statuses |= {status_of(shown.fleet, subject) for subject in shown.fleet.subjects}
    yield finding_filter.draw_for(statuses, "service, account, region, check or text")
    for is_failure, heading in ((True, "Root cause"), (False, "Unknown")):
        causes = [
            _cause(number, cause, shown)
            for number, cause in enumerate(shown.causes, 1)
            if cause.finding.is_failure is is_failure
        ]
        plural = "s" if is_failure and len(causes) > 1 else ""
        yield tag("section", tag("h2", f"{heading}{plural}"), *causes, class_="roots group") if causes else None
    yield _matrix(shown)
    yield _not_checked(shown)
    yield _services(shown, numbers)


# The causes ---------------------------------------------------------------------------------------------


def _cause(number: int, cause: FleetCause, shown: Overview) -> Html:
    finding = cause.finding
    verb = "Stops " if finding.status is Status.FAIL else "Of "
    account = shown.account(cause.accounts[0]) if len(shown.names) > 1 and finding.fix else None
    return tag(
        "article",
        tag("h3", finding.summary),
        tag("p", badge(finding.status), " ", tag("code", finding.check), class_="meta"),
        _stopped(f"{verb}{cause.in_places}", cause, shown),
        *details.seen(finding),
        tag("p", tag("strong", "Account: "), account) if account else None,
        *details.remedy(finding),
        tag("p", same_for_others(next(iter(cause.services)))) if len(cause.fixes) > 1 else None,
        None if is_bare(finding) else details.documentation(finding),
        id=f"cause-{number}",
        class_=f"root {finding.status}",
        data_status=finding.status,
    )


def _stopped(words: str, cause: FleetCause, shown: Overview) -> Html:
    """How many services, with their names."""
    first: dict[str, int] = {}
    for number in cause.subjects:
        first.setdefault(service_of(shown.fleet, shown.fleet.subjects[number]), number)
    links = join((tag("a", name, href=f"#subject-{number}") for name, number in first.items()), ", ")
    if len(first) <= _NAMED_SERVICES:
        return tag("p", tag("strong", words), ": ", links)
    return tag("details", tag("summary", tag("strong", words)), tag("p", links), class_="names")


def _causes_of_subjects(shown: Overview) -> dict[int, list[int]]:
    """The numbers of a subject's causes, from 1, by the subject's."""
    found: dict[int, list[int]] = {}
    for number, cause in enumerate(shown.causes, 1):
        for subject in cause.subjects:
            found.setdefault(subject, []).append(number)
    return found


# Accounts and regions -----------------------------------------------------------------------------------


def _matrix(shown: Overview) -> Html | None:
    if not shown.accounts:
        return None
    rows = [
        tag(
            "tr",
            tag("th", shown.account(account), scope="row"),
            *(tag("td", _cell(shown.cells.get((account, region)), region)) for region in shown.regions),
        )
        for account in shown.accounts
    ]
    caption = "Services that fail, of those that use a gMSA"
    table = tag(
        "table",
        tag("caption", caption),
        details.table_head("Account", *shown.regions),
        tag("tbody", *rows),
        class_="index matrix",
    )
    scrolled = tag("div", table, class_="wide", tabindex="0", role="region", aria_label="Accounts and regions")
    return tag("section", tag("h2", "Accounts and regions"), scrolled)


def _cell(cell: Cell | None, region: str) -> Part:
    if cell is None or not cell.text:
        return None
    content = badge(cell.status, cell.text) if cell.status is not Status.WARN else cell.text
    unseen = tag("span", f" in {region}", class_="unseen")
    return tag("a", content, unseen, href=f"#{_anchor(cell.shard)}") if cell.shard.is_checked else content


def _anchor(shard: Shard) -> str:
    return f"shard-{shard.target.account}-{shard.target.region}"


def _not_checked(shown: Overview) -> Html | None:
    if not shown.gaps:
        return None
    return tag("section", tag("h2", "Not checked"), *(_gap(gap, shown) for gap in shown.gaps), class_="roots")


def _gap(gap: Gap, shown: Overview) -> Html:
    return tag(
        "article",
        tag("h3", f"{shown.account(gap.account)}: {gap.reason}"),
        tag("p", badge(Status.UNKNOWN, WORDS[gap.status]), " ", ", ".join(gap.regions), class_="meta"),
        details.fix_of(gap.fix),
        class_=f"root {Status.UNKNOWN}",
    )


# Services -----------------------------------------------------------------------------------------------


def _services(shown: Overview, numbers: Mapping[int, list[int]]) -> Html | None:
    by_shard: dict[int, list[int]] = {}
    for number, subject in enumerate(shown.fleet.subjects):
        by_shard.setdefault(subject.shard, []).append(number)
    groups = [_shard(shown, shard, subjects, numbers) for shard, subjects in by_shard.items()]
    return tag("section", tag("h2", "Services", id="services"), *groups) if groups else None


def _shard(shown: Overview, number: int, subjects: list[int], numbers: Mapping[int, list[int]]) -> Html:
    """The subjects of a shard, the worst first."""
    fleet, shard = shown.fleet, shown.fleet.shards[number]
    target, cell = shard.target, shown.cells[shard.target.account, shard.target.region]
    ordered = sorted(subjects, key=lambda index: WORST_FIRST.index(status_of(fleet, fleet.subjects[index])))
    heading = f"{shown.account(target.account)} {target.region}"
    command = f"gmsa-doctor fleet expand fleet.json --account {target.account} --region {target.region} --report html=-"
    return tag(
        "details",
        tag("summary", badge(cell.status, cell.text), " ", tag("strong", heading)),
        tag("ul", *(_subject(index, fleet, shown, numbers) for index in ordered), class_="brief"),
        tag("p", "Its whole report: ", tag("code", command), class_="quiet expand"),
        class_="group",
        id=_anchor(shard),
    )


def _subject(number: int, fleet: FleetReport, shown: Overview, numbers: Mapping[int, list[int]]) -> Html:
    subject = fleet.subjects[number]
    status = status_of(fleet, subject)
    target = fleet.shards[subject.shard].target
    links = [
        tag("a", shown.causes[cause - 1].finding.check, href=f"#cause-{cause}") for cause in numbers.get(number, ())
    ]
    return tag(
        "li",
        icon(status),
        tag(
            "div",
            tag("p", tag("strong", subject.name), tag("span", f" {target}", class_="unseen"), class_="title"),
            tag("p", join(links, ", "), class_="meta") if links else None,
        ),
        id=f"subject-{number}",
        class_=str(status),
        data_status=status,
    )


# The findings, for the script ----------------------------------------------------------------------------


def _data(fleet: FleetReport, checks: Mapping[str, Check]) -> Html:
    """What the script shows when a service is unfolded."""
    document = {
        "findings": [_finding(entry.finding, checks, is_template=entry.is_template) for entry in fleet.findings],
        "subjects": [[_placeholders(fleet, subject), *subject.findings] for subject in fleet.subjects],
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    return Html(f'<script type="application/json" id="findings">{text}</script>')


def _finding(finding: Finding, checks: Mapping[str, Check], *, is_template: bool) -> list[object]:
    title = checks[finding.check].title if finding.check in checks else ""
    fix = finding.fix
    bad = finding.status in (Status.FAIL, Status.WARN, Status.UNKNOWN, Status.ERROR)
    shown = [finding.observed, finding.expected, fix and fix.text, *(fix.commands if fix else ())] if bad else []
    return [int(is_template), finding.status, finding.check, title, finding.summary, *shown]


def _placeholders(fleet: FleetReport, subject: FleetSubject) -> dict[str, str]:
    named = SubjectReport(subject.name, facts_of(fleet, subject), ())
    return {placeholder: name for name, placeholder in own_names(named.facts).items()}
