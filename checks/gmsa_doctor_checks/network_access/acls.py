"""Network ACLs between the task and the domain controllers: both directions, at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from gmsa_doctor.authoring import Fix, Given, Outcome, Result, check, skipped
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.formats.aws.network_acl import LAST_RULE, AclDecision, AclRule, NetworkAcl, decide, read_network_acl
from gmsa_doctor.formats.aws.packet_filter import LAST_PORT, Packets
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.seen import seen_open
from gmsa_doctor_checks.network_access.values import IPV6_ALONE, Closed, Host, Hosts, Interfaces, NetworkAcls, Port
from gmsa_doctor_checks.network_access.verdict import Question, listed, verdict
from gmsa_doctor_checks.vpc_values import TaskSubnet, TaskSubnets

EPHEMERAL = (32768, 60999)
"""The ports that Linux asks from, so those on which answers arrive.

Source: https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
"""
_NUMBERS = {"tcp": 6, "udp": 17}


@dataclass(frozen=True)
class _Passed:
    """One look at an ACL: in which direction, for which packets, and what became of them."""

    acl: NetworkAcl
    egress: bool
    packets: Packets
    decision: AclDecision
    answers: bool

    @property
    def rules(self) -> tuple[AclRule, ...]:
        return self.acl.egress if self.egress else self.acl.ingress

    @property
    def stopped(self) -> bool:
        return not self.decision.passing

    @property
    def partly(self) -> bool:
        return bool(self.decision.passing and self.decision.stopped)

    @property
    def why(self) -> str:
        """A reason such as ``rule 90 of acl-1 denies it on the way out``."""
        way = "out" if self.egress else "in"
        rules = self.decision.rules
        denied = "no rule admits" if rules == ("*",) else f"rule {listed(rules)} denies"
        what = "it"
        if self.answers or self.partly:
            ports = listed(dict.fromkeys(one.ports for one, _ in self.decision.stopped))
            part = "a part of it" if not self.answers else ports
            what = f"answers to {ports}" if self.answers else part
        return f"{self.acl.id}: {denied} {what} on the way {way}"


@check(
    "network-access.network-acls",
    title="The network ACLs let packets to the domain controllers pass, and the answers",
    docs=links.NETWORK_ACLS,
    shows=(texts.USER_TICKET, texts.BIND, texts.NO_DNS),
)
def network_acls(
    subnets: TaskSubnets,
    hosts: Hosts,
    interfaces: Outcome[Interfaces],
    ec2: Ec2,
    place: AwsPlace,
    tcp: Outcome[Tcp],
    vantage: Vantage,
) -> Result[NetworkAcls]:
    """Follows the rules of the network ACLs of the task's subnets, and of those domain controllers in the same account.

    Questions go to ports 53, 88 and 389, and answers come to any port from 32768 to 60999, which is what Linux asks
    from: ACLs know of no connections, so that they must admit both.

    Why: ACLs are the filter that people forget. One that admits only a part of the return ports lets some
    connections through and others not.

    Fix: admit the ports to the domain controllers on the way out, and TCP and UDP 1024-65535 from them on the way in;
    the other way round in their subnets.
    """
    if subnets.without_ipv4:
        return skipped(IPV6_ALONE)
    acls = _Acls(ec2)
    looks: dict[tuple[str, Host, Port], _Passed] = {}
    hidden = [one.id for one in subnets.subnets if acls.of(one.id, one.vpc) is None]
    for subnet in (one for one in subnets.subnets if one.cidr):
        for host in hosts.hosts:
            other = _subnet_of(subnet, host, interfaces.value)
            if other == subnet.id:
                continue  # ACLs stand between subnets
            for port in host.ports:
                worst = _worst(_looks(acls, subnet, other, host, port))
                if worst:
                    looks[subnet.id, host, port] = worst
    if hidden and len(hidden) == len(subnets.subnets):
        return skipped(f"the network ACLs of {listed(hidden)} cannot be seen: the owner of the VPC can look at them")
    dual_stack = {one.id for one in subnets.subnets if one.ipv6}
    closed = tuple(
        Closed(subnet, host, port, look.why, look.partly, ipv6=look.acl.ipv6 and subnet in dual_stack)
        for (subnet, host, port), look in looks.items()
    )
    names = listed(dict.fromkeys(acl.id for acl in acls.seen))
    judged, finding = verdict(
        Question(hosts, tuple(one.id for one in subnets.subnets), closed),
        f"{names}: packets to {listed(one.address for one in hosts.hosts)} pass, and the answers"
        + (f"; those of {listed(hidden)} cannot be seen" if hidden else ""),
        lambda shut: _fix([looks[one.subnet, one.host, one.port] for one in shut], place),
        seen_open(hosts, tcp.value, vantage),
    )
    return Given(NetworkAcls(judged), finding)


class _Acls:
    """The network ACLs of VPCs, by subnet."""

    def __init__(self, ec2: Ec2) -> None:
        self._ec2 = ec2
        self.seen: list[NetworkAcl] = []

    def of(self, subnet: str, vpc: str) -> NetworkAcl | None:
        """The ACL that is associated with a subnet; None if it cannot be seen."""
        for raw in self._ec2.network_acls(vpc):
            if any(one.get("SubnetId") == subnet for one in raw.get("Associations", ())):
                acl = read_network_acl(raw)
                if acl not in self.seen:
                    self.seen.append(acl)
                return acl
        return None


def _subnet_of(subnet: TaskSubnet, host: Host, interfaces: Interfaces | None) -> str | None:
    """The subnet that a host lies in, if its ACL can be looked at: one of the task's own VPC."""
    if IPv4Address(host.address) in IPv4Network(subnet.cidr):
        return subnet.id
    found = interfaces.of(host.address, subnet.vpc) if interfaces else None
    return found.subnet if found else None


