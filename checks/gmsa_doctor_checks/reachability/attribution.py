"""Which check reports a fault: the one place where a fault that blocks many flows becomes one root cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import CheckId, Outcome, Status
from gmsa_doctor_checks.reachability.obstacles import B, Fault


def blame(blocked: Sequence[tuple[Fault, ...]]) -> list[tuple[Fault, ...]]:
    """The faults of each blocked flow, the root cause first; fixing one of them unblocks the flow.

    The root cause is the fault that blocks most flows alone: it must be fixed anyway, and then the others need not be.
    """
    alone = Counter(faults[0] for faults in blocked if len(faults) == 1)
    roots = (max(faults, key=lambda fault: alone[fault]) for faults in blocked)
    return [(root,) if alone[root] else faults for root, faults in zip(roots, blocked, strict=True)]


@dataclass(frozen=True)
class Report:
    """The faults that another check reports; those it is not sure of are in ``likely``."""

    check: CheckId
    faults: Collection[Fault]
    likely: Collection[Fault] = ()

    def explains(self, faults: Iterable[Fault], *, certain: bool = True) -> bool:
        """Whether it reports one of a blocked flow's faults; ``certain``: the flow is blocked for sure."""
        known = {*self.faults, *(() if certain else self.likely)}
        return any(fault in known or replace(fault, subnet="") in known for fault in faults)


def report(check: CheckId, outcome: Outcome[B], *, even_warned: bool = False) -> Report:
    """The faults of a layer's failure, or also of its warning."""
    reported = outcome.finding.status is Status.FAIL or (even_warned and outcome.finding.status is Status.WARN)
    return Report(check, outcome.value.faults if outcome.value and reported else ())
