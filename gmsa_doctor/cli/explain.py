"""``gmsa-doctor list``, ``explain`` and ``schema``: what is known without any subject."""

from __future__ import annotations

from typing import Annotated

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import guarded, print_, standard_input, width
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode


@command(
    "list",
    examples="""
gmsa-doctor list
gmsa-doctor list kerberos credspec.size
gmsa-doctor list --json | jq -r '.[] | select(.owner == "ad") | .id'
""",
)
def list_(
    names: Annotated[
        Many, typer.Argument(metavar="ID|AREA", help="List only these checks.", show_default=False)
    ] = None,
    format: options.FormatOption = None,
    json: options.JsonOption = False,
) -> None:
    """List the checks, including those of plug-ins."""

    def show() -> ExitCode:
        from gmsa_doctor.checking import explain
        from gmsa_doctor.core import registry

        as_json, known = options.is_json(format, json), registry.load()
        checks = explain.select(known, names or ())
        print_(explain.json_list(checks) if as_json else explain.list_checks(known, checks, width()))
        return ExitCode.PASS

    guarded(show)


@command(
    "explain",
    examples="""
gmsa-doctor explain directory.managed-password
gmsa-doctor explain kerberos
gmsa-doctor explain "Cannot get gMSA krb ticket"
aws ecs describe-tasks --cluster prod --tasks ID | gmsa-doctor explain -
""",
)
def explain_(
    words: Annotated[
        list[str],
        typer.Argument(metavar="ID|AREA|TEXT", help="A check, an area, or an error text; - reads standard input."),
    ],
) -> None:
    """Explain a check, the checks of an area, or an error text.

    For an error text, lists the checks that find its cause, most likely first. Paste the text as it is in a stopped
    task or a log. Works offline.
    """

    def show() -> ExitCode:
        from gmsa_doctor.checking import explain
        from gmsa_doctor.core import registry

        text = standard_input() if words == ["-"] else " ".join(words)
        known, name = registry.load(), text.strip()
        found = known.get(name)
        answer = (
            explain.explain_check(found, width())
            if found
            else explain.explain_area(known, name, width()) or explain.explain_text(known, text, width())
        )
        if answer is None:
            raise UsageError(
                f"not a check, an area or a known error text{known.near(name[:100]) or '.'} "
                "`gmsa-doctor list` shows the checks; paste an error text whole."
            )
        print_(answer)
        return ExitCode.PASS

    guarded(show)


@command("schema")
def schema() -> None:
    """Print the JSON Schema of the JSON report."""

    def show() -> ExitCode:
        from gmsa_doctor.report import schema as report_schema

        print_(report_schema.text())
        return ExitCode.PASS

    guarded(show)
