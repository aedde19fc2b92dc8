"""Reports that show all that a page can hold, beyond the samples."""

from dataclasses import replace

from gmsa_doctor.core.model import (
    Cause,
    Check,
    Explanation,
    Finding,
    Fix,
    Location,
    Report,
    Row,
    Status,
    UnreadFile,
    Verdict,
)
from tests.report.samples import (
    BEHIND,
    CRASH,
    GOOD,
    ONE_DC_DOWN,
    OUT_OF_REACH,
    SAMPLES,
    WRONG_PASSWORD,
    finding,
    report,
)

SUBNETS = ("subnet-0aaa1111bbbb2222c", "subnet-0ddd3333eeee4444f", "subnet-0f0f5555a6a67777b")
PROOFS = (
    ("task-definition.prefix", Cause.TASK_DEFINITION),
    ("credspec.names", Cause.CREDSPEC),
    ("secret.fields", Cause.CREDENTIALS),
    ("dns.domain-controllers", Cause.DHCP_OPTIONS),
    ("kerberos.user-ticket", Cause.CREDENTIALS),
    ("directory.bind", Cause.CREDENTIALS),
    ("directory.managed-password", Cause.CREDENTIALS),
    ("kerberos.gmsa-ticket", None),
)
"""The proof of each step."""
TICKET = [replace(finding(id, cause=cause), vantage="inside") for id, cause in PROOFS]
BLOCKED = finding(
    "network.ldap",
    Status.FAIL,
    root=True,
    summary=f"in {SUBNETS[2]} (1 of 3 subnets): LDAP is not open on any domain controller",
    observed="TCP 10.0.0.10:389 did not answer within 3 s",
    expected="TCP 389 open on each domain controller",
    rows=(
        *(Row(subnet, Status.PASS, "LDAP is open on 2 of 2") for subnet in SUBNETS[:2]),
        Row(SUBNETS[2], Status.FAIL, "LDAP is not open on any domain controller"),
    ),
    fix=Fix("Allow TCP 389 to the domain controllers.", ("nc -vz -w 3 10.0.0.10 389", "nc -vz -w 3 10.0.0.11 389")),
    vantage="inside",
)
AFTER_BLOCKED = [
    replace(one, status=Status.SKIPPED, because=("network.ldap",), summary="skipped because of network.ldap")
    for one in TICKET[5:]
]
NOT_REMOVED = finding(
    "probe.removed", Status.WARN, summary="a log group is left", fix=Fix("Remove it.", ("gmsa-doctor run --clean",))
)
IN_FILE = finding(
    "task-definition.prefix",
    Status.FAIL,
    Cause.TASK_DEFINITION,
    root=True,
    summary="Fargate supports only credentialspecdomainless:",
    location=Location("deploy/web & batch.json", 14, 7),
)
WAIVED = finding("secret.domain", Status.WAIVED, Cause.CREDENTIALS, summary="waived until 2030-01-01: known")
MARKUP = "<img src=x onerror=alert(1)>\"'&amp;</pre></style></script><script>alert(2)</script>"
EVERYWHERE = replace(
    finding("acme.odd", Status.FAIL, root=True),
    check=f"acme.{MARKUP}",
    summary=MARKUP,
    observed=MARKUP,
    expected=MARKUP,
    fix=Fix(MARKUP, (MARKUP,)),
    rows=(Row(MARKUP, Status.PASS, MARKUP), Row(MARKUP, Status.FAIL, MARKUP)),
    location=Location(MARKUP, 1, 1),
    vantage=MARKUP,
    docs=f"javascript:alert(3)//{MARKUP}",
)

