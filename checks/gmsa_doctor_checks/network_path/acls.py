"""Network ACLs of the task's subnets, on the way to AWS's services."""

from __future__ import annotations

from collections.abc import Sequence

from gmsa_doctor.authoring import (
    CheckId,
    Finding,
    Fix,
    Outcome,
    Row,
    Status,
    check,
    deferred_to,
    failed,
    if_several,
    passed,
    skipped,
    warned,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.formats.aws.network_acl import NetworkAcl
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_path.values import VpcEndpoints
from gmsa_doctor_checks.reachability.attribution import report
from gmsa_doctor_checks.reachability.flow import EPHEMERAL, Flow
from gmsa_doctor_checks.reachability.network import TaskSubnets, acl_of
from gmsa_doctor_checks.reachability.obstacles import Fault, Layer, NetworkAcls, crossings

_ACLS = CheckId("network-access.network-acls")
ON_EC2 = "on EC2 instances the instance asks AWS's services, from a subnet that is not known here"


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
        return skipped(ON_EC2)
    known = {
        subnet.id: (acl, subnet.cidr) for subnet in subnets.with_ipv4 if (acl := acl_of(subnet.id, subnet.vpc, ec2))
    }
    if not known:
        return skipped("the network ACLs of the task's subnets cannot be seen: the owner of the VPC can look at them")
    by_other_means = {id for endpoint in (endpoints.value or VpcEndpoints()).endpoints for id in endpoint.subnets}
    by_other_means |= {id for id in subnets.dual_stack & set(known) if known[id][0].ipv6}
    rows = tuple(Row(id, *judge(acl, cidr, whole=id not in by_other_means)) for id, (acl, cidr) in known.items())
    bad = [row for row in rows if row.status is not Status.PASS]
    if not bad:
        names = ", ".join(dict.fromkeys(acl.id for acl, _ in known.values()))
        return passed(f"{names}: TCP 443 may go out, and answers may come in")
    closed = len(bad) == len(subnets.subnets) and all(row.status is Status.FAIL for row in bad)
    if report(_ACLS, to_hosts, even_warned=not closed).explains([Fault(Layer.ACL)]):
        return deferred_to(_ACLS, f"{'; '.join(dict.fromkeys(row.text for row in bad))}: {_ACLS} tells of that too")
    return _finding(bad, rows, _fix([known[row.name][0].id for row in bad], place), closed=closed)


def judge(acl: NetworkAcl, cidr: str, *, whole: bool = True) -> tuple[Status, str]:
    """What an ACL does with requests and answers.

    Not ``whole``: some need not pass it, those within the subnet, or pass it by IPv6, which is not judged.
    """
    worst = Status.FAIL if whole else Status.WARN
    requests, answers = crossings(Flow("", ""), cidr, acl)
    if not requests.decision.passing:
        return worst, f"{acl.id} lets no TCP 443 out"
    if not answers.decision.passing:
        return worst, f"{acl.id} lets no answers to {answers.packets.ports} in"
    ports = {port for passing in answers.decision.passing for port in range(passing.first, passing.last + 1)}
    if len(ports) < EPHEMERAL[1] - EPHEMERAL[0] + 1:
        return Status.WARN, f"{acl.id} lets answers in to a part of {answers.packets.ports} only, so that some are lost"
    return Status.PASS, f"{acl.id} lets requests out and answers in"


def _finding(bad: Sequence[Row], rows: tuple[Row, ...], fix: Fix, *, closed: bool) -> Finding:
    why = "; ".join(dict.fromkeys(row.text for row in bad))
    expected = f"TCP 443 out, and TCP {EPHEMERAL[0]}-{EPHEMERAL[1]} in"
    if closed:
        return failed(
            f"tasks do not get to AWS's services: {why}",
            observed=why,
            expected=expected,
            fix=fix,
            shows_as=texts.NOT_RETRIEVED,
            rows=if_several(rows),
            overruled_by=CheckId("credspec.object"),
        )
    return warned(
        f"tasks in {', '.join(row.name for row in bad)} may not get to AWS's services, or only now and then: {why}",
        observed=why,
        expected=expected,
        fix=fix,
        rows=if_several(rows),
    )


def _fix(acls: Sequence[str], place: AwsPlace) -> Fix:
    ids = tuple(dict.fromkeys(acls))
    return Fix(
        f"Let {', '.join(ids)} admit TCP 443 on the way out, and TCP 1024-65535 on the way in, by rules before those "
        "that deny.",
        tuple(
            f"aws ec2 create-network-acl-entry{place.region_option} --network-acl-id {posix(id)} --{direction} "
            f"--rule-number {posix('<number>')} --protocol 6 --port-range {ports} --cidr-block 0.0.0.0/0 "
            "--rule-action allow"
            for id in ids
            for direction, ports in (("egress", "From=443,To=443"), ("ingress", "From=1024,To=65535"))
        ),
    )
