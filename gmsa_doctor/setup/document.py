"""The plan as a Markdown document: what exists, and for each person what to do, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby

from gmsa_doctor.core.model import Finding, Fix, Owner, Step
from gmsa_doctor.core.printable import json_document, printable
from gmsa_doctor.report.findings import language
from gmsa_doctor.report.steps import heading
from gmsa_doctor.setup import parts, powershell, shell
from gmsa_doctor.setup.answers import Form
from gmsa_doctor.setup.forms import Written, task_definition, written
from gmsa_doctor.setup.image import DOCKERFILE
from gmsa_doctor.setup.plan import Item, Plan, State

_OWNERS = {Owner.AD: "AD administrator", Owner.AWS: "AWS administrator", Owner.DEVELOPER: "Developer"}
_INTRODUCTION = {
    Owner.AD: "In PowerShell, as a domain administrator, on a computer with the module ActiveDirectory. The commands "
    "remove nothing, and may be run again.",
    Owner.AWS: "In bash, with the AWS CLI and jq, all in one shell: ids go from command to command in variables.",
    Owner.DEVELOPER: "In bash, with the AWS CLI and jq.",
}


@dataclass(frozen=True)
class Block:
    """A piece of code in its language, which Markdown shows highlighted."""

    language: str
    text: str

    def __str__(self) -> str:
        fence = "```" if "```" not in self.text else "````"
        return f"{fence}{self.language}\n{self.text.rstrip()}\n{fence}"


def render(plan: Plan, form: Form, again: str, offline_file: str = "") -> str:
    """The document. ``again``: the command that asks AWS; ``offline_file``: a file that keeps it from that."""
    names = plan.answers
    lines = [f"# The gMSA {names.gmsa} of {names.domain} for {names.cluster}/{names.service}", "", *_table(plan)]
    number = 0
    for owner in (Owner.AD, Owner.AWS, Owner.DEVELOPER):
        if items := plan.open_of(owner):
            number += 1
            lines += ["", f"## {number}. {_OWNERS[owner]}", "", _INTRODUCTION[owner]]
            lines += [*_beginning(items, plan), *_of_owner(items, plan, form)]
    if plan.survey.repairs:
        number += 1
        lines += ["", f"## {number}. What the checks found", *_repairs(plan.survey.repairs)]
    lines += ["", f"## {number + 1}. Check", "", *_check(again, offline_file)]
    return "\n".join(lines) + "\n"


def render_json(plan: Plan) -> str:
    """The plan as JSON: each part with its kind and its fields, its state, and what to do."""
    items = [
        {
            "kind": type(item.part).__name__,
            "title": item.part.title,
            "step": item.part.step,
            "owner": item.part.owner,
            "state": item.known.state,
            "reason": item.known.reason,
            "fields": asdict(item.part),
            **({} if item.known.state is State.EXISTS else _to_do(_fix(item.part, plan))),
        }
        for item in plan.items
    ]
    findings = [
        {"check": found.check, "status": found.status, "summary": found.summary, **_to_do(found.fix or Fix(""))}
        for found in plan.survey.repairs
    ]
    return json_document({"complete": plan.is_complete, "parts": items, "findings": findings})


def _to_do(fix: Fix) -> dict[str, object]:
    return {"text": fix.text, "commands": list(fix.commands)}


def summary(plan: Plan) -> str:
    """How many parts are missing or not known, in one line."""
    states = [item.known.state for item in plan.open]
    missing, unknown = states.count(State.MISSING), states.count(State.UNKNOWN)
    wrong = len(plan.survey.repairs)
    found = f"{missing} of {len(plan.items)} parts missing, {unknown} not known"
    return f"{found}, {wrong} findings" if wrong else found


def _table(plan: Plan) -> Iterator[str]:
    yield "| Step | Part | State | Who |"
    yield "|---|---|---|---|"
    for step in Step:
        for item in plan.items:
            if item.part.step is step:
                reason = f": {printable(item.known.reason)}" if item.known.reason else ""
                yield _row(heading(step), item.part.title, f"{item.known.state}{reason}", _OWNERS[item.part.owner])
    yield ""
    yield f"{summary(plan)}."


def _row(*cells: str) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _beginning(items: Sequence[Item], plan: Plan) -> Iterator[str]:
    """The commands that come first in the shell of a chapter: they choose the domain, or the account."""
    if items[0].part.owner is Owner.AD:
        yield from _blocks((powershell.beginning(plan.answers.domain),), of_ad=True)
    elif any(not isinstance(item.part, parts.Image) for item in items):
        yield from ("", str(Block("bash", shell.beginning(plan.answers.account, plan.answers.profile))))


def _of_owner(items: Sequence[Item], plan: Plan, form: Form) -> Iterator[str]:
    known = {item.part: item for item in items}
    template = written(form, tuple(known), plan.answers) if items[0].part.owner is Owner.AWS else None
    if template:
        yield from _template(template, known)
        items = [item for item in map(_after_template, items) if item.part not in template.parts]
    for item in items:
        own = task_definition(form, item.part) if isinstance(item.part, parts.TaskDefinition) else None
        if own:
            yield from (*_heading(item.part), _TASK_DEFINITION, "", str(Block(own.language, own.text)))
        else:
            yield from _section(item, _fix(item.part, plan))
        if isinstance(item.part, parts.Image):
            yield from _image(item.part)


_TASK_DEFINITION = "Add this to the file in which the task definition is, or will be, and deploy it."


def _template(template: Written, known: Mapping[parts.Part, Item]) -> Iterator[str]:
    """The file, with what it holds."""
    titles = "; ".join(part.title for part in template.parts)
    unsure = [part.title for part in template.parts if known[part].known.state is State.UNKNOWN]
    which = "Some of these" if len(unsure) == len(template.parts) else f"Some of these ({'; '.join(unsure)})"
    leave = f" {which} may exist already: remove them first." if unsure else ""
    yield from ("", f"### {template.file}", "", f"It creates {titles}.{leave} {template.note}", "")
    yield str(Block(template.language, template.text))
    yield from _blocks(template.commands)


def _after_template(item: Item) -> Item:
    """The secret that a template creates has no value, so that no file and no state holds the password."""
    if isinstance(item.part, parts.Secret):
        return replace(item, part=replace(item.part, is_empty=True))
    return item


def _fix(part: parts.Part, plan: Plan) -> Fix:
    if isinstance(part, parts.InAd):
        return powershell.steps(part)
    if isinstance(part, parts.Image):
        return Fix("Add these lines to the Dockerfile, and save this krb5.conf next to it.")
    return shell.steps(part, plan.answers.region)


def _section(item: Item, fix: Fix) -> Iterator[str]:
    unsure = " Skip this if it exists." if item.known.state is State.UNKNOWN and item.part.owner is not Owner.AD else ""
    yield from (*_heading(item.part), f"{fix.text}{unsure}")
    yield from _blocks(fix.commands, item.part.owner is Owner.AD)


def _blocks(commands: Iterable[str], of_ad: bool = False) -> Iterator[str]:
    """The commands in one block for each language; ``of_ad``: all of them are PowerShell."""
    for name, lines in groupby(commands, lambda command: "powershell" if of_ad else language(command)):
        yield from ("", str(Block("bash" if name == "sh" else name, "\n".join(lines))))


def _heading(part: parts.Part) -> tuple[str, ...]:
    title = part.title
    return "", f"### {title[:1].upper()}{title[1:]}", ""


def _image(part: parts.Image) -> Iterator[str]:
    yield from ("", str(Block("dockerfile", DOCKERFILE)), "", "krb5.conf:", "", str(Block("ini", part.krb5_conf)))


def _repairs(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        fix = finding.fix or Fix("")
        owner = fix.owner or finding.owner
        who = f" ({_OWNERS[owner]})" if owner else ""
        finding, fix = printable(finding), printable(fix)
        yield from ("", f"### {finding.check}{who}", "", f"{finding.summary}. {fix.text}".strip())
        yield from _blocks(fix.commands)


def _check(again: str, offline_file: str) -> Iterator[str]:
    if offline_file:
        yield f"Remove `offline` and `account` from {printable(offline_file)}."
    yield "Run this again: only what is missing remains. If nothing is missing, it ends with the check of the service."
    yield from ("", str(Block("bash", again)))
