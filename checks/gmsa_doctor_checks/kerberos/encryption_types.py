"""The encryption types of the tickets."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, passed, skipped, warned
from gmsa_doctor.clients.kerberos.client import Enctypes
from gmsa_doctor.formats.ad.ccache import ENCTYPES
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.values import GmsaTicket, UserTicket

AES = (17, 18, 19, 20)


@check("kerberos.encryption-types", title="The tickets are encrypted with AES", docs=links.ENCRYPTION_TYPES)
def encryption_types(user: UserTicket, gmsa: GmsaTicket) -> Finding:
    """Looks with which encryption types the KDC took the logons of the user and the gMSA, and encrypted their tickets.

    Why: domain controllers are being set to refuse RC4, and newer Kerberos libraries no longer offer it. An account
    whose only keys are RC4 works until that day: one whose password is older than the domain's AES, or that is set to
    RC4 alone.

    Fix: let the account use AES, and change its password once, which makes the AES keys.
    """
    enctypes = [(logon.principal, logon.ticket.enctypes) for logon in (user, gmsa) if logon.ticket.enctypes is not None]
    if not enctypes:
        return skipped("the encryption types could not be seen in the KDC's answers")
    rows = tuple(_row(principal, types) for principal, types in enctypes)
    for principal, types in enctypes:
        if types.account not in AES:
            return warned(
                f"the KDC has no AES key that {principal} may use: it took {name(types.account)}",
                observed=f"offered: {', '.join(map(name, types.offered)) or name(types.account)}",
                expected="AES256 or AES128",
                fix=_fix(principal, is_gmsa=principal == gmsa.principal),
                rows=rows,
            )
    for _, types in enctypes:
        if types.kdc not in AES:
            return warned(
                f"the KDC encrypts its tickets with {name(types.kdc)}: the account krbtgt of {gmsa.ticket.realm} has "
                "no AES key",
                observed=name(types.kdc),
                expected="AES256",
                fix=Fix(
                    "Change krbtgt's password (twice, with a day between; it was last set before the domain knew AES).",
                    ("Get-ADUser krbtgt -Properties PasswordLastSet",),
                ),
                rows=rows,
            )
    return passed(f"the user's and the gMSA's logons and tickets use {name(enctypes[-1][1].account)}", rows=rows)


def _row(principal: str, types: Enctypes) -> Row:
    offered = f"; offered {', '.join(map(name, types.offered))}" if types.offered else ""
    weak = types.account not in AES or types.kdc not in AES
    text = f"the account's key {name(types.account)}, the ticket {name(types.kdc)}{offered}"
    return Row(principal, Status.WARN if weak else Status.PASS, text)


def name(number: int) -> str:
    """The encryption type's name, or its number where it has none."""
    return ENCTYPES.get(number, f"enctype {number}")


def _fix(principal: str, *, is_gmsa: bool) -> Fix:
    text = "Let the user use AES, then change its password once (in the secret too): that makes the AES keys."
    cmdlet = "Set-ADUser"
    if is_gmsa:
        text, cmdlet = "Let the gMSA use AES; its next password has AES keys.", "Set-ADServiceAccount"
    account = powershell(principal.rpartition("@")[0].removesuffix("$"))
    return Fix(text, (f"{cmdlet} -Identity {account} -KerberosEncryptionType AES128,AES256",))
