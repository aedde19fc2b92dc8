"""Reads a file that is too long for all but a Terraform plan, in parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import BinaryIO

from gmsa_doctor.clients.files.file_bytes import texts_of, without_nul
from gmsa_doctor.core.limits import RunLimit
from gmsa_doctor.formats.documents.located import Located, LocatedError
from gmsa_doctor.formats.templates import terraform_plan

PLAN_LIMIT = 1024 * 1024 * 1024
"""Bytes of a Terraform plan to read at most."""

_SHORTER = (
    "without its prior state the plan is shorter: "
    "terraform show -json tfplan | jq -c 'del(.prior_state, .resource_drift)' > plan.json"
)
_CHUNK = 256 * 1024
_START = re.compile(rb"[\xef\xbb\xbf\xff\xfe\s]*(?:\{|\[command\])")


class Late(LocatedError):
    """The run had to end before the file was read."""


class LargeFile:
    """A file of which the ``head`` was read already. ``is_sign``: whether some bytes are about gMSA."""

    def __init__(self, head: bytes, file: BinaryIO, is_sign: Callable[[bytes], bool], limit: RunLimit) -> None:
        self.head, self.file, self.is_sign, self.limit = head, file, is_sign, limit
        self.has_sign = False
        """Whether what was read so far has a sign of gMSA."""

    def search(self) -> bool:
        """Whether the file has a sign of gMSA. It must be a regular file, which can be read twice.

        Raises LocatedError, as :meth:`plan`.
        """
        for _ in self._chunks():
            if self.has_sign:
                break
        self.file.seek(len(self.head))
        return self.has_sign

    def plan(self) -> Located | None:
        """What is read of a Terraform plan; None for other files. Raises LocatedError."""
        is_json = _START.match(without_nul(self.head[:4096]))
        return terraform_plan.read_plan(texts_of(self._chunks())) if is_json else None

    def _chunks(self) -> Iterator[bytes]:
        size, end = 0, b""
        head = (self.head[start : start + _CHUNK] for start in range(0, len(self.head), _CHUNK))
        for chunk in chain(head, iter(partial(self.file.read, _CHUNK), b"")):
            size += len(chunk)
            if size > PLAN_LIMIT:
                raise LocatedError(f"is larger than {PLAN_LIMIT // 1024 // 1024} MB; {_SHORTER}")
            if self.limit.reason:
                raise Late(self.limit.reason)
            self.has_sign = self.has_sign or self.is_sign(end + chunk)
            end = chunk[-64:]
            yield chunk
