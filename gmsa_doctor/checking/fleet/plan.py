"""Which accounts and regions are checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial

from gmsa_doctor.checking.fleet.accounts import Accounts, NotEntered
from gmsa_doctor.checking.fleet.request import FleetRequest
from gmsa_doctor.clients.aws.organizations import Account, OrganizationAccounts
from gmsa_doctor.core.errors import ClientError, Denied, UsageError, did_you_mean
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.request import is_pattern
from gmsa_doctor.report.fleet.model import Target

ALL = "all"
"""In place of the name of a region."""


def plan(accounts: Accounts) -> tuple[Target, ...]:
    """The shards, by account and region. Raises UsageError.

    A pattern stands for the regions that each account has enabled, so that the accounts are entered to find out. If
    that is not possible, it stands for those of the own account.
    """
    request = accounts.request
    chosen = _accounts(accounts)
    wanted = request.regions or (str(accounts.aws.region),)
    own = _regions(accounts, wanted)
    patterns = [name for name in wanted if _is_pattern(name)]
    enabled = dict(each((account.id for account in chosen), partial(_enabled, accounts))) if patterns else {}
    targets = [
        Target(account.id, region, account.name)
        for account in chosen
        for region in _matching(wanted, enabled.get(account.id), own)
        if not any(fnmatchcase(region, pattern) for pattern in request.excluded_regions)
    ]
    if not targets:
        raise UsageError("no account and region to check: the options exclude all of them")
    return tuple(targets)


def _is_pattern(name: str) -> bool:
    return name == ALL or is_pattern(name)


def _matching(wanted: tuple[str, ...], enabled: object, own: dict[str, bool]) -> list[str]:
    """The regions of an account, in order."""
    known = enabled if isinstance(enabled, dict) else own
    found: dict[str, None] = {}
    for name in wanted:
        if not _is_pattern(name):
            found[name] = None
            continue
        found |= dict.fromkeys(
            region for region in sorted(known) if known[region] and (name == ALL or fnmatchcase(region, name))
        )
    return list(found)


def _enabled(accounts: Accounts, account: str) -> dict[str, bool] | None:
    """None if the account cannot be entered, or does not list its regions."""
    try:
        return accounts.regions(account)
    except (NotEntered, ClientError):
        return None


def _regions(accounts: Accounts, wanted: tuple[str, ...]) -> dict[str, bool]:
    """The regions of the own account. Raises UsageError for a region that does not exist."""
    try:
        known = accounts.regions(accounts.own)
    except ClientError as error:
        if any(map(_is_pattern, wanted)):
            raise UsageError(f"--regions: {_text(error)}") from error
        return {}
    for name in wanted:
        if name != ALL and not any(fnmatchcase(region, name) for region in known):
            raise UsageError(f"--regions {name}: no region has such a name{did_you_mean(name, known)}")
    return known


def _text(error: ClientError) -> str:
    return f"{error.text}. {error.fix.text}" if error.fix else error.text


# Accounts ---------------------------------------------------------------------------------------------


def _accounts(accounts: Accounts) -> list[Account]:
    """Active accounts only. Those that are named are taken as they are. Raises UsageError."""
    request = accounts.request
    for option, ids in (("--accounts", request.accounts), ("--excluded-accounts", request.excluded_accounts)):
        for id in ids:
            if not re.fullmatch(r"\d{12}", id, re.ASCII):
                raise UsageError(f"{option} {id}: give account ids of 12 digits")
    if request.of_organization:
        found = _of_organization(request, OrganizationAccounts(accounts.aws))
    else:
        found = [Account(id, "", True) for id in request.accounts or (accounts.own,)]
    active = {account.id: account for account in found if account.is_active}
    return [active[id] for id in sorted(active) if id not in request.excluded_accounts]


def _of_organization(request: FleetRequest, organization: OrganizationAccounts) -> list[Account]:
    try:
        if not request.units:
            return list(organization.accounts())
        return [account for unit in request.units for account in _of_unit(unit, organization)]
    except ClientError as error:
        hint = "; only the management account and delegated administrators may list accounts"
        raise UsageError(f"{_text(error)}{hint if isinstance(error, Denied) else ''}") from error


def _of_unit(unit: str, organization: OrganizationAccounts) -> Iterator[Account]:
    """The accounts in an organizational unit and in those below it."""
    yield from organization.accounts_of(unit)
    for child in organization.units_of(unit):
        yield from _of_unit(child, organization)
