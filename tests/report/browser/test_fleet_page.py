"""The overview of a fleet in Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from gmsa_doctor.report.fleet import html
from tests.report.browser.test_page import COLORS, complaints
from tests.report.fleets import FLEETS


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 800}, offline=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Page, tmp_path: Path) -> Page:
    """Open the overview as a file that somebody has sent."""
    path = tmp_path / "fleet.html"
    path.write_text(html.render(FLEETS["fleet"]), encoding="utf-8")
    tab.set_viewport_size({"width": 1200, "height": 800})
    tab.emulate_media(color_scheme="light")
    tab.goto(path.as_uri())
    return tab


def show_findings(page: Page) -> None:
    page.locator("#shard-222222222222-eu-west-1 summary").click()
    page.locator("#shard-222222222222-eu-west-1 li button").first.click()


def test_it_is_accessible_in_light_and_dark_with_findings_shown(page: Page) -> None:
    show_findings(page)
    assert complaints(page) == []
    page.emulate_media(color_scheme="dark")
    assert complaints(page, COLORS) == []


def test_it_loads_nothing_and_keeps_its_policy(page: Page) -> None:
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda one: requests.append(one.url))
    page.on("console", lambda one: messages.append(one.text))
    page.on("pageerror", lambda one: messages.append(str(one)))
    page.reload()
    show_findings(page)
    assert (requests, messages) == ([page.url], [])


def test_nothing_but_the_matrix_is_wider_than_the_window(page: Page) -> None:
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for width in (360, 700, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_widest_cause_is_the_first_and_its_services_link_to_their_places(page: Page) -> None:
    first = page.locator(".root").first
    assert first.get_by_text("Stops 4 services in 2 accounts and 2 regions").is_visible()
    first.get_by_role("link", name="222222222222 eu-west-1 prod/web").click()
    assert page.locator("#shard-222222222222-eu-west-1 .title").first.is_visible()


def test_a_button_shows_the_findings_of_a_service_with_its_own_names(page: Page) -> None:
    show_findings(page)
    shown = page.locator(".findings")
    assert shown.locator("li.fail").first.get_by_text("password for gmsa-reader@CORP.EXAMPLE is wrong").is_visible()
    page.locator("#shard-222222222222-eu-west-1 li button").first.click()
    assert not shown.first.is_visible()


def test_the_filter_finds_a_service_by_account_region_and_name(page: Page) -> None:
    page.get_by_label("Filter").fill("222222222222 us-east-1 api")
    titles = page.locator(".brief .title:visible")
    assert [title.split() for title in titles.all_inner_texts()] == [["prod/api/app", "222222222222", "us-east-1"]]
    assert page.locator("output").inner_text().startswith("1 of ")
