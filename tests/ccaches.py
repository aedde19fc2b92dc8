"""Ticket caches: made of values byte by byte, or with tickets of the real AD."""

import struct
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos
from gmsa_doctor.clients.kerberos.libkrb5 import Libkrb5
from gmsa_doctor.formats.ad import managed_password
from gmsa_doctor.formats.ad.ccache import Ccache, Credential, Principal
from tests.lab import accounts, ad

KEY = b"canary-key-canary-key-canary-key"
TICKET = b"canary-ticket"
BITS = {
    "forwardable": 1,
    "renewable": 8,
    "initial": 9,
    "pre-authent": 10,
    "ok-as-delegate": 13,
    "enc-pa-rep": 15,
}
GMSA = Principal(("webapp01$",), "CORP.EXAMPLE")
KRBTGT = Principal(("krbtgt", "CORP.EXAMPLE"), "CORP.EXAMPLE")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TGT = Credential(
    GMSA,
    KRBTGT,
    18,
    auth=NOON,
    start=NOON,
    end=NOON + timedelta(hours=10),
    renew_till=NOON + timedelta(days=7),
    flags=("renewable", "initial", "pre-authent"),
)
CACHE = Ccache(4, GMSA, (TGT,))


def data(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def principal_bytes(principal: Principal) -> bytes:
    parts = [data(one.encode()) for one in (principal.realm, *principal.components)]
    return struct.pack(">II", 1, len(principal.components)) + b"".join(parts)


def seconds(time: datetime | None) -> int:
    return int(time.timestamp()) if time else 0


def credential_bytes(one: Credential, version: int = 4, ticket: bytes = TICKET) -> bytes:
    """Write a credential as libkrb5 does; with an address and authorization data."""
    enctype = struct.pack(">h", one.enctype) * (2 if version == 3 else 1)
    times = struct.pack(">IIII", seconds(one.auth), seconds(one.start), seconds(one.end), seconds(one.renew_till))
    flags = struct.pack(">BI", 0, sum(1 << (31 - BITS[name]) for name in one.flags))
    listed = struct.pack(">IH", 1, 2) + data(b"\x7f\0\0\1")
    names = principal_bytes(one.client) + principal_bytes(one.server)
    return names + enctype + data(KEY) + times + flags + listed * 2 + data(ticket) + data(b"")


def build(cache: Ccache, more: Iterable[bytes] = ()) -> bytes:
    """Write a cache as libkrb5 does; ``more`` are entries after its credentials."""
    header = b""
    if cache.version == 4:
        offset = cache.clock_offset
        whole = offset.days * 86400 + offset.seconds
        field = struct.pack(">HHii", 1, 8, whole, offset.microseconds)
        header = struct.pack(">H", len(field)) + field
    entries = [credential_bytes(one, cache.version) for one in cache.credentials]
    return bytes((5, cache.version)) + header + principal_bytes(cache.principal) + b"".join([*entries, *more])


def fresh(principal: Principal = GMSA, lasts: timedelta = timedelta(hours=10), **changes: Any) -> Ccache:
    """A cache with a TGT that has been given just now; ``changes`` are made to the TGT."""
    now = datetime.now(UTC).replace(microsecond=0)
    krbtgt = Principal(("krbtgt", principal.realm), principal.realm)
    times = {"auth": now, "start": now, "end": now + lasts, "renew_till": now + timedelta(days=7)}
    return Ccache(4, principal, (replace(TGT, **{"client": principal, "server": krbtgt, **times, **changes}),))


def store_gmsa_ticket(dc: ad.DomainController, gmsa: str, file: Path) -> None:
    """Log on as the gMSA and let libkrb5 write the cache, as kinit does for Credentials Fetcher."""
    with ad.bound(dc, accounts.READER, accounts.PASSWORD) as connection:
        connection.search(dc.base, f"(sAMAccountName={gmsa}$)", attributes=["msDS-ManagedPassword"])
        (entry,) = [one for one in connection.response or [] if one["type"] == "searchResEntry"]
    blob = entry["raw_attributes"]["msDS-ManagedPassword"][0]
    kdc = Kdc(dc.ip)
    ticket = Kerberos().account_ticket(f"{gmsa}$", dc.realm, managed_password.parse(blob).utf8(), kdc)
    where = {"ccache": f"FILE:{file}"}
    Libkrb5(5).call(dc.realm, (kdc.address, kdc.port), lambda _: ticket.credentials.store(store=where, overwrite=True))
