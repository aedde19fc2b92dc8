"""The AD user and the gMSA as an AD administrator sees them: what forbids a logon, and what will."""

from datetime import UTC, datetime

from tests.lab import accounts, ad
from tests.lab.environment import domain_ids
from tests.scenarios.ad_changes import (
    added,
    as_administrator,
    deleted,
    expired,
    file_time,
    in_domain,
    locked,
    member_of,
    must_change,
    new_gmsa,
    new_user,
    root_key_in_future,
)
from tests.scenarios.changes import all_of, gmsa, in_ad, on_ec2, options, secret, spec, user
from tests.scenarios.lab import Scenario

_READER = accounts.READER
_DAY = 24 * 3600 * 10_000_000  # in 100 ns


def _all_hours_but_one() -> bytes:
    """All hours of the week but one, half a week from now."""
    now = datetime.now(UTC)
    other = (now.isoweekday() % 7 * 24 + now.hour + 84) % 168
    return ((1 << 168) - 1 ^ 1 << other).to_bytes(21, "little")


_USER = "kerberos.user-ticket"

FAULTS = (
    Scenario(
        "a password to be changed at the next logon", _USER, must_change(_READER), "must change password at next logon"
    ),
    Scenario("a password too old for a fine-grained policy", _USER, expired(_READER), "has expired"),
    Scenario("no hour to log on in", _USER, in_ad(_READER, logonHours=bytes(21)), "may not log on at this hour"),
    Scenario("a smart card required", _USER, new_user("svc-card", userAccountControl=str(0x40200)), "smart card"),
    Scenario("DES keys only", _USER, in_ad(_READER, userAccountControl=str(0x200200)), "no encryption type in common"),
    Scenario("a user that is disabled meanwhile", _USER, in_ad(_READER, userAccountControl="514"), "is disabled"),
    Scenario("a user that is locked meanwhile", _USER, locked(_READER), "is locked"),
    Scenario("an account that expired yesterday", _USER, in_ad(_READER, accountExpires=file_time(-1)), "has expired"),
    Scenario("another name of the user", _USER, secret(username="gmsa.reader"), "not the user's sAMAccountName"),
    Scenario(
        "a password that expires within a week, with 1.3",
        "user.password-expiry",
        all_of(user(accounts.EXPIRING), on_ec2, options("--fetcher", "1.3")),
        "crashes on libkrb5's expiry warning",
    ),
)

_ACCOUNT = "directory.gmsa-account"
_TICKET = "kerberos.gmsa-ticket"
_OU = "Gateways"
_SHARED = "Shared"
_UMLAUT = "Schlüsseldienst"
_APOSTROPHE = "Children's Hospital"
_in_apostrophe = all_of(added("", _APOSTROPHE, "organizationalUnit"), new_gmsa("web-apostrophe", f"OU={_APOSTROPHE}"))

