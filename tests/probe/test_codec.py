"""Frozen values to JSON and back; secrets and clients are refused."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.core.check_id import CheckId, rotten
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Cause, Finding, Fix, Row, ShowsAs, Status
from gmsa_doctor.formats.documents.task_definition import Container, LogStreams, TaskDefinition
from gmsa_doctor.given.shared_values import CredSpecObject
from gmsa_doctor.given.subject import Launch, Network, Platform
from gmsa_doctor.probe.codec import CodecError, decode, encode
from gmsa_doctor_checks.network_access.values import Passage
from gmsa_doctor_checks.reachability.flow import Need
from gmsa_doctor_checks.values import Account, DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.values import VpcDns

texts = st.text(max_size=30)
findings = st.builds(
    Finding,
    st.sampled_from(Status),
    texts,
    st.none() | texts,
    st.none() | texts,
    st.none() | st.builds(Fix, texts, st.lists(texts, max_size=3).map(tuple)),
    st.none() | st.builds(ShowsAs, st.none() | texts, st.none() | texts, st.lists(texts, max_size=2).map(tuple)),
    st.lists(st.builds(Row, texts, st.sampled_from(Status), texts), max_size=3).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    texts,
    st.none() | st.sampled_from(Cause),
)


def there_and_back(value: Any) -> Any:
    return decode(type(value), json.loads(json.dumps(encode(value))))


@given(findings)
def test_a_finding_is_decoded_unchanged(finding: Finding) -> None:
    assert there_and_back(finding) == finding


@pytest.mark.parametrize(
    "value",
    [
        Platform(Launch.FARGATE, version="1.4.0"),
        Platform(None),
        Network(("subnet-1", "subnet-2"), ("sg-1",), None),
        DhcpOptions("vpc-1", "dopt-1", ("10.0.0.2",), None, ("169.254.169.253",)),
        VpcDns((), "a rule"),
        TaskDefinition("web", (Container("web", logs=LogStreams("/ecs/web"), environment=(("A", "B"),)),), revision=3),
    ],
)
def test_passed_values_are_decoded_unchanged(value: object) -> None:
    assert there_and_back(value) == value


def test_bytes_are_decoded_unchanged() -> None:
    @dataclass(frozen=True)
    class Blob:
        body: bytes = field(repr=False)

    assert decode(Blob, encode(Blob(b"\x00\xff"))) == Blob(b"\x00\xff")


def test_a_secret_is_refused_even_within_another_value() -> None:
    account = Account("arn:x", "user", Hidden("Passw0rd"), DomainName("corp.example"))
    with pytest.raises(CodecError) as refusal:
        encode(account)
    assert "Passw0rd" not in str(refusal.value)


def test_a_client_is_refused() -> None:
    with pytest.raises(CodecError):
        encode(object())


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Network, {"subnets": "subnet-1"}),
        (Network, {"subnets": [1]}),
        (Network, {}),
        (Network, {"subnets": [], "more": 1}),
        (Network, []),
        (Platform, {"launch": "MOON"}),
        (Finding, {"status": "perhaps", "summary": ""}),
        (Row, {"name": "a", "status": "pass", "text": None}),
        (CredSpecObject, {"location": {}, "size": True, "body": ""}),
        (str, 1),
    ],
)
def test_invalid_data_is_refused_with_a_text_without_values(kind: type, data: object) -> None:
    with pytest.raises(CodecError):
        decode(kind, data)


def test_the_id_of_a_check_is_decoded_as_a_check_id() -> None:
    passage = Passage(((Need.LDAP, CheckId("network-access.routes")),))
    read = decode(Passage, json.loads(json.dumps(encode(passage))))
    assert read == passage
    assert isinstance(read.closed[0][1], CheckId)
    decode(Passage, {"closed": [["LDAP", "of.a-newer-image"]]})
    assert not rotten(["network-access.routes"], "gmsa_doctor.probe.codec")
