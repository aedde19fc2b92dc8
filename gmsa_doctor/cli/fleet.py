"""``gmsa-doctor fleet``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from gmsa_doctor.cli import configured, fleet_reports
from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.effects import typed
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters
from gmsa_doctor.cli.fleet_arguments import (
    Action,
    FleetArguments,
    FleetProbeOptions,
    fleet_request,
    require_valid,
    tolerated,
)
from gmsa_doctor.cli.options import SubnetMode, items
from gmsa_doctor.cli.process import command_line, guarded, hold_signals, print_, release_signals, say
from gmsa_doctor.cli.run import agrees, require_consent, require_report_s3
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.given.request import Live, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gmsa_doctor.checking.fleet.accounts import Accounts
    from gmsa_doctor.checking.fleet.shard import ShardCheck
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.clients.kerberos.client import Kerberos
    from gmsa_doctor.clients.run_files import RunFiles
    from gmsa_doctor.core.registry import Registry
    from gmsa_doctor.report.fleet.model import FleetReport, Target
    from gmsa_doctor.triage.apply import Triage


@command(
    "fleet",
    examples="""
gmsa-doctor fleet --regions 'eu-*' --report html=fleet.html
gmsa-doctor fleet --organization --regions all --output-dir runs
gmsa-doctor fleet --resume 20261130T213000Z-4f1c --output-dir runs
gmsa-doctor fleet plan --organization --regions all > shards.json
gmsa-doctor fleet expand runs/RUN/fleet.json --subject 'prod/web/*'
gmsa-doctor fleet diff runs/OLD/fleet.json runs/NEW/fleet.json
""",
)
@fields_as_parameters
def fleet(context: typer.Context, arguments: FleetArguments) -> None:
    """Check every gMSA service of accounts and regions, and report root causes once, the widest first.

    Without --live and --probe, sends nothing to DNS or AD. Other accounts are entered by a role; one that cannot be
    entered is in the report, and the others are checked. A shard is an account in a region. Exit codes as for check;
    `shard` ends with 0 once its report is written.
    """
    actions = {
        None: _here,
        Action.PLAN: _plan,
        Action.SHARD: _shard,
        Action.MERGE: _merge,
        Action.EXPAND: fleet_reports.expand,
        Action.DIFF: fleet_reports.diff,
    }

    def act() -> ExitCode:
        require_valid(arguments, typed(context))
        return actions[arguments.action](context, arguments)

    guarded(act)


def _accounts(
    arguments: FleetArguments, given: frozenset[str], skip: tuple[str, ...] = (), known: Registry | None = None
) -> Accounts:
    """Raises UsageError also for ids that no check of ``known`` has, before anything is checked."""
    from gmsa_doctor.checking.fleet.accounts import accounts_of
    from gmsa_doctor.checking.selection import Selection
    from gmsa_doctor.report.fleet.model import Target

    request = fleet_request(arguments, given, skip)
    if known:
        selection = Selection(request.of_shard(Target("", "")), known)
        selection.require_any(selection.here)
        _ = selection.required
    return accounts_of(request)


def _files(location: str, run: str, accounts: Accounts) -> RunFiles:
    from gmsa_doctor.clients.run_files import files_of

    return files_of(location, accounts.aws, run)


def _kerberos(live: Live, files: RunFiles | None, process: str) -> Kerberos:
    """With the ledger of all processes of the run, if the run has files. Raises UsageError without gssapi."""
    from gmsa_doctor.checking.check import require_gssapi
    from gmsa_doctor.clients.kerberos.client import Kerberos
    from gmsa_doctor.clients.run_logons import RunLogons

    require_gssapi(live)
    return Kerberos(turns=RunLogons(files, process)) if files and live is not Live.NEVER else Kerberos()


def _checks(context: typer.Context, arguments: FleetArguments) -> tuple[Registry, Triage, tuple[str, ...]]:
    """The checks, the triage of the findings, and the checks that the configuration disables."""
    from gmsa_doctor.core import registry

    known = registry.load()
    only = items(arguments.selection.only)
    request, triage = configured.agreed(context, None, Request(only=only), known)
    return known, triage, request.skip


def _here(context: typer.Context, arguments: FleetArguments) -> ExitCode:
    """The whole run on this machine."""
    from gmsa_doctor.checking.fleet import pool
    from gmsa_doctor.checking.fleet.plan import plan
    from gmsa_doctor.checking.fleet.shard import ShardCheck
    from gmsa_doctor.checking.progress import Display
    from gmsa_doctor.report.fleet.reader import plan_text

    given, tolerate = typed(context), tolerated(arguments.run.tolerate)
    reports, text = arguments.reports.chosen(given), arguments.text.chosen(given)
    known, triage, skip = _checks(context, arguments)
    live = arguments.live_flow.live
    if arguments.probes.probe:
        require_report_s3(arguments.probes.report_s3)
        require_consent(arguments.probes.yes)
    run = arguments.run.resume or arguments.run.run or pool.new_run()
    with Display() as display:
        display.waits_for("AWS")
        accounts = _accounts(arguments, given, skip, known)
        files = _files(arguments.run.output_dir, run, accounts) if arguments.run.output_dir else None
        if arguments.run.resume and files:
            targets = pool.planned(files)
        else:
            if files and files.read(pool.PLAN) is not None:  # its shards would be taken for new ones
                raise UsageError(
                    f"there is a run {run} already: give another --run, or continue it with --resume {run}"
                )
            targets = plan(accounts)
            if files:
                files.write(pool.PLAN, plan_text(targets).encode())
        check = ShardCheck(
            run, accounts, known, triage, kerberos=_kerberos(live, files, f"an earlier part of run {run}")
        )
        if arguments.probes.probe:
            report = _with_probes(arguments.probes, targets, check, files, display)
        else:
            report = pool.run(targets, check, files, display.waits_for)
    report = replace(report, command=command_line(), tolerated=tolerate)
    fleet_reports.write_metrics(report, arguments.run.metrics)
    fleet_reports.deliver(report, reports, text, known, files)
    if report.interrupted and files:
        more = f" --live {live}" if live is not Live.NEVER else " --probe" if arguments.probes.probe else ""
        say(f"continue with: gmsa-doctor fleet --resume {run} --output-dir {arguments.run.output_dir}{more}")
    return report.exit_code


def _with_probes(
    options: FleetProbeOptions, targets: Sequence[Target], check: ShardCheck, files: RunFiles | None, display: Display
) -> FleetReport:
    """The whole run with one-off tasks."""
    from gmsa_doctor.probe import fleet_run
    from gmsa_doctor.probe.planning import ProbeOptions

    report_s3 = options.report_s3.rstrip("/") if options.report_s3 else None
    wanted = ProbeOptions(options.image, options.subnet_mode is SubnetMode.EACH, report_s3=report_s3)
    user = fleet_run.FleetConversation(
        lambda plan: options.yes or agrees(plan, display),
        display.say,
        display.waits_for,
        hold_signals,
        release_signals,
    )
    return fleet_run.run(targets, check, wanted, files, user)


def _plan(context: typer.Context, arguments: FleetArguments) -> ExitCode:
    from gmsa_doctor.checking.fleet import pool
    from gmsa_doctor.checking.fleet.plan import plan
    from gmsa_doctor.report.fleet.reader import plan_text

    accounts = _accounts(arguments, typed(context))
    text = plan_text(plan(accounts))
    if arguments.run.output_dir:
        run = arguments.run.run or pool.new_run()
        _files(arguments.run.output_dir, run, accounts).write(pool.PLAN, text.encode())
        say(f"run {run}: {pool.PLAN} written")
    print_(text)
    return ExitCode.PASS


def _shard(context: typer.Context, arguments: FleetArguments) -> ExitCode:
    from gmsa_doctor.checking.fleet import pool
    from gmsa_doctor.checking.fleet.shard import ShardCheck
    from gmsa_doctor.report.fleet.model import Target

    target = Target(str(arguments.parts.account), str(arguments.parts.region))
    run, known, triage, skip = str(arguments.run.run), *_checks(context, arguments)
    accounts = _accounts(arguments, typed(context), skip, known)
    files = _files(str(arguments.run.output_dir), run, accounts)
    if pool.finished(target, files):
        say(f"{target}: checked already")
        return ExitCode.PASS
    kerberos = _kerberos(arguments.live_flow.live, files, str(target))
    report = ShardCheck(run, accounts, known, triage, kerberos=kerberos).of(target)
    pool.keep(report, target, files)
    (shard,) = report.shards
    say(f"{target}: {shard.status}, {shard.services} services{f': {shard.reason}' if shard.reason else ''}")
    return ExitCode.PASS


def _merge(context: typer.Context, arguments: FleetArguments) -> ExitCode:
    from gmsa_doctor.checking.fleet import pool
    from gmsa_doctor.core import registry

    given, tolerate = typed(context), tolerated(arguments.run.tolerate)
    reports, text = arguments.reports.chosen(given), arguments.text.chosen(given)
    files = fleet_reports.files_at((arguments.files or [""])[0], arguments.access.profile)
    report = replace(pool.collected(files), command=command_line(), tolerated=tolerate)
    fleet_reports.write_metrics(report, arguments.run.metrics)
    fleet_reports.deliver(report, reports, text, registry.load(), files)
    return report.exit_code
