"""What the configuration of the network lets pass between the task and the AD, all kinds of filters together."""

from __future__ import annotations

from gmsa_doctor.authoring import Given, Outcome, Row, Status, check, passed, skipped
from gmsa_doctor_checks import links
from gmsa_doctor_checks.network_access.values import (
    GroupsOfHosts,
    GroupsOfTask,
    Hosts,
    NetworkAcls,
    Obstacle,
    Passage,
    Ways,
)
from gmsa_doctor_checks.network_access.verdict import listed


@check(
    "network-access.passage",
    title="The configuration lets packets pass to the domain controllers",
    docs=links.FARGATE_NETWORK,
)
def passage(
    hosts: Hosts,
    ways: Outcome[Ways],
    groups: Outcome[GroupsOfTask],
    acls: Outcome[NetworkAcls],
    theirs: Outcome[GroupsOfHosts],
) -> Given[Passage]:
    """Puts together what routes, security groups and network ACLs let pass.

    Why: what is seen to be closed from inside has its cause in one of them, or in what cannot be seen from here:
    firewalls, what lies behind a transit gateway or a VPN, and the AD's own servers.

    Fix: see the findings that are named.
    """
    parts: tuple[tuple[str, Outcome[Ways] | Outcome[GroupsOfTask] | Outcome[NetworkAcls] | Outcome[GroupsOfHosts]], ...]
    parts = (
        ("network-access.routes", ways),
        ("network-access.security-groups", groups),
        ("network-access.network-acls", acls),
        ("network-access.hosts-security-groups", theirs),
    )
    judged = [(id, one.value.judged) for id, one in parts if one.value]
    obstacles = tuple(Obstacle(id, need) for id, one in judged for need in one.out_of_reach)
    if obstacles:
        ids = tuple(dict.fromkeys(one.check for one in obstacles))
        return Given(Passage(obstacles), skipped(f"closed by {', '.join(ids)}", because=ids))
    looked_at = [id.partition(".")[2] for id, _ in judged]
    rows = tuple(Row(str(one), Status.PASS, ", ".join(map(str, one.ports))) for one in hosts.hosts)
    if not looked_at:
        reason = skipped("neither routes nor filters could be looked at")
        return Given(Passage(), reason)
    return Given(
        Passage(),
        passed(
            f"{listed(one.address for one in hosts.hosts)}: nothing in {', '.join(looked_at)} keeps tasks from them",
            rows=rows,
        ),
    )
