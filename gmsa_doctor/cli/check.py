"""``gmsa-doctor check``."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from gmsa_doctor.cli import options, verdict
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
    writable,
)
from gmsa_doctor.clients import task_metadata
from gmsa_doctor.errors import UsageError
from gmsa_doctor.request import Fetcher, Live, Request


@app.command()
def check(
    service: options.Service = None,
    cluster: options.Cluster = None,
    task_definition: options.TaskDefinition = None,
    task_definition_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The JSON of register- or describe-task-definition; - reads standard input."),
    ] = None,
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
    only: options.Only = None,
    skip: options.Skip = None,
    require: options.Require = None,
    fail_on: options.FailOnOption = options.FailOn.FAIL,
    format: options.FormatOption = Format.TEXT,
    output: options.Output = None,
    metrics: verdict.Metrics = None,
    event_bus: verdict.EventBus = None,
    timeout: Annotated[float, typer.Option(min=1, max=86_400, metavar="SECONDS", help="For the whole run.")] = 60,
    color: options.ColorOption = Color.AUTO,
    verbose: options.Verbose = False,
) -> None:
    """Check a service or a task definition; inside ECS, without either, the own task.

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
        subnets=items(subnets),
        security_groups=items(security_groups),
        fetcher=fetcher,
        live=live,
        dns_server=items(dns_server),
        ad_dns=items(ad_dns),
        spns=items(spn),
        only=items(only),
        skip=items(skip),
        require=items(require),
        fail_on_warning=fail_on is options.FailOn.WARN,
        seconds=timeout,
    )
    how, to = Rendering(format, output, color, verbose), verdict.Recipients(metrics, event_bus, region, profile)
    guarded(lambda: _check(request, how, to))


def _check(request: Request, how: Rendering, to: verdict.Recipients) -> ExitCode:
    _one_subject(request)
    _well_formed(request)
    verdict.require(to)
    writable(how.output)
    from gmsa_doctor import registry, run
    from gmsa_doctor.progress import Display

    with Display() as display:
        report = run.check(request, registry.load(), display)
    print_(rendered(report, how), how.output)
    told = verdict.tell(report, to)
    code = exit_code(report)
    return ExitCode.INCOMPLETE if code is ExitCode.PASS and not told else code


def _one_subject(request: Request) -> None:
    ways = {
        "--service": request.service,
        "--task-definition": request.task_definition,
        "--task-definition-file": request.task_definition_file,
    }
    given = [name for name, value in ways.items() if value]
    if len(given) == 1 or (not given and task_metadata.inside()):
        return
    raise UsageError(
        "say what is to be checked: --cluster with --service, or --task-definition, or --task-definition-file"
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