GMSA_FAULTS = (
    Scenario("the gMSA itself in the secret", "secret.fields", secret(username="webapp01$"), "the CredSpec's gMSA"),
    Scenario("the gMSA's name in the secret", _USER, secret(username="webapp01"), "the gMSA's own name"),
    Scenario(
        "a gMSA that has expired",
        _TICKET,
        new_gmsa("web-expired", accountExpires=file_time(-9)),
        "the account of the gMSA web-expired$@CORP.EXAMPLE has expired",
    ),
    Scenario("a gMSA spelt a little differently", _ACCOUNT, gmsa("webap01"), "a similar name is webapp01"),
    Scenario(
        "a computer of that name",
        _ACCOUNT,
        all_of(
            added("CN=Computers", "webserver", "computer", sAMAccountName="webserver$", userAccountControl="4096"),
            gmsa("webserver"),
        ),
        "not a gMSA but a computer",
    ),
    Scenario(
        "a group of that name",
        _ACCOUNT,
        all_of(added("CN=Users", "webgroup", "group", sAMAccountName="webgroup"), gmsa("webgroup")),
        "not a gMSA but a group",
    ),
    Scenario(
        "a gMSA in an OU that is not ASCII",
        _ACCOUNT,
        all_of(added("", _UMLAUT, "organizationalUnit"), new_gmsa("web-umlaut", f"OU={_UMLAUT}")),
        "ldapsearch prints it in base64",
    ),
    Scenario(
        "a gMSA in an OU with an apostrophe, with 1.3",
        _ACCOUNT,
        all_of(_in_apostrophe, on_ec2, options("--fetcher", "1.3")),
        "contains an apostrophe",
    ),
    Scenario("a gMSA by its UPN", "credspec.names", gmsa("webapp01@corp.example"), "is a UPN"),
    Scenario(
        "the DN of an OU with two gMSAs, of which the user may read the other one",
        _ACCOUNT,
        all_of(
            added("", _SHARED, "organizationalUnit"),
            new_gmsa("web-second", f"OU={_SHARED}"),
            new_gmsa("web-first", f"OU={_SHARED}", msDS_GroupMSAMembership=None),
            secret(distinguishedName=f"OU={_SHARED},DC=corp,DC=example"),
        ),
        "contains 2 gMSAs; Credentials Fetcher uses the password of the first, web-second$",
    ),
    Scenario(
        "the distinguishedName of an OU without a gMSA",
        _ACCOUNT,
        all_of(added("", _OU, "organizationalUnit"), secret(distinguishedName=f"OU={_OU},DC=corp,DC=example")),
        "has no gMSA at or below it",
    ),
    Scenario(
        "a KDS root key that is not yet in effect",
        "directory.managed-password",
        all_of(root_key_in_future, as_administrator),
        "no KDS root key is effective before 20",
    ),
    Scenario(
        "a KDS root key that is not yet in effect, which the user is not shown",
        "directory.managed-password",
        root_key_in_future,
        "The KDS root key is probably missing or not yet effective",
    ),
    Scenario(
        "a gMSA that was deleted",
        _ACCOUNT,
        all_of(new_gmsa("web-gone"), deleted("web-gone$"), as_administrator),
        "was deleted on 20",
    ),
    Scenario(
        "a gMSA that was deleted, which the user is not shown",
        _ACCOUNT,
        all_of(new_gmsa("web-lost"), deleted("web-lost$")),
        "finds no gMSA web-lost",
    ),
)

AS_ADMINISTRATOR = (
    Scenario(
        "a locked user, seen by an administrator",
        _USER,
        all_of(locked(_READER), as_administrator),
        "Administrator@CORP.EXAMPLE sees: lockoutTime 20",
    ),
    Scenario(
        "a disabled user, seen by an administrator",
        _USER,
        all_of(user("gmsa-disabled"), as_administrator),
        "0x202 (ACCOUNTDISABLE, NORMAL_ACCOUNT): disabled",
    ),
    Scenario(
        "a password to be changed, seen by an administrator",
        _USER,
        all_of(must_change(_READER), as_administrator),
        "pwdLastSet 0: the password must be changed",
    ),
    Scenario(
        "a password too old, seen by an administrator",
        _USER,
        all_of(expired(_READER), as_administrator),
        f"by policy Policy of {_READER}",
    ),
    Scenario(
        "an expired account, seen by an administrator",
        _USER,
        all_of(user("gmsa-acctexpired"), as_administrator),
        "accountExpires 1970-01-01 00:00 UTC: the account has expired",
    ),
    Scenario(
        "a wrong password, seen by an administrator",
        _USER,
        all_of(secret(password="not-the-password"), as_administrator),
        "sees: nothing that prevents a logon",
    ),
    Scenario(
        "the display name, seen by an administrator",
        _USER,
        all_of(in_ad(_READER, displayName="webreader"), secret(username="webreader"), as_administrator),
        f"whose sAMAccountName is {_READER}",
    ),
)

WARNINGS = (
    Scenario(
        "a password that expires by a fine-grained policy",
        "user.password-expiry",
        user(accounts.EXPIRING),
        "the policy Expiring makes it expire",
    ),
    Scenario(
        "a password that expires by the domain's policy",
        "user.password-expiry",
        in_domain(maxPwdAge=str(-42 * _DAY)),
        "the domain's policy",
    ),
    Scenario("an account that expires soon", "user.account", in_ad(_READER, accountExpires=file_time(9)), "in 9 days"),
    Scenario(
        "an hour of the week in which the user may not log on",
        "user.account",
        in_ad(_READER, logonHours=_all_hours_but_one()),
        "167 of 168 hours",
    ),
    Scenario("workstations", "user.account", in_ad(_READER, userWorkstations="WEB1,WEB2"), "WEB1, WEB2"),
    Scenario("Protected Users", "user.account", member_of("Protected Users", _READER), "four hours"),
    Scenario(
        "no pre-authentication", "user.account", in_ad(_READER, userAccountControl=str(0x400200)), "pre-authentication"
    ),
)


