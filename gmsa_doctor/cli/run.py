"""``gmsa-doctor run`` and ``gmsa-doctor probe``: the one-off task, from both of its ends."""

from __future__ import annotations

import sys
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gmsa_doctor.cli import configured, options, reports
from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.options import items
from gmsa_doctor.cli.process import Color, ExitCode, Format, Rendering, exit_code, guarded, print_, rendered, writable
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.given.request import AppConfig, Request

if TYPE_CHECKING:
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.probe.plan import Plan
    from gmsa_doctor.probe.planning import RunRequest
    from gmsa_doctor.triage.config import Config


class SubnetMode(StrEnum):
    """Where probes are started."""

    EACH = "each"
    ONE = "one"


@app.command()
def run(
    context: typer.Context,
    image: Annotated[
        str | None,
        typer.Option(metavar="IMAGE", envvar="GMSA_DOCTOR_IMAGE", help="gmsa-doctor's image, where ECS can pull it."),
    ] = None,
    service: options.Service = None,
    cluster: options.Cluster = None,
    task_definition: options.TaskDefinition = None,
    container: options.Container = None,
    region: options.Region = None,
    profile: options.Profile = None,
    subnets: options.Subnets = None,
    security_groups: options.SecurityGroups = None,
    subnet_mode: Annotated[
        SubnetMode, typer.Option(help="Start a probe in each subnet of the service, or in the first one only.")
    ] = SubnetMode.EACH,
    canary: Annotated[
        bool,
        typer.Option("--canary", help="Then start one task with the service's credentialSpecs: the final proof."),
    ] = False,
    execution_role: Annotated[
        str | None,
        typer.Option(metavar="ARN", help="Pulls the image and writes the log, in place of the service's own."),
    ] = None,
    log_group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where the probe writes, in place of the service's own.")
    ] = None,
    report_s3: Annotated[
        str | None,
        typer.Option(
            metavar="s3://BUCKET/PREFIX", help="Let the probe write its report there; its role needs s3:PutObject."
        ),
    ] = None,
    public_address: Annotated[
        bool, typer.Option("--public-address", help="Give the tasks a public address, where no service tells.")
    ] = False,
    ad_dns: options.AdDns = None,
    spn: options.Spn = None,
    connection_string: options.ConnectionStrings = None,
    app_config: options.FindStrings = AppConfig.NEVER,
    only: options.Only = None,
    skip: options.Skip = None,
    require: options.Require = None,
    fail_on: options.FailOnOption = options.FailOn.FAIL,
    config: configured.ConfigFile = None,
    baseline: configured.Baseline = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before anything is made.")] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Only remove what earlier runs have left: in the region, and --cluster.")
    ] = False,
    format: options.FormatOption = Format.TEXT,
    output: options.Output = None,
    report: reports.ReportOption = None,
    timeout: Annotated[float, typer.Option(min=10, max=86_400, metavar="SECONDS", help="For the whole run.")] = 900,
    check_timeout: Annotated[
        float,
        typer.Option(
            min=1, max=3_600, metavar="SECONDS", help="For the checks, those outside and those of each probe."
        ),
    ] = 60,
    color: options.ColorOption = Color.AUTO,
    verbose: options.Verbose = False,
) -> None:
    """Look from where the service runs, by one-off Fargate tasks.

    Starts gmsa-doctor's image in the service's subnets, with its security groups, as its execution role, and makes
    one report of what is seen from outside and from inside. What it makes is shown and asked for first, and removed
    again. Exit codes as those of check.
    """
    guarded(
        lambda: (
            _clean(Request(cluster=cluster, region=region, profile=profile), yes)
            if clean
            else _run(
                Request(
                    **configured.given(context, service=service, task_definition=task_definition),
                    cluster=cluster,
                    container=container,
                    region=region,
                    profile=profile,
                    subnets=items(subnets),
                    security_groups=items(security_groups),
                    ad_dns=items(ad_dns),
                    spns=items(spn),
                    connection_strings=options.connection_strings(connection_string),
                    app_config=app_config,
                    only=items(only),
                    skip=items(skip),
                    require=items(require),
                    fail_on_warning=fail_on is options.FailOn.WARN,
                    seconds=timeout,
                ),
                _wanted(
                    image, subnet_mode, execution_role, log_group, report_s3, canary, public_address, check_timeout
                ),
                Rendering(format, output, color, verbose),
                report,
                (configured.configuration(context), baseline),
                yes,
            )
        )
    )


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


