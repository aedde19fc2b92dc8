"""Reports made by hand, one for each thing that a reader may meet."""

from collections import Counter
from dataclasses import replace

from gmsa_doctor.core.evidence import Evidence
from gmsa_doctor.core.model import (
    Cause,
    Check,
    Explanation,
    Finding,
    Fix,
    Location,
    Report,
    Row,
    ShowsAs,
    Status,
    Step,
    SubjectReport,
    UnreadFile,
    Verdict,
)
from gmsa_doctor_checks import OWNERS, STEPS

_STEP_OF: dict[str, Step | None] = {id: step for step, ids in STEPS.items() for id in ids}

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa/webapp01-AbCdEf"
DOCS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-linux-gmsa.html"
FACTS = (
    ("subject", "prod/web/app"),
    ("task_definition", "web:42"),
    ("container", "app"),
    ("account", "123456789012"),
    ("region", "us-east-1"),
    ("vantage", "outside"),
)


def finding(check: str, status: Status = Status.PASS, cause: Cause | None = None, **more: object) -> Finding:
    """As the engine completes it: with the step and the owner of its check."""
    summary = str(more.pop("summary", f"what {check} saw"))
    owner = OWNERS.get(check.partition(".")[0])
    made = Finding(
        status,
        summary,
        check=check,
        cause=cause,
        step=_STEP_OF.get(check, cause.step if cause else None),
        owner=owner,
        docs=DOCS,
    )
    return replace(made, duration_ms=12, **more)  # type: ignore[arg-type]


def report(*subjects: tuple[str, list[Finding]], verdict: Verdict, **more: object) -> Report:
    made = tuple(SubjectReport(name, FACTS, tuple(findings)) for name, findings in subjects)
    counts = Counter(one.status for each in made for one in each.findings)
    roots = [one for each in made for one in each.findings if one.root]
    failures = [one for one in roots if one.status is Status.FAIL] or roots
    made_report = Report(
        version="0.1.0",
        verdict=verdict,
        subjects=made,
        root_causes=tuple(dict.fromkeys(one.check for one in failures)),
        counts=tuple((status, counts[status]) for status in Status),
        duration_ms=800,
        started="2026-11-30T08:15:00+00:00",
        command="gmsa-doctor check --cluster prod --service web",
    )
    return replace(made_report, **more)  # type: ignore[arg-type]


