"""Placeholders in files: texts that a person or another tool must replace before the file is used.

``${NAME}`` and ``$NAME`` (envsubst), ``<NAME>`` (documentation, and CodeDeploy's ``<IMAGE1_NAME>``), ``{{ NAME }}``
(Jinja, Helm, Mustache), ``#{NAME}`` (Octopus), ``%NAME%``, ``__NAME__`` and ``@@NAME@@``.
"""

from __future__ import annotations

import re

from gmsa_doctor.formats.documents.located import Open, Placeholder

EXAMPLE_ACCOUNT = "123456789012"
"""The account id of examples. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html."""

_VARIABLE = r"\$\{[^{}]*\}"
_OTHERS = (
    *(r"\$\([^()]+\)", r"\$[A-Za-z_]\w*", r"\{\{.*?\}\}", r"<[^<>\s][^<>]*>", r"#\{[^{}]+\}"),
    *(r"%[A-Z][A-Z0-9_]{2,}%", r"__[A-Z][A-Z0-9_]+__", r"@@\w+@@", r"(?<![A-Za-z])(?:REPLACE|CHANGE)_?ME(?![A-Za-z])"),
)
_PLACEHOLDER = re.compile("|".join((_VARIABLE, *_OTHERS)))
_RESOLVED_LATER = re.compile(_VARIABLE)


def placeholder_in(text: str) -> str | None:
    """The first placeholder; None without one. In an :class:`Open` text, ``${…}`` is resolved at deployment."""
    if isinstance(text, Open) and not isinstance(text, Placeholder):
        text = _RESOLVED_LATER.sub("", text)
    match = _PLACEHOLDER.search(text)
    return match[0] if match else None


def filled(text: str) -> str:
    """The text with ``variable`` for each variable and placeholder, to check the parts that are known."""
    return _PLACEHOLDER.sub("variable", text)


def marked(value: object) -> object:
    """Plain data, with each text that contains a placeholder as a :class:`Placeholder`."""
    if isinstance(value, str):
        return Placeholder(value) if placeholder_in(value) else value
    if isinstance(value, list):
        return [marked(item) for item in value]
    if isinstance(value, dict):
        return {key: marked(entry) for key, entry in value.items()}
    return value
