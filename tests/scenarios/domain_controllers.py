"""Two domain controllers, of which one is ill: what of it a task would meet by chance.

The second one, dc2, is a copy of the first that lags behind, or the first itself behind a proxy that lies a little.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.lab import accounts, ad
from tests.lab.dns_server import Mode
from tests.lab.loopback import fresh_address
from tests.lab.proxy import Change as Lie
from tests.lab.proxy import proxy, unchanged
from tests.lab.silent import silent
from tests.scenarios.changes import all_of, dns_server, gmsa, nowhere, on_ec2, options, secret, user
from tests.scenarios.lab import Change, Lab, Scenario

DC1, _DC2 = f"{accounts.DC_NAME}.{accounts.DOMAIN}", f"{accounts.COPY_NAME}.{accounts.DOMAIN}"


def second(run: Callable[[Lab], str], *, first: bool = False) -> Change:
    """Let DNS name a second domain controller at this address, after the good one or before it."""

    def server(lab: Lab) -> str:
        both = {DC1: lab.dc.ip, _DC2: run(lab)}
        return lab.dns_of_controllers(dict(reversed(both.items())) if first else both)

    return dns_server(server)


def behind(lie: Lie = unchanged, *, delay: float = 0.0) -> Callable[[Lab], str]:
    """Give the address of a proxy before the domain controller, which lies like this."""

    def run(lab: Lab) -> str:
        ip = fresh_address()
        lab.stack.enter_context(proxy(ip, (53, 88, 389, 464, 636), lab.dc.ip, lie, udp=(88,), delay=delay))
        return ip

    return run


def lagging(lab: Lab) -> str:
    """Give the address of the copy that lags behind."""
    return ad.lagging_copy(lab.dc).ip


def says(old: str, new: str) -> Lie:
    """Replace a text by one of the same length."""
    assert len(old) == len(new)
    return lambda data: data.replace(old.encode(), new.encode())


def clock_off(by: timedelta) -> Lie:
    """Let the time of the root DSE be another."""

    def lie(data: bytes) -> bytes:
        return re.sub(rb"\d{14}\.0Z", lambda _: f"{datetime.now(UTC) + by:%Y%m%d%H%M%S}.0Z".encode(), data)

    return lie


def level(number: int) -> Lie:
    """Let the domain controller be of another Windows level: the value of `domainControllerFunctionality`."""
    return lambda data: re.sub(rb"(domainControllerFunctionality1.\x04\x01)7", rb"\g<1>%d" % number, data)


FOREIGN = says(
    "defaultNamingContext1\x14\x04\x12DC=corp,DC=example", "defaultNamingContext1\x14\x04\x12DC=acme,DC=example"
)
READ_ONLY = says("1.2.840.113556.1.4.1935", "1.2.840.113556.1.4.1920")


def _mute_ldap(lab: Lab) -> str:
    """Give an address whose KDC is well, and whose LDAP server accepts connections and stays silent."""
    ip = lab.mute(389)
    lab.stack.enter_context(proxy(ip, (88,), lab.dc.ip, udp=(88,)))
    return ip


def _only(run: Callable[[Lab], str]) -> Change:
    """Let DNS name no other domain controller than dc2."""
    return dns_server(lambda lab: lab.dns_of_controllers({_DC2: run(lab)}))


def _without_spn(lab: Lab) -> str:
    """Let DNS name the domain controller, and before it again by a name for which it has no SPN."""
    return lab.dns_of_controllers({f"dc9.{accounts.DOMAIN}": behind()(lab), DC1: lab.dc.ip})


def reverse(*names: str) -> Change:
    """Let the domain controller's address lead back to these names."""

    def server(lab: Lab) -> str:
        zone = ".".join(reversed(lab.dc.ip.split("."))) + ".in-addr.arpa"
        return lab.dns({(zone, "PTR"): [f"{name}." for name in names]})

    return dns_server(server)


def _by_dn(name: str) -> Change:
    """Let the CredSpec be one for this gMSA, and the secret give its DN: a user of the same CN hides it."""
    return all_of(gmsa(name), secret(distinguishedName=f"CN={name},CN=Managed Service Accounts,DC=corp,DC=example"))


def _no_udp(lab: Lab) -> str:
    """Give an address at which all is well but UDP, which vanishes."""
    ip = fresh_address()
    lab.stack.enter_context(proxy(ip, (53, 88, 389, 464, 636), lab.dc.ip))
    lab.stack.enter_context(silent(ip, udp=(88,)))
    return ip


