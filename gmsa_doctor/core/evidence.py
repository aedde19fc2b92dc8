"""What ECS, a container or a daemon has recorded, at the finding that explains it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """A text that was recorded, with who recorded it, how often and when (UTC, ISO 8601).

    ``summary`` is the sentence before the text: "ECS reported this 4 minutes ago, 3 times". ``stale`` says why the text
    may be about an earlier state: what it is about has changed since.
    """

    summary: str
    text: str
    source: str
    count: int
    first: str
    last: str
    task: str = ""
    stale: str = ""

    @property
    def sentence(self) -> str:
        """The whole in a line."""
        note = f" (out of date: {self.stale})" if self.stale else ""
        return f"{self.summary}{note}: {self.text}"
