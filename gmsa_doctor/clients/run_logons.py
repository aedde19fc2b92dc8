"""The logons of a run with several processes, by files of the run: one after the other, and none after a failed one."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gmsa_doctor.clients.kerberos.ledger import AlreadyFailed, EndTurn
from gmsa_doctor.clients.run_files import RunFiles
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.limits import PACE, waiting

FOLDER = "logons"
_LOOKS = 60
"""How often is looked whether another process has ended its logon, which takes a few seconds at most."""


@dataclass(frozen=True)
class _Logon:
    """A logon of a process. ``failed``: None as long as it has not ended."""

    process: str
    failed: bool | None = None

    @property
    def content(self) -> bytes:
        return json.dumps({"by": self.process, "failed": self.failed}).encode()


def _read(content: bytes | None) -> _Logon:
    """What cannot be read has not ended."""
    try:
        found = json.loads(content or b"")
        failed = found["failed"]
        return _Logon(str(found["by"]), failed if isinstance(failed, bool) else None)
    except (ValueError, LookupError, TypeError):
        return _Logon("another process")


@dataclass(frozen=True)
class RunLogons:
    """The turns of all processes that have these files. ``process`` names this one, such as its shard.

    Each logon of an account has a file with the next number, which one process alone can create, before the logon;
    then it gets the result. A process that was killed leaves a logon that has not ended: it may have failed.
    """

    files: RunFiles
    process: str
    pause: Callable[[], None] = lambda: time.sleep(0.5 * PACE)

    def take(self, account: str, realm: str) -> EndTurn:
        """See :class:`Turns`. Names of accounts are not in the names of files."""
        account_id = hashlib.sha256(f"{account}@{realm}".casefold().encode("utf-8", "surrogatepass")).hexdigest()[:24]
        try:
            name = self._next(f"{FOLDER}/{account_id}")
        except UsageError as error:
            raise ClientError(f"no logon, since it cannot be noted in the files of the run: {error}") from error

        def end(failed: bool) -> None:
            with suppress(UsageError):  # then it has not ended, for the others
                self.files.write(name, _Logon(self.process, failed).content)

        return end

    def _next(self, folder: str) -> str:
        seen, looks = 0, 0
        while True:
            numbers = (name.rpartition("/")[2].partition(".")[0] for name in self.files.names(folder))
            last = max((int(number) for number in numbers if number.isdecimal()), default=0)
            logon = _read(self.files.read(f"{folder}/{last}.json")) if last else _Logon("", failed=False)
            if logon.failed:
                raise AlreadyFailed(f"one failed in this run ({logon.process})")
            if logon.failed is False:
                name = f"{folder}/{last + 1}.json"
                if self.files.create(name, _Logon(self.process).content):
                    return name
                continue
            seen, looks = last, looks + 1 if last == seen else 1
            if looks > _LOOKS:
                raise AlreadyFailed(f"one began in this run ({logon.process}) and has not ended")
            with waiting():
                self.pause()
