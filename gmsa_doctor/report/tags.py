"""Elements of HTML: all text is escaped unless it was made here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"meta"})


class Html(str):
    """Text that is HTML already; any other ``str`` is escaped when it is put into an element."""

    __slots__ = ()


Part = Html | str | None


def tag(name: str, /, *parts: Part, **attributes: str | bool | None) -> Html:
    """An element; an attribute that is None or False is left out, ``class_`` stands for ``class``, ``_`` for ``-``."""
    told = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{join(parts)}</{name}>")


def join(parts: Iterable[Part], between: str = "") -> Html:
    """The parts one after the other, None left out."""
    return Html(between.join(_html(one) for one in parts if one is not None))


def _html(part: Html | str) -> str:
    return part if isinstance(part, Html) else escape(part)


def _attribute(key: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
