"""`gmsa-doctor run --canary`: the platform's own Credentials Fetcher, as the embedded Fargate has it."""

from tests.command import doctor
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.fargate_tickets import credentials_fetcher
from tests.probe.service import ROLE, arguments, left, made, roots, run
from tests.scenarios import changes
from tests.scenarios.judge import brief, told


def test_the_platforms_ticket_is_read_and_used(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _), credentials_fetcher(dc) as aws.fargate.credentials_fetcher:
        ended = run(environment, aws, "--canary", "--spn", f"MSSQLSvc/sql.{dc.domain}:1433")
        probe, canary = aws.fargate.tasks
        assert left(aws) == []
    assert (ended.code, ended.document["verdict"]) == (0, "pass"), brief(ended)
    assert probe.container.get("credentialSpecs") is None
    assert canary.container["credentialSpecs"] == [f"credentialspecdomainless:{environment.credspec_arn}"]
    for check in ("canary.task", "canary.ticket", "canary.service-ticket"):
        assert ended.finding(check)["status"] == "pass", brief(ended)
    assert f"webapp01$@{dc.realm}" in ended.finding("canary.ticket")["summary"]
    assert ended.finding("canary.ticket")["vantage"] == "inside"


def test_a_canary_that_does_not_start_is_explained(dc: DomainController, aws: EmbeddedAws) -> None:
    text = "failed to find gMSA password for service account: msDS-ManagedPassword attribute not found"
    aws.fargate.credentials_fetcher_fails(f"Fetching gMSA credentials failed: {text}")
    with made(dc, aws) as (environment, _):
        ended = run(environment, aws, "--canary")
        assert left(aws) == []
    assert (ended.code, roots(ended)) == (1, ["canary.task"]), brief(ended)
    finding = ended.finding("canary.task")
    assert text in finding["observed"]
    assert "directory.managed-password" in finding["summary"]
    assert ended.finding("canary.ticket")["because"] == ["canary.task"]


def test_without_a_ticket_in_the_container_the_canary_says_so(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        ended = run(environment, aws, "--canary")
    assert (ended.code, roots(ended)) == (1, ["canary.ticket"]), brief(ended)
    assert "/var/credentials-fetcher/krbdir/krb5cc" in told(ended.finding("canary.ticket"))


def test_for_a_user_who_cannot_read_the_cache_no_canary_is_started(dc: DomainController, aws: EmbeddedAws) -> None:
    with (
        made(dc, aws, changes.container(user="1654")) as (environment, _),
        credentials_fetcher(dc) as aws.fargate.credentials_fetcher,
    ):
        ended = run(environment, aws, "--canary")
    assert (ended.code, roots(ended)) == (1, ["task-definition.user"]), brief(ended)
    assert ended.finding("canary.ticket")["because"] == ["task-definition.user"]


def test_after_a_failed_probe_no_canary_is_started(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, changes.secret(password="not-the-password")) as (environment, _):
        ended = run(environment, aws, "--canary")
        assert len(aws.fargate.tasks) == 1
    assert roots(ended) == ["kerberos.user-ticket"], brief(ended)
    assert ended.finding("canary.task")["because"] == ["kerberos.user-ticket"]


def test_a_run_without_canary_does_not_mention_it(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        ended = run(environment, aws)
    assert not [check for check in ended.statuses() if check.startswith("canary.")]


def test_a_canary_requires_one_container(dc: DomainController, aws: EmbeddedAws) -> None:
    second = changes.second_container(credentialSpecs=["credentialspecdomainless:arn:aws:s3:::credspecs/other.json"])
    with made(dc, aws, second) as (environment, _):
        ended = doctor(*arguments(environment, "--canary"), env=aws.environ())
        assert (ended.code, aws.fargate.tasks) == (2, [])
    assert "--container" in ended.err


def test_the_canary_uses_the_services_execution_role(dc: DomainController, aws: EmbeddedAws) -> None:
    other = f"arn:aws:iam::{ACCOUNT}:role/puller"
    with made(dc, aws) as (environment, _), credentials_fetcher(dc) as aws.fargate.credentials_fetcher:
        ended = run(environment, aws, "--canary", "--execution-role", other)
        probe, canary = aws.fargate.tasks
    assert ended.code == 0, brief(ended)
    assert probe.definition["executionRoleArn"] == other
    assert canary.definition["executionRoleArn"].endswith(f":role/{ROLE}")
