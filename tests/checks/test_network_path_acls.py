"""Network ACLs for requests to AWS services, by values."""

from typing import Any

import pytest

from gmsa_doctor.core.model import Status
from gmsa_doctor.formats.aws.network_acl import read_network_acl
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.network_path.acls import judge
from gmsa_doctor_checks.reachability.fixes import allow_in_acls


def entry(out: bool, first: int, last: int, action: str = "allow", number: int = 100) -> dict[str, Any]:
    ports = {"From": first, "To": last}
    return {"RuleNumber": number, "RuleAction": action, "Protocol": "6", "CidrBlock": "0.0.0.0/0", "Egress": out,
            "PortRange": ports}  # fmt: skip


OUT, BACK = entry(True, 443, 443), entry(False, 1024, 65535)


@pytest.mark.parametrize(
    ("entries", "whole", "status"),
    [
        ([OUT, BACK], True, Status.PASS),
        ([OUT, entry(False, 32768, 60999)], True, Status.PASS),
        ([BACK], True, Status.FAIL),
        ([BACK], False, Status.WARN),
        ([OUT], True, Status.FAIL),
        ([OUT, entry(False, 443, 443)], True, Status.FAIL),
        ([OUT, entry(False, 49152, 65535)], True, Status.WARN),
        ([OUT, entry(False, 1024, 65535, "deny", 90), BACK], True, Status.FAIL),
    ],
)
def test_requests_and_answers_must_be_allowed(entries: list[dict[str, Any]], whole: bool, status: Status) -> None:
    assert (
        judge(read_network_acl({"NetworkAclId": "acl-1", "Entries": entries}), "10.0.1.0/24", whole=whole)[0] is status
    )


def test_the_fix_adds_rules_before_those_that_deny() -> None:
    acl = read_network_acl({"NetworkAclId": "acl-1", "Entries": [OUT, entry(False, 1024, 65535, "deny", 90), BACK]})
    fix = allow_in_acls(judge(acl, "10.0.1.0/24")[2], "AWS services", AwsPlace("us-east-1", None))
    assert fix.commands == (
        "aws ec2 create-network-acl-entry --region us-east-1 --network-acl-id acl-1 --ingress --rule-number 89 "
        "--protocol 6 --port-range From=1024,To=65535 --cidr-block 0.0.0.0/0 --rule-action allow",
    )
