"""Fixtures for the tests of the laboratory itself."""

import pytest

from tests.lab.aws import EmbeddedAws
from tests.lab.fargate_account import Account


@pytest.fixture
def account(aws: EmbeddedAws) -> Account:
    """Give an account in which tasks are soon started."""
    aws.fargate.speed = 0.01
    return Account(aws)
