"""Kerberos: tickets for users and gMSAs, tickets for services; and the ledger of failed logons."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gmsa_doctor.clients import ticket_copy
from gmsa_doctor.clients.libkrb5 import Busy, Libkrb5, gssapi_missing, gssapi_module, keep, require_gssapi
from gmsa_doctor.clients.tcp import endpoint
from gmsa_doctor.clients.ticket_copy import CacheUnusable
from gmsa_doctor.errors import ClientError, OutOfReach, TimedOut, Unreachable
from gmsa_doctor.hidden import Hidden

if TYPE_CHECKING:
    from gmsa_doctor.clients.kdc_relay import Route

__all__ = [
    "Kerberos",
    "Kdc",
    "Ticket",
    "ServiceTicket",
    "SecurityContext",
    "KdcReason",
    "KdcRefusal",
    "AlreadyFailed",
    "CacheUnusable",
    "gssapi_missing",
]

T = TypeVar("T")

SECONDS = 8.0
_BASE = -1765328384
"""ERROR_TABLE_BASE_krb5: libkrb5's code for the KDC's error n is this plus n."""


class KdcReason(StrEnum):
    """Why a KDC, or libkrb5 reading its answer, refused."""

    WRONG_PASSWORD = "wrong-password"
    EMPTY_PASSWORD = "empty-password"
    UNKNOWN_CLIENT = "unknown-client"
    REVOKED = "revoked"
    """Disabled, locked or expired, and the KDC does not say which."""
    DISABLED = "disabled"
    LOCKED = "locked"
    ACCOUNT_EXPIRED = "account-expired"
    PASSWORD_EXPIRED = "password-expired"
    LOGON_HOURS = "logon-hours"
    POLICY = "policy"
    """Logons are restricted: to workstations, by an authentication policy, to smart cards."""
    NO_ENCTYPE = "no-enctype"
    """No encryption type that client, KDC and account have in common."""
    NO_KEY = "no-key"
    PREAUTH_UNSUPPORTED = "preauth-unsupported"
    """The KDC wants another proof than a password."""
    CLOCK_SKEW = "clock-skew"
    UNKNOWN_REALM = "unknown-realm"
    WRONG_REALM = "wrong-realm"
    """The KDC answers for another realm than it was asked for (or one in another case)."""
    NO_KDC = "no-kdc"
    UNKNOWN_SERVICE = "unknown-service"
    NOT_UNIQUE = "not-unique"
    """More than one account has this principal name: a duplicate SPN."""
    SERVICE_REVOKED = "service-revoked"
    TICKET_REJECTED = "ticket-rejected"
    """The ticket is expired, or was not made for the key that the other side has."""
    KDC_ERROR = "kdc-error"
    """The KDC has a problem of its own."""
    OTHER = "other"


_KDC_CODES = {
    1: KdcReason.ACCOUNT_EXPIRED,
    2: KdcReason.SERVICE_REVOKED,
    6: KdcReason.UNKNOWN_CLIENT,
    7: KdcReason.UNKNOWN_SERVICE,
    8: KdcReason.NOT_UNIQUE,
    9: KdcReason.NO_KEY,
    11: KdcReason.POLICY,  # NEVER_VALID: the lifetime asked for is not allowed
    12: KdcReason.POLICY,
    14: KdcReason.NO_ENCTYPE,
    15: KdcReason.NO_ENCTYPE,  # SUMTYPE_NOSUPP
    16: KdcReason.PREAUTH_UNSUPPORTED,
    18: KdcReason.REVOKED,
    19: KdcReason.SERVICE_REVOKED,
    20: KdcReason.TICKET_REJECTED,
    21: KdcReason.REVOKED,  # CLIENT_NOTYET
    22: KdcReason.SERVICE_REVOKED,
    23: KdcReason.PASSWORD_EXPIRED,
    24: KdcReason.WRONG_PASSWORD,
    25: KdcReason.PREAUTH_UNSUPPORTED,
    29: KdcReason.KDC_ERROR,
    31: KdcReason.TICKET_REJECTED,  # for a logon: a wrong password, see _reason
    32: KdcReason.TICKET_REJECTED,
    33: KdcReason.CLOCK_SKEW,
    34: KdcReason.TICKET_REJECTED,
    35: KdcReason.TICKET_REJECTED,
    36: KdcReason.TICKET_REJECTED,
    37: KdcReason.CLOCK_SKEW,
    41: KdcReason.TICKET_REJECTED,
    44: KdcReason.TICKET_REJECTED,
    45: KdcReason.TICKET_REJECTED,
    46: KdcReason.TICKET_REJECTED,
    52: KdcReason.KDC_ERROR,
    60: KdcReason.KDC_ERROR,
    61: KdcReason.KDC_ERROR,
    68: KdcReason.WRONG_REALM,
    90: KdcReason.PREAUTH_UNSUPPORTED,
    91: KdcReason.PREAUTH_UNSUPPORTED,
}
"""RFC 4120 7.5.9, RFC 6806 (68), RFC 6113 (90, 91): what Active Directory may plausibly answer."""
_LIBRARY_CODES = {
    -1765328240: KdcReason.TICKET_REJECTED,  # KRB5KRB_AP_WRONG_PRINC
    -1765328237: KdcReason.WRONG_REALM,  # KRB5_KDCREP_MODIFIED
    -1765328236: KdcReason.CLOCK_SKEW,  # KRB5_KDCREP_SKEW
    -1765328234: KdcReason.NO_ENCTYPE,  # KRB5_PROG_ETYPE_NOSUPP
    -1765328232: KdcReason.NO_ENCTYPE,  # KRB5_WRONG_ETYPE
    -1765328230: KdcReason.UNKNOWN_REALM,  # KRB5_REALM_UNKNOWN
    -1765328228: KdcReason.NO_KDC,  # KRB5_KDC_UNREACH
    -1765328196: KdcReason.NO_ENCTYPE,  # KRB5_BAD_ENCTYPE
    -1765328176: KdcReason.PREAUTH_UNSUPPORTED,  # KRB5_PREAUTH_BAD_TYPE
    -1765328175: KdcReason.PREAUTH_UNSUPPORTED,  # KRB5_PREAUTH_NO_KEY
    -1765328174: KdcReason.PREAUTH_UNSUPPORTED,  # KRB5_PREAUTH_FAILED
    -1765328164: KdcReason.UNKNOWN_REALM,  # KRB5_REALM_CANT_RESOLVE
    -1765328161: KdcReason.KDC_ERROR,  # KRB5_GET_IN_TKT_LOOP
    -1765328147: KdcReason.NO_ENCTYPE,  # KRB5_CONFIG_ETYPE_NOSUPP
}
"""Of libkrb5 itself: krb5.h."""
_NT_STATUS = {
    0xC000006A: KdcReason.WRONG_PASSWORD,
    0xC000006F: KdcReason.LOGON_HOURS,
    0xC0000070: KdcReason.POLICY,  # INVALID_WORKSTATION
    0xC0000071: KdcReason.PASSWORD_EXPIRED,
    0xC0000072: KdcReason.DISABLED,
    0xC0000193: KdcReason.ACCOUNT_EXPIRED,
    0xC0000224: KdcReason.PASSWORD_EXPIRED,  # PASSWORD_MUST_CHANGE
    0xC0000234: KdcReason.LOCKED,
    0xC0000413: KdcReason.POLICY,  # AUTHENTICATION_FIREWALL_FAILED
}
"""MS-ERREF 2.3.1: what tells more than the Kerberos code."""
_REFINED = {KdcReason.REVOKED, KdcReason.POLICY}


class KdcRefusal(ClientError):
    """The KDC said no. ``code`` is libkrb5's, ``nt_status`` Active Directory's where it gave one."""

    def __init__(self, reason: KdcReason, code: int, text: str, nt_status: int | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.code = code
        self.nt_status = nt_status


class AlreadyFailed(OutOfReach):
    """No logon is tried: one for this account has failed in this run, and accounts lock."""

    def __init__(self, account: str) -> None:
        super().__init__(f"no further logon as {account}: one has failed in this run, and accounts lock")
        self.account = account


@dataclass(frozen=True)
class Kdc:
    """The address (not the name) and TCP port of a KDC."""

    address: str
    port: int = 88

    def __str__(self) -> str:
        return endpoint(self.address, self.port)


@dataclass(frozen=True, eq=False)
class Ticket:
    """A TGT in a memory cache of its own. ``lifetime`` in seconds, from when it was given."""

    principal: str
    lifetime: int
    credentials: Any = field(repr=False)

    @property
    def realm(self) -> str:
        """The realm of the principal."""
        return self.principal.rpartition("@")[2]


@dataclass(frozen=True)
class ServiceTicket:
    """A ticket for a service, made for a client. ``lifetime`` in seconds."""

    spn: str
    principal: str
    lifetime: int


class Kerberos:
    """Gets tickets. One instance for a run; safe between threads. ``seconds`` is the limit for a call.

    Every method raises OutOfReach without gssapi; Refused, TimedOut or Unreachable for a KDC that does not
    answer; KdcRefusal for one that says no.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._library = Libkrb5(seconds)
        self._ledger = _Ledger()

    def begin_again(self, new_secret: bool) -> None:
        """Forget tickets and answers, for another look: a group that a user was put into counts in a new ticket only.

        A failed logon is not forgotten, and not repeated. With ``new_secret``, another password than those that have
        failed may be tried, once.
        """
        self._ledger.begin_again(new_secret)

    def user_ticket(self, user: str, realm: str, password: Hidden[str], kdc: Kdc) -> Ticket:
        """A TGT for ``user@realm``. Asks once for the same password; see :class:`AlreadyFailed`."""
        # A surrogate without its partner becomes U+FFFD, as it does when the daemon (Go) reads JSON.
        text = password.reveal().encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return self.account_ticket(user, realm, Hidden(text.encode()), kdc)

    def account_ticket(self, account: str, realm: str, password: Hidden[bytes], kdc: Kdc) -> Ticket:
        """A TGT for ``account@realm`` (``webapp01$``), with the password in UTF-8. As user_ticket."""
        require_gssapi()
        page = self._ledger.page(account, realm)
        return page.once(password, kdc, lambda: self._logon(f"{account}@{realm}", realm, password, kdc))

    def cached_ticket(self, path: str) -> Ticket:
        """The TGT of a cache in a file, in a memory cache of its own. Asks no KDC. Raises CacheUnusable."""
        require_gssapi()
        return Ticket(*ticket_copy.load(self._library, path))

    def service_ticket(self, ticket: Ticket, spn: str, kdc: Kdc) -> ServiceTicket:
        """A ticket for the service ``spn`` of the ticket's realm. Only the KDC is asked, not the service."""

        def step(context: Any) -> ServiceTicket:
            context.step()
            return ServiceTicket(spn, ticket.principal, int(context.lifetime))

        # without mutual authentication the context is complete when the KDC has answered
        return self._initiate(ticket, spn, kdc, ("integrity",), step)

    def security_context(self, ticket: Ticket, spn: str, kdc: Kdc) -> tuple[SecurityContext, bytes]:
        """Begin to authenticate to the service, mutually and for sealing; with the first token to send."""

        def step(context: Any) -> tuple[SecurityContext, bytes]:
            token = context.step() or b""
            return SecurityContext(self._library, ticket.realm, kdc, context), token

        flags = ("mutual_authentication", "integrity", "confidentiality", "out_of_sequence_detection")
        return self._initiate(ticket, spn, kdc, flags, step)

    def _logon(self, principal: str, realm: str, password: Hidden[bytes], kdc: Kdc) -> Ticket:
        if not password.reveal():
            raise KdcRefusal(KdcReason.EMPTY_PASSWORD, 22, "the password is empty")

        def acquire() -> Ticket:
            gssapi = gssapi_module()
            name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
            mechanisms = [gssapi.MechType.kerberos]
            got = gssapi.raw.acquire_cred_with_password(name, password.reveal(), usage="initiate", mechs=mechanisms)
            # Credentials(base=…) takes the handle away from its argument: done once, here.
            return Ticket(principal, int(got.lifetime or 0), keep(gssapi.Credentials(base=got.creds)))

        return _ask(self._library, realm, kdc, acquire, logon=True)

    def _initiate(self, ticket: Ticket, spn: str, kdc: Kdc, flags: tuple[str, ...], use: Callable[[Any], T]) -> T:
        require_gssapi()

        def initiate() -> T:
            gssapi = gssapi_module()
            name = gssapi.Name(f"{spn}@{ticket.realm}", gssapi.NameType.kerberos_principal)
            wanted = [gssapi.RequirementFlag[flag] for flag in flags]
            context = gssapi.SecurityContext(
                name=name,
                mech=gssapi.MechType.kerberos,
                creds=ticket.credentials,
                usage="initiate",
                flags=wanted,
            )
            return use(context)

        return _ask(self._library, ticket.realm, kdc, initiate)


