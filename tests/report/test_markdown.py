"""The Markdown, against golden files, and as a CommonMark parser with GitHub's tables reads it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gmsa_doctor.core.model import Finding, Fix, Location, Report, Status, UnreadFile, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.report import markdown
from tests.report.samples import (
    DENIED,
    DOCS,
    FOR_SYSTEMS,
    GOOD,
    HOSTILE,
    NO_PREFIX,
    SAMPLES,
    WRONG_PASSWORD,
    finding,
    report,
)
from tests.report.test_reports import compare, findings

PARSER = MarkdownIt("commonmark").enable("table")
OURS = {"h3", "p", "code", "pre", "strong", "em", "br", "ul", "li", "details", "summary", "a"} | {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}


class Page(HTMLParser):
    """Elements, links and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.pieces: list[str] = []
        self.feed(PARSER.render(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data
        self.pieces.append(data)


def page(made: Report) -> Page:
    return Page(markdown.render(made))


@pytest.mark.parametrize("name", FOR_SYSTEMS)
def test_it_is_the_golden_one(name: str) -> None:
    compare(f"{name}.md", markdown.render(SAMPLES[name]))


def test_it_begins_with_the_verdict_the_root_cause_and_a_command_to_copy() -> None:
    assert WRONG_PASSWORD.fix
    lines = markdown.render(SAMPLES["root-cause"]).splitlines()
    assert lines[0] == "### ❌ gmsa-doctor: fail"
    assert lines[4].startswith("**Root cause: [`kerberos.user-ticket`](https://")
    command = lines.index(WRONG_PASSWORD.fix.commands[0])
    assert (lines[command - 1], lines[command + 1]) == ("```sh", "```")
    assert "3 checks were skipped because of it." in lines


@pytest.mark.parametrize("name", ["root-cause", "failure-and-unknown", "in-files", "many-subjects"])
def test_what_is_not_folded_fits_on_a_screen(name: str) -> None:
    unfolded = re.sub(r"(?s)<details>.*?</details>\n*", "", markdown.render(SAMPLES[name]))
    assert len([line for line in unfolded.splitlines() if line]) <= 40


def test_a_pass_without_the_live_flow_says_what_is_not_proven() -> None:
    made = markdown.render(SAMPLES["unproven"])
    assert "Not proven: the ticket was not requested, because from here" in made
    assert made.startswith("### ⚠️ gmsa-doctor: unproven")
    assert "Not proven" not in markdown.render(SAMPLES["passing"])


@pytest.mark.parametrize("name", SAMPLES)
def test_each_command_is_there_once_whether_above_or_folded(name: str) -> None:
    lines = markdown.render(SAMPLES[name]).splitlines()
    told = (one for each in printable(SAMPLES[name]).subjects for one in each.findings)
    for one in told:
        for command in one.fix.commands if one.fix and one.status in (Status.FAIL, Status.WARN, Status.UNKNOWN) else ():
            assert lines.count(command) == 1


def test_the_fix_of_what_is_not_known_beside_a_failure_is_folded() -> None:
    folded = markdown.render(SAMPLES["failure-and-unknown"]).split("<summary>unknown: secret.value</summary>")[1]
    assert "Fix: Allow secretsmanager:GetSecretValue" in folded


def test_what_is_not_known_is_no_root_cause() -> None:
    made = markdown.render(report(("a", [DENIED]), verdict=Verdict.INCOMPLETE))
    assert "**Unknown: [`secret.value`](https://" in made
    assert "Root cause" not in made


def test_of_many_subjects_the_same_is_told_once_and_the_list_is_folded() -> None:
    made = markdown.render(report(*((f"web{n}/app", [NO_PREFIX]) for n in range(200)), verdict=Verdict.FAIL))
    assert made.count("**Root cause:") == 1
    assert "and 195 more" in made
    assert "<details><summary>200 subjects</summary>" in made


def test_waived_findings_and_what_was_not_asked_are_to_be_seen() -> None:
    made = markdown.render(SAMPLES["in-files"])
    assert "<details><summary>1 waived</summary>" in made
    assert "--offline: AWS is not asked; checks: `secret.value`" in made


def test_a_file_that_could_not_be_read_and_what_was_required_are_named_at_the_top() -> None:
    assert "- `deploy/broken.json:3:7` could not be read: a comma is missing" in markdown.render(SAMPLES["in-files"])
    assert "- kerberos.gmsa-ticket was required, and was skipped" in markdown.render(SAMPLES["out-of-reach"])


@pytest.mark.parametrize("limit", [2_000, 65_536])
def test_it_is_never_longer_than_a_comment_may_be_and_says_so(limit: int) -> None:
    many = [
        finding(f"acme.fail{n}", Status.FAIL, root=True, summary="資料|`" * 50, observed="ü" * 3000, rows=())
        for n in range(60)
    ]
    made = markdown.render(report(("a", many), ("b", many), verdict=Verdict.FAIL), limit=limit)
    assert len(made.encode()) <= limit
    assert made.startswith("### ❌ gmsa-doctor: fail")
    assert "is left out" in made
    assert made.count("<details>") == made.count("</details>")


HOSTILE_TEXTS = (
    "<img src=x onerror=alert(1)>",
    "[click](https://evil.example)",
    "![pixel](https://evil.example/p.png)",
    "https://evil.example and www.evil.example",
    "```\n### heading\n```",
    "`code` **bold** _em_ ~~gone~~",
    "a | b | c \\| d \\",
    "</details></td></table>",
    "# heading\n- item\n1. item\n/close",
    "<!-- hidden",
    "&lt;b&gt; &#64;",
    "@octocat #1 !2 \u202e\x1b[31m",
    "``` x `` y ` z",
    "",
)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_names_make_no_markup_no_link_and_no_mention(text: str) -> None:
    odd = replace(HOSTILE, summary=f"s {text}", observed=text, expected=text, fix=Fix(text, (f"ls '{text}'",)))
    more = replace(odd, check="acme.odd", location=Location(f"x{text}.json", 1), root=False)
    made = page(
        report(
            (f"n{text}", [odd, more, *GOOD]),
            (text, GOOD),
            verdict=Verdict.FAIL,
            unread=(UnreadFile(Location(text), text),),
        )
    )
    assert set(made.elements) <= OURS
    assert set(made.links) <= {DOCS}
    assert made.elements.count("h3") == 1
    assert made.elements.count("td") == 4 * 2
    live = r"(?<!\w)[@#!]\w|https?://\w|www\.\w"
    outside_of_code = re.sub(
        r"(?s)<(code|pre).*?</\1>",
        "",
        PARSER.render(markdown.render(report((f"n{text}", [odd]), verdict=Verdict.FAIL))),
    )
    texts = re.findall(r">([^<]+)<", outside_of_code)
    assert not [one for one in texts if re.search(live, one)]


def test_a_reader_sees_the_name_as_it_is() -> None:
    text = r"a|b \ `c` <d> *e* _f_ [g](h) {i} #1 @j &amp; ~k~"
    odd = replace(HOSTILE, summary=text, location=Location(f"{text}.json", 7))
    seen = page(report(("a", [odd]), verdict=Verdict.FAIL)).text
    assert seen.count(text) >= 3  # the root cause, the table and the details
    assert seen.count(f"{text}.json:7") >= 2


def test_a_command_cannot_leave_its_block() -> None:
    odd = replace(WRONG_PASSWORD, fix=Fix("Run it.", ("echo '````'\n# heading", "```")))
    made = page(report(("a", [odd]), verdict=Verdict.FAIL))
    assert made.elements.count("pre") == 1
    assert r"echo '````'\n# heading" in made.text


@settings(deadline=None)
@given(st.lists(findings, max_size=4), st.text(max_size=40))
def test_whatever_a_finding_holds_it_is_only_text(made: list[Finding], name: str) -> None:
    located = [replace(one, location=Location(name, 1)) for one in made]
    whole = report(
        (name, [*made, *located]), ("b", made), verdict=Verdict.FAIL, unread=(UnreadFile(Location(name), name),)
    )
    text = markdown.render(whole)
    assert set(Page(text).elements) <= OURS
    assert text.encode()
    assert all(line.isprintable() for line in text.split("\n"))
