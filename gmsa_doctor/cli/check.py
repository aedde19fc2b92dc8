"""``gmsa-doctor check``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from gmsa_doctor.cli import ask_as, configured, fix_files, options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.bundle import BundleOptions
from gmsa_doctor.cli.effects import require_effect
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import Format, command_line, guarded, say
from gmsa_doctor.cli.reports import ReportOptions, TextOptions, deliver
from gmsa_doctor.cli.verdict import VerdictOptions
from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.clients.files.file_bytes import read_bytes, text_of
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.formats.aws import ecs_config
from gmsa_doctor.formats.aws.ecs_config import EcsConfig
from gmsa_doctor.formats.documents.located import LocatedError
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.request import Live, Request
from gmsa_doctor.given.subject import Launch

SECONDS_FOR_SEVERAL = 900.0
"""The time limit of a run for the services of a cluster, unless one is given."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Which clusters are searched for services."""

    PANEL: ClassVar = "Subject"
    all_clusters: Annotated[
        bool, typer.Option("--all-clusters", help="All gMSA services in every cluster of the region.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """How files are read."""

    PANEL: ClassVar = "Files"
    credspec_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="A CredSpec, instead of the one that the task definition names.")
    ] = None
    parameter: Annotated[
        Many,
        typer.Option(
            metavar="NAME=VALUE",
            help="A CloudFormation parameter; also pseudo parameters such as AWS::Region. May be repeated.",
        ),
    ] = None
    compare_with: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="With --service or --task-definition: the file it was made from. Shows which gMSA settings were lost.",
        ),
    ] = None
    pass_over: Annotated[
        bool, typer.Option("--pass-over", help="Ignore FILES without gMSA configuration, even if named explicitly.")
    ] = False
    task_definition_file: options.TaskDefinitionFile = None
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Correct in FILES what is mechanical: prefixes, keys, partitions, encodings. Shows a diff, and asks.",
        ),
    ] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix: write the files without confirmation.")] = False


@dataclass(frozen=True, kw_only=True)
class EvidenceOptions:
    """What was recorded about the service's tasks."""

    PANEL: ClassVar = "Evidence"
    task: Annotated[
        str | None,
        typer.Option(
            metavar="ARN|ID", help="Check a task, stopped or running; with --service, only read why that task stopped."
        ),
    ] = None
    logs: Annotated[
        bool,
        typer.Option(
            "--logs", help="Also search the containers' logs (awslogs) of the last tasks for known error texts."
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """How the task is started, if no service says so."""

    PANEL: ClassVar = "Network"
    launch_type: Annotated[
        Launch | None, typer.Option(help="The launch type, if the task definition is compatible with several.")
    ] = None
    assign_public_ip: Annotated[
        bool, typer.Option("--assign-public-ip", help="The task gets a public address; requires --subnets.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """How the live flow runs."""

    PANEL: ClassVar = "Live flow"
    live: Annotated[
        Live,
        typer.Option(
            help="Log on to the AD as Credentials Fetcher would. auto: if the domain's SRV records can be resolved, or "
            "inside ECS. always: no answer is a failure. never: send nothing to DNS or AD."
        ),
    ] = Live.AUTO
    dns_server: Annotated[Many, typer.Option(metavar="IP[,IP]", help="Query these DNS servers, as the task would.")] = (
        None
    )
    fetcher: Annotated[
        Fetcher | None, typer.Option(help="On EC2: the version of Credentials Fetcher on the container instances.")
    ] = None
    ecs_config: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="On EC2: a copy of the container instances' /etc/ecs/ecs.config."),
    ] = None
    as_: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="USER",
            help="Also query the AD as this account, such as an administrator. Prompts for its password.",
        ),
    ] = None
    as_keytab: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A keytab of that account, instead of the prompt.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class TimeOptions:
    """How long the run may take."""

    PANEL: ClassVar = "Time"
    seconds: Annotated[
        float,
        typer.Option(
            "--timeout",
            parser=options.number(1, 86_400),
            metavar="SECONDS",
            help=f"Time limit of the whole run; for several services {SECONDS_FOR_SEVERAL:g}, if it is not given.",
        ),
    ] = 60
    max_rate: Annotated[
        float | None,
        typer.Option(
            parser=options.number(0.1, 100),
            metavar="REQUESTS",
            help="Send each AWS service at most this many requests a second. By default at most half of its quota.",
        ),
    ] = None
    wait: Annotated[
        float,
        typer.Option(
            parser=options.number(0, 86_400),
            metavar="SECONDS",
            help="Keep retrying for this long while the failure may be temporary: DNS, a rotated secret, a gMSA that "
            "was just permitted.",
        ),
    ] = 0
    watch: Annotated[
        float,
        typer.Option(
            parser=options.number(0, 86_400),
            metavar="SECONDS",
            help="First follow the service's deployment for this long: until it is steady, or something in it fails.",
        ),
    ] = 0


@dataclass(frozen=True, kw_only=True)
class CheckArguments:
    """The arguments and options of ``check``, in the order of its help."""

    files: options.Files = None
    subject: options.SubjectOptions
    clusters: ClusterOptions
    of_files: FileOptions
    aws: options.AwsOptions
    offline: options.Offline = False
    network: options.NetworkOptions
    launch: LaunchOptions
    evidence: EvidenceOptions
    live_flow: LiveOptions
    application: options.ApplicationOptions
    selection: options.SelectionOptions
    reports: ReportOptions
    text: TextOptions
    bundle: BundleOptions
    verdict: VerdictOptions
    time: TimeOptions


@command(
    "check",
    examples="""
gmsa-doctor check --cluster prod --service web
gmsa-doctor check --cluster prod
gmsa-doctor check --cluster prod --service 'web-*' --service api
gmsa-doctor check --task-definition web:42 --subnets subnet-0abc
gmsa-doctor check --schedule nightly-export
gmsa-doctor check --offline template.yaml deploy/ --report sarif=out.sarif
aws ecs describe-task-definition --task-definition web | gmsa-doctor check -
""",
)
@fields_as_parameters
def check(context: typer.Context, arguments: CheckArguments) -> None:
    """Check ECS services, a task definition, scheduled tasks, or files. Inside an ECS task, check that task.

    A cluster without a service means all its services that use a gMSA. Names the root cause and its fix. Exit codes:
    0 pass, or unproven if only static checks were requested; 1 a failure; 2 usage or configuration; 3 incomplete or
    unproven; 70 a bug in gmsa-doctor; 130 interrupted.
    """
    guarded(lambda: _check(context, arguments))


def _check(context: typer.Context, arguments: CheckArguments) -> ExitCode:
    request = _request(context, arguments)
    arguments.verdict.require_valid()
    if arguments.of_files.fix:
        fix_files.require_consent(arguments.of_files.yes)
    reports, text = arguments.reports.chosen(request.typed), arguments.text.chosen(request.typed)
    bundle = arguments.bundle.chosen(request.typed)
    from gmsa_doctor.checking import check as checking
    from gmsa_doctor.checking import watch
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.core import registry

    known = registry.load()
    request, triage = configured.agreed(context, arguments.selection.baseline, request, known)
    account = ask_as.account(arguments.live_flow.as_, arguments.live_flow.as_keytab, request)
    request = replace(request, ask_as=account)  # last: it prompts
    with Display(dns_servers=request.dns_server) as display:
        display.waits_for(_subject(request))
        if request.watch:
            watch.follow(request, display.line)
            display.waits_for(_subject(request))
        keep = bundle.keep if bundle else None
        report = checking.check(request, known, display, triage, display.say, keep=keep)
        report = replace(report, command=command_line())
    code = report.exit_code
    is_empty = request.in_files and not (
        report.subjects or report.passed_over or reports.format is Format.JSON or reports.output
    )
    deliver(report, reports, text, known, shown=not is_empty, bundle=bundle)
    sent = arguments.verdict.send(report, arguments.aws)
    is_seen = not is_empty and reports.is_shown and reports.format is Format.TEXT and reports.output is None
    for unread in () if is_seen else report.unread:  # the text lists them
        say(f"{unread.location.file}: {unread.text}")
    if arguments.of_files.fix:
        fix_files.fix_files(report, yes=arguments.of_files.yes)
    return ExitCode.INCOMPLETE if code is ExitCode.PASS and not sent else code


def _subject(request: Request) -> str:
    """Where the subject is read from, in the words of the progress display."""
    if request.in_files:
        return "the files"
    if request.service:
        return f"ECS: service {request.service}"
    if request.of_services:
        return f"ECS: services of {'all clusters' if request.all_clusters else request.cluster or 'default'}"
    if request.starter:
        return f"AWS: {request.starter[1]}"
    if request.task:
        return f"ECS: task {request.task.rpartition('/')[2]}"
    return f"ECS: task definition {request.task_definition}" if request.task_definition else "ECS: this task"


def _request(context: typer.Context, arguments: CheckArguments) -> Request:
    """Raises UsageError for an option that could only fail later, and less clearly."""
    parameters = _parameters(arguments.of_files.parameter)
    config = _ecs_config(arguments.live_flow.ecs_config)
    request = options.request_of(
        arguments, parameters=parameters, files=tuple(arguments.files or ()), ecs_config=config
    )
    request = configured.with_typed(context, request, arguments.of_files.task_definition_file)
    source = context.get_parameter_source("seconds")
    if request.of_several and source and source.name == "DEFAULT":
        request = replace(request, seconds=SECONDS_FOR_SEVERAL)
    _require_one_subject(request)
    if request.all_clusters and any(name.startswith("arn:") for name in request.services):
        raise UsageError("--service with an ARN names its cluster, which contradicts --all-clusters; drop one of them")
    _require_effects(request)
    strings = arguments.application.connection_string or []
    named = (*strings, *request.files, request.credspec_file, request.compare_with)
    if named.count("-") > 1:
        raise UsageError("standard input can be read once: give one - only")
    if request.wait and "-" in named[len(strings) :]:
        raise UsageError("--wait reads the files again, and standard input can be read once: give a file")
    request = options.with_connection_strings(request, strings)
    options.require_addresses("--dns-server", request.dns_server)
    options.require_addresses("--ad-dns", request.ad_dns)
    options.require_spns(request.spns)
    return request


def _ecs_config(path: str | None) -> EcsConfig:
    """Raises UsageError for a file that cannot be read."""
    if path is None:
        return EcsConfig()
    body = read_bytes(path)
    try:
        if isinstance(body, str):
            raise LocatedError(body)
        return ecs_config.parse(text_of(body))
    except LocatedError as error:
        raise UsageError(f"--ecs-config {path} {error}") from error


def _parameters(values: list[str] | None) -> tuple[tuple[str, str], ...]:
    pairs = [value.partition("=") for value in values or ()]
    for name, equals, value in pairs:
        if not name or not equals:
            raise UsageError(f"--parameter {name}{equals}{value}: give NAME=VALUE")
    return tuple((name, value) for name, _, value in pairs)


def _require_one_subject(request: Request) -> None:
    given = options.subjects_in(request)
    if request.all_clusters and not request.services:
        given.append("--all-clusters")
    if request.task and not request.service:
        given.append("--task")
    if request.offline and not request.in_files:
        raise UsageError("--offline checks files: name them")
    if len(given) == 1 or (not given and (request.of_services or request.credspec_file or task_metadata.inside())):
        return
    raise UsageError(
        "name the subject: --cluster, with --service for some of its services, or --all-clusters, or --task, "
        "--task-definition, --schedule, --rule, --state-machine, or FILES"
        + (f" (given: {' and '.join(given)})" if given else "; inside an ECS task, omit all of them to check that task")
    )


def _require_effects(request: Request) -> None:
    """Raises UsageError for an option of the command line that would have no effect."""
    registered = request.is_registered
    several = "with several services"
    inside = task_metadata.inside() and not (registered or request.in_files)
    silent = "--offline" if request.offline else "--live never" if request.live is Live.NEVER else None
    require_effect(
        request.typed,
        (
            ["--credspec-file"],
            registered or inside,
            "without FILES, whose CredSpec it replaces",
        ),
        (["--compare-with"], request.in_files, "on files: it compares a file with --service or --task-definition"),
        (["--parameter"], not (request.files or request.compare_with), "without FILES or --compare-with"),
        (["--cluster"], request.all_clusters, "with --all-clusters"),
        (["--subnets", "--security-groups"], request.of_several, f"{several}, which have networks of their own"),
        (["--compare-with", "--watch"], request.of_several, f"{several}: name one with --service"),
        (["--watch"], not request.service, "without --service"),
        (["--logs"], not (request.of_services or request.starter or request.task), "without --service or --task"),
        (["--pass-over"], not request.files, "without FILES"),
        (["--fix"], not (request.files or request.credspec_file), "without FILES"),
        (["--yes"], "--fix" not in request.typed, "without --fix"),
        (["--cluster"], request.in_files, "on files"),
        (["--container", "--app-config"], request.credspec_file and not request.files, "on a CredSpec alone"),
        (["--profile", "--max-rate", "--subnets", "--security-groups", "--ad-dns"], request.offline, "with --offline"),
        (["--live"], request.offline and request.live is not Live.NEVER, "with --offline"),
        (["--event-bus"], request.offline, "with --offline"),
        (["--security-groups"], not (request.subnets or registered or inside), "without --subnets"),
        (["--dns-server", "--spn", "--as", "--as-keytab", "--wait"], silent, f"with {silent}"),
        (
            ["--launch-type", "--assign-public-ip"],
            request.of_services or request.task or inside,
            "where the service says so",
        ),
        (["--assign-public-ip"], not (request.subnets or request.starter), "without --subnets"),
        (["--as-keytab"], "--as" not in request.typed, "without --as"),
    )
