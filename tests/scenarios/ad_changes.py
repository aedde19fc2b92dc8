"""Changes of the AD for the time of a scenario, made as its administrator: users, groups, policies, gMSAs."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import ldap3
from ldap3.core.exceptions import LDAPNoSuchObjectResult

from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.environment import Environment, credspec
from tests.lab.keytab import keytab
from tests.scenarios.lab import Change, Lab

MANAGED = "CN=Managed Service Accounts"
POLICIES = "CN=Password Settings Container,CN=System"
_EXPIRY = "msDS-UserPasswordExpiryTimeComputed"
_SECOND = 10_000_000  # in 100 ns


def added(parent: str, cn: str, classes: str, **attributes: str | bytes) -> Change:
    """Add an object below `parent` (empty: the domain); `_` in the attributes' names stands for `-`."""

    def change(it: Environment, lab: Lab) -> None:
        dn = ",".join(filter(None, (f"{'OU' if classes == 'organizationalUnit' else 'CN'}={cn}", parent, lab.dc.base)))
        lab.stack.callback(_delete, lab.dc, dn)
        _add(lab.dc, dn, classes, {name.replace("_", "-"): value for name, value in attributes.items()})

    return change


def new_user(name: str, **attributes: str) -> Change:
    """Add a user that may retrieve the gMSAs' passwords, and put it into the secret."""

    def change(it: Environment, lab: Lab) -> None:
        password = f'"{accounts.PASSWORD}"'.encode("utf-16-le")
        # Samba gives an account that comes to need a smart card a password of its own choice: so it is set afterwards.
        added("CN=Users", name, "user", sAMAccountName=name, unicodePwd=password, userAccountControl="512")(it, lab)
        if attributes:
            ad.modify(lab.dc, name, **attributes)
        member_of(accounts.PRINCIPALS, name)(it, lab)
        it.secret = {"username": name, "password": accounts.PASSWORD, "domainName": lab.dc.domain}

    return change


def new_gmsa(name: str, parent: str = MANAGED, **attributes: str | None) -> Change:
    """Add a gMSA like the healthy one, but for these attributes (None: without), and let the CredSpec name it."""

    def change(it: Environment, lab: Lab) -> None:
        _, like = ad.read(lab.dc, "webapp01$", "msDS-GroupMSAMembership")
        usual: dict[str, str | bytes | None] = {
            "sAMAccountName": f"{name}$",
            "userAccountControl": "4096",
            "dNSHostName": f"{name}.{lab.dc.domain}",
            "msDS_ManagedPasswordInterval": "30",
            "msDS_GroupMSAMembership": like["msDS-GroupMSAMembership"][0],
            "msDS_SupportedEncryptionTypes": "28",
        }
        wanted = {key: value for key, value in {**usual, **attributes}.items() if value is not None}
        added(parent, name, "msDS-GroupManagedServiceAccount", **wanted)(it, lab)
        it.credspec = credspec(lab.dc, name)

    return change


def deleted(account: str) -> Change:
    """Delete an account that the scenario has made."""

    def change(it: Environment, lab: Lab) -> None:
        _delete(lab.dc, ad.read(lab.dc, account, "cn")[0])

    return change


def root_key_in_future(it: Environment, lab: Lab) -> None:
    """Let the forest's KDS root key be in effect in a year only."""
    keys = f"CN=Master Root Keys,CN=Group Key Distribution Service,CN=Services,CN=Configuration,{lab.dc.base}"
    with ad.administrator(lab.dc) as connection:
        connection.search(keys, "(objectClass=msKds-ProvRootKey)", attributes=["msKds-UseStartTime"])
        (key,) = (one for one in connection.response or [])
    name = "msKds-UseStartTime"
    lab.stack.callback(_replace, lab.dc, key["dn"], {name: key["raw_attributes"][name]})
    _replace(lab.dc, key["dn"], {name: [file_time(365).encode()]})


def as_administrator(it: Environment, lab: Lab) -> None:
    """Ask the AD as the domain's administrator too, with a keytab."""
    file = Path(lab.stack.enter_context(TemporaryDirectory())) / "administrator.keytab"
    file.write_bytes(keytab(accounts.ADMINISTRATOR, lab.dc.realm, accounts.ADMINISTRATOR_PASSWORD))
    it.arguments += ["--as", accounts.ADMINISTRATOR, "--as-keytab", str(file)]


