"""The AWS calls that `gmsa-doctor run` really makes are those in docs/aws-calls.md."""

from tests.command import doctor
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.probe.service import ROLE, left, made, run
from tests.probe.test_endings import killed
from tests.scenarios.test_aws_calls import documented


def calls(aws: EmbeddedAws) -> set[str]:
    return {f"{service}:{operation}" for service, operation in aws.calls}


def test_the_calls_of_run_are_those_in_the_tables(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        bucket = f"s3://{environment.bucket}/reports"
        assert run(environment, aws, "--report-s3", bucket).code == 0
        assert run(environment, aws).code == 0
        aws.fargate.waits_for_stop = True  # so that there is a task to be stopped
        killed(environment, aws, ("ecs", "RunTask", 1))
        assert doctor("run", "--clean", "--yes", "--cluster", environment.cluster, env=aws.environ()).code == 0
        assert all(task.ended.wait(30) for task in aws.fargate.tasks)
    seen = calls(aws)
    assert seen - documented() - documented("## run", "With `--journal`") == set()
    assert documented("## run", "With `--journal`") <= seen


def test_the_probe_reads_and_writes_its_report_and_nothing_else(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        assert run(environment, aws, "--report-s3", f"s3://{environment.bucket}").code == 0
        assert left(aws) == []
    by_the_role = {f"{service}:{operation}" for service, operation in aws.calls_by(ROLE)}
    assert by_the_role == {"s3:GetObject", "s3:HeadBucket", "s3:PutObject", "secretsmanager:GetSecretValue"}
