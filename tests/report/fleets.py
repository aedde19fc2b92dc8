"""Reports of fleets made by hand."""

from dataclasses import replace

from gmsa_doctor.core.model import Fix, Report, Status, SubjectReport, Verdict
from gmsa_doctor.report.fleet.model import FleetReport, Shard, ShardStatus, Target
from gmsa_doctor.report.fleet.table import with_subjects
from tests.report.samples import BEHIND, GOOD, ONE_DC_DOWN, WRONG_PASSWORD, finding, report

ACCOUNTS = (("111111111111", "shared"), ("222222222222", "payments & <web>"))
REGIONS = ("eu-west-1", "us-east-1")
NO_ROLE = finding(
    "execution-role.trust",
    Status.FAIL,
    root=True,
    summary="ecs-tasks.amazonaws.com may not assume ecsTaskExecutionRole",
    fix=Fix("Allow it.", ("aws iam update-assume-role-policy --role-name ecsTaskExecutionRole",)),
)


def subject(target: Target, service: str, *findings: object) -> SubjectReport:
    """A container of a service, with findings that name it."""
    facts = {
        "subject": f"prod/{service}/app",
        "task_definition": f"{service}-td:7",
        "service": f"prod/{service}",
        "container": "app",
        "account": target.account,
        "region": target.region,
        "vantage": "outside",
    }
    own = finding(
        "kerberos.gmsa-ticket",
        Status.SKIPPED,
        summary="not checked: with --live never, nothing is sent to DNS or AD",
        fix=Fix(
            "Request the ticket.", (f"gmsa-doctor run --cluster prod --service {service} --region {target.region}",)
        ),
    )
    return SubjectReport(f"prod/{service}/app", tuple(facts.items()), (*findings, own))  # type: ignore[arg-type]


def _of_shard(number: int, target: Target) -> Report:
    shared = (*GOOD, ONE_DC_DOWN)
    subjects = [subject(target, "web", WRONG_PASSWORD, *BEHIND), subject(target, "api", *shared)]
    if target.account == ACCOUNTS[0][0]:
        subjects.append(subject(target, "app", NO_ROLE, *shared))
    made = report(verdict=Verdict.FAIL)
    return replace(made, subjects=tuple(subjects))


def _fleet() -> FleetReport:
    targets = [Target(account, region, name) for account, name in ACCOUNTS for region in REGIONS]
    checked = [
        Shard(target, ShardStatus.CHECKED, verdict=Verdict.FAIL, exit_code=1, services=3 - number // 2, passed_over=4)
        for number, target in enumerate(targets)
    ]
    denied = Shard(
        Target("333333333333", "eu-west-1", "acquired"),
        ShardStatus.NOT_ENTERED,
        "access denied: sts:AssumeRole on arn:aws:iam::333333333333:role/gmsa-doctor",
        Fix("Make sure that the role exists."),
    )
    empty = Shard(Target("111111111111", "ap-south-1", "shared"), ShardStatus.CHECKED, verdict=Verdict.UNPROVEN)
    whole = FleetReport(
        "20261130T213000Z-4f1c",
        "0.1.0",
        (*checked, denied, empty),
        started="2026-11-30T21:30:00+00:00",
        command="gmsa-doctor fleet --organization --regions all",
        duration_ms=93_000,
    )
    for number, target in enumerate(targets):
        whole = with_subjects(whole, number, _of_shard(number, target))
    return whole


FLEET = _fleet()
FLEETS = {
    "fleet": FLEET,
    "fleet-interrupted": replace(FLEET, interrupted=True),
    "fleet-unproven": with_subjects(
        FleetReport("r", "0.1.0", (replace(FLEET.shards[-1], services=1),), duration_ms=100),
        0,
        replace(report(verdict=Verdict.UNPROVEN), subjects=(subject(FLEET.shards[-1].target, "web", *GOOD),)),
    ),
    "fleet-nothing": FleetReport("r", "0.1.0", (FLEET.shards[-1],), duration_ms=100),
}
