"""``gmsa-doctor list``, ``explain`` and ``schema``: what is known without any subject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import MAX_INPUT, decoded, guarded, print_, standard_input, width
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode

if TYPE_CHECKING:
    from gmsa_doctor.core.model import Check


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
gmsa-doctor explain "Cannot get gMSA krb ticket"
gmsa-doctor explain --file credentials-fetcher.log --all
aws ecs describe-tasks --cluster prod --tasks ID | gmsa-doctor explain -
""",
)
def explain_(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID|AREA|TEXT",
            help="A check, an area, or an error text; - reads standard input.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="LOG", help="Read a log, or the JSON of describe-tasks.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Show every cause, not only the five likeliest.")] = False,
    format: options.FormatOption = None,
    json: options.JsonOption = False,
) -> None:
    """Explain a check, the checks of an area, an error text, or a log.

    In a text or a log, finds every known error text, names the decisive one, and lists its causes, most likely first.
    Paste it as it is; passwords and tokens in it are not shown. Works offline.
    """

    def show() -> ExitCode:
        text = _pasted(words, file)
        as_json, is_name = options.is_json(format, json), file is None and words != ["-"]
        if is_name and (page := _page(text.strip(), all, as_json)):
            print_(page)
            return ExitCode.PASS
        return _show_text(text, all, as_json)

    guarded(show)


def _pasted(words: list[str] | None, file: Path | None) -> str:
    if file and words:
        raise UsageError("--file and a text contradict each other; remove one of them")
    if file:
        return _read(file)
    if not words:
        raise UsageError("give a check, an area, an error text, - or --file LOG")
    return standard_input() if words == ["-"] else " ".join(words)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return decoded(stream.read(MAX_INPUT + 1), str(file))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def _page(name: str, all: bool, as_json: bool) -> str | None:
    """What is known of the check or area with that name; None for an error text."""
    from gmsa_doctor.checking import symptoms

    if " " in name or (not symptoms.is_check_or_area(name) and symptoms.explain(name).answer):
        return None
    from gmsa_doctor.checking import explain
    from gmsa_doctor.core import registry

    known = registry.load()
    found = known.get(name)
    page = explain.explain_check(found, width()) if found else explain.explain_area(known, name, width())
    if page is None and len(name.split()) == 1 and not explain.match_text(known, name):
        raise UsageError(
            f"not a check, an area or a known error text{known.near(name[:100]) or '.'} "
            "`gmsa-doctor list` shows the checks; paste an error text whole."
        )
    if page and (all or as_json):
        raise UsageError(
            "--all, --format and --json apply to error texts only; `gmsa-doctor list --json` has the checks"
        )
    return page


def _show_text(text: str, all: bool, as_json: bool) -> ExitCode:
    from gmsa_doctor.checking import symptoms

    explanation = symptoms.explain(text)
    plugged = () if explanation.answer else _of_plug_ins(text)
    print_(
        symptoms.as_json(explanation, plugged)
        if as_json
        else symptoms.as_text(explanation, width(), everything=all, plugged=plugged)
    )
    return ExitCode.PASS if explanation.answer or plugged else ExitCode.INCOMPLETE


def _of_plug_ins(text: str) -> tuple[Check, ...]:
    """The checks of plug-ins that declare a text in it."""
    from gmsa_doctor.checking import explain
    from gmsa_doctor.core import registry

    matches = explain.match_text(registry.load(), text)
    return tuple(match.check for match in matches if match.check.origin != "gmsa-doctor")


@command("schema")
def schema(
    fleet: Annotated[bool, typer.Option("--fleet", help="Of the report of `gmsa-doctor fleet`.")] = False,
) -> None:
    """Print the JSON Schema of the JSON report."""

    def show() -> ExitCode:
        from gmsa_doctor.report import schema as report_schema

        print_(report_schema.of_fleet() if fleet else report_schema.text())
        return ExitCode.PASS

    guarded(show)
