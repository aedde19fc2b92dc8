"""The one order of statuses, and the helpers for findings that are about several things."""

import pytest

from gmsa_doctor.authoring import Row, Status, failed, passed, skipped, unknown, warned
from gmsa_doctor.core.severity import WORST_FIRST, if_several, in_words, listed, rows_of, worst, worst_first

FINDINGS = (passed("p"), skipped("s"), warned("w"), unknown("u"), failed("f"))


def test_the_order_has_every_status_once() -> None:
    assert sorted(WORST_FIRST) == sorted(Status)


def test_findings_and_rows_are_sorted_by_severity() -> None:
    assert "".join(finding.summary for finding in sorted(FINDINGS, key=worst_first)) == "fuwsp"
    rows = [Row("a", Status.PASS, ""), Row("b", Status.FAIL, "")]
    assert [row.name for row in sorted(rows, key=worst_first)] == ["b", "a"]


def test_the_first_of_the_worst_is_chosen() -> None:
    assert worst([passed("p"), warned("first"), warned("second")]).summary == "first"
    assert worst(FINDINGS).status is Status.FAIL


def test_a_skip_is_worse_than_a_pass_unless_it_does_not_count() -> None:
    findings = [passed("p"), skipped("s")]
    assert worst(findings).summary == "s"
    assert worst(findings, count_skipped=False).summary == "p"
    assert worst([skipped("s")], count_skipped=False).summary == "s"


def test_rows_are_made_of_findings_and_shown_if_there_are_several() -> None:
    rows = rows_of([("a", passed("well")), ("b", failed("bad"))])
    assert rows == (Row("a", Status.PASS, "well"), Row("b", Status.FAIL, "bad"))
    assert if_several(rows) == rows
    assert if_several(rows[:1]) == ()


@pytest.mark.parametrize(
    ("names", "text"),
    [("", ""), ("a", "a"), ("abcd", "a, b, c, d"), ("abcde", "a, b, c, d and 1 more"), ((1, 2), "1, 2")],
)
def test_of_many_names_the_first_are_listed(names: object, text: str) -> None:
    assert listed(names) == text  # type: ignore[arg-type]
    assert listed("abc", most=1) == "a and 2 more"


@pytest.mark.parametrize(("names", "text"), [("", ""), ("a", "a"), ("ab", "a and b"), ("abc", "a, b and c")])
def test_a_few_names_are_joined_by_a_conjunction(names: str, text: str) -> None:
    assert in_words(names) == text
    assert in_words("ab", "or") == "a or b"