class SecurityContext:
    """An authentication under way to a service, and then the means to seal what is said to it."""

    def __init__(self, library: Libkrb5, realm: str, kdc: Kdc, context: Any) -> None:
        self._library = library
        self._realm = realm
        self._kdc = kdc
        self._context = context

    @property
    def complete(self) -> bool:
        """Whether both sides have proved who they are."""
        return bool(self._context.complete)

    def step(self, token: bytes) -> bytes:
        """Take the service's token; give the next to send, which may be empty. Raises KdcRefusal."""
        return _ask(self._library, self._realm, self._kdc, lambda: self._context.step(token) or b"")

    def wrap(self, message: bytes, seal: bool) -> bytes:
        """Sign, and with ``seal`` encrypt, a message."""
        return bytes(self._guarded(lambda: self._context.wrap(message, seal)).message)

    def unwrap(self, message: bytes, sealed: bool) -> bytes:
        """The content of a message. Raises Unreachable when it was tampered with or is not ``sealed``."""
        result = self._guarded(lambda: self._context.unwrap(message))
        if sealed and not result.encrypted:
            raise Unreachable("the service", "it sent a message that is not sealed")
        return bytes(result.message)

    def room(self, size: int) -> int:
        """How long a message may be so that sealed it has at most ``size`` bytes."""
        return int(self._context.get_wrap_size_limit(size, True))

    @staticmethod
    def _guarded(fn: Callable[[], Any]) -> Any:
        try:
            return fn()
        except gssapi_module().exceptions.GSSError as error:
            raise Unreachable("the service", "a sealed message cannot be opened") from error


