"""``gmsa-doctor run``, and ``gmsa-doctor probe``, which runs in the tasks that it starts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from gmsa_doctor.cli import configured, options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.bundle import BundleOptions
from gmsa_doctor.cli.effects import require_effect, typed
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters
from gmsa_doctor.cli.process import command_line, guarded, hold_signals, say, write_error
from gmsa_doctor.cli.reports import ReportOptions, TextOptions, deliver
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode

if TYPE_CHECKING:
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.probe.planning import ProbeOptions


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How the probe tasks are started."""

    PANEL: ClassVar = "Probe tasks"
    image: Annotated[str | None, options.ImageOption] = None
    subnet_mode: Annotated[
        options.SubnetMode, typer.Option(help="Start a task in each subnet of the service, or in the first one only.")
    ] = options.SubnetMode.EACH
    canary: Annotated[
        bool,
        typer.Option("--canary", help="Finally start one task with the service's credentialSpecs, as the last proof."),
    ] = False
    execution_role: Annotated[
        str | None,
        typer.Option(
            metavar="ARN", help="The role that pulls the image and writes the log, instead of the service's own."
        ),
    ] = None
    log_group: Annotated[
        str | None, typer.Option(metavar="NAME", help="The log group of the tasks, instead of the service's own.")
    ] = None
    report_s3: Annotated[
        str | None,
        typer.Option(
            metavar="s3://BUCKET/PREFIX", help="Transfer the reports through S3; the service's role needs s3:PutObject."
        ),
    ] = None
    public_address: Annotated[
        bool,
        typer.Option("--public-address", help="Assign public IP addresses to the tasks, if no --service is given."),
    ] = False
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Create the tasks, or read the journals, without confirmation.")
    ] = False
    journal: Annotated[
        bool,
        typer.Option(
            "--journal",
            help="On EC2, instead of tasks: read the journal of Credentials Fetcher on the container instances, "
            "through Systems Manager.",
        ),
    ] = False
    clean: Annotated[
        bool,
        typer.Option("--clean", help="Only remove what earlier runs left in the region and the --cluster."),
    ] = False


@dataclass(frozen=True, kw_only=True)
class TimeOptions:
    """How long the run may take."""

    PANEL: ClassVar = "Time"
    seconds: Annotated[
        float,
        typer.Option(
            "--timeout",
            parser=options.number(10, 86_400),
            metavar="SECONDS",
            help="Time limit of the whole run, with the removal of its tasks.",
        ),
    ] = 900
    check_timeout: Annotated[
        float,
        typer.Option(
            parser=options.number(1, 3_600),
            metavar="SECONDS",
            help="Time limit of the checks from outside, and of those in each task.",
        ),
    ] = 60


@dataclass(frozen=True, kw_only=True)
class RunArguments:
    """The options of ``run``, in the order of its help."""

    subject: options.SubjectOptions
    tasks: TaskOptions
    aws: options.AwsOptions
    network: options.NetworkOptions
    application: options.ApplicationOptions
    selection: options.SelectionOptions
    reports: ReportOptions
    text: TextOptions
    bundle: BundleOptions
    time: TimeOptions


@command(
    "run",
    examples="""
gmsa-doctor run --cluster prod --service web --image REGISTRY/gmsa-doctor:1
gmsa-doctor run --cluster prod --service web --canary
gmsa-doctor run --clean --cluster prod
""",
)
@fields_as_parameters
def run(context: typer.Context, arguments: RunArguments) -> None:
    """Check a service from inside its network, with one-off Fargate tasks.

    Starts the image of gmsa-doctor in the service's subnets, with its security groups and its execution role, and makes
    one report of the checks from outside and from inside. Shows what it will create, asks for confirmation, and removes
    it again. Exit codes as for check.
    """
    guarded(lambda: _clean(context, arguments) if arguments.tasks.clean else _run(context, arguments))


_OF_PROBES = {
    *("--image", "--subnet-mode", "--canary", "--execution-role", "--log-group", "--report-s3", "--public-address"),
    "--check-timeout",
}


@command("probe")
def probe(
    no_logon: Annotated[bool, typer.Option("--no-logon", help="Do not log on to AD.")] = False,
    canary: Annotated[bool, typer.Option("--canary", help="Check the ticket cache of this container.")] = False,
    no_logon_as: Annotated[
        options.Many, typer.Option(metavar="USER@REALM", help="Do not log on as this account: a logon failed already.")
    ] = None,
) -> None:
    """Run the checks inside a task that `run` started, and write the findings to its log."""

    def look() -> ExitCode:
        from gmsa_doctor.core import registry
        from gmsa_doctor.probe import in_task

        sent = in_task.probe(registry.load(), logon=not no_logon, canary=canary, failed_logons=no_logon_as or ())
        return ExitCode.PASS if sent else ExitCode.INTERRUPTED

    guarded(look)


def require_report_s3(uri: str | None) -> None:
    """Raises UsageError for one that is no bucket, with or without a prefix."""
    import re

    if uri and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\S*)?", uri):
        raise UsageError(f"--report-s3 {uri}: give s3://BUCKET or s3://BUCKET/PREFIX")


def _probe_options(arguments: TaskOptions, seconds: float) -> ProbeOptions:
    """Raises UsageError for an option that could only fail later, and less clearly."""
    import re

    from gmsa_doctor.probe.planning import ProbeOptions

    image, role, report = arguments.image, arguments.execution_role, arguments.report_s3
    if role and not re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/\S+", role):
        raise UsageError(f"--execution-role {role}: give a role's ARN, arn:aws:iam::ACCOUNT:role/NAME")
    require_report_s3(report)
    return ProbeOptions(
        image=image,
        each_subnet=arguments.subnet_mode is options.SubnetMode.EACH,
        execution_role=role,
        log_group=arguments.log_group,
        report_s3=report.rstrip("/") if report else None,
        canary=arguments.canary,
        public_address=arguments.public_address,
        seconds=seconds,
    )


