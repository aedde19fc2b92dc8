"""The account that `--as` names: it reads in the AD what the secret's user cannot read."""

from __future__ import annotations

from gmsa_doctor.authoring import Fix, Given, Result, check, passed, skipped, unknown
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal
from gmsa_doctor.clients.ldap.client import Directory, Ldap, escape_filter
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.given.request import AdminAccount
from gmsa_doctor_checks import links
from gmsa_doctor_checks.active_directory import lockout, user_entry
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.active_directory.ldap_bind import bind_first
from gmsa_doctor_checks.kerberos.tickets import from_first
from gmsa_doctor_checks.values import Account, ReachableKdcs, ReachableLdap


@check("user.administrator", title="The account of --as can log on and read the AD", docs=links.GMSA_TROUBLE)
def administrator(
    admin: AdminAccount,
    account: Account,
    kdcs: ReachableKdcs,
    controllers: ReachableLdap,
    kerberos: Kerberos,
    ldap: Ldap,
) -> Result[Administrator]:
    """Logs on to the AD as the account that `--as` names, once, and reads the entry of the secret's user.

    Why: if the logon of the secret's user fails, that user cannot read the reason in the AD. Only administrators see
    deleted objects and KDS root keys.

    Fix: Give the sAMAccountName and the password of an account in the same domain.
    """
    if admin.user.lower() == account.user.lower():
        return skipped(f"--as names the secret's own user, {account.user}; name another account")
    realm = account.domain.realm
    principal = f"{admin.user}@{realm}"

    def log_on(kdc: Kdc) -> Ticket:
        if admin.keytab is not None:
            return kerberos.keytab_ticket(admin.user, realm, admin.keytab, kdc)
        return kerberos.user_ticket(admin.user, realm, admin.password, kdc)

    try:
        ticket, kdc, _ = from_first(kdcs, log_on)
    except KdcRefusal as error:
        return unknown(
            f"no logon as {principal} (--as): {error.text}",
            observed=error.text,
            expected="a logon of the account that --as names",
            fix=Fix("Give the sAMAccountName and the password of an account in this domain. This run does not retry."),
        )
    endpoint, directory, _ = bind_first(ldap, controllers, ticket, kdc)
    # a user found only by its UPN is reported as similar, since the KDC may not accept that name
    entry = user_entry.read(directory, account, by_principal_name=False)
    similar = () if entry else _similar_users(directory, account)
    policy = lockout.read(directory, account.domain.base_dn, entry.dn) if entry else None
    value = Administrator(principal, directory, entry, similar, policy)
    return Given(value, passed(f"bound to {endpoint.host} as {principal}, signed and sealed"))


def _similar_users(directory: Directory, account: Account) -> tuple[str, ...]:
    """Users whose UPN, display name, CN or mail is the secret's user name."""
    name = escape_filter(account.user)
    query = f"(&(objectClass=user)(|(userPrincipalName={name}@*)(displayName={name})(cn={name})(mail={name}@*)))"
    try:
        entries = directory.search(account.domain.base_dn, query, ("sAMAccountName",))
    except ClientError:
        return ()
    return tuple(f"{entry.dn}, whose sAMAccountName is {entry.text('sAMAccountName')}" for entry in entries)