def member_of(group: str, account: str) -> Change:
    """Put an account into a group."""

    def change(it: Environment, lab: Lab) -> None:
        group_dn, account_dn = (ad.read(lab.dc, name, "cn")[0] for name in (group, account))
        _modify(lab.dc, group_dn, "member", ldap3.MODIFY_ADD, [account_dn.encode()])
        lab.stack.callback(_modify, lab.dc, group_dn, "member", ldap3.MODIFY_DELETE, [account_dn.encode()])

    return change


def must_change(account: str) -> Change:
    """Let the account have to change its password at the next logon."""

    def change(it: Environment, lab: Lab) -> None:
        lab.stack.callback(ad.modify, lab.dc, account, pwdLastSet="-1")
        ad.modify(lab.dc, account, pwdLastSet="0")

    return change


def locked(account: str) -> Change:
    """Lock the account, as too many wrong passwords do."""

    def change(it: Environment, lab: Lab) -> None:
        lab.stack.callback(ad.reset_bad_password_count, lab.dc, account)
        ad.modify(lab.dc, account, lockoutTime=file_time())

    return change


def file_time(days: int = 0) -> str:
    """Give the time so many days from now, as a Windows file time."""
    since = datetime.now(UTC) + timedelta(days=days) - datetime(1601, 1, 1, tzinfo=UTC)
    return str(since // timedelta(microseconds=1) * 10)


def policy(account: str, ticks: int) -> Change:
    """Let the account's password expire after so many 100 ns, by a fine-grained policy."""

    def change(it: Environment, lab: Lab) -> None:
        added(
            POLICIES,
            f"Policy of {account}",
            "msDS-PasswordSettings",
            msDS_PasswordSettingsPrecedence="2",
            msDS_PasswordReversibleEncryptionEnabled="FALSE",
            msDS_PasswordHistoryLength="0",
            msDS_PasswordComplexityEnabled="FALSE",
            msDS_MinimumPasswordLength="0",
            msDS_MinimumPasswordAge="0",
            msDS_MaximumPasswordAge=str(-ticks),
            msDS_LockoutThreshold="50",
            msDS_LockoutObservationWindow="0",
            msDS_LockoutDuration="0",
            msDS_PSOAppliesTo=ad.read(lab.dc, account, "cn")[0],
        )(it, lab)

    return change


def expired(account: str) -> Change:
    """Let the account's password have expired, by a fine-grained policy."""

    def change(it: Environment, lab: Lab) -> None:
        policy(account, _SECOND)(it, lab)
        _, found = ad.read(lab.dc, account, _EXPIRY)
        left = int(found[_EXPIRY][0]) - int(file_time())
        assert left < _SECOND, "the policy is not in force"
        time.sleep(max(left, 0) / _SECOND)  # another scenario may have set the password this very moment

    return change


def in_domain(**attributes: str) -> Change:
    """Set attributes of the domain itself."""

    def change(it: Environment, lab: Lab) -> None:
        with ad.administrator(lab.dc) as connection:
            connection.search(lab.dc.base, "(objectClass=*)", "BASE", attributes=list(attributes))
            (before,) = (one["raw_attributes"] for one in connection.response or [])
        lab.stack.callback(_replace, lab.dc, lab.dc.base, {name: before.get(name, []) for name in attributes})
        _replace(lab.dc, lab.dc.base, {name: [text.encode()] for name, text in attributes.items()})

    return change


def _add(dc: DomainController, dn: str, classes: str, attributes: dict[str, str | bytes]) -> None:
    with ad.administrator(dc) as connection:
        connection.add(dn, classes, attributes)  # type: ignore[no-untyped-call]


def _modify(dc: DomainController, dn: str, name: str, how: str, values: list[bytes]) -> None:
    with ad.administrator(dc) as connection:
        connection.modify(dn, {name: [(how, values)]})  # type: ignore[no-untyped-call]


def _replace(dc: DomainController, dn: str, attributes: dict[str, list[bytes]]) -> None:
    for name, values in attributes.items():
        _modify(dc, dn, name, ldap3.MODIFY_REPLACE, values)


def _delete(dc: DomainController, dn: str) -> None:
    with ad.administrator(dc) as connection, suppress(LDAPNoSuchObjectResult):
        connection.delete(dn)  # type: ignore[no-untyped-call]
