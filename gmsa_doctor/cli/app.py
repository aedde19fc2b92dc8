"""The typer app that the commands are added to."""

from __future__ import annotations

from typing import Annotated

import typer

from gmsa_doctor import __version__

app = typer.Typer(
    name="gmsa-doctor",
    help="Finds out why Windows authentication (gMSA) on Amazon ECS does not work, and says what to do.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gmsa-doctor {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Finds out why Windows authentication (gMSA) on Amazon ECS does not work, and says what to do."""
