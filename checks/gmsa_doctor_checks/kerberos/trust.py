"""Where the secret's user and the gMSA are of two domains: what the trusts between them say."""

from __future__ import annotations

from gmsa_doctor.authoring import Cause, CheckId, Finding, Row, Status, check, deferred_to, passed, skipped
from gmsa_doctor.clients.ldap.client import Entry, LdapRefusal
from gmsa_doctor.formats.ad import trust
from gmsa_doctor_checks import links
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaNames

_ATTRIBUTES = ("trustPartner", "trustDirection", "trustType", "trustAttributes")


@check(
    "kerberos.trust",
    title="The user's domain and the gMSA's are one, or trust each other",
    cause=Cause.CREDENTIALS,
    docs=links.TRUSTS,
)
def trusts(bound: BoundDirectory, account: Account, names: GmsaNames) -> Finding:
    """Where secret and CredSpec name two domains, reads the trusts of the user's (`trustedDomain` objects).

    That they differ is `secret.domain`'s to warn of; this says whether a trust is between them.

    Why: a trust lets a user log on in the other domain. Credentials Fetcher does not make use of that: it gets the
    user's ticket and looks for the gMSA in the secret's domain alone.

    Fix: let the secret's user and the gMSA be of one domain, the CredSpec's.
    """
    ours, theirs = account.domain, names.domain
    if ours == theirs:
        return passed(f"the user and the gMSA are of one domain, {ours.text}")
    try:
        entries = bound.directory.search(f"CN=System,{ours.base_dn}", "(objectClass=trustedDomain)", _ATTRIBUTES, "one")
    except LdapRefusal as error:
        return skipped(f"the trusts of {ours.text} cannot be read: {error.text}")
    return judge(ours.text, theirs.text, read_trusts(entries))


def read_trusts(entries: tuple[Entry, ...]) -> tuple[trust.DomainTrust, ...]:
    """The trusts that the entries are."""
    found = (trust.read({name: entry.text(name) for name in _ATTRIBUTES}) for entry in entries)
    return tuple(domain_trust for domain_trust in found if domain_trust is not None)


def judge(ours: str, theirs: str, trusts: tuple[trust.DomainTrust, ...]) -> Finding:
    """What the trusts of our domain say of theirs. Pure."""
    rows = tuple(Row(domain_trust.partner, Status.PASS, str(domain_trust)) for domain_trust in trusts)
    between = next((domain_trust for domain_trust in trusts if domain_trust.partner == theirs), None)
    if between is None:
        return deferred_to(
            CheckId("secret.domain"),
            f"{ours} has no trust with {theirs} of its own (domains of one forest may trust each other through others)",
        )
    logons = f"{between}; " if between.lets_our_users_in else f"{between}, so users of {ours} may not log on there; "
    return passed(f"{logons}Credentials Fetcher looks for the gMSA in {ours} all the same", rows=rows)
