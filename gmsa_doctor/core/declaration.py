"""A function becomes a check: the decorator, and what it reads from the types and the docstring."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from gmsa_doctor.core.bundles import composing, flat
from gmsa_doctor.core.check_id import CheckFunction, declared
from gmsa_doctor.core.model import Cause, Check, Explanation, Finding, Given, Need, Outcome, Owner, ShowsAs, Step

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
    step: Step | None = None,
    owner: Owner | None = None,
    cause: Cause | None = None,
    shows: Sequence[ShowsAs] = (),
    limit: float = 30.0,
    about: str = "",
    is_supplementary: bool = False,
) -> Callable[[Callable[P, R]], CheckFunction[P, R]]:
    """Declare a function as a check, and give it its ``id`` as an attribute.

    ``id`` is ``area.what`` and is never reused; ``docs`` links to the page that the check rests on;
    ``step`` is the step that it belongs to, and ``owner`` who can fix what it finds, unless a finding's fix names
    another owner: without them, a built-in check takes those of its package's tables;
    ``shows`` are the daemon's texts that it may stand behind; ``limit`` is in seconds, after which the
    check ends as ``unknown``; ``about`` is the key of a task definition, of its container or of a CredSpec
    that its findings point to, such as ``container/credentialSpecs/0``; ``is_supplementary`` says that the verdict
    rests on the other checks if this one is ``unknown``. The docstring has three parts, the
    last two marked ``Why:`` and ``Fix:``.

    Raises DeclarationError if the types of the parameters or of the result cannot make a graph.
    """

    def declare(function: Callable[P, R]) -> CheckFunction[P, R]:
        hints, gives = _signature(id, function)
        declaration = Check(
            id=id,
            title=title,
            function=composing(function, list(hints.values())),
            needs=tuple(_need(id, name, hint) for name, hint in flat(list(hints.items()))),
            gives=gives,
            cause=cause,
            step=step,
            owner=owner,
            docs=docs,
            explanation=_explanation(id, function),
            shows=tuple(shows),
            limit=limit,
            about=about,
            is_supplementary=is_supplementary,
        )
        vars(function).update({_MARK: declaration, "id": declared(id)})
        return cast("CheckFunction[P, R]", function)

    if id.count(".") != 1 or not all(id.split(".")) or id != id.lower():
        raise DeclarationError(f"{id!r}: an id has the form area.what, in lower case")
    return declare


def declared_in(module: ModuleType, origin: str = "gmsa-doctor") -> list[Check]:
    """The checks that a module declares itself (not those that it imports), in its order."""
    functions = (value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__)
    return [replace(getattr(function, _MARK), origin=origin) for function in functions if hasattr(function, _MARK)]


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
    parts: dict[str, list[str]] = {"what": [], "why": [], "fix": []}
    part = "what"
    for paragraph in inspect.cleandoc(function.__doc__ or "").split("\n\n"):
        if paragraph.startswith(("Why: ", "Fix: ")):
            part, paragraph = paragraph[:3].lower(), paragraph[5:]
        parts[part].append(paragraph)
    if not all("".join(text) for text in parts.values()) and sys.flags.optimize < 2:  # -OO strips docstrings
        raise DeclarationError(f"{id}: the docstring says what is checked, then 'Why: …', then 'Fix: …'")
    return Explanation(**{name: "\n\n".join(text) for name, text in parts.items()})
