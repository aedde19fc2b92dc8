"""``gmsa-doctor diff``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.process import guarded, print_, require_writable, speaks_unicode, width
from gmsa_doctor.core.exit_code import ExitCode


class DiffFormat(StrEnum):
    """How the difference is written."""

    TEXT = "text"
    JSON = "json"


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A.json", help="The JSON report of the earlier run.")],
    after: Annotated[Path, typer.Argument(metavar="B.json", help="The JSON report of the later run.")],
    format: Annotated[DiffFormat, typer.Option(help="How the difference is written.")] = DiffFormat.TEXT,
    output: options.Output = None,
) -> None:
    """Compare two JSON reports: what broke, what was mended.

    Findings are the same by subject and check, whatever their text. Exit codes: 0 nothing broke, 1 something broke
    (fails in B and did not in A), 2 usage. Works offline.
    """

    def show() -> ExitCode:
        from gmsa_doctor.cli.saved_report import saved_report
        from gmsa_doctor.report import difference
        from gmsa_doctor.triage.baseline import compare

        require_writable(output)
        reports = saved_report(before, "the report"), saved_report(after, "the report")
        found = compare(*reports)
        sides = difference.ComparedReports(str(before), str(after), *reports)
        ascii = not (output or speaks_unicode())
        if format is DiffFormat.JSON:
            print_(difference.json_text(found, sides, ascii=ascii), output)
        else:
            print_(difference.text(found, sides, width=80 if output else width(), ascii=ascii), output)
        return ExitCode.FAIL if found.broke else ExitCode.PASS

    guarded(show)