NETWORK = [
    finding(
        "network-path.subnets",
        summary="2 subnets of vpc-1 (10.0.0.0/16)",
        rows=(
            Row("subnet-0aaa1111bbbb2222c", Status.PASS, "10.0.1.0/24 in us-east-1a"),
            Row("subnet-0ddd3333eeee4444f", Status.PASS, "10.0.2.0/24 in us-east-1b"),
        ),
    ),
    finding(
        "network-path.route-tables",
        summary="rtb-1 of vpc-1",
        rows=tuple(Row(id, Status.PASS, "rtb-1: 0.0.0.0/0 to nat-1") for id in SUBNETS[:2]),
    ),
    finding("network-path.security-groups", summary="sg-1"),
    finding("network-path.network-acls", summary="acl-1: outbound TCP 443 and its answers are allowed"),
    finding("network-path.way-out", summary="through the NAT gateway nat-1"),
    finding(
        "network-path.endpoints",
        summary="vpc-1 has endpoints for S3",
        rows=(Row("vpce-1", Status.PASS, "gateway endpoint for S3, available"),),
    ),
    finding("network-path.s3", summary="through the gateway endpoint vpce-1"),
    finding(
        "network-path.secrets-manager",
        Status.WARN,
        summary="tasks in subnet-0ddd3333eeee4444f (us-east-1b) cannot reach Secrets Manager",
        rows=(
            Row("subnet-0aaa1111bbbb2222c (us-east-1a)", Status.PASS, "through the NAT gateway nat-1"),
            Row("subnet-0ddd3333eeee4444f (us-east-1b)", Status.FAIL, "no default route"),
        ),
    ),
    finding("network-path.logs", Status.SKIPPED, because=("network-path.secrets-manager",), summary="same cause"),
    finding("network-path.ecr", summary="no image comes from ECR"),
    finding(
        "network-access.hosts",
        summary="10.0.0.10",
        rows=(Row("dc1.corp.example (10.0.0.10)", Status.PASS, "UDP 53, TCP 88, TCP 389"),),
    ),
    finding(
        "network-access.security-groups",
        Status.FAIL,
        root=True,
        summary="tasks cannot reach LDAP of corp.example: TCP 389 to 10.0.0.10: no outbound rule of sg-1 allows it",
        fix=Fix("Allow TCP 389.", ("aws ec2 authorize-security-group-egress --group-id sg-1",)),
    ),
    finding("network-access.network-acls", summary="acl-1: packets to 10.0.0.10 and their answers are allowed"),
    finding("network-access.routes", summary="10.0.0.10 inside the VPC"),
    finding("network-access.hosts-security-groups", Status.UNKNOWN, root=True, summary="ec2:X is denied"),
    finding("dns.domain-controllers", summary="1 domain controller of corp.example, from DNS server 10.0.0.10"),
    finding("network.kerberos", summary="Kerberos is open on dc1.corp.example"),
    finding(
        "network.ldap",
        Status.SKIPPED,
        because=("network-access.security-groups",),
        summary="not checked because of network-access.security-groups",
    ),
]

PAGES: dict[str, Report] = {
    **SAMPLES,
    "network": report(("prod/web/app", NETWORK), verdict=Verdict.FAIL),
    "networks": report(("prod/web/app", NETWORK), ("prod/batch/app", [*NETWORK, TICKET[7]]), verdict=Verdict.FAIL),
    "ticket": report(("prod/web/app", TICKET), verdict=Verdict.PASS),
    "run": report(("prod/web/app", [*TICKET[:5], BLOCKED, *AFTER_BLOCKED, NOT_REMOVED, WAIVED]), verdict=Verdict.FAIL),
    "files": report(
        *((f"deploy/{n}.json web/app", [*GOOD, OUT_OF_REACH]) for n in range(4)),
        ("deploy/web & batch.json web/app", [IN_FILE, ONE_DC_DOWN, CRASH]),
        ("prod/web/app", [*GOOD, WRONG_PASSWORD, *BEHIND, ONE_DC_DOWN]),
        verdict=Verdict.FAIL,
        unread=(UnreadFile(Location("deploy/old.json", 3, 1), "no JSON"),),
    ),
    "markup": report((MARKUP, [EVERYWHERE]), (f"{MARKUP}2", [EVERYWHERE]), verdict=Verdict.FAIL, missing=(MARKUP,)),
    "nothing": report(verdict=Verdict.INCOMPLETE),
}


def title(finding: Finding, text: str) -> dict[str, Check]:
    """A check of the finding's id with that title."""
    return {finding.check: Check(finding.check, text, lambda: None, (), None, None, "", Explanation("", "", ""))}
