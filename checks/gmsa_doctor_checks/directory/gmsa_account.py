"""The gMSA in the AD: looked for as Credentials Fetcher does, and why it is not found."""

from __future__ import annotations

import difflib
from functools import partial

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Outcome, Result, check, failed, passed
from gmsa_doctor.clients.ldap.client import Directory, Entry, LdapRefusal, escape_filter
from gmsa_doctor.clients.ldap.forest import partitions
from gmsa_doctor.formats.ad import filetime, guid
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.gmsa import GMSA_CLASS
from gmsa_doctor_checks.active_directory.user_entry import Administrator
from gmsa_doctor_checks.commands import powershell, put_secret
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaAccount, GmsaName, GmsaNames

NAMES_NOTHING = {10: "it is of another domain", 32: "noSuchObject", 34: "invalidDNSyntax"}
"""Results of a search below a DN that the domain does not have (RFC 4511 4.1.9); 10 is a referral."""
MOST_NAMES = 8
"""So many gMSAs are named where the one that is looked for is not there."""
_ATTRIBUTES = (
    "objectClass",
    "sAMAccountName",
    "userAccountControl",
    "msDS-GroupMSAMembership",
    "msDS-ManagedPasswordId",
    "msDS-ManagedPasswordInterval",
    "msDS-SupportedEncryptionTypes",
    "dNSHostName",
    "pwdLastSet",
)


_unusable = partial(failed, shows_as=texts.NO_PASSWORD_ATTRIBUTE)


@check(
    "directory.gmsa-account",
    title="The gMSA exists, is enabled, and is found",
    cause=Cause.CREDENTIALS,
    docs=links.GMSA_ACCOUNTS,
    shows=(texts.NO_PASSWORD_ATTRIBUTE, texts.GMSA_TICKET, texts.BLOB, texts.NO_DC_ANSWERS, texts.CATCH_ALL),
)
def gmsa_account(
    bound: BoundDirectory, names: GmsaNames, account: Account, administrator: Outcome[Administrator]
) -> Result[GmsaAccount]:
    """Looks for the gMSA as Credentials Fetcher does: by `(CN=<name>)`, and takes the first hit.

    If the secret has a `distinguishedName`, it looks below that DN instead.

    Why: the first hit counts, whatever it is: a user or group of that name in another OU hides the gMSA. The ticket is
    then asked for `<name>$`, so CN and sAMAccountName must agree.

    Fix: name the gMSA as the AD does; put its `distinguishedName` into the secret if another object has its name.
    """
    name, dn = names.gmsa, account.distinguished_name
    if dn:
        return _at_dn(bound.directory, dn, name)
    entries = bound.directory.search(account.domain.base_dn, f"(CN={escape_filter(name.text)})", _ATTRIBUTES)
    if not entries:
        return _not_found(bound.directory, account, name, administrator.value)
    first, gmsa = entries[0], next(filter(_is_gmsa, entries), None)
    if gmsa is None:
        return _no_gmsa(first, name)
    return _judge(gmsa, name) if gmsa is first else _hidden(first, gmsa, account)


def _at_dn(directory: Directory, dn: str, name: GmsaName) -> Result[GmsaAccount]:
    try:
        entries = directory.search(dn, f"(objectClass={GMSA_CLASS})", _ATTRIBUTES)
    except LdapRefusal as error:
        if error.code not in NAMES_NOTHING:
            raise
        return _wrong_dn(f"the secret's distinguishedName names nothing: {NAMES_NOTHING[error.code]}", dn, name)
    if not entries:
        return _wrong_dn("no gMSA is at or below the secret's distinguishedName", dn, name)
    if len(entries) > 1:
        return _wrong_dn(
            f"the secret's distinguishedName holds {len(entries)} gMSAs; Credentials Fetcher takes the first",
            ", ".join(entry.dn for entry in entries),
            name,
        )
    sam = entries[0].text("sAMAccountName")
    if (sam or "").lower() != f"{name.text}$".lower():
        summary = f"the secret's distinguishedName is that of {sam}, not of {name.text}$"
        return _wrong_dn(summary, entries[0].dn, name)
    return _judge(entries[0], name)


