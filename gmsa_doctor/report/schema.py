"""The JSON Schemas of the JSON reports."""

from __future__ import annotations

from pathlib import Path


def text() -> str:
    """The schema, as it is published with this version."""
    return Path(__file__).with_name("schema-2.1.json").read_text(encoding="utf-8")


def of_fleet() -> str:
    """The schema of the report of a fleet."""
    return (Path(__file__).parent / "fleet" / "schema-1.0.json").read_text(encoding="utf-8")
