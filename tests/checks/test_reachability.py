"""Which fault is the root cause of blocked flows, and which check reports it."""

import pytest

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.model import Outcome, failed, passed, warned
from gmsa_doctor.formats.aws.network_acl import read_network_acl
from gmsa_doctor.formats.aws.packet_filter import Protocol
from gmsa_doctor_checks.reachability.attribution import Report, blame, report
from gmsa_doctor_checks.reachability.flow import Flow, Need, Port
from gmsa_doctor_checks.reachability.obstacles import Fault, GroupsOfTask, Layer, crossings

GROUPS = CheckId("network-access.security-groups")
EXIT = Fault(Layer.ROUTE, "", "subnet-a")
S3, SECRETS = Fault(Layer.ENDPOINT, "vpce-1 on rtb-1", "subnet-a"), Fault(Layer.DNS, "enableDnsSupport", "subnet-a")
GROUP = Fault(Layer.GROUP, "sg-1")


@pytest.mark.parametrize(
    ("blocked", "blamed"),
    [
        ([], []),
        ([(EXIT,)], [(EXIT,)]),
        ([(S3, EXIT)], [(S3, EXIT)]),
        ([(S3, EXIT), (SECRETS, EXIT)], [(S3, EXIT), (SECRETS, EXIT)]),
        ([(S3, EXIT), (EXIT,)], [(EXIT,), (EXIT,)]),
        ([(S3, EXIT), (S3,), (EXIT,), (EXIT,)], [(EXIT,), (S3,), (EXIT,), (EXIT,)]),
        ([(S3, EXIT), (S3,), (S3,), (EXIT,)], [(S3,), (S3,), (S3,), (EXIT,)]),
    ],
)
def test_the_fault_that_blocks_most_flows_alone_is_the_root_cause(
    blocked: list[tuple[Fault, ...]], blamed: list[tuple[Fault, ...]]
) -> None:
    assert blame(blocked) == blamed


def test_a_report_explains_a_flow_by_a_fault_in_its_subnet_or_in_all_subnets() -> None:
    known = Report(GROUPS, (EXIT, GROUP))
    assert known.explains([S3, EXIT])
    assert known.explains([Fault(Layer.GROUP, "sg-1", "subnet-b")])
    assert not known.explains([Fault(Layer.ROUTE, "", "subnet-b")])
    assert not known.explains([Fault(Layer.GROUP, "sg-2", "subnet-a")])


def test_a_likely_fault_does_not_explain_a_certain_one() -> None:
    known = Report(GROUPS, (), (EXIT,))
    assert known.explains([EXIT], certain=False)
    assert not known.explains([EXIT])


def test_a_warning_explains_only_warnings() -> None:
    judged = GroupsOfTask((), (GROUP,))
    for finding, even_warned, explains in (
        (failed("no rule"), False, True),
        (warned("no rule"), False, False),
        (warned("no rule"), True, True),
        (passed("all is well"), True, False),
    ):
        known = report(GROUPS, Outcome(judged, finding), even_warned=even_warned)
        assert known.explains([GROUP]) is explains
    assert not report(GROUPS, Outcome[GroupsOfTask](None, failed("no such group"))).explains([GROUP])


def test_a_flow_crosses_the_acls_of_both_subnets_there_and_back() -> None:
    own, theirs = (read_network_acl({"NetworkAclId": id}) for id in ("acl-1", "acl-2"))
    flow = Flow("subnet-a", "10.0.0.10", Port(Need.LDAP, Protocol.TCP, 389))
    found = [
        (crossing.acl.id, crossing.egress, str(crossing.packets.network), crossing.packets.ports)
        for crossing in crossings(flow, "10.0.1.0/24", own, theirs)
    ]
    assert found == [
        ("acl-1", True, "10.0.0.10/32", "TCP 389"),
        ("acl-2", False, "10.0.1.0/24", "TCP 389"),
        ("acl-2", True, "10.0.1.0/24", "TCP 32768-60999"),
        ("acl-1", False, "10.0.0.10/32", "TCP 32768-60999"),
    ]
    assert not any(crossing.decision.passing for crossing in crossings(flow, "10.0.1.0/24", own))


def test_a_flow_to_a_service_may_have_any_address() -> None:
    assert str(Flow("subnet-a", "s3").requests.network) == "0.0.0.0/0"
    assert Flow("subnet-a", "s3").requests.ports == "TCP 443"
