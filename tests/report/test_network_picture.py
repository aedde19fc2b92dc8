"""The picture of the network: what it draws of which findings."""

from dataclasses import replace
from xml.etree.ElementTree import Element

from gmsa_doctor.core.model import Finding, Row, Status, Verdict
from gmsa_doctor.report import html
from tests.report.pages import NETWORK, PAGES
from tests.report.samples import GOOD, NO_LOGON, finding, report
from tests.report.test_html import classed, parsed, text


def drawn(*findings: Finding) -> list[Element]:
    """The pictures on the page of these findings."""
    return classed(parsed(html.render(report(("prod/web/app", list(findings)), verdict=Verdict.FAIL))), "network")


def boxes(*findings: Finding) -> dict[str, Element]:
    """The boxes of the picture, by their names."""
    (picture,) = drawn(*findings)
    return {text(classed(box, "name")[0]): box for box in picture.iter("li")}


def test_it_leads_from_the_subnets_to_the_services_and_to_the_domain_controllers() -> None:
    (picture,) = drawn(*NETWORK)
    columns = [[text(classed(box, "name")[0]) for box in column] for column in classed(picture, "boxes")]
    assert columns == [
        ["subnet-0aaa1111bbbb2222c", "subnet-0ddd3333eeee4444f"],
        ["Security groups", "Network ACLs"],
        ["Route tables", "Route out of the VPC", "VPC endpoints"],
        ["S3", "Secrets Manager", "ECR", "CloudWatch Logs"],
        ["Security groups of the task", "Network ACLs"],
        ["Routes", "Security groups of the hosts"],
        ["Hosts", "DNS servers", "Kerberos", "LDAP"],
    ]


def test_a_box_has_the_status_of_its_finding_and_leads_to_it() -> None:
    tree = parsed(html.render(PAGES["network"]))
    (picture,) = classed(tree, "network")
    (box,) = (box for box in picture.iter("li") if text(box).startswith("S3"))
    assert box.get("class") == "pass"
    target = next(box.iter("a")).get("href", "").removeprefix("#")
    assert "network-path.s3" in text(next(one for one in tree.iter() if one.get("id") == target))


def test_the_box_that_blocks_shows_the_summary_and_breaks_the_arrows_after_it() -> None:
    (picture,) = drawn(*NETWORK)
    (blocked,) = classed(picture, "here")
    assert text(blocked) == "Blocked here"
    box = boxes(*NETWORK)["Security groups of the task"]
    assert box.get("class") == "fail"
    assert text(box) == f"Security groups of the task Blocked here {NETWORK[11].summary}"
    arrows = [arrow.get("class") for arrow in classed(picture, "arrow")]
    assert arrows == [
        *("arrow sign pass", "arrow sign pass", "arrow sign warn"),
        *("arrow sign fail", "arrow sign skipped", "arrow sign skipped"),
    ]


def test_configuration_that_could_be_read_is_not_green() -> None:
    found = boxes(*NETWORK)
    assert found["Route out of the VPC"].get("class") == "reads"
    assert found["Route out of the VPC"].find(".//svg") is None
    denied = replace(NETWORK[4], status=Status.UNKNOWN, summary="ec2:DescribeNatGateways is denied")
    assert boxes(denied)["Route out of the VPC"].get("class") == "unknown"


def test_a_subnet_shows_what_it_cannot_reach() -> None:
    found = boxes(*NETWORK)
    assert text(found["subnet-0aaa1111bbbb2222c"]) == "subnet-0aaa1111bbbb2222c 10.0.1.0/24 in us-east-1a"
    assert found["subnet-0ddd3333eeee4444f"].get("class") == "fail"
    assert text(found["subnet-0ddd3333eeee4444f"]).endswith("in us-east-1b Secrets Manager: fail")


def test_equal_route_tables_are_listed_once_and_many_subnets_are_counted() -> None:
    assert text(boxes(*NETWORK)["Route tables"]) == "Route tables rtb-1: 0.0.0.0/0 to nat-1"
    rows = tuple(Row(f"subnet-{n}", Status.PASS, f"10.0.{n}.0/24") for n in range(9))
    (picture,) = drawn(finding("network-path.subnets", rows=rows))
    subnets = [text(box) for box in classed(picture, "boxes")[0]]
    assert subnets[5:] == ["subnet-5 10.0.5.0/24", "and 3 more subnets"]


def test_without_a_finding_about_the_subnets_they_are_not_known() -> None:
    assert text(boxes(finding("network-access.routes"))["Subnets of the task"]) == "Subnets of the task not known"
    unknown = finding("network-path.subnets", Status.UNKNOWN, summary="ec2:DescribeSubnets is denied")
    assert boxes(unknown)["Subnets of the task"].get("class") == "unknown"


def test_nothing_is_drawn_without_a_finding_about_the_network() -> None:
    assert drawn(*GOOD) == []
    assert drawn(*NO_LOGON) == []
    assert drawn(finding("network-path.subnets", Status.SKIPPED, summary="not selected")) == []
