"""The configuration's part in a command: defaults for its options, taken as if they had been typed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmsa_doctor.cli.process import ExitCode
from gmsa_doctor.core.errors import UsageError

if TYPE_CHECKING:
    from gmsa_doctor.core.registry import Registry
    from gmsa_doctor.given.request import Request
    from gmsa_doctor.triage.apply import Triage
    from gmsa_doctor.triage.config import Config


def _take(context: typer.Context, named: Path | None) -> Path | None:
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


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_take,
        help="The configuration, in place of the nearest gmsa-doctor.toml or pyproject.toml.",
    ),
]

Baseline = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A JSON report of an earlier run: only what is new since then fails."),
]


def configuration(context: typer.Context) -> Config:
    """What the command's configuration says."""
    found: Config = context.meta[__name__]
    return found


def given(context: typer.Context, **ways: Any) -> dict[str, Any]:
    """Options of which one is to be given: those of the configuration give way to one on the command line."""
    typed = [name for name in ways if _is_typed(context, name)]
    return {name: value if not typed or name in typed else None for name, value in ways.items()}


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def agreed(found: Config, baseline: Path | None, request: Request, registry: Registry) -> tuple[Request, Triage]:
    """The request without the checks that are off, and what is laid over the findings.

    Raises UsageError for checks that there are not, or a baseline that cannot be read.
    """
    from gmsa_doctor.cli.saved_report import saved_report
    from gmsa_doctor.triage.apply import Triage
    from gmsa_doctor.triage.baseline import baseline_of

    found.require_known(registry)
    known = baseline_of(saved_report(baseline, "--baseline")) if baseline else None
    policy = Triage(found.file, found.severity_of(registry), found.waivers, known)
    return replace(request, skip=(*request.skip, *found.off(registry, request.only))), policy