class _Page:
    """What is known of one account's logons. Attempts wait for each other."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._tickets: dict[Hidden[bytes], Ticket] = {}
        self._answers: dict[tuple[Hidden[bytes], Kdc], KdcRefusal] = {}
        self._failed: tuple[Hidden[bytes], ClientError] | None = None
        self._spent: dict[Hidden[bytes], ClientError] = {}
        """Passwords that have failed before the secret changed."""

    def begin_again(self, new_secret: bool) -> None:
        with self._lock:
            self._tickets.clear()
            self._answers.clear()
            if new_secret and self._failed is not None:
                self._spent[self._failed[0]] = self._failed[1]
                self._failed = None

    def once(self, password: Hidden[bytes], kdc: Kdc, logon: Callable[[], Ticket]) -> Ticket:
        with self._lock:
            if self._failed is not None and self._failed[0] == password:
                raise self._failed[1].with_traceback(None)
            if password in self._spent:
                raise self._spent[password].with_traceback(None)
            if password in self._tickets:
                return self._tickets[password]
            if self._failed is not None:
                raise AlreadyFailed(self._account)
            if (password, kdc) in self._answers:
                raise self._answers[password, kdc].with_traceback(None)
            try:
                ticket = self._tickets[password] = logon()
            except _Counted as counted:
                self._failed = (password, counted.error)
                raise counted.error from None
            except KdcRefusal as refusal:
                self._answers[password, kdc] = refusal
                raise
            return ticket


class _Ledger:
    """The accounts of a run (promise 3)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[tuple[str, str], _Page] = {}

    def page(self, account: str, realm: str) -> _Page:
        with self._lock:
            key = (account.casefold(), realm.casefold())
            return self._pages.setdefault(key, _Page(f"{account}@{realm}"))

    def begin_again(self, new_secret: bool) -> None:
        with self._lock:
            for page in self._pages.values():
                page.begin_again(new_secret)


