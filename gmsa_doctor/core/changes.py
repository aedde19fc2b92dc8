"""The mechanical change of a file that fixes a finding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """A range of a file's text that is replaced by ``text``. Lines and columns count from 1; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True)
class Change:
    """At the finding's place in the file, ``old`` becomes ``new``.

    ``into``: the JSON key ``old`` moves into the container with that index, as ``new``. Without any of them, the file
    is saved as UTF-8 without a byte-order mark. The run finds the ``edits`` in the file; None if it cannot.
    """

    old: str = ""
    new: str = ""
    into: int | None = None
    edits: tuple[Edit, ...] | None = None

    @property
    def is_encoding(self) -> bool:
        """Whether only the file's encoding changes."""
        return not (self.old or self.new)


def replaced(old: str, new: str) -> Change:
    """The change of one text to another, without the characters that both have at their ends.

    If nothing is left of the old text, some of them stay, so that the place is found.
    """
    same = 0
    while same < min(len(old), len(new)) and old[-1 - same] == new[-1 - same]:
        same += 1
    if same == len(old):
        same = max(0, same - 4)
    return Change(old[: len(old) - same], new[: len(new) - same])
