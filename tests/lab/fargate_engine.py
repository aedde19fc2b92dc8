"""What runs a task's container: a process in namespaces of its own, or a real container of podman."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from tests.command import quick_command

TICKETS = "/var/credentials-fetcher/krbdir"
_IN_TASK = str(Path(__file__).parent / "scripts/in-task")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Container:
    """The arguments of a container's start."""

    name: str
    """Unique on this machine."""
    image: str
    entry_point: tuple[str, ...]
    """In place of the image's; empty: the image's."""
    command: tuple[str, ...]
    environment: Mapping[str, str]
    resolv_conf: Path
    tickets: Path | None
    """The directory with the ticket cache `krb5cc`; None: there is none."""
    user: str = ""
    init: bool = False
    """Whether an init process passes signals on (initProcessEnabled)."""


class Running(Protocol):
    """A container that has been started."""

    process: subprocess.Popen[bytes]

    def terminate(self) -> None:
        """Send SIGTERM to the container's first process."""

    def kill(self) -> None:
        """End the container."""


class Engine(Protocol):
    """Starts containers."""

    def knows(self, image: str) -> bool:
        """Return whether the image can be had."""

    def start(self, container: Container) -> Running:
        """Start it, its output to pipes."""


class Processes:
    """Runs an image's command as a process: `images` has the ENTRYPOINT of each.

    An image goes by the last part of its name, without tag and digest.
    """

    def __init__(self, images: Mapping[str, Sequence[str]] | None = None) -> None:
        self.images = dict(images or {"gmsa-doctor": ()})
        """Empty: `gmsa-doctor` of the tests."""

    def knows(self, image: str) -> bool:
        return short_name(image) in self.images

    def start(self, container: Container) -> Running:
        user, init = container.user, "init" if container.init else ""
        what = container.entry_point or self.images[short_name(container.image)] or (quick_command(),)
        arguments = [str(container.resolv_conf), str(container.tickets or ""), user, init, *what, *container.command]
        # Whoever ends this process, even by force, ends the container: its parent is a thread that waits for it.
        ours = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "/usr/bin/unshare", "--mount", "--propagation", "private"]
        namespace = ["--pid", "--fork", "--kill-child", "--mount-proc", "--"]
        return _Process(
            subprocess.Popen(
                [*ours, *namespace, _IN_TASK, *arguments],
                env={"PATH": _PATH, "HOME": "/", **container.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                cwd="/",
            )
        )


def short_name(image: str) -> str:
    """Give `web` for `registry.example:5000/team/web:1@sha256:…`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


class _Process:
    """unshare, whose only child is the first process of the container."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._first: int | None = None

    def terminate(self) -> None:
        first = self._find()
        if first is not None:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGTERM)

    def kill(self) -> None:
        # unshare first: it would have something to say about a child that was killed.
        first = self._find()
        self.process.kill()
        if first is not None:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)

    def _find(self) -> int | None:
        """Give the first process of the container, as soon as it is there; None when it has ended."""
        pid = self.process.pid
        for _ in range(200):
            if self._first is not None or self.process.poll() is not None:
                return self._first
            with suppress(OSError):
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                self._first = int(children[0]) if children else None
            time.sleep(0.01)
        return self._first


class Podman:
    """Runs one image, whatever the task definition calls it, as podman's containers: nothing may be written but /tmp.

    `environment` is podman's own, such as CONTAINERS_STORAGE_CONF. podman's own network would change the machine's:
    the containers have the host's, where the lab is.
    """

    def __init__(self, image: str, environment: Mapping[str, str] | None = None) -> None:
        self.image = image
        self.environment = {**os.environ, **(environment or {})}

    def knows(self, image: str) -> bool:
        return True

    def start(self, container: Container) -> Running:
        process = subprocess.Popen(
            self.arguments(container),
            # Values go by podman's own environment: arguments are for everybody to see.
            env={**container.environment, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return _PodmanContainer(process, container.name, self.environment)

    def arguments(self, container: Container) -> list[str]:
        """Give the command line of podman."""
        # runc, since Debian 12's crun refuses hybrid cgroups; the limits since podman's own need CAP_SYS_RESOURCE.
        options = ["--runtime", "runc", "run", "--rm", "--pull", "never", "--name", container.name]
        options += ["--network", "host", "--http-proxy=false", "--read-only", "--tmpfs", "/tmp"]
        options += ["--no-healthcheck"]  # Fargate does not heed the image's, and podman would ask systemd for a timer
        options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        options += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        options += ["--volume", f"{container.resolv_conf}:/etc/resolv.conf:ro"]
        if container.tickets:
            options += ["--volume", f"{container.tickets}:{TICKETS}:ro"]
        for name, value in container.environment.items():
            options += ["--env", f"{name}={value}" if name in self.environment else name]
        options += ["--user", container.user] if container.user else []
        options += ["--init"] if container.init else []
        options += ["--entrypoint", json.dumps(container.entry_point)] if container.entry_point else []
        return ["podman", *options, self.image, *container.command]


class _PodmanContainer:
    def __init__(self, process: subprocess.Popen[bytes], name: str, environment: Mapping[str, str]) -> None:
        self.process = process
        self._name = name
        self._environment = environment

    def terminate(self) -> None:
        self._signal("TERM")

    def kill(self) -> None:
        self._signal("KILL")

    def _signal(self, name: str) -> None:
        """Send a signal, as soon as there is a container; none when it has ended."""
        command = ["podman", "kill", "--signal", name, self._name]
        for _ in range(100):
            done = subprocess.run(command, env=dict(self._environment), capture_output=True)
            if done.returncode == 0 or self.process.poll() is not None:
                return
            time.sleep(0.1)


def exit_code(running: Running) -> int:
    """Give the exit code of a container that has ended, as a shell counts it: 137 for one that was killed."""
    code = running.process.wait()
    return code if code >= 0 else 128 - code


def streams(running: Running) -> list[IO[bytes]]:
    """Give its standard output and standard error."""
    return [pipe for pipe in (running.process.stdout, running.process.stderr) if pipe is not None]
