"""What a check does, and which checks explain an error text. Offline."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from gmsa_doctor.core.model import Cause, Check, ShowsAs
from gmsa_doctor.core.printable import json_document
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.symptoms.catalogue import of_check, seen_on_ec2

BUILT_IN = "gmsa-doctor"
_TEXTS = 8
"""Error texts of a check that are shown at most."""


@dataclass(frozen=True)
class Match:
    """A check that may explain a pasted text, and the part of the text that it explains."""

    check: Check
    shows_as: ShowsAs
    text: str


def explain_check(check: Check, width: int = 80) -> str:
    """What it checks, why it matters, how to fix it, what the daemon reports, and its place in the graph."""
    explanation = check.explanation
    parts = [
        f"{check.id}: {check.title}",
        *([f"One of the four causes that AWS documents: {check.cause}"] if check.cause else []),
        explanation.what,
        f"Why: {explanation.why}",
        f"Fix: {explanation.fix}",
    ]
    blocks = [_filled(part, width) for part in parts]
    if shown := shown_texts(check):
        texts = [f"  {text.text}" for text in shown[:_TEXTS]]
        more = [f"  … and {len(shown) - _TEXTS} more: see the page below"] if shown[_TEXTS:] else []
        blocks.append("\n".join(["Error texts that it may explain, likeliest first:", *texts, *more]))
    needs = ", ".join(need.type.__name__ for need in check.needs)
    gives = f"; returns {check.gives.__name__}" if check.gives else ""
    blocks.append(_filled(f"Requires {needs}{gives}.", width))
    path, line = source_of(check)
    blocks.append(f"Source: {path}:{line}\nSee: {check.docs}")
    return "\n\n".join(blocks)


def source_of(check: Check) -> tuple[str, int]:
    """The file that declares the check, from its package on, and the line."""
    code = inspect.unwrap(check.function).__code__
    path = PurePath(code.co_filename)
    depth = check.function.__module__.count(".") + 1 + (path.stem == "__init__")
    return "/".join(path.parts[-depth:]), code.co_firstlineno


@dataclass(frozen=True)
class ShownText:
    """A text that a check may explain, with the versions that show it and where."""

    text: str
    versions: str
    seen_in: str


def shown_texts(check: Check) -> list[ShownText]:
    """The texts of the catalogue that the check may explain; those of a plug-in are its own."""
    known = [ShownText(symptom.text, symptom.versions, symptom.seen_in) for symptom in of_check(check.id)]
    if check.origin == BUILT_IN:
        return known
    own = ((version, text) for shows in check.shows for version, text in (("2.x", shows.v2), ("1.3", shows.v1_3)))
    texts: dict[str, list[str]] = {}
    for version, text in own:
        if text and version not in texts.setdefault(text, []):
            texts[text].append(version)
    return [*known, *(ShownText(text, ", ".join(versions), "") for text, versions in texts.items())]


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
            texts = {shows.v2, shows.v1_3, *seen_on_ec2(shows.v2, shows.v1_3)}
            for text in {text for text in texts if text and _plain(text) in wanted}:
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


def explain_area(registry: Registry, area: str, width: int = 80) -> str | None:
    """The checks of an area, with a line each; None if there is no such area."""
    checks = [check for check in registry.checks if check.area == area]
    if not checks:
        return None
    lines = [f"{area}: {len(checks)} check{'s' if checks[1:] else ''}", ""]
    for check in checks:
        first = f"  {check.id}: "
        lines += textwrap.wrap(check.title, width, initial_indent=first, subsequent_indent="    ")
    return "\n".join([*lines, "", "For details: gmsa-doctor explain ID"])


_NARROWEST = 16
_NUMBERS = {cause: str(number) for number, cause in enumerate(Cause, 1)}


def select(registry: Registry, names: Sequence[str]) -> list[Check]:
    """The checks with these ids and areas, all without any. Raises UsageError for an unknown name."""
    ids = registry.select(names) if names else registry.ids
    return [check for check in registry.checks if check.id in ids]


def json_list(checks: Iterable[Check]) -> str:
    """The checks as a JSON array."""
    entries = [
        {
            "id": check.id,
            "title": check.title,
            "area": check.area,
            "step": check.step,
            "owner": check.owner,
            "cause": check.cause,
            "docs": check.docs,
            "origin": check.origin,
        }
        for check in checks
    ]
    return json_document(entries)


def list_checks(registry: Registry, checks: Sequence[Check], width: int) -> str:
    """The checks as a table, those of plug-ins with their distribution; the documented causes by their numbers."""
    from tabulate import tabulate

    plug_ins = any(check.origin != BUILT_IN for check in checks)
    rows = [
        (check.id, check.title, _NUMBERS[check.cause] if check.cause else "", *((check.origin,) if plug_ins else ()))
        for check in checks
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
