"""Words about domain controllers that several checks use."""

from __future__ import annotations

from collections.abc import Iterable

from gmsa_doctor.authoring import Row, Status, listed
from gmsa_doctor_checks.values import Endpoint

MOST = 32
"""Domain controllers that are asked one by one: a large domain has hundreds."""

NAMED = 6
"""Hosts that a sentence names at most; the rows name all."""


def how_often(bad: Iterable[str], asked: Iterable[str]) -> str:
    """How often a task asks one of the bad hosts first, if DNS rotates the order of its answer."""
    hosts = set(bad)
    some, of = len(hosts), len(hosts | set(asked))
    if some >= of:
        return "every task meets it"
    ordinals = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}
    share = f"about every {ordinals.get(of, f'{of}th')} start" if some == 1 else f"about {some} of {of} starts"
    return f"{some} of {of}: {share} asks it first, as DNS turns its answer"


def names(hosts: Iterable[str]) -> str:
    """Hosts, each once; of many the first."""
    return listed(dict.fromkeys(hosts), NAMED)


def place(endpoint: Endpoint) -> str:
    """A domain controller as a row names it."""
    return f"{endpoint.host} ({endpoint.address})"


def row(endpoint: Endpoint, text: str, *, bad: bool = False) -> Row:
    """The row of a domain controller: a warning, or well."""
    return Row(place(endpoint), Status.WARN if bad else Status.PASS, text)
