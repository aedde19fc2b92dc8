"""``gmsa-doctor check``."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from gmsa_doctor.cli import ask_as, configured, options, reports, verdict
from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.options import items
from gmsa_doctor.cli.process import (
    Color,
    ExitCode,
    Format,
    Rendering,
    exit_code,
    guarded,
    print_,
    rendered,
    say,
    writable,
)
from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.request import AppConfig, Live, Request

if TYPE_CHECKING:
    from gmsa_doctor.triage.config import Config


@app.command()
def check(
    context: typer.Context,
    files: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer before 0.16 reads annotations at run time
        typer.Argument(
            metavar="FILES",
            help="Task definitions, CloudFormation and SAM templates, cdk.out, Terraform plans, Compose files, "
            "CredSpecs; directories and globs of them.",
        ),
    ] = None,
    service: options.Service = None,
    cluster: options.Cluster = None,
    task_definition: options.TaskDefinition = None,
    task_definition_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The JSON of register- or describe-task-definition; - reads standard input."),
    ] = None,
    credspec_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="A CredSpec, in place of what the task definition names.")
    ] = None,
    compare_with: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="With --service or --task-definition: the file it was made from, to see what was lost on the way.",
        ),
    ] = None,
    parameter: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="NAME=VALUE", help="Of the CloudFormation templates; also AWS::Region and its like."),
    ] = None,
    pass_over: Annotated[
        bool, typer.Option("--pass-over", help="Pass over FILES that hold nothing of ours, though they are named.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Send nothing anywhere, and read no AWS configuration.")
    ] = False,
    container: options.Container = None,
    region: options.Region = None,
    profile: options.Profile = None,
    subnets: options.Subnets = None,
    security_groups: options.SecurityGroups = None,
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
        options.Many, typer.Option(metavar="IP[,IP]", help="Ask these DNS servers, as the task would.")
    ] = None,
    ad_dns: options.AdDns = None,
    spn: options.Spn = None,
    connection_string: options.ConnectionStrings = None,
    app_config: options.FindStrings = AppConfig.NEVER,
    as_: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="USER",
            help="Ask the AD as this account too, such as an administrator; its password is asked for at the terminal.",
        ),
    ] = None,
    as_keytab: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A keytab of that account, in place of its password.")
    ] = None,
    only: options.Only = None,
    skip: options.Skip = None,
    require: options.Require = None,
    fail_on: options.FailOnOption = options.FailOn.FAIL,
    config: configured.ConfigFile = None,
    baseline: configured.Baseline = None,
    format: options.FormatOption = Format.TEXT,
    output: options.Output = None,
    report: reports.ReportOption = None,
    metrics: verdict.Metrics = None,
    event_bus: verdict.EventBus = None,
    timeout: Annotated[float, typer.Option(min=1, max=86_400, metavar="SECONDS", help="For the whole run.")] = 60,
    wait: Annotated[
        float,
        typer.Option(
            min=0,
            max=86_400,
            metavar="SECONDS",
            help="Look again while what is wrong may be about to pass: DNS, a rotated secret, a gMSA just permitted.",
        ),
    ] = 0,
    color: options.ColorOption = Color.AUTO,
    verbose: options.Verbose = False,
) -> None:
    """Check a service, a task definition, or files; inside ECS, without any, the own task.

    Names the root cause, with its fix. Exit codes: 0 no failure, 1 a failure, 2 usage or configuration,
    3 incomplete, 70 a bug of ours, 130 interrupted.
    """
    ways = configured.given(
        context,
        service=service,
        task_definition=task_definition,
        task_definition_file=task_definition_file,
        files=tuple(files or ()),
    )
    request = Request(
        **{**ways, "files": ways["files"] or ()},
        credspec_file=credspec_file,
        compare_with=compare_with,
        pass_over=pass_over,
        cluster=cluster,
        container=container,
        region=region,
        profile=profile,
        subnets=items(subnets),
        security_groups=items(security_groups),
        offline=offline,
        fetcher=fetcher,
        live=live,
        dns_server=items(dns_server),
        ad_dns=items(ad_dns),
        spns=items(spn),
        app_config=app_config,
        only=items(only),
        skip=items(skip),
        require=items(require),
        fail_on_warning=fail_on is options.FailOn.WARN,
        seconds=timeout,
        wait=wait,
    )
    how, to = Rendering(format, output, color, verbose), verdict.Recipients(metrics, event_bus, region, profile)
    settings = configured.configuration(context)
    guarded(lambda: _check(request, parameter, connection_string, how, report, to, settings, baseline, as_, as_keytab))


def _check(
    request: Request,
    parameters: list[str] | None,
    strings: list[str] | None,
    how: Rendering,
    more: list[str] | None,
    to: verdict.Recipients,
    settings: Config,
    baseline: Path | None,
    as_: str | None,
    as_keytab: Path | None,
) -> ExitCode:
    request = replace(request, parameters=_parameters(parameters))
    _one_subject(request)
    _standard_input(request, strings)
    request = replace(request, connection_strings=options.connection_strings(strings))
    _well_formed(request)
    verdict.require(to)
    if request.offline and to.event_bus:
        raise UsageError("--offline sends nothing anywhere: leave out --event-bus")
    if request.wait and request.task_definition_file == "-":
        raise UsageError("--wait looks again, and standard input can be read once: give a file")
    writable(how.output)
    wanted = reports.wanted(more, how)
    from gmsa_doctor.checking import check as run
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.core import registry

    known = registry.load()
    request, policy = configured.agreed(settings, baseline, request, known)
    request = replace(request, ask_as=ask_as.account(as_, as_keytab, request))  # last: it asks at the terminal
    with Display() as display:
        report = run.check(request, known, display, policy, display.say)
    code = exit_code(report)
    if report.subjects or report.passed_over or how.format is Format.JSON or how.output:
        print_(rendered(report, how), how.output)
    reports.write(report, wanted, {one.id: one for one in known.checks}, code)
    told = verdict.tell(report, to)
    for file, reason in report.unread:
        say(f"{file}: {reason}")
    return ExitCode.INCOMPLETE if code is ExitCode.PASS and not told else code


def _standard_input(request: Request, strings: list[str] | None) -> None:
    """Raises UsageError where standard input is wanted for two things."""
    others = "-" in (request.task_definition_file, request.credspec_file, *request.files)
    if (strings or []).count("-") + others > 1:
        raise UsageError("standard input can be read once: give one - only")


def _parameters(values: list[str] | None) -> tuple[tuple[str, str], ...]:
    pairs = [value.partition("=") for value in values or ()]
    for name, equals, value in pairs:
        if not name or not equals:
            raise UsageError(f"--parameter {name}{equals}{value}: give NAME=VALUE")
    return tuple((name, value) for name, _, value in pairs)


def _one_subject(request: Request) -> None:
    ways = {
        "--service": request.service,
        "--task-definition": request.task_definition,
        "--task-definition-file": request.task_definition_file,
        "FILES": request.files,
    }
    given = [name for name, value in ways.items() if value]
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


def _well_formed(request: Request) -> None:
    """Raises UsageError for an option that could only fail later, and less clearly."""
    options.require_addresses("--dns-server", request.dns_server)
    options.require_addresses("--ad-dns", request.ad_dns)
    options.require_spns(request.spns)
    if request.spns and request.live is Live.NEVER:
        raise UsageError("--spn needs the live flow, which --live never rules out: leave one of the two out")
    if math.isnan(request.seconds):
        raise UsageError("--timeout nan: give a number of seconds")
