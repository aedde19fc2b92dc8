"""Merging the findings from outside and from inside into one report."""

from dataclasses import replace

from gmsa_doctor.core.model import Finding, Status, SubjectReport
from gmsa_doctor.probe.merge import ProbeReport, merge
from gmsa_doctor.probe.message import ProbeMessage, SubjectFindings

DNS = "dns.domain-controllers"
OPTIONS = "dhcp-options.domain-name-servers"
OBJECT = "credspec.object"
IDS = frozenset({DNS, OBJECT})


def finding(check: str, status: Status, summary: str = "", **more: object) -> Finding:
    root = status in (Status.FAIL, Status.UNKNOWN)
    return replace(Finding(status, summary or str(status), check=check, root=root), **more)  # type: ignore[arg-type]


def outside(*findings: Finding) -> list[SubjectReport]:
    return [SubjectReport("demo/web", (), tuple(replace(finding, vantage="outside") for finding in findings))]


def inside(subnet: str, *findings: Finding) -> ProbeReport:
    return ProbeReport(subnet, ProbeMessage("run", (SubjectFindings("demo/web", findings),)))


def merged(outer: list[SubjectReport], *probes: ProbeReport, strict: bool = False) -> dict[str, Finding]:
    (subject,) = merge(outer, probes, IDS, strict)
    return {finding.check: finding for finding in subject.findings}


SKIPPED = outside(finding(DNS, Status.SKIPPED), finding(OBJECT, Status.UNKNOWN, "our own are denied"))


def test_the_inside_finding_replaces_the_outside_one() -> None:
    found = merged(SKIPPED, inside("subnet-1", finding(DNS, Status.PASS), finding(OBJECT, Status.PASS, "read")))
    assert (found[DNS].status, found[DNS].vantage) == (Status.PASS, "inside")
    assert (found[OBJECT].summary, found[OBJECT].vantage) == ("read", "inside")


def test_findings_of_outside_checks_stay() -> None:
    seen = outside(finding(OPTIONS, Status.PASS, "ours"))
    found = merged(seen, inside("subnet-1", finding(OPTIONS, Status.FAIL, "theirs")))
    assert (found[OPTIONS].summary, found[OPTIONS].vantage) == ("ours", "outside")


def test_without_a_report_the_outside_finding_stays() -> None:
    assert merged(SKIPPED)[OBJECT].status is Status.UNKNOWN


def test_one_bad_subnet_of_three_decides_and_is_named() -> None:
    good, bad = finding(DNS, Status.PASS, "1 domain controller"), finding(DNS, Status.FAIL, "no answer")
    found = merged(SKIPPED, inside("subnet-1", good), inside("subnet-2", bad), inside("subnet-3", good))[DNS]
    assert found.status is Status.FAIL
    assert found.root
    assert found.summary == "in subnet-2 (1 of 3 subnets): no answer"
    assert [(row.name, row.status) for row in found.rows] == [
        ("subnet-1", Status.PASS),
        ("subnet-2", Status.FAIL),
        ("subnet-3", Status.PASS),
    ]


def test_a_check_skipped_in_the_bad_subnet_passes_with_a_row() -> None:
    good = finding(DNS, Status.PASS, "open")
    behind = finding(DNS, Status.SKIPPED, "not asked", because=("x.y",))
    found = merged(SKIPPED, inside("subnet-1", good), inside("subnet-2", behind))[DNS]
    assert (found.status, found.summary) == (Status.PASS, "open")
    assert [row.status for row in found.rows] == [Status.PASS, Status.SKIPPED]


def test_a_deduced_failure_is_a_warning_if_the_inside_contradicts_it() -> None:
    deduced = finding(OPTIONS, Status.FAIL, "none of them is the AD's", overruled_by=DNS)
    seen = [*outside(deduced, finding(DNS, Status.SKIPPED))]
    found = merged(seen, inside("subnet-1", finding(DNS, Status.PASS, "2 domain controllers")))[OPTIONS]
    assert found.status is Status.WARN
    assert not found.root
    assert "but dns.domain-controllers passes from inside" in found.summary
    assert merged(seen, inside("subnet-1", finding(DNS, Status.PASS)), strict=True)[OPTIONS].root


def test_a_deduced_failure_stays_if_the_inside_agrees_or_is_silent() -> None:
    deduced = finding(OPTIONS, Status.FAIL, "none of them is the AD's", overruled_by=DNS)
    seen = [*outside(deduced, finding(DNS, Status.PASS))]
    assert merged(seen)[OPTIONS].status is Status.FAIL
    assert merged(seen, inside("subnet-1", finding(DNS, Status.FAIL)))[OPTIONS].status is Status.FAIL


def test_with_fail_on_warn_a_warning_from_inside_is_a_root_cause() -> None:
    warned = inside("subnet-1", finding(DNS, Status.WARN))
    assert merged(SKIPPED, warned, strict=True)[DNS].root
    assert not merged(SKIPPED, warned)[DNS].root


def test_subnets_that_skipped_the_check_are_not_counted() -> None:
    """After a failed logon, the other subnets do not log on."""
    wrong, not_asked = finding(DNS, Status.FAIL, "wrong password"), finding(DNS, Status.SKIPPED, "no logon")
    found = merged(SKIPPED, inside("a", wrong), inside("b", not_asked), inside("c", not_asked))[DNS]
    assert found.summary == "wrong password"
    assert [row.status for row in found.rows] == [Status.FAIL, Status.SKIPPED, Status.SKIPPED]
