"""``gmsa-doctor diff``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.process import guarded, print_, require_writable, speaks_unicode, width
from gmsa_doctor.core.exit_code import ExitCode


@command("diff", examples="gmsa-doctor diff before.json after.json")
def diff(
    before: Annotated[Path, typer.Argument(metavar="A.json", help="The JSON report of the earlier run.")],
    after: Annotated[Path, typer.Argument(metavar="B.json", help="The JSON report of the later run.")],
    format: options.FormatOption = None,
    json: options.JsonOption = False,
    output: options.Output = None,
) -> None:
    """Compare two JSON reports: what broke, and what was fixed.

    Findings are compared by subject and check, not by their text. Exit codes: 0 nothing broke, 1 something broke
    (fails in B and did not in A), 2 usage. Works offline.
    """

    def show() -> ExitCode:
        from gmsa_doctor.cli.saved_report import saved_report
        from gmsa_doctor.report import difference
        from gmsa_doctor.triage.baseline import compare

        as_json = options.is_json(format, json)
        require_writable(output)
        reports = saved_report(before, "the report"), saved_report(after, "the report")
        found = compare(*reports)
        sides = difference.ComparedReports(str(before), str(after), *reports)
        ascii = not (output or speaks_unicode())
        if as_json:
            print_(difference.json_text(found, sides, ascii=ascii), output)
        else:
            print_(difference.text(found, sides, width=80 if output else width(), ascii=ascii), output)
        return ExitCode.FAIL if found.broke else ExitCode.PASS

    guarded(show)