def _wrong_dn(summary: str, observed: str, name: GmsaName) -> Finding:
    return _unusable(
        summary,
        observed=observed,
        expected=f"the DN of the gMSA {name.text} itself",
        fix=Fix(
            "Set distinguishedName in the secret to the gMSA's own DN, or leave it out.",
            (f"Get-ADServiceAccount {powershell(name.text)} | Select-Object DistinguishedName",),
        ),
    )


def _not_found(directory: Directory, account: Account, name: GmsaName, administrator: Administrator | None) -> Finding:
    """Nothing has that CN. An account of that name under another CN is worth telling, and one that was deleted."""
    base = account.domain.base_dn
    renamed = directory.search(base, f"(sAMAccountName={escape_filter(name.text)}$)", ("objectClass", "sAMAccountName"))
    if renamed:
        return _other_cn(renamed[0], name)
    deleted = _deleted(administrator.directory if administrator else directory, base, name)
    if deleted:
        return _was_deleted(deleted, name)
    names = _gmsa_names(directory, base)
    near = difflib.get_close_matches(name.text, names, n=1)
    domains = _other_domains(directory, base)
    also = f"; the forest has also {', '.join(domains)}, where Credentials Fetcher does not look" if domains else ""
    return _unusable(
        f"there is no gMSA {name.text} in {account.domain.text}" + (f"; there is {near[0]}" if near else "") + also,
        observed=f"nothing for (CN={name.text}) below {account.domain.base_dn}; gMSAs that {account.user} can see: "
        + (", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "") or "none"),
        expected=f"a gMSA whose CN is {name.text}",
        fix=Fix(
            "Name the gMSA in the CredSpec as the AD does, or make it (a KDS root key must be in effect); in another "
            "domain of the forest, let the secret name a user of that domain.",
            (
                "Get-ADServiceAccount -Filter * | Select-Object Name,SamAccountName,Enabled",
                "Get-KdsRootKey | Select-Object KeyId,EffectiveTime",
            ),
        ),
    )


def _gmsa_names(directory: Directory, base: str) -> list[str]:
    """The CNs of the domain's gMSAs; none where there are more than the server gives in one answer."""
    try:
        entries = directory.search(base, f"(objectClass={GMSA_CLASS})", ("cn",))
    except LdapRefusal:
        return []
    return sorted(entry.text("cn") or entry.dn for entry in entries)


def _other_cn(entry: Entry, name: GmsaName) -> Finding:
    return _unusable(
        f"the CN of {name.text}$ is another one; Credentials Fetcher looks for (CN={name.text}) and finds nothing",
        observed=entry.dn,
        expected=f"CN={name.text},…",
        fix=Fix(
            "Put the gMSA's DN into the secret as distinguishedName, or rename the gMSA.",
            (f"Rename-ADObject -Identity {powershell(entry.dn)} -NewName {powershell(name.text)}",),
        ),
    )


def _deleted(directory: Directory, base: str, name: GmsaName) -> Entry | None:
    """The gMSA that was deleted last, of those that are shown: to administrators, as a rule.

    Source: MS-ADTS 3.1.1.3.4.1.14.
    """
    query = f"(&(isDeleted=TRUE)(sAMAccountName={escape_filter(name.text)}$))"
    attributes = ("objectGUID", "lastKnownParent", "whenChanged")
    try:
        entries = directory.search(f"CN=Deleted Objects,{base}", query, attributes, deleted=True)
    except LdapRefusal:
        return None
    return max(entries, key=lambda entry: entry.text("whenChanged") or "", default=None)


def _was_deleted(entry: Entry, name: GmsaName) -> Finding:
    when = entry.text("whenChanged") or ""
    at = f" on {when[:4]}-{when[4:6]}-{when[6:8]}" if when[:8].isdigit() and len(when) >= 8 else ""
    identity = powershell(guid.parse(entry.first("objectGUID")) or entry.dn)
    return _unusable(
        f"the gMSA {name.text} was deleted{at}",
        observed=f"among the deleted objects, from {entry.text('lastKnownParent') or 'an unknown place'}",
        expected=f"a gMSA whose CN is {name.text}",
        fix=Fix(
            "Restore it from the recycle bin of the AD, or make it anew with the principals that may retrieve its "
            "password.",
            (f"Restore-ADObject -Identity {identity}", _new_gmsa(name)),
        ),
    )


def _other_domains(directory: Directory, base: str) -> tuple[str, ...]:
    """The other domains of the forest, as its partitions tell (MS-ADTS 6.1.1.2.1.1)."""
    try:
        found = partitions(directory)
    except LdapRefusal:
        return ()
    return tuple(partition.dns_name for partition in found if partition.dn.lower() != base.lower())


def _hidden(first: Entry, gmsa: Entry, account: Account) -> Finding:
    return _unusable(
        f"another object of the same CN is found before the gMSA: {first.dn} ({_kind(first)})",
        observed=first.dn,
        expected=gmsa.dn,
        fix=Fix(
            f'Put "distinguishedName": "{gmsa.dn}" into the secret, or rename the other object.',
            (put_secret(account.arn),),
        ),
    )


def _no_gmsa(entry: Entry, name: GmsaName) -> Finding:
    return _unusable(
        f"{name.text} is no gMSA but a {_kind(entry)}",
        observed=entry.dn,
        expected=f"an object of the class {GMSA_CLASS}",
        fix=Fix(
            "Name a gMSA in the CredSpec, or make one (the KDS root key must be 10 hours old).", (_new_gmsa(name),)
        ),
    )


def _new_gmsa(name: GmsaName) -> str:
    return (
        f"New-ADServiceAccount -Name {powershell(name.text)} -DnsHostName {powershell('<host>')} "
        f"-PrincipalsAllowedToRetrieveManagedPassword {powershell('<group>')}"
    )


def _judge(entry: Entry, name: GmsaName) -> Result[GmsaAccount]:
    sam = entry.text("sAMAccountName") or ""
    if sam.lower() != f"{name.text}$".lower():
        return failed(
            f"the sAMAccountName of {entry.dn} is {sam}; the ticket will be asked for {name.text}$",
            observed=sam,
            expected=f"{name.text}$",
            fix=Fix(f"Give the gMSA the CN {sam.removesuffix('$')}, and write that name into the CredSpec."),
            shows_as=texts.GMSA_TICKET,
        )
    if (filetime.number(entry.text("userAccountControl")) or 0) & Control.ACCOUNTDISABLE:
        return failed(
            f"the gMSA {name.text} is disabled",
            observed=f"userAccountControl {entry.text('userAccountControl')}",
            expected="an enabled gMSA",
            fix=Fix("Enable it.", (f"Set-ADServiceAccount -Identity {powershell(name.text)} -Enabled $true",)),
            shows_as=texts.GMSA_TICKET,
        )
    return Given(
        GmsaAccount(
            entry.dn,
            sam,
            entry.first("msDS-GroupMSAMembership"),
            host=entry.text("dNSHostName"),
            encryption_types=filetime.number(entry.text("msDS-SupportedEncryptionTypes")),
            password_set=filetime.number(entry.text("pwdLastSet")),
            interval_days=filetime.number(entry.text("msDS-ManagedPasswordInterval")),
            password_id=entry.first("msDS-ManagedPasswordId"),
        ),
        passed(entry.dn),
    )


def _is_gmsa(entry: Entry) -> bool:
    return GMSA_CLASS.lower() in (name.lower() for name in entry.texts("objectClass"))


def _kind(entry: Entry) -> str:
    """The most special class: the last one, as the AD lists them."""
    return (entry.texts("objectClass") or ("object",))[-1]
