"""Two domain controllers, of which one is ill: what of it a task would meet by chance.

The second one, dc2, is a copy of the first that lags behind, or the first itself behind a proxy that lies a little.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.lab import accounts, ad
from tests.lab.loopback import fresh_address
from tests.lab.proxy import Change as Lie
from tests.lab.proxy import proxy, unchanged
from tests.scenarios.changes import all_of, dns_server, gmsa, nowhere
from tests.scenarios.lab import Change, Lab, Scenario

_DC1, _DC2 = f"{accounts.DC_NAME}.{accounts.DOMAIN}", f"{accounts.COPY_NAME}.{accounts.DOMAIN}"


def second(run: Callable[[Lab], str], *, first: bool = False) -> Change:
    """Let DNS name a second domain controller at this address, after the good one or before it."""

    def server(lab: Lab) -> str:
        both = {_DC1: lab.dc.ip, _DC2: run(lab)}
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


HEALTHY = (
    Scenario("two domain controllers that agree", "", second(lagging)),
    Scenario("two domain controllers, the copy first", "", second(lagging, first=True)),
    Scenario("one in another site", "", second(behind(says("Default-First-Site-Name", "Frankfurt-am-Main-Zwei1")))),
    Scenario("the copy alone", "", _only(lagging)),
)

WARNINGS = (
    Scenario("one is dead", "network.kerberos network.ldap", second(nowhere), _DC2),
    Scenario(
        "one accepts LDAP and stays silent",
        "domain-controllers.root-dse",
        second(_mute_ldap),
        "1 of 2: about every second start asks it first",
    ),
    Scenario(
        "one has a wrong clock", "kerberos.clock", second(behind(clock_off(timedelta(minutes=-20)))), "behind ours"
    ),
    Scenario("one is of another domain", "domain-controllers.domain", second(behind(FOREIGN)), "serves acme.example"),
    Scenario("one is of Windows 2008 R2", "domain-controllers.functional-level", second(behind(level(4))), "2008 R2"),
    Scenario("one is read-only", "domain-controllers.read-only", second(behind(READ_ONLY)), "is read-only"),
    Scenario(
        "one does not know the gMSA",
        "domain-controllers.gmsa",
        all_of(gmsa(accounts.UNKNOWN_ON_COPY[:-1]), second(lagging)),
        "does not know the gMSA",
    ),
    Scenario(
        "one has an older password",
        "domain-controllers.gmsa",
        all_of(gmsa(accounts.OLDER_ON_COPY[:-1]), second(lagging)),
        "20 d older than on dc1.corp.example",
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
        all_of(gmsa(accounts.OTHERS_ALLOWED_ON_COPY[:-1]), second(lagging)),
        "others may retrieve",
    ),
)
