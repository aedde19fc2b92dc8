"""A tenth of the quick modes of `make chaos`: each run ends with the right word, and never with a traceback."""

from contextlib import ExitStack

import pytest

from tests.chaos.modes import Mode, modes
from tests.here import doctor_here
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import healthy
from tests.lab.lies import LIES
from tests.scenarios import tiers
from tests.scenarios.lab import Lab

PARTS = 6
"""In parallel, since most of the time of a mode is waiting."""


@pytest.mark.parametrize("part", range(PARTS))
def test_a_tenth_of_the_quick_modes_ends_with_the_right_word(part: int, dc: DomainController, aws: EmbeddedAws) -> None:
    chosen = [mode for mode in modes() if mode.quick][tiers.chaos_tenth :: 10][part::PARTS]
    found = {f"{mode.service}: {mode.fault}": end(mode, dc, aws) for mode in chosen}
    assert found
    assert {name: complaint for name, complaint in found.items() if complaint} == {}


def end(mode: Mode, dc: DomainController, aws: EmbeddedAws) -> str:
    """Run the mode in this process; what is wrong with its end."""
    aws.reset()
    aws.player.play(healthy_account(dc, aws))
    with ExitStack() as stack:
        environment, lab = healthy(dc), Lab(dc, aws, stack)
        if not mode.is_of_aws:
            mode.change(environment, lab)
        command = mode.command(environment)
        create(environment, aws)
        if mode.is_of_aws:
            mode.change(environment, lab)
        return mode.complaint(doctor_here(*command, aws=aws, env=aws.environ()))


def test_the_table_has_each_lie_of_each_service() -> None:
    faults = {(mode.service, mode.fault) for mode in modes()}
    assert {("*", name) for name in LIES} <= faults
