"""The report on standard output, and those of ``--report KIND=FILE``, as often as there are systems that read one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import typer

from gmsa_doctor.cli.effects import require_effect
from gmsa_doctor.cli.options import Many, Output
from gmsa_doctor.cli.process import (
    Color,
    Format,
    ended,
    is_coloured,
    print_,
    print_parts,
    require_writable,
    speaks_unicode,
    width,
)
from gmsa_doctor.core.errors import UsageError

if TYPE_CHECKING:
    from gmsa_doctor.cli.bundle import Bundle
    from gmsa_doctor.core.model import Check, Report
    from gmsa_doctor.core.registry import Registry

T = TypeVar("T")

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file that GitHub shows as the summary of a step.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""


class ReportKind(StrEnum):
    """Who reads it."""

    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True)
class WantedReport:
    """A report of ``--report``. Without a file it goes to standard output."""

    kind: ReportKind
    file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Which reports are written, and where to: the first to standard output without ``output``."""

    PANEL: ClassVar = "Reports"
    format: Annotated[Format, typer.Option("--format", help="The format of the report.")] = Format.TEXT
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False
    output: Output = None
    report: Annotated[
        Many,
        typer.Option(
            metavar="KIND[=FILE]",
            help=f"Also write a report of this kind: {', '.join(kind for kind in ReportKind if kind != 'github')}; or "
            "github, which writes annotations to standard output and the summary of the step. KIND=- replaces the text "
            "on standard output. May be repeated.",
        ),
    ] = None

    def chosen(self, typed: frozenset[str]) -> ReportOptions:
        """With the shorthands resolved. Raises UsageError, before any work is done, for what cannot be written."""
        require_effect(typed, (["--format"], self.json, "with --json"))
        found = replace(
            self,
            format=Format.JSON if self.json else self.format,
            output=None if str(self.output) == "-" else self.output,
        )
        text_only = typed & {"--color", "--no-color", "--verbose", "--quiet"}
        is_text = found.is_shown and found.format is Format.TEXT
        require_effect(typed, (sorted(text_only), not is_text, "on a report that is not text"))
        found._require_one_on_stdout(typed)
        files = [report.file for report in found.wanted if report.file]
        paths = [file.resolve() for file in (*files, *([found.output] if found.output else []))]
        if len(set(paths)) != len(paths):
            raise UsageError("--report: give each report its own file")
        for file in (found.output, *files):
            require_writable(file)
        return found

    @property
    def wanted(self) -> tuple[WantedReport, ...]:
        """The reports of ``--report``. Raises UsageError for one that there is not."""
        return tuple(map(_read, self.report or ()))

    @property
    def is_shown(self) -> bool:
        """Whether the report of ``format`` is written: another one may be on standard output instead."""
        return self.output is not None or not any(value.endswith("=-") for value in self.report or ())

    def _require_one_on_stdout(self, typed: frozenset[str]) -> None:
        """Raises UsageError for more than one, but for the text with GitHub's annotations after it."""
        writers = [f"--report {value}" for value in self.report or () if value.endswith("=-") or "=" not in value]
        if self.output is None and (self.format is Format.JSON or "--format" in typed):
            writers.insert(0, "--json" if self.json else f"--format {self.format}")
        if len(writers) > 1 and writers != ["--format text", f"--report {ReportKind.GITHUB}"]:
            raise UsageError(f"{' and '.join(writers)} all write to standard output; give all but one of them a file")


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How the text is shown."""

    PANEL: ClassVar = "Reports"
    color: Annotated[Color, typer.Option(help="When to color the text.")] = Color.AUTO
    no_color: Annotated[bool, typer.Option("--no-color", help="The same as --color never.")] = False
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="List every finding in full.")] = False
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show the root causes and the verdict only.")] = False

    def chosen(self, typed: frozenset[str]) -> TextOptions:
        """With what was typed before the configuration. Raises UsageError for options that contradict each other."""
        require_effect(
            typed,
            (["--color"], self.no_color, "with --no-color"),
            (["--quiet"], "--verbose" in typed, "with --verbose"),
        )
        return replace(
            self,
            color=Color.NEVER if self.no_color else self.color,
            verbose=self.verbose and "--quiet" not in typed,
            quiet=self.quiet and "--verbose" not in typed,
        )


def deliver(
    report: Report,
    options: ReportOptions,
    text: TextOptions,
    registry: Registry,
    *,
    shown: bool = True,
    bundle: Bundle | None = None,
) -> None:
    """Write all reports, with one on standard output if it is ``shown``, and the archive.

    Raises UsageError if one cannot be written, after the others were: nobody reads a terminal that was closed.
    """
    problems: list[str] = []
    if shown and options.is_shown:
        try:
            _print_report(report, options, text)
        except UsageError as error:
            problems.append(str(error))
    problems += write_reports(report, options.wanted, registry)
    try:
        if bundle:
            bundle.deliver(report, registry)
    except UsageError as error:
        problems.append(str(error))
    if problems:
        raise UsageError("; ".join(problems))


def _print_report(report: Report, options: ReportOptions, shown: TextOptions) -> None:
    """To standard output, or to the file of ``--output``, in its format."""
    output = options.output
    ascii = not (output or speaks_unicode())
    if options.format is Format.JSON:
        from gmsa_doctor.report import json

        print_parts(_whole(lambda: list(json.parts(report, ascii=ascii))), output)
    else:
        from gmsa_doctor.report.text import render

        columns, color = 80 if output else width(), is_coloured(shown.color, output)
        in_log = not (output or sys.stdout.isatty())
        options_of_text = {"verbose": shown.verbose, "quiet": shown.quiet, "ascii": ascii, "log": in_log}
        print_(_whole(lambda: render(report, width=columns, color=color, **options_of_text)), output)


def _whole(render: Callable[[], T]) -> T:
    """The rendered report. Ctrl-C while it is rendered does not cut it short; the second one ends the command."""
    try:
        return render()
    except KeyboardInterrupt:
        return render()


def _read(value: str) -> WantedReport:
    kind, equals, file = value.partition("=")
    if kind not in list(ReportKind):
        raise UsageError(f"--report {value}: give one of {', '.join(ReportKind)}, with =FILE")
    if (equals and not file) or (not equals and kind != ReportKind.GITHUB):
        raise UsageError(f"--report {value}: give the file, --report {kind}=FILE, or {kind}=- for standard output")
    return WantedReport(ReportKind(kind), Path(file) if file not in ("", "-") else None)


def write_reports(report: Report, reports: tuple[WantedReport, ...], registry: Registry) -> list[str]:
    """Write them. Returns why one could not be written."""
    checks = {check.id: check for check in registry.checks}
    problems: list[str] = []
    for wanted in reports:
        try:
            render = _renderer(wanted.kind, checks)
            print_parts(_whole(lambda render=render: list(render(report))), wanted.file)  # type: ignore[misc]
            if wanted.kind is ReportKind.GITHUB:
                _summarize(report)
        except UsageError as error:  # the others are written all the same
            problems.append(str(error))
    return problems


def _renderer(kind: ReportKind, checks: Mapping[str, Check]) -> Callable[[Report], Iterable[str]]:
    """Renders the report to the parts of its text."""
    from gmsa_doctor.report import github, gitlab, html, json, junit, markdown, sarif

    renderers: dict[ReportKind, Callable[[Report], str]] = {
        ReportKind.JUNIT: junit.render,
        ReportKind.SARIF: lambda report: sarif.render(report, checks),
        ReportKind.GITHUB: github.render,
        ReportKind.GITLAB: gitlab.render,
        ReportKind.MARKDOWN: markdown.render,
        ReportKind.HTML: lambda report: html.render(report, checks),
    }
    return json.parts if kind is ReportKind.JSON else lambda report: [ended(renderers[kind](report))]


def _summarize(report: Report) -> None:
    """Add to the step's summary, which is GitHub's file; elsewhere there is none."""
    from gmsa_doctor.report import github

    name = os.environ.get(STEP_SUMMARY)
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(github.summary(report))
    except OSError as error:
        raise UsageError(f"{STEP_SUMMARY} {name} cannot be written: {error.strerror}") from error
