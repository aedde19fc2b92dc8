"""Fixtures for all tests: the domain controller and the embedded AWS, one of each in a test process."""

from collections.abc import Iterator

import pytest

from tests.lab import ad
from tests.lab.aws import EmbeddedAws, embedded_aws


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
