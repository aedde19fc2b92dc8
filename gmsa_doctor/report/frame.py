"""What is around the content of a page: its head, the style, and the script, which nothing else may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from gmsa_doctor.report.tags import Html, Part, join, tag

_HERE = Path(__file__).parent


def page(title: str, parts: Iterable[Part], more: str = "") -> str:
    """The whole document. ``more`` names another style and script, in addition to ``page.css`` and ``page.js``."""
    names = ["page", *([more] if more else [])]
    style, script = ("".join(_resource(f"{name}.{kind}") for name in names) for kind in ("css", "js"))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        Html(f"<style>{style}</style>"),
    ]
    body = [*parts, Html(f"<script>{script}</script>")]
    content = [tag("head", _LINE, join(head, "\n"), _LINE), _LINE, tag("body", _LINE, join(body, "\n"), _LINE)]
    return f"<!DOCTYPE html>\n{tag('html', *content, lang='en')}\n"


_LINE = Html("\n")


def _resource(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
