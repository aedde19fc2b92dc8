"""What the network's configuration lets through between the task and the AD, all layers together."""

from __future__ import annotations

from gmsa_doctor.authoring import Given, Outcome, check, deferred_to, in_words, listed, passed, skipped
from gmsa_doctor_checks import links
from gmsa_doctor_checks.network_access import acls as own_acls
from gmsa_doctor_checks.network_access import groups as own_groups
from gmsa_doctor_checks.network_access.routes import routes as own_routes
from gmsa_doctor_checks.network_access.values import Hosts, Passage
from gmsa_doctor_checks.reachability.obstacles import GroupsOfHosts, GroupsOfTask, NetworkAcls, RoutesToHosts


@check("network-access.passage", title="Routes and filters let packets reach the AD", docs=links.FARGATE_NETWORK)
def passage(
    hosts: Hosts,
    routes: Outcome[RoutesToHosts],
    groups: Outcome[GroupsOfTask],
    acls: Outcome[NetworkAcls],
    theirs: Outcome[GroupsOfHosts],
) -> Given[Passage]:
    """Combines the results for routes, security groups and network ACLs.

    Why: if a port is closed from inside, one of these is the cause, or something that AWS's API does not show: a
    firewall, the network behind a transit gateway or a VPN, or the AD's own servers.

    Fix: See the findings that it names.
    """
    layers = (
        ("routes", own_routes.id, routes.value),
        ("the task's security groups", own_groups.of_task.id, groups.value),
        ("network ACLs", own_acls.network_acls.id, acls.value),
        ("the hosts' security groups", own_groups.of_hosts.id, theirs.value),
    )
    checked = [name for name, _, layer in layers if layer]
    closed = tuple((need, id) for _, id, layer in layers if layer for need in layer.out_of_reach)
    if closed:
        ids = tuple(dict.fromkeys(id for _, id in closed))
        return Given(Passage(closed), deferred_to(ids, f"blocked; see {in_words(ids)}"))
    if not checked:
        return Given(Passage(), skipped("neither routes nor filters could be checked"))
    text = f"{listed(hosts.addresses)}: not blocked by {in_words(checked, 'or')}"
    return Given(Passage(), passed(text, rows=hosts.rows))
