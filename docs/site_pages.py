"""Pages that only the site has: one for each error text, and a guide for each step to the ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gmsa_doctor.core.model import Check, Step
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.symptoms.catalogue import EMITTERS, OUTSIDE, Symptom, symptoms
from gmsa_doctor.report.findings import OWNERS
from gmsa_doctor.report.steps import heading

FORMS = Path(__file__).parent / "forms"
_MEANING = {
    "yes": "This text names the cause.",
    "stage": "This text names the step that failed.",
    "no": "This text alone does not say what failed: look at the lines before and after it.",
}
_NOWHERE = {"not-gmsa": "It is not a gMSA fault.", "no-check": "No check covers it."}
_TITLES = {
    Step.TASK: "Fix the task definition of a gMSA task",
    Step.CREDSPEC: "Fix the CredSpec, and access to it",
    Step.SECRET: "Fix the secret with the user's credentials",
    Step.DNS: "Fix DNS: the task does not find the domain controllers",
    Step.USER_LOGON: "Fix the logon of the secret's user",
    Step.LDAP_BIND: "Fix the LDAP bind at a domain controller",
    Step.GMSA_PASSWORD: "Fix who may retrieve the gMSA's password",
    Step.GMSA_TICKET: "Fix the gMSA's Kerberos ticket",
    Step.SERVICE_TICKET: "Fix the service ticket: SPN, SQL Server",
}


def symptom_page(symptom: Symptom) -> str:
    """The page of an error text, in Markdown."""
    lines = [
        f"# {_plain(symptom.text)}",
        "",
        f"Reported by {EMITTERS[symptom.emitter]} ({symptom.versions}); seen in: {symptom.seen_in}.",
        "",
        _MEANING[symptom.decisive] + (f" {_NOWHERE[symptom.outside]}" if symptom.outside in OUTSIDE else ""),
        "",
    ]
    if symptom.causes:
        lines += ["## Likely causes", ""]
        lines += [f"{number}. [{id}](../docs/checks/{id}.md)" for number, id in enumerate(symptom.causes, 1)]
        lines += [
            "",
            f"To confirm: `gmsa-doctor check --cluster <cluster> --service <service> --only {symptom.causes[0]}`",
            "",
        ]
    if symptom.rules_out:
        lines += [f"Rules out: {_plain(symptom.rules_out)}", ""]
    if symptom.note:
        lines += [_plain(symptom.note), ""]
    lines += [
        "With its surroundings, `gmsa-doctor explain --file LOG` finds the decisive line.",
        "",
        f"Source: {symptom.source}",
    ]
    return "\n".join(lines) + "\n"


def step_pages(checks: Registry) -> Mapping[str, str]:
    """A guide for each step, by its file's name, in the order of the steps."""
    return {f"{step}.md": _step_page(step, [check for check in checks.checks if check.step is step]) for step in Step}


def _step_page(step: Step, checks: list[Check]) -> str:
    owners = dict.fromkeys(OWNERS[check.owner] for check in checks if check.owner)
    ids = {check.id for check in checks}
    blocks = [
        f"# {_TITLES[step]}",
        f"In the report, this is the step **{heading(step)}**. Who can fix it: {', '.join(owners)}.",
        "Find out which of the causes below applies:",
        "    gmsa-doctor check --cluster <cluster> --service <service>",
        *_texts(ids),
        "## Causes and fixes",
        *(block for check in checks for block in _cause(check)),
        *_forms(checks),
    ]
    return "\n\n".join(blocks) + "\n"


def _texts(ids: set[str]) -> Iterator[str]:
    """The error texts whose likeliest cause is in the step."""
    found = [symptom for symptom in symptoms().values() if symptom.causes and symptom.causes[0] in ids]
    if found:
        yield "## What you may see"
        yield "\n".join(f"- [{_plain(symptom.text)}](../symptoms/{symptom.id}.md)" for symptom in found)


def _cause(check: Check) -> Iterator[str]:
    yield f"### {_plain(check.title)}"
    yield f"**Why:** {check.explanation.why}"
    yield f"**Fix:** {check.explanation.fix}"
    yield f"Details: [{check.id}](../docs/checks/{check.id}.md)."


def _forms(checks: list[Check]) -> Iterator[str]:
    areas = dict.fromkeys(check.area for check in checks)
    forms = [form for area in areas if (form := FORMS / f"{area}.md").exists()]
    if forms:
        yield "## Correct forms"
        for form in forms:
            yield f"### {form.stem}"
            yield form.read_text(encoding="utf-8").strip()


def _plain(text: str) -> str:
    """Text that Markdown and HTML leave alone."""
    for sign in "\\`*_{}[]<>#|$":
        text = (
            text.replace(sign, f"\\{sign}")
            if sign not in "<>"
            else text.replace(sign, {"<": "&lt;", ">": "&gt;"}[sign])
        )
    return text
