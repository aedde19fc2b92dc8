"""A picture of the network from the task's subnets to the services and the domain controllers, from the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Finding, Row, Status
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.report.tags import Html, icon, join, tag

_SUBNETS = CheckId("network-path.subnets")
_MOST = 6
"""Of more subnets, route tables, endpoints or hosts than these, the others are counted."""


@dataclass(frozen=True)
class _Box:
    """A part of the network and its check. ``reads``: its pass shows the configuration, not that packets pass."""

    title: str
    check: CheckId
    reads: bool = False
    by_row: bool = False


_LANES = {
    "To AWS services": (
        (
            _Box("Security groups", CheckId("network-path.security-groups"), reads=True),
            _Box("Network ACLs", CheckId("network-path.network-acls")),
        ),
        (
            _Box("Route tables", CheckId("network-path.route-tables"), reads=True, by_row=True),
            _Box("Route out of the VPC", CheckId("network-path.way-out"), reads=True),
            _Box("VPC endpoints", CheckId("network-path.endpoints"), reads=True, by_row=True),
        ),
        (
            _Box("S3", CheckId("network-path.s3")),
            _Box("Secrets Manager", CheckId("network-path.secrets-manager")),
            _Box("ECR", CheckId("network-path.ecr")),
            _Box("CloudWatch Logs", CheckId("network-path.logs")),
        ),
    ),
    "To Active Directory": (
        (
            _Box("Security groups of the task", CheckId("network-access.security-groups")),
            _Box("Network ACLs", CheckId("network-access.network-acls")),
        ),
        (
            _Box("Routes", CheckId("network-access.routes")),
            _Box("Security groups of the hosts", CheckId("network-access.hosts-security-groups")),
        ),
        (
            _Box("Hosts", CheckId("network-access.hosts"), reads=True, by_row=True),
            _Box("DNS servers", CheckId("dns.domain-controllers")),
            _Box("Kerberos", CheckId("network.kerberos")),
            _Box("LDAP", CheckId("network.ldap")),
        ),
    ),
}
"""The columns after the subnets, for each destination: filters, routes, and what the task connects to."""
_ARROW = "M1.5 8H14M9.5 3.5 14 8 9.5 12.5"
_CROSS = "M3 3 13 13M13 3 3 13"
_CONFIGURATION = ("network-path.", "network-access.")

Link = Callable[[Finding], str]


def draw(findings: Sequence[Finding], link: Link, heading: str) -> Html | None:
    """The picture, if the report has findings about the network's configuration."""
    known = {finding.check: finding for finding in findings if finding.summary != NOT_SELECTED}
    if not any(check.startswith(_CONFIGURATION) and _is_checked(finding) for check, finding in known.items()):
        return None
    lanes = [lane for name, columns in _LANES.items() if (lane := _lane(name, columns, known, link))]
    picture = tag("div", tag("ul", *_subnets(known, link), class_="boxes"), *lanes, class_="network")
    return tag("section", tag(heading, "Network"), picture)


def _is_checked(finding: Finding) -> bool:
    return finding.status is not Status.SKIPPED


def _subnets(known: Mapping[str, Finding], link: Link) -> Iterator[Html]:
    """A box for each subnet, with the problems of which other findings have a row."""
    finding = known.get(_SUBNETS)
    if finding is None or not finding.rows:
        text = _words(finding) if finding else "not known"
        title = tag("span", "Subnets of the task", class_="name")
        yield _item(finding, link, finding.status if finding else Status.SKIPPED, title, tag("span", text))
        return
    for subnet in finding.rows[:_MOST]:
        problems = list(_problems(subnet, known))
        parts = [tag("span", subnet.name, class_="name"), tag("span", subnet.text)]
        parts += [_mark(problem) for problem in problems]
        yield _item(finding, link, problems[0].status if problems else None, *parts)
    if len(finding.rows) > _MOST:
        yield _item(finding, link, None, tag("span", f"and {len(finding.rows) - _MOST} more subnets"))


def _mark(problem: Row) -> Html:
    return tag("span", icon(problem.status), f" {problem.name}: {problem.status}", class_=f"mark {problem.status}")


def _problems(subnet: Row, known: Mapping[str, Finding]) -> Iterator[Row]:
    """Rows about the subnet that other boxes of the picture do not pass, under the title of the box."""
    for columns in _LANES.values():
        for box in (box for column in columns for box in column if box.check in known):
            for row in known[box.check].rows:
                if row.name.split(" ")[0] == subnet.name and row.status in BAD:
                    yield Row(box.title, row.status, row.text)


def _lane(name: str, columns: Sequence[Sequence[_Box]], known: Mapping[str, Finding], link: Link) -> Html | None:
    """The columns, with an arrow before each; after a column that blocks, the arrows are broken."""
    boxes = [[(box, known[box.check]) for box in column if box.check in known] for column in columns]
    if not any(_is_checked(finding) for column in boxes for _, finding in column):
        return None
    parts: list[Html] = [tag("p", name, class_="lane-name")]
    blocked = False
    for column in boxes:
        worst = min([finding.status for _, finding in column if finding.status in BAD], key=BAD.index, default=None)
        fails = worst is Status.FAIL and not blocked
        path = tag("path", d=_CROSS if fails else _ARROW)
        status = Status.SKIPPED if blocked else worst or Status.PASS
        parts.append(tag("svg", path, class_=f"arrow sign {status}", viewBox="0 0 16 16", aria_hidden="true"))
        parts.append(tag("ul", *(_box(box, finding, link) for box, finding in column), class_="boxes"))
        blocked = blocked or fails
    return tag("div", *parts, class_="lane")


def _box(box: _Box, finding: Finding, link: Link) -> Html:
    reads = box.reads and finding.status is Status.PASS
    here = tag("strong", "Blocked here", class_="here") if finding.status is Status.FAIL else None
    title = tag("span", None if reads else icon(finding.status), None if reads else " ", box.title, class_="name")
    texts = list(_by_text(finding.rows)) if box.by_row and finding.rows and reads else [_words(finding)]
    return _item(finding, link, None if reads else finding.status, title, here, *(tag("span", text) for text in texts))


def _by_text(rows: Sequence[Row]) -> Iterator[str]:
    """Rows with the same text once (route tables of several subnets); the name where the texts differ by it."""
    texts = dict.fromkeys(row.text if row.name.startswith("subnet-") else f"{row.name}: {row.text}" for row in rows)
    yield from list(texts)[:_MOST]
    if len(texts) > _MOST:
        yield f"and {len(texts) - _MOST} more"


def _words(finding: Finding) -> str:
    if finding.status is Status.SKIPPED:
        return f"not checked because of {', '.join(finding.because)}" if finding.because else "not checked"
    return finding.summary


def _item(finding: Finding | None, link: Link, status: Status | None, *parts: Html | None) -> Html:
    """A box that leads to its finding."""
    content = join(parts, " ")
    return tag("li", tag("a", content, href=link(finding)) if finding else content, class_=str(status or "reads"))
