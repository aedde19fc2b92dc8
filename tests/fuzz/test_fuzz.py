"""The targets of `make fuzz` run, and inputs that made a parser fail before no longer do."""

import subprocess
import sys

import pytest

from tests.fuzz.targets import TARGETS, Target

RUNS = 500
INPUTS = [(target, one) for target in TARGETS for one in (*target.seeds, *target.samples)]


@pytest.mark.parametrize(("target", "data"), INPUTS, ids=lambda one: getattr(one, "name", ""))
def test_no_parser_fails_at_a_good_input_or_one_that_was_found(target: Target, data: object) -> None:
    assert target.feed(data if isinstance(data, bytes) else data.read_bytes()) is None  # type: ignore[attr-defined]


def test_the_fuzzer_reaches_new_branches_in_each_parser() -> None:
    pytest.importorskip("atheris", reason="the fuzzer has wheels for Linux on x86-64 only")
    command = [sys.executable, "-m", "tests.fuzz", "--runs", str(RUNS)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout[-3000:]
    runs = dict(part.split("\n", 1) for part in ended.stdout.split("== ")[1:])
    assert list(runs) == [target.name for target in TARGETS]
    for name, shown in runs.items():
        assert f"stat::number_of_executed_units: {RUNS}" in shown, name
        found = next(line for line in shown.splitlines() if "new_units_added" in line)
        assert int(found.split()[-1]) > 0, name
