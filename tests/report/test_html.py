"""The page without a browser: it is valid, loads nothing, and shows what the report holds."""

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib  # type: ignore[import-untyped]
import pytest
from hypothesis import given

from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Cause, Finding, Fix, Location, Owner, Report, Status, SubjectReport, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.report import html
from gmsa_doctor.report.findings import OWNERS
from tests.lab import ad
from tests.report.pages import BLOCKED, IN_FILE, MARKUP, PAGES, TICKET, title
from tests.report.samples import CRASH, DOCS, GOOD, ONE_DC_DOWN, OUT_OF_REACH, WRONG_PASSWORD, finding, report
from tests.report.test_reports import compare, findings, words

GOLDEN = ("root-cause", "run", "network", "hostile-names")
WORDS = {
    Status.FAIL: "failed",
    Status.ERROR: "crashed",
    Status.UNKNOWN: "unknown",
    Status.WARN: "warning",
    Status.PASS: "passed",
    Status.WAIVED: "waived",
    Status.SKIPPED: "skipped",
}


def parsed(page: str) -> Element:
    """The page's tree; fails where a parser would have to repair it."""
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert isinstance(tree, Element)
    return tree


def text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def classed(tree: Element, name: str) -> list[Element]:
    return [one for one in tree.iter() if name in one.get("class", "").split()]


def steps(*findings: Finding) -> dict[str, str]:
    """The steps to the ticket, each with its status in words."""
    tree = parsed(html.render(report(("prod/web/app", list(findings)), verdict=Verdict.FAIL)))
    (listed,) = classed(tree, "steps")
    return {text(classed(step, "name")[0]): text(classed(step, "state")[0]) for step in listed}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_page_is_the_golden_one(name: str) -> None:
    made = html.render(PAGES[name], title(BLOCKED, "The domain controllers accept LDAP connections"))
    compare(f"{name}.html", made)


@pytest.mark.parametrize("name", PAGES)
def test_a_strict_parser_accepts_the_page(name: str) -> None:
    assert parsed(html.render(PAGES[name])).tag == "html"


@pytest.fixture(scope="module")
def tidy() -> str:
    """The checker's path. Without one here: skip, or fail with `GMSA_LAB=required`."""
    found = shutil.which("tidy")
    if found is None and ad.required():
        pytest.fail("tidy is required", pytrace=False)
    return found or pytest.skip("no tidy here")


