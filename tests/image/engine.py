"""Builds the image and runs it: buildah with chroot isolation, podman with runc, images in a directory of our own."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.command import Ended

IMAGES = Path(os.environ.get("IMAGES") or Path(tempfile.gettempdir()) / "gmsa-images")
"""Where buildah and podman keep what is ours, from one run to the next."""
NAME = "localhost/gmsa-doctor:latest"
HERE = Path(__file__).parent
BUILD_LIMIT = 900.0
"""Seconds that the first build may take; it compiles gssapi."""

LOCKED_DOWN = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges")
"""A root file system without one writable directory, no capability, and no way to get one."""


class ImageUnavailableError(Exception):
    """The image cannot be built on this machine; the text says why."""


def environ(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment in which buildah and podman find our images."""
    storage = {"IMAGES": str(IMAGES), "CONTAINERS_STORAGE_CONF": str(IMAGES / "storage.conf")}
    return {**os.environ, **storage, **(variables or {})}


def build(*arguments: str, tag: str = NAME) -> None:
    """Build the image, with further arguments of buildah's: 80 s at first, afterwards only what has changed.

    Raises ImageUnavailableError when it cannot be built.
    """
    command = [str(HERE / "build-image"), *arguments]
    done = subprocess.run(
        command, env=environ({"TAG": tag}), capture_output=True, text=True, timeout=BUILD_LIMIT, check=False
    )
    if done.returncode:
        raise ImageUnavailableError(f"{command[0]} failed ({done.returncode}): {done.stderr.strip()[-3000:]}")


def built(tag: str = NAME) -> bool:
    """Tell whether there is an image from an earlier run."""
    try:
        return _engine("podman", "image", "exists", tag, check=False).returncode == 0
    except FileNotFoundError:
        return False


def command(*arguments: str, options: Sequence[str] = (), variables: Sequence[str] = (), tag: str = NAME) -> list[str]:
    """Give the command that runs the image in the machine's network; `options` are podman's.

    `variables` names what the container sees of podman's environment; their values stay out of the process list.
    """
    return [
        "podman",
        "--runtime=runc",  # crun of Debian 12 refuses hybrid cgroups
        "run",
        "--rm",
        "--pull=never",
        "--network=host",  # a bridge would change the machine's own network
        "--no-healthcheck",  # it has none, and podman 4.3 complains of that
        "--ulimit=nofile=1024:1024",  # podman's own limits are above what a container of ours may ask for
        "--ulimit=nproc=1024:1024",
        *(f"--env={name}" for name in variables),
        *options,
        tag,
        *arguments,
    ]


def run(
    *arguments: str, options: Sequence[str] = LOCKED_DOWN, variables: Mapping[str, str] | None = None, tag: str = NAME
) -> Ended:
    """Run the image with these arguments and environment variables, locked down unless `options` say otherwise."""
    process = subprocess.run(
        command(*arguments, options=options, variables=tuple(variables or ()), tag=tag),
        env=environ(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(process.returncode, process.stdout, process.stderr)


def run_program(program: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """Run another program of the image than gmsa-doctor, locked down, and give what it prints."""
    ended = run(*arguments, options=(*LOCKED_DOWN, f"--entrypoint={program}", *options))
    if ended.code:
        raise AssertionError(f"{program} ended with {ended.code}: {ended.err}")
    return ended.out


def configuration(tag: str = NAME) -> dict[str, Any]:
    """Give how the image is run unless told otherwise, and its labels."""
    # podman 4.3 shows no HEALTHCHECK NONE.
    description: dict[str, Any] = json.loads(_engine("buildah", "inspect", "--type=image", tag).stdout)
    return dict(description["Docker"]["config"])


def labels(tag: str = NAME) -> dict[str, str]:
    """Give the image's own labels of the OCI's list, by the last part of their names."""
    prefix = "org.opencontainers.image."
    return {name.removeprefix(prefix): value for name, value in configuration(tag)["Labels"].items() if prefix in name}


def digest(tag: str) -> str:
    """Give the image's digest."""
    return _engine("podman", "image", "inspect", "--format={{.Digest}}", tag).stdout.strip()


def size(tag: str = NAME) -> int:
    """Give the bytes of the image, unpacked."""
    return int(_engine("podman", "image", "inspect", "--format={{.Size}}", tag).stdout)


@contextmanager
def mounted(tag: str = NAME) -> Iterator[Path]:
    """Give the image's root directory, to be read."""
    yield Path(_engine("podman", "image", "mount", tag).stdout.strip())
    _engine("podman", "image", "unmount", tag)


def _engine(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, env=environ(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=check
    )
