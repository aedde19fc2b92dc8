"""Ids of checks as other modules name them: each is verified when the checks are loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import ParamSpec, Protocol, Self, TypeVar

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

_references: dict[tuple[str, str], None] = {}
"""Each id that was named, with the module that names it."""


class CheckId(str):
    """The id of a check, named where its function cannot be imported: ``CheckId("credspec.object")``.

    An id that no check has is a :class:`~gmsa_doctor.core.registry.DeclarationError` when the checks are loaded.
    A plain text is not accepted where a reference to a check is asked for.
    """

    __slots__ = ()

    def __new__(cls, id: str) -> Self:
        """Keep note of the reference, to verify it later."""
        _references[id, sys._getframe(1).f_globals.get("__name__", "")] = None
        return super().__new__(cls, id)


def declared(id: str) -> CheckId:
    """The id that a check itself has: no reference to another."""
    return str.__new__(CheckId, id)


class CheckFunction(Protocol[P, R_co]):
    """A function that was declared as a check: it can be called as before, and knows its id."""

    @property
    def id(self) -> CheckId:
        """The id of the check."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """What the check returns."""


def rotten(known: Iterable[str], package: str) -> list[str]:
    """References to checks that there are not, with the module that names them, made in modules of a package."""
    ids = set(known)
    return [
        f"{id!r} in {module}"
        for id, module in _references
        if id not in ids and (module == package or module.startswith(f"{package}."))
    ]
