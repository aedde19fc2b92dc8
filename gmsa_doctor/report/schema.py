"""The JSON Schema of the JSON report."""

from __future__ import annotations

from pathlib import Path


def text() -> str:
    """The schema, as it is published with this version."""
    return Path(__file__).with_name("schema-2.1.json").read_text(encoding="utf-8")
