"""Isolates libkrb5 and its GSSAPI: none of the machine's configuration, caches or keytabs, and one call at a time.

libkrb5 finds its configuration through the environment of the process. So every use of GSSAPI goes through
:meth:`Libkrb5.call`, under one lock: it sets the environment for the call and restores it afterwards, so that child
processes (an AWS ``credential_process``) do not inherit it.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from gmsa_doctor.clients.kerberos.kdc_relay import KdcRelay, KdcRoute
from gmsa_doctor.core.errors import OutOfReach, TimedOut
from gmsa_doctor.core.limits import within
from gmsa_doctor.core.model import Fix, Owner

T = TypeVar("T")

GRACE_SECONDS = 2.0
"""How much longer than the KDC's limit a call may take before it is abandoned."""
_NOWHERE = "/nonexistent"
_ENVIRONMENT = {
    "KRB5CCNAME": "MEMORY:gmsa-doctor-empty",
    "KRB5_KTNAME": "MEMORY:gmsa-doctor-empty",
    "KRB5_CLIENT_KTNAME": "MEMORY:gmsa-doctor-empty",
    "KRB5RCACHENAME": "none:",
    "GSS_MECH_CONFIG": "/dev/null",
    # Locator plug-ins of domain-joined machines override the KDC in krb5.conf: sssd_krb5_locator_plugin(8), and
    # winbind_off() of libwbclient.
    "SSSD_KRB5_LOCATOR_DISABLE": "1",
    "_NO_WINBINDD": "1",
}
# The KDC is kdc_relay.py on loopback. No pre-authentication plug-ins. kdc_timesync keeps its default, as in Credentials
# Fetcher. MIT before 1.22 ignores request_timeout.
_KRB5_CONF = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 request_timeout = {seconds}s
 plugin_base_dir = {nowhere}
 qualify_shortname = ""
[realms]
"""
_REALM_CONF = """\
 {realm} = {{
  kdc = {kdc}
 }}
"""
_REALM = re.compile(r"[A-Za-z0-9._-]+")

_lock = threading.Lock()
"""Protects GSSAPI in the whole process."""
_kept: list[object] = []


def gssapi_missing() -> str | None:
    """Why Kerberos is not available here, or None. Imports gssapi if it is installed."""
    if sys.modules.get("gssapi") is not None:
        return None
    if not hasattr(os, "memfd_create"):
        return "this system has no memfd_create(2), and Kerberos must not read the machine's configuration"
    if importlib.util.find_spec("gssapi") is None:
        return "the Python package gssapi is not installed"
    try:
        with _lock, _environment(_ENVIRONMENT):
            import gssapi  # noqa: F401
    except (ImportError, OSError) as error:
        return f"the Python package gssapi cannot be loaded: {error}"
    return None


def gssapi_module() -> Any:
    """The package gssapi; call require_gssapi first. Untyped: its types differ between versions."""
    import gssapi

    return gssapi


def require_gssapi() -> None:
    """Raise OutOfReach, with an installation command, if Kerberos is not available here."""
    reason = gssapi_missing()
    if reason is not None:
        text = "Install gmsa-doctor with the extra `live` (requires gcc and libkrb5-dev), or use its container image."
        fix = Fix(text, ("pip install 'gmsa-doctor[live]'",), owner=Owner.DEVELOPER)
        raise OutOfReach(f"Kerberos is not available: {reason}", fix)


def keep(credentials: T) -> T:
    """Keep credentials until the process ends: libkrb5 would read its configuration again to release them."""
    if not _kept:
        atexit.register(os.environ.update, {**_ENVIRONMENT, "KRB5_CONFIG": os.devnull})
    _kept.append(credentials)
    return credentials


class Busy(TimedOut):
    """No request was sent: an earlier, abandoned call still holds the library's lock."""


class Libkrb5:
    """Runs GSSAPI calls against one KDC at a time. ``seconds``: the limit for a call."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.silent: dict[tuple[str, int], TimedOut] = {}
        """KDCs that did not answer in time, by address and port: the callers send them no further request."""
        self._relay: KdcRelay | None = None
        self._configurations: dict[tuple[str, ...], int] = {}

    def call(
        self,
        realm: str,
        kdc: tuple[str, int],
        fn: Callable[[KdcRoute], T],
        others: Mapping[str, tuple[str, int]] | None = None,
    ) -> T:
        """Call ``fn`` with a configuration that has only this KDC for ``realm``, and one for each of ``others``.

        Exceptions of ``fn`` propagate. Raises Busy, or TimedOut if the call does not return in time.
        """
        route = KdcRoute(*kdc, others=others or {})
        wait = self.seconds + GRACE_SECONDS
        if not _lock.acquire(timeout=wait):
            raise Busy(f"{route.peer} not contacted: an earlier Kerberos call is still running, and", wait)

        def locked() -> T:
            try:
                configuration = {**_ENVIRONMENT, "KRB5_CONFIG": self._configuration((realm, *route.others))}
                with _environment(configuration), self._get_relay().route(route):
                    route.begin(self.seconds)
                    return fn(route)
            finally:
                _lock.release()

        return within(wait, route.peer, locked)

    def _get_relay(self) -> KdcRelay:
        if self._relay is None:
            self._relay = KdcRelay()
        return self._relay

    def _configuration(self, realms: tuple[str, ...]) -> str:
        """The path of a krb5.conf in memory. The file stays open, since libkrb5 caches files by path."""
        if not all(map(_REALM.fullmatch, realms)):
            raise ValueError("not a realm name")
        if realms not in self._configurations:
            text = _KRB5_CONF.format(realm=realms[0], seconds=int(self.seconds) + 1, nowhere=_NOWHERE)
            text += "".join(_REALM_CONF.format(realm=realm, kdc=self._get_relay().address) for realm in realms)
            descriptor = os.memfd_create("gmsa-doctor-krb5.conf")
            os.write(descriptor, text.encode())
            self._configurations[realms] = descriptor
        return f"/proc/self/fd/{self._configurations[realms]}"


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
