"""The gMSA's password, as Credentials Fetcher reads it."""

from __future__ import annotations

from datetime import UTC, datetime

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    check,
    failed,
    passed,
    unknown,
    warned,
)
from gmsa_doctor.clients.ldap.client import LdapRefusal
from gmsa_doctor.clients.ldap.forest import RootKey, root_keys
from gmsa_doctor.formats.ad import managed_password
from gmsa_doctor.formats.ad.cmdlets import ADD_ROOT_KEY, SHOW_ROOT_KEYS
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.active_directory.gmsa import read_password
from gmsa_doctor_checks.active_directory.user_entry import utc
from gmsa_doctor_checks.directory.not_permitted import not_permitted
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaAccount, GmsaPassword

INSUFFICIENT_RIGHTS = 50
NOT_NOW = (3, 11, 51, 52)
"""timeLimitExceeded, adminLimitExceeded, busy, unavailable (RFC 4511 4.1.9): a later request may succeed."""


@check(
    "directory.managed-password",
    title="The user may retrieve the gMSA's password",
    cause=Cause.CREDENTIALS,
    docs=links.GMSA_ACCOUNTS,
    shows=(texts.NO_PASSWORD_ATTRIBUTE, texts.BLOB, texts.BLOB_BASE64, texts.CATCH_ALL),
)
def retrieve_password(
    bound: BoundDirectory,
    gmsa: GmsaAccount,
    account: Account,
    platform: Platform,
    administrator: Outcome[Administrator],
) -> Result[GmsaPassword]:
    """Reads `msDS-ManagedPassword`, as Credentials Fetcher does. If the AD does not return it, reports who may read it.

    Why: the AD returns it only to the principals in PrincipalsAllowedToRetrieveManagedPassword. For others, the
    attribute appears to be missing. A user that was just added to a group needs a new ticket.

    Fix: Add the secret's user to an allowed group, or append it to the list: `Set-ADServiceAccount` overwrites the
    whole list. If the list has one entry but used to have more, someone probably ran that command.
    """
    try:
        blob = read_password(bound.directory, gmsa.dn)
    except LdapRefusal as error:
        if error.code in NOT_NOW:
            raise
        # Samba refuses; Active Directory omits the attribute
        if not gmsa.membership or error.code == INSUFFICIENT_RIGHTS:
            return not_permitted(bound.directory, gmsa, account)
        keys = root_keys(administrator.value.directory if administrator.value else bound.directory)
        return _refused(error, gmsa, keys, datetime.now(UTC))
    if blob is None:
        return not_permitted(bound.directory, gmsa, account)
    try:
        password = managed_password.parse(blob)
    except managed_password.BlobError as error:
        return unknown(
            f"{bound.host} returned a password that cannot be decoded: {error}",
            fix=Fix(f"Check the health of {bound.host}: run dcdiag on it.", ("dcdiag",)),
        )
    value = GmsaPassword(gmsa.name, password.utf8())
    if password.has_newline and Fetcher.V1_3 in platform.fetchers:
        finding = warned(
            f"the current password of {gmsa.name} contains a newline, which breaks Credentials Fetcher 1.3 until the "
            "next rotation",
            expected="Credentials Fetcher 2.x, or the gMSA's next password",
            fix=Fix("Update Credentials Fetcher on the container instances to 2.x.", owner=Owner.AWS),
        )
        return Given(value, finding)
    return Given(value, passed(f"{account.user} may retrieve the password of {gmsa.name}"))


def _refused(error: LdapRefusal, gmsa: GmsaAccount, keys: tuple[RootKey, ...], now: datetime) -> Finding:
    late = [key.effective for key in keys if key.effective and key.effective > now]
    if "Master Root Keys" in error.server_text:
        reason, fix = "the KDS root key that generated it no longer exists", "Restore the KDS root key, or create one"
    elif late and len(late) == len(keys):
        reason, fix = f"no KDS root key is effective before {utc(min(late))}", "Wait until then, or create another key"
    else:
        reason = error.server_text or error.text
        fix = "The KDS root key is probably missing or not yet effective (see the domain controller's log). Create one"
    return failed(
        f"the domain controller cannot compute the password of {gmsa.name}: {reason}",
        observed=error.text,
        expected="msDS-ManagedPassword",
        fix=Fix(
            f"{fix}, wait ten hours until each domain controller has it, and re-create the gMSA if it has no password.",
            (SHOW_ROOT_KEYS, ADD_ROOT_KEY),
        ),
        shows_as=texts.NO_PASSWORD_ATTRIBUTE,
    )
