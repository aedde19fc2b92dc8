"""Which checks a request selects, and which of them can run where it is made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from gmsa_doctor.clients.kerberos.ticket_cache import TicketCache
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.registry import BrokenPlugIns, Registry
from gmsa_doctor.given.probe_tasks import CanaryTask, ProbeTasks
from gmsa_doctor.given.records import InstanceJournals, LogsWanted, RecordedAbout
from gmsa_doctor.given.request import AdminAccount, AppConfig, ApplicationConfig, Intended, Live, Request
from gmsa_doctor.given.subject import StartRole
from gmsa_doctor.given.vantage import DnsServersInUse
from gmsa_doctor.report.findings import PROOF
from gmsa_doctor.subjects import own_task
from gmsa_doctor.triage.waivers import WaiverState

ONLY_IN_RUN: frozenset[type] = frozenset({ProbeTasks, CanaryTask, TicketCache, InstanceJournals})
"""Values and clients that nothing but `gmsa-doctor run` and its tasks have."""
AFTERWARDS: frozenset[type] = frozenset({WaiverState})
"""Values that are known only when the graph has ended: no check that needs one runs in it."""
ONLY_INSIDE: frozenset[type] = frozenset({DnsServersInUse})
"""Values that only the task itself knows."""


def application_of(request: Request) -> ApplicationConfig:
    """What the request says about how the application logs on to SQL Server."""
    search = request.app_config is AppConfig.AUTO
    return ApplicationConfig(request.connection_strings, search, request.unreadable_strings)


@dataclass(frozen=True)
class Selection:
    """The options `--only`, `--skip` and `--require` of a request, applied to all known checks."""

    request: Request
    registry: Registry

    @cached_property
    def selected(self) -> frozenset[str]:
        """The ids that ``--only`` and ``--skip`` leave. Raises UsageError if that is none, or one is unknown."""
        only, skip = self.registry.select(self.request.only), self.registry.select(self.request.skip)
        if not (only or self.registry.ids) - skip:
            raise UsageError("--only and --skip leave no check to run: leave one of the two out")
        return (self.registry.with_needs(only) if self.request.only else self.registry.ids) - skip

    @cached_property
    def with_afterwards(self) -> frozenset[str]:
        """What is selected, and what judges the configuration: ``--only`` does not silence an expired waiver."""
        return self.selected | (self._afterwards - self.registry.select(self.request.skip))

    @cached_property
    def required(self) -> frozenset[str]:
        """The ids of ``--require``; of an area those that can be known here, if there are any."""
        here = self.here.ids
        named = [self.registry.select((name,)) for name in self.request.require]
        return frozenset(id for ids in named for id in (ids & here or ids))

    @cached_property
    def here(self) -> Registry:
        """The checks of `gmsa-doctor check`: without those of what cannot be known here.

        What only the task itself knows is kept where that is the subject, or where the check is named by its id:
        otherwise each report from outside would have it as skipped, and ``--require`` of its area would fail there.
        """
        named = {*self.request.only, *self.request.require}
        needed = {need.type for check in self.registry.checks if check.id in named for need in check.needs}
        inside = frozenset() if own_task.is_subject(self.request) else ONLY_INSIDE - needed
        compared = frozenset() if self.request.compare_with else frozenset({Intended}) - needed
        return self.applicable(self.registry.without(ONLY_IN_RUN | AFTERWARDS | inside | compared))

    @cached_property
    def beside_probes(self) -> Registry:
        """The checks of `gmsa-doctor run`, as far as they run outside; probes run those of the inside too."""
        return self.applicable(self.registry.without(ONLY_IN_RUN | AFTERWARDS | {Intended}))

    def applicable(self, registry: Registry) -> Registry:
        """Without the checks that nothing calls for.

        These are the ones that log on with ``--as``, those of SQL Server where nothing leads to one, those of what ECS
        recorded without a service or a task, and the one that reports broken plug-ins.
        """
        request = self.request
        absent = {
            AdminAccount: request.ask_as,
            BrokenPlugIns: registry.broken,
            RecordedAbout: request.of_services or request.starter or request.task,
            LogsWanted: request.logs,
            StartRole: request.starter,
        }
        registry = registry.without(frozenset(kind for kind, value in absent.items() if not value))
        named = {*request.only, *request.require}
        of_application = registry.needing(frozenset({ApplicationConfig}))
        areas = {id.partition(".")[0] for id in of_application}
        if application_of(request) or named & (of_application | areas):
            return registry
        return registry.without(frozenset({ApplicationConfig}))

    @property
    def static_only(self) -> bool:
        """Whether the user asked for static checks only, so that the ticket need not be proven."""
        request = self.request
        return request.in_files or request.offline or request.live is Live.NEVER or PROOF not in self.selected

    def require_any(self, registry: Registry) -> None:
        """Raises UsageError if nothing that is selected can run in this registry, or afterwards."""
        if not self.selected & (self._afterwards | registry.ids):
            raise UsageError("--only and --skip leave no check that can be run here: `gmsa-doctor run` has more")

    @property
    def _afterwards(self) -> frozenset[str]:
        return self.registry.needing(AFTERWARDS)
