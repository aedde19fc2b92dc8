"""From ports that are closed to a finding: what stops every task, what only some, and what costs time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Finding, Fix, Row, ShowsAs, Status, failed, passed, warned
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.network_access.values import Closed, Host, Hosts, Judged, Need

ANYWHERE = ""
"""The subnet of what holds for all of them."""

_SHOWS: dict[Need, ShowsAs] = {
    Need.DNS: texts.NO_DNS,
    Need.KERBEROS: texts.USER_TICKET,
    Need.LDAP: texts.BIND,
}
_SEEN_BY = {
    Need.DNS: "dns.domain-controllers",
    Need.KERBEROS: "network.kerberos",
    Need.LDAP: "network.ldap",
}
"""The checks that see what is deduced here from configuration."""
_NAMED = 4
"""So many are named; of the others the number."""


@dataclass(frozen=True)
class Question:
    """What is judged: the hosts, the subnets (or only :data:`ANYWHERE`), and what is closed."""

    hosts: Hosts
    subnets: tuple[str, ...]
    closed: tuple[Closed, ...]


def out_of_reach(question: Question) -> tuple[Need, ...]:
    """What tasks of no subnet get from any host."""
    by_subnet = [_lacking(question, subnet) for subnet in question.subnets]
    return tuple(need for need in Need if by_subnet and all(need in lacking for lacking in by_subnet))


def _lacking(question: Question, subnet: str) -> tuple[Need, ...]:
    """What a task of a subnet gets from no host: each has a port closed that it requires."""
    closed = {(one.host.address, one.port) for one in question.closed if one.subnet == subnet and one.certain}
    asked = [(host, port) for host in question.hosts.hosts for port in host.ports if port.required]
    lacking = []
    for need in Need:
        of_need = [(host.address, port) for host, port in asked if port.need is need]
        addresses = {address for address, _ in of_need}
        shut = {address for address, port in of_need if (address, port) in closed}
        if addresses and addresses == shut and all(port.certain for _, port in of_need):
            lacking.append(need)
    return tuple(lacking)


def verdict(
    question: Question,
    fine: str,
    fix: Callable[[Sequence[Closed]], Fix],
    seen_open: Callable[[Need], bool],
) -> tuple[Judged, Finding]:
    """The finding, and what is out of reach because of it.

    ``fine`` is what a pass says. ``seen_open`` tells whether what is deduced to be closed was seen to be open, from
    the task's own network.
    """
    closed = question.closed
    rows = _rows(question)
    if not closed:
        return Judged(), passed(fine, rows=rows if len(question.subnets) > 1 else ())
    dead = [subnet for subnet in question.subnets if _lacking(question, subnet)]
    what = told(closed)
    if question.subnets and len(dead) == len(question.subnets):
        needs = tuple(dict.fromkeys(need for subnet in dead for need in _lacking(question, subnet)))
        summary = f"tasks cannot reach {_needs(needs)} of {question.hosts.domain}: {what}"
        if any(seen_open(need) for need in needs):
            return Judged(), warned(
                f"{summary}; but from inside it was seen to be open",
                expected=_expected(closed),
                fix=fix(closed),
                rows=rows,
            )
        return Judged(out_of_reach(question)), failed(
            summary,
            expected=_expected(closed),
            fix=fix(closed),
            shows_as=next((_SHOWS[need] for need in needs if need in _SHOWS), None),
            rows=rows,
            overruled_by=_evidence(needs),
        )
    return Judged(), warned(
        _partial(question, dead, what),
        expected=_expected(closed),
        fix=fix(closed),
        rows=rows,
    )


def _evidence(needs: Sequence[Need]) -> str | None:
    """The check whose pass from inside contradicts: of Kerberos or LDAP, since a name may be answered elsewhere."""
    return next((_SEEN_BY[need] for need in (Need.KERBEROS, Need.LDAP, Need.DNS) if need in needs), None)


def _partial(question: Question, dead: Sequence[str], what: str) -> str:
    """Why it is only a warning."""
    closed = question.closed
    if dead:
        return (
            f"tasks in {listed(dead)} ({len(dead)} of {len(question.subnets)} subnets) cannot reach "
            f"{question.hosts.domain}, so that tasks fail now and then: {what}"
        )
    if all(not one.port.required for one in closed):
        return f"{_loss(closed)}: {what}"
    if any(one.ipv6 for one in closed) and all(not one.certain or not one.port.required for one in closed):
        return f"{what}; they may be reached by IPv6, which is not judged"
    if all(one.partly or not one.port.required for one in closed):
        return f"connections to {question.hosts.domain} fail now and then: {what}"
    if all(not one.port.certain or not one.port.required for one in closed):
        return f"{what}; whether tasks ask just these hosts is not known"
    shut = {one.host.address for one in closed if one.port.required}
    return (
        f"{len(shut)} of {len(question.hosts.hosts)} hosts of {question.hosts.domain} cannot be reached by all: {what}"
    )


def _loss(closed: Iterable[Closed]) -> str:
    needs = {one.port.need for one in closed}
    losses = []
    if Need.DNS in needs:
        losses.append("large answers of DNS, which need TCP, are lost")
    if Need.KERBEROS in needs:
        losses.append("Kerberos asks by UDP first and loses seconds before it asks by TCP")
    return " and ".join(losses)


# Words ----------------------------------------------------------------------------------------------


def told(closed: Iterable[Closed]) -> str:
    """What is closed, and why, with ports and hosts of one reason together."""
    by_why: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for one in closed:
        ports, addresses = by_why.setdefault((one.subnet, one.why), ([], []))
        ports.append(str(one.port))
        addresses.append(one.host.address)
    merged: dict[tuple[str, str, str], list[str]] = {}
    for (subnet, why), (ports, addresses) in by_why.items():
        key = (why, ", ".join(dict.fromkeys(ports)), listed(dict.fromkeys(addresses)))
        merged.setdefault(key, []).append(subnet)
    return "; ".join(
        f"{ports} to {addresses}{_from(subnets)}: {why}" for (why, ports, addresses), subnets in merged.items()
    )


def _from(subnets: Sequence[str]) -> str:
    return "" if ANYWHERE in subnets else f" from {listed(subnets)}"


def listed(items: Iterable[str]) -> str:
    """The first few of them, and how many more there are."""
    all_ = list(items)
    more = f" and {len(all_) - _NAMED} more" if len(all_) > _NAMED else ""
    return ", ".join(all_[:_NAMED]) + more


def _needs(needs: Sequence[Need]) -> str:
    return " and ".join([", ".join(needs[:-1]), needs[-1]] if len(needs) > 1 else needs)


def _expected(closed: Sequence[Closed]) -> str:
    ports = dict.fromkeys(str(one.port) for one in closed)
    return f"{', '.join(ports)} open to {listed(dict.fromkeys(one.host.address for one in closed))}"


def _rows(question: Question) -> tuple[Row, ...]:
    if question.subnets == (ANYWHERE,):
        return tuple(_row_of_host(one, question.closed) for one in question.hosts.hosts)
    rows = []
    for subnet in question.subnets:
        closed = [one for one in question.closed if one.subnet == subnet]
        status = Status.FAIL if _lacking(question, subnet) else Status.WARN
        rows.append(
            Row(subnet, status, told(_anywhere(closed))) if closed else Row(subnet, Status.PASS, "nothing in the way")
        )
    return tuple(rows)


def _anywhere(closed: Iterable[Closed]) -> tuple[Closed, ...]:
    return tuple(replace(one, subnet=ANYWHERE) for one in closed)


def _row_of_host(host: Host, closed: Iterable[Closed]) -> Row:
    own = [one for one in closed if one.host == host]
    if not own:
        return Row(str(host), Status.PASS, ", ".join(map(str, host.ports)))
    status = Status.FAIL if any(one.port.required and one.certain for one in own) else Status.WARN
    by_why = {why: ", ".join(str(one.port) for one in own if one.why == why) for why in dict.fromkeys(map(_why, own))}
    return Row(str(host), status, "; ".join(f"{ports}: {why}" for why, ports in by_why.items()))


def _why(closed: Closed) -> str:
    return closed.why
