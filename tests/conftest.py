"""Fixtures for all tests: the domain controller and the embedded AWS, one of each in a test process."""

import gc
import resource
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.lab import ad
from tests.lab.aws import EmbeddedAws, embedded_aws
from tests.scenarios import tiers

# Failing assertions of the modules that tests share show their values, as those of test modules do.
pytest.register_assert_rewrite("tests.scenarios.judge", "tests.scenarios.verdicts")

# The collected tests and their modules stay until the end: garbage collections among them would find nothing.
gc.disable()

# A job in the background may have been started with Ctrl-C ignored, and what it starts would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test is about time: on a machine that is busy a slow example says nothing. And each run tries the same examples;
# `make fuzz` looks for others, with the profile `search`.
settings.register_profile("same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("search", settings.get_profile("same"), derandomize=False, max_examples=1000, print_blob=True)
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller choose which scenarios go through the real command."""
    group = parser.getgroup("scenarios")
    group.addoption("--through-process", action="store_true", help="run every scenario through the real command")
    group.addoption("--tenth", type=int, choices=range(10), help="and this tenth of the table")
    group.addoption("--chaos-tenth", type=int, choices=range(10), default=0, help="the tenth of the chaos table to run")


def pytest_configure(config: pytest.Config) -> None:
    """Hand it to the scenarios, and let many runs of the command have open files in this process."""
    tiers.all_through_process = config.getoption("--through-process")
    tiers.tenth = config.getoption("--tenth")
    tiers.chaos_tenth = config.getoption("--chaos-tenth")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pytest_collection_finish() -> None:
    """Collect garbage again, but only among what the tests create, and as rarely as gmsa-doctor does."""
    gc.freeze()
    gc.set_threshold(200_000, 50, 50)
    gc.enable()


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
