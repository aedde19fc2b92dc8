"""What is the same for several subjects: faults whose findings differ only in the subject's own names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from gmsa_doctor.core.model import Fix, SubjectReport

_SHORTEST = 3
"""Shorter names are replaced in commands only: in a sentence they may be a word."""


@cache
def own_names(facts: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The subject's own names, and what stands for them: its service, container and task definition."""
    known = dict(facts)
    definition = known.get("task_definition", "")
    names = {
        "service": known.get("service", "").rpartition("/")[2],
        "revision": definition,
        "family": definition.rpartition(":")[0],
        "container": known.get("container", ""),
    }
    return {name: f"<{kind}>" for kind, name in reversed(names.items()) if name}


@cache
def pattern_of(names: tuple[str, ...]) -> re.Pattern[str]:
    """Finds the names as whole words."""
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile("|".join(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in longest_first) or r"(?!)")


def without_names(fix: Fix | None, subject: SubjectReport) -> object:
    """What two subjects' fixes have in common, if one is the other with other names; equal only then."""
    if fix is None:
        return None
    texts = (fix.text, *fix.commands)
    names = {name: word for name, word in own_names(subject.facts).items() if any(name in text for text in texts)}
    if not names:
        return fix.text, fix.commands, fix.owner, fix.change
    anywhere, in_text = pattern_of(tuple(names)), pattern_of(tuple(name for name in names if len(name) >= _SHORTEST))

    def name_of(match: re.Match[str]) -> str:
        return names[match[0]]

    commands = tuple(anywhere.sub(name_of, command) for command in fix.commands)
    return in_text.sub(name_of, fix.text), commands, fix.owner, fix.change


def units(subjects: Iterable[SubjectReport]) -> list[str]:
    """The services of subjects, each once however many of its containers use a gMSA; otherwise the subjects."""
    return list(dict.fromkeys(dict(subject.facts).get("service") or subject.name for subject in subjects))


def unit_word(subjects: Iterable[SubjectReport]) -> str:
    """What these are, in the plural."""
    return "services" if all("service" in dict(subject.facts) for subject in subjects) else "subjects"
