"""Quotes names in commands, so that a pasted command names exactly the thing and does nothing else.

Names come from AWS, AD, DNS and files. `<placeholders>` are quoted too: a shell would treat them as redirections.
"""

from __future__ import annotations

import re
import shlex

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./\\:-]*")
"""What PowerShell reads as one string without quotes; a leading digit could make it a number, a dash an option."""

_SINGLE_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""All of these end a single-quoted PowerShell string, unless doubled. Source: about_Quoting_Rules and, for the
typographic ones, EscapeSingleQuotedStringContent in System.Management.Automation.Language.CodeGeneration."""


def posix(text: str) -> str:
    """``text`` as one word of a POSIX shell command (aws, dig, jq, nc, gmsa-doctor)."""
    return shlex.quote(text)


def powershell(text: str) -> str:
    """``text`` as one argument of a PowerShell command, in which ``$`` and backticks have no effect."""
    if _PLAIN.fullmatch(text):
        return text
    return powershell_string(text)


def powershell_string(text: str) -> str:
    """``text`` as a string in an expression of PowerShell, where a word without quotes is a command."""
    return "'" + _SINGLE_QUOTES.sub(r"\g<0>\g<0>", text) + "'"
