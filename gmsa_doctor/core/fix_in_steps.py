"""A fix of several steps, from the fix of each step."""

from __future__ import annotations

import re

from gmsa_doctor.core.model import Fix, Owner

_END = re.compile(r"\.(?=\s|$)")


def fix_in_steps(*steps: Fix, owner: Owner | None = None) -> Fix:
    """Number the steps, and refer to each step's commands at the end of its first sentence.

    A report shows the commands there. ``owner``: who can fix the finding, if not the check's owner.
    """
    texts: list[str] = []
    commands: tuple[str, ...] = ()
    for number, step in enumerate(steps, 1):
        texts.append(f"{number}. {_with_reference(step.text, len(commands) + 1, len(step.commands))}")
        commands += step.commands
    return Fix(" ".join(texts), commands, owner)


def _with_reference(text: str, first: int, count: int) -> str:
    if not count:
        return text
    last = first + count - 1
    between = " and " if count == 2 else " to "
    reference = f" (command {first})" if count == 1 else f" (commands {first}{between}{last})"
    end = _END.search(text)
    return f"{text[: end.start()]}{reference}{text[end.start() :]}" if end else f"{text}{reference}"
