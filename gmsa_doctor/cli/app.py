"""The typer app that the commands are added to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from gmsa_doctor import __version__
from gmsa_doctor.cli.help import COMMANDS, Command, Group

app = typer.Typer(
    name="gmsa-doctor",
    cls=Group,
    help="Find out why Windows authentication (gMSA) on Amazon ECS fails, and how to fix it.",
    epilog="`gmsa-doctor COMMAND --help` shows the options of a command, with examples.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def command(
    name: str, *, examples: str | None = None, help: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a command to the app; ``examples`` are lines that its help ends with."""
    hidden = not any(name in names for names in COMMANDS.values())
    return app.command(name, cls=Command, help=help, epilog=examples, hidden=hidden)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gmsa-doctor {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find out why Windows authentication (gMSA) on Amazon ECS fails, and how to fix it."""
