"""The account that `--as` names: it sees of the AD what the secret's user does not, or not any more."""

from __future__ import annotations

from gmsa_doctor.authoring import Fix, Given, Result, check, passed, skipped, unknown
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal
from gmsa_doctor.clients.ldap.client import Directory, Ldap, escape_filter
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.given.admin_account import AdminAccount
from gmsa_doctor_checks import links
from gmsa_doctor_checks.active_directory import user_entry
from gmsa_doctor_checks.active_directory.ldap_bind import bind_first
from gmsa_doctor_checks.active_directory.user_entry import Administrator
from gmsa_doctor_checks.kerberos.tickets import from_first
from gmsa_doctor_checks.values import Account, ReachableKdcs, ReachableLdap


@check("user.administrator", title="The AD can be asked as the account of --as", docs=links.GMSA_TROUBLE)
def administrator(
    asked: AdminAccount,
    account: Account,
    kdcs: ReachableKdcs,
    controllers: ReachableLdap,
    kerberos: Kerberos,
    ldap: Ldap,
) -> Result[Administrator]:
    """Logs on to the AD as the account that `--as` names, once, and reads the entry of the secret's user.

    Why: when the logon of the secret's user fails, the AD cannot be asked as that user why. Deleted objects and KDS
    root keys are shown to administrators only.

    Fix: give the sAMAccountName and the password of an account of the same domain.
    """
    if asked.user.lower() == account.user.lower():
        return skipped(f"--as names the secret's own user, {account.user}: give another account")
    realm = account.domain.realm
    try:
        ticket, kdc, _ = from_first(kdcs, lambda kdc: _logon(asked, realm, kerberos, kdc))
    except KdcRefusal as error:
        return unknown(
            f"no logon as {asked.user}@{realm} (--as): {error.text}",
            observed=error.text,
            expected="a logon of the account that --as names",
            fix=Fix(
                "Give the sAMAccountName and the password of an account of this domain. This run does not try it again."
            ),
        )
    endpoint, directory, _ = bind_first(ldap, controllers, ticket, kdc)
    # found by its UPN it is reported as near: the KDC may not accept that
    entry = user_entry.read(directory, account, by_principal_name=False)
    near = () if entry else _near(directory, account)
    value = Administrator(f"{asked.user}@{realm}", directory, entry, near)
    return Given(value, passed(f"bound to {endpoint.host} as {asked.user}@{realm}, signed and sealed"))


def _logon(asked: AdminAccount, realm: str, kerberos: Kerberos, kdc: Kdc) -> Ticket:
    if asked.keytab is not None:
        return kerberos.keytab_ticket(asked.user, realm, asked.keytab, kdc)
    return kerberos.user_ticket(asked.user, realm, asked.password, kdc)


def _near(directory: Directory, account: Account) -> tuple[str, ...]:
    """Users of which another name than the sAMAccountName is the secret's user name."""
    name = escape_filter(account.user)
    query = f"(&(objectClass=user)(|(userPrincipalName={name}@*)(displayName={name})(cn={name})(mail={name}@*)))"
    try:
        entries = directory.search(account.domain.base_dn, query, ("sAMAccountName",))
    except ClientError:
        return ()
    return tuple(f"{entry.dn}, whose sAMAccountName is {entry.text('sAMAccountName')}" for entry in entries)
