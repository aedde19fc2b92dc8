"""How long the gMSA's ticket lasts."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, check, passed, warned
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.values import GmsaTicket

SHORT_SECONDS = 3600
"""Credentials Fetcher gets a new ticket every 10 minutes; one that is good for less than this leaves no time to mend
what keeps it from that."""


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
