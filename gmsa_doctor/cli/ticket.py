"""``gmsa-doctor ticket``: a health check for containers that have credentialSpecs themselves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gmsa_doctor.cli.app import command
from gmsa_doctor.cli.options import number
from gmsa_doctor.cli.process import guarded, print_, require_stdout
from gmsa_doctor.clients.kerberos.ticket_cache import (
    DEFAULT,
    VARIABLE,
    BrokenCache,
    CacheFile,
    NoCache,
    Owner,
    TicketCache,
    UnreadableCache,
    UnsupportedCache,
)
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.core.printable import json_document
from gmsa_doctor.formats.documents.names import account_name_defects, domain_name_defect

MINUTES = 15
"""Credentials Fetcher looks every 10 minutes, and renews what is valid for an hour or less; domainless tickets
are renewed by the ECS agent on EC2, and by Fargate. A ticket with less than this has missed renewals: what is left is
for the task's replacement to start."""
_POLL_SECONDS = 1.0
_STALE = "Credentials Fetcher has stopped renewing it (mostly the secret's password is no longer the user's)"

_HELP = """\
Check the container's own ticket: a health check.

For a container that has credentialSpecs itself. Checks that the ticket cache of Credentials Fetcher exists, that this
user can read it, and that its TGT is valid for a while. Requires no network and no Kerberos library. Prints one line of
JSON. Exit codes: 0 valid, 1 not valid, 2 usage, 130 interrupted.
"""
_EXAMPLES = """\
gmsa-doctor ticket --principal 'webapp01$@CORP.EXAMPLE'
gmsa-doctor ticket --wait 60 && exec my-application

In the task definition (without a shell, which would expand $@):
"healthCheck": {
  "command": ["CMD", "gmsa-doctor", "ticket", "--principal", "webapp01$@CORP.EXAMPLE"],
  "interval": 60, "timeout": 10, "retries": 3, "startPeriod": 60
}
"""


@dataclass(frozen=True)
class ExpectedPrincipal:
    """The principal that the ticket must be of."""

    name: str
    realm: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.realm}" if self.realm else self.name


@dataclass(frozen=True)
class TicketAnswer:
    """The line that is printed. ``reason`` is a word for programs; what is not known is None."""

    ok: bool
    reason: str
    message: str
    cache: str
    principal: str | None = None
    expires: str | None = None
    minutes_left: int | None = None
    renewable_until: str | None = None
    enctype: str | None = None
    user: int = field(default_factory=os.geteuid)
    owner: int | None = None
    group: int | None = None
    mode: str | None = None

    def line(self) -> str:
        """As JSON, in ASCII: principals may hold anything."""
        return json_document(vars(self), indent=None, ascii=True)


@command("ticket", help=_HELP, examples=_EXAMPLES)
def ticket(
    principal: Annotated[
        str | None,
        typer.Option(metavar="NAME[$][@REALM]", help="The gMSA that the ticket must belong to; case-insensitive."),
    ] = None,
    minutes: Annotated[
        int,
        typer.Option(parser=number(0, 10_080, int), metavar="N", help="Minutes that the ticket must still be valid."),
    ] = MINUTES,
    wait: Annotated[
        float,
        typer.Option(parser=number(0, 3600), metavar="SECONDS", help="How long to wait for a valid ticket, at most."),
    ] = 0,
    cache: Annotated[
        str | None,
        typer.Option(metavar="PATH", help=f"The ticket cache, instead of the one in {VARIABLE}, or {DEFAULT}."),
    ] = None,
) -> None:
    """Check the container's own ticket; ``_HELP`` is what users see."""

    def look() -> ExitCode:
        wanted = None if principal is None else _wanted(principal)
        where = _cache(cache)
        require_stdout()
        answer = _waited(lambda: _look(where, wanted, minutes), wait)
        print_(answer.line())
        return ExitCode.PASS if answer.ok else ExitCode.FAIL

    guarded(look)


