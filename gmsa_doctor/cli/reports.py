"""The report on standard output, and those of ``--report KIND=FILE``, as often as there are systems that read one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gmsa_doctor.cli.options import Many, Output
from gmsa_doctor.cli.process import (
    Color,
    Format,
    is_coloured,
    print_,
    require_writable,
    speaks_unicode,
    width,
)
from gmsa_doctor.core.errors import UsageError

if TYPE_CHECKING:
    from gmsa_doctor.core.model import Check, Report
    from gmsa_doctor.core.registry import Registry

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
    """A report that was asked for. Without a file, which only GitHub's may be, it goes to standard output."""

    kind: ReportKind
    file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Which reports are written, and where to: the first to standard output without ``output``."""

    format: Annotated[Format, typer.Option("--format", help="How the report is written.")] = Format.TEXT
    output: Output = None
    report: Annotated[
        Many,
        typer.Option(
            metavar="KIND[=FILE]",
            help=f"Write a report of this kind too: {', '.join(kind for kind in ReportKind if kind != 'github')}; or "
            "github, which annotates on standard output and writes the step's summary. May be repeated.",
        ),
    ] = None

    def wanted(self) -> tuple[WantedReport, ...]:
        """The reports of ``--report``. Raises UsageError, before any work is done, for one that cannot be written."""
        require_writable(self.output)
        reports = tuple(map(_read, self.report or ()))
        if self.format is Format.JSON and not self.output and any(report.file is None for report in reports):
            raise UsageError("--report github and --format json both write to standard output: give one of them a file")
        files = [report.file for report in reports if report.file]
        paths = [file.resolve() for file in (*files, *([self.output] if self.output else []))]
        if len(set(paths)) != len(paths):
            raise UsageError("--report: give each report a file of its own")
        for file in files:
            require_writable(file)
        return reports


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How the text is shown."""

    color: Annotated[Color, typer.Option(help="When to colour the text.")] = Color.AUTO
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="List every finding in full.")] = False
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show the root causes and the verdict only.")] = False


def print_report(report: Report, options: ReportOptions, shown: TextOptions) -> None:
    """To standard output, or to the file of ``--output``, in its format."""
    output = options.output
    ascii = not (output or speaks_unicode())
    if options.format is Format.JSON:
        from gmsa_doctor.report import json

        text = json.render(report, ascii=ascii)
    else:
        from gmsa_doctor.report.text import render

        columns, color = 80 if output else width(), is_coloured(shown.color, output)
        text = render(
            report,
            width=columns,
            color=color,
            verbose=shown.verbose,
            quiet=shown.quiet,
            ascii=ascii,
            log=not (output or sys.stdout.isatty()),
        )
    print_(text, output)


def _read(value: str) -> WantedReport:
    kind, equals, file = value.partition("=")
    if kind not in list(ReportKind):
        raise UsageError(f"--report {value}: give one of {', '.join(ReportKind)}, with =FILE")
    if (equals and not file) or (not equals and kind != ReportKind.GITHUB):
        raise UsageError(f"--report {value}: give the file, --report {kind}=FILE")
    return WantedReport(ReportKind(kind), Path(file) if file else None)


def write(report: Report, reports: tuple[WantedReport, ...], registry: Registry) -> None:
    """Write them. Raises UsageError for one that cannot be written."""
    checks = {check.id: check for check in registry.checks}
    problems: list[str] = []
    for wanted in reports:
        try:
            print_(_renderer(wanted.kind, checks)(report), wanted.file)
            if wanted.kind is ReportKind.GITHUB:
                _summarize(report)
        except UsageError as error:  # the others are written all the same
            problems.append(str(error))
    if problems:
        raise UsageError("; ".join(problems))


def _renderer(kind: ReportKind, checks: Mapping[str, Check]) -> Callable[[Report], str]:
    from gmsa_doctor.report import github, gitlab, html, json, junit, markdown, sarif

    renderers: dict[ReportKind, Callable[[Report], str]] = {
        ReportKind.JSON: json.render,
        ReportKind.JUNIT: junit.render,
        ReportKind.SARIF: lambda report: sarif.render(report, checks),
        ReportKind.GITHUB: github.render,
        ReportKind.GITLAB: gitlab.render,
        ReportKind.MARKDOWN: markdown.render,
        ReportKind.HTML: lambda report: html.render(report, checks),
    }
    return renderers[kind]


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
