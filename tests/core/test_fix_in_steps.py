"""A fix of several steps."""

from gmsa_doctor.core.fix_in_steps import alternatives, fix_in_steps, one_after_the_other
from gmsa_doctor.core.model import Fix, Owner
from gmsa_doctor.report.fix_steps import FixStep, fix_steps


def test_the_first_sentence_of_each_step_refers_to_its_commands() -> None:
    listed, put = Fix("List it. Choose one.", ("list",)), Fix("Put it.", ("edit", "put"))
    fix = fix_in_steps(listed, Fix("Wait."), put, Fix("Repeat"), owner=Owner.AD)
    text = "1. List it (command 1). Choose one. 2. Wait. 3. Put it (commands 2 and 3). 4. Repeat"
    assert fix == Fix(text, ("list", "edit", "put"), Owner.AD)


def test_a_report_shows_the_commands_in_their_steps() -> None:
    fix = fix_in_steps(Fix("List s3://a.b/c.json", ("list",)), Fix("Put it. Wait.", ("1", "2", "3")))
    assert fix_steps(fix) == (
        FixStep("1.", "List s3://a.b/c.json", ("list",)),
        FixStep("2.", "Put it:", ("1", "2", "3")),
        FixStep("", "Wait."),
    )


def test_references_count_the_commands_before_them() -> None:
    rule = Fix("Make a rule (commands 1 to 3). Test it (command 4).", ("1", "2", "3", "4"))
    fix = one_after_the_other(Fix("Look.", ("0",)), alternatives(Fix("Make a set.", ("a", "b")), rule))
    assert fix.text == (
        "Look (command 1). Choose one: a) Make a set (commands 2 and 3). b) Make a rule (commands 4 to 6). Test it "
        "(command 7)."
    )
    assert fix.commands == ("0", "a", "b", "1", "2", "3", "4")
