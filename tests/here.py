"""The command in this process, with AWS answered at `Aws.client`: without what every process begins with."""

import io
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest import mock

import typer.main

from gmsa_doctor import cli
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core import registry
from gmsa_doctor.triage import config
from tests.command import DNS_SECONDS, Ended
from tests.lab.aws import EmbeddedAws


def doctor_here(*arguments: str, aws: EmbeddedAws, env: Mapping[str, str]) -> Ended:
    """Run `gmsa-doctor` with these arguments and this environment, its output to no terminal."""

    def client(session: Aws, service: str) -> object:
        return aws.clients_of_caller(service, session.region or "")

    out, err = _Stream(), _Stream()
    with (
        mock.patch.dict(os.environ, env, clear=True),
        mock.patch.object(sys, "argv", ["gmsa-doctor", *arguments]),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
        mock.patch.object(Aws, "client", client),
        mock.patch.object(Dns.__init__, "__defaults__", ((), DNS_SECONDS)),
        mock.patch.object(registry, "load", _load),
        mock.patch.object(config, "_is_ours", _is_ours),
        mock.patch.object(typer.main, "get_command", _get_command),
        _signals(),
    ):
        code = cli.main()
    return Ended(code, out.text, err.text)


class _Stream(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    @property
    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


@contextmanager
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_ours(path: Path) -> bool:
    """Tell whether a pyproject.toml configures gmsa-doctor. Most runs find the repository's: it is parsed once."""
    about = path.stat()
    return _parsed(path.absolute(), about.st_mtime_ns, about.st_size)


@cache
def _parsed(path: Path, *_: int) -> bool:
    return _read(path)


cli.load()
_read = config._is_ours
_load = cache(registry.load)
_get_command = cache(typer.main.get_command)
"""The command line, which typer reads from the functions' signatures."""
