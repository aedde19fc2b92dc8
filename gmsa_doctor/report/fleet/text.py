"""The report of a fleet for people: root causes, the widest first, then accounts and regions, then the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gmsa_doctor.core.model import Status
from gmsa_doctor.core.severity import listed
from gmsa_doctor.report.findings import INTERRUPTION, OWNERS, daemon_texts, is_bare, is_root_cause, same_for_others
from gmsa_doctor.report.fleet.causes import FleetCause, service_of
from gmsa_doctor.report.fleet.model import FleetReport
from gmsa_doctor.report.fleet.overview import WORDS, Cell, Gap, Overview, overview
from gmsa_doctor.report.fleet.table import status_of
from gmsa_doctor.report.text import Style, details, fix_lines

_NAMED_SERVICES = 3
_NAMED_REGIONS = 4
_GAP = "  "
"""Between two columns."""


def render(
    fleet: FleetReport,
    *,
    width: int = 80,
    color: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    ascii: bool = False,
) -> str:
    """The report as text. ``verbose`` also lists each service, ``quiet`` only the causes and the verdict."""
    style = Style(max(width, 40), color, ascii)
    shown = overview(fleet)
    blocks: list[Iterable[str]] = [_cause(cause, shown, style) for cause in shown.causes]
    if not quiet:
        blocks += [_services(shown, style)] if verbose else []
        blocks += _matrix(shown, style)
    blocks += [_not_checked(gap, shown, style) for gap in shown.gaps]
    blocks += [_verdict(shown, style, quiet=quiet)]
    return style.whole(blocks)


def _cause(cause: FleetCause, shown: Overview, style: Style) -> Iterator[str]:
    finding = cause.finding
    yield from style.marked(finding.status, f"{'Root cause' if is_root_cause(finding) else 'Unknown'}: {finding.check}")
    yield from style.wrap(finding.summary, "  ")
    names = listed(cause.services, most=_NAMED_SERVICES)
    yield from style.wrap(
        f"{cause.in_places}: {names}", "  Stops:    " if finding.status is Status.FAIL else "  Of:       "
    )
    yield from details(finding, style, "  ")
    for row in finding.rows if len(finding.rows) > 1 else ():
        yield from style.wrap(f"{row.name}: {row.text}", f"    {style.symbol(row.status)} ")
    if finding.owner and not is_bare(finding):
        yield f"  Owner:    {OWNERS[finding.owner]}"
    if finding.fix and finding.fix.commands and len(shown.names) > 1:
        yield f"  Account:  {shown.account(cause.accounts[0])}"
    yield from fix_lines(finding.fix, style, "  ")
    if len(cause.fixes) > 1:
        yield from style.wrap(same_for_others(next(iter(cause.services))), "            ")
    if texts := daemon_texts(finding):
        yield from style.wrap(texts, "  Seen as:  ")
    if not is_bare(finding):
        yield f"  More:     gmsa-doctor explain {finding.check}"


def _services(shown: Overview, style: Style) -> Iterator[str]:
    """Each subject with its worst status."""
    fleet = shown.fleet
    for subject in fleet.subjects:
        roots = [fleet.findings[number].finding for number in subject.findings]
        ids = dict.fromkeys(finding.check for finding in roots if finding.root)
        words = f": {', '.join(ids)}" if ids else ""
        yield from style.marked(status_of(fleet, subject), f"{service_of(fleet, subject)}{words}")


# Accounts and regions -----------------------------------------------------------------------------------


def _matrix(shown: Overview, style: Style) -> Iterator[Iterable[str]]:
    """How many services fail of how many, by account and region; as many regions side by side as there is room."""
    accounts, regions = shown.accounts, shown.regions
    if not accounts:
        return
    first = max(len(shown.account(id)) for id in (*accounts, "Account"))
    first = min(first, style.width // 2)
    widths = {
        region: max(len(region), *(len(_text(shown, id, region, style)) for id in accounts)) for region in regions
    }
    for columns in _fitting(regions, widths, style.width - first):
        yield _rows(shown, columns, widths, first, style)
    if hidden := len(shown.cells) - sum((id, region) in shown.cells for id in accounts for region in regions):
        shards = "1 more shard has" if hidden == 1 else f"{hidden} more shards have"
        yield style.wrap(f"{shards} no service that uses a gMSA.", "")


def _fitting(regions: Sequence[str], widths: dict[str, int], width: int) -> Iterator[list[str]]:
    columns: list[str] = []
    for region in regions:
        if columns and sum(len(_GAP) + widths[known] for known in (*columns, region)) > width:
            yield columns
            columns = []
        columns.append(region)
    yield columns


def _rows(shown: Overview, columns: Sequence[str], widths: dict[str, int], first: int, style: Style) -> Iterator[str]:
    head = (f"{region:<{widths[region]}}" for region in columns)
    yield style.paint(_GAP.join([f"{'Account':<{first}}", *head]).rstrip())
    for id in shown.accounts:
        cells = []
        for region in columns:
            text = f"{_text(shown, id, region, style):<{widths[region]}}"
            cell = shown.cells.get((id, region))
            cells.append(style.paint(text, style.code(cell.status)) if cell and _is_marked(cell) else text)
        yield _GAP.join([f"{shown.account(id)[:first]:<{first}}", *cells]).rstrip()


def _text(shown: Overview, account: str, region: str, style: Style) -> str:
    cell = shown.cells.get((account, region))
    if cell is None:
        return ""
    return f"{style.symbol(cell.status)} {cell.text}".rstrip() if _is_marked(cell) else cell.text or "-"


def _is_marked(cell: Cell) -> bool:
    """Whether it has a sign: without a failure and without a ticket there is nothing to say."""
    return cell.status in (Status.FAIL, Status.UNKNOWN, Status.PASS)


# What was not checked, and the verdict -------------------------------------------------------------------


def _not_checked(gap: Gap, shown: Overview, style: Style) -> Iterator[str]:
    place = f"{shown.account(gap.account)} in {listed(gap.regions, most=_NAMED_REGIONS)}"
    yield from style.marked(Status.UNKNOWN, f"{WORDS[gap.status].capitalize()}: {place}")
    yield from style.wrap(gap.reason, "  ")
    yield from fix_lines(gap.fix, style, "  ")


def _verdict(shown: Overview, style: Style, *, quiet: bool) -> Iterator[str]:
    fleet = shown.fleet
    if fleet.interrupted:
        yield from style.marked(Status.UNKNOWN, INTERRUPTION)
    if not quiet and (passed_over := sum(shard.passed_over for shard in fleet.shards)):
        yield from style.wrap(f"{passed_over:,} services use no gMSA and were not checked.", "")
    seconds = fleet.duration_ms / 1000
    yield from style.marked(shown.status, f"{shown.word}: {shown.summary}, in {seconds:.1f} s (run {fleet.run})")
