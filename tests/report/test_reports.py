"""The renderers, against golden files. ``UPDATE_GOLDEN=1 pytest tests/report`` writes them again: read the diff."""

import html
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.core import registry
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Cause, Finding, Fix, Report, Row, ShowsAs, Status, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.report import github, gitlab, junit, markdown, sarif, schema, text
from gmsa_doctor.report import json as json_report
from gmsa_doctor.report.findings import PROOF
from gmsa_doctor.report.steps import grouped
from tests.report.samples import ONE_DC_DOWN, SAMPLES, WRONG_PASSWORD, finding, report

GOLDEN = Path(__file__).parent / "golden"
SCHEMA: dict[str, Any] = json.loads(schema.text())
WIDTHS = (60, 80, 120)
WIDE = ("passing", "root-cause", "many-skipped", "in-files", "unproven", "aws-unreachable")


def compare(name: str, made: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_is_the_golden_one(name: str) -> None:
    compare(f"{name}.txt", text.render(SAMPLES[name], width=80))


@pytest.mark.parametrize("name", ["root-cause", "warning", "unproven"])
def test_the_verbose_text_is_the_golden_one(name: str) -> None:
    compare(f"{name}.verbose.txt", text.render(SAMPLES[name], width=80, verbose=True))


@pytest.mark.parametrize("name", WIDE)
def test_the_text_of_a_wide_terminal_and_of_a_log_is_the_golden_one(name: str) -> None:
    compare(f"{name}.120.txt", text.render(SAMPLES[name], width=120))
    compare(f"{name}.log.txt", text.render(SAMPLES[name], width=80, log=True))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_json_is_the_golden_one_and_fits_the_schema(name: str) -> None:
    made = json_report.render(SAMPLES[name])
    jsonschema.validate(json.loads(made), SCHEMA)
    compare(f"{name}.json", f"{made}\n")


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SAMPLES)
def test_no_line_is_too_long_but_for_commands_and_single_words(name: str, width: int) -> None:
    commands = {
        command
        for subject in SAMPLES[name].subjects
        for one in subject.findings
        if one.fix
        for command in one.fix.commands
    }
    for line in text.render(SAMPLES[name], width=width).splitlines():
        words = line.split()
        is_command = line.strip() in commands or line.startswith("  More: ")
        too_long = len(line) > width and not is_command and len(words) > 2
        # a line that is too long ends in the one word that does not fit
        assert not too_long or len(words[-1]) > width - 40, line


@pytest.mark.parametrize("name", SAMPLES)
def test_a_command_stands_on_a_line_of_its_own_to_be_copied(name: str) -> None:
    lines = {line.strip() for line in text.render(SAMPLES[name], width=80, verbose=True).splitlines()}
    for subject in printable(SAMPLES[name]).subjects:
        for one in subject.findings:
            if one.fix and one.status in (Status.FAIL, Status.WARN, Status.UNKNOWN):
                assert set(one.fix.commands) <= lines


def test_without_colour_there_is_no_escape_and_with_it_the_words_are_the_same() -> None:
    plain = text.render(SAMPLES["root-cause"], width=80)
    colored = text.render(SAMPLES["root-cause"], width=80, color=True)
    assert "\x1b" not in plain
    assert colored != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


@pytest.mark.parametrize("name", SAMPLES)
def test_ascii_is_really_ascii(name: str) -> None:
    assert text.render(SAMPLES[name], ascii=True).isascii()


def test_a_root_cause_has_its_owner_its_fix_the_text_and_what_was_skipped() -> None:
    made = text.render(SAMPLES["root-cause"], width=80).split("Root cause: ")[1]
    assert made.startswith("kerberos.user-ticket\n")
    assert "aws secretsmanager put-secret-value" in made
    assert "Owner:    AD administrator" in made
    assert "Cannot get gMSA krb ticket" in made
    assert "gmsa-doctor explain kerberos.user-ticket (3 checks skipped because of it)" in made