GMSA_WARNINGS = (
    Scenario(
        "the DN of an OU with two gMSAs, of which the user may read one, with 1.3",
        f"{_ACCOUNT} domain-controllers.reverse-names",
        all_of(
            on_ec2,
            options("--fetcher", "1.3"),
            added("", _SHARED, "organizationalUnit"),
            new_gmsa("web-first", f"OU={_SHARED}", msDS_GroupMSAMembership=None),
            new_gmsa("web-second", f"OU={_SHARED}"),
            secret(distinguishedName=f"OU={_SHARED},DC=corp,DC=example"),
        ),
        "the secret's distinguishedName contains 2 gMSAs",
    ),
    Scenario("a gMSA without DNS host name", "gmsa.dns-host-name", new_gmsa("web-host", dNSHostName=None), "has no"),
    Scenario(
        "a password that was never set",
        "gmsa.rotation",
        all_of(new_gmsa("web-new"), lambda it, lab: ad.modify(lab.dc, "web-new$", pwdLastSet="0")),
        "has never been set",
    ),
    Scenario(
        "another domain's Sid",
        "credspec.domain-data",
        spec("DomainJoinConfig.Sid", "S-1-5-21-1004336348-1177238915-682003330"),
        "Sid does not match the domain",
    ),
    Scenario(
        "another domain's Guid",
        "credspec.domain-data",
        spec("DomainJoinConfig.Guid", "5c0d2e9b-8f43-4e0c-9d55-6b1f0f5b7c11"),
        "Guid does not match the domain",
    ),
    Scenario(
        "another NetBIOS name and tree",
        "credspec.domain-data",
        all_of(spec("DomainJoinConfig.NetBiosName", "OLD"), spec("DomainJoinConfig.DnsTreeName", "old.example")),
        "NetBiosName, DnsTreeName do not match",
    ),
)

HEALTHY = (
    Scenario(
        "a gMSA in an OU that is not ASCII, with its distinguishedName in the secret",
        "",
        all_of(
            added("", _UMLAUT, "organizationalUnit"),
            new_gmsa("web-umlaut", f"OU={_UMLAUT}"),
            secret(distinguishedName=f"CN=web-umlaut,OU={_UMLAUT},DC=corp,DC=example"),
        ),
    ),
    Scenario("a gMSA in an OU with an apostrophe, with 2.x", "", _in_apostrophe),
    Scenario(
        "a password that never expires, where the domain's do",
        "",
        all_of(in_domain(maxPwdAge=str(-42 * _DAY)), in_ad(_READER, userAccountControl=str(0x10200))),
    ),
    Scenario("an account that expires in a year", "", in_ad(_READER, accountExpires=file_time(365))),
    Scenario("a user with AES only", "", in_ad(_READER, msDS_SupportedEncryptionTypes="24")),
    Scenario("a gMSA that was just made", "", new_gmsa("web-fresh")),
    Scenario("a user with RC4 only, whose logon works", "", in_ad(_READER, msDS_SupportedEncryptionTypes="4")),
    Scenario("a gMSA with RC4 only, whose logon works", "", gmsa("webapp08")),
    Scenario("a gMSA with AES only", "", new_gmsa("web-aes", msDS_SupportedEncryptionTypes="24")),
    Scenario("a gMSA whose encryption types are not set", "", new_gmsa("web-def", msDS_SupportedEncryptionTypes=None)),
    Scenario(
        "a CredSpec that says nothing of the domain but its name",
        "",
        all_of(*(spec(f"DomainJoinConfig.{key}", None) for key in ("Sid", "Guid", "NetBiosName", "DnsTreeName"))),
    ),
    Scenario(
        "a Guid in braces and capitals",
        "",
        lambda it, lab: spec("DomainJoinConfig.Guid", f"{{{domain_ids(lab.dc)[1].upper()}}}")(it, lab),
    ),
    Scenario("asked as an administrator too", "", as_administrator),
)

IN_AD = (*FAULTS, *GMSA_FAULTS, *AS_ADMINISTRATOR)
