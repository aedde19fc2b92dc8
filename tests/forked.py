"""A process that has imported all that gmsa-doctor imports, and forks itself for each run of the command.

Most of a short run is imports. Each run is still a process of its own, with the arguments, environment, directory and
streams that it was given. Only what is the same in every run is there already: the modules, the registry of checks, the
command line that typer reads from signatures, and botocore's descriptions of AWS's services. What that would change is
run by the real command: tests/command.py tells which.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.lab.kept import keep_service_models

_LARGEST = 1 << 20


class Forked:
    """The process, from our side. One run at a time."""

    def __init__(self, env: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.forked", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=Path(__file__).parents[1],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._socket = ours
        self.lock = threading.Lock()

    def run(
        self, arguments: list[str], env: Mapping[str, str], stdin: bytes, cwd: str, seconds: float
    ) -> tuple[int, bytes, bytes]:
        """The exit code, standard output and standard error. Raises subprocess.TimeoutExpired."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            request = json.dumps([arguments, dict(env), cwd]).encode()
            socket.send_fds(self._socket, [request], [given.fileno(), out.fileno(), err.fileno()])
            pid = int(self._socket.recv(64))
            self._socket.settimeout(seconds)
            try:
                code = int(self._socket.recv(64))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._socket.settimeout(None)
                self._socket.recv(64)
                raise subprocess.TimeoutExpired(arguments, seconds) from None
            finally:
                self._socket.settimeout(None)
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()


def _serve(peer: socket.socket) -> None:
    """Fork for each request until the other side is gone."""
    while True:
        request, streams, *_ = socket.recv_fds(peer, _LARGEST, 3)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            _become(json.loads(request), streams)
        for one in streams:
            os.close(one)
        peer.send(str(pid).encode())
        peer.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _become(request: list[Any], streams: list[int]) -> None:
    """Be the command; never returns."""
    arguments, env, cwd = request
    for number, one in enumerate(streams):
        os.dup2(one, number)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = ["gmsa-doctor", *arguments]
    sys.modules["__main__"].__package__ = ""  # click names a module in its help where there is one
    code = 1
    try:
        from gmsa_doctor.__main__ import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _prepare() -> None:
    """Import whatever a run imports, sooner or later, and read what is the same in each."""
    import dns.resolver  # noqa: F401
    import ldap3  # noqa: F401
    import tabulate  # noqa: F401
    import typer._adapters
    import typer.main

    import gmsa_doctor
    from gmsa_doctor.cli.app import app
    from gmsa_doctor.clients.kerberos.libkrb5 import gssapi_missing
    from gmsa_doctor.core import registry

    for module in pkgutil.walk_packages(gmsa_doctor.__path__, "gmsa_doctor."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gssapi_missing()
    registry.load = cache(registry.load)
    registry.load()
    typer.main.get_command = cache(typer.main.get_command)
    typer.main.get_command(app)
    _read_service_models()
    gc.freeze()


def _read_service_models() -> None:
    import boto3

    from gmsa_doctor.clients.aws.services import AWS_CLIENTS

    keep_service_models()
    session = boto3.Session("none", "none", region_name="us-east-1")
    for client in AWS_CLIENTS:
        session.client(client.service)


if __name__ == "__main__":
    _prepare()
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        _serve(connection)
