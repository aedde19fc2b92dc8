"""``gmsa-doctor setup``: what a service with a gMSA needs, what of it is missing, and the commands that create it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from gmsa_doctor.cli import ask_as, options
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.effects import Rule, require_effect, typed
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters, values_of
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import command_line, guarded, print_, say
from gmsa_doctor.cli.reports import ReportOptions, TextOptions, deliver
from gmsa_doctor.cli.setup_file import take_file
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.given.request import Request
from gmsa_doctor.setup.answers import DnsBy, Form

if TYPE_CHECKING:
    from gmsa_doctor.clients.aws.session import Aws
    from gmsa_doctor.setup.existing import Existing
    from gmsa_doctor.setup.plan import Plan


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """The service and its task definition."""

    PANEL: ClassVar = "Service"
    cluster: Annotated[str | None, typer.Option(metavar="NAME", help="The ECS cluster.")] = None
    service: Annotated[
        str | None, typer.Option(metavar="NAME", help="The ECS service. If it exists, its own names are the defaults.")
    ] = None
    from_service: Annotated[
        str | None, typer.Option(metavar="CLUSTER/SERVICE", help="A service that exists, instead of these two options.")
    ] = None
    container: Annotated[str | None, typer.Option(metavar="NAME", help="The container.  [default: the service]")] = None
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help="The task definition's family.  [default: the service]")
    ] = None
    image: Annotated[str | None, typer.Option(metavar="IMAGE", help="The container's image.")] = None
    execution_role: Annotated[
        str | None, typer.Option(metavar="NAME", help="The execution role.  [default: SERVICE-execution]")
    ] = None
    log_group: Annotated[
        str | None, typer.Option(metavar="NAME", help="The containers' log group.  [default: /ecs/SERVICE]")
    ] = None
    bucket: Annotated[str | None, typer.Option(metavar="NAME", help="The S3 bucket of the CredSpec.")] = None
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The key of the CredSpec.  [default: GMSA_CredSpec.json]")
    ] = None
    secret: Annotated[
        str | None, typer.Option(metavar="NAME", help="The secret with the AD user.  [default: gmsa/GMSA]")
    ] = None


@dataclass(frozen=True, kw_only=True)
class AdOptions:
    """The accounts in the AD."""

    PANEL: ClassVar = "AD"
    gmsa: Annotated[str | None, typer.Option(metavar="NAME", help="The gMSA, without $.")] = None
    domain: Annotated[str | None, typer.Option(metavar="NAME", help="The DNS name of its AD domain.")] = None
    user: Annotated[str | None, typer.Option(metavar="NAME", help="The user in the secret.  [default: svc-GMSA]")] = (
        None
    )
    group: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who may retrieve the gMSA's password.  [default: GMSA-readers]"),
    ] = None
    lab: Annotated[
        bool,
        typer.Option("--lab", help="The AD is a lab's, with one domain controller: a KDS root key without ten hours."),
    ] = False
    as_user: Annotated[
        str | None,
        typer.Option(metavar="USER", help="Ask the AD what exists, as this account. Prompts for its password."),
    ] = None
    as_keytab: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A keytab of that account, instead of the prompt.")
    ] = None
    dns_server: Annotated[Many, typer.Option(metavar="IP[,IP]", help="Query these DNS servers, as the task would.")] = (
        None
    )
    spns: Annotated[
        Many, typer.Option("--spn", metavar="SPN", help="A server of the application: MSSQLSvc/db.corp.example:1433.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """The task's network, and how its DNS finds the AD."""

    PANEL: ClassVar = "Network"
    subnets: Annotated[Many, typer.Option(metavar="ID[,ID]", help="The task's subnets.")] = None
    security_groups: Annotated[Many, typer.Option(metavar="ID[,ID]", help="The task's security groups.")] = None
    public_address: Annotated[bool, typer.Option("--assign-public-ip", help="The tasks get a public IP address.")] = (
        False
    )
    vpc: Annotated[str | None, typer.Option(metavar="ID", help="Their VPC, if AWS is not asked for it.")] = None
    ad_dns: Annotated[Many, typer.Option(metavar="IP[,IP]", help="The AD's DNS servers.")] = None
    dns_by: Annotated[
        DnsBy, typer.Option(help="A Route 53 Resolver rule for the domain, or DHCP options for the whole VPC.")
    ] = DnsBy.RESOLVER_RULE
    resolver_endpoint: Annotated[
        str | None, typer.Option(metavar="ID", help="An outbound Resolver endpoint, instead of a new one.")
    ] = None
    ad_security_group: Annotated[
        str | None, typer.Option(metavar="ID", help="The domain controllers' security group, if it is in AWS.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """Where in AWS."""

    PANEL: ClassVar = "AWS"
    region: Annotated[str | None, typer.Option(metavar="REGION", help="The AWS region.")] = None
    profile: Annotated[str | None, typer.Option(metavar="PROFILE", help="The AWS profile.")] = None
    account: Annotated[str | None, typer.Option(metavar="ID", help="The AWS account, with --offline.")] = None
    offline: Annotated[
        bool, typer.Option("--offline", help="Send nothing anywhere: plan everything, from the options alone.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """The document."""

    PANEL: ClassVar = "Plan"
    form: Annotated[Form, typer.Option("--as", help="The form of what is missing in AWS.")] = Form.CLI
    file: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", is_eager=True, callback=take_file, help="Read options from a TOML file."
        ),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="The plan as JSON: each part with its state and commands.")] = (
        False
    )
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan to a file.")] = None


@dataclass(frozen=True, kw_only=True)
class SetupArguments:
    """The options of ``setup``, in the order of its help."""

    service: ServiceOptions
    ad: AdOptions
    network: NetworkOptions
    place: PlaceOptions
    plan: PlanOptions


@command(
    "setup",
    examples="""
gmsa-doctor setup --from web.toml --as terraform
gmsa-doctor setup --from-service prod/web --ad-dns 10.0.0.10 --as-user admin
gmsa-doctor setup --cluster prod --service web --image web:1 --bucket credspecs
    --gmsa webapp01 --domain corp.example --ad-dns 10.0.0.10
    --subnets subnet-0a,subnet-0b --security-groups sg-0a
""",
)
@fields_as_parameters
def setup(context: typer.Context, arguments: SetupArguments) -> None:
    """Plan all that a service with a gMSA needs, from nothing to a ticket.

    Lists what exists and what is missing, in AWS and in the AD, and prints for each person the commands that create
    what is missing. Changes nothing. Run it again after each part; when nothing is missing, it ends with check. Exit
    codes: 0 nothing is missing and the check passes, or --offline; 1 something is missing; 2 usage; 3 not all is known.
    """
    guarded(lambda: _plan(context, arguments))


def _plan(context: typer.Context, arguments: SetupArguments) -> ExitCode:
    from gmsa_doctor.setup.document import render_json, summary

    given = _given(context, arguments)
    plan = _offline(given) if arguments.place.offline else _surveyed(given, arguments)
    report = plan.survey.report if plan.is_complete else None
    if report and not arguments.plan.json:
        from gmsa_doctor.core import registry

        say(f"nothing is missing{f'; not known: {len(plan.open)} parts' if plan.open else ''}")
        to = ReportOptions(output=arguments.plan.output)
        deliver(replace(report, command=command_line()), to, TextOptions(), registry.load())
        return report.exit_code
    text = render_json(plan) if arguments.plan.json else _rendered(plan, context, arguments)
    print_(text, arguments.plan.output)
    say(summary(plan))
    if arguments.place.offline:
        return ExitCode.PASS
    return report.exit_code if report else _code(plan)


def _rendered(plan: Plan, context: typer.Context, arguments: SetupArguments) -> str:
    from gmsa_doctor.setup.document import render

    source = context.get_parameter_source("offline")
    of_file = str(arguments.plan.file) if source and source.name == "DEFAULT_MAP" else ""
    return render(plan, arguments.plan.form, _again(), of_file)


def _again() -> str:
    """The command, without what only a plan with --offline takes: what is then missing, AWS must be asked."""
    words = shlex.split(command_line())
    kept = [
        word
        for before, word in pairwise(("", *words))
        if word not in ("--offline", "--account") and before != "--account" and not word.startswith("--account=")
    ]
    return shlex.join(kept)


def _code(plan: Plan) -> ExitCode:
    from gmsa_doctor.core.model import Status
    from gmsa_doctor.setup.plan import State

    missing = any(item.known.state is State.MISSING for item in plan.open)
    failed = any(finding.status is Status.FAIL for finding in plan.survey.repairs)
    return ExitCode.FAIL if missing or failed else ExitCode.INCOMPLETE


def _given(context: typer.Context, arguments: SetupArguments) -> dict[str, Any]:
    """The options by the names of the answers. Raises UsageError."""
    given: dict[str, Any] = {
        name: options.items(value) if isinstance(value, list) else value for name, value in values_of(arguments).items()
    }
    _require_effect(context, given)
    options.require_addresses("--ad-dns", given["ad_dns"] or ())
    options.require_addresses("--dns-server", given["dns_server"] or ())
    options.require_spns(given["spns"] or ())
    if given["from_service"]:
        cluster, slash, service = given["from_service"].partition("/")
        if not (cluster and slash and service):
            raise UsageError(f"--from-service {given['from_service']}: give CLUSTER/SERVICE")
        given |= {"cluster": cluster, "service": service}
    return {name: value for name, value in given.items() if value is not None}


def _require_effect(context: typer.Context, given: dict[str, Any]) -> None:
    """Raises UsageError for what has no effect. What is typed wins over the file, which may not contradict itself."""
    by_dhcp = given["dns_by"] is DnsBy.DHCP_OPTIONS
    rules: dict[str, Rule] = {
        "--from-service": (["--cluster", "--service"], given["from_service"], "with --from-service"),
        "--offline": (
            ["--from-service", "--profile", "--as-user", "--dns-server"],
            given["offline"],
            "with --offline",
        ),
        "--json": (["--as"], given["json"], "with --json"),
        "--dns-by": (["--resolver-endpoint"], by_dhcp, f"with --dns-by {DnsBy.DHCP_OPTIONS}"),
    }
    on_line = typed(context)
    require_effect(
        on_line,
        *rules.values(),
        (["--account"], not given["offline"], "without --offline: AWS answers it"),
        (["--as-keytab"], given["as_user"] is None, "without --as-user"),
    )
    require_effect(typed(context, "DEFAULT_MAP"), *(rule for cause, rule in rules.items() if cause not in on_line))


def _offline(given: dict[str, Any]) -> Plan:
    from gmsa_doctor.setup.choices import answers_of
    from gmsa_doctor.setup.plan import Survey, plan_of

    return plan_of(answers_of(given, {}), Survey())


def _surveyed(given: dict[str, Any], arguments: SetupArguments) -> Plan:
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.core import registry
    from gmsa_doctor.setup.choices import answers_of
    from gmsa_doctor.setup.plan import plan_of
    from gmsa_doctor.setup.survey import Access, survey

    request = Request(
        region=given.get("region"),
        profile=given.get("profile"),
        dns_server=given.get("dns_server", ()),
        ad_dns=given.get("ad_dns", ()),
        spns=given.get("spns", ()),
    )
    aws, account = _aws(request)
    existing = _existing(given, aws)
    found = {**_vpc(given, aws), **existing.values, "region": aws.region, "account": account}
    answers = answers_of(given, found)
    ask = ask_as.account(arguments.ad.as_user, arguments.ad.as_keytab, request, "--as-user")
    request = replace(request, region=aws.region, ask_as=ask)
    with Display(dns_servers=request.dns_server) as display:
        display.waits_for("AWS")
        access = Access(aws, request, registry.load(), display, ask)
        return plan_of(*survey(answers, existing, access))


def _aws(request: Request) -> tuple[Aws, str]:
    """The session, and the account of the caller. Raises UsageError."""
    from gmsa_doctor.clients.aws.sts import Sts
    from gmsa_doctor.core.errors import ClientError
    from gmsa_doctor.subjects.discovery import session_of

    aws = session_of(request)
    try:
        return aws, str(Sts(aws).caller()["Account"])
    except ClientError as error:
        raise UsageError(f"{error.text}. Give --offline to plan without AWS") from error


def _existing(given: dict[str, Any], aws: Aws) -> Existing:
    from gmsa_doctor.setup import parts
    from gmsa_doctor.setup.existing import find
    from gmsa_doctor.setup.plan import State

    cluster, service = given.get("cluster"), given.get("service")
    if not (cluster and service):
        raise UsageError("name the service: --cluster and --service, or --from-service CLUSTER/SERVICE")
    existing = find(aws, cluster, service, given.get("family", service), given.get("container"))
    if given.get("from_service") and existing.known[parts.Service].state is State.MISSING:
        raise UsageError(f"--from-service {cluster}/{service}: there is no such service in {aws.region}")
    return existing


def _vpc(given: dict[str, Any], aws: Aws) -> dict[str, str]:
    """The VPC of the subnets that were given, if AWS returns it."""
    from gmsa_doctor.setup.existing import vpc_of

    vpc = vpc_of(aws, given["subnets"]) if given.get("subnets") else ""
    return {"vpc": vpc} if vpc else {}