def _looks(acls: _Acls, subnet: TaskSubnet, other: str | None, host: Host, port: Port) -> Iterable[_Passed]:
    """The looks at the ACLs on the way to a host and back, as far as they can be seen."""
    there, here = IPv4Network(host.address), IPv4Network(subnet.cidr)
    own = acls.of(subnet.id, subnet.vpc)
    theirs = acls.of(other, subnet.vpc) if other else None
    for acl, out, to in ((own, True, there), (theirs, False, here)):
        if acl:
            yield _look(acl, out, Packets(port.protocol, to, port.number, port.number), answers=False)
    for acl, out, to in ((theirs, True, here), (own, False, there)):
        if acl:
            yield _look(acl, out, Packets(port.protocol, to, *EPHEMERAL), answers=True)


def _look(acl: NetworkAcl, egress: bool, packets: Packets, *, answers: bool) -> _Passed:
    return _Passed(acl, egress, packets, decide(acl.egress if egress else acl.ingress, packets), answers)


def _worst(looks: Iterable[_Passed]) -> _Passed | None:
    """What stops the packets, else what stops a part of them."""
    in_the_way = [one for one in looks if one.stopped or one.partly]
    return next((one for one in in_the_way if one.stopped), next(iter(in_the_way), None))


# The fix --------------------------------------------------------------------------------------------


def _fix(looks: Sequence[_Passed], place: AwsPlace) -> Fix:
    """A rule for each ACL, direction, network and port, before the rules that deny."""
    commands: dict[tuple[object, ...], str] = {}
    taken: dict[tuple[str, bool], set[int]] = {}
    for one in looks:
        ports = (1024, LAST_PORT) if one.answers else (one.packets.first, one.packets.last)
        key = (one.acl.id, one.egress, one.packets.protocol, one.packets.network, ports)
        if key not in commands:
            numbers = taken.setdefault((one.acl.id, one.egress), {rule.number for rule in one.rules})
            commands[key] = _entry(one, ports, _free_number(one, numbers), place)
    return Fix(
        f"Let {listed(dict.fromkeys(one.acl.id for one in looks))} admit the packets to the domain controllers and the "
        "answers from them, by rules before those that deny.",
        tuple(commands.values()),
    )


def _entry(look: _Passed, ports: tuple[int, int], number: int | None, place: AwsPlace) -> str:
    direction = "egress" if look.egress else "ingress"
    return (
        f"aws ec2 create-network-acl-entry{place.region_option} --network-acl-id {posix(look.acl.id)} --{direction} "
        f"--rule-number {number or posix('<number before the rule that denies>')} "
        f"--protocol {_NUMBERS[look.packets.protocol]} --port-range From={ports[0]},To={ports[1]} "
        f"--cidr-block {look.packets.network} --rule-action allow"
    )


def _free_number(look: _Passed, taken: set[int]) -> int | None:
    """A number that no rule has, before those of the rules that deny; it is taken from then on."""
    denying = [one.number for one in look.rules if one.name in look.decision.rules and one.number != LAST_RULE]
    if denying:
        number = next((one for one in range(min(denying) - 1, 0, -1) if one not in taken), None)
    else:
        number = min(max((one for one in taken if one != LAST_RULE), default=90) + 10, LAST_RULE - 1)
        number = None if number in taken else number
    if number is not None:
        taken.add(number)
    return number
