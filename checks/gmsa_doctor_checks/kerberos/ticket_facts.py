"""What the tickets that were got tell of the AD: encryption types, and how long they last."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, passed, skipped, warned
from gmsa_doctor.clients.kerberos.logon import Enctypes
from gmsa_doctor.formats.ad.ccache import ENCTYPES
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.values import GmsaTicket, UserTicket

AES = (17, 18, 19, 20)
SHORT_SECONDS = 3600
"""Credentials Fetcher gets a new ticket every 10 minutes; one that is good for less than this leaves no time to mend
what keeps it from that."""


@check("kerberos.encryption-types", title="The tickets are encrypted with AES", docs=links.ENCRYPTION_TYPES)
def encryption_types(user: UserTicket, gmsa: GmsaTicket) -> Finding:
    """Looks with which encryption types the KDC took the logons of the user and the gMSA, and encrypted their tickets.

    Why: domain controllers are being set to refuse RC4, and newer Kerberos libraries no longer offer it. An account
    whose only keys are RC4 works until that day: one whose password is older than the domain's AES, or that is set to
    RC4 alone.

    Fix: let the account use AES, and change its password once, which makes the AES keys.
    """
    seen = [(one.principal, one.ticket.enctypes) for one in (user, gmsa)]
    known = [(principal, enctypes) for principal, enctypes in seen if enctypes is not None]
    if not known:
        return skipped("the encryption types could not be seen in the KDC's answers")
    rows = tuple(_row(principal, enctypes) for principal, enctypes in known)
    weak = [(principal, one) for principal, one in known if one.account not in AES]
    if weak:
        principal, one = weak[0]
        return warned(
            f"the KDC has no AES key that {principal} may use: it took {name(one.account)}",
            observed=f"offered: {', '.join(map(name, one.offered)) or name(one.account)}",
            expected="AES256 or AES128",
            fix=_account_fix(principal, is_gmsa=principal == gmsa.principal),
            rows=rows,
        )
    if any(one.kdc not in AES for _, one in known):
        realm = gmsa.ticket.realm
        old = next(one.kdc for _, one in known if one.kdc not in AES)
        return warned(
            f"the KDC encrypts its tickets with {name(old)}: the account krbtgt of {realm} has no AES key",
            observed=name(old),
            expected="AES256",
            fix=Fix(
                "Change krbtgt's password (twice, with a day between; it was last set before the domain knew AES).",
                ("Get-ADUser krbtgt -Properties PasswordLastSet",),
            ),
            rows=rows,
        )
    return passed(f"the user's and the gMSA's logons and tickets use {name(known[-1][1].account)}", rows=rows)


def _row(principal: str, one: Enctypes) -> Row:
    offered = f"; offered {', '.join(map(name, one.offered))}" if one.offered else ""
    weak = one.account not in AES or one.kdc not in AES
    text = f"the account's key {name(one.account)}, the ticket {name(one.kdc)}{offered}"
    return Row(principal, Status.WARN if weak else Status.PASS, text)


def name(number: int) -> str:
    """The encryption type's name, or its number where it has none."""
    return ENCTYPES.get(number, f"enctype {number}")


def _account_fix(principal: str, *, is_gmsa: bool) -> Fix:
    account = powershell(principal.rpartition("@")[0].removesuffix("$"))
    if is_gmsa:
        return Fix(
            "Let the gMSA use AES; its next password has AES keys.",
            (f"Set-ADServiceAccount -Identity {account} -KerberosEncryptionType AES128,AES256",),
        )
    return Fix(
        "Let the user use AES, then change its password once (in the secret too): that makes the AES keys.",
        (f"Set-ADUser -Identity {account} -KerberosEncryptionType AES128,AES256",),
    )


@check("kerberos.ticket-life", title="The gMSA's ticket lasts for hours", docs=links.TICKET_LIFETIME)
def ticket_life(gmsa: GmsaTicket) -> Finding:
    """Looks how long the gMSA's ticket is good for.

    How long it could be renewed is not asked: Credentials Fetcher gets a new one every 10 minutes, with the password
    that it reads anew. `gmsa-doctor ticket` shows both times of the ticket that a container has.

    Why: the ticket's life is the time in which a wrong secret, or a domain controller that is away, can be mended
    before running containers lose their logon.

    Fix: let the AD give tickets for hours (its default is 10); see the policy "Maximum lifetime for user ticket".
    """
    minutes = gmsa.ticket.lifetime // 60
    if gmsa.ticket.lifetime >= SHORT_SECONDS:
        return passed(f"{minutes // 60} h {minutes % 60} min")
    account = powershell(gmsa.principal.rpartition("@")[0].removesuffix("$"))
    return warned(
        f"the ticket of {gmsa.principal} is good for {minutes} minutes only; running tasks lose their logon that soon "
        "when a renewal fails",
        observed=f"{minutes} min",
        expected=f"at least {SHORT_SECONDS // 3600} h",
        fix=Fix(
            "See the Kerberos policy of the domain, and whether an authentication policy is on the gMSA. A gMSA whose "
            "password is about to change may get a short one, too: then look again later.",
            (
                f"Get-ADServiceAccount {account} -Properties msDS-AssignedAuthNPolicy,PasswordLastSet",
                "Get-GPOReport -Name 'Default Domain Policy' -ReportType Xml",
            ),
        ),
    )
