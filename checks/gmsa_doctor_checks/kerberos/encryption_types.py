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
    """Reads which encryption types the KDC used for the logons of the user and the gMSA, and for their tickets.

    Why: domain controllers are phasing out RC4, and newer Kerberos libraries no longer offer it. Then an account with
    RC4 keys only stops working: one whose password is older than the domain's AES support, or that is limited to RC4.

    Fix: Allow AES for the account, and change its password once, which creates the AES keys.
    """
    enctypes = [(logon.principal, logon.ticket.enctypes) for logon in (user, gmsa) if logon.ticket.enctypes is not None]
    if not enctypes:
        return skipped("the KDC's answers do not show the encryption types")
    rows = tuple(_row(principal, types) for principal, types in enctypes)
    for principal, types in enctypes:
        if types.account not in AES:
            return warned(
                f"the KDC has no AES key that {principal} may use: it used {name(types.account)}",
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
                    "Reset krbtgt's password twice, a day apart. It was last set before the domain supported AES.",
                    ("Get-ADUser krbtgt -Properties PasswordLastSet", "Set-ADAccountPassword -Identity krbtgt -Reset"),
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
    """The encryption type's name, or its number if it has none."""
    return ENCTYPES.get(number, f"enctype {number}")


def _fix(principal: str, *, is_gmsa: bool) -> Fix:
    account = powershell(principal.rpartition("@")[0].removesuffix("$"))
    allow = f"-Identity {account} -KerberosEncryptionType AES128,AES256"
    if is_gmsa:
        return Fix("Allow AES for the gMSA; its next password has AES keys.", (f"Set-ADServiceAccount {allow}",))
    return Fix(
        "Allow AES for the user, change its password, which creates the AES keys, and store the new one in the secret.",
        (f"Set-ADUser {allow}", f"Set-ADAccountPassword -Identity {account} -Reset"),
    )
