"""A bundle is one parameter of a check, and as many needs as it has fields."""

import inspect
from dataclasses import dataclass
from types import ModuleType

import pytest

from gmsa_doctor.core.bundles import bundle
from gmsa_doctor.core.declaration import DeclarationError, check, declared_in
from gmsa_doctor.core.engine import Case, execute
from gmsa_doctor.core.model import Finding, Given, Need, Outcome, passed, skipped
from gmsa_doctor.core.registry import Registry


@dataclass(frozen=True)
class Left:
    text: str


@dataclass(frozen=True)
class Right:
    text: str


@dataclass(frozen=True)
class Last:
    text: str


@bundle
@dataclass(frozen=True)
class Both:
    left: Left
    right: Outcome[Right]

    @property
    def text(self) -> str:
        return f"{self.left.text} and {self.right.value.text if self.right.value else 'nothing'}"


@bundle
@dataclass(frozen=True)
class Shapeless:
    text: str


@check("bundles.takes", title="Takes both", docs="https://example.com/")
def takes(last: Last, both: Both) -> Finding:
    """What.

    Why: because.

    Fix: so.
    """
    return passed(f"{both.text}, then {last.text}")


def registry() -> Registry:
    module = ModuleType(__name__)
    vars(module)["takes"] = takes
    return Registry(declared_in(module))


def test_the_fields_of_a_bundle_are_needs_of_the_check() -> None:
    (declared,) = registry().checks
    assert declared.needs == (
        Need("last", Last),
        Need("both.left", Left),
        Need("both.right", Right, outcome=True),
    )
    assert inspect.unwrap(declared.function) is takes


@pytest.mark.parametrize(
    ("right", "says"), [(Right("right"), "left and right, then last"), (skipped("none"), "left and nothing, then last")]
)
def test_the_engine_fills_a_bundle(right: object, says: str) -> None:
    ended = execute(registry(), [Case("case", {Left: Left("left"), Right: right, Last: Last("last")})], seconds=5)
    assert [finding.summary for finding in ended.findings[0]] == [says]


def test_what_is_in_the_way_of_a_field_is_in_the_way_of_the_check() -> None:
    case = Case("case", {Left: skipped("no left"), Right: Right("right"), Last: Given(Last("last"), passed("given"))})
    ended = execute(registry(), [case], seconds=5)
    assert [finding.summary for finding in ended.findings[0]] == ["no left"]


def test_a_field_without_a_meaning_is_refused() -> None:
    def function(shapeless: Shapeless) -> Finding:
        return passed(shapeless.text)

    with pytest.raises(DeclarationError, match="says nothing about its meaning"):
        check("bundles.shapeless", title="Shapeless", docs="https://example.com/")(function)
