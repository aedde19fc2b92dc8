"""Fixtures for the tests of the lab itself."""

import pytest

from tests.lab.aws import EmbeddedAws
from tests.lab.fargate_account import Account


@pytest.fixture
def account(aws: EmbeddedAws) -> Account:
    """Give an account whose tasks start quickly."""
    aws.fargate.speed = 0.01
    return Account(aws)
