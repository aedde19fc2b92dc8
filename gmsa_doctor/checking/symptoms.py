"""The answer to a pasted error text: what decides, its likely causes, how to confirm and fix each. Loads no check."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.model import Check
from gmsa_doctor.core.printable import json_document, printable
from gmsa_doctor.formats.symptoms import matching
from gmsa_doctor.formats.symptoms.catalogue import APPLICATIONS, EMITTERS, Symptom
from gmsa_doctor.formats.symptoms.reading import lines_of, redacted

AT_MOST = 5
"""Causes that are shown without ``--all``."""
_WIDEST_ECHO = 240
_NEXT = (
    (
        CheckId("sql-server.login"),
        "Once the login exists, the next obstacle is usually the database user (CREATE USER … FOR LOGIN).",
    ),
    (
        CheckId("sql-server.spn"),
        "Once the SPN is right, the next obstacle is usually the login on SQL Server (sql-server.login).",
    ),
    (
        CheckId("canary.ticket"),
        "Once the container has a ticket, the next obstacle is usually the SPN of SQL Server (sql-server.spn), "
        "then its certificate and the login (sql-server.login).",
    ),
    (
        CheckId("task-definition.krb5ccname"),
        "The next obstacle is usually SQL Server's SPN (sql-server.spn).",
    ),
    (
        CheckId("sql-server.port"),
        "Once the port is open, the next obstacle is usually the ticket (canary.ticket).",
    ),
    (
        CheckId("sql-server.instance"),
        "The next obstacle is usually the instance's port (sql-server.port).",
    ),
)
"""What an application usually meets after each cause, the last obstacle first."""
COLLECT = (
    "stoppedReason and the containers' reason: aws ecs describe-tasks --cluster CLUSTER --tasks TASK",
    "on EC2, the daemon's and the agent's log: journalctl -u credentials-fetcher; /var/log/ecs/ecs-agent.log",
    "in the container: klist, and the application's log with the exception's inner causes",
)


@dataclass(frozen=True)
class Explained:
    """What is said of a check: its title and its fix."""

    title: str
    fix: str


@cache
def explained() -> Mapping[str, Explained]:
    """The built-in checks by their ids: docs/generate.py writes the file, so that no check has to be imported."""
    entries = json.loads(Path(__file__).with_name("explained.json").read_text(encoding="utf-8"))
    return {id: Explained(entry["title"], entry["fix"]) for id, entry in entries.items()}


def is_check_or_area(name: str) -> bool:
    """Whether it is the id of a built-in check, or an area."""
    return name in explained() or any(id.startswith(f"{name}.") for id in explained())


@dataclass(frozen=True)
class Explanation:
    """The answer to a text: with no known text in it, the nearest ones."""

    lines: tuple[str, ...]
    answer: matching.Answer | None

    @property
    def nearest(self) -> list[Symptom]:
        """The known texts that look like it most."""
        return matching.nearest(self.lines)


def explain(pasted: str) -> Explanation:
    """Find the known texts in what was pasted."""
    lines = lines_of(pasted)
    return Explanation(tuple(lines), matching.answer(lines))


def as_text(explanation: Explanation, width: int = 80, everything: bool = False, plugged: Sequence[Check] = ()) -> str:
    """The answer for a terminal. ``plugged`` are checks of plug-ins that declare a text in it."""
    answer = explanation.answer
    if plugged:
        blocks = [["Possible causes, from plug-ins:"]]
        blocks += [_cause(number, check.id, _of(check), width) for number, check in enumerate(plugged, 1)]
    else:
        blocks = _known(explanation, answer, width, everything) if answer else _unknown(explanation, width)
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _known(explanation: Explanation, answer: matching.Answer, width: int, everything: bool) -> list[list[str]]:
    symptom = answer.decisive.symptom
    blocks = [[f"Decisive text, from {EMITTERS[symptom.emitter]}:", f"  {_echo(explanation, answer.decisive)}"]]
    if symptom.note:
        blocks.append(_wrapped(symptom.note, width))
    if outside := outside_sentence(symptom):
        blocks.append(_wrapped(outside, width))
    if symptom.rules_out and not symptom.outside:
        blocks.append(_wrapped(f"Ruled out by this text: {symptom.rules_out}.", width))
    shown = answer.causes if everything else answer.causes[:AT_MOST]
    if shown:
        blocks.append(["Possible causes, most likely first:" if shown[1:] else "Cause:"])
        blocks += [_cause(number, id, explained()[id], width) for number, id in enumerate(shown, 1)]
    if hidden := len(answer.causes) - len(shown):
        blocks.append([f"{hidden} less likely {'causes' if hidden > 1 else 'cause'}: add --all."])
    if answer.ruled_out:
        blocks.append(_wrapped(f"Ruled out by the other lines: {', '.join(answer.ruled_out)}.", width))
    if following := next_obstacle(answer):
        blocks.append(_wrapped(following, width))
    others = _others(explanation, answer)
    if others:
        rest = others if everything else others[:AT_MOST]
        more = [f"  … and {len(others) - len(rest)} more (--all)"] if others[len(rest) :] else []
        blocks.append(["Other known texts in it:", *(f"  {line}" for line in rest), *more])
    return blocks


def _of(check: Check) -> Explained:
    return Explained(check.title, check.explanation.fix)


def _cause(number: int, id: str, known: Explained, width: int) -> list[str]:
    return [
        f"{number}. {id}: {known.title}",
        *_wrapped(f"Confirm: {confirm(id)}", 1000, "   "),
        *_wrapped(f"Fix: {known.fix}", width, "   "),
    ]


def confirm(id: str) -> str:
    """The command that shows whether it is this cause."""
    command = "run" if id.startswith("canary.") else "check"
    canary = " --canary" if command == "run" else ""
    return f"gmsa-doctor {command} …{canary} --only {id}"


def outside_sentence(symptom: Symptom) -> str:
    """What to say of a text that is not a gMSA fault, or that no check covers; empty for the others."""
    if symptom.outside == "not-gmsa":
        return "This is not a gMSA fault" + (": see the checks below." if symptom.causes else ".")
    if symptom.outside == "no-check":
        return "No check covers this" + (" directly; see also the checks below." if symptom.causes else ".")
    return ""


def next_obstacle(answer: matching.Answer) -> str:
    """What an application usually meets next; empty if the text is not an application's."""
    if not (answer.is_application or answer.decisive.symptom.emitter in (*APPLICATIONS, "sql-server")):
        return ""
    first = answer.causes[:1]
    return next((sentence for id, sentence in _NEXT if id in first), "")


