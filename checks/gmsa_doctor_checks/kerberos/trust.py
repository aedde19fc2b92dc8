"""The trust between the domain of the secret's user and the gMSA's domain."""

from __future__ import annotations

from gmsa_doctor.authoring import Cause, CheckId, Finding, Row, Status, check, deferred_to, passed, skipped
from gmsa_doctor.clients.ldap.client import LdapRefusal
from gmsa_doctor.formats.ad import trust
from gmsa_doctor_checks import links
from gmsa_doctor_checks.active_directory.other_domains import trusts_of
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaNames


@check(
    "kerberos.trust",
    title="The user's and the gMSA's domains trust each other",
    cause=Cause.CREDENTIALS,
    docs=links.TRUSTS,
)
def trusts(bound: BoundDirectory, account: Account, names: GmsaNames) -> Finding:
    """If the secret and the CredSpec name different domains, reads the trusts of the user's (`trustedDomain` objects).

    `secret.domain` warns about the difference; this check reports whether the domains trust each other.

    Why: a trust lets a user log on in the other domain. Credentials Fetcher does not use it: it gets the user's ticket
    and searches for the gMSA in the secret's domain only.

    Fix: Use a user and a gMSA of the same domain, the CredSpec's.
    """
    ours, theirs = account.domain, names.domain
    if ours == theirs:
        return passed(f"the user and the gMSA are in the same domain, {ours.text}")
    try:
        return judge(ours.text, theirs.text, trusts_of(bound.directory, ours.base_dn))
    except LdapRefusal as error:
        return skipped(f"the trusts of {ours.text} cannot be read: {error.text}")


def judge(ours: str, theirs: str, trusts: tuple[trust.DomainTrust, ...]) -> Finding:
    """The finding for the trusts of our domain with theirs."""
    rows = tuple(Row(domain_trust.partner, Status.PASS, str(domain_trust)) for domain_trust in trusts)
    between = next((domain_trust for domain_trust in trusts if domain_trust.partner == theirs), None)
    if between is None:
        return deferred_to(
            CheckId("secret.domain"),
            f"no direct trust between {ours} and {theirs} (domains in one forest may trust each other transitively)",
        )
    logons = f"{between}; " if between.lets_our_users_in else f"{between}, so users of {ours} may not log on there; "
    return passed(f"{logons}Credentials Fetcher still searches for the gMSA in {ours}", rows=rows)