def _wanted(
    image: str | None,
    subnet_mode: SubnetMode,
    execution_role: str | None,
    log_group: str | None,
    report_s3: str | None,
    canary: bool,
    public_address: bool,
    seconds: float,
) -> RunRequest:
    """Raises UsageError for an option that could only fail later, and less clearly."""
    import re

    from gmsa_doctor.probe.planning import RunRequest

    if not image:
        raise UsageError(
            "which image is to be started? Give --image, or set GMSA_DOCTOR_IMAGE: gmsa-doctor's image in a registry "
            "that ECS can pull from, such as ACCOUNT.dkr.ecr.REGION.amazonaws.com/gmsa-doctor:TAG (docs/image.md)"
        )
    if execution_role and not re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/\S+", execution_role):
        raise UsageError(f"--execution-role {execution_role}: give a role's ARN, arn:aws:iam::ACCOUNT:role/NAME")
    if report_s3 and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\S*)?", report_s3):
        raise UsageError(f"--report-s3 {report_s3}: give s3://BUCKET or s3://BUCKET/PREFIX")
    prefix = report_s3.rstrip("/") if report_s3 else None
    return RunRequest(
        image, subnet_mode is SubnetMode.EACH, execution_role, log_group, prefix, canary, public_address, seconds
    )


def _run(
    request: Request,
    wanted: RunRequest,
    how: Rendering,
    more: list[str] | None,
    agreed: tuple[Config, Path | None],
    yes: bool,
) -> ExitCode:
    if bool(request.service) == bool(request.task_definition):
        raise UsageError("say what is to be looked at: --cluster with --service, or --task-definition with --subnets")
    if request.task_definition and not request.subnets:
        raise UsageError("--task-definition says not where it runs: give --subnets and --security-groups")
    if request.task_definition and not request.cluster:
        raise UsageError("--task-definition says not in which cluster the probes are to run: give --cluster")
    options.require_addresses("--ad-dns", request.ad_dns)
    options.require_spns(request.spns)
    writable(how.output)
    files = reports.wanted(more, how)
    _may_ask(yes)
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.core import registry
    from gmsa_doctor.probe import one_off_run as both_sides

    known = registry.load()
    request, policy = configured.agreed(*agreed, request, known)
    with Display() as display:
        user = both_sides.Conversation(lambda plan: yes or _agrees(plan, display), display.say, display)
        report = both_sides.run(request, wanted, known, user, policy=policy)
    code = exit_code(report)
    print_(rendered(report, how), how.output)
    reports.write(report, files, {one.id: one for one in known.checks}, code)
    return code


def _clean(request: Request, yes: bool) -> ExitCode:
    """Remove what carries our tag; asked for first, since another run may be under way."""
    _may_ask(yes)
    from gmsa_doctor.clients.aws.fargate import Fargate
    from gmsa_doctor.clients.aws.session import Aws
    from gmsa_doctor.probe import removal
    from gmsa_doctor.probe.mail import logs_by_region
    from gmsa_doctor.subjects.discovery import require_credentials

    aws = Aws(request.profile, request.region)
    if not aws.region:
        raise UsageError("no AWS region is configured: give --region, or set AWS_REGION.")
    require_credentials(aws)
    fargate, logs, cluster = Fargate(aws), logs_by_region(aws, request.profile), request.cluster or "default"
    found = removal.find(fargate, logs, cluster)
    for one in found.problems:
        _tell(f"not known: {one.what}: {one.why}")
    if not found:
        _tell(f"nothing of an earlier run is left in {aws.region}, nor in the cluster {cluster}")
        return ExitCode.INCOMPLETE if found.problems else ExitCode.PASS
    for name in found.names:
        _tell(f"left by an earlier run, or of one under way: {name}")
    if not yes and not typer.confirm("Stop, deregister and delete them?", err=True):
        raise UsageError("nothing was removed, as you wished")
    left = removal.remove(found, fargate, logs, cluster, "gmsa-doctor run --clean")
    for one in left[len(found.problems) :]:
        _tell(f"not removed: {one.what}: {one.why}" + (f"\n  {one.command}" if one.command else ""))
    _tell("what could not be removed is named above" if left else "all of it is removed")
    return ExitCode.INCOMPLETE if left else ExitCode.PASS


def _may_ask(yes: bool) -> None:
    if not yes and not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("this makes things in AWS, and there is no terminal to ask on: give --yes")


def _agrees(plan: Plan, display: Display) -> bool:
    from gmsa_doctor.probe.plan import describe

    display.clear()
    for indent, line in describe(plan):
        margin = " " * indent
        for part in textwrap.wrap(line, 80, initial_indent=margin, subsequent_indent=margin, break_long_words=False):
            _tell(part)
    return typer.confirm("Go on?", err=True)


def _tell(text: str) -> None:
    typer.echo(text, err=True)
