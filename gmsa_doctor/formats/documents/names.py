"""The names that Credentials Fetcher accepts: domain names, account names, the secret's user name.

Source: the code of each version of the daemon (aws/credentials-fetcher, 1.3 and 2.x).
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

REFUSED_CHARACTERS = frozenset("&:][+|;$*?<>! /\\'`~")
"""The characters that Credentials Fetcher refuses in the gMSA's name and in the secret's user name."""

SECRET_FIELD_LIMIT = 103
"""Maximum bytes of a user name or password; the daemon's own message says 256."""

SECRET_DOMAIN_LIMIT = 252
"""Maximum bytes of the secret's domainName: the daemon requires fewer than 253."""

DOMAIN_NAME_LIMIT = 253
"""Maximum characters of a domain name without its trailing dot (RFC 1123, section 2.1; RFC 1035)."""

LABEL_LIMIT = 63
"""Maximum characters of one label of a domain name (RFC 1035, section 2.3.4)."""


class AccountNameDefect(StrEnum):
    """A defect of an account name."""

    EMPTY = "empty"
    DOLLAR = "dollar"
    """It ends in ``$``, as in ``DOMAIN\\gmsa$``; the daemon itself appends the ``$``."""
    DOMAIN = "domain"
    """It contains its domain: ``DOMAIN\\name``."""
    CHARACTERS = "characters"
    """It contains refused characters, as returned by :func:`refused_characters`."""


class UserNameForm(StrEnum):
    """The form of the secret's user name. Only :attr:`BARE` gets a ticket."""

    EMPTY = "empty"
    BARE = "bare"
    """The sAMAccountName alone."""
    DOWN_LEVEL = "down-level"
    """``DOMAIN\\user``: refused."""
    WITH_COLON = "with-colon"
    """``old:new``: a blue/green rotation for 2.x on EC2; 2.x on Fargate and 1.3 refuse it."""
    UPN = "upn"
    """``user@domain``: accepted at first, then fails in Kerberos as ``user@domain@REALM``."""
    MACHINE = "machine"
    """``name$``: refused; the account of a computer or a gMSA."""
    FORBIDDEN_CHARACTER = "forbidden-character"
    """Any other of :data:`REFUSED_CHARACTERS`."""


def byte_length(text: str) -> int:
    """The length in bytes of UTF-8, as the daemon counts it."""
    return len(text.encode("utf-8", "surrogatepass"))


def domain_name_defect(text: str, *, needs_dot: bool = False, show: bool = True) -> str | None:
    """Why the daemon does not accept ``text`` as a domain name; None if it does.

    Letters, digits and hyphens in labels (RFC 1123, section 2.1), no underscore, no trailing dot. With ``needs_dot``,
    at least one dot, as daemon 2.x requires. Without ``show``, no character of ``text`` is named.
    """
    defects = {
        "it is empty": not text,
        "it contains white space": any(map(str.isspace, text)),
        "it contains a character that is not ASCII": not text.isascii(),
        "it ends in a dot": text.endswith("."),
        f"it has {len(text)} characters, more than {DOMAIN_NAME_LIMIT}": len(text) > DOMAIN_NAME_LIMIT,
    }
    found = [
        *(defect for defect, is_found in defects.items() if is_found),
        *(_label_defect(label, show) for label in text.split(".")),
    ]
    missing_dot = "it has no dot" if needs_dot and lacks_dot(text) else None
    return next(filter(None, [*found, missing_dot]), None)


def lacks_dot(text: str) -> bool:
    """Whether a domain name is a single label, which daemon 2.x refuses."""
    return "." not in text


def _label_defect(label: str, show: bool) -> str | None:
    wrong = next((char for char in label if not (char.isalnum() or char == "-")), None)
    defects = {
        "it has an empty label (two dots in a row, or one at its start)": not label,
        "it contains an underscore": "_" in label,
        f"it has a label of {len(label)} characters, more than {LABEL_LIMIT}": len(label) > LABEL_LIMIT,
        "it has a label that starts or ends with a hyphen": label.startswith("-") or label.endswith("-"),
        f"it contains {f'the character {wrong!r}' if show else 'a character that no domain name has'}": wrong
        is not None,
    }
    return next((defect for defect, found in defects.items() if found), None)


def refused_characters(text: str) -> tuple[str, ...]:
    """The characters of an account name that the daemon refuses, each once, in order."""
    return tuple(dict.fromkeys(char for char in text if char in REFUSED_CHARACTERS))


def invisible_in(text: str) -> str | None:
    """The first character that is not seen, as ``U+200B``: a format or control character, or a special space."""
    found = next((char for char in text if char != " " and unicodedata.category(char) in ("Cc", "Cf", "Zs")), None)
    return f"U+{ord(found):04X}" if found else None


def account_name_defects(text: str) -> tuple[AccountNameDefect, ...]:
    """The defects of a gMSA's name; none if the daemon accepts it.

    A trailing ``$`` or a domain before the name is not also reported as a refused character.
    """
    if not text:
        return (AccountNameDefect.EMPTY,)
    defects = []
    _, backslash, name = text.rpartition("\\")
    if backslash:
        defects.append(AccountNameDefect.DOMAIN)
    if name.endswith("$"):
        defects.append(AccountNameDefect.DOLLAR)
    if refused_characters(name.removesuffix("$")):
        defects.append(AccountNameDefect.CHARACTERS)
    return tuple(defects)


def bare_account_name(text: str) -> str:
    """The name without a domain and without ``$``, as it should be in the CredSpec."""
    return text.rpartition("\\")[2].strip().removesuffix("$")


def user_name_form(text: str) -> UserNameForm:
    """The form of the secret's user name. If several apply, the one on which the daemon fails first."""
    if not text:
        return UserNameForm.EMPTY
    forms = {"\\": UserNameForm.DOWN_LEVEL, ":": UserNameForm.WITH_COLON, "@": UserNameForm.UPN}
    for mark, form in forms.items():
        if mark in text:
            return form
    if text.endswith("$"):
        return UserNameForm.MACHINE
    return UserNameForm.FORBIDDEN_CHARACTER if refused_characters(text) else UserNameForm.BARE


def bare_user_name(text: str) -> str:
    """The probable bare name for a user name of another form: without a domain.

    For ``old:new``, the part after the first colon, which 2.x on EC2 uses.
    """
    name = text.partition(":")[2] if ":" in text else text
    return name.rpartition("\\")[2].partition("@")[0].strip()
