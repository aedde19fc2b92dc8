"""`gmsa-doctor diff`: what broke and what was fixed between two reports."""

import json as stdlib_json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gmsa_doctor.core.model import Finding, Report, Status, Verdict
from gmsa_doctor.report import json
from gmsa_doctor.triage.baseline import Difference, compare
from tests.command import Ended, doctor, environ
from tests.report.samples import BEHIND, DENIED, GOOD, HOSTILE, NO_OBJECT, ONE_DC_DOWN, SAMPLES, WRONG_PASSWORD, report

PASSED = replace(GOOD[0], check="kerberos.user-ticket")
APP = "prod/web/app"


def made(*findings: Finding, verdict: Verdict = Verdict.PASS) -> Report:
    return report((APP, list(findings)), verdict=verdict)


def keys(found: Difference) -> dict[str, list[str]]:
    """The ids in each list that is not empty."""
    names = ("broke", "fixed", "changed", "new_checks", "gone_checks")
    return {name: [change.check for change in getattr(found, name)] for name in names if getattr(found, name)}


# What changed ---------------------------------------------------------------------------------------

WARNING = replace(ONE_DC_DOWN, check="kerberos.user-ticket")
SKIPPED = replace(BEHIND[0], check="kerberos.user-ticket")
UNKNOWN = replace(DENIED, check="kerberos.user-ticket")
WAIVED = replace(WRONG_PASSWORD, status=Status.WAIVED, root=False)
COUNTED = replace(WARNING, root=True)
"""A warning of a run with `--fail-on warn`."""


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (PASSED, PASSED, None),
        (WRONG_PASSWORD, replace(WRONG_PASSWORD, summary="other words"), None),
        (PASSED, WRONG_PASSWORD, "broke"),
        (WARNING, WRONG_PASSWORD, "broke"),
        (SKIPPED, WRONG_PASSWORD, "broke"),
        (UNKNOWN, WRONG_PASSWORD, "broke"),
        (WAIVED, WRONG_PASSWORD, "broke"),
        (PASSED, COUNTED, "broke"),
        (WARNING, COUNTED, "broke"),
        (WRONG_PASSWORD, PASSED, "fixed"),
        (WRONG_PASSWORD, WARNING, "fixed"),
        (COUNTED, PASSED, "fixed"),
        (WRONG_PASSWORD, COUNTED, "changed"),
        (WRONG_PASSWORD, SKIPPED, "changed"),
        (WRONG_PASSWORD, UNKNOWN, "changed"),
        (WRONG_PASSWORD, WAIVED, "changed"),
        (PASSED, WARNING, "changed"),
        (PASSED, UNKNOWN, "changed"),
        (UNKNOWN, PASSED, "changed"),
    ],
)
def test_each_change_of_status_has_one_kind(before: Finding, after: Finding, kind: str | None) -> None:
    found = compare(made(*GOOD, before), made(*GOOD, after))
    assert keys(found) == ({kind: ["kerberos.user-ticket"]} if kind else {})
    assert bool(found) == bool(kind)


def test_a_new_failure_broke() -> None:
    found = compare(made(*GOOD), made(*GOOD, WRONG_PASSWORD))
    assert keys(found) == {"broke": ["kerberos.user-ticket"]}


def test_new_and_removed_checks_are_listed() -> None:
    found = compare(made(*GOOD, WRONG_PASSWORD), made(*GOOD, DENIED))
    assert keys(found) == {"new_checks": ["secret.value"], "gone_checks": ["kerberos.user-ticket"]}


def test_new_and_removed_subjects_are_listed_once_and_new_failures_broke() -> None:
    before = report((APP, GOOD), ("old/app", [WRONG_PASSWORD]), verdict=Verdict.FAIL)
    after = report((APP, GOOD), ("new/app", [*GOOD, NO_OBJECT]), verdict=Verdict.FAIL)
    found = compare(before, after)
    assert (found.new, found.gone) == (("new/app",), ("old/app",))
    assert keys(found) == {"broke": ["credspec.object"]}


def test_the_worst_of_two_subjects_with_one_name_counts() -> None:
    both = report((APP, [PASSED]), (APP, [WRONG_PASSWORD]), verdict=Verdict.FAIL)
    assert not compare(both, made(WRONG_PASSWORD))
    assert keys(compare(made(PASSED), both)) == {"broke": ["kerberos.user-ticket"]}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_report_does_not_differ_from_itself(name: str) -> None:
    assert not compare(SAMPLES[name], SAMPLES[name])


# The command ----------------------------------------------------------------------------------------


def diff(tmp_path: Path, before: Report | str, after: Report | str, *arguments: str, **more: str) -> Ended:
    for name, content in (("a.json", before), ("b.json", after)):
        text = content if isinstance(content, str) else json.render(content)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return doctor("diff", "a.json", "b.json", *arguments, env=environ(tmp_path, **more), cwd=tmp_path)


