"""The command line: arguments to a call, a report to an exit code. One file a command."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer

from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.process import say
from gmsa_doctor.core.errors import UsageError, did_you_mean
from gmsa_doctor.core.exit_code import ExitCode

__all__ = ["load", "main"]

_ALL = (
    "check",
    "completion",
    "config",
    "credspec",
    "diff",
    "explain",
    "fleet",
    "iam_policy",
    "krb5_conf",
    "run",
    "setup",
    "ticket",
)
_MODULES = {name.replace("_", "-"): name for name in _ALL} | {"list": "explain", "probe": "run", "schema": "explain"}
"""The module of each command."""
_WITH_OTHERS = ("completion", "config")
"""The commands that show the options of others."""

_Refused: Any = typer.BadParameter.__mro__[2]
"""What typer raises for arguments that it refuses (click's ClickException, of which newer ones carry a copy)."""


def load(word: str = "") -> None:
    """Import the module of a command; for any other word, as for the help, those of all commands."""
    for name in (_MODULES[word],) if word in _MODULES and word not in _WITH_OTHERS else _ALL:
        import_module(f"gmsa_doctor.cli.{name}")


def main() -> int:
    """Run the command with the process's arguments; its exit code."""
    try:
        load(*sys.argv[1:2])
        code = app(prog_name="gmsa-doctor", standalone_mode=False)
    except UsageError as error:
        say(str(error))
        return ExitCode.USAGE
    except SystemExit as end:
        code = end.code
    except _Refused as error:
        _show(error)
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        say("interrupted")
        return ExitCode.INTERRUPTED
    return code if isinstance(code, int) else ExitCode.PASS


def _show(error: Any) -> None:
    """One line, in our words; of a group without a command, its help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(str(error), err=True)
        return
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "gmsa-doctor"
    if option := getattr(error, "option_name", None) if type(error).__name__ == "NoSuchOption" else None:
        known = [name for parameter in context.command.params for name in parameter.opts] if context else []
        text = f"no such option: {option}{did_you_mean(option, known)}"
    else:
        text = error.format_message().replace("Value error, ", "")
    end = "" if text.endswith((".", "?")) else "."
    say(f"{text[:1].lower()}{text[1:]}{end} See `{command} -h`.")
