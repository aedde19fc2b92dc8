"""``setup --from FILE``: options in a TOML file, by their names without dashes. Those of the command line win."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from gmsa_doctor.cli.process import say
from gmsa_doctor.core.errors import UsageError, did_you_mean
from gmsa_doctor.core.exit_code import ExitCode

_LIMIT = 1024 * 1024
_NEVER = ("from", "output", "as-keytab", "help")
"""What a file cannot set."""


def take_file(context: typer.Context, file: Path | None) -> Path | None:
    """Read the file before the other options."""
    if file is None or context.resilient_parsing:  # a completion
        return file
    try:
        context.default_map = _defaults(context, file)
    except UsageError as error:
        say(str(error))
        raise typer.Exit(ExitCode.USAGE) from error
    return file


def _defaults(context: typer.Context, file: Path) -> dict[str, Any]:
    known: dict[str, Any] = {
        name[2:]: option
        for option in context.command.params
        for name in option.opts
        if name.startswith("--") and name[2:] not in _NEVER
    }
    found = {}
    for key, value in _read(file).items():
        if key not in known:
            raise UsageError(f"--from {file}: unknown key {key!r}{did_you_mean(key, known)}")
        option = known[key]
        found[str(option.name)] = _value(file, key, value, option)
    return found


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        with file.open("rb") as opened:
            body = opened.read(_LIMIT + 1)
        if len(body) > _LIMIT:
            raise UsageError(f"--from {file} is larger than 1 MiB; not read")
        return tomllib.loads(body.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"--from {file}: {error.strerror or 'cannot be read'}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--from {file} is not valid TOML: {error}") from error


def _value(file: Path, key: str, value: object, option: Any) -> object:
    """As it would stand on the command line: text, a list of texts, or a flag."""
    is_flag = bool(getattr(option, "is_flag", False))
    if is_flag != isinstance(value, bool):
        raise UsageError(f"--from {file}: {key} must be {'true or false' if is_flag else 'a text, or a list of texts'}")
    if is_flag:
        return value
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts) or (len(texts) != 1 and not option.multiple):
        raise UsageError(f"--from {file}: {key} must be {'a list of texts' if option.multiple else 'one text'}")
    return texts if option.multiple else texts[0]