def _wanted(text: str) -> ExpectedPrincipal:
    """Raises UsageError for what can be no gMSA's principal.

    The ``$`` may be missing: each gMSA's name ends in one, and shells are quick to swallow it.
    """
    name, at, realm = text.partition("@")
    bare = name.removesuffix("$")
    if account_name_defects(bare) or (at and domain_name_defect(realm)):
        raise UsageError(f"--principal {text}: give the gMSA's name and realm, such as 'webapp01$@CORP.EXAMPLE'")
    return ExpectedPrincipal(f"{bare}$", realm or None)


def _cache(name: str | None) -> TicketCache:
    """Raises UsageError for a cache that is in no file."""
    if name == "":
        raise UsageError("--cache: give the path of a ticket cache")
    cache = TicketCache(name)
    try:
        cache.path  # noqa: B018 - so that a wrong name is told before any waiting
    except UnsupportedCache as error:
        source = "--cache" if name else VARIABLE
        raise UsageError(f"{source} {cache.name}: {error.text}") from error
    return cache


def _waited(look: Callable[[], TicketAnswer], seconds: float) -> TicketAnswer:
    """The first good answer, or the last one when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        left = deadline - time.monotonic()
        if answer.ok or left <= 0:
            return answer
        time.sleep(min(left, _POLL_SECONDS))


def _look(cache: TicketCache, wanted: ExpectedPrincipal | None, minutes: int) -> TicketAnswer:
    try:
        found = cache.read()
    except NoCache as error:
        return TicketAnswer(False, "no-cache", f"{error.text}; {_why_no_cache(error)}", error.path)
    except UnreadableCache as error:
        message = f"{error.text}; the cache that Credentials Fetcher makes is root's: run the container as root"
        return _owned(TicketAnswer(False, "unreadable", message, error.path), error.owner)
    except BrokenCache as error:
        return _owned(TicketAnswer(False, "broken-cache", error.text, error.path), error.owner)
    return judge(found, wanted, minutes, datetime.now(UTC))


def _why_no_cache(error: NoCache) -> str:
    if error.default_exists:
        return f"Credentials Fetcher's is {DEFAULT}: set {VARIABLE} to that"
    if error.path != DEFAULT:
        return f"Credentials Fetcher's would be {DEFAULT}"
    return "Credentials Fetcher has put none there: does the task definition give this container credentialSpecs?"


def judge(found: CacheFile, wanted: ExpectedPrincipal | None, minutes: int, now: datetime) -> TicketAnswer:
    """What is to be said of a cache that could be read."""
    principal, tgt = found.content.principal, found.content.tgt
    answer = _owned(TicketAnswer(False, "no-tgt", "", found.path, str(principal)), found.owner)
    if tgt is not None:
        left = found.content.left(tgt, now) // timedelta(minutes=1)
        answer = replace(
            answer,
            expires=_iso(tgt.end),
            minutes_left=left,
            renewable_until=_iso(tgt.renew_till) if tgt.renew_till else None,
            enctype=tgt.enctype_name,
        )
    if wanted and not principal.is_account(wanted.name, wanted.realm):
        return replace(answer, reason="wrong-principal", message=f"the ticket cache is of {principal}, not of {wanted}")
    if tgt is None:
        return replace(answer, message=f"the ticket cache of {principal} holds no TGT of its realm")
    if found.content.left(tgt, now) <= timedelta(0):
        return replace(answer, reason="expired", message=f"{principal}'s ticket expired at {_iso(tgt.end)}: {_STALE}")
    if left < minutes:
        message = f"{principal}'s ticket is good for {left} more minutes, which is less than {minutes}: {_STALE}"
        return replace(answer, reason="expires-soon", message=message)
    message = f"{principal} has a ticket that is good until {_iso(tgt.end)}"
    return replace(answer, ok=True, reason="good", message=message)


def _owned(answer: TicketAnswer, owner: Owner | None) -> TicketAnswer:
    if owner is None:
        return answer
    return replace(answer, owner=owner.user, group=owner.group, mode=owner.mode_text)


def _iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
