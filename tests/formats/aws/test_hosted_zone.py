"""How a private hosted zone answers."""

from typing import Any

import pytest

from gmsa_doctor.formats.aws.hosted_zone import Answer, addresses, answer, name_of, read_hosted_zone

NAME = "_ldap._tcp.dc._msdcs.corp.example"
SOA = {"Name": "corp.example.", "Type": "SOA"}


def record(name: str, kind: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "ResourceRecords": [{"Value": value} for value in values], **more}


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([record(f"{NAME}.", "SRV")], Answer.RECORD),
        ([record(f"{NAME.upper()}.", "SRV")], Answer.RECORD),
        ([], Answer.NONE),
        ([record(f"{NAME}.", "TXT")], Answer.NONE),
        ([record(f"{NAME}.", "CNAME")], Answer.UNCERTAIN),
        ([record("\\052.dc._msdcs.corp.example.", "SRV")], Answer.UNCERTAIN),
        ([record("*.dc._msdcs.corp.example.", "A")], Answer.NONE),
        ([record("_msdcs.corp.example.", "NS")], Answer.UNCERTAIN),
        ([record("corp.example.", "NS")], Answer.NONE),
        ([record("other.corp.example.", "NS")], Answer.NONE),
    ],
)
def test_a_zone_without_the_record_answers_nothing(records: list[dict[str, Any]], expected: Answer) -> None:
    assert answer([SOA, *records], NAME, "SRV") is expected


def test_addresses_are_those_of_the_record_or_its_alias() -> None:
    alias = {"Name": "a.corp.example.", "Type": "A", "AliasTarget": {"DNSName": "vpce-1.s3.example."}}
    assert addresses([SOA, record("s3.corp.example.", "A", "10.0.0.5", "10.0.0.6")], "S3.corp.example") == (
        ("10.0.0.5", "10.0.0.6"),
        "",
    )
    assert addresses([SOA, alias], "a.corp.example") == ((), "vpce-1.s3.example")
    assert addresses([SOA], "b.corp.example") == ((), "")


def test_a_zone_has_its_name_and_its_owner() -> None:
    raw = {"HostedZoneId": "/hostedzone/Z1", "Name": "Corp.Example."}
    zone = read_hosted_zone({**raw, "Owner": {"OwningAccount": "123456789012"}})
    assert (zone.id, zone.name, zone.owner) == ("Z1", "corp.example", "123456789012")
    assert read_hosted_zone(raw).owner == ""
    assert name_of([SOA]) == "corp.example"
