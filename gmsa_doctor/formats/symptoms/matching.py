"""Which texts of the catalogue lines hold, which of them decides, and which causes the others rule out."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from gmsa_doctor.formats.symptoms.catalogue import APPLICATIONS, Symptom, symptoms

_FEW = 200
"""Lines up to which a text is also looked for across a line's end, where a terminal may have broken it."""
_NEAR = 5
"""Lines after a wrapper whose words are about its account."""


@dataclass(frozen=True)
class Match:
    """A known text in the input. ``start`` and ``end`` count characters from the input's start, without white space."""

    symptom: Symptom
    line: int
    start: int
    end: int
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What the lines say: every match by rank, the decisive one first, with the causes left and those ruled out."""

    decisive: Match
    matches: tuple[Match, ...]
    causes: tuple[str, ...]
    ruled_out: tuple[str, ...]
    is_application: bool


def answer(lines: Sequence[str]) -> Answer | None:
    """The decisive text and its causes; None if no text is known."""
    found = matches(lines)
    if not found:
        return None
    is_application = any(match.symptom.emitter in APPLICATIONS for match in found)
    found = [_in_context(match, found, lines, is_application) for match in found]
    standing = [match for match in found if not _overtaken(match, found)] or found
    ranked = sorted(standing, key=_weight, reverse=True)
    decisive = ranked[0]
    equal = [match for match in ranked if match.symptom.rank == decisive.symptom.rank and not match.symptom.outside]
    causes = dict.fromkeys(_left(decisive, found))
    for match in equal:
        causes |= dict.fromkeys(id for id in match.causes if not _is_excluded(id, match, found))
    named = dict.fromkeys(id for match in (decisive, *equal, *found) for id in match.causes)
    ruled_out = [id for id in named if id not in causes and any(match.symptom.rules_out_check(id) for match in found)]
    return Answer(decisive, tuple(ranked), tuple(causes), tuple(ruled_out), is_application)


def _is_excluded(id: str, match: Match, found: Iterable[Match]) -> bool:
    return any(other.symptom.rules_out_check(id) for other in found if other.symptom is not match.symptom)


def _weight(match: Match) -> tuple[int, int, int, int]:
    """The higher rank, the later line, the later end within it, then the longer text."""
    return match.symptom.rank, match.line, match.end, match.end - match.start


def _overtaken(match: Match, found: Iterable[Match]) -> bool:
    """Whether later lines rule out all that it may be caused by."""
    later = [other.symptom for other in found if other.line > match.line]
    return bool(match.causes) and all(any(symptom.rules_out_check(id) for symptom in later) for id in match.causes)


def _left(decisive: Match, found: Iterable[Match]) -> list[str]:
    """The causes of the decisive text that the others leave; only later lines overrule one that names its cause."""
    others = [other for other in found if other is not decisive and other.symptom is not decisive.symptom]
    if decisive.symptom.decisive == "yes":
        others = [other for other in others if other.line > decisive.line]
    left = [id for id in decisive.causes if not any(other.symptom.rules_out_check(id) for other in others)]
    return left or list(decisive.causes)


def _in_context(match: Match, found: Sequence[Match], lines: Sequence[str], is_application: bool) -> Match:
    """The match with the causes that apply in this line, to this account, and in this kind of log."""
    symptom = match.symptom
    line = lines[match.line].lower()
    causes = symptom.causes
    cases = [case.causes for case in symptom.cases if re.search(case.line, line)]
    if symptom.causes_of_gmsa and _whose(match, found) == "gmsa":
        causes = symptom.causes_of_gmsa
    elif cases:
        causes = (*cases[0], *(id for id in causes if id not in cases[0]))
    elif is_application and symptom.causes_in_application:
        causes = symptom.causes_in_application
    return Match(symptom, match.line, match.start, match.end, causes)


def _whose(match: Match, found: Sequence[Match]) -> str:
    """The account that kinit's words are about: of the wrapper before it, or of the exit status after it."""
    before = [
        other
        for other in found
        if other.symptom.whose
        and other.start < match.end
        and match.line - other.line <= _NEAR
        and other.symptom.id != "cf13.kinit-value"
    ]
    if before:
        return max(before, key=lambda other: other.end).symptom.whose
    after = (other for other in found if 0 <= other.line - match.line <= _NEAR)
    return next((other.symptom.whose for other in after if other.symptom.id == "cf13.kinit-value"), "")


def matches(lines: Sequence[str]) -> list[Match]:
    """Each known text in the lines, in their order; a text that is part of another at the same place is left out."""
    folded = [line.lower() for line in lines]
    packed = [line.replace(" ", "") for line in folded]
    starts = [0, *accumulate(map(len, packed))]
    whole = "".join(packed)
    spans: dict[tuple[int, int], Symptom] = {}
    for symptom in symptoms().values():
        for start, end in _spans(symptom, folded, starts, whole):
            known = spans.get((start, end))
            if known is None or symptom.rank > known.rank:
                spans[start, end] = symptom
    return [
        Match(spans[span], bisect_right(starts, span[0], 0, len(lines)) - 1, *span, spans[span].causes)
        for span in _apart(spans)
    ]


def _spans(symptom: Symptom, lines: Sequence[str], starts: Sequence[int], whole: str) -> Iterator[tuple[int, int]]:
    if not symptom.regex:
        return _literal(symptom.squeezed, whole)
    if not any(word in whole for word in symptom.words):
        return iter(())
    return _by_pattern(re.compile(symptom.regex), lines, starts)


def _literal(text: str, whole: str) -> Iterator[tuple[int, int]]:
    start = whole.find(text)
    while start >= 0:
        yield start, start + len(text)
        start = whole.find(text, start + len(text))


def _by_pattern(pattern: re.Pattern[str], lines: Sequence[str], starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    for number, line in enumerate(lines):
        for match in pattern.finditer(line):
            yield _span(match, line, starts[number])
    if len(lines) <= _FEW:
        for number, (line, following) in enumerate(pairwise(lines)):
            for joined in (line + following, f"{line} {following}"):
                for match in pattern.finditer(joined):
                    if match.start() < len(line) < match.end():
                        yield _span(match, joined, starts[number])


def _span(match: re.Match[str], line: str, offset: int) -> tuple[int, int]:
    start = offset + match.start() - line.count(" ", 0, match.start())
    return start, start + len(match[0].replace(" ", ""))


def _apart(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that do not overlap, in order: of two that do, the longer one."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        place = bisect_left(kept, (start, end))
        before, after = kept[place - 1 : place] if place else [], kept[place : place + 1]
        if not any(end > other[0] and start < other[1] for other in (*before, *after)):
            kept.insert(place, (start, end))
    return kept


def nearest(lines: Sequence[str], count: int = 3) -> list[Symptom]:
    """The known texts with the most words of the lines, those of rare words first."""
    words = {word for line in lines[:_FEW] for word in _words(line)}
    scored = []
    frequency: dict[str, int] = {}
    entries = [(symptom, _words(symptom.text)) for symptom in symptoms().values()]
    for _, own in entries:
        for word in own:
            frequency[word] = frequency.get(word, 0) + 1
    for symptom, own in entries:
        common = own & words
        score = sum(1 / frequency[word] for word in common)
        if len(common) >= 2 and 2 * len(common) >= len(own):
            scored.append((len(common) / len(own), score, symptom))
    scored.sort(key=lambda item: item[:2], reverse=True)
    return [symptom for _, _, symptom in scored[:count]]


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z0-9_-]{3,}", text.lower()) if word not in _COMMON}


_COMMON = {"the", "for", "and", "with", "from", "error", "failed", "not", "was", "are", "has"}
