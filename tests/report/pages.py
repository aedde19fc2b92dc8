"""Reports that show all that a page can hold, beyond the samples."""

from dataclasses import replace

from gmsa_doctor.core.model import Cause, Check, Explanation, Finding, Fix, Location, Report, Row, Status, Verdict
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
WAY = (
    ("task-definition.prefix", Cause.TASK_DEFINITION),
    ("credspec.names", Cause.CREDSPEC),
    ("secret.fields", Cause.CREDENTIALS),
    ("dns.domain-controllers", Cause.DHCP_OPTIONS),
    ("kerberos.user-ticket", Cause.CREDENTIALS),
    ("directory.bind", Cause.CREDENTIALS),
    ("directory.managed-password", Cause.CREDENTIALS),
    ("kerberos.gmsa-ticket", None),
)
"""The proof of each step of the way."""
TICKET = [replace(finding(id, cause=cause), vantage="inside") for id, cause in WAY]
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

PAGES: dict[str, Report] = {
    **SAMPLES,
    "ticket": report(("prod/web/app", TICKET), verdict=Verdict.PASS),
    "run": report(("prod/web/app", [*TICKET[:5], BLOCKED, *AFTER_BLOCKED, NOT_REMOVED, WAIVED]), verdict=Verdict.FAIL),
    "files": report(
        *((f"deploy/{n}.json web/app", [*GOOD, OUT_OF_REACH]) for n in range(4)),
        ("deploy/web & batch.json web/app", [IN_FILE, ONE_DC_DOWN, CRASH]),
        ("prod/web/app", [*GOOD, WRONG_PASSWORD, *BEHIND, ONE_DC_DOWN]),
        verdict=Verdict.FAIL,
        unread=(("deploy/old.json", "line 3: no JSON"),),
    ),
    "markup": report((MARKUP, [EVERYWHERE]), (f"{MARKUP}2", [EVERYWHERE]), verdict=Verdict.FAIL, missing=(MARKUP,)),
    "nothing": report(verdict=Verdict.INCOMPLETE),
}


def title(finding: Finding, text: str) -> dict[str, Check]:
    """A check of the finding's id with that title."""
    return {finding.check: Check(finding.check, text, lambda: None, (), None, None, "", Explanation("", "", ""))}
