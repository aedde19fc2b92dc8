"""Loads the ticket of a cache file into libkrb5 without changing that file.

libkrb5 stores new service tickets in the cache of the TGT, and writes to a cache whose ticket has expired (seen with
MIT 1.20). So it uses a copy in memory.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

from gmsa_doctor.clients.kerberos.libkrb5 import Libkrb5, gssapi_module, keep
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor.core.hidden import Hidden

_LIMIT = 4 * 1024 * 1024
_NOWHERE = ("NOWHERE.INVALID", ("127.0.0.1", 0))
"""A realm and its KDC, which every call requires; none is contacted here."""
_TICKET_EXPIRED = -1765328352
"""KRB5KRB_AP_ERR_TKT_EXPIRED in krb5.h."""
_numbers = itertools.count(1)


class CacheUnusable(ClientError):
    """libkrb5 cannot load a ticket from a cache. ``code``: libkrb5's; 0 if the file could not be opened."""

    def __init__(self, path: str, code: int, text: str) -> None:
        super().__init__(f"libkrb5 cannot use the ticket cache {path}: {text}")
        self.code = code


def load(library: Libkrb5, path: str) -> tuple[str, int, Any]:
    """The principal, the remaining seconds, and GSSAPI credentials in their own memory cache. Raises CacheUnusable."""
    realm, kdc = _NOWHERE
    try:
        with open(path, "rb") as file:
            content = Hidden(file.read(_LIMIT))
        found = library.call(realm, kdc, lambda _: _loaded(path, content))
    except OSError as error:
        raise CacheUnusable(path, 0, error.strerror or "it cannot be read") from None
    except TimedOut as error:
        raise TimedOut(f"libkrb5, loading the ticket cache {path},", error.seconds) from None
    if isinstance(found, CacheUnusable):
        raise found
    return found


def _loaded(path: str, content: Hidden[bytes]) -> tuple[str, int, Any] | CacheUnusable:
    gssapi = gssapi_module()
    mechanism = gssapi.MechType.kerberos
    copy = f"MEMORY:gmsa-doctor-copy-{next(_numbers)}"

    def credentials(cache: str) -> Any:
        return keep(gssapi.Credentials(usage="initiate", mechs=[mechanism], store={"ccache": cache}))

    try:
        with open(os.memfd_create("gmsa-doctor-krb5cc"), "wb") as file:
            file.write(content.reveal())
            file.flush()
            read = credentials(f"FILE:/proc/self/fd/{file.fileno()}")
            read.store(usage="initiate", mech=mechanism, overwrite=True, store={"ccache": copy})
        ours = credentials(copy)
        return str(ours.name), int(ours.lifetime or 0), ours
    except gssapi.exceptions.ExpiredCredentialsError:
        return CacheUnusable(path, _TICKET_EXPIRED, "its ticket has expired")
    except gssapi.exceptions.GSSError as error:
        code, text = code_and_text(error)
        return CacheUnusable(path, code, text.partition(" (filename: ")[0])


def code_and_text(error: Any) -> tuple[int, str]:
    """The code and text of a GSSError. Call it in the thread of the error: the library keeps error texts by thread."""
    code = error.min_code - (1 << 32) if error.min_code >= 1 << 31 else error.min_code
    return code, "; ".join(error.get_all_statuses(error.min_code, False))