@pytest.mark.parametrize("name", ["root-cause", "many-skipped", "aws-unreachable"])
def test_the_report_of_one_problem_has_at_most_30_lines(name: str) -> None:
    assert len(text.render(SAMPLES[name], width=80).splitlines()) <= 30


@pytest.mark.parametrize("name", SAMPLES)
def test_the_verdict_is_the_last_line_and_in_a_log_the_first_as_well(name: str) -> None:
    lines = text.render(SAMPLES[name], width=2000).splitlines()
    in_log = text.render(SAMPLES[name], width=2000, log=True).splitlines()
    assert lines[-1].endswith(", in 0.8 s")
    assert lines[-1] in in_log[: in_log.index("")]
    assert in_log[-len(lines) :] == lines


@pytest.mark.parametrize("name", SAMPLES)
def test_quiet_shows_the_root_causes_and_the_verdict_only(name: str) -> None:
    quiet = text.render(SAMPLES[name], width=80, quiet=True)
    whole = text.render(SAMPLES[name], width=80)
    assert set(quiet.splitlines()) <= set(whole.splitlines())
    assert quiet.splitlines()[-1] == whole.splitlines()[-1]
    assert ("Passed:" in quiet, "→" in quiet.split("Root cause")[0]) == (False, False)


@pytest.mark.parametrize("name", [name for name in SAMPLES if SAMPLES[name].verdict is not Verdict.PASS])
def test_green_is_for_a_pass_alone(name: str) -> None:
    verdict = text.render(SAMPLES[name], color=True, width=2000).splitlines()[-1]
    assert "\x1b[32m" not in verdict
    assert "PASS" not in verdict


def test_one_root_cause_of_two_subjects_is_told_once() -> None:
    both = [SAMPLES["root-cause"].subjects[0].findings] * 2
    made = report(*((f"prod/web{n}/app", list(one)) for n, one in enumerate(both)), verdict=Verdict.FAIL)
    assert text.render(made).count("Root cause:") == 1


def test_one_root_cause_with_two_fixes_is_told_with_both() -> None:
    other = replace(WRONG_PASSWORD, fix=Fix("Put it there.", ("aws of the other secret",)))
    made = text.render(report(("a/app", [WRONG_PASSWORD]), ("b/app", [other]), verdict=Verdict.FAIL))
    assert "secret:gmsa/webapp01-AbCdEf" in made
    assert "aws of the other secret" in made


def test_open_questions_and_warnings_follow_the_root_cause() -> None:
    made = text.render(SAMPLES["failure-and-unknown"])
    places = [made.index(part) for part in ("Root cause: credspec.object", "Unknown: secret.value", "! network.kerb")]
    assert places == sorted(places)


def test_the_same_missing_proof_of_many_subjects_stands_once() -> None:
    made = text.render(SAMPLES["many-out-of-reach"])
    assert made.count("from here, DNS server") == 1
    assert "prod/web3/app and 1 more" in " ".join(made.split())
    assert made.count("gmsa-doctor check --cluster prod --service web --dns-server") == 1


def test_missing_proofs_whose_commands_differ_in_names_stand_once() -> None:
    def not_requested(service: str) -> Finding:
        fix = Fix("Request the ticket.", (f"gmsa-doctor run --service {service}",))
        return finding(PROOF, Status.SKIPPED, summary="with --live never, nothing is sent to AD", fix=fix)

    unproven = report(*((f"{name}/app", [not_requested(name)]) for name in ("a", "b")), verdict=Verdict.UNPROVEN)
    made = text.render(unproven)
    assert made.count("Not proven") == made.count("gmsa-doctor run") == 1
    assert "with their names in place of those of a/app" in " ".join(made.split())
    commands = json.loads(json_report.render(unproven))["not_proven"][0]["commands"]
    assert commands == ["gmsa-doctor run --service a", "gmsa-doctor run --service b"]


def test_a_subject_without_a_problem_gets_no_line_among_many() -> None:
    made = text.render(SAMPLES["many-subjects"])
    assert "prod/web0/app" not in made
    assert "✗ prod/bad/app: kerberos.user-ticket" in made


