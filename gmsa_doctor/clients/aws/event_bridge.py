"""Amazon EventBridge: sends the verdict of a run to an event bus."""

from __future__ import annotations

import json
from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, operation
from gmsa_doctor.clients.aws.transport import the_only
from gmsa_doctor.core.model import Report

SOURCE = "gmsa-doctor"
DETAIL_TYPE = "gmsa-doctor verdict"
LIMIT = 200 * 1024
"""Bytes of a detail at most. An entry may have 256 KB, including its other fields.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
"""


class EventBridge(AwsClient):
    """Amazon EventBridge, for one event a run."""

    service = "events"

    @operation("events:PutEvents", fresh=True)
    def put_verdict(self, bus: str, report: Report) -> str:
        """Send the verdict to an event bus, by name or ARN. Returns the event's id."""
        import botocore.exceptions

        entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": detail(report), "EventBusName": bus}
        sent = the_only(self.api.put_events(Entries=[entry])["Entries"])
        if code := sent.get("ErrorCode"):  # the call itself has succeeded
            refused = {"Error": {"Code": code, "Message": sent.get("ErrorMessage", "")}}
            raise botocore.exceptions.ClientError(refused, "PutEvents")
        return str(sent["EventId"])


def detail(report: Report) -> str:
    """The event's detail as JSON: the verdict and its numbers, without any text of a finding.

    ``subjects_left_out``: how many subject names did not fit.
    """
    content: dict[str, Any] = {
        "schema_version": "1.0",
        "tool": {"name": "gmsa-doctor", "version": report.version},
        "verdict": report.verdict,
        "root_causes": list(report.root_causes),
        "missing": list(report.missing),
        "interrupted": report.interrupted,
        "duration_ms": report.duration_ms,
        "counts": {str(status): count for status, count in report.counts},
        "subjects": [subject.name for subject in report.subjects],
        "subjects_left_out": 0,
    }
    while len(text := json.dumps(content)) > LIMIT and content["subjects"]:
        kept = len(content["subjects"]) // 2
        content["subjects_left_out"] += len(content["subjects"]) - kept
        content["subjects"] = content["subjects"][:kept]
    return text
