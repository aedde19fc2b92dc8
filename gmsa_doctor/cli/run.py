"""``gmsa-doctor run`` and ``gmsa-doctor probe``: the one-off task, from both of its ends."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gmsa_doctor.cli import configured, options
from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters
from gmsa_doctor.cli.process import command_line, guarded
from gmsa_doctor.cli.reports import ReportOptions, TextOptions, print_report, write
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode

if TYPE_CHECKING:
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.probe.plan import Plan
    from gmsa_doctor.probe.planning import ProbeOptions


class SubnetMode(StrEnum):
    """Where probes are started."""

    EACH = "each"
    ONE = "one"


@dataclass(frozen=True, kw_only=True)
class RunArguments:
    """The options of ``run``, in the order of its help."""

    image: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE",
            envvar="GMSA_DOCTOR_IMAGE",
            help="gmsa-doctor's image. Default: gmsa-doctor:VERSION in the account's own ECR registry.",
        ),
    ] = None
    subject: options.SubjectOptions
    aws: options.AwsOptions
    network: options.NetworkOptions
    subnet_mode: Annotated[
        SubnetMode, typer.Option(help="Start a probe in each subnet of the service, or in the first one only.")
    ] = SubnetMode.EACH
    canary: Annotated[
        bool, typer.Option("--canary", help="Then start one task with the service's credentialSpecs: the final proof.")
    ] = False
    execution_role: Annotated[
        str | None,
        typer.Option(metavar="ARN", help="Pulls the image and writes the log, in place of the service's own."),
    ] = None
    log_group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where the probe writes, in place of the service's own.")
    ] = None
    report_s3: Annotated[
        str | None,
        typer.Option(
            metavar="s3://BUCKET/PREFIX", help="Let the probe write its report there; its role needs s3:PutObject."
        ),
    ] = None
    public_address: Annotated[
        bool, typer.Option("--public-address", help="Give the tasks a public address, where no service tells.")
    ] = False
    application: options.ApplicationOptions
    selection: options.SelectionOptions
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before anything is made.")] = False
    clean: Annotated[
        bool, typer.Option("--clean", help="Only remove what earlier runs have left: in the region, and --cluster.")
    ] = False
    reports: ReportOptions
    seconds: Annotated[
        float, typer.Option("--timeout", min=10, max=86_400, metavar="SECONDS", help="For the whole run.")
    ] = 900
    check_timeout: Annotated[
        float,
        typer.Option(
            min=1, max=3_600, metavar="SECONDS", help="For the checks, those outside and those of each probe."
        ),
    ] = 60
    text: TextOptions


@app.command()
@fields_as_parameters
def run(context: typer.Context, arguments: RunArguments) -> None:
    """Look from where the service runs, by one-off Fargate tasks.

    Starts gmsa-doctor's image in the service's subnets, with its security groups, as its execution role, and makes
    one report of what is seen from outside and from inside. What it makes is shown and asked for first, and removed
    again. Exit codes as those of check.
    """
    guarded(lambda: _clean(arguments) if arguments.clean else _run(context, arguments))


@app.command(hidden=True)
def probe(
    no_logon: Annotated[bool, typer.Option("--no-logon", help="Do not log on to AD.")] = False,
    canary: Annotated[bool, typer.Option("--canary", help="Look at the ticket cache of this container.")] = False,
) -> None:
    """What `run` starts in a task: looks from there, and writes its findings to the log."""

    def look() -> ExitCode:
        from gmsa_doctor.core import registry
        from gmsa_doctor.probe import in_task

        sent = in_task.probe(registry.load(), logon=not no_logon, canary=canary)
        return ExitCode.PASS if sent else ExitCode.INTERRUPTED

    guarded(look)


# What stands behind `run` ----------------------------------------------------------------------------


def _probe_options(arguments: RunArguments) -> ProbeOptions:
    """Raises UsageError for an option that could only fail later, and less clearly."""
    import re

    from gmsa_doctor.probe.planning import ProbeOptions

    image, role, report = arguments.image, arguments.execution_role, arguments.report_s3
    if role and not re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/\S+", role):
        raise UsageError(f"--execution-role {role}: give a role's ARN, arn:aws:iam::ACCOUNT:role/NAME")
    if report and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\S*)?", report):
        raise UsageError(f"--report-s3 {report}: give s3://BUCKET or s3://BUCKET/PREFIX")
    return ProbeOptions(
        image=image,
        each_subnet=arguments.subnet_mode is SubnetMode.EACH,
        execution_role=role,
        log_group=arguments.log_group,
        report_s3=report.rstrip("/") if report else None,
        canary=arguments.canary,
        public_address=arguments.public_address,
        seconds=arguments.check_timeout,
    )


def _run(context: typer.Context, arguments: RunArguments) -> ExitCode:
    strings = options.connection_strings(arguments.application.connection_string)
    request = options.request_of(arguments, connection_strings=strings)
    request = configured.with_typed_subject(context, request)
    probe_options = _probe_options(arguments)
    if bool(request.service) == bool(request.task_definition):
        raise UsageError("say what is to be looked at: --cluster with --service, or --task-definition with --subnets")
    if request.task_definition and not request.subnets:
        raise UsageError("--task-definition says not where it runs: give --subnets and --security-groups")
    if request.task_definition and not request.cluster:
        raise UsageError("--task-definition says not in which cluster the probes are to run: give --cluster")
    options.require_addresses("--ad-dns", request.ad_dns)
    options.require_spns(request.spns)
    wanted = arguments.reports.wanted()
    _require_consent(arguments.yes)
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.core import registry
    from gmsa_doctor.probe import one_off_run

    known = registry.load()
    request, triage = configured.agreed(context, arguments.selection.baseline, request, known)
    with Display() as display:
        user = one_off_run.Conversation(lambda plan: arguments.yes or _agrees(plan, display), display.say, display)
        report = replace(one_off_run.run(request, probe_options, known, user, triage=triage), command=command_line())
    code = report.exit_code
    print_report(report, arguments.reports, arguments.text)
    write(report, wanted, known)
    return code


def _clean(arguments: RunArguments) -> ExitCode:
    """Remove what carries our tag; asked for first, since another run may be under way."""
    yes, profile = arguments.yes, arguments.aws.profile
    _require_consent(yes)
    from gmsa_doctor.clients.aws.fargate import Fargate
    from gmsa_doctor.clients.aws.session import Aws
    from gmsa_doctor.probe import removal
    from gmsa_doctor.probe.mail import logs_by_region
    from gmsa_doctor.subjects.discovery import require_credentials

    aws = Aws(profile, arguments.aws.region)
    if not aws.region:
        raise UsageError("no AWS region is configured: give --region, or set AWS_REGION.")
    require_credentials(aws)
    fargate, logs, cluster = Fargate(aws), logs_by_region(aws, profile), arguments.subject.cluster or "default"
    found = removal.find(fargate, logs, cluster)
    for problem in found.problems:
        _say(f"not known: {problem.resource}: {problem.reason}")
    if not found:
        _say(f"nothing of an earlier run is left in {aws.region}, nor in the cluster {cluster}")
        return ExitCode.INCOMPLETE if found.problems else ExitCode.PASS
    for name in found.names:
        _say(f"left by an earlier run, or of one under way: {name}")
    if not yes and not typer.confirm("Stop, deregister and delete them?", err=True):
        raise UsageError("nothing was removed, as you wished")
    left = removal.remove(found, fargate, logs, cluster, "gmsa-doctor run --clean")
    for leftover in left[len(found.problems) :]:
        command = f"\n  {leftover.command}" if leftover.command else ""
        _say(f"not removed: {leftover.resource}: {leftover.reason}{command}")
    _say("what could not be removed is named above" if left else "all of it is removed")
    return ExitCode.INCOMPLETE if left else ExitCode.PASS


def _require_consent(yes: bool) -> None:
    if not yes and not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("this makes things in AWS, and there is no terminal to ask on: give --yes")


def _agrees(plan: Plan, display: Display) -> bool:
    from gmsa_doctor.probe.plan import describe

    display.clear()
    for indent, line in describe(plan):
        margin = " " * indent
        for part in textwrap.wrap(line, 80, initial_indent=margin, subsequent_indent=margin, break_long_words=False):
            _say(part)
    return typer.confirm("Go on?", err=True)


def _say(text: str) -> None:
    typer.echo(text, err=True)
