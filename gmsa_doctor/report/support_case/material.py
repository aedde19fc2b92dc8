"""What a run read that a support case needs, before the allow-list is applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gmsa_doctor.clients.aws.call_record import Call
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.given.records import Record

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Material:
    """Documents as AWS or a file has them: each may contain secrets.

    ``credspecs`` have their location. ``secrets`` are values that are known to be secret: they must not be in any file.
    """

    task_definitions: tuple[Document, ...] = field(default=(), repr=False)
    credspecs: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    services: tuple[Document, ...] = field(default=(), repr=False)
    tasks: tuple[Document, ...] = field(default=(), repr=False)
    records: tuple[Record, ...] = field(default=(), repr=False)
    calls: tuple[Call, ...] = ()
    secrets: frozenset[Hidden[str]] = frozenset()
