"""LDAP for Active Directory: the rootDSE, and a sealed session of one user."""

from __future__ import annotations

import ipaddress
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gmsa_doctor.clients.ldap.sealing import LARGEST, LARGEST_UNSEALED, BoundedSocket, SealedSocket, sealed_bind
from gmsa_doctor.clients.network.tcp import endpoint
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.core.limits import within

if TYPE_CHECKING:
    from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, Ticket

T = TypeVar("T")
Scope = Literal["base", "one", "subtree"]

CONNECT_SECONDS = 3
SECONDS = 8
_SCOPES = {"base": "BASE", "one": "LEVEL", "subtree": "SUBTREE"}
_SHOW_DELETED = "1.2.840.113556.1.4.417"
"""LDAP_SERVER_SHOW_DELETED_OID. Source: MS-ADTS 3.1.1.3.4.1.14."""
_ROOT_DSE = (
    "currentTime",
    "defaultNamingContext",
    "domainFunctionality",
    "domainControllerFunctionality",
    "serverName",
    "supportedCapabilities",
)
READ_ONLY = "1.2.840.113556.1.4.1920"
"""LDAP_CAP_ACTIVE_DIRECTORY_PARTIAL_SECRETS_OID: the domain controller is read-only. Source: MS-ADTS 3.1.1.3.4.3.6."""


class LdapRefusal(ClientError):
    """The server returned a result other than success (RFC 4511 4.1.9).

    ``code`` and ``name``: the result (8, ``strongerAuthRequired``); ``server_text``: its diagnosticMessage.
    """

    def __init__(self, server: str, code: int, name: str, server_text: str) -> None:
        detail = f": {server_text}" if server_text else ""
        super().__init__(f"{server} answered {name} ({code}){detail}")
        self.code = code
        self.name = name
        self.server_text = server_text


class Attributes(Mapping[str, tuple[bytes, ...]]):
    """Attributes by case-insensitive name (RFC 4512 2.5). Its repr shows names and never values."""

    def __init__(self, attributes: Mapping[str, tuple[bytes, ...]]) -> None:
        self._attributes = {name.lower(): (name, values) for name, values in attributes.items()}

    def __getitem__(self, name: str) -> tuple[bytes, ...]:
        return self._attributes[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._attributes.values())

    def __len__(self) -> int:
        return len(self._attributes)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._attributes

    def __repr__(self) -> str:
        return f"<attributes {', '.join(self)}>"


@dataclass(frozen=True, eq=False)
class Entry:
    """An entry in a search result. Attributes that the server did not return are missing."""

    dn: str
    attributes: Attributes = field(repr=False)

    def first(self, name: str) -> bytes | None:
        """The first value of the attribute."""
        return next(iter(self.attributes.get(name, ())), None)

    def text(self, name: str) -> str | None:
        """The first value of the attribute as text."""
        value = self.first(name)
        return None if value is None else value.decode("utf-8", "replace")

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of the attribute as text."""
        return tuple(value.decode("utf-8", "replace") for value in self.attributes.get(name, ()))


@dataclass(frozen=True)
class RootDse:
    """The rootDSE of a domain controller, which anyone can read (MS-ADTS 3.1.1.3.2).

    Functional levels are numbers: 7 is Windows Server 2016. A gMSA requires 5 (2012) on the domain controller.
    """

    current_time: datetime
    default_naming_context: str
    domain_functionality: int | None = None
    controller_functionality: int | None = None
    server_name: str = ""
    supported_capabilities: tuple[str, ...] = ()
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """The local time when the answer arrived."""

    @property
    def seconds_ahead(self) -> float:
        """How far the server's clock is ahead of the local clock; the server reports whole seconds."""
        return (self.current_time - self.asked_at).total_seconds()

    @property
    def read_only(self) -> bool:
        """Whether this is a read-only domain controller."""
        return READ_ONLY in self.supported_capabilities

    @property
    def site(self) -> str | None:
        """The site, from the server's DN ``CN=DC1,CN=Servers,CN=<site>,CN=Sites,…`` (MS-ADTS 6.1.1.2.2.1)."""
        found = re.match(
            r"CN=(?:[^,\\]|\\.)+,CN=Servers,CN=((?:[^,\\]|\\.)+),CN=Sites,", self.server_name, re.IGNORECASE
        )
        return re.sub(r"\\(.)", r"\1", found[1]) if found else None


class Ldap:
    """Opens LDAP connections, by address and never through the system's resolver.

    ``seconds``: the limit for each call. Every method raises Refused, TimedOut or Unreachable if the server does not
    answer, and LdapRefusal if it returns an error.
    """

    def __init__(self, kerberos: Kerberos, seconds: int = SECONDS) -> None:
        self._kerberos = kerberos
        self._seconds = seconds
        self._silent: dict[tuple[str, int], TimedOut] = {}
        """Servers that did not answer in time: they get no new session."""

    @contextmanager
    def _session(self, address: str, port: int) -> Iterator[_Session]:
        """A new session, which is closed on an error."""
        if silence := self._silent.get((address, port)):
            raise silence.with_traceback(None)
        session = _Session(address, port, self._seconds)
        try:
            yield session
        except BaseException as error:
            session.close()
            if isinstance(error, TimedOut) and error.what == session.peer:  # and not the KDC
                self._silent[address, port] = error
            raise

    def root_dse(self, address: str, port: int = 389) -> RootDse:
        """The rootDSE of the server, read anonymously."""
        with self._session(address, port) as session:
            session.do(session.open)
            found = session.search("", "(objectClass=*)", _ROOT_DSE, "base")
        session.close()
        if not found:
            raise Unreachable(session.peer, "it has no rootDSE, so it is not a directory server")
        return _root_dse(found[0], session.peer)

    def bind(self, host: str, address: str, ticket: Ticket, kdc: Kdc, port: int = 389) -> Directory:
        """A sealed session as the ticket's user. ``host``: the server's name in its SPN ``ldap/host``.

        Also raises KdcRefusal (``unknown-service``: there is no such SPN).
        """
        with self._session(address, port) as session:
            session.do(session.open)
            context, token = self._kerberos.security_context(ticket, f"ldap/{host}", kdc)
            session.do(lambda: sealed_bind(session.connection, context, token))
            session.check_result()
        return Directory(session, host, ticket.principal)


