"""Kerberos: tickets for users, gMSAs and services, and the ledger of failed logons."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gmsa_doctor.clients.kerberos import ticket_copy
from gmsa_doctor.clients.kerberos.kdc_errors import BASE, KdcReason, KdcRefusal, reason_of
from gmsa_doctor.clients.kerberos.ledger import Counted, Ledger, Turns
from gmsa_doctor.clients.kerberos.libkrb5 import Busy, Libkrb5, gssapi_module, keep, require_gssapi
from gmsa_doctor.clients.network.tcp import endpoint
from gmsa_doctor.core.errors import ClientError, TimedOut, Unreachable
from gmsa_doctor.core.hidden import Hidden

if TYPE_CHECKING:
    from gmsa_doctor.clients.kerberos.kdc_relay import KdcRoute

T = TypeVar("T")

SECONDS = 5.0
"""Two KDCs that are silent, one after the other, leave time for the rest of a run of 20 seconds."""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Kdc:
    """The address (not the name) and TCP port of a KDC."""

    address: str
    port: int = 88

    def __str__(self) -> str:
        return endpoint(self.address, self.port)


@dataclass(frozen=True)
class Enctypes:
    """Encryption types (IANA numbers) of a logon, as seen on the wire.

    ``offered``: those that the KDC accepts for pre-authentication (common to this client and the account).
    ``account``: of the account's key. ``kdc``: of the KDC's own key, which encrypts the TGT.
    """

    offered: tuple[int, ...]
    account: int
    kdc: int


@dataclass(frozen=True, eq=False)
class Ticket:
    """A TGT in its own memory cache. ``lifetime`` in seconds, from when it was issued."""

    principal: str
    lifetime: int
    credentials: Any = field(repr=False)
    enctypes: Enctypes | None = None

    @property
    def realm(self) -> str:
        """The realm of the principal."""
        return self.principal.rpartition("@")[2]


@dataclass(frozen=True)
class ServiceTicket:
    """A ticket for a service, issued to ``principal``. ``lifetime`` in seconds.

    ``enctype``: the type of the service's key, which encrypts the ticket; None if it was not seen.
    """

    spn: str
    principal: str
    lifetime: int
    enctype: int | None = None


class Referred(ClientError):
    """The KDC referred to ``realm``, of which no KDC was given: a yes of this KDC (RFC 6806 section 8)."""

    def __init__(self, realm: str) -> None:
        super().__init__(f"referred to {realm}, not followed")
        self.realm = realm


class Kerberos:
    """Gets tickets. One instance for a run; safe between threads. ``seconds``: the limit for a call.

    ``turns``: of the logons of a run with several processes.

    Every method raises OutOfReach without gssapi; Refused, TimedOut or Unreachable if the KDC does not answer;
    KdcRefusal if it answers with an error.
    """

    def __init__(self, seconds: float = SECONDS, turns: Turns | None = None) -> None:
        self._library = Libkrb5(seconds)
        self._ledger = Ledger(turns)

    def begin_again(self, new_secret: bool) -> None:
        """Forget tickets and answers before a retry: a new group membership is in new tickets only.

        A failed logon is remembered and not repeated. ``new_secret``: a password that has not failed may be tried once.
        """
        self._ledger.begin_again(new_secret)
        self._library.silent.clear()

    @property
    def failed_logons(self) -> tuple[str, ...]:
        """The accounts of which a logon failed, or may have failed: ``user@realm`` in lower case."""
        return self._ledger.failed

    def regard_as_failed(self, accounts: Iterable[str]) -> None:
        """Permit no logon as these accounts of ``failed_logons`` in another process."""
        for account in accounts:
            user, _, realm = account.rpartition("@")
            self._ledger.page(user, realm).close()

    def user_ticket(self, user: str, realm: str, password: Hidden[str], kdc: Kdc) -> Ticket:
        """A TGT for ``user@realm``. One logon for each password; see :class:`ledger.AlreadyFailed`."""
        # A surrogate without its partner becomes U+FFFD, as it does when the daemon (Go) reads JSON.
        text = password.reveal().encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return self.account_ticket(user, realm, Hidden(text.encode()), kdc)

    def account_ticket(self, account: str, realm: str, password: Hidden[bytes], kdc: Kdc) -> Ticket:
        """A TGT for ``account@realm`` (``webapp01$``), with the password in UTF-8. As user_ticket."""
        return self._once(account, realm, password, kdc, self._logon)

    def keytab_ticket(self, account: str, realm: str, keytab: Hidden[bytes], kdc: Kdc) -> Ticket:
        """A TGT for ``account@realm``, with a key from a keytab's content. As user_ticket."""
        return self._once(account, realm, keytab, kdc, self._logon_with_keytab)

    def cached_ticket(self, path: str) -> Ticket:
        """The TGT from a cache file, copied to its own memory cache. Contacts no KDC. Raises CacheUnusable."""
        require_gssapi()
        return Ticket(*ticket_copy.load(self._library, path))

    def service_ticket(
        self, ticket: Ticket, spn: str, kdc: Kdc, realm: str = "", others: Mapping[str, Kdc] | None = None
    ) -> ServiceTicket:
        """A ticket for the service ``spn``. Contacts KDCs, not the service.

        Without ``realm`` the KDC may refer to another realm, as it does for drivers (RFC 6806 section 8). ``others``
        are the KDCs of other realms; raises Referred if the one that is needed is not among them.
        """

        def step(context: Any, route: KdcRoute) -> ServiceTicket:
            context.step()
            seen = route.ticket
            return ServiceTicket(spn, ticket.principal, int(context.lifetime), seen.ticket if seen else None)

        # without mutual authentication, the context is complete after the KDC's answer
        return self._initiate(ticket, _service_name(spn, realm), kdc, ("integrity",), step, others)

    def security_context(self, ticket: Ticket, spn: str, kdc: Kdc) -> tuple[SecurityContext, bytes]:
        """Start mutual authentication with sealing to the service. Returns the context and the first token to send."""

        def step(context: Any, _: KdcRoute) -> tuple[SecurityContext, bytes]:
            token = context.step() or b""
            return SecurityContext(self._library, ticket.realm, kdc, context), token

        flags = ("mutual_authentication", "integrity", "confidentiality", "out_of_sequence_detection")
        return self._initiate(ticket, (f"{spn}@{ticket.realm}", "kerberos_principal"), kdc, flags, step)

    def _once(self, account: str, realm: str, secret: Hidden[bytes], kdc: Kdc, logon: _LogOn) -> Ticket:
        require_gssapi()
        page = self._ledger.page(account, realm)
        return page.once(secret, kdc, lambda: logon(f"{account}@{realm}", realm, secret, kdc))

    def _logon(self, principal: str, realm: str, password: Hidden[bytes], kdc: Kdc) -> Ticket:
        if not password.reveal():
            raise KdcRefusal(KdcReason.EMPTY_PASSWORD, 22, "the password is empty")

        def acquire(route: KdcRoute) -> Ticket:
            gssapi = gssapi_module()
            name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
            mechanisms = [gssapi.MechType.kerberos]
            got = gssapi.raw.acquire_cred_with_password(name, password.reveal(), usage="initiate", mechs=mechanisms)
            # Credentials(base=…) takes over the handle of its argument, so it works only once.
            credentials = keep(gssapi.Credentials(base=got.creds))
            seen = route.ticket
            enctypes = Enctypes(route.offered, seen.key, seen.ticket) if seen and seen.logon else None
            return Ticket(principal, int(got.lifetime or 0), credentials, enctypes)

        return self._tried(realm, password, kdc, acquire)

    def _tried(self, realm: str, secret: Hidden[bytes], kdc: Kdc, acquire: Callable[[KdcRoute], Ticket]) -> Ticket:
        """A logon, unless one failed for the same account under another name: the KDC's first answer shows that."""
        salts = {b""}

        def log_on(route: KdcRoute) -> Ticket:
            def objection(salt: bytes) -> ClientError | None:
                salts.add(salt)
                return self._ledger.objection(salt, secret)

            route.may_prove = objection
            return acquire(route)

        try:
            return _ask(self._library, realm, kdc, log_on, logon=True)
        except Counted:
            for salt in salts:
                self._ledger.note(salt, secret)
            raise

    def _logon_with_keytab(self, principal: str, realm: str, keytab: Hidden[bytes], kdc: Kdc) -> Ticket:
        def acquire(_: KdcRoute) -> Ticket:
            gssapi = gssapi_module()
            name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
            with open(os.memfd_create("gmsa-doctor-keytab"), "wb") as file:
                file.write(keytab.reveal())
                file.flush()
                store = {
                    "client_keytab": f"FILE:/proc/self/fd/{file.fileno()}",
                    "ccache": f"MEMORY:gmsa-doctor-{next(_numbers)}",
                }
                got = gssapi.Credentials(name=name, usage="initiate", mechs=[gssapi.MechType.kerberos], store=store)
                # reading the lifetime makes libkrb5 log on
                return Ticket(principal, int(got.lifetime or 0), keep(got))

        return self._tried(realm, keytab, kdc, acquire)

    def _initiate(
        self,
        ticket: Ticket,
        service: tuple[str, str],
        kdc: Kdc,
        flags: tuple[str, ...],
        use: Callable[[Any, KdcRoute], T],
        others: Mapping[str, Kdc] | None = None,
    ) -> T:
        require_gssapi()

        def initiate(route: KdcRoute) -> T:
            gssapi = gssapi_module()
            name = gssapi.Name(service[0], getattr(gssapi.NameType, service[1]))
            wanted = [gssapi.RequirementFlag[flag] for flag in flags]
            context = gssapi.SecurityContext(
                name=name, mech=gssapi.MechType.kerberos, creds=ticket.credentials, usage="initiate", flags=wanted
            )
            return use(context, route)

        return _ask(self._library, ticket.realm, kdc, initiate, others=others)


