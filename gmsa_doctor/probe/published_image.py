"""The image that was published with this release, by its digest.

`.github/workflows/release.yml` pushes the image first, and writes its reference into a file next to this module before
it builds the distributions. A version from a checkout, and the image itself, have no such file.
"""

from __future__ import annotations

import re
from pathlib import Path

FILE = Path(__file__).with_name("published-image.txt")
_REFERENCE = re.compile(r"[a-z0-9.-]+(?::\d+)?(?:/[a-z0-9._-]+)+(?::[\w.-]{1,128})?@sha256:[0-9a-f]{64}", re.ASCII)


def published_image(file: Path = FILE) -> str | None:
    """The reference with its digest; None if this is not a release. Raises ValueError for a file with another text."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    if not _REFERENCE.fullmatch(text):
        raise ValueError(f"{file.name} does not contain an image with its digest")
    return text
