"""Fixes that several checks share: rules of security groups and network ACLs, and routes."""

from __future__ import annotations

from collections.abc import Sequence

from gmsa_doctor.authoring import Fix, in_words
from gmsa_doctor.formats.aws.network_acl import LAST_RULE
from gmsa_doctor.formats.aws.packet_filter import LAST_PORT, Protocol
from gmsa_doctor.formats.aws.route_table import RouteTable
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.reachability.obstacles import AclCrossing

HTTPS_TO_ANYWHERE = "--protocol tcp --port 443 --cidr 0.0.0.0/0"
_NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17}


def authorize(direction: str, group: str, permission: str, place: AwsPlace) -> str:
    """The command that adds a rule to a security group; ``permission`` are the quoted options for it."""
    return f"aws ec2 authorize-security-group-{direction}{place.region_option} --group-id {posix(group)} {permission}"


def set_network(
    network: Network, place: AwsPlace, *, subnets: tuple[str, ...] = (), groups: tuple[str, ...] = (), public: str = ""
) -> str:
    """The command that changes a service's network configuration, which replaces all of its values."""
    known = {None: "<ENABLED or DISABLED>", True: "ENABLED", False: "DISABLED"}[network.public_address]
    values = (
        f"awsvpcConfiguration={{subnets=[{','.join(subnets or network.subnets)}],"
        f"securityGroups=[{','.join(groups or network.security_groups)}],assignPublicIp={public or known}}}"
    )
    return (
        f"aws ecs update-service{place.region_option} --cluster {posix('<cluster>')} --service {posix('<service>')} "
        f"--network-configuration {posix(values)}"
    )


def set_route(table: RouteTable, network: str, target: str, place: AwsPlace) -> str:
    """The command that creates a route, or replaces the one to the same network; ``target`` is the quoted option."""
    verb = "replace" if any(str(route.network) == network for route in table.routes) else "create"
    return (
        f"aws ec2 {verb}-route{place.region_option} --route-table-id {posix(table.id)} "
        f"--destination-cidr-block {network} {target}"
    )


def allow_in_acls(stops: Sequence[AclCrossing], destination: str, place: AwsPlace) -> Fix:
    """A rule for each ACL, direction, network and port, before the rules that deny."""
    commands: dict[tuple[object, ...], str] = {}
    taken: dict[tuple[str, bool], set[int]] = {}
    for stop in stops:
        ports = (1024, LAST_PORT) if stop.answers else (stop.packets.first, stop.packets.last)
        key = (stop.acl.id, stop.egress, stop.packets.protocol, stop.packets.network, ports)
        if key not in commands:
            numbers = taken.setdefault((stop.acl.id, stop.egress), {rule.number for rule in stop.rules})
            number = _free_number(stop, numbers)
            commands[key] = (
                f"aws ec2 create-network-acl-entry{place.region_option} --network-acl-id {posix(stop.acl.id)} "
                f"--{'egress' if stop.egress else 'ingress'} "
                f"--rule-number {number or posix('<number before the rule that denies>')} "
                f"--protocol {_NUMBERS[stop.packets.protocol]} --port-range From={ports[0]},To={ports[1]} "
                f"--cidr-block {stop.packets.network} --rule-action allow"
            )
    texts = [_allow(acl, [stop for stop in stops if stop.acl.id == acl], destination) for acl in _acls(stops)]
    return Fix(" ".join(texts), tuple(commands.values()))


def _acls(stops: Sequence[AclCrossing]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stop.acl.id for stop in stops))


def _allow(acl: str, stops: Sequence[AclCrossing], destination: str) -> str:
    """The rules to add to one ACL: for requests and for answers."""
    parts = []
    for egress, answers in dict.fromkeys((stop.egress, stop.answers) for stop in stops):
        own = [stop for stop in stops if (stop.egress, stop.answers) == (egress, answers)]
        ports = in_words(
            dict.fromkeys(
                f"{stop.packets.protocol.upper()} 1024-{LAST_PORT}" if answers else stop.packets.ports for stop in own
            )
        )
        before = min((number for stop in own for number in _denying(stop)), default=0)
        parts.append(
            f"{'outbound' if egress else 'inbound'} {ports}{' (answers)' if answers else ''}"
            f"{f', with rule numbers below {before}' if before else ''}"
        )
    text = f"In {acl}, allow {'; and '.join(parts)}."
    if any(stop.answers for stop in stops):
        return text
    return f"{text} Answers from {destination} are already allowed."


def _denying(stop: AclCrossing) -> list[int]:
    """The numbers of the rules that deny, without the last one."""
    return [rule.number for rule in stop.rules if rule.name in stop.decision.rules and rule.number != LAST_RULE]


def _free_number(stop: AclCrossing, taken: set[int]) -> int | None:
    """A free rule number before the rules that deny, which is taken from then on; None if there is none."""
    denying = _denying(stop)
    if denying:
        number = next((free for free in range(min(denying) - 1, 0, -1) if free not in taken), None)
    else:
        number = min(max((used for used in taken if used != LAST_RULE), default=90) + 10, LAST_RULE - 1)
        number = None if number in taken else number
    if number is not None:
        taken.add(number)
    return number
