"""The verdict as CloudWatch metrics: a line of the embedded metric format, which CloudWatch Logs reads by itself.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import re

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Report, Status, Verdict
from gmsa_doctor.core.printable import json_document

_NAMESPACE = re.compile(r"(?!AWS/)[A-Za-z0-9._/#-][A-Za-z0-9._/#: -]{0,254}")
"""Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
_VALUE_LIMIT = 1024
"""Characters of a dimension's value, which is ASCII.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
"""


_WAIVERS = CheckId("config.waivers")


def emf(report: Report, namespace: str, timestamp: int) -> str:
    """The line, without an end of line. ``timestamp`` is in milliseconds since 1970, UTC.

    Of Pass, Fail and Incomplete the verdict's is 1 and the others are 0. Each run gives each metric once, so that
    missing data shows that there was no run. The one dimension is Subject: the service, or what else was named.
    """
    counts = dict(report.counts)
    metrics = {
        **{verdict.capitalize(): int(report.verdict is verdict) for verdict in Verdict},
        "Failures": counts.get(Status.FAIL, 0),
        "Warnings": counts.get(Status.WARN, 0),
        "Unknown": counts.get(Status.UNKNOWN, 0) + counts.get(Status.ERROR, 0),
        "DurationMs": report.duration_ms,
    }
    directive = {
        "Namespace": namespace,
        "Dimensions": [["Subject"]],
        "Metrics": [{"Name": name, "Unit": "Milliseconds" if name == "DurationMs" else "Count"} for name in metrics],
    }
    document = {
        "_aws": {"Timestamp": timestamp, "CloudWatchMetrics": [directive]},
        "Subject": _dimension(report),
        **metrics,
        "verdict": report.verdict,
        "root_causes": list(report.root_causes),
        "version": report.version,
    }
    return json_document(document, indent=None, ascii=True)


def require_namespace(text: str) -> None:
    """Raises UsageError for what CloudWatch takes for no namespace of the user's."""
    if not _NAMESPACE.fullmatch(text):
        raise UsageError(
            f"--metrics {text}: give a CloudWatch namespace, such as gmsa-doctor: at most 255 letters, digits, blanks "
            "and . - _ / # :, not starting with AWS/ or a colon"
        )


def _dimension(report: Report) -> str:
    """What the subjects have in common: the containers of one service are one Subject, also when none could be seen.

    The configuration, which is a subject only while it has waivers, is left out: an alarm must keep its name.
    """
    subjects = [subject for subject in report.subjects if not subject.finding(_WAIVERS)]
    containers = (dict(subject.facts).get("container") for subject in subjects)
    names = (
        subject.name.removesuffix(f"/{container}" if container else "")
        for subject, container in zip(subjects, containers, strict=True)
    )
    text = re.sub(r"[^\x20-\x7e]", "?", ",".join(dict.fromkeys(names)) or "none")
    return text[:_VALUE_LIMIT].lstrip(": ") or "none"