class _Counted(ClientError):
    """Around the error of a logon that counts, or may have counted, as a failed one."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(error.text)
        self.error = error


def _ask(library: Libkrb5, realm: str, kdc: Kdc, fn: Callable[[], T], logon: bool = False) -> T:
    """Do ``fn`` with this KDC, and turn its errors into ours."""

    def asked(route: Route) -> tuple[T, None] | tuple[None, ClientError]:
        try:
            return fn(), None
        except gssapi_module().exceptions.GSSError as error:
            problem = route.problem or _refusal(error, route, logon)
        if logon and _counts(problem, route):
            return None, _Counted(problem)
        return None, problem

    try:
        result, problem = library.call(realm, (kdc.address, kdc.port), asked)
    except Busy:
        raise
    except TimedOut as error:
        problem = _Counted(error) if logon else error
    if problem is not None:
        raise problem
    return cast("T", result)


def _refusal(error: Any, route: Route, logon: bool) -> KdcRefusal:
    code, text = ticket_copy.code_and_text(error)
    refusal = route.refusal
    nt_status = refusal.nt_status if refusal is not None and _BASE + refusal.code == code else None
    return KdcRefusal(_reason(code, nt_status, logon), code, f"{route.what}: {text}", nt_status)


def _reason(code: int, nt_status: int | None, logon: bool) -> KdcReason:
    if logon and code == _BASE + 31:  # the answer does not open: no pre-authentication, wrong password
        return KdcReason.WRONG_PASSWORD
    reason = _KDC_CODES.get(code - _BASE) or _LIBRARY_CODES.get(code, KdcReason.OTHER)
    if reason in _REFINED and nt_status in _NT_STATUS:
        return _NT_STATUS[nt_status]
    return reason


def _counts(problem: ClientError, route: Route) -> bool:
    """Whether the domain may have counted a failed logon.

    The first request of an AS exchange carries no proof of the password, and so counts nothing. After the
    second, all do but those that come when the proof was accepted: the attempt that locks an account, for
    one, may be answered with "locked".
    """
    if not isinstance(problem, KdcRefusal):
        return route.requests > 1
    if problem.reason is KdcReason.WRONG_PASSWORD:
        return True
    return route.requests > 1 and problem.reason not in (KdcReason.CLOCK_SKEW, KdcReason.WRONG_REALM)
