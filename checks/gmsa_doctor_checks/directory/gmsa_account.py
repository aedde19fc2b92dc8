"""The gMSA in the AD: found as Credentials Fetcher finds it, or why it is not found."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Status,
    check,
    failed,
    listed,
    passed,
)
from gmsa_doctor.clients.ldap.client import Directory, Entry, LdapRefusal, escape_filter
from gmsa_doctor.clients.ldap.domain import GMSA_CLASS, gmsa_names
from gmsa_doctor.clients.ldap.forest import partitions
from gmsa_doctor.formats.ad import filetime, guid
from gmsa_doctor.formats.ad.cmdlets import new_gmsa
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor.formats.aws.ecs_config import DISTINGUISHED_NAME, EcsConfig
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.active_directory.gmsa import read_password
from gmsa_doctor_checks.active_directory.user_entry import kind
from gmsa_doctor_checks.commands import edit_secret, powershell
from gmsa_doctor_checks.fetcher_settings import EDIT, overrides, quoted
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaAccount, GmsaName, GmsaNames
from gmsa_doctor_checks.versions import judge_by_version

T = TypeVar("T")

_IN_SECRET = "the secret's distinguishedName"
NO_SUCH_DN = {10: "it belongs to another domain", 32: "noSuchObject", 34: "invalidDNSyntax"}
"""Results of a search below a DN that the domain does not have (RFC 4511 4.1.9); 10 is a referral."""
MOST_NAMES = 8
"""How many existing gMSAs are listed if the wanted one does not exist."""
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
    "whenChanged",
)

_unusable = partial(failed, shows_as=texts.NO_PASSWORD_ATTRIBUTE)


@check(
    "directory.gmsa-account",
    title="The gMSA exists, is enabled and can be found",
    cause=Cause.CREDENTIALS,
    docs=links.GMSA_ACCOUNTS,
    shows=(texts.NO_PASSWORD_ATTRIBUTE, texts.GMSA_TICKET, texts.BLOB, texts.NO_DC_ANSWERS, texts.CATCH_ALL),
)
def gmsa_account(
    bound: BoundDirectory,
    names: GmsaNames,
    account: Account,
    administrator: Outcome[Administrator],
    platform: Platform,
    config: EcsConfig,
) -> Result[GmsaAccount]:
    """Searches for the gMSA as Credentials Fetcher does: by `(CN=<name>)`, using the first object found.

    If the secret has a `distinguishedName`, it searches at and below that DN instead. On EC2,
    `CF_GMSA_DISTINGUISHED_NAME` in `ecs.config` (`--ecs-config`) takes precedence over the secret's.

    Why: the first object found is used, whatever it is: a user or group with that name in another OU hides the gMSA.
    The ticket is then requested for `<name>$`, so CN and sAMAccountName must match.

    Fix: Use the gMSA's name as it is in the AD. If another object has that name, put the gMSA's `distinguishedName`
    into the secret.
    """
    override = overrides(config, platform).distinguished_name
    if deferred := quoted(override):
        return deferred
    account = replace(account, distinguished_name=override or account.distinguished_name)
    source = f"{DISTINGUISHED_NAME} in ecs.config" if override else _IN_SECRET
    found = _find(bound.directory, names.gmsa, account, administrator.value, source, platform)
    return _in_a_shell(found, account, platform) if isinstance(found, Given) else found


def _find(
    directory: Directory,
    name: GmsaName,
    account: Account,
    administrator: Administrator | None,
    source: str,
    platform: Platform,
) -> Result[GmsaAccount]:
    dn = account.distinguished_name
    if dn:
        return _at_dn(directory, dn, name, account, source, platform)
    entries = directory.search(account.domain.base_dn, f"(CN={escape_filter(name.text)})", _ATTRIBUTES)
    if not entries:
        return _not_found(directory, account, name, administrator)
    first = entries[0]
    gmsa = next((entry for entry in entries if GMSA_CLASS.lower() in map(str.lower, entry.texts("objectClass"))), None)
    if gmsa is None:
        return _unusable(
            f"{name.text} is not a gMSA but a {kind(first)}",
            observed=first.dn,
            expected=f"an object of the class {GMSA_CLASS}",
            fix=Fix(
                "Developer: set the name of an existing gMSA in the CredSpec. Or, if there is none, AD administrator: "
                "create one under another name (command 1); the KDS root key must be 10 hours old.",
                (new_gmsa("<name>", "<host>", "<group>"),),
            ),
        )
    return _judge(gmsa, name) if gmsa is first else _hidden(first, gmsa, account)


def _in_a_shell(found: Given[GmsaAccount], account: Account, platform: Platform) -> Result[GmsaAccount]:
    """What ldapsearch and the shell make of the DN.

    ldapsearch prints a DN that is not ASCII in base64 (``distinguishedName::``, RFC 2849), in which neither generation
    finds it (find_dn of common/util.hpp in 1.3, extractDistinguishedName of internal/auth/ldap/ldap_client.go in 2.x);
    a DN from the secret is not printed. 1.3 puts the DN into apostrophes in a shell command (execute_ldapsearch).
    """
    dn = found.value.dn
    if not account.distinguished_name and not dn.isascii():
        return _unusable(
            f"the DN of the gMSA is not ASCII: ldapsearch prints it in base64, so Credentials Fetcher finds none: {dn}",
            observed=dn,
            expected="a DN of ASCII characters, or the DN in the secret",
            fix=Fix(
                f'Add "distinguishedName": "{dn}" to the JSON of the secret (commands). On EC2, the role of the '
                "container instances must be allowed to read the secret (instance-role.secret).",
                edit_secret(account.arn),
                owner=Owner.AWS,
            ),
        )
    if "'" in dn:
        move = f"Move-ADObject -Identity {powershell(dn)} -TargetPath {powershell('<DN of another container>')}"
        failure = _unusable(
            f"the DN of the gMSA contains an apostrophe, which ends the argument in 1.3's shell command: {dn}",
            observed=dn,
            expected="a DN without an apostrophe, or Credentials Fetcher 2.x",
            fix=Fix("Move the gMSA to a container without an apostrophe in its name.", (move,)),
        )
        if Fetcher.V1_3 in platform.fetchers:
            finding = judge_by_version(failure, frozenset({Fetcher.V1_3}), platform)
            return finding if finding.status is Status.FAIL else Given(found.value, finding)
    return found


def _at_dn(
    directory: Directory, dn: str, name: GmsaName, account: Account, source: str, platform: Platform
) -> Result[GmsaAccount]:
    try:
        entries = directory.search(dn, f"(objectClass={GMSA_CLASS})", _ATTRIBUTES)
    except LdapRefusal as error:
        if error.code not in NO_SUCH_DN:
            raise
        entries, problem = (), f"does not exist: {NO_SUCH_DN[error.code]}"
    else:
        problem = "has no gMSA at or below it"
    used = _used_of(directory, entries, name)
    if used:
        sam = _sam(used, name)
        if sam.lower() == f"{name.text}$".lower():
            result = _judge(used, name)
            if len(entries) > 1 and isinstance(result, Given):
                finding = _among(entries, name, source, account, platform)
                return finding if finding.status is Status.FAIL else Given(result.value, finding)
            return result
        problem = f"belongs to {sam}, not to {name.text}$"
        if len(entries) > 1:
            problem = f"contains {len(entries)} gMSAs; Credentials Fetcher uses the password of the first, {sam}"
    return _unusable(
        f"{source} {problem}",
        observed=", ".join(entry.dn for entry in entries) or "nothing at that DN",
        expected=f"the DN of the gMSA {name.text} itself",
        fix=Fix(
            "Set distinguishedName in the secret to the gMSA's own DN, or remove it from the secret."
            if source == _IN_SECRET
            else f"Set {source} to the gMSA's own DN, or remove it, and restart Credentials Fetcher.",
            (
                f"Get-ADServiceAccount {powershell(name.text)} | Select-Object DistinguishedName",
                *(edit_secret(account.arn) if source == _IN_SECRET else EDIT),
            ),
            owner=Owner.AWS,
        ),
    )


def _among(entries: tuple[Entry, ...], name: GmsaName, source: str, account: Account, platform: Platform) -> Finding:
    """2.x decodes all that follows the password in ldapsearch's output, also further entries, and fails on these."""
    is_last = _sam(entries[-1], name).lower() == f"{name.text}$".lower()
    failure = _unusable(
        f"{source} contains {len(entries)} gMSAs, so that further entries follow the password of {name.text}",
        observed=", ".join(entry.dn for entry in entries),
        expected=f"the DN of the gMSA {name.text} itself",
        fix=Fix(
            f"Set {source} to the gMSA's own DN.",
            edit_secret(account.arn) if source == _IN_SECRET else EDIT,
            owner=Owner.AWS,
        ),
    )
    if not is_last:
        return judge_by_version(failure, frozenset({Fetcher.V2}), platform)
    summary = (
        f"{source} contains {len(entries)} gMSAs; it works only while {name.text} is the only one of them whose "
        f"password {account.user} may read. With 2.x, the domain controller must also return {name.text} last"
    )
    return replace(failure.to_warning(), summary=summary, shows_as=None)


