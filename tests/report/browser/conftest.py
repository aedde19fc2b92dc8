"""Debian's Chromium, headless, one for all tests of a module: Playwright keeps its event loop until then."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.lab import ad

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
"""It runs as root in CI, and looks for nothing on the network by itself."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a running Chromium. Without one here: skip, or fail with `GMSA_LAB=required`."""
    path = shutil.which("chromium")
    if path is None:
        if ad.required():
            pytest.fail("Chromium is required", pytrace=False)
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield running
        running.close()