GOOD = [
    finding("task-definition.prefix", cause=Cause.TASK_DEFINITION, summary="credentialspecdomainless:"),
    finding("credspec.size", cause=Cause.CREDSPEC, summary="796 bytes of at most 4000"),
    finding("secret.fields", cause=Cause.CREDENTIALS, summary="user gmsa-reader of corp.example"),
    finding("dhcp-options.domain-name", cause=Cause.DHCP_OPTIONS, summary="dopt-1: domain-name is corp.example"),
    finding("network.ldap", summary="LDAP is open on dc1.corp.example"),
]
WRONG_PASSWORD = finding(
    "kerberos.user-ticket",
    Status.FAIL,
    Cause.CREDENTIALS,
    root=True,
    summary="the secret's password for gmsa-reader@CORP.EXAMPLE is wrong",
    observed="KDC 10.0.0.10:88: Preauthentication failed",
    expected="the user's current password",
    fix=Fix(
        "Put the user's current password into the secret.",
        (f"aws secretsmanager put-secret-value --secret-id {ARN} --secret-string file://secret.json",),
    ),
    shows_as=ShowsAs("failed to generate Kerberos ticket for domainless user", "Cannot get gMSA krb ticket"),
)
BEHIND = [
    finding(id, Status.SKIPPED, because=("kerberos.user-ticket",), summary="skipped because of kerberos.user-ticket")
    for id in ("directory.bind", "directory.managed-password", "kerberos.gmsa-ticket")
]
TICKET = finding("kerberos.gmsa-ticket", summary="webapp01$@CORP.EXAMPLE got a ticket")
NO_LOGON = [
    finding(id, Status.SKIPPED, summary="not checked: with --live never, nothing is sent to DNS or AD")
    for step, ids in STEPS.items()
    for id in ids
    if step in (Step.USER_LOGON, Step.LDAP_BIND, Step.GMSA_PASSWORD, Step.GMSA_TICKET, Step.SERVICE_TICKET, Step.DNS)
    and id not in {finding.check for finding in (*GOOD, *BEHIND)}
][:58]
MUTE = finding(
    "task-definition.registered",
    Status.UNKNOWN,
    root=True,
    summary="AWS does not answer: ecs.us-east-1.amazonaws.com timed out after 5 s",
    fix=Fix("Check the connection to AWS, and HTTPS_PROXY.", ("aws ecs list-clusters --region us-east-1",)),
)
BEHIND_MUTE = [
    finding(id, Status.SKIPPED, because=("task-definition.registered",), summary="AWS calls skipped")
    for ids in STEPS.values()
    for id in ids
    if id.startswith(("credspec.", "secret.", "kerberos."))
]
DENIED = finding(
    "secret.value",
    Status.UNKNOWN,
    Cause.CREDSPEC,
    root=True,
    summary="our own credentials may not read the secret: secretsmanager:GetSecretValue is denied",
    fix=Fix(f"Allow secretsmanager:GetSecretValue on {ARN} to the credentials that run gmsa-doctor."),
)
ONE_DC_DOWN = finding(
    "network.kerberos",
    Status.WARN,
    summary="Kerberos is open on dc1.corp.example but not on dc2.corp.example; a task that asks those first waits",
    observed="TCP 10.0.0.11:88 did not answer within 3 s",
    expected="TCP 88 open on each domain controller",
    rows=(
        Row("dc1.corp.example (10.0.0.10:88)", Status.PASS, "open after 1 ms"),
        Row("dc2.corp.example (10.0.0.11:88)", Status.WARN, "TCP 10.0.0.11:88 did not answer within 3 s"),
    ),
    fix=Fix("Allow TCP 88 from the task's security group to 10.0.0.11.", ("nc -vz -w 3 10.0.0.11 88",)),
)
OUT_OF_REACH = finding(
    "dns.domain-controllers",
    Status.SKIPPED,
    Cause.DHCP_OPTIONS,
    summary="not checked: from here, DNS server 10.0.0.2: no such name _ldap._tcp.dc._msdcs.corp.example",
    fix=Fix(
        "Run the same command in the task's network.",
        ("gmsa-doctor check --cluster prod --service web --dns-server 10.0.0.10",),
    ),
)
BEHIND_REACH = finding(
    "kerberos.gmsa-ticket",
    Status.SKIPPED,
    because=("dns.domain-controllers",),
    summary="skipped because of dns.domain-controllers",
)
CRASH = finding(
    "acme.odd",
    Status.ERROR,
    root=True,
    summary="the check crashed with ValueError; this is a bug in gmsa-doctor or a plug-in",
    observed="acme.py:12 in odd",
)
STOPPED = finding("kerberos.clock", Status.UNKNOWN, root=True, summary="interrupted before it ended")
UNCHOSEN = finding("secret.domain", Status.SKIPPED, Cause.CREDENTIALS, summary="not selected")
LONG = finding(
    "credspec.object",
    Status.FAIL,
    Cause.TASK_DEFINITION,
    root=True,
    summary=f"s3://bücket/{'größe-' * 20}.json does not exist",
    fix=Fix("Put it there.", (f'aws s3 cp credspec.json "s3://bücket/{"größe-" * 20}.json"',)),
)
NO_OBJECT = finding(
    "credspec.object",
    Status.FAIL,
    Cause.TASK_DEFINITION,
    root=True,
    summary="s3://gmsa/webapp01.json does not exist",
    fix=Fix("Put the CredSpec there.", ('aws s3 cp credspec.json "s3://gmsa/webapp01.json"',)),
)
BEHIND_DENIED = finding(
    "secret.domain",
    Status.SKIPPED,
    Cause.CREDENTIALS,
    because=("secret.value",),
    summary="skipped because of secret.value",
)
ONLY_1_3 = finding(
    "secret.domain",
    Status.WARN,
    Cause.CREDENTIALS,
    summary="the secret says corp.example, the CredSpec west.corp.example",
    shows_as=ShowsAs(None, "Cannot get gMSA krb ticket"),
)
HOSTILE = finding(
    "task-definition.arn",
    Status.FAIL,
    Cause.TASK_DEFINITION,
    root=True,
    summary="the key 資料\x1b]0;owned\x07\x1b[2J/\u202egnp.exe\u200b is no CredSpec",
    observed="line one\nline two\u2028line three\x9b31m",
    fix=Fix("Name another.", ("aws s3 ls 's3://b/\x1b[31m\necho owned'",)),
)
WIDE = finding("credspec.object", cause=Cause.TASK_DEFINITION, summary=f"s3://{'資料' * 30}.json\n, 796 bytes")
STOPPED_TOO = [replace(STOPPED, check=f"directory.{name}") for name in ("bind", "gmsa-account", "managed-password")]
NO_PREFIX = finding(
    "task-definition.prefix",
    Status.FAIL,
    Cause.TASK_DEFINITION,
    root=True,
    summary="the entry in credentialSpecs has no prefix",
    observed="arn:aws:s3:::gmsa/webapp01.json",
    expected="credentialspecdomainless:arn:aws:s3:::gmsa/webapp01.json",
    fix=Fix("Write credentialspecdomainless: in front of the ARN."),
    location=Location("deploy/web.yaml", 14, 11),
)
SWAPPED = finding(
    "credspec.names",
    Status.WARN,
    Cause.CREDSPEC,
    summary="DnsName is not below DnsTreeName",
    location=Location("./deploy/größe & 50%, (1).json"),
)
NO_AWS = finding(
    "secret.value",
    Status.SKIPPED,
    Cause.CREDSPEC,
    summary="--offline: AWS is not asked",
    fix=Fix("Leave out --offline."),
)
WAIVED = finding(
    "execution-role.present",
    Status.WAIVED,
    Cause.TASK_DEFINITION,
    summary="the role is made by another stack; until 2027-01-31",
    location=Location("deploy/web.yaml", 9, 7),
)

