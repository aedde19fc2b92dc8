"""A wrapper for secrets that cannot be printed by accident."""

from __future__ import annotations

from typing import Generic, NoReturn, TypeVar

from gmsa_doctor.core import private_memory

T = TypeVar("T", str, bytes)


class Hidden(Generic[T]):
    """A password, key or token. Its text leaves only through :meth:`reveal`.

    ``repr``, ``str`` and ``format`` show ``<hidden>``; pickling is refused, so that no copy ends up
    in a file, and the process writes no core dump. Two are equal when what they hide is equal, so a secret can be part
    of a frozen value.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: T) -> None:
        private_memory.close()
        self._secret: T = secret

    def reveal(self) -> T:
        """The secret itself. Call it where a protocol needs it, and nowhere else."""
        return self._secret

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("<hidden>", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and bool(self._secret == other._secret)

    def __hash__(self) -> int:
        return hash(self._secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a hidden value is never pickled")
