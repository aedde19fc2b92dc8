"""Connection strings of go-mssqldb: a URL (``sqlserver://…``), or ADO's form with ``authenticator``.

Source: msdsn/conn_str.go and integratedauth/krb5 of https://github.com/microsoft/go-mssqldb.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PLACE = re.compile(r"(?P<host>\[[^\]]+\]|[^:/]*)(:(?P<port>\d+))?(/(?P<instance>[^/]*))?")


@dataclass(frozen=True)
class GoUrl:
    """The parts of a URL; ``pairs`` have keywords in lower case. A user or password counts as ``uid``."""

    host: str
    port: str
    instance: str
    pairs: Mapping[str, str]


def read_url(rest: str) -> GoUrl | None:
    """``[user[:password]@]host[:port][/instance][?keyword=value&…]``; None if it has another form."""
    from urllib.parse import parse_qsl, unquote

    place, _, query = rest.partition("?")
    user, _, place = place.rpartition("@")
    match = _PLACE.fullmatch(place)
    if match is None or not match["host"] or "@" in query:
        return None
    pairs = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
    if unquote(user).strip(":"):
        pairs["uid"] = "given"
    return GoUrl(match["host"], match["port"] or pairs.get("port", ""), match["instance"] or "", pairs)


def uses_ticket(pairs: Mapping[str, str]) -> bool:
    """Whether the driver's Kerberos authenticator is chosen."""
    return pairs.get("authenticator", "").lower() == "krb5"
