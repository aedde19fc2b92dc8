"""The steps from the task definition to the ticket as a list of the HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.report.steps import StepState, broken, outside_steps, states, worst_of
from gmsa_doctor.report.tags import Html, icon, join, tag

Link = Callable[[Finding], str]
"""Where in the page a finding stands."""


def draw(findings: Sequence[Finding], link: Link) -> Html:
    """The steps, and under them the problems that belong to none: the run's own, and those of plug-ins."""
    steps = states(findings)
    items = [_item(step, link, step is broken(steps)) for step in steps]
    others = [
        tag("li", icon(finding.status), " ", tag("a", finding.check, href=link(finding)), f" {finding.status}")
        for finding in outside_steps(findings)
    ]
    beside = tag("div", tag("p", "Other problems:"), tag("ul", *others), class_="beside") if others else None
    return join([tag("ol", *items, class_="way"), beside])


def _item(step: StepState, link: Link, is_broken: bool) -> Html:
    shown = step.status or Status.SKIPPED
    problems = [finding for finding in step.findings if finding.status in BAD]
    parts = (
        tag("span", tag("a", step.name, href=link(worst_of(problems))) if problems else step.name, class_="name"),
        tag("span", step.detail, class_="detail"),
        tag("span", step.word, class_="state"),
        tag("span", "It breaks here", class_="here") if is_broken else None,
    )
    return tag(
        "li",
        tag("span", icon(shown), class_="dot"),
        tag("span", join(parts, " "), class_="step"),
        class_=f"{shown}{' broken' if is_broken else ''}",
    )
