"""The targets of `make fuzz` are alive, and what once made a parser fail no longer does."""

import subprocess
import sys

import pytest

from tests.fuzz.targets import TARGETS, Target

RUNS = 500
INPUTS = [(target, one) for target in TARGETS for one in (*target.seeds, *target.samples)]


@pytest.mark.parametrize(("target", "data"), INPUTS, ids=lambda one: getattr(one, "name", ""))
def test_no_parser_fails_at_a_good_input_or_one_that_was_found(target: Target, data: object) -> None:
    assert target.feed(data if isinstance(data, bytes) else data.read_bytes()) is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_the_fuzzer_finds_its_way_into_the_parsers(target: Target) -> None:
    pytest.importorskip("atheris", reason="the fuzzer has wheels for Linux on x86-64 only")
    command = [sys.executable, "-m", "tests.fuzz", target.name, "--runs", str(RUNS)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert f"stat::number_of_executed_units: {RUNS}" in ended.stderr
    found = next(line for line in ended.stderr.splitlines() if "new_units_added" in line)
    assert int(found.split()[-1]) > 0
