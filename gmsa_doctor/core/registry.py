"""All checks of a run as a graph: the built-in ones, found by walking their package, and those of plug-ins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import TYPE_CHECKING

from gmsa_doctor.core.check_id import rotten
from gmsa_doctor.core.declaration import DeclarationError, declared_in
from gmsa_doctor.core.errors import UsageError, did_you_mean
from gmsa_doctor.core.model import Check, Step

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "gmsa_doctor.checks"
BUILT_IN = "gmsa_doctor_checks"
"""The package whose modules declare the built-in checks. Its ``STEPS`` and ``OWNERS`` say what goes with their ids."""


@dataclass(frozen=True)
class BrokenPlugIn:
    """A plug-in whose checks cannot be used; ``origin`` is the distribution that it was installed with."""

    name: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return f"the plug-in {self.name} of {self.origin} cannot be loaded ({self.reason})"


@dataclass(frozen=True)
class BrokenPlugIns:
    """The installed plug-ins whose checks cannot be used."""

    plug_ins: tuple[BrokenPlugIn, ...]


class Registry:
    """All checks of a run, in the order of reports and in that of the graph, with one giver for each type of value."""

    def __init__(self, checks: Iterable[Check], broken: Sequence[BrokenPlugIn] = ()) -> None:
        by_id: dict[str, Check] = {}
        giver: dict[type, Check] = {}
        for check in checks:
            if check.id in by_id:
                raise DeclarationError(f"{check.id} is declared by {by_id[check.id].origin} and by {check.origin}")
            if check.gives is not None:
                if check.gives in giver:
                    first, second = giver[check.gives].id, f"{check.id} of {check.origin}"
                    raise DeclarationError(f"{check.gives.__name__} is given by {first} and by {second}")
                giver[check.gives] = check
            by_id[check.id] = check
        self.giver = giver
        self.checks = tuple(by_id.values())
        self.in_graph_order = tuple(_in_graph_order(by_id, giver))
        self.ids = frozenset(by_id)
        self.broken = tuple(broken)
        self._by_id = by_id
        self._without: dict[frozenset[type], Registry] = {}

    def get(self, id: str) -> Check | None:
        """The check with that id."""
        return self._by_id.get(id)

    def givers(self, check: Check) -> list[Check]:
        """The checks whose values it takes."""
        return [self.giver[need.type] for need in check.needs if need.type in self.giver]

    def select(self, names: Iterable[str]) -> frozenset[str]:
        """The ids that ``names`` (ids and areas) stand for. Raises UsageError for an unknown name."""
        chosen: set[str] = set()
        for name in names:
            matches = {check.id for check in self.checks if name in (check.id, check.area)}
            if not matches:
                raise UsageError(
                    f"there is no check or area {name!r}{self.near(name) or '.'} `gmsa-doctor list` shows them"
                )
            chosen |= matches
        return frozenset(chosen)

    @property
    def areas(self) -> tuple[str, ...]:
        """The areas, in the order of reports."""
        return tuple(dict.fromkeys(check.area for check in self.checks))

    def near(self, name: str) -> str:
        """The end of a sentence about an unknown name: plug-ins that may have it, and similar ids and areas."""
        known = [*self.areas, *self._by_id]
        return "".join(f"; {plug_in}" for plug_in in self.broken) + did_you_mean(name, known)

    def without(self, kinds: frozenset[type]) -> Registry:
        """The same without the checks that cannot do without values of these types."""
        if kinds not in self._without:
            self._without[kinds] = self._reduced(kinds)
        return self._without[kinds]

    def _reduced(self, kinds: frozenset[type]) -> Registry:
        gone: set[type] = set(kinds)
        without: set[str] = set()
        for check in self.in_graph_order:
            if any(need.type in gone and not need.outcome for need in check.needs):
                without.add(check.id)
                gone |= {check.gives} if check.gives else set()
        return Registry((check for check in self.checks if check.id not in without), self.broken)

    def needing(self, kinds: frozenset[type]) -> frozenset[str]:
        """The ids of the checks that cannot do without values of these types."""
        return self.ids - self.without(kinds).ids

    def with_needs(self, ids: frozenset[str]) -> frozenset[str]:
        """``ids`` and every check that gives a value on their way."""
        wanted: set[str] = set()
        waiting = list(ids)
        while waiting:
            id = waiting.pop()
            if id not in wanted:
                wanted.add(id)
                waiting += [giver.id for giver in self.givers(self._by_id[id])]
        return frozenset(wanted)


def _in_graph_order(by_id: dict[str, Check], giver: dict[type, Check]) -> list[Check]:
    """Checks so that each comes after those whose values it takes; otherwise in order of declaration."""
    ordered: dict[str, Check] = {}
    path: list[str] = []

    def visit(check: Check) -> None:
        if check.id in ordered:
            return
        if check.id in path:
            circle = path[path.index(check.id) :]
            origins = ", ".join(dict.fromkeys(by_id[id].origin for id in circle))
            raise DeclarationError(f"checks of {origins} wait for each other: {' → '.join([*circle, check.id])}")
        path.append(check.id)
        for need in check.needs:
            if need.type in giver:
                visit(giver[need.type])
        path.pop()
        ordered[check.id] = check

    for check in by_id.values():
        visit(check)
    return list(ordered.values())


# Loading --------------------------------------------------------------------------------------------


def load() -> Registry:
    """The built-in checks, and those of installed distributions (entry points ``gmsa_doctor.checks``)."""
    checks = _built_in()
    verify_references(Registry(checks), "gmsa_doctor", BUILT_IN)
    return _with_plug_ins(checks)


def _built_in() -> list[Check]:
    """The checks of all modules of our package, in the order of reports, each with its step and owner.

    A check that ``STEPS`` does not list comes after the last one of its area, in the same step; one of another area
    comes last.
    """

    def fail(name: str) -> None:
        raise

    package = import_module(BUILT_IN)
    names = [module.name for module in walk_packages(package.__path__, f"{BUILT_IN}.", fail)]
    places: dict[str, tuple[int, Step | None]] = {}
    for step, ids in package.STEPS.items():
        for id in ids:
            places[id] = places[id.partition(".")[0]] = len(places), step
    checks = [check for name in names for check in declared_in(import_module(name))]
    placed = [(places.get(check.id, places.get(check.area, (len(places), None))), check) for check in checks]
    return [
        replace(check, step=check.step or step, owner=check.owner or package.OWNERS.get(check.area))
        for (_, step), check in sorted(placed, key=lambda item: item[0][0])
    ]


def verify_references(registry: Registry, *packages: str) -> None:
    """Raises DeclarationError if modules of these packages name checks that there are not (see ``CheckId``)."""
    if unknown := [text for package in packages for text in rotten(registry.ids, package)]:
        raise DeclarationError(f"there is no check {'; no check '.join(unknown)}")


def _with_plug_ins(checks: list[Check]) -> Registry:
    from importlib.metadata import entry_points  # 20 ms that --help need not pay

    registry = Registry(checks)
    broken: list[BrokenPlugIn] = []
    for point in entry_points(group=ENTRY_POINT_GROUP):
        origin = point.dist.name if point.dist else point.name
        try:
            extended = Registry([*registry.checks, *_declared_at(point, origin)])
            verify_references(extended, point.module)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a module of others may raise anything
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            broken.append(BrokenPlugIn(point.name, origin, reason))
        else:
            registry = extended
    return Registry(registry.checks, broken)


def _declared_at(point: EntryPoint, origin: str) -> list[Check]:
    module = point.load()
    if not isinstance(module, ModuleType):
        raise DeclarationError(f"{point.value} is not a module")
    checks = declared_in(module, origin)
    if not checks:
        raise DeclarationError(f"{point.value} declares no check")
    return checks