def _service_name(spn: str, realm: str) -> tuple[str, str]:
    """The name and its GSSAPI type. Without a realm, of the type that drivers use, so that KDCs may refer."""
    service, slash, host = spn.partition("/")
    if realm or not slash or "/" in host or "@" in spn:
        return f"{spn}@{realm}", "kerberos_principal"
    return f"{service}@{host}", "hostbased_service"


_LogOn = Callable[[str, str, Hidden[bytes], Kdc], Ticket]


class SecurityContext:
    """A GSSAPI security context. It authenticates to a service, then signs and seals messages."""

    def __init__(self, library: Libkrb5, realm: str, kdc: Kdc, context: Any) -> None:
        self._library = library
        self._realm = realm
        self._kdc = kdc
        self._context = context

    @property
    def complete(self) -> bool:
        """Whether both sides are authenticated."""
        return bool(self._context.complete)

    def step(self, token: bytes) -> bytes:
        """Process the service's token. Returns the next token to send, which may be empty. Raises KdcRefusal."""
        return _ask(self._library, self._realm, self._kdc, lambda _: self._context.step(token) or b"")

    def wrap(self, message: bytes, seal: bool) -> bytes:
        """Sign, and with ``seal`` encrypt, a message."""
        return bytes(self._guarded(lambda: self._context.wrap(message, seal)).message)

    def unwrap(self, message: bytes, sealed: bool) -> bytes:
        """The content of a message. Raises Unreachable if it was modified or is not ``sealed``."""
        result = self._guarded(lambda: self._context.unwrap(message))
        if sealed and not result.encrypted:
            raise Unreachable("the service", "it sent an unsealed message")
        return bytes(result.message)

    def room(self, size: int) -> int:
        """The largest message that has at most ``size`` bytes when sealed."""
        return int(self._context.get_wrap_size_limit(size, True))

    @staticmethod
    def _guarded(fn: Callable[[], Any]) -> Any:
        try:
            return fn()
        except gssapi_module().exceptions.GSSError as error:
            raise Unreachable("the service", "a sealed message cannot be decrypted") from error


