"""Names from AWS, AD, files and logs in all outputs: no terminal, no CI log and no page obeys them."""

import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import typer

from gmsa_doctor.checking import symptoms
from gmsa_doctor.checking.progress import Display
from gmsa_doctor.cli import run
from gmsa_doctor.cli.process import say
from gmsa_doctor.core.model import Fix, Location, Report, Row, ShowsAs, Status, UnreadFile, Verdict
from gmsa_doctor.core.printable import json_document, printable
from gmsa_doctor.formats.documents.task_definition import LogStreams
from gmsa_doctor.probe.plan import describe
from gmsa_doctor.report import difference, github, gitlab, html, junit, markdown, metrics, sarif, text
from gmsa_doctor.report import json as json_report
from gmsa_doctor.triage.baseline import compare
from tests.probe.world import a_plan
from tests.report.samples import GOOD, finding, report

CANARIES = {
    "terminal": "\x1b]0;owned\x07\x1b[2J\x1b[1A\rY\x08",
    "C1 controls": "\x9b31m\x85\x90",
    "direction": "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "line separators": "a\u2028b\u2029c\x0bd\x0ce",
    "invisible": "a\u200bb\ufeffc\u00add\U000e0041\ud800",
    "GitHub command": "a ::error file=x,line=1::owned ::add-mask::y ::STOP-commands::z",
    "GitHub command in a line": "a\n::error::owned\r\n  ::endgroup::",
    "Azure command": "a ##[error]owned ##vso[task.setvariable variable=x]y ##VSO[a.b]c ##[section]",
    "TeamCity command": "##teamcity[buildStatus status='SUCCESS']",
    "GitLab section": "section_start:1:x\r\x1b[0K",
    "Markdown": "**b** [l](javascript:x) ![i](https://x.example/i) @octocat #1\n# h\n```\n| a | b |",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><!-- -->&lt;]]>",
    "CSV": "=cmd|'/C calc'!A0,\"b\"\n+1\t-1",
}
COMMAND = re.compile(r"##\w*\[", re.IGNORECASE)
AT_LINE_START = re.compile(r"^\s*::([a-z][\w-]*)(?= |::).*::", re.MULTILINE | re.IGNORECASE)


def made_of(canary: str) -> Report:
    """A report in which each text is the canary."""
    odd = finding(
        "credspec.object",
        Status.FAIL,
        root=True,
        summary=canary,
        observed=canary,
        expected=f"long enough to be wrapped, {canary} {canary} {canary}",
        fix=Fix(canary, (f"aws s3 ls '{canary}'", f"Get-ADUser '{canary}'")),
        shows_as=ShowsAs(canary, f"2 {canary}"),
        rows=(Row(canary, Status.FAIL, canary), Row("b", Status.WARN, canary)),
        location=Location(canary, 1, 2),
    )
    more = [
        replace(odd, check="acme.odd", location=None, docs=canary),
        finding("acme.open", Status.UNKNOWN, root=True, summary=canary),
        finding("acme.warned", Status.WARN, summary=canary),
        finding("acme.waived", Status.WAIVED, summary=canary),
        finding("acme.skipped", Status.SKIPPED, summary=canary, fix=Fix(canary)),
    ]
    made = report((canary, [odd, *more, *GOOD]), (f"x {canary}", [odd]), verdict=Verdict.FAIL)
    facts = tuple((name, canary) for name, _ in made.subjects[0].facts)
    subjects = tuple(replace(subject, facts=facts) for subject in made.subjects)
    unread = (UnreadFile(Location(canary), canary),)
    return replace(made, subjects=subjects, unread=unread, missing=(canary,), command=canary, interrupted=True)


def of_progress(canary: str) -> str:
    """What stands on standard error while a run starts its tasks."""
    stream = io.StringIO()
    with Display(stream) as display:
        display.say(canary)
    return stream.getvalue()


def of_difference(canary: str, as_json: bool) -> str:
    """Two reports compared."""
    before, after = report((canary, GOOD), ("a", GOOD), verdict=Verdict.PASS), made_of(canary)
    sides = difference.ComparedReports(canary, canary, before, after)
    return (difference.json_text if as_json else difference.text)(compare(before, after), sides)


def of_log(canary: str, as_json: bool) -> str:
    """A line of a log that holds a known text."""
    explanation = symptoms.explain(f"{canary} Cannot get gMSA krb ticket {canary}")
    return symptoms.as_json(explanation) if as_json else symptoms.as_text(explanation, 80)


