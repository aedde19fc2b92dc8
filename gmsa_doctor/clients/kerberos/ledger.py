"""The ledger of failed logons: at most one for each account and run (promise 3)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypeVar

from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal
from gmsa_doctor.core.errors import ClientError, OutOfReach
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.limits import waiting

T = TypeVar("T")


class AlreadyFailed(OutOfReach):
    """A logon for this account failed in this run. There is no second attempt, since accounts can lock."""

    def __init__(self, reason: str = "one failed in this run") -> None:
        super().__init__(f"no further logon as this account: {reason}, and another could lock the account")


EndTurn = Callable[[bool], None]
"""Gets whether the logon failed, or may have failed."""


class Turns(Protocol):
    """Lets the processes of a run log on as an account one after the other, and none after a failed logon."""

    def take(self, account: str, realm: str) -> EndTurn:
        """Wait for the turn; what is returned ends it. Raises AlreadyFailed, or another ClientError."""


class _OneProcess:
    """The turns of a run with one process: a page has a lock of its own."""

    def take(self, account: str, realm: str) -> EndTurn:
        return lambda failed: None


@contextmanager
def _turn_of(lock: threading.Lock) -> Iterator[None]:
    """Hold the lock; the time until then counts against no limit."""
    if not lock.acquire(blocking=False):
        with waiting():
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


class Page:
    """The logons of one account, one at a time."""

    def __init__(self, take_turn: Callable[[], EndTurn]) -> None:
        self._lock = threading.Lock()
        self._take_turn = take_turn
        self._tickets: dict[Hidden[bytes], Any] = {}
        self._answers: dict[tuple[Hidden[bytes], Hashable], KdcRefusal] = {}
        self._failed: tuple[Hidden[bytes], ClientError] | None = None
        self._offered: set[Hidden[bytes]] = set()
        self._spent: dict[Hidden[bytes], ClientError] = {}
        """Passwords that failed, or were not tried, before the secret changed."""

    @property
    def has_failed(self) -> bool:
        """Whether a logon failed, or may have failed."""
        return bool(self._failed or self._spent)

    def close(self) -> None:
        """Permit no logon: one failed in another process."""
        with self._lock:
            self._failed = self._failed or (Hidden(b""), AlreadyFailed())

    def begin_again(self, new_secret: bool) -> None:
        """See :meth:`Kerberos.begin_again`."""
        with self._lock:
            if new_secret and self._failed is not None:
                for password in self._offered - set(self._tickets):
                    self._spent.setdefault(password, AlreadyFailed())
                self._spent[self._failed[0]] = self._failed[1]
                self._failed = None
            self._tickets.clear()
            self._answers.clear()

    def once(self, password: Hidden[bytes], kdc: Hashable, logon: Callable[[], T]) -> T:
        """The ticket of this logon, or its error, which is raised again instead of a second attempt."""
        with _turn_of(self._lock):
            if self._failed is not None and self._failed[0] == password:
                raise self._failed[1].with_traceback(None)
            self._offered.add(password)
            if password in self._spent:
                raise self._spent[password].with_traceback(None)
            if password in self._tickets:
                kept: T = self._tickets[password]
                return kept
            if self._failed is not None:
                raise AlreadyFailed()
            if (password, kdc) in self._answers:
                raise self._answers[password, kdc].with_traceback(None)
            end = self._take_turn()
            try:
                ticket = self._tickets[password] = logon()
            except Counted as counted:
                self._failed = (password, counted.error)
                end(True)
                raise counted.error from None
            except ClientError as error:
                if isinstance(error, KdcRefusal):
                    self._answers[password, kdc] = error
                end(False)
                raise
            end(False)
            return ticket


class Ledger:
    """The accounts of a run (promise 3). ``turns``: of a run with several processes."""

    def __init__(self, turns: Turns | None = None) -> None:
        self._turns = turns or _OneProcess()
        self._lock = threading.Lock()
        self._pages: dict[tuple[str, str], Page] = {}
        self._failed: dict[bytes, Hidden[bytes]] = {}
        """By salt, which accounts keep under each of their names: sAMAccountName, UPN prefix, NetBIOS form."""
        self._spent: set[tuple[bytes, Hidden[bytes]]] = set()

    def page(self, account: str, realm: str) -> Page:
        """The account's logons."""
        with self._lock:
            key = (account.casefold(), realm.casefold())
            return self._pages.setdefault(key, Page(partial(self._turns.take, *key)))

    @property
    def failed(self) -> tuple[str, ...]:
        """The accounts of which a logon failed, or may have failed: ``user@realm`` in lower case."""
        with self._lock:
            return tuple(f"{account}@{realm}" for (account, realm), page in self._pages.items() if page.has_failed)

    def begin_again(self, new_secret: bool) -> None:
        """See :meth:`Kerberos.begin_again`."""
        with self._lock:
            for page in self._pages.values():
                page.begin_again(new_secret)
            if new_secret:
                self._spent.update(self._failed.items())
                self._failed.clear()

    def objection(self, salt: bytes, password: Hidden[bytes]) -> AlreadyFailed | None:
        """Why this password may not be sent for the account with this salt: it failed under another name."""
        with self._lock:
            is_spent = salt in self._failed or (salt, password) in self._spent
            return AlreadyFailed() if is_spent else None

    def note(self, salt: bytes, password: Hidden[bytes]) -> None:
        """A logon with this password has failed, or may have."""
        if salt:
            with self._lock:
                self._failed[salt] = password


class Counted(ClientError):
    """Wraps the error of a logon that the domain counts, or may have counted, as failed."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(error.text)
        self.error = error
