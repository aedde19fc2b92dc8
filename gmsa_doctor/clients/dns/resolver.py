"""DNS: SRV records, addresses and names from one resolver, with a time limit."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any

from gmsa_doctor.clients.remembered import RememberedAnswers
from gmsa_doctor.core.errors import ClientError, CutOff, NotFound, Refused, TimedOut, Unreachable

SECONDS = 4.0
"""For one query, all servers and repetitions together."""


@dataclass(frozen=True)
class Srv:
    """An SRV record; ``target`` in lower case, without the trailing dot. Source: RFC 2782."""

    target: str
    port: int
    priority: int
    weight: int


class Dns:
    """A resolver with the given servers, otherwise those of the system. Remembers its answers.

    The first query raises Unreachable if the system has no DNS server.
    """

    def __init__(self, servers: tuple[str, ...] = (), seconds: float = SECONDS) -> None:
        self._given = servers
        self._seconds = seconds
        self._lock = Lock()
        self._resolver: Any = None
        self._answers = RememberedAnswers()

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses of the DNS servers."""
        return tuple(server.address for server in self._ready().nameservers)

    def srv(self, name: str) -> tuple[Srv, ...]:
        """The SRV records of ``name`` in the order of the answer.

        Raises NotFound (no such name, no such record), TimedOut, Refused, Unreachable.
        """
        records = self._ask(name, "SRV")
        return tuple(Srv(_target(record), record.port, record.priority, record.weight) for record in records)

    def addresses(self, host: str) -> tuple[str, ...]:
        """The IPv4 addresses of a host; without any, its IPv6 addresses. Raises as :meth:`srv`."""
        missing: NotFound | None = None
        for kind in ("A", "AAAA"):
            try:
                return tuple(str(record.address) for record in self._ask(host, kind))
            except NotFound as error:
                missing = missing or error
        raise missing or NotFound(host)

    def names_of(self, address: str) -> tuple[str, ...]:
        """The names of an address (PTR), in lower case. Raises as :meth:`srv`."""
        import dns.reversename

        name = dns.reversename.from_address(address).to_text(omit_final_dot=True)
        return tuple(map(_target, self._ask(name, "PTR")))

    def is_alias(self, host: str) -> str | None:
        """The CNAME target of ``host``, or None."""
        try:
            return _target(self._ask(host, "CNAME")[0])
        except ClientError:
            return None

    def name_of(self, address: str) -> str | None:
        """The first name of an address (PTR), or None."""
        try:
            return self.names_of(address)[0]
        except ClientError:
            return None

    def _ready(self) -> Any:
        import dns.resolver

        from gmsa_doctor.clients.dns.nameserver import ConnectedNameserver

        with self._lock:
            if self._resolver is None:
                try:
                    self._resolver = dns.resolver.Resolver(configure=not self._given)
                except dns.resolver.NoResolverConfiguration as error:
                    raise Unreachable("the system's resolver", "no DNS server is configured") from error
                addresses = self._given or tuple(self._resolver.nameservers)
                self._resolver.nameservers = [*map(ConnectedNameserver, addresses)]
                self._resolver.lifetime = self._seconds
                self._resolver.timeout = self._seconds / 2
            return self._resolver

    def _ask(self, name: str, kind: str) -> Any:
        return self._answers.get((name.lower(), kind), lambda: self._question(name, kind))

    def _question(self, name: str, kind: str) -> Any:
        import dns.exception
        import dns.resolver

        resolver = self._ready()
        server = "DNS server " + ", ".join(self.servers)
        try:
            return list(resolver.resolve(f"{name}.", kind, search=False))
        except dns.resolver.NXDOMAIN as error:
            raise NotFound(f"{server}: no such name {name}", "NXDOMAIN") from error
        except dns.resolver.NoAnswer as error:
            raise NotFound(f"{server}: {name} has no {kind} record", "NOANSWER") from error
        except dns.resolver.NoNameservers as error:
            raise _cut_off(server, name, error) or _no_server(server, error) from error
        except dns.exception.Timeout as error:
            raise _cut_off(server, name, error) or TimedOut(server, self._seconds) from error
        except dns.exception.DNSException as error:
            raise Unreachable(server, f"{type(error).__name__} for {name}") from error


def _target(record: Any) -> str:
    return str(record.target).rstrip(".").lower()


def _cut_off(server: str, name: str, error: Any) -> CutOff | None:
    """The error if an answer was too long for UDP (RFC 1035 4.2.1), and no server returned it over TCP."""
    import dns.message

    attempts = error.kwargs.get("errors", ())
    if not any(isinstance(cause, dns.message.Truncated) for _, _, _, cause, *_ in attempts):
        return None
    refused = any(tcp and isinstance(cause, ConnectionRefusedError) for _, tcp, _, cause, *_ in attempts)
    reason = "refuses connections" if refused else "does not answer"
    return CutOff(server, f"the answer for {name} is too long for UDP, and TCP 53 {reason}")


def _no_server(server: str, error: Any) -> ClientError:
    """All servers failed; the reasons are in dnspython's list of attempts."""
    causes = (attempt[3] for attempt in error.kwargs.get("errors", ()))
    reasons = [str(getattr(cause, "strerror", None) or cause) for cause in causes]
    text = "; ".join(dict.fromkeys(reasons)) or "no server answered"
    if "REFUSED" in text or "SERVFAIL" in text:
        return Refused(server, f"answered {text.removeprefix('Server answered ')}")
    return Refused(server, text) if "refused" in text.lower() else Unreachable(server, text)
