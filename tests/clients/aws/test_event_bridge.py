"""The verdict as an event, through a real bus of the embedded AWS."""

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from gmsa_doctor.clients.aws.event_bridge import DETAIL_TYPE, LIMIT, SOURCE, EventBridge, detail
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import Denied, NotFound, ServiceError, Throttled
from gmsa_doctor.core.model import SubjectReport, Verdict
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.report.samples import SAMPLES, report

FAILED = SAMPLES["root-cause"]
BUS = "alerts"


@pytest.fixture(autouse=True)
def variables(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)


def listening(aws: EmbeddedAws, bus: str = BUS) -> Any:
    """A bus that forwards our events to a queue, and a function that reads the queue."""
    events, queues = aws.client("events"), aws.client("sqs")
    events.create_event_bus(Name=bus)
    url = queues.create_queue(QueueName="verdicts")["QueueUrl"]
    events.put_rule(Name="ours", EventBusName=bus, EventPattern=json.dumps({"source": [SOURCE]}))
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:verdicts"}
    events.put_targets(Rule="ours", EventBusName=bus, Targets=[target])

    def received() -> list[dict[str, Any]]:
        messages = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return received


@pytest.mark.parametrize("bus", [BUS, f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{BUS}"])
def test_one_event_with_the_verdict_arrives_at_the_bus(bus: str, aws: EmbeddedAws) -> None:
    received = listening(aws)
    id = EventBridge(Aws()).put_verdict(bus, FAILED)
    (event,) = received()
    assert event["id"] == id
    assert (event["source"], event["detail-type"]) == (SOURCE, DETAIL_TYPE) == ("gmsa-doctor", "gmsa-doctor verdict")
    assert event["detail"]["verdict"] == "fail"
    assert event["detail"]["root_causes"] == ["kerberos.user-ticket"]
    assert event["detail"]["subjects"] == ["prod/web/app"]
    assert event["detail"]["tool"] == {"name": "gmsa-doctor", "version": "0.1.0"}
    assert event["detail"]["counts"]["fail"] == 1


def test_each_verdict_is_sent_even_if_it_repeats(aws: EmbeddedAws) -> None:
    received, client = listening(aws), EventBridge(Aws())
    assert client.put_verdict(BUS, FAILED) != client.put_verdict(BUS, FAILED)
    assert len(received()) == 2


def test_no_text_of_a_finding_is_in_the_event() -> None:
    text = detail(FAILED)
    for finding in FAILED.subjects[0].findings:
        assert finding.summary not in text
    assert "gmsa-reader" not in text


def test_a_denial_names_the_action_and_the_bus(aws: EmbeddedAws) -> None:
    aws.deny("events", "PutEvents")
    with pytest.raises(Denied) as raised:
        EventBridge(Aws()).put_verdict(BUS, FAILED)
    assert (raised.value.action, raised.value.resource) == ("events:PutEvents", BUS)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", Denied),
        ("ThrottlingException", Throttled),
        ("ResourceNotFoundException", NotFound),
        ("InternalFailure", ServiceError),
        ("NotAuthorizedForSourceException", ServiceError),
    ],
)
def test_a_refused_entry_is_an_error_though_the_call_succeeds(
    code: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = EventBridge(Aws())

    def refuse(**_: Any) -> dict[str, Any]:
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "because"}]}

    monkeypatch.setattr(client.api, "put_events", refuse)
    with pytest.raises(error, match="events:PutEvents"):
        client.put_verdict(BUS, FAILED)


def test_a_report_with_very_many_subjects_fits_into_an_event() -> None:
    name = "cluster/" + "s" * 240
    many = replace(
        report(verdict=Verdict.PASS), subjects=tuple(SubjectReport(f"{name}-{n}", (), ()) for n in range(2000))
    )
    text = detail(many)
    content = json.loads(text)
    assert len(text.encode()) <= LIMIT < 256 * 1024
    assert content["subjects"][0] == f"{name}-0"
    assert len(content["subjects"]) + content["subjects_left_out"] == 2000
