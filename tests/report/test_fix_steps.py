"""A fix's steps, each with its commands."""

import pytest

from gmsa_doctor.core.model import Fix
from gmsa_doctor.report.fix_steps import FixStep, fix_steps, is_in_order

THREE = ("list", "put", "test")


def test_each_sentence_gets_the_commands_that_it_refers_to() -> None:
    fix = Fix("1. List it (command 1). 2. If it is missing, put it (command 2). Otherwise test it (command 3).", THREE)
    assert fix_steps(fix) == (
        FixStep("1.", "List it:", ("list",)),
        FixStep("2.", "If it is missing, put it:", ("put",)),
        FixStep("", "Otherwise test it:", ("test",)),
    )


def test_a_range_of_commands_stays_together() -> None:
    fix = Fix("Put it (commands 1 and 2); nothing changes. Then test it with command 3.", THREE)
    assert fix_steps(fix) == (
        FixStep("", "Put it; nothing changes:", ("list", "put")),
        FixStep("", "Then test it with this command:", ("test",)),
    )


def test_a_remark_within_the_brackets_stays() -> None:
    fix = Fix("1. List it (command 1; keys have cases. Look twice). 2. Put it (command 2). 3. Wait.", THREE)
    assert fix_steps(fix) == (
        FixStep("1.", "List it (keys have cases. Look twice):", ("list",)),
        FixStep("2.", "Put it:", ("put", "test")),
        FixStep("3.", "Wait."),
    )


def test_commands_that_nothing_refers_to_stand_before_the_next_one_or_at_the_end() -> None:
    assert fix_steps(Fix("Put it (command 2).", THREE)) == (FixStep("", "Put it:", THREE),)


@pytest.mark.parametrize("text", ["Put it.", "Put it. Then test it.", "In version 1. 2. it differs."])
def test_without_references_and_numbers_all_commands_follow_the_text(text: str) -> None:
    assert fix_steps(Fix(text, THREE)) == (FixStep("", text, THREE),)


def test_as_many_steps_as_commands_are_pairs() -> None:
    assert fix_steps(Fix("1. Put it. 2. Test it.", ("put", "test"))) == (
        FixStep("1.", "Put it.", ("put",)),
        FixStep("2.", "Test it.", ("test",)),
    )
    assert fix_steps(Fix("1. Put it. 2. Test it.", ("test",))) == (
        FixStep("1.", "Put it."),
        FixStep("2.", "Test it.", ("test",)),
    )


@pytest.mark.parametrize(
    "text", ["Test it (command 3). Put it (command 2).", "Do command 1 or command 2.", "Do it (command 4)."]
)
def test_references_out_of_order_leave_the_fix_whole(text: str) -> None:
    assert not is_in_order(Fix(text, THREE))
    assert fix_steps(Fix(text, THREE)) == (FixStep("", text, THREE),)


def test_alternatives_are_parts_too() -> None:
    fix = Fix(
        "List it (command 1). a) If it is there, put it (command 2). b) Otherwise wait. Test it (command 3).", THREE
    )
    assert fix_steps(fix) == (
        FixStep("", "List it:", ("list",)),
        FixStep("a)", "If it is there, put it:", ("put",)),
        FixStep("b)", "Otherwise wait. Test it:", ("test",)),
    )
    assert [step.marked for step in fix_steps(fix)][1] == "a) If it is there, put it:"


def test_letters_begin_again_in_each_step() -> None:
    fix = Fix("1. List it. a) Put it. b) Test it. 2. Wait. a) Or not. b) Or so.")
    assert [step.mark for step in fix_steps(fix)] == ["1.", "a)", "b)", "2.", "a)", "b)"]
