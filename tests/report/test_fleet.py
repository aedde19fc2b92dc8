"""The report of a fleet: written, read again, and expanded without a loss."""

import json
from dataclasses import replace
from html import escape
from typing import Any

import jsonschema
import pytest

from gmsa_doctor.checking.fleet.expansion import expanded
from gmsa_doctor.core.model import Finding, Fix, Status, SubjectReport, Verdict
from gmsa_doctor.report import schema
from gmsa_doctor.report.fleet import html, metrics, reader, text
from gmsa_doctor.report.fleet import json as fleet_json
from gmsa_doctor.report.fleet.causes import causes_of
from gmsa_doctor.report.fleet.model import FleetReport, Shard, ShardStatus, Target
from gmsa_doctor.report.fleet.table import merged, subject_report, with_subjects
from tests.report.fleets import FLEET, FLEETS, REGIONS, subject
from tests.report.samples import finding, report
from tests.report.test_html import parsed
from tests.report.test_reports import compare

SCHEMA: dict[str, Any] = json.loads(schema.of_fleet())
TARGET = Target("111111111111", "eu-west-1")
SHARD = Shard(TARGET, ShardStatus.CHECKED, verdict=Verdict.FAIL, exit_code=1, services=1)


def fleet_of(*subjects: SubjectReport) -> FleetReport:
    return with_subjects(FleetReport("r", "1", (SHARD,)), 0, replace(report(verdict=Verdict.FAIL), subjects=subjects))


@pytest.mark.parametrize("name", FLEETS)
def test_the_text_and_the_json_are_the_golden_ones(name: str) -> None:
    compare(f"{name}.txt", text.render(FLEETS[name]))
    made = fleet_json.render(FLEETS[name])
    jsonschema.validate(json.loads(made), SCHEMA)
    compare(f"{name}.json", made)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", FLEETS)
def test_what_is_written_is_read_again(name: str) -> None:
    made = fleet_json.render(FLEETS[name])
    assert fleet_json.render(reader.read(made)) == made
    assert reader.read(fleet_json.render(FLEETS[name], ascii=True)) == reader.read(made)


@pytest.mark.parametrize("name", FLEETS)
def test_a_strict_parser_accepts_the_page_which_names_the_widest_cause_first(name: str) -> None:
    page = html.render(FLEETS[name])
    assert parsed(page).tag == "html"
    causes = [page.index(f"<h3>{escape(cause.finding.summary)}") for cause in causes_of(FLEETS[name])]
    assert causes == sorted(causes)


def test_the_widest_cause_comes_first_with_its_services_and_accounts() -> None:
    wrong_password, no_role = (cause for cause in causes_of(FLEET) if cause.finding.is_failure)
    assert (wrong_password.finding.check, wrong_password.in_places) == (
        "kerberos.user-ticket",
        "4 services in 2 accounts and 2 regions",
    )
    assert (no_role.finding.check, no_role.in_places) == (
        "execution-role.trust",
        "2 services in 1 account and 2 regions",
    )


def test_findings_that_differ_in_the_services_names_are_one_entry_of_the_table() -> None:
    commands = [entry.finding.fix.commands[0] for entry in FLEET.findings if entry.is_template and entry.finding.fix]
    assert sorted(commands) == [
        f"gmsa-doctor run --cluster prod --service <service> --region {region}" for region in REGIONS
    ]


def test_merging_keeps_every_finding_of_every_subject() -> None:
    other = replace(SHARD, target=Target("222222222222", "eu-west-1"))
    parts = [FLEET, replace(fleet_of(subject(TARGET, "web", finding("dns.x"))), shards=(other,))]
    whole = merged(parts, FleetReport("r", "1", ()))
    assert expanded(whole).subjects[:-1] == expanded(FLEET).subjects
    assert expanded(whole).subjects[-1].findings[0].summary == "what dns.x saw"
    assert whole.subjects[-1].shard == len(FLEET.shards)


def test_metrics_are_by_account_and_region() -> None:
    lines = [json.loads(line) for line in metrics.emf(FLEET, "gmsa", 1).splitlines()]
    first, denied = lines[0], lines[4]
    assert first["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Account", "Region"]]
    shown = {key: first[key] for key in ("Account", "Region", "Fail", "Services", "FailedServices", "NotChecked")}
    assert list(shown.values()) == ["111111111111", "eu-west-1", 1, 3, 2, 0]
    assert (denied["Incomplete"], denied["NotChecked"], denied["status"]) == (1, 1, "not-entered")


HOSTILE = ("<service>", "web", "a", "app", "<container>", "web-td", "$&", "\\1")


@pytest.mark.parametrize("service", HOSTILE)
@pytest.mark.parametrize("words", ["<service> web-td:7 app", "web", "a web <family>:<revision>", "$& \\1"])
def test_whatever_the_names_are_a_subject_expands_to_what_it_was(service: str, words: str) -> None:
    own = finding("dns.x", Status.FAIL, root=True, summary=words, observed=service, fix=Fix(words, (f"x {service} y",)))
    before = subject(TARGET, service, own)
    whole = reader.read(fleet_json.render(fleet_of(before)))
    after = subject_report(whole, whole.subjects[0])
    assert (after.name, after.facts) == (before.name, before.facts)
    assert [shown(one) for one in after.findings] == [shown(one) for one in before.findings]


def shown(one: Finding) -> tuple[object, ...]:
    return (one.check, one.status, one.summary, one.observed, one.expected, one.fix, one.rows, one.root)


def test_nothing_in_the_page_ends_its_script_or_is_a_tag_of_another() -> None:
    hostile = finding("dns.x", Status.FAIL, root=True, summary="</script><script>alert(1)</script><!--")
    page = html.render(fleet_of(subject(TARGET, "web", hostile)))
    assert page.count("<script") == page.count("</script>") == 2
    assert parsed(page).tag == "html"