def _run(context: typer.Context, arguments: RunArguments) -> ExitCode:
    request = options.request_of(arguments, connection_strings=())
    request = configured.with_typed(context, request)
    probe_options = _probe_options(arguments.tasks, arguments.time.check_timeout)
    options.require_one_service(request, "run")
    if len(options.subjects_in(request)) != 1:
        raise UsageError(
            "name the subject: --cluster with --service, --schedule, --rule, --state-machine, or --task-definition "
            "with --subnets"
        )
    if request.task_definition and not request.subnets:
        raise UsageError("--task-definition does not say where the task runs: give --subnets and --security-groups")
    if request.task_definition and not request.cluster:
        raise UsageError("--task-definition does not name a cluster for the probes: give --cluster")
    require_effect(
        request.typed,
        (["--public-address"], request.service and not request.subnets, "with --service, whose own setting applies"),
    )
    request = options.with_connection_strings(request, arguments.application.connection_string)
    options.require_addresses("--ad-dns", request.ad_dns)
    options.require_spns(request.spns)
    reports, text = arguments.reports.chosen(request.typed), arguments.text.chosen(request.typed)
    bundle = arguments.bundle.chosen(request.typed)
    journal = arguments.tasks.journal
    require_effect(request.typed, (sorted(request.typed & _OF_PROBES), journal, "with --journal"))
    require_consent(arguments.tasks.yes)
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.core import registry
    from gmsa_doctor.probe import instance_journals, one_off_run
    from gmsa_doctor.probe.plan import describe

    known = registry.load()
    request, triage = configured.agreed(context, arguments.selection.baseline, request, known)
    yes, keep = arguments.tasks.yes, bundle.keep if bundle else None
    with Display() as display:
        if journal:
            reader = instance_journals.JournalConversation(
                lambda plan: yes or agrees(plan.describe(), display), display.say, _show_by_hand, display
            )
            report = instance_journals.run(request, known, reader, triage=triage, keep=keep)
        else:
            user = one_off_run.Conversation(
                lambda plan: yes or agrees(describe(plan), display), display.say, display, hold_signals
            )
            report = one_off_run.run(request, probe_options, known, user, triage=triage, keep=keep)
    report = replace(report, command=command_line())
    deliver(report, reports, text, known, bundle=bundle)
    return report.exit_code


_OF_CLEAN = {"--clean", "--yes", "--cluster", "--region", "--profile", "--config"}


def _clean(context: typer.Context, arguments: RunArguments) -> ExitCode:
    """Remove what carries our tag, after confirmation: another run may be in progress."""
    given = typed(context)
    require_effect(given, (sorted(given - _OF_CLEAN), True, "with --clean"))
    yes, profile = arguments.tasks.yes, arguments.aws.profile
    require_consent(yes)
    from gmsa_doctor.clients.aws.fargate import Fargate, ReportBucket
    from gmsa_doctor.clients.aws.session import Aws
    from gmsa_doctor.core.printable import one_line
    from gmsa_doctor.probe import removal
    from gmsa_doctor.probe.mail import logs_by_region
    from gmsa_doctor.subjects.discovery import require_credentials

    aws = Aws(profile, arguments.aws.region)
    if not aws.region:
        raise UsageError("no AWS region is configured: give --region, or set AWS_REGION.")
    require_credentials(aws)
    clients, cluster = (Fargate(aws), logs_by_region(aws), ReportBucket(aws)), arguments.subject.cluster
    cluster = cluster or "default"
    found = removal.find(clients, cluster)
    for problem in found.problems:
        say(f"unknown: {problem.resource}: {problem.reason}")
    if not found:
        say(f"nothing left of earlier runs in {aws.region}, cluster {cluster}. {_NOT_SEARCHED}")
        return ExitCode.INCOMPLETE if found.problems else ExitCode.PASS
    for name in found.names:
        say(f"left by an earlier run, or used by one in progress: {name}")
    if not yes and not typer.confirm("Stop, deregister and delete them?", err=True):
        raise UsageError("cancelled; nothing was removed")
    hold_signals()
    left = removal.remove(found, clients, cluster, "gmsa-doctor run --clean")
    for leftover in left[len(found.problems) :]:
        say(f"not removed: {leftover.resource}: {leftover.reason}")
        if leftover.command:
            write_error(f"  {one_line(leftover.command)}")
    say("some of it could not be removed, see above" if left else f"removed. {_NOT_SEARCHED}")
    return ExitCode.INCOMPLETE if left else ExitCode.PASS


_NOT_SEARCHED = "Other clusters and regions were not searched, nor the logs of task definitions that are not ACTIVE."


def require_consent(yes: bool) -> None:
    """Raises UsageError without a terminal to ask on."""
    if not yes and not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("this creates AWS resources and cannot ask for confirmation without a terminal: give --yes")


def _show_by_hand(commands: Sequence[str]) -> None:
    say("to read a journal by hand, as somebody who may:")
    for line in commands:
        write_error(f"  {line}")


def agrees(plan: Iterable[tuple[int, str]], display: Display) -> bool:
    """Show what will be created, and ask whether to go on."""
    from gmsa_doctor.core.printable import printable
    from gmsa_doctor.report.text import wrapped

    display.clear()
    for indent, line in plan:
        for part in wrapped(printable(line), 80, " " * indent):
            write_error(part)
    return typer.confirm("Continue?", err=True)
