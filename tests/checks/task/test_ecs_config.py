"""Settings of Credentials Fetcher in ecs.config; called with values."""

import pytest

from gmsa_doctor.core.model import Status
from gmsa_doctor.formats.aws.ecs_config import EcsConfig, parse
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.fetcher_settings import Overrides, overrides
from gmsa_doctor_checks.task.container_instances.ecs_config import ecs_config

DN = "CN=web,DC=corp,DC=example"
FARGATE, EC2 = Platform(Launch.FARGATE), Platform(Launch.EC2)
OLD, NEW = (Platform(Launch.EC2, fetcher=fetcher) for fetcher in Fetcher)


@pytest.mark.parametrize(
    ("text", "platform", "found"),
    [
        (f"CF_GMSA_DISTINGUISHED_NAME={DN}", OLD, Overrides("", DN)),
        (f"CF_GMSA_DISTINGUISHED_NAME={DN}", NEW, Overrides("", DN)),
        (f"CF_GMSA_DISTINGUISHED_NAME={DN}", EC2, Overrides("", DN)),
        (f"CF_GMSA_DISTINGUISHED_NAME={DN}", FARGATE, Overrides()),
        (f"# gMSA\nCF_GMSA_DISTINGUISHED_NAME={DN}", EC2, Overrides()),
        ("DOMAIN_CONTROLLER_GMSA=dc1", OLD, Overrides("dc1")),
        ("DOMAIN_CONTROLLER_GMSA=dc1", NEW, Overrides()),
        ("DOMAIN_CONTROLLER_GMSA=dc1", EC2, Overrides()),
        ("DOMAIN_CONTROLLER_GMSA=dc1\nCF_DOMAIN_CONTROLLER=dc1", EC2, Overrides("dc1")),
        ("DOMAIN_CONTROLLER_GMSA=dc1\nCF_DOMAIN_CONTROLLER=dc2", EC2, Overrides()),
    ],
)
def test_a_setting_counts_if_all_versions_that_may_run_read_the_same(
    text: str, platform: Platform, found: Overrides
) -> None:
    assert overrides(parse(text), platform) == found


@pytest.mark.parametrize(
    ("config", "platform", "status"),
    [
        (EcsConfig(), EC2, Status.SKIPPED),
        (EcsConfig(), FARGATE, Status.PASS),
        (parse("ECS_CLUSTER=demo"), EC2, Status.PASS),
        (parse(f"CF_GMSA_DISTINGUISHED_NAME='{DN}'"), EC2, Status.FAIL),
        (parse(f"# gMSA\nCF_GMSA_DISTINGUISHED_NAME='{DN}'"), EC2, Status.WARN),
        (parse("CF_DOMAIN_CONTROLLER='dc1'"), EC2, Status.WARN),
    ],
)
def test_only_what_fails_with_each_version_is_a_failure(config: EcsConfig, platform: Platform, status: Status) -> None:
    assert ecs_config(config, platform).status is status
