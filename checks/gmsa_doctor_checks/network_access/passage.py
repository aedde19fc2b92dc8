"""What the configuration of the network lets pass between the task and the AD, all kinds of filters together."""

from __future__ import annotations

from gmsa_doctor.authoring import Given, Outcome, Row, Status, check, deferred_to, listed, passed, skipped
from gmsa_doctor_checks import links
from gmsa_doctor_checks.network_access import acls as own_acls
from gmsa_doctor_checks.network_access import groups as own_groups
from gmsa_doctor_checks.network_access.routes import routes as own_routes
from gmsa_doctor_checks.network_access.values import Hosts, Passage
from gmsa_doctor_checks.reachability.obstacles import GroupsOfHosts, GroupsOfTask, NetworkAcls, RoutesToHosts


@check(
    "network-access.passage",
    title="The configuration lets packets pass to the domain controllers",
    docs=links.FARGATE_NETWORK,
)
def passage(
    hosts: Hosts,
    routes: Outcome[RoutesToHosts],
    groups: Outcome[GroupsOfTask],
    acls: Outcome[NetworkAcls],
    theirs: Outcome[GroupsOfHosts],
) -> Given[Passage]:
    """Puts together what routes, security groups and network ACLs let pass.

    Why: what is seen to be closed from inside has its cause in one of them, or in what cannot be seen from here:
    firewalls, what lies behind a transit gateway or a VPN, and the AD's own servers.

    Fix: see the findings that are named.
    """
    layers = (
        (own_routes.id, routes.value),
        (own_groups.of_task.id, groups.value),
        (own_acls.network_acls.id, acls.value),
        (own_groups.of_hosts.id, theirs.value),
    )
    judged = [(id, layer) for id, layer in layers if layer]
    closed = tuple((need, id) for id, layer in judged for need in layer.out_of_reach)
    if closed:
        ids = tuple(dict.fromkeys(id for _, id in closed))
        return Given(Passage(closed), deferred_to(ids, f"closed by {', '.join(ids)}"))
    if not judged:
        return Given(Passage(), skipped("neither routes nor filters could be looked at"))
    looked_at = ", ".join(id.partition(".")[2] for id, _ in judged)
    rows = tuple(Row(str(host), Status.PASS, ", ".join(map(str, host.ports))) for host in hosts.hosts)
    text = f"{listed(hosts.addresses)}: nothing in {looked_at} keeps tasks from them"
    return Given(Passage(), passed(text, rows=rows))