def _used_of(directory: Directory, entries: tuple[Entry, ...], name: GmsaName) -> Entry | None:
    """The gMSA of the search whose password Credentials Fetcher uses: the first one with a password for this user.

    Both versions look for the first `msDS-ManagedPassword::` in ldapsearch's output (find_password of common/util.hpp,
    extractManagedPassword of internal/auth/ldap). If none has one, it is the CredSpec's, whose permission is then
    checked.
    """
    if len(entries) <= 1:
        return entries[0] if entries else None
    shown = (entry for entry in entries if _has_password(directory, entry))
    own = (entry for entry in entries if _sam(entry, name).lower() == f"{name.text}$".lower())
    return next(shown, None) or next(own, entries[0])


def _has_password(directory: Directory, entry: Entry) -> bool:
    try:
        return read_password(directory, entry.dn) is not None
    except LdapRefusal:
        return False


def _sam(entry: Entry, name: GmsaName) -> str:
    """The sAMAccountName. If the AD hides it from the user, the name that the CredSpec has."""
    return entry.text("sAMAccountName") or f"{name.text}$"


def _not_found(directory: Directory, account: Account, name: GmsaName, administrator: Administrator | None) -> Finding:
    """Why no object has that CN: the gMSA has another CN, was deleted, or never existed."""
    base, sam = account.domain.base_dn, f"(sAMAccountName={escape_filter(name.text)}$)"
    renamed = directory.search(base, sam, ("objectClass", "sAMAccountName"))
    if renamed:
        return _other_cn(renamed[0], name)
    reader = administrator.directory if administrator else directory
    # usually only administrators see deleted objects (MS-ADTS 3.1.1.3.4.1.14)
    deleted_objects, query = f"CN=Deleted Objects,{base}", f"(&(isDeleted=TRUE){sam})"
    attributes = ("objectGUID", "lastKnownParent", "whenChanged")
    deleted = _readable(lambda: reader.search(deleted_objects, query, attributes, deleted=True))
    if deleted:
        return _was_deleted(max(deleted, key=lambda entry: entry.text("whenChanged") or ""), name)
    names = _readable(lambda: gmsa_names(directory, base))
    close = difflib.get_close_matches(name.text, names, n=1)
    similar = f"; a similar name is {close[0]}" if close else ""
    forest = _readable(lambda: partitions(directory))  # MS-ADTS 6.1.1.2.1.1
    others = ", ".join(domain.dns_name for domain in forest if domain.dn.lower() != base.lower())
    also = f"; Credentials Fetcher does not search the forest's other domains: {others}" if others else ""
    right = close[0] if close else "a name from the list"
    elsewhere = f" c) If it is in {others}, put a user of that domain into the secret." if others else ""
    return _unusable(
        f"{account.user}, the user in the secret, finds no gMSA {name.text} in {account.domain.text}{similar}{also}",
        observed=f"a search for (CN={name.text}) below {base} finds nothing; gMSAs that "
        f"{account.user} can see: " + (listed(list(dict.fromkeys([*close, *names])), MOST_NAMES) or "none"),
        expected=f"a gMSA whose CN is {name.text}",
        fix=Fix(
            f"1. AD administrator: list all gMSAs (command 1). If {name.text} is in the column Name, give "
            f"{account.user} the right to read that object. 2. Otherwise choose one: a) If {name.text} is a typing "
            f"error, developer: set {right} as the gMSA's name in the CredSpec, and upload it. b) If {name.text} is "
            "meant, AD administrator: check that a KDS root key is effective (command 2). Without one, run "
            "Add-KdsRootKey -EffectiveImmediately, and wait 10 hours. Then create the gMSA for a group that the "
            f"secret's user is in (command 3).{elsewhere}",
            (
                "Get-ADServiceAccount -Filter * | Select-Object Name,SamAccountName,Enabled",
                "Get-KdsRootKey | Select-Object KeyId,EffectiveTime",
                new_gmsa(name.text, f"{name.text}.{account.domain.text}", "<group>"),
            ),
            owner=Owner.DEVELOPER if similar else None,
        ),
    )