class Directory(AbstractContextManager["Directory"]):
    """A sealed session with a directory server, as one user. Safe between threads; a context manager."""

    def __init__(self, session: _Session, host: str, principal: str) -> None:
        self._session = session
        self.host = host
        self.principal = principal

    def search(
        self, base: str, filter: str, attributes: tuple[str, ...], scope: Scope = "subtree", *, deleted: bool = False
    ) -> tuple[Entry, ...]:
        """The entries below ``base`` that match the filter (RFC 4515: see escape_filter), without referrals.

        ``msDS-ManagedPassword`` must be requested by name: ``*`` does not return it. ``deleted``: include deleted
        objects, as far as the user can see them.
        """
        return self._session.search(base, filter, attributes, scope, deleted)

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Directory {self.host} as {self.principal}>"


def escape_filter(text: str) -> str:
    """``text`` escaped as a value in a filter (RFC 4515 section 3)."""
    return re.sub(r"[\\*()\x00]", lambda found: f"\\{ord(found[0]):02x}", text)


class _Session:
    """An ldap3 connection with a time limit for each step and with typed errors."""

    def __init__(self, address: str, port: int, seconds: int) -> None:
        import ldap3

        ipaddress.ip_address(address)  # the system's resolver would look up a name
        self.peer = f"LDAP {endpoint(address, port)}"
        self._seconds = seconds
        self._lock = threading.Lock()
        self._received: BoundedSocket | None = None
        server = ldap3.Server(address, port, get_info=ldap3.NONE, connect_timeout=CONNECT_SECONDS)
        self.connection: Any = ldap3.Connection(
            server,
            client_strategy=ldap3.SYNC,
            auto_referrals=False,
            check_names=False,
            receive_timeout=seconds,
            return_empty_attributes=False,
        )

    def open(self) -> None:
        self.connection.open(read_server_info=False)
        self.connection.socket = self._received = BoundedSocket(self.connection.socket)

    def search(
        self, base: str, filter: str, attributes: tuple[str, ...], scope: Scope, deleted: bool = False
    ) -> tuple[Entry, ...]:
        controls = [(_SHOW_DELETED, True, None)] if deleted else None
        with self._lock:
            search = partial(self.connection.search, base, filter, _SCOPES[scope])
            self.do(partial(search, attributes=list(attributes), controls=controls))
            self.check_result()
            found = [item for item in self.connection.response or () if item["type"] == "searchResEntry"]
            self.connection.response = None
        return tuple(_entry(item) for item in found)

    def check_result(self) -> None:
        """Raise LdapRefusal unless the last operation succeeded."""
        result = self.connection.result
        if result["result"] != 0:
            text = str(result["message"] or "").strip("\0 \n")  # Active Directory ends its texts with a NUL
            raise LdapRefusal(self.peer, int(result["result"]), str(result["description"]), text)

    def do(self, fn: Callable[[], T]) -> T:
        """Call ``fn`` within the time limit. A network error ends the session."""
        from ldap3.core.exceptions import LDAPCommunicationError, LDAPResponseTimeoutError

        if self._received:
            sealed = isinstance(self.connection.socket, SealedSocket)
            self._received.left = LARGEST if sealed else LARGEST_UNSEALED
        try:
            return within(self._seconds, self.peer, fn)
        except ClientError:
            self.close()
            raise
        except (LDAPCommunicationError, LDAPResponseTimeoutError) as error:
            self.close()
            problem = self._network(error)
        except (LookupError, TypeError, ValueError) as error:  # raised by ldap3 if the answer is not LDAP
            self.close()
            raise Unreachable(self.peer, "its answer is not LDAP") from error
        raise problem

    def close(self) -> None:
        """End the session, even while another thread waits for the server."""
        with suppress(Exception):
            self.connection.strategy.close()

    def _network(self, error: Exception) -> ClientError:
        """Ldap3's errors are also instances of the system's errors."""
        if isinstance(error, ConnectionRefusedError):
            return Refused(self.peer)
        if isinstance(error, TimeoutError | BlockingIOError):
            opening = "open" in str(error)
            return TimedOut(self.peer, CONNECT_SECONDS if opening else self._seconds)
        return Unreachable(self.peer, str(error))


def _entry(item: Mapping[str, Any]) -> Entry:
    values = {name: tuple(values) for name, values in item["raw_attributes"].items()}
    return Entry(str(item["dn"]), Attributes(values))


def _root_dse(entry: Entry, peer: str) -> RootDse:
    try:
        return RootDse(
            _generalized_time(entry.text("currentTime") or ""),
            entry.text("defaultNamingContext") or "",
            _number(entry.text("domainFunctionality")),
            _number(entry.text("domainControllerFunctionality")),
            entry.text("serverName") or "",
            entry.texts("supportedCapabilities"),
        )
    except ValueError:
        raise Unreachable(peer, "its rootDSE is not that of a domain controller") from None


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _generalized_time(text: str) -> datetime:
    """``20250131235959.0Z`` (RFC 4517 3.3.13); Active Directory writes UTC. Raises ValueError."""
    return datetime.strptime(text[:14] + text[-1:], "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