RECORDED = Evidence(
    "ECS reported this 4 minutes ago, 3 times",
    "failed to generate Kerberos ticket for domainless user: kinit: Password incorrect while getting credentials",
    "evidence.stopped-tasks",
    3,
    "2026-01-02T11:50:00+00:00",
    "2026-01-02T11:56:00+00:00",
    "arn:aws:ecs:us-east-1:123456789012:task/prod/0123",
)
OLDER = replace(RECORDED, summary="ECS reported this 2 hours ago", stale="the task ran web:1, and web:2 is checked")
UNEXPLAINED = finding(
    "evidence.stopped-tasks",
    Status.WARN,
    summary="ECS reported this 1 minute ago: OutOfMemoryError; this is not a gMSA fault",
    fix=Fix("Read the container's own log and exit code.", ("gmsa-doctor explain OutOfMemoryError",)),
    evidence=(replace(RECORDED, summary="ECS reported this 1 minute ago", text="OutOfMemoryError", count=1),),
)
ASIDE = finding(
    "evidence.service-events",
    Status.UNKNOWN,
    summary="access denied: ecs:DescribeServices on web",
    fix=Fix("Allow ecs:DescribeServices on web for the credentials that run gmsa-doctor."),
    root=False,
)

SAMPLES = {
    "evidence": report(
        (
            "prod/web/app",
            [*GOOD[:4], NO_OBJECT, replace(WRONG_PASSWORD, evidence=(RECORDED, OLDER)), ASIDE, UNEXPLAINED],
        ),
        verdict=Verdict.FAIL,
    ),
    "passing": report(("prod/web/app", [*GOOD, TICKET]), verdict=Verdict.PASS),
    "nothing-to-check": report(verdict=Verdict.UNPROVEN, static=True, passed_over=3),
    "many-skipped": report(
        (
            "prod/web/app",
            [*GOOD[:4], NO_OBJECT, *(replace(skip, because=("credspec.object",)) for skip in BEHIND), *NO_LOGON],
        ),
        verdict=Verdict.FAIL,
    ),
    "aws-unreachable": report(("prod/web", [MUTE, *BEHIND_MUTE]), verdict=Verdict.INCOMPLETE),
    "root-cause": report(("prod/web/app", [*GOOD, WRONG_PASSWORD, *BEHIND]), verdict=Verdict.FAIL),
    "two-subjects": report(
        ("prod/web/app", [*GOOD, WRONG_PASSWORD, *BEHIND]), ("prod/web/batch", GOOD), verdict=Verdict.FAIL
    ),
    "many-subjects": report(
        *((f"prod/web{n}/app", GOOD) for n in range(5)), ("prod/bad/app", [WRONG_PASSWORD]), verdict=Verdict.FAIL
    ),
    "denied": report(("prod/web/app", [*GOOD, DENIED]), verdict=Verdict.INCOMPLETE),
    "warning": report(("prod/web/app", [*GOOD, ONE_DC_DOWN, TICKET]), verdict=Verdict.PASS),
    "out-of-reach": report(
        ("prod/web/app", [*GOOD, OUT_OF_REACH, BEHIND_REACH, UNCHOSEN]),
        verdict=Verdict.INCOMPLETE,
        missing=("kerberos.gmsa-ticket",),
    ),
    "unproven": report(("prod/web/app", [*GOOD, OUT_OF_REACH, BEHIND_REACH]), verdict=Verdict.UNPROVEN),
    "interrupted": report(
        ("prod/web/app", [*GOOD, STOPPED, *STOPPED_TOO]), verdict=Verdict.INCOMPLETE, interrupted=True
    ),
    "crash": report(("prod/web/app", [*GOOD, CRASH]), verdict=Verdict.INCOMPLETE),
    "failure-and-unknown": report(
        ("prod/web/app", [*GOOD, NO_OBJECT, DENIED, BEHIND_DENIED, ONE_DC_DOWN]), verdict=Verdict.FAIL
    ),
    "many-out-of-reach": report(
        *((f"prod/web{n}/app", [*GOOD, OUT_OF_REACH, BEHIND_REACH]) for n in range(5)), verdict=Verdict.UNPROVEN
    ),
    "one-version-stumbles": report(("prod/web/app", [*GOOD, ONLY_1_3, TICKET]), verdict=Verdict.PASS),
    "hostile-names": report(("prod/web\x1b[31m/app", [WIDE, HOSTILE]), verdict=Verdict.FAIL),
    "long-words": report(("prod/web/app", [LONG]), verdict=Verdict.FAIL),
    "in-files": report(
        ("deploy/web.yaml/Web/app", [NO_PREFIX, WAIVED, SWAPPED, NO_AWS]),
        ("deploy/web.yaml/Web/proxy", [NO_PREFIX, NO_AWS]),
        verdict=Verdict.FAIL,
        unread=(UnreadFile(Location("deploy/broken.json", 3, 7), "a comma is missing"),),
    ),
}
FOR_SYSTEMS = (
    "evidence",
    "root-cause",
    "two-subjects",
    "warning",
    "failure-and-unknown",
    "out-of-reach",
    "hostile-names",
    "in-files",
)
"""The samples of which the reports for CI systems have golden files."""


def check(id: str, title: str, cause: Cause | None = None) -> Check:
    """A check that is declared, and is not run."""
    says = Explanation(f"Looks at it:\n{title}.\n\nOnce a subject.", "Why it matters.", "Mend it, as the finding says.")
    return Check(id, title, lambda: None, (), None, cause, DOCS, says)


CHECKS = {
    one.id: one
    for one in (
        check("task-definition.prefix", "The CredSpec is named in a way that is taken", Cause.TASK_DEFINITION),
        check("credspec.object", "The CredSpec can be read", Cause.TASK_DEFINITION),
        check("network.kerberos", "Kerberos can be reached"),
        check("kerberos.user-ticket", "The user gets a ticket", Cause.CREDENTIALS),
    )
}
