"""A fix of several steps or alternatives, from the fix of each."""

from __future__ import annotations

import re
from dataclasses import replace

from gmsa_doctor.core.model import Fix, Owner

REFERENCE = re.compile(r"commands? (\d+)(?: (and|to) (\d+))?")
"""How the text of a fix refers to its commands, which count from 1."""
_END = re.compile(r"\.(?=\s|$)")


def fix_in_steps(*steps: Fix, owner: Owner | None = None) -> Fix:
    """Number the steps: "1. … 2. …". Each refers to its commands, if its own text does not, in its first sentence.

    A report shows the commands there. ``owner``: who can fix the finding, if not the check's owner.
    """
    return _marked([f"{number}. " for number in range(1, len(steps) + 1)], steps, owner)


def alternatives(*fixes: Fix, owner: Owner | None = None) -> Fix:
    """Letter them: "Choose one: a) … b) …"; otherwise as :func:`fix_in_steps`."""
    fix = _marked([f"{letter}) " for letter in "abcdefgh"], fixes, owner)
    return replace(fix, text=f"Choose one: {fix.text}")


def one_after_the_other(*fixes: Fix, owner: Owner | None = None) -> Fix:
    """Their texts without marks; otherwise as :func:`fix_in_steps`."""
    return _marked([""] * len(fixes), fixes, owner)


def _marked(marks: list[str], parts: tuple[Fix, ...], owner: Owner | None) -> Fix:
    texts: list[str] = []
    commands: tuple[str, ...] = ()
    for mark, part in zip(marks, parts, strict=False):
        texts.append(f"{mark}{_with_references(part, len(commands))}")
        commands += part.commands
    return Fix(" ".join(texts), commands, owner)


def _with_references(part: Fix, before: int) -> str:
    """The text with references that count the commands before it as well."""
    if REFERENCE.search(part.text):
        return REFERENCE.sub(lambda match: _shifted(match, before), part.text)
    if not part.commands:
        return part.text
    reference = f" ({_reference(before + 1, before + len(part.commands))})"
    end = _END.search(part.text)
    return f"{part.text[: end.start()]}{reference}{part.text[end.start() :]}" if end else f"{part.text}{reference}"


def _shifted(match: re.Match[str], before: int) -> str:
    return _reference(int(match[1]) + before, int(match[3] or match[1]) + before)


def _reference(first: int, last: int) -> str:
    if first == last:
        return f"command {first}"
    return f"commands {first} {'and' if last == first + 1 else 'to'} {last}"