def _others(explanation: Explanation, answer: matching.Answer) -> list[str]:
    own = answer.decisive.symptom
    seen = {match.symptom.id: match for match in answer.matches if match.symptom is not own}
    return [printable(f"{match.symptom.text} (line {match.line + 1})") for match in seen.values()]


def _unknown(explanation: Explanation, width: int) -> list[list[str]]:
    near = explanation.nearest
    blocks = [["No known error text in it."]]
    if near:
        blocks.append(
            ["The nearest known texts:", *(f"  {symptom.text} ({EMITTERS[symptom.emitter]})" for symptom in near)]
        )
    blocks.append(["Collect, and explain with `gmsa-doctor explain --file LOG`:"])
    blocks[-1] += [part for text in COLLECT for part in _wrapped(text, width, "  - ", "    ")]
    blocks.append(["`gmsa-doctor list` shows the checks and areas."])
    return blocks


def _echo(explanation: Explanation, match: matching.Match) -> str:
    """The line of a match without secrets, shortened around the text if it is long."""
    line = redacted(explanation.lines[match.line])
    if len(line) > _WIDEST_ECHO:
        place = max(0, line.lower().find(match.symptom.text.lower()[:12]))
        start = max(0, min(place - 60, len(line) - _WIDEST_ECHO))
        line = ("… " if start else "") + line[start : start + _WIDEST_ECHO] + " …"
    return printable(line)


def _wrapped(text: str, width: int, indent: str = "", following: str | None = None) -> list[str]:
    paragraph = re.sub(r"\s+", " ", text)
    return textwrap.wrap(
        paragraph,
        width,
        initial_indent=indent,
        subsequent_indent=indent if following is None else following,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_json(explanation: Explanation, plugged: Sequence[Check] = ()) -> str:
    """The answer as a JSON document, with every cause."""
    answer = explanation.answer
    causes = (
        [(id, explained()[id]) for id in answer.causes] if answer else [(check.id, _of(check)) for check in plugged]
    )
    document: dict[str, Any] = {
        "decisive": _match(explanation, answer.decisive) if answer else None,
        "causes": [
            {"check": id, "title": known.title, "confirm": confirm(id), "fix": " ".join(known.fix.split())}
            for id, known in causes
        ],
        "ruled_out": list(answer.ruled_out) if answer else [],
        "gmsa_fault": (answer.decisive.symptom.outside != "not-gmsa") if answer else None,
        "next_obstacle": (next_obstacle(answer) or None) if answer else None,
        "matches": [_match(explanation, match) for match in answer.matches] if answer else [],
        "nearest": [] if answer else [{"id": near.id, "text": near.text} for near in explanation.nearest],
        "collect": [] if answer else list(COLLECT),
    }
    return json_document(document)


def _match(explanation: Explanation, match: matching.Match) -> dict[str, Any]:
    symptom = match.symptom
    return {
        "id": symptom.id,
        "text": symptom.text,
        "emitter": symptom.emitter,
        "versions": symptom.versions,
        "decisive": symptom.decisive,
        "line_number": match.line + 1,
        "line": _echo(explanation, match),
        "causes": list(match.causes),
        "rules_out": symptom.rules_out or None,
        "note": symptom.note or None,
        "source": symptom.source,
    }