def _no_kdc(lab: Lab) -> str:
    """Give an address without a KDC, whose LDAP server is well."""
    ip = fresh_address()
    lab.stack.enter_context(proxy(ip, (389,), lab.dc.ip))
    return ip


def _black_hole(lab: Lab) -> str:
    """Give an address where all packets to a domain controller's ports vanish."""
    return lab.black_hole(88, 389)


def _no_ldap(lab: Lab) -> str:
    """Give an address without LDAP, whose KDC is well."""
    ip = fresh_address()
    lab.stack.enter_context(proxy(ip, (88,), lab.dc.ip, udp=(88,)))
    return ip


def _ldap_dropped(lab: Lab) -> str:
    """Give an address whose KDC is well, and whose LDAP port drops packets."""
    ip = lab.black_hole(389)
    lab.stack.enter_context(proxy(ip, (88,), lab.dc.ip, udp=(88,)))
    return ip


def _ldap_hangs_up(lab: Lab) -> str:
    """Give an address whose KDC is well, and whose LDAP server closes each connection."""
    ip = lab.hanging_up(389)
    lab.stack.enter_context(proxy(ip, (88,), lab.dc.ip, udp=(88,)))
    return ip


def _no_spn(lab: Lab) -> str:
    """Let DNS name the domain controller by two names for which it has no SPN."""
    return lab.dns_of_controllers({f"dc{n}.{accounts.DOMAIN}": lab.dc.ip for n in (8, 9)})


def _both(run: Callable[[Lab], str]) -> Change:
    """Let DNS name two domain controllers that are ill alike."""
    return dns_server(lambda lab: lab.dns_of_controllers({DC1: run(lab), _DC2: run(lab)}))


FAULTS = (
    Scenario("LDAP of both hangs up", "directory.bind", _both(_ldap_hangs_up), "no LDAP session"),
    Scenario(
        "the KDCs of both hang up", "kerberos.user-ticket", _both(lambda lab: lab.hanging_up(88, 389)), "no KDC answers"
    ),
    Scenario("neither has an SPN of its name", "directory.bind", dns_server(_no_spn), "no SPN ldap/dc8"),
    Scenario("UDP and TCP 88 of both are blocked", "network.kerberos", _both(_no_kdc), _DC2),
    Scenario("both are dead", "network.kerberos", _both(nowhere), "refused"),
    Scenario("both are behind a firewall", "network.kerberos", _both(_black_hole), "did not answer"),
    Scenario(
        "LDAP of two of three is dropped, with 1.3",
        "network.ldap",
        all_of(
            dns_server(
                lambda lab: lab.dns_of_controllers(
                    {DC1: lab.dc.ip, _DC2: _ldap_dropped(lab), f"dc3.{accounts.DOMAIN}": _ldap_dropped(lab)}
                )
            ),
            on_ec2,
            options("--fetcher", "1.3"),
        ),
        "rpc error: code = DeadlineExceeded",
    ),
    Scenario("TCP 389 of both is blocked", "network.ldap", _both(_no_ldap), "no domain controller accepts LDAP"),
    Scenario(
        "the SRV answer is too long for UDP, and TCP 53 is blocked",
        "dns.domain-controllers",
        dns_server(lambda lab: lab.dns({}, Mode.UDP_CUT_OFF)),
        "DNS over TCP gives none",
    ),
    Scenario(
        "the first does not know the gMSA",
        "directory.gmsa-account",
        all_of(gmsa(accounts.UNKNOWN_ON_COPY[:-1]), second(lagging, first=True)),
        "does not have it, unlike dc1.corp.example",
    ),
    Scenario(
        "the gMSA is disabled on the first",
        "directory.gmsa-account",
        all_of(gmsa(accounts.DISABLED_ON_COPY[:-1]), second(lagging, first=True)),
        "has it disabled, unlike dc1.corp.example",
    ),
    Scenario(
        "others may retrieve the password on the first",
        "directory.managed-password",
        all_of(_by_dn(accounts.OTHERS_ALLOWED_ON_COPY[:-1]), second(lagging, first=True)),
        "does not return its password, unlike dc1.corp.example",
    ),
    Scenario(
        "the first does not know the user",
        "kerberos.user-ticket",
        all_of(user(accounts.USER_UNKNOWN_ON_COPY), second(lagging, first=True)),
        "has no user",
    ),
)


