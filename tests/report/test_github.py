"""GitHub's annotations, read as its runner reads them, and the summary of the step."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmsa_doctor.core.model import Finding, Fix, Location, Report, Status, UnreadFile, Verdict
from gmsa_doctor.report import github
from tests.report.samples import DENIED, FOR_SYSTEMS, HOSTILE, NO_PREFIX, ONE_DC_DOWN, SAMPLES, finding, report
from tests.report.test_reports import compare, findings

COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:]*)::(?P<message>.*)")


def annotations(made: Report) -> list[tuple[str, dict[str, str], str]]:
    """Level, properties and message of each line."""
    read = []
    for line in github.render(made).splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = (one.partition("=") for one in match["properties"].split(","))
        read.append((match["level"], {name: plain(value) for name, _, value in pairs}, plain(match["message"])))
    return read


def plain(text: str) -> str:
    for code, sign in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, sign)
    return text


@pytest.mark.parametrize("name", FOR_SYSTEMS)
def test_they_are_the_golden_ones(name: str) -> None:
    compare(f"{name}.github.txt", github.render(SAMPLES[name]))


def test_nothing_to_tell_is_nothing() -> None:
    assert github.render(SAMPLES["passing"]) == ""


def test_an_annotation_stands_at_its_file_and_line() -> None:
    level, properties, message = annotations(report(("a", [NO_PREFIX]), verdict=Verdict.FAIL))[0]
    assert level == "error"
    assert properties == {"file": "deploy/web.yaml", "line": "14", "col": "11", "title": "task-definition.prefix: fail"}
    assert "fix: Write credentialspecdomainless: in front of the ARN." in message.splitlines()


def test_what_is_the_same_for_two_subjects_is_told_once() -> None:
    told = [message for _, properties, message in annotations(SAMPLES["in-files"]) if properties.get("line") == "14"]
    assert len(told) == 1
    assert "of: deploy/web.yaml/Web/app, deploy/web.yaml/Web/proxy" in told[0].splitlines()


def test_a_file_that_could_not_be_read_comes_first() -> None:
    level, properties, _ = annotations(SAMPLES["in-files"])[0]
    assert (level, properties["file"]) == ("error", "deploy/broken.json")


def test_a_warning_that_fails_the_run_is_an_error_and_an_open_question_a_warning() -> None:
    made = annotations(report(("a", [DENIED, replace(ONE_DC_DOWN, root=True)]), verdict=Verdict.FAIL))
    assert [(level, one["title"]) for level, one, _ in made] == [
        ("error", "network.kerberos: warn"),
        ("warning", "secret.value: unknown"),
    ]


def test_beyond_what_github_shows_the_worst_are_kept_and_the_rest_is_counted() -> None:
    failures = [
        finding(f"acme.fail{n}", Status.FAIL, root=n == 12, location=Location("x.json", n)) for n in range(1, 13)
    ]
    warnings = [finding(f"acme.warn{n}", Status.WARN) for n in range(11)]
    made = annotations(report(("a", [*warnings, *failures]), verdict=Verdict.FAIL))
    levels = [level for level, _, _ in made]
    assert (levels.count("error"), levels.count("warning"), levels.count("notice")) == (10, 10, 1)
    assert made[0][1]["title"] == "acme.fail12: fail"
    assert made[-1][2].startswith("2 errors and 1 warning more than GitHub shows")


def test_a_long_message_is_cut_before_the_runner_cuts_it() -> None:
    (_, _, message), *_ = annotations(report(("a", [replace(NO_PREFIX, observed="x" * 9000)]), verdict=Verdict.FAIL))
    assert len(message) == github.MESSAGE_LIMIT
    assert message.endswith("…")


def test_names_can_neither_begin_a_command_nor_add_a_property() -> None:
    odd = replace(
        HOSTILE,
        summary="a\n::stop-commands::x\r\n::add-mask::y%0A::error::z",
        fix=Fix("x", ("y\n::error::z",)),
        location=Location("a,line=7::b\n%25.json", 3),
    )
    made = report(("a\n::error::b", [odd]), verdict=Verdict.FAIL)
    ((_, properties, message),) = annotations(made)
    assert properties["file"] == r"a,line=7::b %25.json"
    assert properties["line"] == "3"
    assert message.splitlines()[0] == r"a \x3a:stop-commands::x  \x3a:add-mask::y%0A::error::z"


def test_the_summary_has_room_for_more_than_a_comment_and_keeps_its_limit() -> None:
    many = [finding(f"acme.fail{n}", Status.FAIL, root=True, observed="ü" * 2000) for n in range(400)]
    made = github.summary(report(("a", many), verdict=Verdict.FAIL))
    assert 65_536 < len(made.encode()) <= github.SUMMARY_LIMIT
    assert "is left out" in made


@settings(deadline=None)
@given(st.lists(findings, max_size=4), st.text(max_size=20))
def test_whatever_a_finding_holds_each_line_is_one_command(made: list[Finding], name: str) -> None:
    whole = report((name, made), verdict=Verdict.FAIL, unread=(UnreadFile(Location(name), name),))
    assert len(annotations(whole)) >= 1
    assert all(line.isprintable() for line in github.render(whole).split("\n"))
