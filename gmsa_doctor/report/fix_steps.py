"""The steps of a fix: each with its commands under it.

A fix numbers its steps ("1. List the bucket (command 1). 2. …") or letters its alternatives ("a) … b) …"), and a
sentence refers to the commands that it needs by their numbers. A report shows these commands after that sentence
instead of the numbers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gmsa_doctor.core.fix_in_steps import REFERENCE
from gmsa_doctor.core.model import Fix

_MARK = re.compile(r"(?:^|(?<=\s))(\d\.|[a-h]\)) (?=\S)")
_BRACKETS = re.compile(r" ?\(commands? \d+(?: (?:and|to) \d+)?(?:; ([^)]*))?\)")
_END = re.compile(r"\.(?=\s|$)")


@dataclass(frozen=True)
class FixStep:
    """Sentences, and the commands that belong to them.

    ``mark``: ``1.`` of a step, ``a)`` of an alternative; empty without one, or where a step goes on.
    """

    mark: str
    text: str
    commands: tuple[str, ...] = ()

    @property
    def marked(self) -> str:
        """The text after its mark, if it has one."""
        return f"{self.mark} {self.text}" if self.mark else self.text


def fix_steps(fix: Fix) -> tuple[FixStep, ...]:
    """The parts of the fix in their order; the whole fix as one part if its references are not in order."""
    steps = list(_split(fix.text))
    if not REFERENCE.search(fix.text):
        return _without_references(steps, fix.commands)
    parts = [FixStep(mark if first else "", text) for mark, step in steps for first, text in _sentences(step)]
    if not is_in_order(fix):
        return (FixStep("", fix.text, fix.commands),)
    ends = [max(_referred(part.text), default=0) for part in parts]
    referring = [index for index, end in enumerate(ends) if end]
    ends[referring[-1]] = len(fix.commands)  # those that no sentence refers to belong to the last of these
    result, start = [], 0
    for part, end in zip(parts, ends, strict=True):
        result.append(FixStep(part.mark, _resolved(part.text, start < end), fix.commands[start:end]))
        start = max(start, end)
    return tuple(result)


def is_in_order(fix: Fix) -> bool:
    """Whether the fix refers to commands that it has, in their order, at most once per sentence, or to none."""
    sentences = [text for _, step in _split(fix.text) for _, text in _sentences(step)]
    referred = [number for sentence in sentences for number in _referred(sentence)]
    alone = all(len(REFERENCE.findall(sentence)) < 2 for sentence in sentences)
    return alone and referred == sorted(set(referred)) and max(referred, default=0) <= len(fix.commands)


def _split(text: str) -> Iterator[tuple[str, str]]:
    """The marks and what follows each; the part before the first mark has an empty one.

    Marks are "1.", "2." and so on, if the text begins with "1.", and "a)", "b)" within the text or each step.
    """
    starts: list[re.Match[str]] = []
    digit, letter = "1.", "a)"
    for match in _MARK.finditer(text):
        if match[1] == digit and (starts or match.start() == 0):
            digit, letter = f"{int(digit[0]) + 1}.", "a)"
        elif match[1] == letter:
            letter = f"{chr(ord(letter[0]) + 1)})"
        else:
            continue
        starts.append(match)
    begin = starts[0].start() if starts else len(text)
    if begin or not starts:
        yield "", text[:begin].strip()
    ends = [match.start() for match in starts[1:]] + [len(text)]
    yield from ((start[1], text[start.end() : end].strip()) for start, end in zip(starts, ends, strict=False))


def _sentences(step: str) -> Iterator[tuple[bool, str]]:
    """Split the step after each sentence that refers to commands; with each part, whether it is the step's first."""
    start = 0
    for reference in REFERENCE.finditer(step):
        bracket = _BRACKETS.search(step, max(reference.start() - 2, 0))
        inside = bracket is not None and bracket.start() < reference.start()
        end = _END.search(step, bracket.end() if bracket and inside else reference.end())
        if end and start < reference.start() and step[end.end() :].strip():
            yield start == 0, step[start : end.end()].strip()
            start = end.end()
    yield start == 0, step[start:].strip()


def _referred(text: str) -> list[int]:
    """The numbers of the commands that the text refers to."""
    numbers = [(int(first), int(last or first)) for first, _, last in REFERENCE.findall(text)]
    return [number for first, last in numbers for number in range(first, last + 1)]


def _resolved(text: str, has_commands: bool) -> str:
    """The text without the numbers of commands, which stand below it."""
    without = _BRACKETS.sub(lambda match: f" ({match[1]})" if match[1] else "", text)
    named = REFERENCE.sub(lambda match: "these commands" if match[2] else "this command", without)
    last_sentence = named.rpartition(". ")[2]
    return re.sub(r"\.$", ":", named) if has_commands and ": " not in last_sentence else named


def _without_references(steps: list[tuple[str, str]], commands: tuple[str, ...]) -> tuple[FixStep, ...]:
    """A command per step if there are as many; otherwise all commands after the last step."""
    if len(steps) == len(commands):
        return tuple(FixStep(mark, text, (command,)) for (mark, text), command in zip(steps, commands, strict=True))
    *before, (mark, text) = steps
    return *(FixStep(*step) for step in before), FixStep(mark, text, commands)
