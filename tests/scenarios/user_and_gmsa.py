"""The AD user and the gMSA as an AD administrator sees them: what forbids a logon, and what will."""

from datetime import UTC, datetime

from tests.lab import accounts
from tests.scenarios.ad_changes import file_time, in_domain, locked, member_of, must_change, new_user, policy
from tests.scenarios.changes import all_of, in_ad, on_ec2, options, secret, user
from tests.scenarios.lab import Scenario

_READER = accounts.READER
_SECOND = 10_000_000  # in 100 ns
_DAY = 24 * 3600 * _SECOND


def _all_hours_but_one() -> bytes:
    """All hours of the week but one, half a week from now."""
    now = datetime.now(UTC)
    other = (now.isoweekday() % 7 * 24 + now.hour + 84) % 168
    return ((1 << 168) - 1 ^ 1 << other).to_bytes(21, "little")


_USER = "kerberos.user-ticket"

FAULTS = (
    Scenario("a password to be changed at the next logon", _USER, must_change(_READER), "at the next logon"),
    Scenario("a password too old for a fine-grained policy", _USER, policy(_READER, _SECOND), "has expired"),
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
        "dies when libkrb5 warns",
    ),
)

WARNINGS = (
    Scenario(
        "a password that expires by a fine-grained policy",
        "user.password-expiry",
        user(accounts.EXPIRING),
        "expires by the policy Expiring",
    ),
    Scenario(
        "a password that expires by the domain's policy",
        "user.password-expiry",
        in_domain(maxPwdAge=str(-42 * _DAY)),
        "expires by the domain's policy",
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
    Scenario(
        "a user with RC4 only", "user.encryption-types", in_ad(_READER, msDS_SupportedEncryptionTypes="4"), "only 0x4"
    ),
)


HEALTHY = (
    Scenario(
        "a password that never expires, where the domain's do",
        "",
        all_of(in_domain(maxPwdAge=str(-42 * _DAY)), in_ad(_READER, userAccountControl=str(0x10200))),
    ),
    Scenario("an account that expires in a year", "", in_ad(_READER, accountExpires=file_time(365))),
    Scenario("a user with AES only", "", in_ad(_READER, msDS_SupportedEncryptionTypes="24")),
)
