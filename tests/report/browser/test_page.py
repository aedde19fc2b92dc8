"""The page in Chromium: accessible in light and dark, readable on a phone and printed, and it loads nothing."""

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from gmsa_doctor.report import html
from tests.report.pages import BLOCKED, PAGES, title

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
KINDS = ("violations", "incomplete")
ONLY: dict[str, Any] = {"resultTypes": KINDS}
"""Axe describes no element in which nothing is wrong: that would be most of its work."""
RULES = {**ONLY, "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLORS = {**ONLY, "runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""The only rule of axe that depends on the colour scheme."""
SHOWN = ("run", "files", "out-of-reach", "unproven", "markup", "networks")
"""One of each thing that a page can hold."""

Scheme = Literal["light", "dark"]
Show = Callable[..., Page]


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> Iterator[dict[bool, Page]]:
    """Two tabs without a network, one of them without scripts: a tab costs more than a page in it."""
    contexts = {script: browser.new_context(java_script_enabled=script, offline=True) for script in (True, False)}
    yield {script: context.new_page() for script, context in contexts.items()}
    for context in contexts.values():
        context.close()


@pytest.fixture
def show(tabs: dict[bool, Page], tmp_path: Path) -> Show:
    """Open a report's page as a file that somebody has sent, in place of the last one."""

    def open_(name: str, *, scheme: Scheme = "light", width: int = 1200, script: bool = True) -> Page:
        path = tmp_path / f"{name}.html"
        path.write_text(html.render(PAGES[name], title(BLOCKED, "The DCs accept LDAP")), encoding="utf-8")
        page = tabs[script]
        page.context.clear_permissions()
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(media="null", color_scheme=scheme)
        page.goto(path.as_uri())
        return page

    return open_


def complaints(page: Page, rules: dict[str, Any] = RULES) -> list[Any]:
    """What axe finds wrong, all folded parts opened."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate(AXE)
    found = page.evaluate(f"axe.run({json.dumps(rules)})")
    assert len(found["passes"]) > (15 if rules is RULES else 0)
    return [
        (one["id"], node["html"], node["failureSummary"])
        for kind in KINDS
        for one in found[kind]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("name", SHOWN)
def test_the_page_is_accessible_in_light_and_dark(show: Show, name: str) -> None:
    page = show(name)
    assert complaints(page) == []
    page.emulate_media(color_scheme="dark")
    assert complaints(page, COLORS) == []


def test_the_page_is_accessible_on_a_phone(show: Show) -> None:
    assert complaints(show("run", scheme="dark", width=360)) == []


def test_the_checker_sees_what_is_wrong(show: Show) -> None:
    page = show("run")
    page.evaluate("document.querySelector('.badge').style.color = '#777'; document.documentElement.lang = ''")
    assert {rule for rule, *_ in complaints(page)} == {"color-contrast", "html-has-lang"}


def test_light_and_dark_differ_and_paper_is_light(show: Show) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page = show("run")
    assert page.evaluate(ground) == "rgb(246, 247, 249)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == "rgb(15, 19, 24)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", [*SHOWN, "failure-and-unknown", "long-words", "hostile-names"])
def test_nothing_is_wider_than_the_window(show: Show, name: str) -> None:
    page = show(name)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for width in (360, 700, 1000, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_steps_are_a_row_on_a_desk_and_a_column_on_a_phone(show: Show) -> None:
    boxes = "[...document.querySelectorAll('.steps li')].map(one => one.getBoundingClientRect())"
    page = show("run")
    for width, moves in ((1200, "x"), (360, "y")):
        page.set_viewport_size({"width": width, "height": 800})
        places = [(round(one["x"]), round(one["y"])) for one in page.evaluate(boxes)]
        assert len(places) == 8
        assert places == sorted(places)
        assert len({one["xy".index(moves)] for one in places}) == 8
        assert len({one["yx".index(moves)] for one in places}) == 1


def test_the_page_loads_nothing_and_keeps_its_policy(show: Show) -> None:
    page = show("run")
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda one: requests.append(one.url))
    page.on("console", lambda one: messages.append(one.text))
    page.on("pageerror", lambda one: messages.append(str(one)))
    for name in (*SHOWN, "hostile-names"):
        requests.clear()
        show(name)
        assert (requests, messages) == ([page.url], []), name


def test_without_a_script_all_is_there_but_the_copy_buttons(show: Show) -> None:
    with_script, without = show("run"), show("run", script=False)
    assert with_script.locator("button").count() == with_script.locator("pre.command").count() == 4
    assert without.locator("button").count() == 0
    assert without.locator("pre.command").first.is_visible()
    assert without.locator(".steps .broken").get_by_text("Fails here").is_visible()


def test_a_script_that_is_not_ours_does_not_run(show: Show) -> None:
    page = show("markup")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.owned = 1'}))")
    assert page.evaluate("window.owned") is None


def test_the_button_copies_the_whole_command(show: Show) -> None:
    page = show("run")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("button").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "nc -vz -w 3 10.0.0.10 389"


def test_the_button_selects_the_whole_command_where_the_clipboard_is_out_of_reach(show: Show) -> None:
    page = show("run")
    page.evaluate("navigator.clipboard.writeText = () => Promise.reject(); document.execCommand = () => false")
    page.locator("button").first.click()
    page.get_by_role("button", name="Selected").wait_for()
    assert page.evaluate("getSelection().toString()") == "nc -vz -w 3 10.0.0.10 389"


def test_the_keyboard_goes_to_the_findings_first_then_down_the_page(show: Show) -> None:
    page = show("run")
    focused = []
    for _ in range(4):
        page.keyboard.press("Tab")
        focused.append(page.evaluate("document.activeElement.textContent"))
    assert focused == ["To the findings", "network.ldap", "Copy", "Copy"]


def test_a_link_to_a_folded_finding_s_subject_opens_nothing_else(show: Show) -> None:
    page = show("files")
    page.get_by_role("link", name="deploy/web & batch.json web/app").first.click()
    assert page.evaluate("location.hash") == "#subject-5"
    assert page.locator("details[open]").count() == 0


def test_it_prints_without_buttons_and_with_the_steps_in_a_row(show: Show) -> None:
    page = show("run")
    page.set_viewport_size({"width": 680, "height": 900})
    page.emulate_media(media="print")
    assert not page.locator("button").first.is_visible()
    assert page.locator(".steps").evaluate("one => getComputedStyle(one).display") == "grid"
    assert page.pdf(format="A4").startswith(b"%PDF-")


def test_the_network_is_four_columns_on_a_desk_and_one_on_a_phone(show: Show) -> None:
    edges = "[...document.querySelectorAll('.network .boxes')].map(one => Math.round(one.getBoundingClientRect().x))"
    page = show("network")
    assert len(set(page.evaluate(edges))) == 4
    page.set_viewport_size({"width": 390, "height": 800})
    assert len(set(page.evaluate(edges))) == 1


def test_the_filter_works_with_the_keyboard_by_status_and_by_text(show: Show) -> None:
    page = show("networks")
    field, count = page.get_by_role("searchbox"), page.locator(".filter output")
    findings = page.locator("[data-status]:visible")
    page.locator(".filter [value=warn]").focus()
    page.keyboard.press("Space")
    assert findings.count() == 2
    assert count.inner_text() == "2 of 37 shown"
    page.keyboard.press("Space")
    field.focus()
    page.keyboard.type("gateway ENDPOINT")
    assert findings.count() == 2  # in folded parts, which are opened
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    assert page.locator(".filtered-out").count() == 0
    assert count.inner_text() == "all shown"


def test_the_filter_is_hidden_without_a_script_and_in_print(show: Show) -> None:
    assert not show("network", script=False).locator(".filter").is_visible()
    page = show("network")
    page.get_by_role("searchbox").fill("nothing has this text")
    page.emulate_media(media="print")
    assert not page.locator(".filter").is_visible()
    assert page.locator(".finding").first.is_visible()


def test_in_print_everything_is_unfolded(show: Show) -> None:
    page = show("network", script=False)
    assert not page.locator(".brief li").first.is_visible()
    page.emulate_media(media="print")
    assert page.locator(".brief li").first.evaluate("one => one.checkVisibility({contentVisibilityAuto: true})")
    page = show("network")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0


def test_the_button_copies_all_for_an_owner(show: Show) -> None:
    page = show("network")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy all for the AWS administrator").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("gmsa-doctor 0.1.0: 2 findings for the AWS administrator")
    assert "aws ec2 authorize-security-group-egress" in copied


def test_a_link_to_a_folded_finding_opens_it(show: Show) -> None:
    page = show("network")
    page.locator(".network a", has_text="Route tables").click()
    assert page.locator("details[open] :target").is_visible()
