"""The generations of Credentials Fetcher. They accept different documents."""

from __future__ import annotations

from enum import StrEnum


class Fetcher(StrEnum):
    """A generation of Credentials Fetcher: the C++ daemon, or the Go rewrite that Fargate runs."""

    V1_3 = "1.3"
    V2 = "2"

    @property
    def series(self) -> str:
        """As messages name it: 1.3, or 2.x."""
        return "2.x" if self is Fetcher.V2 else self.value
