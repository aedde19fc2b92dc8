"""Where the verdict goes beside the report: CloudWatch metrics, and an event bus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from gmsa_doctor.cli.options import AwsOptions
from gmsa_doctor.cli.process import say, write_error
from gmsa_doctor.core.errors import ClientError, UsageError

if TYPE_CHECKING:
    from gmsa_doctor.core.model import Report

_BUS = re.compile(r"(arn:aws[a-z-]*:events:(?P<region>[a-z0-9-]+):\d{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class VerdictOptions:
    """Where the verdict goes, as far as the user has asked."""

    PANEL: ClassVar = "Reports"
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMESPACE",
            help="Also write the verdict to standard error as CloudWatch metrics (embedded metric format).",
        ),
    ] = None
    event_bus: Annotated[
        str | None, typer.Option(metavar="NAME|ARN", help="Also send the verdict to this EventBridge event bus.")
    ] = None

    def require_valid(self) -> None:
        """Raises UsageError for a namespace or a bus that cannot be one."""
        if self.metrics is not None:
            from gmsa_doctor.report.metrics import require_namespace

            require_namespace(self.metrics)
        if self.event_bus is not None and not _BUS.fullmatch(self.event_bus):
            raise UsageError(
                f"--event-bus {self.event_bus}: give the name of an event bus, such as default, or its ARN"
            )

    def send(self, report: Report, aws: AwsOptions) -> bool:
        """Send the verdict, after the report was written. False if it could not be sent, which standard error says.

        The metrics are a line of standard error, so that standard output stays the report, in every format. Of an
        interrupted run no event is sent: it is to end at once.
        """
        if self.metrics:
            import time

            from gmsa_doctor.report.metrics import emf

            write_error(emf(report, self.metrics, time.time_ns() // 1_000_000))
        return not self.event_bus or report.interrupted or _sent(report, self.event_bus, aws)


def _sent(report: Report, bus: str, aws: AwsOptions) -> bool:
    from gmsa_doctor.clients.aws.event_bridge import EventBridge
    from gmsa_doctor.clients.aws.session import Aws

    try:
        EventBridge(Aws(aws.profile, _region(report, bus, aws.region))).put_verdict(bus, report)
    except (ClientError, UsageError) as error:
        fix = f". {error.fix.text}" if isinstance(error, ClientError) and error.fix else ""
        say(f"the verdict was not sent to the event bus {bus}: {error}{fix}")
        return False
    return True


def _region(report: Report, bus: str, region: str | None) -> str | None:
    """The region of the bus's ARN, else the option's, else the first subject's."""
    match = _BUS.fullmatch(bus)
    if match and match["region"]:
        return match["region"]
    subject_regions = (dict(subject.facts).get("region") for subject in report.subjects)
    return region or next(filter(None, subject_regions), None)
