"""``gmsa-doctor check``."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from gmsa_doctor.cli import ask_as, configured, options
from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import Format, command_line, guarded, say
from gmsa_doctor.cli.reports import ReportOptions, TextOptions, print_report, write
from gmsa_doctor.cli.verdict import VerdictOptions
from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.request import Live, Request


@dataclass(frozen=True, kw_only=True)
class CheckArguments:
    """The arguments and options of ``check``, in the order of its help."""

    files: Annotated[
        Many,
        typer.Argument(
            metavar="FILES",
            help="Task definitions, CloudFormation and SAM templates, cdk.out, Terraform plans, Compose files, "
            "CredSpecs; directories and globs of them.",
        ),
    ] = None
    subject: options.SubjectOptions
    task_definition_file: options.TaskDefinitionFile = None
    credspec_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="A CredSpec, in place of what the task definition names.")
    ] = None
    compare_with: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="With --service or --task-definition: the file it was made from, to see what was lost on the way.",
        ),
    ] = None
    parameter: Annotated[
        Many, typer.Option(metavar="NAME=VALUE", help="Of the CloudFormation templates; also AWS::Region and its like.")
    ] = None
    pass_over: Annotated[
        bool, typer.Option("--pass-over", help="Pass over FILES that hold nothing of ours, though they are named.")
    ] = False
    offline: options.Offline = False
    aws: options.AwsOptions
    network: options.NetworkOptions
    fetcher: Annotated[Fetcher | None, typer.Option(help="On EC2: the Credentials Fetcher that the instances run.")] = (
        None
    )
    live: Annotated[
        Live,
        typer.Option(
            help="Run the live Kerberos flow. auto: where the domain's SRV records answer, or inside ECS. "
            "always: we see what the task sees, so silence is a failure. never: send nothing to DNS or AD."
        ),
    ] = Live.AUTO
    dns_server: Annotated[Many, typer.Option(metavar="IP[,IP]", help="Ask these DNS servers, as the task would.")] = (
        None
    )
    application: options.ApplicationOptions
    as_: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="USER",
            help="Ask the AD as this account too, such as an administrator; its password is asked for at the terminal.",
        ),
    ] = None
    as_keytab: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A keytab of that account, in place of its password.")
    ] = None
    selection: options.SelectionOptions
    reports: ReportOptions
    verdict: VerdictOptions
    seconds: Annotated[
        float, typer.Option("--timeout", min=1, max=86_400, metavar="SECONDS", help="For the whole run.")
    ] = 60
    wait: Annotated[
        float,
        typer.Option(
            min=0,
            max=86_400,
            metavar="SECONDS",
            help="Look again while what is wrong may be about to pass: DNS, a rotated secret, a gMSA just permitted.",
        ),
    ] = 0
    text: TextOptions


@app.command()
@fields_as_parameters
def check(context: typer.Context, arguments: CheckArguments) -> None:
    """Check a service, a task definition, or files; inside ECS, without any, the own task.

    Names the root cause, with its fix. Exit codes: 0 no failure, 1 a failure, 2 usage or configuration,
    3 incomplete, 70 a bug of ours, 130 interrupted.
    """
    guarded(lambda: _check(context, arguments))


def _check(context: typer.Context, arguments: CheckArguments) -> ExitCode:
    request = _request(context, arguments)
    arguments.verdict.require_valid()
    if request.offline and arguments.verdict.event_bus:
        raise UsageError("--offline sends nothing anywhere: leave out --event-bus")
    if request.wait and request.task_definition_file == "-":
        raise UsageError("--wait looks again, and standard input can be read once: give a file")
    wanted = arguments.reports.wanted()
    from gmsa_doctor.checking import check as checking
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.core import registry

    known = registry.load()
    request, triage = configured.agreed(context, arguments.selection.baseline, request, known)
    request = replace(request, ask_as=ask_as.account(arguments.as_, arguments.as_keytab, request))  # last: it prompts
    with Display() as display:
        report = replace(checking.check(request, known, display, triage, display.say), command=command_line())
    code = report.exit_code
    if report.subjects or report.passed_over or arguments.reports.format is Format.JSON or arguments.reports.output:
        print_report(report, arguments.reports, arguments.text)
    write(report, wanted, known)
    sent = arguments.verdict.send(report, arguments.aws)
    for file, reason in report.unread:
        say(f"{file}: {reason}")
    return ExitCode.INCOMPLETE if code is ExitCode.PASS and not sent else code


def _request(context: typer.Context, arguments: CheckArguments) -> Request:
    """Raises UsageError for an option that could only fail later, and less clearly."""
    request = options.request_of(
        arguments, parameters=_parameters(arguments.parameter), files=tuple(arguments.files or ())
    )
    request = configured.with_typed_subject(context, request)
    _require_one_subject(request)
    strings = arguments.application.connection_string
    named = (request.task_definition_file, request.credspec_file, *request.files)
    if (strings or []).count("-") + ("-" in named) > 1:
        raise UsageError("standard input can be read once: give one - only")
    request = replace(request, connection_strings=options.connection_strings(strings))
    options.require_addresses("--dns-server", request.dns_server)
    options.require_addresses("--ad-dns", request.ad_dns)
    options.require_spns(request.spns)
    if request.spns and request.live is Live.NEVER:
        raise UsageError("--spn needs the live flow, which --live never rules out: leave one of the two out")
    if math.isnan(request.seconds):
        raise UsageError("--timeout nan: give a number of seconds")
    return request


def _parameters(values: list[str] | None) -> tuple[tuple[str, str], ...]:
    pairs = [value.partition("=") for value in values or ()]
    for name, equals, value in pairs:
        if not name or not equals:
            raise UsageError(f"--parameter {name}{equals}{value}: give NAME=VALUE")
    return tuple((name, value) for name, _, value in pairs)


def _require_one_subject(request: Request) -> None:
    subjects = {
        "--service": request.service,
        "--task-definition": request.task_definition,
        "--task-definition-file": request.task_definition_file,
        "FILES": request.files,
    }
    given = [name for name, value in subjects.items() if value]
    if request.compare_with and request.in_files:
        raise UsageError("--compare-with compares a file with what is registered: give --service or --task-definition")
    if request.credspec_file and request.task_definition_file:
        raise UsageError("--credspec-file goes with FILES: give the task definition's file without an option")
    if request.offline and not (request.files or request.credspec_file or request.task_definition_file):
        raise UsageError("--offline checks files: name them")
    if len(given) == 1 or (not given and (request.credspec_file or task_metadata.inside())):
        return
    raise UsageError(
        "say what is to be checked: --cluster with --service, or --task-definition, or FILES or --task-definition-file"
        + (f" (given: {' and '.join(given)})" if given else "; inside ECS, without any of them, the own task is")
    )