BEFORE = report((APP, [*GOOD, WRONG_PASSWORD, *BEHIND]), ("prod/old/app", [*GOOD, DENIED]), verdict=Verdict.FAIL)
AFTER = report((APP, [*GOOD[1:], ONE_DC_DOWN, NO_OBJECT, PASSED]), ("prod/new/app", GOOD), verdict=Verdict.FAIL)
TEXT = """\
before: FAIL, a.json
after:  FAIL, b.json
1 broke, 1 fixed, 7 new or removed

Broke
  prod/web/app
    credspec.object: is fail
      s3://gmsa/webapp01.json does not exist

Fixed
  prod/web/app
    kerberos.user-ticket: was fail, is pass

New checks
  prod/web/app
    network.kerberos: is warn

Removed checks
  prod/web/app
    task-definition.prefix: was pass
    directory.bind: was skipped
    directory.managed-password: was skipped
    kerberos.gmsa-ticket: was skipped

New subjects
  prod/new/app: 5 passed

Removed subjects
  prod/old/app: 1 unknown, 5 passed
"""


def test_the_text_reports_what_broke_first_and_ends_with_1(tmp_path: Path) -> None:
    ended = diff(tmp_path, BEFORE, AFTER)
    assert ended.out == TEXT
    assert (ended.code, ended.err) == (1, "")


def test_with_nothing_broken_it_ends_with_0(tmp_path: Path) -> None:
    ended = diff(tmp_path, made(WRONG_PASSWORD, verdict=Verdict.FAIL), made(PASSED))
    assert ended.code == 0
    assert "Fixed" in ended.out
    ended = diff(tmp_path, BEFORE, BEFORE)
    assert ended.code == 0
    assert "No check changed its status." in ended.out


def test_json_has_every_list_and_the_same_exit_code(tmp_path: Path) -> None:
    ended = diff(tmp_path, BEFORE, AFTER, "--format", "json")
    assert ended.code == 1
    document: dict[str, Any] = stdlib_json.loads(ended.out)
    assert document["before"] == {"name": "a.json", "verdict": "fail"}
    assert document["broke"] == [
        {
            "subject": APP,
            "check": "credspec.object",
            "before": None,
            "after": "fail",
            "summary": "s3://gmsa/webapp01.json does not exist",
        }
    ]
    assert [(change["check"], change["before"], change["after"]) for change in document["fixed"]] == [
        ("kerberos.user-ticket", "fail", "pass")
    ]
    assert (document["new_subjects"], document["gone_subjects"]) == (["prod/new/app"], ["prod/old/app"])
    assert {"changed", "new_checks", "gone_checks", "schema_version"} <= document.keys()


def test_it_can_be_written_to_a_file(tmp_path: Path) -> None:
    ended = diff(tmp_path, BEFORE, AFTER, "--output", "d.txt")
    assert (ended.code, ended.out) == (1, "")
    assert (tmp_path / "d.txt").read_text() == TEXT


def test_hostile_names_reach_no_terminal_and_lines_stay_short(tmp_path: Path) -> None:
    hostile = report(
        ("prod/web\x1b[31m/app\u202e", [HOSTILE, replace(WRONG_PASSWORD, summary="word " * 60)]), verdict=Verdict.FAIL
    )
    ended = diff(tmp_path, made(*GOOD), hostile)
    assert ended.code == 1
    assert not set(ended.out) & set("\x1b\x07\u202e\u200b\x9b\u2028")
    assert r"prod/web\x1b[31m/app\u202e" in ended.out
    assert all(len(line) <= 80 for line in ended.out.splitlines())


def test_where_the_locale_is_c_all_is_ascii(tmp_path: Path) -> None:
    ended = diff(tmp_path, made(*GOOD), made(*GOOD, HOSTILE), LC_ALL="C")
    assert ended.code == 1
    assert ended.out.isascii()
    assert ended.err == ""


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ("{", "the report b.json: it is not valid JSON"),
        ('{"schema_version": "3.0"}', "the report b.json: its schema_version is 3.0, not 1.x or 2.x"),
        ("{}", "the report b.json: it is not a report of gmsa-doctor"),
    ],
)
def test_what_is_not_a_report_gives_one_message(after: str, words: str, tmp_path: Path) -> None:
    ended = diff(tmp_path, BEFORE, after)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("gmsa-doctor: ")
    assert words in line


def test_a_missing_report_gives_one_message_too(tmp_path: Path) -> None:
    ended = doctor("diff", "a.json", "b.json", env=environ(tmp_path), cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "gmsa-doctor: the report a.json cannot be read: No such file or directory\n"
