"""Names in Markdown, for GitHub and GitLab: nothing in them becomes markup, a link, a mention or a command."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"[\\`*_\[\]|~$]")
"""Within a line, where all prose stands here: signs that mean something only at its beginning need no escape."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BREAK = "<!-- -->"
_LIVE = re.compile(r"(@)|(?<=[#!&%$~])(?=\d)|(?<=://)|(?<=www)(?=\.)", re.IGNORECASE)
"""Where a site would make a mention, a reference or a link of plain text, even of text that is escaped."""

_RESERVE = 200
"""Bytes for the line that says that something was left out."""
_LEFT_OUT = "_What follows was too long for this page and is left out; the other reports have it all._"


def fitted(blocks: Sequence[str], limit: int) -> str:
    """As many blocks as there is room for, in bytes; one that is too long makes room for the shorter ones after it."""
    kept: list[str] = []
    room = limit - _RESERVE
    for block in blocks:
        size = len(block.encode()) + 2
        if size <= room:
            kept.append(block)
            room -= size
    if len(kept) < len(blocks):
        kept.append(_LEFT_OUT)
    return "\n\n".join(kept) + "\n"


def prose(text: str) -> str:
    """Prose: each sign of Markdown and HTML stands for itself."""
    pieces: list[str] = []
    end = 0
    for match in _LIVE.finditer(text):
        pieces += (_escaped(text[end : match.end()]), _BREAK)
        end = match.end()
    return "".join((*pieces, _escaped(text[end:])))


def _escaped(text: str) -> str:
    text = re.sub("[&<>]", lambda match: _ENTITIES[match[0]], text)
    return _MARKUP.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    """A name as code, in which nothing is markup."""
    ticks = "`" * (_longest_run(text) + 1)
    padding = " " if text.strip(" `") != text or not text else ""
    return f"{ticks}{padding}{text}{padding}{ticks}"


def fenced(commands: Sequence[str], shell: str) -> str:
    """Commands as a block of code."""
    fence = "`" * max(3, _longest_run("\n".join(commands)) + 1)
    return "\n".join((f"{fence}{shell}", *commands, fence))


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
