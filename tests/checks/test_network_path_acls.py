"""Network ACLs on the way to AWS's services, by values."""

from typing import Any

import pytest

from gmsa_doctor.core.model import Status
from gmsa_doctor.formats.aws.network_acl import read_network_acl
from gmsa_doctor_checks.network_path.acls import judge


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
def test_requests_have_to_go_out_and_answers_to_come_in(
    entries: list[dict[str, Any]], whole: bool, status: Status
) -> None:
    assert (
        judge(read_network_acl({"NetworkAclId": "acl-1", "Entries": entries}), "10.0.1.0/24", whole=whole)[0] is status
    )
