"""The steps from the task definition to the ticket as a list of the HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.report.steps import StepState, broken, outside_steps, states, worst_of
from gmsa_doctor.report.tags import Html, icon, join, tag

Link = Callable[[Finding], str]
"""A link to a finding."""


def draw(findings: Sequence[Finding], link: Link) -> Html:
    """The steps, and below them the problems that belong to no step: the run's own, and those of plug-ins."""
    steps = states(findings)
    items = [_item(step, link, step is broken(steps)) for step in steps]
    others = [
        tag("li", icon(finding.status), " ", tag("a", finding.check, href=link(finding)), f" {finding.status}")
        for finding in outside_steps(findings)
    ]
    other = tag("div", tag("p", "Other problems:"), tag("ul", *others), class_="other-problems") if others else None
    return join([tag("ol", *items, class_="steps"), other])


def _item(step: StepState, link: Link, is_broken: bool) -> Html:
    shown = step.status or Status.SKIPPED
    problems = [finding for finding in step.findings if finding.status in BAD]
    parts = (
        tag("span", tag("a", step.name, href=link(worst_of(problems))) if problems else step.name, class_="name"),
        tag("span", step.detail, class_="detail"),
        tag("span", step.word, class_="state"),
        tag("span", "Fails here", class_="here") if is_broken else None,
    )
    return tag(
        "li",
        tag("span", icon(shown), class_="dot"),
        tag("span", join(parts, " "), class_="step"),
        class_=f"{shown}{' broken' if is_broken else ''}",
    )
