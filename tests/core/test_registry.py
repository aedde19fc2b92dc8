"""How checks are declared, put into one graph, chosen by name, and loaded."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gmsa_doctor_checks
from gmsa_doctor.core.declaration import DeclarationError, check, declared_in
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import (
    Cause,
    Check,
    Explanation,
    Finding,
    Given,
    Need,
    Outcome,
    Result,
    ShowsAs,
    Step,
    passed,
)
from gmsa_doctor.core.registry import ENTRY_POINT_GROUP, BrokenPlugIn, Registry, load

CHECKS = Path(gmsa_doctor_checks.__file__).parent
DOC = "What.\n\nWhy: because.\n\nFix: so."


@dataclass(frozen=True)
class One:
    text: str


@dataclass(frozen=True)
class Two:
    text: str


@dataclass(frozen=True)
class Foreign:
    """A value that no check of this module gives."""


def declare(id: str, function: Callable[..., Any], doc: str | None = DOC) -> Check:
    """Declare the function, with this docstring, in a module of its own, and take it from there."""
    function.__doc__ = doc
    function.__module__ = "a_module"
    module = ModuleType("a_module")
    vars(module)["function"] = check(id, title=id, docs="https://example.com/")(function)
    (declared,) = declared_in(module)
    return declared


@check("first.gives", title="Gives one", docs="https://example.com/first")
def first(foreign: Foreign) -> Given[One]:
    """First.

    Why: because.

    Fix: so.
    """
    return Given(One("x"), passed("x"))


@check("second.gives", title="Gives two", docs="https://example.com/second")
def second(one: Outcome[One]) -> Result[Two]:
    """Second.

    Why: because.

    Fix: so.
    """
    return Given(Two("x"), passed("x"))


@check("second.judges", title="Takes two", docs="https://example.com/judges")
def judges(two: Two, foreign: Foreign) -> Finding:
    """Judges.

    Why: because.

    Fix: so.
    """
    return passed("x")


@check("third.alone", title="Takes nothing of ours", docs="https://example.com/alone")
def alone(foreign: Foreign) -> Finding:
    """Alone.

    Why: because.

    Fix: so.
    """
    return passed("x")


def ours() -> Registry:
    """The checks of this module."""
    return Registry(declared_in(sys.modules[__name__]))


# The decorator ----------------------------------------------------------------------------------------


def test_a_check_is_what_its_decorator_and_its_types_say() -> None:
    shows = ShowsAs(v2="no such thing")

    @check("area.what", title="A title", docs="https://e.com/", cause=Cause.CREDSPEC, shows=[shows], limit=7)
    def function(one: One, two: Outcome[Two]) -> Result[Foreign]:
        """Looks at
        both.

        And at more.

        Why: because
        of that.

        Fix: do this.

        Then that.
        """
        return Given(Foreign(), passed(one.text))

    module = ModuleType(__name__)
    vars(module)["function"] = function
    (declared,) = declared_in(module, "acme")
    assert declared == Check(
        id="area.what",
        title="A title",
        function=function,
        needs=(Need("one", One), Need("two", Two, outcome=True)),
        gives=Foreign,
        cause=Cause.CREDSPEC,
        docs="https://e.com/",
        explanation=Explanation("Looks at\nboth.\n\nAnd at more.", "because\nof that.", "do this.\n\nThen that."),
        shows=(shows,),
        limit=7,
        origin="acme",
    )
    assert declared.area == "area"


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    assert judges(Two("x"), Foreign()) == passed("x")


@pytest.mark.parametrize(
    ("hint", "gives"),
    [
        ("Finding", None),
        ("Given[One]", One),
        ("Result[One]", One),
        ("Given[One] | Finding", One),
        ("Finding | Given[One]", One),
    ],
)
def test_the_result_says_what_is_given(hint: str, gives: type | None) -> None:
    def function(two: Two) -> Any:
        return None

    function.__annotations__["return"] = hint
    assert declare("a.check", function).gives is gives


@pytest.mark.parametrize(
    "hint",
    ["None", "One", "int", "Result", "One | Finding", "Given[One] | Given[Two]", "Given[str]", "Result[list[One]]"],
)
def test_a_result_that_is_neither_a_finding_nor_one_value_is_refused(hint: str) -> None:
    def function(two: Two) -> Any:
        return None

    function.__annotations__["return"] = hint
    with pytest.raises(DeclarationError, match=r"a\.check: "):
        declare("a.check", function)


def test_a_result_without_a_type_is_refused() -> None:
    def function(one: One):  # type: ignore[no-untyped-def]
        return passed(one.text)

    with pytest.raises(DeclarationError, match=r"a\.check: the result has no type"):
        declare("a.check", function)


def test_a_parameter_without_a_type_is_refused() -> None:
    def function(one: One, two) -> Finding:  # type: ignore[no-untyped-def]
        return passed(one.text)

    with pytest.raises(DeclarationError, match=r"a\.check: the parameter two has no type"):
        declare("a.check", function)


def test_an_outcome_of_something_that_is_no_value_is_refused() -> None:
    def function(text: Outcome[str]) -> Finding:
        return passed("x")

    with pytest.raises(DeclarationError, match=r"'str'.* make a frozen dataclass of it"):
        declare("a.check", function)


@pytest.mark.parametrize(
    "doc",
    [
        None,
        "",
        "What.\n\nWhy: because.",
        "What.\n\nFix: so.",
        "Why: because.\n\nFix: so.",
        "What.\n\nWhy: because.\nFix: in the same paragraph.",
        "What.\n\nwhy: because.\n\nfix: so.",
    ],
)
def test_a_docstring_has_all_of_its_three_parts(doc: str | None) -> None:
    def function(one: One) -> Finding:
        return passed(one.text)

    with pytest.raises(DeclarationError, match=r"a\.check: the docstring says"):
        declare("a.check", function, doc)


# The graph --------------------------------------------------------------------------------------------


def test_givers_come_first_and_all_else_is_in_the_order_of_declaration() -> None:
    backwards = list(reversed(ours().checks))
    assert [check.id for check in backwards] == ["third.alone", "second.judges", "second.gives", "first.gives"]
    graph = Registry(backwards).in_graph_order
    assert [check.id for check in graph] == ["third.alone", "first.gives", "second.gives", "second.judges"]


def test_reports_keep_the_order_of_declaration() -> None:
    backwards = list(reversed(ours().checks))
    assert Registry(backwards).checks == tuple(backwards)


def test_one_giver_for_each_type_and_none_for_what_comes_from_outside() -> None:
    assert {kind: giver.id for kind, giver in ours().giver.items()} == {One: "first.gives", Two: "second.gives"}


def test_get_is_by_id_alone() -> None:
    found = ours().get("second.judges")
    assert found is not None
    assert found.function is judges
    assert ours().get("second") is None


def test_an_id_is_declared_once_and_both_origins_are_named() -> None:
    checks = list(ours().checks)
    again = replace(checks[-1], origin="acme")
    with pytest.raises(DeclarationError, match=r"third\.alone is declared by gmsa-doctor and by acme"):
        Registry([*checks, again])


def test_a_check_that_takes_its_own_value_waits_for_itself() -> None:
    def function(one: One) -> Given[One]:
        return Given(one, passed("x"))

    with pytest.raises(DeclarationError, match=r"wait for each other: own\.value → own\.value$"):
        Registry([declare("own.value", function)])


def test_a_circle_is_told_without_the_way_to_it_and_with_its_origins() -> None:
    def one(two: Outcome[Two]) -> Given[One]:
        return Given(One("x"), passed("x"))

    def two(one: One) -> Given[Two]:
        return Given(Two("x"), passed("x"))

    def outside(one: One) -> Finding:
        return passed("x")

    circle = [replace(declare("circle.one", one), origin="acme"), replace(declare("circle.two", two), origin="other")]
    with pytest.raises(DeclarationError) as caught:
        Registry([declare("way.to-it", outside), *circle])
    assert str(caught.value) == "checks of acme, other wait for each other: circle.one → circle.two → circle.one"


# Choosing by name -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([], set()),
        (["third.alone"], {"third.alone"}),
        (["second"], {"second.gives", "second.judges"}),
        (["second", "first.gives", "second.gives"], {"first.gives", "second.gives", "second.judges"}),
    ],
)
def test_names_are_ids_and_areas(names: list[str], chosen: set[str]) -> None:
    assert ours().select(names) == chosen


@pytest.mark.parametrize("name", ["seco", "second.", "gives", "Second", "", "*"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        ours().select(["second", name])
    assert f"no check or area {name!r}" in str(caught.value)
    assert "gmsa-doctor list" in str(caught.value)


@pytest.mark.parametrize(
    ("ids", "wanted"),
    [
        (set(), set()),
        ({"third.alone"}, {"third.alone"}),
        ({"first.gives"}, {"first.gives"}),
        ({"second.judges"}, {"first.gives", "second.gives", "second.judges"}),
        ({"second.gives", "third.alone"}, {"first.gives", "second.gives", "third.alone"}),
    ],
)
def test_with_needs_adds_all_givers_on_the_way(ids: set[str], wanted: set[str]) -> None:
    assert ours().with_needs(frozenset(ids)) == wanted


def test_a_misspelt_id_is_answered_with_those_that_look_like_it() -> None:
    assert ours().near("secnod.judges").startswith(". Did you mean second.judges")
    assert ours().near("ALONE") == ". Did you mean third.alone?"
    assert ours().near("kerberos") == ""


# Loading ----------------------------------------------------------------------------------------------


def test_a_module_declares_what_is_its_own_in_its_order() -> None:
    module = ModuleType("importer")
    vars(module).update(first=first, other=3, One=One)
    assert declared_in(module) == []
    assert [check.id for check in declared_in(sys.modules[__name__])] == [
        "first.gives",
        "second.gives",
        "second.judges",
        "third.alone",
    ]


def installed(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    """Let entry points with these values be all that is installed."""
    points = [EntryPoint("acme", value, ENTRY_POINT_GROUP) for value in values]
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [point for point in points if point.group == group]
    )


def test_every_module_that_declares_checks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    loaded = load()
    assert {check.origin for check in loaded.checks} == {"gmsa-doctor"}
    declaring = {
        ".".join(path.relative_to(CHECKS.parent).with_suffix("").parts)
        for path in CHECKS.rglob("*.py")
        if re.search("^@check", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {check.function.__module__ for check in loaded.checks} == declaring
    assert loaded.get("first.gives") is None


def test_the_checks_are_in_the_order_of_the_steps_which_name_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    listed = [id for ids in gmsa_doctor_checks.STEPS.values() for id in ids]
    assert [check.id for check in load().checks if check.id in set(listed)] == listed


def test_the_steps_are_in_the_order_of_credentials_fetcher() -> None:
    assert list(gmsa_doctor_checks.STEPS) == [*Step, None]


def test_a_check_that_no_step_lists_comes_after_its_area_in_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    unlisted = ("credspec.size", "probe.removed")
    steps = {step: tuple(id for id in ids if id not in unlisted) for step, ids in gmsa_doctor_checks.STEPS.items()}
    monkeypatch.setattr(gmsa_doctor_checks, "STEPS", steps)
    checks = load().checks
    ids = [check.id for check in checks]
    assert ids[ids.index("probe.removed") - 1] == "probe.report"
    assert ids.index("credspec.domain-data") < ids.index("credspec.size") < ids.index("execution-role.kms")
    assert {check.id: check.step for check in checks if check.id in unlisted} == {
        "credspec.size": Step.CREDSPEC,
        "probe.removed": None,
    }


def test_each_built_in_check_has_an_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    assert [check.id for check in load().checks if check.owner is None] == []


def test_the_id_of_a_check_leads_to_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    astray = {
        check.id: check.function.__module__
        for check in load().checks
        if check.area.replace("-", "_") not in check.function.__module__.split(".")[1:]
    }
    assert astray == {}


# Plug-ins ---------------------------------------------------------------------------------------------


def test_the_checks_of_a_plug_in_come_after_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    built_in = load().checks
    installed(monkeypatch, "tests.core.test_registry")
    loaded = load()
    assert loaded.checks[: len(built_in)] == built_in
    assert loaded.broken == ()
    assert {check.id: check.origin for check in loaded.checks[len(built_in) :]} == {
        "first.gives": "acme",
        "second.gives": "acme",
        "second.judges": "acme",
        "third.alone": "acme",
    }


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("tests.core.test_registry:missing", "AttributeError: "),
        ("tests.core.test_registry:first", "tests.core.test_registry:first is not a module"),
        ("tests.core.test_registry:DOC", "tests.core.test_registry:DOC is not a module"),
        ("json", "json declares no check"),
        ("tests.core.test_check_id", "there is no check 'x.other' in tests.core.test_check_id"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_kept_with_the_reason(
    value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, value)
    loaded = load()
    (broken,) = loaded.broken
    assert (broken.name, broken.origin) == ("acme", "acme")
    assert why in broken.reason
    assert str(broken).startswith("the plug-in acme of acme cannot be loaded (")
    assert {check.origin for check in loaded.checks} == {"gmsa-doctor"}


def test_a_broken_plug_in_is_named_where_one_of_its_checks_is_asked_for() -> None:
    registry = Registry(ours().checks, [BrokenPlugIn("acme", "acme-checks", "SyntaxError")])
    with pytest.raises(UsageError, match=r"no check or area 'acme'.*; the plug-in acme of acme-checks cannot be"):
        registry.select(["acme"])
    assert registry.without(frozenset({Foreign})).broken == registry.broken


def test_the_same_checks_twice_are_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "tests.core.test_registry", "tests.core.test_registry")
    loaded = load()
    (broken,) = loaded.broken
    assert broken.reason == "DeclarationError: first.gives is declared by acme and by acme"
    assert "first.gives" in loaded.ids


def test_a_plug_in_cannot_give_what_a_built_in_check_gives() -> None:
    built_in = next(check for check in load().checks if check.gives)
    assert built_in.gives is not None
    rival = replace(built_in, id="acme.rival", origin="acme")
    with pytest.raises(DeclarationError) as caught:
        Registry([*load().checks, rival])
    assert f"{built_in.gives.__name__} is given by {built_in.id} and by acme.rival of acme" in str(caught.value)
