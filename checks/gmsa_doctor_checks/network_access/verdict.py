"""From obstacles to a finding: what blocks every task, what blocks some, and what costs time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import (
    CheckId,
    Fix,
    Given,
    Outcome,
    Row,
    ShowsAs,
    Status,
    bundle,
    failed,
    in_words,
    listed,
    passed,
    warned,
)
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.packet_filter import Protocol
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.network_access.values import Host, Hosts
from gmsa_doctor_checks.reachability.flow import ANY_SUBNET, Need
from gmsa_doctor_checks.reachability.obstacles import B, Extent, Obstacle

_SHOWS: dict[Need, ShowsAs] = {Need.DNS: texts.NO_DNS, Need.KERBEROS: texts.USER_TICKET, Need.LDAP: texts.BIND}
_SEEN_BY = {
    Need.KERBEROS: CheckId("network.kerberos"),
    Need.LDAP: CheckId("network.ldap"),
    Need.DNS: CheckId("dns.domain-controllers"),
}
"""The checks that observe what is deduced here; DNS is last, since another server may answer for a name."""


@bundle
@dataclass(frozen=True)
class FromInside:
    """TCP, and where it is used from.

    Only the inside counts: a port that is open to another machine, as with ``--dns-server``, proves nothing about the
    task's subnets and security groups.
    """

    tcp: Outcome[Tcp]
    vantage: Vantage

    def sees(self, hosts: Hosts, need: Need) -> bool:
        """Whether a task reaches a need on one of the hosts."""
        tcp = self.tcp.value
        if not self.vantage.inside or tcp is None:
            return False
        if need is Need.DNS:
            return hosts.answered and self.vantage.own_resolver
        ends = [
            (flow.destination, flow.port.number)
            for flow in hosts.flows(ANY_SUBNET)
            if flow.port.need is need and flow.port.protocol is Protocol.TCP
        ]
        return any(not isinstance(answer, ClientError) for _, answer in each(ends, lambda end: tcp.connect(*end)))


@dataclass(frozen=True)
class BlockedFlows:
    """The hosts, the subnets (or only :data:`ANY_SUBNET`), and what blocks flows between them."""

    hosts: Hosts
    subnets: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]

    def of_subnet(self, subnet: str) -> tuple[Obstacle, ...]:
        """The obstacles of a subnet."""
        return tuple(obstacle for obstacle in self.obstacles if obstacle.flow.subnet == subnet)

    def unmet(self, subnet: str) -> tuple[Need, ...]:
        """The needs that a task in a subnet cannot reach: on each host a required port is blocked."""
        blocked = {obstacle.flow for obstacle in self.of_subnet(subnet) if obstacle.certain}
        required = [flow for flow in self.hosts.flows(subnet) if flow.port.required]
        unmet = []
        for need in Need:
            flows = [flow for flow in required if flow.port.need is need]
            closed = {flow.destination for flow in flows if flow in blocked}
            if flows and closed == {flow.destination for flow in flows} and all(flow.port.certain for flow in flows):
                unmet.append(need)
        return tuple(unmet)

    @property
    def out_of_reach(self) -> tuple[Need, ...]:
        """The needs that tasks of no subnet can reach."""
        by_subnet = [self.unmet(subnet) for subnet in self.subnets]
        return tuple(need for need in Need if by_subnet and all(need in unmet for unmet in by_subnet))


def verdict(
    kind: type[B],
    blocked: BlockedFlows,
    pass_text: str,
    fix: Callable[[Sequence[Obstacle]], Fix],
    seen_open: Callable[[Hosts, Need], bool],
) -> Given[B]:
    """The finding, and the needs that it puts out of reach.

    ``seen_open``: whether a connection from the task's own network reached a need that seems to be blocked.
    """
    obstacles, hosts, rows = blocked.obstacles, blocked.hosts, _rows(blocked)
    if not obstacles:
        return Given(kind(), passed(pass_text, rows=rows if len(blocked.subnets) > 1 else ()))
    blockage = kind(faults=tuple(dict.fromkeys(obstacle.fault for obstacle in obstacles)))
    ports = ", ".join(dict.fromkeys(str(obstacle.flow.port) for obstacle in obstacles))
    expected = f"{ports} open to {listed(dict.fromkeys(obstacle.flow.destination for obstacle in obstacles))}"
    dead = [subnet for subnet in blocked.subnets if blocked.unmet(subnet)]
    if not dead or len(dead) < len(blocked.subnets):
        summary = _partial(blocked, dead)
        return Given(blockage, warned(summary, expected=expected, fix=fix(obstacles), rows=rows))
    needs = tuple(dict.fromkeys(need for subnet in dead for need in blocked.unmet(subnet)))
    finding = failed(
        f"tasks cannot reach {in_words(needs)} of {hosts.domain}: {_reasons(obstacles, several=len(needs) > 1)}",
        observed=f"blocked: {explained(obstacles)}",
        expected=expected,
        fix=fix(obstacles),
        shows_as=next((_SHOWS[need] for need in needs if need in _SHOWS), None),
        rows=rows,
        overruled_by=next((check for need, check in _SEEN_BY.items() if need in needs), None),
    )
    if any(seen_open(hosts, need) for need in needs):
        return Given(blockage, finding.overruled("a connection from inside the task's network succeeded"))
    return Given(replace(blockage, out_of_reach=blocked.out_of_reach), finding)


def _partial(blocked: BlockedFlows, dead: Sequence[str]) -> str:
    domain, why = blocked.hosts.domain, explained(blocked.obstacles)
    required = [obstacle for obstacle in blocked.obstacles if obstacle.flow.port.required]
    if dead:
        share = f"{len(dead)} of {len(blocked.subnets)} subnets"
        return f"tasks in {listed(dead)} ({share}) cannot reach {domain}, so tasks fail intermittently: {why}"
    if not required:
        return f"{_loss(blocked.obstacles)}: {why}"
    extents = {obstacle.extent for obstacle in blocked.obstacles}
    if Extent.IPV4 in extents and not any(obstacle.certain for obstacle in required):
        return f"{why}; the hosts may be reachable over IPv6, which is not checked"
    if all(obstacle.extent is Extent.PART for obstacle in required):
        return f"connections to {domain} fail intermittently: {why}"
    if not any(obstacle.flow.port.certain for obstacle in required):
        return f"{why}; it is not known whether tasks use these hosts"
    closed = {obstacle.flow.destination for obstacle in required}
    return f"{len(closed)} of {len(blocked.hosts.hosts)} hosts of {domain} cannot be reached from all subnets: {why}"


def _loss(obstacles: Iterable[Obstacle]) -> str:
    needs = {obstacle.flow.port.need for obstacle in obstacles}
    losses = []
    if Need.DNS in needs:
        losses.append("large DNS answers, which need TCP, are lost")
    if Need.KERBEROS in needs:
        losses.append("Kerberos tries UDP first and loses seconds before it tries TCP")
    return in_words(losses)


def _reasons(obstacles: Iterable[Obstacle], *, several: bool) -> str:
    """The reasons without ports and subnets, for a summary; ``several``: they block more than one need."""
    by_text: dict[str, dict[str, None]] = {}
    for obstacle in obstacles:
        by_text.setdefault(obstacle.text, {})[obstacle.flow.destination] = None
    texts = (text.replace("no route to it", f"no route to {listed(addresses)}") for text, addresses in by_text.items())
    return "; ".join(f"{text.removesuffix(' it')} them" if several and text.endswith(" it") else text for text in texts)


def explained(obstacles: Iterable[Obstacle], *, with_subnets: bool = True) -> str:
    """What is blocked and why; ports, hosts and subnets with the same reason are grouped."""
    by_reason: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for obstacle in obstacles:
        subnet = obstacle.flow.subnet if with_subnets else ANY_SUBNET
        ports, addresses = by_reason.setdefault((subnet, obstacle.text), ({}, {}))
        ports[str(obstacle.flow.port)] = addresses[obstacle.flow.destination] = None
    merged: dict[tuple[str, str], list[str]] = {}
    for (subnet, text), (ports, addresses) in by_reason.items():
        merged.setdefault((f"{', '.join(ports)} to {listed(addresses)}", text), []).append(subnet)
    return "; ".join(
        f"{ends}{'' if ANY_SUBNET in subnets else f' from {listed(subnets)}'}: {text}"
        for (ends, text), subnets in merged.items()
    )


def _rows(blocked: BlockedFlows) -> tuple[Row, ...]:
    """A row for each host if the flows are the same for all subnets, otherwise for each subnet."""
    if blocked.subnets == (ANY_SUBNET,):
        return tuple(_row_of_host(host, blocked.obstacles) for host in blocked.hosts.hosts)
    return tuple(_row(subnet, blocked.of_subnet(subnet), bool(blocked.unmet(subnet))) for subnet in blocked.subnets)


def _row_of_host(host: Host, obstacles: Iterable[Obstacle]) -> Row:
    own = [obstacle for obstacle in obstacles if obstacle.flow.destination == host.address]
    fails = any(obstacle.flow.port.required and obstacle.certain for obstacle in own)
    return _row(str(host), own, fails) if own else host.row


def _row(name: str, obstacles: Sequence[Obstacle], fails: bool) -> Row:
    if not obstacles:
        return Row(name, Status.PASS, "not blocked")
    return Row(name, Status.FAIL if fails else Status.WARN, explained(obstacles, with_subnets=False))
