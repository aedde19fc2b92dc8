"""``gmsa-doctor list``, ``explain`` and ``schema``: what can be told offline."""

from __future__ import annotations

from typing import Annotated

import typer

from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.process import guarded, print_, standard_input, width
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode


@app.command("list")
def list_() -> None:
    """List the checks, those of plug-ins too."""

    def show() -> ExitCode:
        from gmsa_doctor.checking import explain
        from gmsa_doctor.core import registry

        print_(explain.list_checks(registry.load(), width()))
        return ExitCode.PASS

    guarded(show)


@app.command("explain")
def explain_(
    words: Annotated[
        list[str], typer.Argument(metavar="ID|TEXT", help="A check's id, or an error text; - reads it from stdin.")
    ],
) -> None:
    """Explain a check, or an error text.

    For a text it finds the checks that stand behind it, likeliest first. The text may be pasted as it is
    from a stopped task or a log. Works offline.
    """

    def show() -> ExitCode:
        from gmsa_doctor.checking import explain
        from gmsa_doctor.core import registry

        text = standard_input() if words == ["-"] else " ".join(words)
        known = registry.load()
        found = known.get(text.strip())
        answer = explain.explain_check(found, width()) if found else explain.explain_text(known, text, width())
        if answer is None:
            near = ", ".join(explain.suggest(known, text.strip()))
            raise UsageError(
                "that is no check's id and no error text that we know. "
                + (f"Did you mean: {near}? " if near else "")
                + "`gmsa-doctor list` shows the ids; a text is best pasted whole."
            )
        print_(answer)
        return ExitCode.PASS

    guarded(show)


@app.command()
def schema() -> None:
    """Print the JSON report's JSON Schema."""

    def show() -> ExitCode:
        from gmsa_doctor.report import schema as report_schema

        print_(report_schema.text())
        return ExitCode.PASS

    guarded(show)
