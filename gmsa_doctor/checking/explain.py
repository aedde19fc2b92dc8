"""What a check is about, and which checks stand behind an error text. Offline."""

from __future__ import annotations

import difflib
import inspect
import re
import textwrap
from dataclasses import dataclass
from pathlib import PurePath

from gmsa_doctor.core.model import Cause, Check, ShowsAs
from gmsa_doctor.core.registry import Registry


@dataclass(frozen=True)
class Match:
    """A check that may stand behind a pasted text, and the part of the text that says so."""

    check: Check
    shows_as: ShowsAs
    text: str


def explain_check(check: Check, width: int = 80) -> str:
    """What it checks, why it matters, how to fix it, what the daemon shows, and its place in the graph."""
    explanation = check.explanation
    parts = [
        f"{check.id}: {check.title}",
        *([f"One of the four causes that AWS documents: {check.cause}"] if check.cause else []),
        explanation.what,
        f"Why: {explanation.why}",
        f"Fix: {explanation.fix}",
    ]
    blocks = [_filled(part, width) for part in parts]
    if shown := [f"  {text} ({', '.join(versions)})" for text, versions in shown_texts(check).items()]:
        blocks.append("\n".join(["Credentials Fetcher may show it as:", *shown]))
    needs = ", ".join(need.type.__name__ for need in check.needs)
    gives = f", and gives {check.gives.__name__}" if check.gives else ""
    blocks.append(_filled(f"It needs {needs}{gives}.", width))
    path, line = source_of(check)
    blocks.append(f"Source: {path}:{line}\nSee: {check.docs}")
    return "\n\n".join(blocks)


def source_of(check: Check) -> tuple[str, int]:
    """The file that declares the check, from its package on, and the line."""
    code = inspect.unwrap(check.function).__code__
    path = PurePath(code.co_filename)
    depth = check.function.__module__.count(".") + 1 + (path.stem == "__init__")
    return "/".join(path.parts[-depth:]), code.co_firstlineno


def shown_texts(check: Check) -> dict[str, list[str]]:
    """The texts of Credentials Fetcher that the check may explain, with the versions that show each."""
    texts: dict[str, list[str]] = {}
    for shows in check.shows:
        for version, text in (("2.x", shows.v2), ("1.3", shows.v1_3)):
            if text and version not in texts.setdefault(text, []):
                texts[text].append(version)
    return texts


def _filled(text: str, width: int, indent: str = "") -> str:
    """Paragraphs of lines that are at most so wide."""
    wrapper = textwrap.TextWrapper(
        width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n\n".join(wrapper.fill(re.sub(r"\s+", " ", paragraph)) for paragraph in text.split("\n\n"))


def match_text(registry: Registry, pasted: str) -> list[Match]:
    """The checks whose texts occur in a pasted one, likeliest first, each once.

    A longer text decides before a shorter one; then the order of ``likeliest``, then that of the graph.
    """
    wanted = _plain(pasted)
    found: list[tuple[tuple[int, int, int], Match]] = []
    for place, check in enumerate(registry.checks):
        for shows in check.shows:
            for text in {text for text in (shows.v2, shows.v1_3) if text and _plain(text) in wanted}:
                likely = shows.likeliest.index(check.id) if check.id in shows.likeliest else len(shows.likeliest)
                found.append(((-len(text), likely, place), Match(check, shows, text)))
    best: dict[str, Match] = {}
    for _, match in sorted(found, key=lambda ranked: ranked[0]):
        best.setdefault(match.check.id, match)
    return list(best.values())


_NOISE = re.compile(r"\x1b\[[0-9;]*m|\\[nrt]|\\(?=\")|\s")
"""Colours, the escapes of a text out of JSON, and white space: a console breaks lines within words."""


def _plain(text: str) -> str:
    return _NOISE.sub("", text).casefold()


def explain_text(registry: Registry, pasted: str, width: int = 80) -> str | None:
    """What may stand behind a pasted text, likeliest first; None if nothing is known of it."""
    matches = match_text(registry, pasted)
    if not matches:
        return None
    texts = list(dict.fromkeys(match.text for match in matches))
    lines = ["That is what Credentials Fetcher or Kerberos shows for:" if len(texts) == 1 else "It holds:"]
    lines += [f"  {text}" for text in texts]
    lines += ["", "What usually stands behind it, likeliest first:" if len(matches) > 1 else "What stands behind it:"]
    for number, match in enumerate(matches, 1):
        lines += ["", f"{number}. {match.check.id}: {match.check.title}"]
        lines += [_filled(re.sub(r"\s+", " ", f"Fix: {match.check.explanation.fix}"), width, "   ")]
    areas = ",".join(dict.fromkeys(match.check.area for match in matches))
    return "\n".join([*lines, "", f"To find out which: gmsa-doctor check … --only {areas}"])


def suggest(registry: Registry, word: str) -> list[str]:
    """Ids that look like ``word``."""
    ids = [check.id for check in registry.checks]
    parts = [id for id in ids if word.lower() in id] if len(word) > 3 else []
    return list(dict.fromkeys([*difflib.get_close_matches(word.lower(), ids, 3), *parts]))[:5]


_NARROWEST = 16
_NUMBERS = {cause: str(number) for number, cause in enumerate(Cause, 1)}


def list_checks(registry: Registry, width: int) -> str:
    """All checks as a table, those of plug-ins with their distribution; the documented causes by their numbers."""
    from tabulate import tabulate

    plug_ins = any(check.origin != "gmsa-doctor" for check in registry.checks)
    rows = [
        (check.id, check.title, _NUMBERS[check.cause] if check.cause else "", *((check.origin,) if plug_ins else ()))
        for check in registry.checks
    ]
    headers = ["id", "title", "cause", *(["from"] if plug_ins else [])]
    others = sum(max(len(row[place]) for row in [headers, *rows]) + 2 for place in range(len(headers)) if place != 1)
    widths = [None, max(_NARROWEST, width - others), None, None][: len(headers)]
    table = tabulate(
        rows,
        headers=headers,
        tablefmt="plain",
        maxcolwidths=widths,
        disable_numparse=True,
        colalign=["left"] * len(headers),
    )
    causes = ", ".join(f"{number} {cause}" for cause, number in _NUMBERS.items())
    broken = "".join(f"\n\n{text[:1].upper()}{text[1:]}; fix or uninstall it" for text in map(str, registry.broken))
    return f"{table}\n\nDocumented causes: {causes}{broken}"
