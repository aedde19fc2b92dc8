"""The command line: arguments to a call, a report to an exit code."""

from __future__ import annotations

import io
import math
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer

from gmsa_doctor import __version__
from gmsa_doctor.errors import UsageError
from gmsa_doctor.request import Fetcher, Live, Request

if TYPE_CHECKING:
    from gmsa_doctor.model import Report


class ExitCode(IntEnum):
    """What the process ends with; never depends on the format."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    INCOMPLETE = 3
    CRASH = 70
    INTERRUPTED = 130


class Format(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"


class Color(StrEnum):
    """When the text is coloured."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class FailOn(StrEnum):
    """From which status on the run fails."""

    FAIL = "fail"
    WARN = "warn"


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


Many = Optional[list[str]]  # noqa: UP045 - typer before 0.16 reads annotations at run time


@app.command()
def check(
    service: Annotated[str | None, typer.Option(help="An ECS service, by name or ARN.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Its cluster, by name or ARN.")] = None,
    task_definition: Annotated[
        str | None, typer.Option(metavar="FAMILY[:REV]|ARN", help="A registered task definition.")
    ] = None,
    task_definition_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The JSON of register- or describe-task-definition; - reads standard input."),
    ] = None,
    container: Annotated[str | None, typer.Option(help="Judge this container only.")] = None,
    region: Annotated[str | None, typer.Option(help="The AWS region.")] = None,
    profile: Annotated[str | None, typer.Option(help="The AWS profile.")] = None,
    subnets: Annotated[
        Many, typer.Option(metavar="ID[,ID…]", help="The task's subnets, where no service tells.")
    ] = None,
    security_groups: Annotated[
        Many, typer.Option(metavar="ID[,ID…]", help="The task's security groups, where no service tells.")
    ] = None,
    fetcher: Annotated[
        Fetcher | None, typer.Option(help="On EC2: the Credentials Fetcher that the instances run.")
    ] = None,
    live: Annotated[
        Live,
        typer.Option(
            help="Run the live Kerberos flow. auto: where the domain's SRV records answer, or inside ECS. "
            "always: we see what the task sees, so silence is a failure. never: send nothing to DNS or AD."
        ),
    ] = Live.AUTO,
    dns_server: Annotated[
        Many, typer.Option(metavar="IP[,IP]", help="Ask these DNS servers, as the task would.")
    ] = None,
    ad_dns: Annotated[
        Many, typer.Option(metavar="IP[,IP]", help="The AD's DNS servers, to compare the DHCP options with.")
    ] = None,
    spn: Annotated[
        Many,
        typer.Option(metavar="SPN", help="Get a service ticket too, such as MSSQLSvc/db.corp.example:1433."),
    ] = None,
    only: Annotated[Many, typer.Option(metavar="ID|AREA", help="Only these checks, and what they need.")] = None,
    skip: Annotated[Many, typer.Option(metavar="ID|AREA", help="Not these checks.")] = None,
    require: Annotated[
        Many, typer.Option(metavar="ID|AREA", help="Incomplete (exit code 3) if one of these was skipped.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option(help="The status from which on the run fails.")] = FailOn.FAIL,
    format: Annotated[Format, typer.Option("--format", help="How the report is written.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report to a file instead.")] = None,
    timeout: Annotated[float, typer.Option(min=1, max=86_400, metavar="SECONDS", help="For the whole run.")] = 60,
    color: Annotated[Color, typer.Option(help="When to colour the text.")] = Color.AUTO,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show all findings in full.")] = False,
) -> None:
    """Check a service or a task definition.

    Names the root cause, with its fix. Exit codes: 0 no failure, 1 a failure, 2 usage or configuration,
    3 incomplete, 70 a bug of ours, 130 interrupted.
    """
    request = Request(
        service=service,
        task_definition=task_definition,
        task_definition_file=task_definition_file,
        cluster=cluster,
        container=container,
        region=region,
        profile=profile,
        subnets=_items(subnets),
        security_groups=_items(security_groups),
        fetcher=fetcher,
        live=live,
        dns_server=_items(dns_server),
        ad_dns=_items(ad_dns),
        spns=_items(spn),
        only=_items(only),
        skip=_items(skip),
        require=_items(require),
        fail_on_warning=fail_on is FailOn.WARN,
        seconds=timeout,
    )
    _guarded(lambda: _check(request, format, output, color, verbose))


@app.command("list")
def list_() -> None:
    """List the checks, those of plug-ins too."""

    def show() -> ExitCode:
        from gmsa_doctor import explain, registry

        _print(explain.list_checks(registry.load()))
        return ExitCode.PASS

    _guarded(show)


@app.command("explain")
def explain_(
    words: Annotated[
        list[str],
        typer.Argument(metavar="ID|TEXT", help="A check's id, or an error text; - reads it from stdin."),
    ],
) -> None:
    """Explain a check, or an error text.

    For a text it finds the checks that stand behind it, likeliest first. The text may be pasted as it is
    from a stopped task or a log. Works offline.
    """

    def show() -> ExitCode:
        from gmsa_doctor import explain, registry

        text = _standard_input() if words == ["-"] else " ".join(words)
        known = registry.load()
        found = known.get(text.strip())
        answer = explain.explain_check(found, _width()) if found else explain.explain_text(known, text, _width())
        if answer is None:
            near = ", ".join(explain.suggest(known, text.strip()))
            raise UsageError(
                "that is no check's id and no error text that we know. "
                + (f"Did you mean: {near}? " if near else "")
                + "`gmsa-doctor list` shows the ids; a text is best pasted whole."
            )
        _print(answer)
        return ExitCode.PASS

    _guarded(show)


@app.command()
def schema() -> None:
    """Print the JSON report's JSON Schema."""

    def show() -> ExitCode:
        from gmsa_doctor.report import schema as report_schema

        _print(report_schema.text())
        return ExitCode.PASS

    _guarded(show)


# What stands behind the commands ---------------------------------------------------------------------

_ESCAPED = "backslashreplace"
"""For what cannot be encoded: lone surrogates out of a file's JSON."""


def _check(request: Request, format: Format, output: Path | None, color: Color, verbose: bool) -> ExitCode:
    _one_subject(request)
    _well_formed(request)
    if not output:
        _require_stdout()
    if output and not (output.parent.is_dir() and os.access(output.parent, os.W_OK)):
        raise UsageError(f"{output} cannot be written: {output.parent} is no directory that we may write to")
    from gmsa_doctor import registry, run
    from gmsa_doctor.progress import Display

    with Display() as display:
        report = run.check(request, registry.load(), display)
    _print(_rendered(report, format, output, color, verbose), output)
    if report.interrupted:
        return ExitCode.INTERRUPTED
    return {"pass": ExitCode.PASS, "fail": ExitCode.FAIL, "incomplete": ExitCode.INCOMPLETE}[report.verdict]


def _one_subject(request: Request) -> None:
    ways = {
        "--service": request.service,
        "--task-definition": request.task_definition,
        "--task-definition-file": request.task_definition_file,
    }
    given = [name for name, value in ways.items() if value]
    if len(given) != 1:
        raise UsageError(
            "say what is to be checked: --cluster with --service, or --task-definition, or --task-definition-file"
            + (f" (given: {' and '.join(given)})" if given else "")
        )


def _well_formed(request: Request) -> None:
    """Raises UsageError for an option that could only fail later, and less clearly."""
    from ipaddress import ip_address

    for option, addresses in (("--dns-server", request.dns_server), ("--ad-dns", request.ad_dns)):
        for one in addresses:
            try:
                ip_address(one)
            except ValueError as error:
                raise UsageError(f"{option} {one}: give the IP address of a DNS server, without a port") from error
    for spn in request.spns:
        if not re.fullmatch(r"[^/@\s]+/[^/@\s]+(/[^/@\s]+)?", spn):
            raise UsageError(f"--spn {spn}: give service/host[:port], such as MSSQLSvc/db.corp.example:1433")
    if request.spns and request.live is Live.NEVER:
        raise UsageError("--spn needs the live flow, which --live never rules out: leave one of the two out")
    if math.isnan(request.seconds):
        raise UsageError("--timeout nan: give a number of seconds")


def _rendered(report: Report, format: Format, output: Path | None, color: Color, verbose: bool) -> str:
    if format is Format.JSON:
        from gmsa_doctor.report import json

        return json.render(report, ascii=not (output or _speaks_unicode()))
    from gmsa_doctor.report import text

    return text.render(
        report,
        width=80 if output else _width(),
        color=_colored(color, output),
        verbose=verbose,
        ascii=not (output or _speaks_unicode()),
    )


def _guarded(action: Callable[[], ExitCode]) -> NoReturn:
    """Run it; whatever happens ends in one clear message and an exit code."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        code = action()
    except UsageError as error:
        typer.echo(f"gmsa-doctor: {error}", err=True)
        code = ExitCode.USAGE
    except KeyboardInterrupt:
        typer.echo("gmsa-doctor: interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort: a message without what may be a secret
        typer.echo(_crash(error), err=True)
        code = ExitCode.CRASH
    raise typer.Exit(code)


def _crash(error: Exception) -> str:
    """Neither the error's text nor any local is shown: they may hold a secret."""
    way = "".join(
        f"  {frame.filename}:{frame.lineno} in {frame.name}\n" for frame in traceback.extract_tb(error.__traceback__)
    )
    return f"gmsa-doctor {__version__} crashed with {type(error).__name__}; please report this:\n{way}"


def _print(text: str, output: Path | None = None) -> None:
    text = text if text.endswith("\n") else f"{text}\n"
    if output:
        try:
            output.write_text(text, encoding="utf-8", errors=_ESCAPED)
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from error
        typer.echo(f"gmsa-doctor: the report is in {output}", err=True)
        return
    _require_stdout()
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors=_ESCAPED)
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader such as `head` has seen enough
            raise UsageError(f"standard output cannot be written: {error.strerror}") from error


def _require_stdout() -> None:
    if not sys.stdout:
        raise UsageError("standard output is closed: leave it open, or give --output FILE to check")


def _standard_input() -> str:
    if not sys.stdin:
        raise UsageError("standard input is closed: give the text as an argument")
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def _items(values: list[str] | None) -> tuple[str, ...]:
    """Options that may be repeated and may hold several items with commas between."""
    parts = (item.strip() for value in values or () for item in value.split(","))
    return tuple(dict.fromkeys(item for item in parts if item))


def _width() -> int:
    return max(40, min(120, shutil.get_terminal_size((80, 24)).columns)) if sys.stdout.isatty() else 80


def _speaks_unicode() -> bool:
    """Python writes UTF-8 even where the user has asked for C; LC_CTYPE it may have set by itself (PEP 538)."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG")
    return "utf" in (sys.stdout.encoding or "").lower() and locale not in ("C", "POSIX")


def _colored(color: Color, output: Path | None) -> bool:
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if output or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def run() -> int:
    """Run the command with the process's arguments; its exit code."""
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.USAGE
    return ExitCode.PASS
