"""Network ACLs of the task's subnets, on the way to AWS's services."""

from __future__ import annotations

from collections.abc import Sequence

from gmsa_doctor.authoring import Finding, Fix, Outcome, Row, Status, check, failed, passed, skipped, warned
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.formats.aws.network_acl import NetworkAcl, decide, read_network_acl
from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol
from gmsa_doctor.formats.aws.route_table import EVERYWHERE
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.acls import EPHEMERAL
from gmsa_doctor_checks.network_access.values import NetworkAcls
from gmsa_doctor_checks.network_path.values import VpcEndpoints
from gmsa_doctor_checks.vpc_values import TaskSubnets

_ACLS = "network-access.network-acls"
_HTTPS = Packets(Protocol.TCP, EVERYWHERE, 443, 443)
_ANSWERS = Packets(Protocol.TCP, EVERYWHERE, *EPHEMERAL)


@check(
    "network-path.network-acls",
    title="The network ACLs let requests to AWS's services pass, and the answers",
    docs=links.NETWORK_ACLS,
    shows=(texts.NOT_RETRIEVED,),
)
def network_acls(
    subnets: TaskSubnets,
    platform: Platform,
    endpoints: Outcome[VpcEndpoints],
    to_hosts: Outcome[NetworkAcls],
    ec2: Ec2,
    place: AwsPlace,
) -> Finding:
    """Looks whether the ACLs of the task's subnets let TCP 443 out, and answers to ports from 32768 to 60999 in.

    Which addresses the services have is not looked at: ACLs that let that pass to some addresses are taken for open.

    Why: ACLs know of no connections. One without return ports stops each answer, and S3, Secrets Manager, ECR and
    CloudWatch Logs seem to be down.

    Fix: admit TCP 443 on the way out, and TCP 1024-65535 on the way in.
    """
    if platform.launch is not Launch.FARGATE:
        return skipped("on EC2 instances the instance asks AWS's services, from a subnet that is not known here")
    known = {one.id: acl for one in subnets.subnets if one.cidr and (acl := _acl_of(one.id, ec2.network_acls(one.vpc)))}
    if not known:
        return skipped("the network ACLs of the task's subnets cannot be seen: the owner of the VPC can look at them")
    dual_stack = {one.id for one in subnets.subnets if one.ipv6 and known.get(one.id) and known[one.id].ipv6}
    beside = {id for one in (endpoints.value.endpoints if endpoints.value else ()) for id in one.subnets}
    found = {id: judge(acl, whole=id not in beside | dual_stack) for id, acl in known.items()}
    bad = {id: why for id, (status, why) in found.items() if status is not Status.PASS}
    if not bad:
        names = ", ".join(dict.fromkeys(acl.id for acl in known.values()))
        return passed(f"{names}: TCP 443 may go out, and answers may come in")
    closed = len(bad) == len(subnets.subnets) and all(found[id][0] is Status.FAIL for id in bad)
    if to_hosts.finding.status is Status.FAIL or (to_hosts.finding.status is Status.WARN and not closed):
        return skipped(f"{'; '.join(dict.fromkeys(bad.values()))}: {_ACLS} tells of that too", because=(_ACLS,))
    return _finding(
        bad, closed, tuple(Row(id, *found[id]) for id in found), _fix(tuple(known[id] for id in bad), place)
    )


def _acl_of(subnet: str, raw: Sequence[dict[str, object]]) -> NetworkAcl | None:
    for one in map(dict, raw):
        associations = one.get("Associations") or ()
        if isinstance(associations, list | tuple) and any(each.get("SubnetId") == subnet for each in associations):
            return read_network_acl(one)
    return None


def judge(acl: NetworkAcl, *, whole: bool = True) -> tuple[Status, str]:
    """What an ACL does with requests and answers.

    Not ``whole``: some need not pass it, those within the subnet, or pass it by IPv6, which is not judged.
    """
    worst = Status.FAIL if whole else Status.WARN
    if not decide(acl.egress, _HTTPS).passing:
        return worst, f"{acl.id} lets no TCP 443 out"
    answers = decide(acl.ingress, _ANSWERS).passing
    if not answers:
        return worst, f"{acl.id} lets no answers to {_ANSWERS.ports} in"
    ports = {port for one in answers for port in range(one.first, one.last + 1)}
    if len(ports) < EPHEMERAL[1] - EPHEMERAL[0] + 1:
        return Status.WARN, f"{acl.id} lets answers in to a part of {_ANSWERS.ports} only, so that some are lost"
    return Status.PASS, f"{acl.id} lets requests out and answers in"


def _finding(bad: dict[str, str], closed: bool, rows: tuple[Row, ...], fix: Fix) -> Finding:
    why = "; ".join(dict.fromkeys(bad.values()))
    expected = f"TCP 443 out, and {_ANSWERS.ports} in"
    shown = rows if len(rows) > 1 else ()
    if closed:
        return failed(
            f"tasks do not get to AWS's services: {why}",
            observed=why,
            expected=expected,
            fix=fix,
            shows_as=texts.NOT_RETRIEVED,
            rows=shown,
            overruled_by="credspec.object",
        )
    return warned(
        f"tasks in {', '.join(bad)} may not get to AWS's services, or only now and then: {why}",
        observed=why,
        expected=expected,
        fix=fix,
        rows=shown,
    )


def _fix(acls: Sequence[NetworkAcl], place: AwsPlace) -> Fix:
    ids = tuple(dict.fromkeys(one.id for one in acls))
    return Fix(
        f"Let {', '.join(ids)} admit TCP 443 on the way out, and TCP 1024-65535 on the way in, by rules before those "
        "that deny.",
        tuple(
            f"aws ec2 create-network-acl-entry{place.region_option} --network-acl-id {posix(id)} --{way} --rule-number "
            f"{posix('<number>')} --protocol 6 --port-range {ports} --cidr-block 0.0.0.0/0 --rule-action allow"
            for id in ids
            for way, ports in (("egress", "From=443,To=443"), ("ingress", "From=1024,To=65535"))
        ),
    )
