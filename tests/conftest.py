"""Fixtures for all tests: the domain controller and the embedded AWS, one of each in a test process."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.lab import ad
from tests.lab.aws import EmbeddedAws, embedded_aws

# Failing assertions of the modules that tests share show their values, as those of test modules do.
pytest.register_assert_rewrite("tests.scenarios.judge", "tests.scenarios.verdicts")

# A job in the background may have been started with Ctrl-C ignored, and what it starts would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test is about time: on a machine that is busy a slow example says nothing.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def dc() -> Iterator[ad.DomainController]:
    """Give a running domain controller. Without one here: skip, or fail with `GMSA_LAB=required`."""
    context = ad.domain_controller()
    try:
        controller = context.__enter__()
    except ad.LabUnavailableError as error:
        if ad.required():
            pytest.fail(f"the AD lab is required: {error}", pytrace=False)
        pytest.skip(f"no AD lab: {error}")
    try:
        yield controller
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def aws_server() -> Iterator[EmbeddedAws]:
    """Give the embedded AWS as the last test left it; tests want `aws`."""
    with embedded_aws() as aws:
        yield aws


@pytest.fixture
def aws(aws_server: EmbeddedAws) -> Iterator[EmbeddedAws]:
    """Give an AWS account with nothing in it, and no faults."""
    aws_server.reset()
    yield aws_server
    aws_server.reset()
