"""What is the same for several subjects: faults whose findings differ only in the subject's own names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

from gmsa_doctor.core.model import Fix, SubjectReport


@cache
def own_names(subject_facts: tuple[tuple[str, str], ...]) -> Callable[[str], str]:
    """Replaces a subject's own names in a text: its service, container and task definition."""
    facts = dict(subject_facts)
    definition = facts.get("task_definition", "")
    names = {
        "service": facts.get("service", "").rpartition("/")[2],
        "revision": definition,
        "family": definition.rpartition(":")[0],
        "container": facts.get("container", ""),
    }
    known = {name: f"<{kind}>" for kind, name in reversed(names.items()) if name}
    longest_first = sorted(known, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in longest_first))
    return lambda text: pattern.sub(lambda match: known[match[0]], text) if known else text


def without_names(fix: Fix | None, subject: SubjectReport) -> object:
    """What two subjects' fixes have in common, if one is the other with other names; equal only then."""
    if fix is None:
        return None
    anonymous = own_names(subject.facts)
    return anonymous(fix.text), tuple(map(anonymous, fix.commands)), fix.owner, fix.change


def units(subjects: Iterable[SubjectReport]) -> list[str]:
    """The services of subjects, each once however many of its containers use a gMSA; otherwise the subjects."""
    return list(dict.fromkeys(dict(subject.facts).get("service") or subject.name for subject in subjects))


def unit_word(subjects: Iterable[SubjectReport]) -> str:
    """What these are, in the plural."""
    return "services" if all("service" in dict(subject.facts) for subject in subjects) else "subjects"
