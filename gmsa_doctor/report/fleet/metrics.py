"""The verdict for each account and region as CloudWatch metrics: lines of the embedded metric format."""

from __future__ import annotations

from gmsa_doctor.core.model import Verdict
from gmsa_doctor.core.printable import json_document
from gmsa_doctor.report.fleet.model import FleetReport
from gmsa_doctor.report.fleet.overview import Cell, overview


def emf(fleet: FleetReport, namespace: str, timestamp: int) -> str:
    """A line for each shard. ``timestamp`` is in milliseconds since 1970, UTC.

    The dimensions are Account and Region, not the service: thousands of them would be as many paid metrics.
    """
    return "\n".join(_line(cell, fleet, namespace, timestamp) for cell in overview(fleet).cells.values())


def _line(cell: Cell, fleet: FleetReport, namespace: str, timestamp: int) -> str:
    shard = cell.shard
    verdict = shard.verdict if shard.is_checked else Verdict.INCOMPLETE
    metrics = {
        **{known.capitalize(): int(verdict is known) for known in Verdict},
        "Services": shard.services,
        "FailedServices": cell.failed,
        "UnknownServices": cell.open,
        "NotChecked": int(not shard.is_checked),
        "DurationMs": shard.duration_ms,
    }
    directive = {
        "Namespace": namespace,
        "Dimensions": [["Account", "Region"]],
        "Metrics": [{"Name": name, "Unit": "Milliseconds" if name == "DurationMs" else "Count"} for name in metrics],
    }
    document = {
        "_aws": {"Timestamp": timestamp, "CloudWatchMetrics": [directive]},
        "Account": shard.target.account,
        "Region": shard.target.region,
        **metrics,
        "status": shard.status,
        "run": fleet.run,
        "version": fleet.version,
    }
    return json_document(document, indent=None, ascii=True)
