"""Where the verdict goes beside the report: CloudWatch metrics, and an event bus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from gmsa_doctor.core.errors import ClientError, UsageError

if TYPE_CHECKING:
    from gmsa_doctor.core.model import Report

Metrics = Annotated[
    str | None,
    typer.Option(
        metavar="NAMESPACE",
        help="Write the verdict to standard error as CloudWatch metrics too (a line of the embedded metric format).",
    ),
]
EventBus = Annotated[
    str | None, typer.Option(metavar="NAME|ARN", help="Send the verdict to this event bus of EventBridge too.")
]

_BUS = re.compile(r"(arn:aws[a-z-]*:events:(?P<region>[a-z0-9-]+):\d{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}", re.ASCII)


@dataclass(frozen=True)
class Recipients:
    """Where the verdict goes, as far as the user has asked. ``region`` and ``profile`` are those of the command."""

    metrics: str | None = None
    event_bus: str | None = None
    region: str | None = None
    profile: str | None = None


def require(to: Recipients) -> None:
    """Raises UsageError for a namespace or a bus that cannot be one."""
    if to.metrics is not None:
        from gmsa_doctor.report.metrics import require_namespace

        require_namespace(to.metrics)
    if to.event_bus is not None and not _BUS.fullmatch(to.event_bus):
        raise UsageError(f"--event-bus {to.event_bus}: give the name of an event bus, such as default, or its ARN")


def tell(report: Report, to: Recipients) -> bool:
    """Tell the verdict, after the report was written. False if it could not be sent, which standard error says.

    The metrics are a line of standard error, so that standard output stays the report, in every format. Of an
    interrupted run no event is sent: it is to end at once.
    """
    if to.metrics:
        import time

        from gmsa_doctor.report.metrics import emf

        typer.echo(emf(report, to.metrics, time.time_ns() // 1_000_000), err=True)
    return not to.event_bus or report.interrupted or _sent(report, to.event_bus, to)


def _sent(report: Report, bus: str, to: Recipients) -> bool:
    from gmsa_doctor.clients.aws.event_bridge import EventBridge
    from gmsa_doctor.clients.aws.session import Aws

    try:
        EventBridge(Aws(to.profile, _region(report, bus, to))).put_verdict(bus, report)
    except (ClientError, UsageError) as error:
        fix = f". {error.fix.text}" if isinstance(error, ClientError) and error.fix else ""
        typer.echo(f"gmsa-doctor: the verdict was not sent to the event bus {bus}: {error}{fix}", err=True)
        return False
    return True


def _region(report: Report, bus: str, to: Recipients) -> str | None:
    """The bus's own, where its ARN tells; else the subject's, which an ARN may have told."""
    match = _BUS.fullmatch(bus)
    if match and match["region"]:
        return match["region"]
    found = (dict(one.facts).get("region") for one in report.subjects)
    return to.region or next((one for one in found if one), None)
