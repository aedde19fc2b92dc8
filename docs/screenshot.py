"""Draw docs/images/report.png: the HTML report of a service that a security group blocks, as Chromium shows it.

python -m docs.screenshot    as root: it needs the lab's domain controller, the embedded AWS and Chromium
"""

from __future__ import annotations

import base64
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.lab import ad
from tests.lab.aws import embedded_aws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.report.browser.conftest import QUIET
from tests.scenarios.changes import all_of
from tests.scenarios.lab import Lab
from tests.scenarios.network_access import egress_to_dc
from tests.scenarios.network_path import asks_all, subnets

PICTURE = Path(__file__).parent / "images" / "report.png"
COMMAND = str(Path(sys.executable).with_name("gmsa-doctor"))
WIDTH = 1280
MARGIN = 24
_INDEXED = """async data => {
  const bytes = Uint8Array.from(atob(data), sign => sign.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const channels = pixel => [pixel & 255, pixel >> 8 & 255, pixel >> 16 & 255];
  const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 64).map(([pixel]) => channels(pixel));
  const indexes = new Map();
  for (const pixel of counts.keys()) {
    const distances = palette.map(color => channels(pixel).reduce((sum, own, i) => sum + (own - color[i]) ** 2, 0));
    indexes.set(pixel, distances.indexOf(Math.min(...distances)));
  }
  const text = Array.from(pixels, pixel => String.fromCharCode(indexes.get(pixel))).join("");
  return [image.width, image.height, palette.flat(), text];
}"""
"""Each pixel as an index into the 64 most frequent colours: a third of the size."""


def report(file: Path) -> None:
    """Write the HTML report of the service, by the real command."""
    blocked = all_of(asks_all, subnets("subnet", "subnet_b"), egress_to_dc(("tcp", 389)))
    with ad.domain_controller() as dc, embedded_aws() as aws, ExitStack() as stack:
        environment = healthy(dc)
        environment.cluster, environment.name = "prod", "web"
        blocked(environment, Lab(dc, aws, stack))
        create(environment, aws)
        command = [COMMAND, "check", "--cluster", "prod", "--service", "web", "--live", "never"]
        command += ["--report", f"html={file.name}"]
        subprocess.run(command, env=aws.environ(), cwd=file.parent, stdout=subprocess.DEVNULL, check=False, timeout=120)


def screenshot(page: Page, file: Path) -> bytes:
    """The page down to the picture of the network, as PNG."""
    page.set_viewport_size({"width": WIDTH, "height": 800})
    page.goto(file.as_uri())
    bottom = page.locator(".network").evaluate("element => element.getBoundingClientRect().bottom")
    return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": round(bottom) + MARGIN})


def indexed(page: Page, png: bytes) -> bytes:
    """The same picture with a palette."""
    page.goto("about:blank")
    width, height, palette, text = page.evaluate(_INDEXED, base64.b64encode(png).decode())
    pixels = text.encode("latin-1")
    lines = b"".join(b"\0" + pixels[start : start + width] for start in range(0, len(pixels), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = {b"IHDR": header, b"PLTE": bytes(palette), b"IDAT": zlib.compress(lines, 9), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks.items())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    """Draw the picture."""
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        file = Path(directory) / "report.html"
        report(file)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET.split())
        page = browser.new_page()
        PICTURE.write_bytes(indexed(page, screenshot(page, file)))
        browser.close()


if __name__ == "__main__":
    main()
