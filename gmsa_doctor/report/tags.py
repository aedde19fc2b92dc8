"""Elements of HTML: all text is escaped unless it was made here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from gmsa_doctor.core.model import Status

_VOID = frozenset({"meta", "input"})
_ICONS = {
    Status.PASS: "M3.5 8.5 6.7 11.7 12.5 4.9",
    Status.WARN: "M8 3.2V9.3M8 12.4V12.6",
    Status.FAIL: "M4.2 4.2 11.8 11.8M11.8 4.2 4.2 11.8",
    Status.UNKNOWN: "M5.3 5.6A2.7 2.7 0 1 1 8 8.4V9.6M8 12.4V12.6",
    Status.SKIPPED: "M4 8H12",
    Status.ERROR: "M4.2 4.2 11.8 11.8M11.8 4.2 4.2 11.8",
    Status.WAIVED: "M3.2 9Q5.6 5.8 8 8T12.8 7",
}
"""Strokes in a square of 16: an icon for each status, so that no meaning rests on colour alone."""


class Html(str):
    """Text that is HTML already; any other ``str`` is escaped when it is put into an element."""

    __slots__ = ()


Part = Html | str | None


def tag(name: str, /, *parts: Part, **attributes: str | bool | None) -> Html:
    """An element; an attribute that is None or False is left out, ``class_`` stands for ``class``, ``_`` for ``-``."""
    start = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(start if name in _VOID else f"{start}{join(parts)}</{name}>")


def join(parts: Iterable[Part], between: str = "") -> Html:
    """The parts one after the other, None left out."""
    return Html(between.join(part if isinstance(part, Html) else escape(part) for part in parts if part is not None))


def _attribute(key: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'


def icon(status: Status) -> Html:
    """The status's icon; the word follows it."""
    return tag("svg", tag("use", href=f"#sign-{status}"), class_="sign", viewBox="0 0 16 16", aria_hidden="true")


def icons() -> Html:
    """The icons' shapes, once a page."""
    shapes = [
        tag("symbol", tag("path", d=path), id=f"sign-{status}", viewBox="0 0 16 16") for status, path in _ICONS.items()
    ]
    return tag("svg", *shapes, class_="signs", aria_hidden="true")


def badge(status: Status, text: str | None = None) -> Html:
    """The status's icon and colour, with its word or ``text``."""
    return tag("span", icon(status), text or status, class_=f"badge {status}")


def codes(ids: Sequence[str]) -> Html:
    """Ids, to be read as such."""
    return join((tag("code", id) for id in ids), ", ")


def fact_list(facts: Iterable[tuple[str, Part]]) -> Html | None:
    """Names with their values; those without a value are left out."""
    items = [tag("li", tag("span", name, class_="name"), " ", tag("span", value)) for name, value in facts if value]
    return tag("ul", *items, class_="facts") if items else None