def _third_binds(lab: Lab) -> str:
    """Let DNS name the domain controller, and before it twice by names for which it has no SPN."""
    unknown = {f"dc{number}.{accounts.DOMAIN}": behind()(lab) for number in (8, 9)}
    return lab.dns_of_controllers({**unknown, DC1: lab.dc.ip})


HEALTHY = (
    Scenario("two domain controllers that agree", "", second(lagging)),
    Scenario("two domain controllers, the copy first", "", second(lagging, first=True)),
    Scenario("one that takes its time", "", second(behind(delay=0.3))),
    Scenario("one in another site", "", second(behind(says("Default-First-Site-Name", "Frankfurt-am-Main-Zwei1")))),
    Scenario("the copy alone", "", _only(lagging)),
    Scenario("an address that leads back to its name", "", reverse(DC1)),
    Scenario("an address that leads back to AWS's name for it", "", reverse("ip-10-0-0-5.ec2.internal")),
    Scenario("a missing PTR record on EC2", "", all_of(on_ec2, reverse())),
    Scenario(
        "a missing PTR record, and Credentials Fetcher 2.x", "", all_of(on_ec2, reverse(), options("--fetcher", "2"))
    ),
)

WARNINGS = (
    Scenario("one is dead", "network.kerberos network.ldap", second(nowhere), _DC2),
    Scenario(
        "two have no SPN of their names, and the third has",
        "domain-controllers.bind",
        dns_server(_third_binds),
        "2 of 3 domain controllers",
    ),
    Scenario(
        "one accepts LDAP and stays silent",
        "domain-controllers.root-dse",
        second(_mute_ldap),
        "1 of 2 domain controllers: about every second task asks it first",
    ),
    Scenario(
        "one has a wrong clock",
        "kerberos.clock",
        second(behind(clock_off(timedelta(minutes=-20)))),
        "fail intermittently",
    ),
    Scenario("one is of another domain", "domain-controllers.domain", second(behind(FOREIGN)), "serves acme.example"),
    Scenario("one is of Windows 2008 R2", "domain-controllers.functional-level", second(behind(level(4))), "2008 R2"),
    Scenario("one is read-only", "domain-controllers.read-only", second(behind(READ_ONLY)), "is read-only"),
    Scenario(
        "one does not know the gMSA",
        "domain-controllers.gmsa",
        all_of(gmsa(accounts.UNKNOWN_ON_COPY[:-1]), second(lagging)),
        "the gMSA does not exist there",
    ),
    Scenario(
        "one has an older password",
        "domain-controllers.gmsa",
        all_of(gmsa(accounts.OLDER_ON_COPY[:-1]), second(lagging)),
        "20 days earlier than on dc1.corp.example",
    ),
    Scenario(
        "the gMSA is disabled on one",
        "domain-controllers.gmsa",
        all_of(gmsa(accounts.DISABLED_ON_COPY[:-1]), second(lagging)),
        "is disabled there",
    ),
    Scenario(
        "others may retrieve the password on one",
        "domain-controllers.gmsa",
        all_of(_by_dn(accounts.OTHERS_ALLOWED_ON_COPY[:-1]), second(lagging)),
        "msDS-GroupMSAMembership differs from dc1.corp.example",
    ),
    Scenario(
        "one does not know the user",
        "domain-controllers.user",
        all_of(user(accounts.USER_UNKNOWN_ON_COPY), second(lagging)),
        "it has no user gmsa-special, unlike dc1.corp.example",
    ),
    Scenario(
        "the user is disabled on one, and its password expires soon",
        "domain-controllers.user user.password-expiry",
        all_of(user(accounts.USER_DISABLED_ON_COPY), second(lagging)),
        "gmsa-expiring is disabled there",
    ),
    Scenario("one has no SPN of its name", "domain-controllers.bind", dns_server(_without_spn), "no SPN ldap/dc9"),
    Scenario(
        "UDP to one is blocked", "domain-controllers.kerberos-udp", second(_no_udp), "no answer over UDP from dc2"
    ),
    Scenario(
        "an address that leads back to another", "domain-controllers.reverse-names", reverse("web.corp.example"), "web"
    ),
    Scenario(
        "a missing PTR record, and Credentials Fetcher 1.3",
        "domain-controllers.reverse-names",
        all_of(on_ec2, reverse(), options("--fetcher", "1.3")),
        "SASL_NOCANON",
    ),
)
