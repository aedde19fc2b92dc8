"""A hardened domain: armoring, authentication policies and silos, selective authentication, Protected Users.

Samba has none of these. A proxy before the domain controller answers as MS-KILE 3.3.5 describes it.
"""

from collections.abc import Callable

from tests.lab import accounts
from tests.lab.krb_error import error, extended, methods
from tests.lab.proxy import Change as Lie
from tests.scenarios.ad_changes import member_of, new_gmsa
from tests.scenarios.changes import all_of, dns_server, options
from tests.scenarios.domain_controllers import DC1, behind
from tests.scenarios.lab import Change, Scenario

_AS_REP, _TGS_REP, _KRB_ERROR = 0x6B, 0x6D, 0x7E
_POLICY, _PREAUTH_REQUIRED = 12, 25
_FX_FAST = 136
_INVALID_WORKSTATION, _FIREWALL = 0xC0000070, 0xC0000413

_USER, _GMSA, _SERVICE = "kerberos.user-ticket", "kerberos.gmsa-ticket", "kerberos.service-ticket"
_SPN = options("--spn", "MSSQLSvc/sql.corp.example:1433")


def _instead_of(tag: int, text: str, reply: bytes) -> Lie:
    """Send this reply instead of each one of this type with this text."""

    def lie(data: bytes) -> bytes:
        is_it = data[4:5] == bytes([tag]) and len(data) - 4 == int.from_bytes(data[:4], "big")
        return len(reply).to_bytes(4, "big") + reply if is_it and text.encode() in data else data

    return lie


def kdc_answers(tag: int, text: str, reply: bytes) -> Change:
    """Let the only domain controller send this reply instead of each one of this type with this text."""
    run: Callable[..., str] = behind(_instead_of(tag, text, reply))
    return dns_server(lambda lab: lab.dns_of_controllers({DC1: run(lab)}))


FAULTS = (
    Scenario(
        "armoring required",
        _USER,
        kdc_answers(_KRB_ERROR, "", error(_PREAUTH_REQUIRED, methods(_FX_FAST))),
        "require Kerberos armoring (FAST)",
    ),
    Scenario(
        "an authentication policy of the user",
        _USER,
        kdc_answers(_AS_REP, accounts.READER, error(_POLICY)),
        "an AD policy does not allow gmsa-reader@CORP.EXAMPLE to log on from this host",
    ),
    Scenario(
        "a silo of the user, which the KDC names",
        _USER,
        kdc_answers(_AS_REP, accounts.READER, error(_POLICY, extended(_FIREWALL))),
        "authentication policy or silo",
    ),
    Scenario(
        "a user that may log on from other workstations only",
        _USER,
        kdc_answers(_AS_REP, accounts.READER, error(_POLICY, extended(_INVALID_WORKSTATION))),
        "userWorkstations",
    ),
    Scenario(
        "an authentication policy of the gMSA",
        _GMSA,
        kdc_answers(_AS_REP, "webapp01$", error(_POLICY)),
        "an authentication policy or silo does not allow the gMSA",
    ),
    Scenario(
        "a silo of the gMSA, which the KDC names",
        _GMSA,
        kdc_answers(_AS_REP, "webapp01$", error(_POLICY, extended(_FIREWALL))),
        "an authentication policy or silo does not allow the gMSA",
    ),
    Scenario(
        "selective authentication, or a silo of the service",
        _SERVICE,
        all_of(_SPN, kdc_answers(_TGS_REP, "MSSQLSvc", error(_POLICY))),
        "selective authentication of a trust",
    ),
    Scenario(
        "a service that an authentication policy limits, which the KDC names",
        _SERVICE,
        all_of(_SPN, kdc_answers(_TGS_REP, "MSSQLSvc", error(_POLICY, extended(_FIREWALL)))),
        "a policy does not allow the gMSA to use the service",
    ),
)

HEALTHY = (
    Scenario(
        "a gMSA in Protected Users",
        "",
        all_of(new_gmsa("web-protected"), member_of("Protected Users", "web-protected$")),
    ),
)