def test_with_fail_on_warn_the_fix_stands_at_the_end_alone() -> None:
    made = text.render(
        report(("a/app", [replace(ONE_DC_DOWN, root=True)]), verdict=Verdict.FAIL, root_causes=("network.kerberos",))
    )
    assert made.count("nc -vz -w 3 10.0.0.11 88") == 1
    assert "Root cause: network.kerberos" in made


def test_many_that_were_interrupted_are_one_paragraph() -> None:
    made = text.render(SAMPLES["interrupted"])
    assert made.count("Unknown:") == 1


@pytest.mark.parametrize("verbose", [False, True])
def test_no_name_can_send_controls_to_the_terminal_or_add_a_line_to_a_command(verbose: bool) -> None:
    made = text.render(SAMPLES["hostile-names"], verbose=verbose)
    assert all(line.isprintable() for line in made.split("\n"))
    assert r"aws s3 ls 's3://b/\x1b[31m\necho owned'" in made
    assert "資料" in made


def test_in_ascii_a_dash_of_a_name_is_not_made_a_hyphen() -> None:
    odd = finding("credspec.object", Status.FAIL, root=True, summary="s3://b/a\u2013b.json → no…")
    made = text.render(report(("x", [odd]), verdict=Verdict.FAIL), ascii=True)
    assert r"s3://b/a\u2013b.json -> no..." in made


def test_a_hidden_value_in_a_finding_stays_hidden() -> None:
    careless = finding("acme.odd", Status.FAIL, root=True, summary=f"it was {Hidden('hunter2')}")
    made = report(("x", [careless]), verdict=Verdict.FAIL)
    for rendered in (
        text.render(made, verbose=True),
        json_report.render(made),
        junit.render(made),
        sarif.render(made, {}),
        github.render(made),
        github.summary(made),
        gitlab.render(made),
        markdown.render(made),
    ):
        assert "hunter2" not in rendered
        assert "<hidden>" in html.unescape(rendered)


words = st.text(max_size=200)
findings = st.builds(
    Finding,
    status=st.sampled_from(Status),
    summary=words,
    observed=st.none() | words,
    expected=st.none() | words,
    fix=st.none() | st.builds(Fix, words, st.tuples(words)),
    shows_as=st.none() | st.builds(ShowsAs, st.none() | words, st.none() | words),
    rows=st.tuples(st.builds(Row, words, st.sampled_from(Status), words)),
    because=st.just(()) | st.just(("secret.value",)),
    check=st.sampled_from(["secret.value", "credspec.size", "acme.odd"]),
    cause=st.none() | st.sampled_from(Cause),
    docs=st.none() | words,
    root=st.booleans(),
    duration_ms=st.integers(0, 10**6),
)


@given(st.lists(findings, max_size=4), st.sampled_from(Verdict), st.integers(1, 200), st.booleans())
def test_whatever_a_finding_holds_it_is_rendered(made: list[Finding], verdict: Verdict, width: int, flag: bool) -> None:
    sample: Report = report(("prod/web/app", made), verdict=verdict, interrupted=flag)
    made_text = text.render(sample, width=width, color=flag, verbose=flag, ascii=not flag)
    assert all(line.isprintable() for line in re.sub(r"\x1b\[[0-9;]*m", "", made_text).split("\n"))
    jsonschema.validate(json.loads(json_report.render(sample)), SCHEMA)


def test_the_checks_of_the_run_itself_are_in_the_last_group() -> None:
    ours = [finding(check.id, cause=check.cause) for check in registry.load().checks]
    groups = [(heading, [item.check for item in items]) for heading, items in grouped(ours)]
    recorded = ["evidence.service-events", "evidence.stopped-tasks", "evidence.logs", "evidence.journal"]
    run = [*recorded, "probe.task", "probe.report", "probe.removed", "config.waivers", "plug-ins.loaded"]
    assert groups[-1] == ("Other", run)
