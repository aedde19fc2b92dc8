"""``gmsa-doctor config``: the effective configuration, and where each value comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gmsa_doctor.cli import configured, options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.process import guarded, print_
from gmsa_doctor.core.exit_code import ExitCode

if TYPE_CHECKING:
    from gmsa_doctor.triage.config import Config

_ENVIRONMENT = {"region": ("AWS_REGION", "AWS_DEFAULT_REGION"), "profile": ("AWS_PROFILE",)}
"""Variables that AWS's own configuration reads where an option has no value."""
_SECRET = frozenset({"connection_string"})
"""Parameters whose values may hold a password: they are not shown."""


class Action(StrEnum):
    """What to do with the configuration."""

    SHOW = "show"


class Configured(StrEnum):
    """The commands that read the configuration."""

    CHECK = "check"
    RUN = "run"
    FLEET = "fleet"


@dataclass(frozen=True)
class Setting:
    """An option's value. ``source``: file, environment or default; ``origin`` is the line or the variable."""

    option: str
    value: Any
    source: str
    origin: str | None = None

    @property
    def shown_origin(self) -> str:
        """The most specific of the two."""
        return self.origin or self.source


@command(
    "config",
    examples="""
gmsa-doctor config show
gmsa-doctor config show --for run --json
""",
)
def config(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(metavar="show", help="Show the effective configuration.")],
    purpose: Annotated[Configured, typer.Option("--for", help="The command to show it for.")] = Configured.CHECK,
    file: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Instead of the nearest gmsa-doctor.toml or pyproject.toml."),
    ] = None,
    format: options.FormatOption = None,
    json: options.JsonOption = False,
) -> None:
    """Show the effective options of check, run or fleet: from the configuration, the environment, or their default.

    Also shows the severities and waivers of the configuration. Sends nothing anywhere.
    """

    def show() -> ExitCode:
        from gmsa_doctor.core import registry

        as_json = options.is_json(format, json)
        found, settings = _effective(context, purpose, file)
        found.require_known(registry.load())
        print_(_json(found, purpose, settings) if as_json else _text(found, purpose, settings))
        return ExitCode.PASS

    guarded(show)


def _effective(context: typer.Context, purpose: Configured, file: Path | None) -> tuple[Config, list[Setting]]:
    """The configuration, and the options of the command as if it were called without any."""
    root = context.find_root()
    known: Any = root.command
    arguments = ["--config", str(file)] if file else []
    called = known.commands[purpose].make_context(purpose, arguments, parent=root)
    found = configured.configuration(called)
    return found, list(_settings(called, found, purpose))


def _settings(called: Any, found: Config, purpose: Configured) -> Iterator[Setting]:
    lines = {
        default.option: str(default.location)
        for default in sorted(found.defaults, key=lambda default: default.command is not None)
        if default.applies_to(purpose)
    }
    for parameter in called.command.params:
        if parameter.param_type_name != "option" or parameter.name in ("config", "help"):
            continue
        option, value = max(parameter.opts, key=len), called.params.get(parameter.name)
        source = called.get_parameter_source(parameter.name)
        variable = next((name for name in _ENVIRONMENT.get(parameter.name, ()) if os.environ.get(name)), None)
        shown = "(not shown)" if value and parameter.name in _SECRET else value
        if source and source.name == "DEFAULT_MAP":
            yield Setting(option, shown, "file", lines.get(option[2:]))
        elif source and source.name == "ENVIRONMENT":
            yield Setting(option, shown, "environment", str(parameter.envvar))
        elif variable:
            yield Setting(option, os.environ[variable], "environment", variable)
        else:
            yield Setting(option, shown, "default")


def _json(found: Config, purpose: Configured, settings: list[Setting]) -> str:
    from gmsa_doctor.core.printable import json_document

    return json_document(
        {
            "file": found.file or None,
            "command": purpose,
            "options": [asdict(setting) for setting in settings],
            "checks": [
                {"check": change.check, "severity": change.severity, "origin": str(change.location)}
                for change in found.severities
            ],
            "waivers": [
                {
                    "check": waiver.check,
                    "subject": waiver.subject,
                    "reason": waiver.reason,
                    "expires": waiver.expires,
                    "origin": str(waiver.location),
                }
                for waiver in found.waivers
            ],
        },
        default=str,
    )


def _text(found: Config, purpose: Configured, settings: list[Setting]) -> str:
    from gmsa_doctor.core.printable import printable

    shown = [setting for setting in settings if setting.value not in (None, False, [], ())]
    rows = [(setting.option, _words(setting.value), setting.shown_origin) for setting in shown]
    rows += [(change.check, f'"{change.severity}"', str(change.location)) for change in found.severities]
    rows += [
        (waiver.check, f"waived for {waiver.subject} until {waiver.expires}", str(waiver.location))
        for waiver in found.waivers
    ]
    rows = [(printable(one), printable(two), printable(three)) for one, two, three in rows]
    first, second = (max(len(row[place]) for row in rows) for place in (0, 1))
    head = printable(f"Configuration of `{purpose}`: {found.file or 'no file'}")
    return "\n".join([head, "", *(f"{one:<{first}}  {two:<{min(second, 40)}}  {three}" for one, two, three in rows)])


def _words(value: object) -> str:
    if value is True:
        return "true"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
