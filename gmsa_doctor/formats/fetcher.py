"""The generations of Credentials Fetcher. They accept different documents."""

from __future__ import annotations

from enum import StrEnum


class Fetcher(StrEnum):
    """A generation of Credentials Fetcher: the C++ daemon, or the Go rewrite that Fargate runs."""

    V1_3 = "1.3"
    V2 = "2"
