"""References to checks, and findings that give way to those of other checks."""

import ast
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import gmsa_doctor
from gmsa_doctor.authoring import CheckId, Finding, Fix, Status, check, deferred_to, failed, passed, root_ids, skipped
from gmsa_doctor.core import check_id
from gmsa_doctor.core.declaration import DeclarationError
from gmsa_doctor.core.registry import load, verify_references

REPOSITORY = Path(__file__).parents[2]
OTHER = CheckId("x.other")


@check("x.function", title="x", docs="x")
def function() -> Finding:
    """What.

    Why: because.

    Fix: so.
    """
    return passed("")


# References -----------------------------------------------------------------------------------------


def test_every_reference_of_the_product_names_a_check() -> None:
    for module in walk_packages(gmsa_doctor.__path__, "gmsa_doctor."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    verify_references(load(), "gmsa_doctor", "gmsa_doctor_checks")


def test_no_id_stands_in_the_code_as_a_plain_string() -> None:
    ids = load().ids
    bare = []
    for path in [path for folder in ("gmsa_doctor", "checks") for path in (REPOSITORY / folder).rglob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        verified = {
            id(node) for call in calls if names_a_check(call) for argument in call.args for node in ast.walk(argument)
        }
        bare += [
            f"{path}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value in ids and id(node) not in verified
        ]
    assert bare == []


def names_a_check(call: ast.Call) -> bool:
    """``CheckId`` itself, and the decorator."""
    names = [node.id for node in (call.func, *call.args[:1]) if isinstance(node, ast.Name)]
    return names[:1] in (["CheckId"], ["check"]) or names == ["map", "CheckId"]


def test_a_reference_to_no_check_is_an_error_with_the_module_that_names_it() -> None:
    with pytest.raises(DeclarationError, match=r"there is no check 'x\.other' in tests\.core\.test_check_id"):
        verify_references(load(), "tests.core.test_check_id")


def test_references_of_other_packages_are_not_looked_at() -> None:
    assert check_id.rotten((), "tests.core.test_check") == []
    assert check_id.rotten(("x.other",), "tests.core.test_check_id") == []


def test_a_check_knows_its_id_which_is_no_reference_to_another() -> None:
    assert function.id == "x.function"
    assert isinstance(function.id, CheckId)
    assert not any("x.function" in text for text in check_id.rotten((), __name__))


# Findings that give way -----------------------------------------------------------------------------


@pytest.mark.parametrize("other", [OTHER, [OTHER], replace(failed("bad"), check="x.other")])
def test_what_another_check_reports_is_skipped_because_of_it(other: CheckId) -> None:
    assert deferred_to(other) == replace(skipped("skipped because of x.other"), because=("x.other",))
    fix = Fix("Wait.")
    assert deferred_to(other, "too late", fix=fix) == replace(skipped("too late", fix=fix), because=("x.other",))


def test_a_check_is_named_by_its_function_too() -> None:
    assert deferred_to(function, "see there").because == ("x.function",)


def test_what_was_skipped_itself_hands_on_what_is_in_its_way() -> None:
    second = replace(deferred_to(OTHER), check="x.second")
    assert root_ids([second, function, OTHER]) == ("x.other", "x.function")
    assert deferred_to([second, function]).summary == "skipped because of x.other, x.function"


def test_a_value_that_was_not_given_is_the_reason_itself() -> None:
    assert deferred_to([skipped("offline")]) == skipped("offline")
    assert deferred_to([skipped("offline")], "no network") == skipped("no network")
    assert deferred_to([], "nothing") == skipped("nothing")


def test_a_fault_of_another_check_is_reported_as_that_ones() -> None:
    assert deferred_to(OTHER, failed("bad")) == replace(failed("bad"), check="x.other")


def test_an_observation_makes_a_warning_of_a_failure() -> None:
    failure = failed("closed", overruled_by=OTHER)
    warning = failure.overruled("x.other passes from inside")
    assert (warning.status, warning.summary) == (Status.WARN, "closed; but x.other passes from inside")
    assert (warning.shows_as, warning.overruled_by) == (None, None)
    assert failure.to_warning(" (on Fargate)").summary == "closed (on Fargate)"


def test_other_findings_than_failures_are_not_overruled() -> None:
    assert passed("open").overruled("x") == passed("open")
    assert skipped("not asked").to_warning("x") == skipped("not asked")