TEXTS: dict[str, Callable[[str], str]] = {
    "text": lambda canary: text.render(made_of(canary)),
    "narrow text": lambda canary: text.render(made_of(canary), width=40, verbose=True),
    "text of many words": lambda canary: text.render(made_of(f"{'so many words ' * 9}{canary}"), verbose=True),
    "ASCII log": lambda canary: text.render(made_of(canary), ascii=True, log=True, verbose=True),
    "quiet text": lambda canary: text.render(made_of(canary), quiet=True),
    "JSON": lambda canary: json_report.render(made_of(canary)),
    "ASCII JSON": lambda canary: json_report.render(made_of(canary), ascii=True),
    "JUnit": lambda canary: junit.render(made_of(canary)),
    "SARIF": lambda canary: sarif.render(made_of(canary), {}),
    "GitLab": lambda canary: gitlab.render(made_of(canary)),
    "GitHub": lambda canary: github.render(made_of(canary)),
    "summary": lambda canary: github.summary(made_of(canary)),
    "Markdown": lambda canary: markdown.render(made_of(canary)),
    "HTML": lambda canary: html.render(made_of(canary)),
    "metrics": lambda canary: metrics.emf(made_of(canary), "gmsa-doctor", 0),
    "progress": of_progress,
    "difference": lambda canary: of_difference(canary, False),
    "difference as JSON": lambda canary: of_difference(canary, True),
    "explained log": lambda canary: of_log(canary, False),
    "explained log as JSON": lambda canary: of_log(canary, True),
}


@pytest.mark.parametrize("output", TEXTS)
@pytest.mark.parametrize("kind", CANARIES)
def test_no_output_holds_what_a_terminal_or_a_ci_log_obeys(output: str, kind: str) -> None:
    made = TEXTS[output](CANARIES[kind])
    assert sorted(set(made) - {"\n"}) == sorted(char for char in set(made) if char.isprintable())
    assert COMMAND.search(made) is None
    assert set(AT_LINE_START.findall(made)) <= ({"error", "warning"} if output == "GitHub" else set())


@pytest.mark.parametrize("kind", CANARIES)
def test_a_program_reads_the_same_from_json_and_xml(kind: str) -> None:
    canary = CANARIES[kind]
    assert json.loads(json_document([canary, {canary: 1}])) == [canary, {canary: 1}]
    assert json.loads(TEXTS["JSON"](canary))["subjects"][0]["name"] == canary
    assert ET.fromstring(TEXTS["JUnit"](canary)).tag == "testsuites"


class Elements(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


def test_no_name_adds_an_element_to_the_html_report() -> None:
    pages = [Elements(TEXTS["HTML"](canary)).found for canary in ("a", CANARIES["HTML"], CANARIES["Markdown"])]
    assert pages[0] == pages[1] == pages[2]


@pytest.mark.parametrize("kind", CANARIES)
def test_the_useragrees_to_what_stands_in_the_plan_and_names_are_words_of_their_own(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = CANARIES[kind]
    plan = replace(a_plan(canary), subject=canary, image=canary, logs=LogStreams(canary, "us-east-1"))
    plan = replace(plan, place=replace(plan.place, cluster=canary, security_groups=(canary,)), report_s3=canary)
    plan = replace(plan, execution_role=canary, task_role=f"x{canary}")
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: True)
    assert run.agrees(describe(plan), Display(io.StringIO()))
    shown = capsys.readouterr().err
    assert all(line.isprintable() for line in shown.split("\n"))
    assert (COMMAND.search(shown), AT_LINE_START.search(shown)) == (None, None)


def test_a_name_cannot_continue_the_sentences_of_the_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = replace(a_plan(), logs=LogStreams("web\nNothing else is created.", "us-east-1"))
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: True)
    run.agrees(describe(plan), Display(io.StringIO()))
    assert r"in 'web\nNothing else is created.'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("kind", CANARIES)
def test_a_message_on_standard_error_is_one_line_without_a_command(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(CANARIES[kind])
    shown = capsys.readouterr().err
    assert shown.removesuffix("\n").isprintable()
    assert (COMMAND.search(shown), AT_LINE_START.search(shown)) == (None, None)


@pytest.mark.parametrize(
    "usual",
    [
        "arn:aws:s3:::gmsa/webapp01.json and arn:aws:iam::123456789012:role/web",
        "::/0 and ::1 and fe80::1 and 64:ff9b::a",
        "[DirectoryServices.ActiveDirectory.Domain]::GetCurrentDomain()",
        "a # b ## c #1 [d] std::string",
    ],
)
def test_what_is_no_command_stays_as_it_is(usual: str) -> None:
    assert printable(usual) == usual
