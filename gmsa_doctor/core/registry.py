"""Checks are declared here: the decorator, and the loader of the built-in and third-party ones."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from gmsa_doctor.core.bundles import composing, flat
from gmsa_doctor.core.check_id import CheckFunction, declared, rotten
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Cause, Check, Explanation, Finding, Given, Need, Outcome, ShowsAs

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "gmsa_doctor.checks"

BUILT_IN = (
    "gmsa_doctor_checks.task.task_definition.credentialspecs",
    "gmsa_doctor_checks.roles.execution_role.role",
    "gmsa_doctor_checks.task.task_definition.platform",
    "gmsa_doctor_checks.task.service",
    "gmsa_doctor_checks.task.task_definition.lost_in_registration",
    "gmsa_doctor_checks.task.container_instances",
    "gmsa_doctor_checks.task.task_definition.ticket_access",
    "gmsa_doctor_checks.credspec.object",
    "gmsa_doctor_checks.credspec.document",
    "gmsa_doctor_checks.credspec.secret",
    "gmsa_doctor_checks.roles.execution_role.objects",
    "gmsa_doctor_checks.roles.instance_role",
    "gmsa_doctor_checks.vpc_dns.directory_service",
    "gmsa_doctor_checks.roles.execution_role.kms",
    "gmsa_doctor_checks.roles.execution_role.start",
    "gmsa_doctor_checks.roles.execution_role.task_secrets",
    "gmsa_doctor_checks.network_path.subnets",
    "gmsa_doctor_checks.network_path.endpoints",
    "gmsa_doctor_checks.network_path.way_out",
    "gmsa_doctor_checks.network_path.services",
    "gmsa_doctor_checks.network_path.acls",
    "gmsa_doctor_checks.vpc_dns.dhcp_options.options",
    "gmsa_doctor_checks.vpc_dns.dhcp_options.dns_support",
    "gmsa_doctor_checks.vpc_dns.dhcp_options.domain_name_servers",
    "gmsa_doctor_checks.vpc_dns.dhcp_options.names_of_services",
    "gmsa_doctor_checks.vpc_dns.resolver_rule.targets",
    "gmsa_doctor_checks.vpc_dns.resolver_rule.endpoint",
    "gmsa_doctor_checks.network_access.hosts",
    "gmsa_doctor_checks.network_access.routes",
    "gmsa_doctor_checks.network_access.groups",
    "gmsa_doctor_checks.network_access.acls",
    "gmsa_doctor_checks.network_access.passage",
    "gmsa_doctor_checks.domain_controllers.dns",
    "gmsa_doctor_checks.domain_controllers.network",
    "gmsa_doctor_checks.domain_controllers.root_dse",
    "gmsa_doctor_checks.domain_controllers.other_ports",
    "gmsa_doctor_checks.kerberos.tickets",
    "gmsa_doctor_checks.directory.user.administrator",
    "gmsa_doctor_checks.directory.managed_password",
    "gmsa_doctor_checks.directory.gmsa_account",
    "gmsa_doctor_checks.directory.permission",
    "gmsa_doctor_checks.kerberos.ticket_facts",
    "gmsa_doctor_checks.kerberos.krb5_conf",
    "gmsa_doctor_checks.kerberos.trust",
    "gmsa_doctor_checks.domain_controllers.replication",
    "gmsa_doctor_checks.directory.user.account",
    "gmsa_doctor_checks.directory.gmsa",
    "gmsa_doctor_checks.credspec.domain_data",
    "gmsa_doctor_checks.sql_server.app_secrets",
    "gmsa_doctor_checks.sql_server.connection_string",
    "gmsa_doctor_checks.sql_server.rds",
    "gmsa_doctor_checks.sql_server.instance",
    "gmsa_doctor_checks.sql_server.name",
    "gmsa_doctor_checks.sql_server.spn",
    "gmsa_doctor_checks.sql_server.port",
    "gmsa_doctor_checks.sql_server.login",
    "gmsa_doctor_checks.probe.task",
    "gmsa_doctor_checks.probe.canary",
    "gmsa_doctor_checks.config",
)
"""Modules with checks of our own, in the order of the way from task definition to ticket."""

P = ParamSpec("P")
R = TypeVar("R")
_MARK = "__gmsa_doctor_check__"
_NOT_VALUES = (str, bytes, int, float, bool, tuple, list, dict, set, object)


class DeclarationError(TypeError):
    """A check is declared in a way that the engine cannot run."""


def check(
    id: str,
    *,
    title: str,
    docs: str,
    cause: Cause | None = None,
    shows: Sequence[ShowsAs] = (),
    limit: float = 30.0,
    about: str = "",
) -> Callable[[Callable[P, R]], CheckFunction[P, R]]:
    """Declare a function as a check, and give it its ``id`` as an attribute.

    ``id`` is ``area.what`` and is never reused; ``docs`` links to the page that the check rests on;
    ``shows`` are the daemon's texts that it may stand behind; ``limit`` is in seconds, after which the
    check ends as ``unknown``; ``about`` is the key of a task definition, of its container or of a CredSpec
    that its findings point to, such as ``container/credentialSpecs/0``. The docstring has three parts, the
    last two marked ``Why:`` and ``Fix:``.

    Raises DeclarationError if the types of the parameters or of the result cannot make a graph.
    """

    def declare(function: Callable[P, R]) -> CheckFunction[P, R]:
        hints, gives = _signature(id, function)
        setattr(
            function,
            _MARK,
            Check(
                id=id,
                title=title,
                function=composing(function, list(hints.values())),
                needs=tuple(_need(id, name, hint) for name, hint in flat(list(hints.items()))),
                gives=gives,
                cause=cause,
                docs=docs,
                explanation=_explanation(id, function),
                shows=tuple(shows),
                limit=limit,
                about=about,
            ),
        )
        setattr(function, "id", declared(id))  # noqa: B010 - mypy knows of no attributes of functions
        return cast("CheckFunction[P, R]", function)

    if id.count(".") != 1 or not all(id.split(".")) or id != id.lower():
        raise DeclarationError(f"{id!r}: an id has the form area.what, in lower case")
    return declare


def _signature(id: str, function: Callable[..., Any]) -> tuple[dict[str, Any], type | None]:
    """The types of the parameters, in order, and the type of the value that the check gives."""
    hints = get_type_hints(function)
    if "return" not in hints:
        raise DeclarationError(f"{id}: the result has no type")
    gives = _given_type(id, hints.pop("return"))
    parameters = inspect.signature(function).parameters
    for parameter in parameters:
        if parameter not in hints:
            raise DeclarationError(f"{id}: the parameter {parameter} has no type")
    return {parameter: hints[parameter] for parameter in parameters}, gives


def _need(id: str, parameter: str, hint: Any) -> Need:
    outcome = get_origin(hint) is Outcome
    return Need(parameter, _value_type(id, get_args(hint)[0] if outcome else hint), outcome)


def _given_type(id: str, hint: Any) -> type | None:
    """The ``T`` of ``Given[T]`` or ``Result[T]``; None for a check that only gives a finding."""
    if hint is Finding:
        return None
    members = get_args(hint) if get_origin(hint) is Union else (hint,)
    given = [member for member in members if get_origin(member) is Given]
    if len(given) != 1:
        raise DeclarationError(f"{id}: a check returns a Finding, a Given[T] or a Result[T], not {hint}")
    return _value_type(id, get_args(given[0])[0])


def _value_type(id: str, hint: Any) -> type:
    if not isinstance(hint, type) or hint in _NOT_VALUES or get_origin(hint) is not None:
        raise DeclarationError(f"{id}: {hint} says nothing about its meaning; make a frozen dataclass of it")
    return hint


def _explanation(id: str, function: Callable[..., Any]) -> Explanation:
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    parts: dict[str, list[str]] = {"what": [], "why": [], "fix": []}
    part = "what"
    for paragraph in paragraphs:
        for mark in ("Why", "Fix"):
            if paragraph.startswith(f"{mark}: "):
                part, paragraph = mark.lower(), paragraph[len(mark) + 2 :]
        parts[part].append(paragraph)
    if not all("".join(text) for text in parts.values()) and sys.flags.optimize < 2:  # -OO strips docstrings
        raise DeclarationError(f"{id}: the docstring says what is checked, then 'Why: …', then 'Fix: …'")
    return Explanation(**{name: "\n\n".join(text) for name, text in parts.items()})


class Registry:
    """All checks of a run, in the order of the graph, with one giver for each type of value."""

    def __init__(self, checks: Iterable[Check]) -> None:
        by_id: dict[str, Check] = {}
        giver: dict[type, Check] = {}
        for one in checks:
            if one.id in by_id:
                raise DeclarationError(f"{one.id} is declared by {by_id[one.id].origin} and by {one.origin}")
            if one.gives is not None:
                if one.gives in giver:
                    first = giver[one.gives].id
                    raise DeclarationError(f"{one.gives.__name__} is given by {first} and by {one.id} of {one.origin}")
                giver[one.gives] = one
            by_id[one.id] = one
        self.giver = giver
        self.checks = tuple(_in_graph_order(by_id, giver))
        self._by_id = by_id

    def get(self, id: str) -> Check | None:
        """The check with that id."""
        return self._by_id.get(id)

    def select(self, names: Iterable[str]) -> frozenset[str]:
        """The ids that ``names`` (ids and areas) stand for. Raises UsageError for an unknown name."""
        chosen: set[str] = set()
        for name in names:
            matches = {one.id for one in self.checks if name in (one.id, one.area)}
            if not matches:
                areas = ", ".join(dict.fromkeys(one.area for one in self.checks))
                raise UsageError(f"there is no check or area {name!r} (areas: {areas}); see `gmsa-doctor list`")
            chosen |= matches
        return frozenset(chosen)

    def without(self, kinds: frozenset[type]) -> Registry:
        """The same without the checks that cannot do without values of these types."""
        gone: set[type] = set(kinds)
        kept: list[Check] = []
        for one in self.checks:  # in the graph's order: what a check needs comes before it
            if any(need.type in gone and not need.outcome for need in one.needs):
                gone |= {one.gives} if one.gives else set()
            else:
                kept.append(one)
        return Registry(kept)

    def with_needs(self, ids: frozenset[str]) -> frozenset[str]:
        """``ids`` and every check that gives a value on their way."""
        wanted: set[str] = set()
        waiting = list(ids)
        while waiting:
            id = waiting.pop()
            if id in wanted:
                continue
            wanted.add(id)
            waiting += [self.giver[n.type].id for n in self._by_id[id].needs if n.type in self.giver]
        return frozenset(wanted)


def _in_graph_order(by_id: dict[str, Check], giver: dict[type, Check]) -> list[Check]:
    """Checks so that each comes after those whose values it takes; else in order of declaration."""
    ordered: dict[str, Check] = {}
    way: list[str] = []

    def visit(one: Check) -> None:
        if one.id in ordered:
            return
        if one.id in way:
            circle = way[way.index(one.id) :]
            origins = ", ".join(dict.fromkeys(by_id[id].origin for id in circle))
            raise DeclarationError(f"checks of {origins} wait for each other: {' → '.join([*circle, one.id])}")
        way.append(one.id)
        for need in one.needs:
            if need.type in giver:
                visit(giver[need.type])
        way.pop()
        ordered[one.id] = one

    for one in by_id.values():
        visit(one)
    return list(ordered.values())


def declared_in(module: ModuleType, origin: str = "gmsa-doctor") -> list[Check]:
    """The checks that a module declares itself (not those that it imports), in its order."""
    functions = (f for f in vars(module).values() if getattr(f, "__module__", None) == module.__name__)
    return [replace(getattr(f, _MARK), origin=origin) for f in functions if hasattr(f, _MARK)]


def load() -> Registry:
    """The built-in checks and those of installed distributions (entry points ``gmsa_doctor.checks``).

    Raises UsageError if a third-party distribution's checks cannot be loaded, naming it.
    """
    checks = [one for name in BUILT_IN for one in declared_in(import_module(name))]
    built_in = Registry(checks)
    verify_references(built_in, "gmsa_doctor", "gmsa_doctor_checks")
    plug_ins = _plug_ins()
    if not plug_ins:
        return built_in
    try:
        return Registry([*checks, *plug_ins])
    except DeclarationError as error:
        raise UsageError(f"the installed plug-ins do not fit together: {error}") from error


def verify_references(registry: Registry, *packages: str) -> None:
    """Raises DeclarationError if modules of these packages name checks that there are not (:class:`CheckId`)."""
    ids = [one.id for one in registry.checks]
    if unknown := [text for package in packages for text in rotten(ids, package)]:
        raise DeclarationError(f"there is no check {'; no check '.join(unknown)}")


def _plug_ins() -> list[Check]:
    from importlib.metadata import entry_points  # 20 ms that --help need not pay

    found: list[Check] = []
    for point in entry_points(group=ENTRY_POINT_GROUP):
        origin = point.dist.name if point.dist else point.name
        try:
            found += _declared_at(point, origin)
        except (Exception, SystemExit) as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise UsageError(
                f"the plug-in {point.name} of {origin} cannot be loaded ({why}); mend or uninstall {origin}"
            ) from error
    return found


def _declared_at(point: EntryPoint, origin: str) -> list[Check]:
    module = point.load()
    if not isinstance(module, ModuleType):
        raise DeclarationError(f"{point.value} is no module")
    checks = declared_in(module, origin)
    if not checks:
        raise DeclarationError(f"{point.value} declares no check")
    return checks
