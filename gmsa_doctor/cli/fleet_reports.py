"""The reports of a fleet: written, read again, and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from gmsa_doctor.cli.effects import typed
from gmsa_doctor.cli.fleet_arguments import FleetArguments
from gmsa_doctor.cli.process import (
    Format,
    ended,
    is_coloured,
    print_,
    print_parts,
    require_writable,
    speaks_unicode,
    width,
    write_error,
)
from gmsa_doctor.cli.reports import ReportKind, ReportOptions, TextOptions, write_reports
from gmsa_doctor.cli.reports import deliver as deliver_ordinary
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode

if TYPE_CHECKING:
    from gmsa_doctor.clients.run_files import RunFiles
    from gmsa_doctor.core.registry import Registry
    from gmsa_doctor.report.fleet.model import FleetReport


_OF_FLEET = {ReportKind.JSON: "fleet.json", ReportKind.HTML: "fleet.html"}
"""The reports that are of the fleet, with their names among the files of a run. The others list each subject."""


def files_at(location: str, profile: str | None) -> RunFiles:
    """The files in a directory or under a prefix of a bucket. Raises UsageError."""
    from gmsa_doctor.clients.run_files import files_of, is_bucket

    if not is_bucket(location):
        return files_of(location, None)
    from gmsa_doctor.clients.aws.session import Aws
    from gmsa_doctor.subjects.discovery import require_credentials

    aws = Aws(profile)
    require_credentials(aws)
    return files_of(location, aws)


def saved(location: str, profile: str | None) -> FleetReport:
    """The report in a file, or that of the run in a directory. Raises UsageError."""
    from gmsa_doctor.checking.fleet import pool

    folder, _, name = location.rstrip("/").rpartition("/")
    if not name.endswith(".json"):
        folder, name = location, _OF_FLEET[ReportKind.JSON]
    content = files_at(folder or ("/" if location.startswith("/") else "."), profile).read(name)
    if content is None:
        raise UsageError(f"{location}: there is no report {name}")
    return pool.read(content, location)


def write_metrics(fleet: FleetReport, namespace: str | None) -> None:
    """Write the verdicts to standard error, as `check` does, if there is a namespace."""
    if namespace:
        import time

        from gmsa_doctor.report.fleet.metrics import emf

        write_error(emf(fleet, namespace, time.time_ns() // 1_000_000))


def deliver(
    fleet: FleetReport, options: ReportOptions, text: TextOptions, registry: Registry, files: RunFiles | None
) -> None:
    """Write the whole report beside those of its shards, print it, and write the other reports. Raises UsageError."""
    from gmsa_doctor.checking.fleet.expansion import expanded

    problems: list[str] = []

    def do(write: Callable[[], None]) -> None:
        try:
            write()
        except UsageError as error:  # the others are written all the same
            problems.append(str(error))

    if options.is_shown:
        do(lambda: _print(fleet, options, text))
    for wanted in options.wanted:
        if wanted.kind in _OF_FLEET:
            do(lambda wanted=wanted: print_parts(_parts(wanted.kind, fleet, registry), wanted.file))  # type: ignore[misc]
    others = tuple(wanted for wanted in options.wanted if wanted.kind not in _OF_FLEET)
    problems += write_reports(expanded(fleet), others, registry) if others else []
    if files:
        for kind, name in _OF_FLEET.items():
            content = "".join(_parts(kind, fleet, registry)).encode("utf-8", "backslashreplace")
            do(lambda name=name, content=content: files.write(name, content))  # type: ignore[misc]
    if problems:
        raise UsageError("; ".join(problems))


def _print(fleet: FleetReport, options: ReportOptions, shown: TextOptions) -> None:
    from gmsa_doctor.report.fleet import json, text

    output = options.output
    ascii = not (output or speaks_unicode())
    if options.format is Format.JSON:
        print_parts(json.parts(fleet, ascii=ascii), output)
        return
    color = is_coloured(shown.color, output)
    how = {"verbose": shown.verbose, "quiet": shown.quiet, "ascii": ascii}
    print_(text.render(fleet, width=80 if output else width(), color=color, **how), output)


def _parts(kind: ReportKind, fleet: FleetReport, registry: Registry) -> Iterable[str]:
    from gmsa_doctor.report.fleet import html, json

    if kind is ReportKind.JSON:
        return json.parts(fleet)
    return [ended(html.render(fleet, {check.id: check for check in registry.checks}))]


def expand(context: typer.Context, arguments: FleetArguments) -> ExitCode:
    """Print subjects of a fleet's report as `check` reports them."""
    from gmsa_doctor.checking.fleet.expansion import Filter, expanded
    from gmsa_doctor.core import registry

    given, parts = typed(context), arguments.parts
    reports, text = arguments.reports, arguments.text.chosen(given)
    if not given & {"--format", "--json", "--report"}:
        reports = replace(reports, format=Format.JSON)
    reports = reports.chosen(given)
    fleet = saved((arguments.files or [""])[0], arguments.access.profile)
    report = expanded(fleet, Filter(parts.subject, parts.account, parts.region))
    deliver_ordinary(report, reports, text, registry.load())
    return ExitCode.PASS


def diff(context: typer.Context, arguments: FleetArguments) -> ExitCode:
    """Compare the reports of two runs."""
    from gmsa_doctor.checking.fleet.expansion import compared
    from gmsa_doctor.report import difference
    from gmsa_doctor.triage.baseline import compare

    options = arguments.reports.chosen(typed(context))
    require_writable(options.output)
    names = arguments.files or []
    before, after = (compared(saved(name, arguments.access.profile)) for name in names)
    found = compare(before, after)
    sides = difference.ComparedReports(names[0], names[1], before, after)
    ascii = not (options.output or speaks_unicode())
    if options.format is Format.JSON:
        print_(difference.json_text(found, sides, ascii=ascii), options.output)
    else:
        columns = 80 if options.output else width()
        print_(difference.text(found, sides, width=columns, ascii=ascii), options.output)
    return ExitCode.FAIL if found.broke else ExitCode.PASS
