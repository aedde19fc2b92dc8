"""Names in the commands of a fix: whatever they hold, what is pasted names them and does nothing else.

Names come from AWS, AD, DNS and files. Each is quoted where it is put into a command; so are the `<placeholders>` that
a person replaces, which a shell would take for redirections.
"""

from __future__ import annotations

import re
import shlex

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./\\:-]*")
"""What PowerShell takes as one text without quotes; a leading digit could make it a number, a dash an option."""

_SINGLE_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""All of these end a PowerShell text in single quotes, unless doubled. Source: about_Quoting_Rules and, for the
typographic ones, EscapeSingleQuotedStringContent in System.Management.Automation.Language.CodeGeneration."""


def posix(text: str) -> str:
    """``text`` as one word of a POSIX shell's command (aws, dig, jq, nc, gmsa-doctor)."""
    return shlex.quote(text)


def powershell(text: str) -> str:
    """``text`` as one argument of a PowerShell command, where ``$`` and a backtick say nothing."""
    if _PLAIN.fullmatch(text):
        return text
    return "'" + _SINGLE_QUOTES.sub(r"\g<0>\g<0>", text) + "'"


def put_secret(arn: str) -> str:
    """The command that puts a new text into a secret."""
    return f"aws secretsmanager put-secret-value --secret-id {posix(arn)} --secret-string file://secret.json"
