"""The arguments and options of ``fleet``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from gmsa_doctor.checking.fleet.request import ROLE_NAME, FleetRequest
from gmsa_doctor.cli import options
from gmsa_doctor.cli.configured import take_configuration
from gmsa_doctor.cli.effects import require_effect
from gmsa_doctor.cli.options import FailOn, Many, items
from gmsa_doctor.cli.reports import ReportOptions, TextOptions
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.given.request import Live


class Action(StrEnum):
    """A part of a run, or what to do with its report."""

    PLAN = "plan"
    SHARD = "shard"
    MERGE = "merge"
    EXPAND = "expand"
    DIFF = "diff"


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """Which accounts and regions."""

    PANEL: ClassVar = "Accounts and regions"
    regions: Annotated[
        Many,
        typer.Option(
            metavar="NAME[,NAME]", help="Regions, patterns such as 'eu-*', or all: those that an account has enabled."
        ),
    ] = None
    excluded_regions: Annotated[Many, typer.Option(metavar="NAME[,NAME]", help="Not these; also patterns.")] = None
    accounts: Annotated[
        Many, typer.Option(metavar="ID[,ID]", help="These accounts. Without them, the own account.")
    ] = None
    excluded_accounts: Annotated[Many, typer.Option(metavar="ID[,ID]", help="Not these accounts.")] = None
    organization: Annotated[bool, typer.Option("--organization", help="All active accounts of the organization.")] = (
        False
    )
    ou: Annotated[
        Many, typer.Option("--ou", metavar="ID[,ID]", help="Those of an organizational unit, at any depth below it.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class AccessOptions:
    """How accounts are entered."""

    PANEL: ClassVar = "Access"
    role_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"The role to assume in other accounts.  [default: {ROLE_NAME}]"),
    ] = None
    external_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The external ID that the roles' trust policies require.")
    ] = None
    profile: Annotated[str | None, typer.Option(metavar="PROFILE", help="The AWS profile to begin with.")] = None


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How the run proceeds, and where its files are."""

    PANEL: ClassVar = "Run"
    output_dir: Annotated[
        str | None,
        typer.Option(metavar="DIR|s3://…", help="Keep the report of each shard as RUN/ACCOUNT/REGION.json."),
    ] = None
    run: Annotated[str | None, typer.Option(metavar="RUN", help="The name of the run.  [default: the time]")] = None
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="Continue this run in --output-dir: only shards without a report are checked."
        ),
    ] = None
    tolerate: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT", help="The share of shards that may be unchecked in a complete run.  [default: 0%]"
        ),
    ] = None
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMESPACE",
            help="Also write the verdicts, by account and region, to standard error as CloudWatch metrics.",
        ),
    ] = None
    shards: Annotated[
        int,
        typer.Option(
            parser=options.number(1, 64, int), metavar="NUMBER", help="How many shards are checked at the same time."
        ),
    ] = 4
    max_rate: Annotated[
        float | None,
        typer.Option(
            parser=options.number(0.1, 100),
            metavar="REQUESTS",
            help="Send each AWS service of an account at most this many requests a second.",
        ),
    ] = None
    seconds: Annotated[
        float,
        typer.Option(
            "--timeout", parser=options.number(1, 86_400), metavar="SECONDS", help="Time limit of each shard."
        ),
    ] = 3600


@dataclass(frozen=True, kw_only=True)
class FleetLiveOptions:
    """Whether the live flow runs."""

    PANEL: ClassVar = "Live flow"
    live: Annotated[
        Live,
        typer.Option(
            help="Log on to the AD as Credentials Fetcher would, from here, as check does. never: send nothing there. "
            "A wrong password is tried once, however many services, accounts and regions share its user."
        ),
    ] = Live.NEVER
    dns_server: Annotated[Many, typer.Option(metavar="IP[,IP]", help="Query these DNS servers, as the task would.")] = (
        None
    )