def _readable(read: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
    """The objects, or none if the AD refuses to list them, for example if there are too many for one answer."""
    try:
        return read()
    except LdapRefusal:
        return ()


def _other_cn(entry: Entry, name: GmsaName) -> Finding:
    return _unusable(
        f"{name.text}$ has another CN; Credentials Fetcher searches for (CN={name.text}) and finds nothing",
        observed=entry.dn,
        expected=f"CN={name.text},…",
        fix=Fix(
            "Rename the gMSA, or put its DN into the secret as distinguishedName.",
            (f"Rename-ADObject -Identity {powershell(entry.dn)} -NewName {powershell(name.text)}",),
        ),
    )


def _was_deleted(entry: Entry, name: GmsaName) -> Finding:
    when = entry.text("whenChanged") or ""
    on = f" on {when[:4]}-{when[4:6]}-{when[6:8]}" if when[:8].isdigit() and len(when) >= 8 else ""
    identity = powershell(guid.parse(entry.first("objectGUID")) or entry.dn)
    return _unusable(
        f"the gMSA {name.text} was deleted{on}",
        observed=f"a deleted object, last in {entry.text('lastKnownParent') or 'an unknown container'}",
        expected=f"a gMSA whose CN is {name.text}",
        fix=Fix(
            "Restore it from the Active Directory Recycle Bin. If that is not enabled, re-create the gMSA with "
            "New-ADServiceAccount, with the principals that may retrieve its password.",
            (f"Restore-ADObject -Identity {identity}",),
        ),
    )


def _hidden(first: Entry, gmsa: Entry, account: Account) -> Finding:
    return _unusable(
        f"another object with the same CN is found before the gMSA: {first.dn} ({kind(first)})",
        observed=first.dn,
        expected=gmsa.dn,
        fix=Fix(
            f'Add "distinguishedName": "{gmsa.dn}" to the JSON of the secret, or rename the other object.',
            edit_secret(account.arn),
            owner=Owner.AWS,
        ),
    )


def _judge(entry: Entry, name: GmsaName) -> Result[GmsaAccount]:
    sam = _sam(entry, name)
    if sam.lower() != f"{name.text}$".lower():
        cn = sam.removesuffix("$")
        return failed(
            f"the sAMAccountName of {entry.dn} is {sam}, but the ticket is requested for {name.text}$",
            observed=sam,
            expected=f"{name.text}$",
            fix=Fix(
                f"Change the gMSA's CN to {cn}, and write that name into the CredSpec.",
                (f"Rename-ADObject -Identity {powershell(entry.dn)} -NewName {powershell(cn)}",),
            ),
            shows_as=texts.GMSA_TICKET,
        )
    flags = filetime.number(entry.text("userAccountControl")) or 0
    if flags & Control.ACCOUNTDISABLE:
        return failed(
            f"the gMSA {name.text} is disabled",
            observed=f"userAccountControl {flags}",
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
        passed(entry.dn, changed=filetime.generalized(entry.text("whenChanged"))),
    )
