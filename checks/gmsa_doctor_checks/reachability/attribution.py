"""Which check reports a fault: the one place where a fault that blocks many flows becomes one root cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from gmsa_doctor.authoring import CheckId, Outcome, Status
from gmsa_doctor_checks.reachability.obstacles import Fault, Judged

J = TypeVar("J", bound=Judged)


def blame(blocked: Sequence[tuple[Fault, ...]]) -> list[tuple[Fault, ...]]:
    """The faults of each blocked flow, of which fixing one suffices, with the root cause first.

    That is the one that blocks most flows on its own: it has to be fixed anyway, and the others of such a flow do not.
    """
    alone = Counter(faults[0] for faults in blocked if len(faults) == 1)
    roots = (max(faults, key=lambda fault: alone[fault]) for faults in blocked)
    return [(root,) if alone[root] else faults for root, faults in zip(roots, blocked, strict=True)]


@dataclass(frozen=True)
class Report:
    """What another check reports as at fault; ``likely`` is what it reports as no more than that."""

    check: CheckId
    faults: Collection[Fault]
    likely: Collection[Fault] = ()

    def explains(self, faults: Iterable[Fault], *, certain: bool = True) -> bool:
        """Whether one of the faults of a blocked flow is among them; ``certain``: the flow is blocked for sure."""
        known = {*self.faults, *(() if certain else self.likely)}
        return any(fault in known or replace(fault, subnet="") in known for fault in faults)


def report(check: CheckId, outcome: Outcome[J], *, even_warned: bool = False) -> Report:
    """What a check of the hosts reports: its failure, or a warning as well."""
    loud = outcome.finding.status is Status.FAIL or (even_warned and outcome.finding.status is Status.WARN)
    return Report(check, outcome.value.faults if outcome.value and loud else ())
