"""The configuration's part in a command: defaults for its options, taken as if they had been typed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.given.request import Request

if TYPE_CHECKING:
    from gmsa_doctor.core.registry import Registry
    from gmsa_doctor.triage.apply import Triage
    from gmsa_doctor.triage.config import Config


_SUBJECTS = ("service", "task_definition", "task_definition_file", "files")
"""Fields of a request, and parameters of commands, of which one is to be given."""


def take_configuration(context: typer.Context, named: Path | None) -> Path | None:
    """Reads the configuration before any other option is looked at."""
    if context.resilient_parsing:  # a completion
        return named
    from gmsa_doctor.cli import defaults
    from gmsa_doctor.triage import config

    try:
        found = config.load(named)
        context.default_map = dict(defaults.default_map(context, found))
    except UsageError as error:
        typer.echo(f"gmsa-doctor: {error}", err=True)
        raise typer.Exit(ExitCode.USAGE) from error
    context.meta[__name__] = found
    return named


def with_typed_subject(context: typer.Context, request: Request) -> Request:
    """A subject of the configuration gives way to one on the command line, also to one of another kind."""
    typed = [name for name in _SUBJECTS if _is_typed(context, name)]
    return replace(request, **{name: getattr(Request, name) for name in _SUBJECTS if typed and name not in typed})


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def agreed(
    context: typer.Context, baseline: Path | None, request: Request, registry: Registry
) -> tuple[Request, Triage]:
    """The request without the checks that the configuration turns off, and what is laid over the findings.

    Raises UsageError for checks that there are not, or a baseline that cannot be read.
    """
    from gmsa_doctor.cli.saved_report import saved_report
    from gmsa_doctor.triage.apply import Triage
    from gmsa_doctor.triage.baseline import baseline_of

    found: Config = context.meta[__name__]
    found.require_known(registry)
    known = baseline_of(saved_report(baseline, "--baseline")) if baseline else None
    triage = Triage(found.file, found.severity_of(registry), found.waivers, known)
    return replace(request, skip=(*request.skip, *found.off(registry, request.only))), triage