@dataclass(frozen=True, kw_only=True)
class FleetProbeOptions:
    """The one-off tasks."""

    PANEL: ClassVar = "Probe tasks"
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Also start the one-off tasks of run, one for all services with the same subnets, security groups "
            "and execution role. Shows them, asks for confirmation, and removes them again.",
        ),
    ] = False
    image: Annotated[str | None, options.ImageOption] = None
    subnet_mode: Annotated[
        options.SubnetMode, typer.Option(help="Start a task in each subnet of the services, or in the first one only.")
    ] = options.SubnetMode.EACH
    report_s3: Annotated[
        str | None,
        typer.Option(
            metavar="s3://BUCKET/PREFIX", help="Transfer the tasks' reports through S3 instead of their logs."
        ),
    ] = None
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Start the tasks without confirmation.")] = False


@dataclass(frozen=True, kw_only=True)
class PartOptions:
    """Which part of a run, or of a report."""

    PANEL: ClassVar = "Parts"
    account: Annotated[
        str | None, typer.Option(metavar="ID", help="shard: the account. expand: only subjects of this account.")
    ] = None
    region: Annotated[
        str | None, typer.Option(metavar="NAME", help="shard: the region. expand: only subjects in this region.")
    ] = None
    subject: Annotated[
        str | None, typer.Option(metavar="NAME", help="expand: only this subject; also a pattern such as 'prod/web/*'.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class FleetSelectionOptions:
    """Which checks run, and which findings make the run fail."""

    PANEL: ClassVar = "Selection"
    only: Annotated[Many, typer.Option(metavar="ID|AREA", help="Run only these checks, and those they require.")] = None
    skip: Annotated[Many, typer.Option(metavar="ID|AREA", help="Skip these checks.")] = None
    require: Annotated[
        Many, typer.Option(metavar="ID|AREA", help="Exit with 3 if one of these checks was skipped.")
    ] = None
    fail_on: Annotated[FailOn, typer.Option(help="The lowest status that makes the run fail.")] = FailOn.FAIL
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            is_eager=True,
            callback=take_configuration,
            help="The configuration, instead of the nearest gmsa-doctor.toml or pyproject.toml.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class FleetArguments:
    """The arguments and options of ``fleet``, in the order of its help."""

    action: Annotated[
        Action | None,
        typer.Argument(
            metavar="[plan|shard|merge|expand|diff]",
            help="plan: print accounts and regions. shard: check one of them. merge DIR|s3://…: join a run's reports. "
            "expand FILE: print subjects as check does. diff OLD NEW: compare two runs. Without it: plan, check and "
            "merge on this machine.",
            show_default=False,
        ),
    ] = None
    files: Annotated[Many, typer.Argument(metavar="FILES", help="For merge, expand and diff.", show_default=False)] = (
        None
    )
    places: PlaceOptions
    access: AccessOptions
    run: RunOptions
    live_flow: FleetLiveOptions
    probes: FleetProbeOptions
    parts: PartOptions
    selection: FleetSelectionOptions
    reports: ReportOptions
    text: TextOptions


_HERE = None
_PLACES = ("--regions", "--excluded-regions", "--accounts", "--excluded-accounts", "--organization", "--ou")
_EFFECTS: dict[tuple[str, ...], tuple[Action | None, ...]] = {
    _PLACES: (_HERE, Action.PLAN),
    ("--role-name", "--external-id"): (_HERE, Action.PLAN, Action.SHARD),
    ("--output-dir", "--run"): (_HERE, Action.PLAN, Action.SHARD),
    ("--max-rate", "--timeout", "--only", "--skip", "--require", "--fail-on"): (_HERE, Action.SHARD),
    ("--live", "--dns-server"): (_HERE, Action.SHARD),
    ("--shards", "--resume", "--probe", "--image", "--subnet-mode", "--report-s3", "--yes"): (_HERE,),
    ("--tolerate", "--metrics"): (_HERE, Action.MERGE),
    ("--account", "--region"): (Action.SHARD, Action.EXPAND),
    ("--subject",): (Action.EXPAND,),
    ("--format", "--json", "--output", "--color", "--no-color"): (_HERE, Action.MERGE, Action.EXPAND, Action.DIFF),
    ("--report", "--verbose", "--quiet"): (_HERE, Action.MERGE, Action.EXPAND),
}
"""With which actions each option has an effect; ``None``: without an action."""
_FILES = {Action.MERGE: 1, Action.EXPAND: 1, Action.DIFF: 2}
_NEEDED = {Action.MERGE: "the directory of the run", Action.EXPAND: "the JSON report", Action.DIFF: "two JSON reports"}
_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)


def require_valid(arguments: FleetArguments, typed: frozenset[str]) -> None:
    """Raises UsageError for what is missing, contradicts itself, or has no effect."""
    action, run, places = arguments.action, arguments.run, arguments.places
    case = f"with {action}" if action else "without an action"
    require_effect(typed, *((names, action not in actions, case) for names, actions in _EFFECTS.items()))
    files, wanted = len(arguments.files or ()), _FILES.get(action, 0) if action else 0
    if files != wanted:
        raise UsageError(
            f"fleet {action}: give {_NEEDED[action]}" if action in _NEEDED else f"fleet {action or ''}takes no FILES"
        )
    require_effect(
        typed,
        (["--accounts"], places.organization or places.ou, "with --organization or --ou"),
        (["--organization"], places.ou, "with --ou, which names a part of it"),
        (["--run"], run.resume, "with --resume, which names the run"),
        (_PLACES, run.resume, "with --resume, which continues the plan of that run"),
        (["--image", "--subnet-mode", "--report-s3", "--yes"], not arguments.probes.probe, "without --probe"),
        (["--live"], arguments.probes.probe, "with --probe, whose tasks run the live flow"),
        (["--dns-server"], arguments.live_flow.live is Live.NEVER, "with --live never"),
        (["--run"], action is Action.PLAN and not run.output_dir, "without --output-dir"),
    )
    options.require_addresses("--dns-server", items(arguments.live_flow.dns_server))
    if run.metrics is not None:
        from gmsa_doctor.report.metrics import require_namespace

        require_namespace(run.metrics)
    if run.resume and not run.output_dir:
        raise UsageError("--resume: name the directory of the runs with --output-dir")
    if action is Action.SHARD and not (
        arguments.parts.account and arguments.parts.region and run.run and run.output_dir
    ):
        raise UsageError("fleet shard: give --account, --region, --run and --output-dir")
    if action is Action.SHARD and not re.fullmatch(r"\d{12}", str(arguments.parts.account), re.ASCII):
        raise UsageError(f"--account {arguments.parts.account}: give the account id of 12 digits")
    for option, name in (("--run", run.run), ("--resume", run.resume)):
        if name is not None and not _RUN_NAME.fullmatch(name):
            raise UsageError(f"{option} {name}: give at most 80 letters, digits and . _ -, not beginning with a sign")


def tolerated(text: str | None) -> float:
    """The share of ``--tolerate``. Raises UsageError."""
    if text is None:
        return 0.0
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%?", text.strip(), re.ASCII)
    if not match or float(match[1]) > 100:
        raise UsageError(f"--tolerate {text}: give a percentage such as 5%")
    return float(match[1]) / 100


def fleet_request(arguments: FleetArguments, typed: frozenset[str], skip: tuple[str, ...]) -> FleetRequest:
    """The request. ``skip``: the checks that the configuration disables."""
    places, access, run, selection = arguments.places, arguments.access, arguments.run, arguments.selection
    return FleetRequest(
        regions=items(places.regions) or ((arguments.parts.region,) if arguments.parts.region else ()),
        excluded_regions=items(places.excluded_regions),
        accounts=items(places.accounts),
        excluded_accounts=items(places.excluded_accounts),
        organization=places.organization,
        units=items(places.ou),
        role_name=access.role_name or ROLE_NAME,
        external_id=access.external_id,
        profile=access.profile,
        max_rate=run.max_rate,
        seconds=run.seconds,
        side_by_side=int(run.shards),
        live=Live.AUTO if arguments.probes.probe else arguments.live_flow.live,
        dns_server=items(arguments.live_flow.dns_server),
        only=items(selection.only),
        skip=(*items(selection.skip), *skip),
        require=items(selection.require),
        fail_on_warning=selection.fail_on is FailOn.WARN,
        typed=typed,
    )
