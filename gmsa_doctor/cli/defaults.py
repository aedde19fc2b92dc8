"""The configuration's defaults for the options of a command."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from gmsa_doctor.cli.app import app
from gmsa_doctor.core.errors import did_you_mean
from gmsa_doctor.triage.config import GENERAL, Config, Default, wrong

NEVER = {
    "yes": "confirmation is given at the prompt or on the command line only",
    "clean": "it changes what the command does",
    "config": "this is the configuration",
    "help": "it changes what the command does",
    **dict.fromkeys(("output-dir", "run", "resume"), "it is about one run"),
}
"""Options without a default, and why: a file in a repository must not start or remove anything."""

_READ = ("baseline", "task-definition-file", "credspec-file")
_WRITTEN = ("output", "report")
"""Options whose values are paths relative to the configuration. Files are written below its directory only."""


def default_map(context: typer.Context, found: Config) -> Iterator[tuple[str, object]]:
    """What is taken for options that were not typed, by the parameter's name; the last one of a name wins.

    Raises UsageError for an option that there is not, or a value that it would refuse on the command line.
    """
    own = _options(context.command)
    named = (default.command for default in found.defaults if default.command)
    commands = _commands(dict.fromkeys((*GENERAL, *named))) if found.defaults else {}
    all_options = {name for command in GENERAL for name in _options(commands.get(command))}
    for default in sorted(found.defaults, key=lambda default: default.command is not None):
        if reason := NEVER.get(default.option):
            raise wrong(default.location, f"--{default.option} cannot have a default: {reason}")
        known = _options(commands.get(default.command)) if default.command else all_options
        if default.option not in known:
            raise wrong(default.location, _unknown(default, known))
        if default.applies_to(context.info_name) and default.option in own:
            option = own[default.option]
            value = _value(option, default, found.directory)
            _accepted(context, option, value, default)
            yield option.name, value


def _commands(names: Collection[str]) -> Mapping[str, Any]:
    """The commands of these names. Those of other modules than that of the command that runs are imported."""
    for name in names:
        import_module(f"gmsa_doctor.cli.{name}")
    known: Any = typer.main.get_command(app)
    return {name: known.commands[name] for name in names}


def _options(command: object) -> Mapping[str, Any]:
    """The options of a command by their long names, without dashes in front."""
    options = (known for known in getattr(command, "params", ()) if known.param_type_name == "option")
    return {name[2:]: option for option in options for name in option.opts if name.startswith("--")}


def _unknown(default: Default, known: Iterable[str]) -> str:
    of = f"`{default.command}` has" if default.command else "there is"
    return f"{of} no option --{default.option}{did_you_mean(default.option.lstrip('-').replace('_', '-'), known)}"


def _value(option: Any, default: Default, directory: Path) -> object:
    """As it would stand on the command line: text, or True and False for a flag. Raises UsageError."""
    value = default.value
    if getattr(option, "is_flag", False):
        if not isinstance(value, bool):
            raise wrong(default.location, f"{default.option} must be true or false")
        return value
    values = value if isinstance(value, tuple) else (value,)
    if any(isinstance(item, bool) for item in values):
        raise wrong(default.location, f"{default.option} requires a value, not true or false")
    texts = [_with_directory(str(item), default, directory) for item in values]
    if option.multiple:
        return texts
    if isinstance(value, tuple):
        raise wrong(default.location, f"{default.option} takes one value, not a list")
    return texts[0]


def _with_directory(text: str, default: Default, directory: Path) -> str:
    """The same; a path is made one of the configuration's directory. Of `FORMAT=FILE` it is the second part."""
    head, sign, path = text.rpartition("=") if default.option == "report" else ("", "=", text)
    if default.option not in _READ + _WRITTEN or not sign or path in ("", "-"):
        return text
    if default.option in _WRITTEN and not _is_within(path, directory):
        raise wrong(
            default.location,
            f"{default.option} {text!r}: give a file below the configuration, not a hidden one",
        )
    return f"{head}{sign if head else ''}{directory / path}"


def _is_within(path: str, directory: Path) -> bool:
    """Whether what is written there can be no hook of git, no start-up file of a shell and the like."""
    try:
        root = directory.resolve()
        inside = (root / path).resolve().relative_to(root)
    except (OSError, ValueError, RuntimeError):
        return False
    return not any(part.startswith(".") for part in inside.parts)


def _accepted(context: typer.Context, option: Any, value: object, default: Default) -> None:
    """Raises UsageError for what the option would refuse on the command line."""
    try:
        option.process_value(context, value)
    except typer.BadParameter as error:
        text = " ".join(value) if isinstance(value, list) else value
        reason = " ".join(error.message.split()).removeprefix("Value error, ")
        raise wrong(default.location, f"{default.option} {text!r} is not valid: {reason}") from error
