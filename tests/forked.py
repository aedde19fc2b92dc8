"""A process that has imported all that gmsa-doctor imports, or the AWS CLI, and forks itself for each run.

Most of a short run is imports. Each run is still a process of its own, with the arguments, environment, directory and
streams that it was given. Only what is the same in every run is there already: the modules, the registry of checks, the
command line that typer reads from signatures, and botocore's descriptions of AWS's services. What that would change is
run by the real command: tests/command.py tells which.
"""

import ctypes
import gc
import importlib
import io
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.lab.kept import keep_event_names, keep_methods, keep_service_models

_LARGEST = 1 << 20
_LIBC = ctypes.CDLL(None, use_errno=True)


class Forked:
    """The process of a program, from our side. It ends with ours."""

    def __init__(self, env: Mapping[str, str], program: str = "gmsa-doctor") -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="gmsa-forked-")
        directory = Path(self._directory.name)
        directory.chmod(0o755)
        self._address = f"{directory}/server"
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.forked", self._address, str(theirs.fileno()), program]
            self._process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=Path(__file__).parents[1],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        ours.recv(1)  # it listens, or has ended
        self._ours = ours
        self.command = str(directory / program)
        """The path of a program that behaves as `program` and starts faster."""
        script = Path(__file__).with_name("forked_command.py").read_text(encoding="utf-8")
        values = {"@PYTHON@": sys.executable, "@ADDRESS@": self._address, "@PROGRAM@": program}
        for name, value in values.items():
            script = script.replace(name, value)
        Path(self.command).write_text(script, encoding="utf-8")
        Path(self.command).chmod(0o755)

    def run(
        self, arguments: list[str], env: Mapping[str, str], stdin: bytes, cwd: str, seconds: float
    ) -> tuple[int, bytes, bytes]:
        """The exit code, standard output and standard error. Raises subprocess.TimeoutExpired."""
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer,
        ):
            given.write(stdin)
            given.seek(0)
            peer.connect(f"\0{self._address}")
            request = [b"", cwd.encode(), str(len(arguments)).encode(), *map(os.fsencode, arguments)]
            request += [os.fsencode(f"{name}={value}") for name, value in env.items()]
            socket.send_fds(peer, [b"\0".join(request)], [given.fileno(), out.fileno(), err.fileno()])
            peer.settimeout(seconds)
            try:
                code = int(peer.recv(64))
            except TimeoutError:  # closing the connection kills the run
                raise subprocess.TimeoutExpired(arguments, seconds) from None
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()


# In the process ---------------------------------------------------------------------------------------


def _serve(listener: socket.socket, parent: socket.socket, program: str) -> None:
    """Fork for each connection until the parent is gone."""
    while True:
        ready, _, _ = select.select([listener, parent], [], [])
        if parent in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            try:
                _follow(connection, program)
            finally:
                os._exit(1)
        connection.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _follow(connection: socket.socket, program: str) -> None:
    """Start the run, forward signals to it, and send its exit code. The run and its client end together."""
    request, fds, *_ = socket.recv_fds(connection, _LARGEST, 5)
    first, *rest = request.split(b"\0")
    _, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    ours = [os.stat(f"/proc/self/ns/{name}") for name in ("mnt", "pid")]
    for namespace in [fd for fd, our in zip(fds[3:], ours, strict=False) if not os.path.samestat(os.fstat(fd), our)]:
        if _LIBC.setns(namespace, 0):
            raise OSError(ctypes.get_errno(), "setns")
    run = os.fork()
    if run == 0:
        _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if first:  # the first process of a container: what it does not handle does not end it
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if (uid, gid) != (os.getuid(), os.getgid()):
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            _LIBC.prctl(1, signal.SIGKILL)  # a change of user has undone it
        _become(program, [os.fsdecode(one) for one in rest], fds[:3])
    for fd in fds:
        os.close(fd)
    ends = os.pidfd_open(run)
    while True:
        ready, _, _ = select.select([connection.fileno(), ends], [], [])
        if ends in ready:
            code = os.waitstatus_to_exitcode(os.waitpid(run, 0)[1])
            with suppress(OSError):
                connection.send(str(code).encode())
            os._exit(0)
        asked = connection.recv(16)
        signal.pidfd_send_signal(ends, int(asked) if asked else signal.SIGKILL)
        if not asked:
            os._exit(0)


def _become(program: str, request: list[str], streams: list[int]) -> None:
    """Be the command; never returns."""
    cwd, count, *rest = request
    arguments, env = rest[: int(count)], rest[int(count) :]
    for number, one in enumerate(streams):
        os.dup2(one, number)
    os.closerange(3, 64)
    _open_streams()
    own = {name: value for name, value in os.environ.items() if name == "AWS_DATA_PATH"}  # the AWS CLI's import set it
    os.environ.clear()
    os.environ.update({name: value for name, _, value in (pair.partition("=") for pair in env)} | own)
    os.chdir(cwd)
    sys.argv = [program, *arguments]
    if seconds := os.environ.pop("GMSA_LAB_DNS_SECONDS", ""):
        from gmsa_doctor.clients.dns.resolver import Dns

        Dns.__init__.__defaults__ = ((), float(seconds))
    sys.modules["__main__"].__package__ = ""  # click names a module in its help where there is one
    code = 1
    try:
        code = importlib.import_module(_MODULES[program]).main() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _open_streams() -> None:
    """Open the standard streams as the interpreter does: it remembers of those that it has whether they can seek."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        stream = io.TextIOWrapper(
            open(number, "wb" if number else "rb", closefd=False),  # noqa: SIM115 - open as long as the process is
            encoding=old.encoding,
            errors=old.errors,
            line_buffering=name == "stderr" or os.isatty(number),
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


_MODULES = {"gmsa-doctor": "gmsa_doctor.__main__", "aws": "awscli.clidriver"}
"""The module whose `main` is the program."""


def _prepare_aws() -> None:
    """Import what the AWS CLI imports, with its plug-ins, and read the descriptions of the services of most fixes."""
    from awscli.clidriver import create_clidriver

    keep_service_models()
    keep_event_names()
    keep_methods()
    session = create_clidriver().session
    for service in ("ec2", "ecs", "iam", "s3", "secretsmanager"):
        session.create_client(service, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")


def _prepare_doctor() -> None:
    """Import every module that a run may import, and compute what is the same in each run."""
    import resource  # noqa: F401 - a run as another user may not read the interpreter's files

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


def _read_service_models() -> None:
    import boto3

    from gmsa_doctor.clients.aws.services import AWS_CLIENTS

    keep_service_models()
    keep_event_names()
    keep_methods()
    session = boto3.Session("none", "none", region_name="us-east-1")
    for client in AWS_CLIENTS:
        session.client(client.service)


if __name__ == "__main__":
    {"gmsa-doctor": _prepare_doctor, "aws": _prepare_aws}[sys.argv[3]]()
    gc.freeze()
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as waiting,
        socket.socket(fileno=int(sys.argv[2])) as caller,
    ):
        waiting.bind(f"\0{sys.argv[1]}")
        waiting.listen(64)
        caller.send(b"!")
        _serve(waiting, caller, sys.argv[3])