def _ask(
    library: Libkrb5,
    realm: str,
    kdc: Kdc,
    fn: Callable[[KdcRoute], T],
    logon: bool = False,
    others: Mapping[str, Kdc] | None = None,
) -> T:
    """Call ``fn`` with this KDC, and with those of other realms, and translate its errors."""
    addresses = {realm: (kdc.address, kdc.port) for realm, kdc in (others or {}).items()}
    if silence := library.silent.get((kdc.address, kdc.port)):
        raise silence.with_traceback(None)

    def asked(route: KdcRoute) -> tuple[T, None] | tuple[None, ClientError]:
        try:
            return fn(route), None
        except gssapi_module().exceptions.GSSError as error:
            problem = route.problem or _referral(route, realm) or _refusal(error, route, logon)
        if isinstance(problem, TimedOut) and not route.others:
            library.silent[kdc.address, kdc.port] = problem
        if logon and _counts(problem, route):
            return None, Counted(problem)
        return None, problem

    try:
        result, problem = library.call(realm, (kdc.address, kdc.port), asked, addresses)
    except Busy:
        raise
    except TimedOut as error:
        library.silent[kdc.address, kdc.port] = error
        problem = Counted(error) if logon else error
    if problem is not None:
        raise problem
    return cast("T", result)


def _referral(route: KdcRoute, realm: str) -> Referred | None:
    """A TGT for a realm without a KDC here: libkrb5 could not go on."""
    other = route.ticket.tgt_for if route.ticket and not route.ticket.logon else ""
    return Referred(other) if other not in ("", realm, *route.others) else None


def _refusal(error: Any, route: KdcRoute, logon: bool) -> KdcRefusal:
    code, text = ticket_copy.code_and_text(error)
    refusal = route.refusal
    nt_status = refusal.nt_status if refusal is not None and BASE + refusal.code == code else None
    reason = reason_of(code, nt_status, logon)
    if reason is KdcReason.PREAUTH_UNSUPPORTED and refusal is not None and refusal.requires_armor:
        reason = KdcReason.ARMOR_REQUIRED
    return KdcRefusal(reason, code, f"{route.peer}: {text}", nt_status)


def _counts(problem: ClientError, route: KdcRoute) -> bool:
    """Whether the domain may have counted a failed logon.

    The first request of an AS exchange has no pre-authentication, so it never counts. After the second, every error
    may count except those that follow an accepted password. The attempt that locks an account, for example, may get
    the answer "locked".
    """
    if not isinstance(problem, KdcRefusal):
        return route.requests > 1
    if problem.reason is KdcReason.WRONG_PASSWORD:
        return True
    return route.requests > 1 and problem.reason not in (KdcReason.CLOCK_SKEW, KdcReason.WRONG_REALM)