@pytest.mark.parametrize("name", PAGES)
def test_the_validator_reports_nothing(name: str, tidy: str) -> None:
    command = [tidy, "-quiet", "-errors", "-utf8", "--mute", "PROPRIETARY_ATTRIBUTE"]
    done = subprocess.run(command, input=html.render(PAGES[name]), text=True, capture_output=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_there_once_and_each_link_into_the_page_leads_somewhere(name: str) -> None:
    tree = parsed(html.render(PAGES[name]))
    ids = [one.get("id") for one in tree.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    targets = {href.removeprefix("#") for one in tree.iter() if (href := one.get("href", "")).startswith("#")}
    assert targets <= set(ids)


@pytest.mark.parametrize("name", PAGES)
def test_headings_go_down_one_level_at_a_time_from_one_first(name: str) -> None:
    levels = [int(one.tag[1]) for one in parsed(html.render(PAGES[name])).iter() if re.fullmatch("h[1-6]", one.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("name", PAGES)
def test_the_page_loads_nothing_and_runs_nothing_but_the_script_of_its_policy(name: str) -> None:
    tree = parsed(html.render(PAGES[name]))
    assert not {"img", "link", "iframe", "object", "embed", "form", "base"} & {one.tag for one in tree.iter()}
    attributes = [
        key for one in tree.iter() for key, _ in one.items() if key.startswith("on") or key in ("src", "style")
    ]
    assert attributes == []
    links = [one.get("href", "") for one in tree.iter("a")]
    assert all(one.startswith(("#", "https://")) for one in links)
    assert "url(" not in html.render(PAGES[name])
    (policy,) = [one.get("content", "") for one in tree.iter("meta") if one.get("http-equiv")]
    for kind in ("script", "style"):
        (element,) = tree.iter(kind)
        digest = base64.b64encode(hashlib.sha256("".join(element.itertext()).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")


def test_names_that_look_like_html_are_shown_as_they_are() -> None:
    tree = parsed(html.render(PAGES["markup"], title(PAGES["markup"].subjects[0].findings[0], MARKUP)))
    assert len(list(tree.iter("script"))) == 1
    assert any("".join(one.itertext()) == MARKUP for one in tree.iter("pre"))
    assert text(next(tree.iter("h4"))).endswith(MARKUP)


def test_no_name_puts_a_control_or_an_invisible_mark_into_the_page() -> None:
    page = html.render(PAGES["hostile-names"])
    assert all(line.isprintable() for line in page.split("\n"))
    assert escape(r"aws s3 ls 's3://b/\x1b[31m\necho owned'") in page
    assert "資料" in page


@pytest.mark.parametrize("name", PAGES)
def test_each_command_stands_whole_in_a_block_of_its_own(name: str) -> None:
    blocks = {"".join(one.itertext()) for one in parsed(html.render(PAGES[name])).iter("pre")}
    for subject in printable(PAGES[name]).subjects:
        for one in subject.findings:
            assert set(one.fix.commands if one.fix else ()) <= blocks


@pytest.mark.parametrize("name", PAGES)
def test_each_finding_is_there_with_its_status_in_words(name: str) -> None:
    shown = text(parsed(html.render(PAGES[name])))
    for status, count in PAGES[name].counts:
        assert count == 0 or re.search(f"{count} {WORDS[status]}", shown)
    for subject in printable(PAGES[name]).subjects:
        for one in subject.findings:
            assert " ".join(one.check.split()) in shown
            assert " ".join(one.summary.split()) in shown or one.summary == "not selected"


def test_the_beginning_names_the_root_cause_its_owner_its_fix_and_what_was_skipped() -> None:
    tree = parsed(html.render(PAGES["root-cause"]))
    (root,) = classed(tree, "root")
    shown = text(root)
    assert shown.startswith("the secret's password for gmsa-reader@CORP.EXAMPLE is wrong")
    assert f"Owner: {OWNERS[Owner.AD]}" in shown
    assert "Fix: Put the user's current password into the secret.Shellaws secretsmanager" in shown
    assert "3 checks were skipped because of it" in shown
    assert (
        "Seen as: Credentials Fetcher 2.x: failed to generate Kerberos ticket for domainless user; "
        "1.3: Cannot get gMSA krb ticket" in shown
    )
    assert f"More: gmsa-doctor explain kerberos.user-ticket · {DOCS}" in shown
    assert text(next(tree.iter("title"))) == "FAIL: kerberos.user-ticket - prod/web/app - gmsa-doctor"


def test_one_root_cause_of_two_subjects_is_shown_once_and_names_both() -> None:
    made = report(("a/app", [WRONG_PASSWORD]), ("b/app", [WRONG_PASSWORD]), verdict=Verdict.FAIL)
    (root,) = classed(parsed(html.render(made)), "root")
    assert "Subjects: a/app, b/app" in text(root)


def test_one_root_cause_in_two_files_is_shown_with_both_places() -> None:
    elsewhere = replace(IN_FILE, location=Location("deploy/b.json", 3, 1))
    made = report(("a/app", [IN_FILE]), ("b/app", [elsewhere]), verdict=Verdict.FAIL)
    (root,) = classed(parsed(html.render(made)), "root")
    assert "Subjects: a/app in deploy/web & batch.json:14:7, b/app in deploy/b.json:3:1" in text(root)


def test_different_observations_are_two_root_causes() -> None:
    other = replace(WRONG_PASSWORD, observed="KDC 10.0.0.11:88: Preauthentication failed")
    made = report(("a/app", [WRONG_PASSWORD]), ("b/app", [other]), verdict=Verdict.FAIL)
    assert len(classed(parsed(html.render(made)), "root")) == 2


def test_the_names_of_many_subjects_with_one_root_cause_are_folded() -> None:
    made = report(*((f"a{n}/app", [WRONG_PASSWORD]) for n in range(13)), verdict=Verdict.FAIL)
    (folded,) = classed(parsed(html.render(made)), "names")
    assert text(next(folded.iter("summary"))) == "13 subjects"
    assert len(list(folded.iter("a"))) == 13


def test_the_steps_show_which_one_fails_and_which_are_not_reached() -> None:
    after = [replace(one, status=Status.SKIPPED, because=("kerberos.user-ticket",)) for one in TICKET[5:]]
    shown = steps(*TICKET[:4], WRONG_PASSWORD, *after)
    assert list(shown.items()) == [
        ("Task", "pass"),
        ("CredSpec", "pass"),
        ("Secret", "pass"),
        ("DNS", "pass"),
        ("User logon", "fail"),
        ("LDAP bind", "not reached"),
        ("gMSA password", "not reached"),
        ("gMSA ticket", "not reached"),
    ]


def test_only_the_first_failed_step_is_marked() -> None:
    made = report(("a/app", [*TICKET[:4], WRONG_PASSWORD, BLOCKED]), verdict=Verdict.FAIL)
    (broken,) = classed(parsed(html.render(made)), "broken")
    assert text(broken) == "User logon at a KDC fail Fails here"


def test_a_step_has_the_worst_status_of_its_checks() -> None:
    assert steps(*TICKET, ONE_DC_DOWN)["User logon"] == "warn"
    unknown = finding("dhcp-options.set", Status.UNKNOWN, Cause.DHCP_OPTIONS)
    assert steps(*TICKET, unknown)["DNS"] == "unknown"


def test_a_step_is_no_pass_before_its_proof_is() -> None:
    assert steps(*GOOD, OUT_OF_REACH)["DNS"] == "not checked"
    assert steps(*GOOD)["LDAP bind"] == "not checked"
    assert steps(*GOOD)["User logon"] == "not proven"
    unchosen = finding("directory.bind", Status.SKIPPED, summary="not selected")
    assert steps(unchosen)["LDAP bind"] == "not selected"


def test_a_skipped_check_does_not_hide_the_pass_of_a_step_s_proof() -> None:
    aside = finding("dhcp-options.set", Status.SKIPPED, Cause.DHCP_OPTIONS, summary="no VPC is known")
    assert steps(*TICKET, aside)["DNS"] == "pass"


def test_the_service_ticket_is_a_step_only_if_it_was_checked() -> None:
    assert "Service ticket" not in steps(*TICKET)
    assert steps(*TICKET, finding("kerberos.service-ticket"))["Service ticket"] == "pass"


def test_a_plug_in_s_check_belongs_to_the_step_of_its_cause_or_to_none() -> None:
    of_secret = finding("acme.rotation", Status.WARN, Cause.CREDENTIALS)
    assert steps(*TICKET, of_secret)["Secret"] == "warn"
    made = report(("a/app", [*TICKET, finding("acme.file-server", Status.FAIL, root=True)]), verdict=Verdict.FAIL)
    (other,) = classed(parsed(html.render(made)), "other-problems")
    assert text(other) == "Other problems: acme.file-server fail"


def test_rows_are_a_table_with_a_status_in_words() -> None:
    tree = parsed(html.render(PAGES["run"]))
    rows = [[text(cell) for cell in row] for row in classed(tree, "rows")[0].iter("tr")]
    assert rows[1:] == [[row.status, row.name, row.text] for row in BLOCKED.rows]


def test_a_finding_shows_its_check_its_vantage_and_its_place_in_a_file() -> None:
    tree = parsed(html.render(PAGES["run"], title(BLOCKED, "The domain controllers accept LDAP")))
    (shown,) = (one for one in classed(tree, "finding") if "root cause" in text(one))
    assert text(next(shown.iter("h4"))) == f"fail {BLOCKED.summary}"
    assert "network.ldap · The domain controllers accept LDAP · root cause · seen from inside" in text(shown)
    assert "in deploy/web & batch.json:14:7" in text(parsed(html.render(PAGES["files"])))


def test_many_subjects_have_an_index_the_worst_first_and_the_quiet_ones_are_folded() -> None:
    tree = parsed(html.render(PAGES["many-subjects"]))
    (index,) = classed(tree, "index")
    names = [text(next(row.iter("th"))) for row in index.iter("tr")][1:]
    assert names == ["prod/bad/app", *(f"prod/web{n}/app" for n in range(5))]
    assert len([one for one in classed(tree, "subject") if one.tag == "details"]) == 5


def test_what_was_not_checked_is_shown_with_its_reason_and_the_next_command() -> None:
    shown = text(parsed(html.render(PAGES["out-of-reach"])))
    assert "Not checked" in shown
    assert "Checks: dns.domain-controllers, kerberos.gmsa-ticket" in shown
    assert "Next: Run the same command in the task's network." in shown
    assert "1 check was not selected: secret.domain" in shown
    assert "Required, but skipped: kerberos.gmsa-ticket." in shown


def test_a_pass_states_the_ticket() -> None:
    assert "The gMSA got its ticket." in html.render(PAGES["ticket"])


def test_an_unproven_run_shows_the_reason_in_yellow_and_the_next_command() -> None:
    tree = parsed(html.render(PAGES["unproven"]))
    assert text(classed(tree, "verdict")[0]) == "UNPROVEN"
    assert classed(tree, "verdict")[0].get("class") == "verdict warn"
    (reason,) = classed(tree, "root")
    assert text(reason).startswith("Not proven: the ticket was not requested, because from here, DNS server")
    assert "Next: Run the same command" in text(reason)
    assert "gmsa-doctor check --cluster prod --service web --dns-server 10.0.0.10" in text(reason)
    assert "gMSA got its ticket" not in text(tree)


def test_nothing_to_check_is_not_a_verdict() -> None:
    tree = parsed(html.render(PAGES["nothing-to-check"]))
    assert text(next(tree.iter("h1"))) == "NOTHING TO CHECK no gMSA found"
    assert text(next(tree.iter("title"))) == "NOTHING TO CHECK - no gMSA found - gmsa-doctor"
    assert classed(tree, "verdict")[0].get("class") == "verdict skipped"
    assert "3 task definitions do not use a gMSA and were not checked" in text(tree)
    assert "Not proven" not in text(tree)


def test_the_header_shows_the_run() -> None:
    (header,) = parsed(html.render(PAGES["root-cause"])).iter("header")
    assert text(classed(header, "facts")[0]) == (
        "started 2026-11-30 08:15:00 UTCduration 0.8 sseen from outsideexit code 1"
        "command gmsa-doctor check --cluster prod --service web"
    )
    (header,) = parsed(html.render(PAGES["nothing-to-check"])).iter("header")
    assert "exit code 0 (static checks only)" in text(header)


def test_each_owner_has_the_findings_as_text() -> None:
    powershell = Fix("Reset the password.", ("Set-ADAccountPassword gmsa-reader", "aws s3 ls"))
    of_ad = replace(WRONG_PASSWORD, owner=Owner.AD, fix=powershell)
    tree = parsed(html.render(report(("a/app", [of_ad, IN_FILE, CRASH]), ("b/app", [of_ad]), verdict=Verdict.FAIL)))
    (owners,) = classed(tree, "owners")
    assert [text(one) for one in owners.iter("summary")] == [
        "1 finding for the AD administrator, as text",
        "1 finding for the developer, as text",
    ]
    first, second = owners.iter("pre")
    assert first.get("data-copy") == "the AD administrator"
    assert "".join(first.itertext()) == (
        "gmsa-doctor 0.1.0: 1 finding for the AD administrator\n\n"
        "1. FAIL kerberos.user-ticket: the secret's password for gmsa-reader@CORP.EXAMPLE is wrong\n"
        "   Subjects: a/app, b/app\n"
        "   Observed: KDC 10.0.0.10:88: Preauthentication failed\n"
        "   Expected: the user's current password\n"
        "   Fix: Reset the password.\n"
        "   PowerShell:\n     Set-ADAccountPassword gmsa-reader\n"
        "   Shell:\n     aws s3 ls"
    )
    assert "File: deploy/web & batch.json:14:7" in "".join(second.itertext())


def test_no_owner_is_named_where_nothing_is_to_be_done() -> None:
    assert classed(parsed(html.render(PAGES["ticket"])), "owners") == []
    assert classed(parsed(html.render(PAGES["interrupted"])), "owners") == []


def test_commands_are_marked_with_what_runs_them() -> None:
    fix = Fix("Do it.", ("aws s3 ls", "aws s3 cp a b", "Get-ADUser x", "$a = 1"))
    made = report(("a/app", [replace(WRONG_PASSWORD, fix=fix)]), verdict=Verdict.FAIL)
    (root,) = classed(parsed(html.render(made)), "root")
    assert [text(one) for one in classed(root, "language")] == ["Shell", "PowerShell"]


def test_the_filter_offers_the_statuses_of_the_report_and_is_hidden_without_a_script() -> None:
    (filter_,) = classed(parsed(html.render(PAGES["root-cause"])), "filter")
    assert filter_.get("hidden") is not None
    assert [one.get("value") for one in filter_.iter("input")] == [None, "fail", "skipped", "pass"]
    assert classed(parsed(html.render(report(("a/app", GOOD), verdict=Verdict.PASS))), "filter") == []


def test_files_that_could_not_be_read_are_named() -> None:
    assert "deploy/old.json:3:1: no JSON" in text(parsed(html.render(PAGES["files"])))


def test_a_hidden_value_in_a_finding_stays_hidden() -> None:
    careless = finding("acme.odd", Status.FAIL, root=True, summary=f"it was {Hidden('hunter2')}")
    page = html.render(report(("x", [careless]), verdict=Verdict.FAIL))
    assert "hunter2" not in page
    assert "&lt;hidden&gt;" in page


@given(name=words, one=findings)
def test_whatever_a_finding_holds_the_page_stays_whole(name: str, one: Finding) -> None:
    subject = SubjectReport(name, (("region", name),), (one, one))
    page = html.render(Report("0.1.0", Verdict.FAIL, (subject,), (name,), ((one.status, 2),)))
    assert parsed(page).tag == "html"
    assert all(line.isprintable() for line in page.split("\n"))


def test_the_same_report_gives_the_same_page() -> None:
    assert html.render(PAGES["run"]) == html.render(PAGES["run"])
