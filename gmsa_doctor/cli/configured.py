"""The configuration in a command: defaults for its options, severities, waivers and the baseline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gmsa_doctor.cli.effects import typed
from gmsa_doctor.cli.process import say
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.given.request import Request

if TYPE_CHECKING:
    from gmsa_doctor.core.registry import Registry
    from gmsa_doctor.triage.apply import Triage
    from gmsa_doctor.triage.config import Config


_SUBJECTS = {
    "--service": "services",
    "--all-clusters": "all_clusters",
    "--task-definition": "task_definition",
    "--schedule": "schedule",
    "--rule": "rule",
    "--state-machine": "state_machine",
    "--task": "task",
    "--task-definition-file": "files",
    "files": "files",
}
"""The options and the argument that name a subject, with their fields of a request; one of them is to be given."""


def take_configuration(context: typer.Context, named: Path | None) -> Path | None:
    """Read the configuration before the other options."""
    if context.resilient_parsing:  # a completion
        return named
    from gmsa_doctor.cli import defaults
    from gmsa_doctor.triage import config

    try:
        found = config.load(named)
        context.default_map = dict(defaults.default_map(context, found))
    except UsageError as error:
        say(str(error))
        raise typer.Exit(ExitCode.USAGE) from error
    context.meta[__name__] = found
    return named


def configuration(context: typer.Context) -> Config:
    """The configuration that was read for a command."""
    found: Config = context.meta[__name__]
    return found


def with_typed(context: typer.Context, request: Request, file: str | None = None) -> Request:
    """The request with what was typed: any subject on the command line replaces those of the configuration.

    ``file`` is that of ``--task-definition-file``, which is one of FILES. Raises UsageError for both of these.
    """
    given = typed(context)
    if {"files", "--task-definition-file"} <= given:
        raise UsageError("give the file once: as FILES, without --task-definition-file")
    request = replace(request, files=request.files or ((file,) if file else ()), typed=given)
    named = {field for option, field in _SUBJECTS.items() if option in given}
    return replace(
        request, **{name: getattr(Request, name) for name in _SUBJECTS.values() if named and name not in named}
    )


def agreed(
    context: typer.Context, baseline: Path | None, request: Request, registry: Registry
) -> tuple[Request, Triage]:
    """The request without the checks that the configuration disables, and the triage of the findings.

    Raises UsageError for unknown checks, or a baseline that cannot be read.
    """
    from gmsa_doctor.cli.saved_report import saved_report
    from gmsa_doctor.triage.apply import Triage
    from gmsa_doctor.triage.baseline import baseline_of

    found = configuration(context)
    found.require_known(registry)
    known = baseline_of(saved_report(baseline, "--baseline")) if baseline else None
    triage = Triage(found.file, found.severity_of(registry), found.waivers, known)
    return replace(request, skip=(*request.skip, *found.off(registry, request.only))), triage
