"""The manifest and the configuration of a container image.

Sources: https://github.com/opencontainers/image-spec/blob/main/manifest.md, image-index.md and config.md there, and
https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""The media types of manifests, and of indexes of manifests for several platforms."""

_ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
"""The names of CPU architectures in images, by those of ECS."""


class ImageError(ValueError):
    """A manifest or a configuration does not have the documented form."""


class NoPlatform(ImageError):
    """An image has no manifest for the task's platform: ``linux/amd64``."""

    def __init__(self, platform: str) -> None:
        super().__init__(f"the image has no manifest for {platform}")
        self.platform = platform


@dataclass(frozen=True)
class ImageConfig:
    """What an image sets: its user (empty: root), and the environment variables that were asked for."""

    user: str
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Manifest:
    """The digest of an image's configuration; ``is_index``: of the manifest of one platform instead."""

    digest: str
    is_index: bool = False


def read_manifest(text: str, cpu_architecture: str | None) -> Manifest:
    """Reads a manifest, or finds the manifest of a Linux image in an index. Raises ImageError, or NoPlatform.

    ``cpu_architecture``: ECS's name; None is X86_64, ECS's default.
    """
    document = _object(text)
    entries = document.get("manifests")
    if not isinstance(entries, list):
        return Manifest(_digest(document.get("config")))
    wanted = ("linux", _ARCHITECTURES.get(cpu_architecture or "X86_64", ""))
    for entry in entries:
        platform = entry.get("platform") if isinstance(entry, dict) else None
        if isinstance(platform, dict) and (platform.get("os"), platform.get("architecture")) == wanted:
            return Manifest(_digest(entry), is_index=True)
    raise NoPlatform("/".join(wanted))


def read_config(text: str, variables: frozenset[str]) -> ImageConfig:
    """Reads an image's configuration; of its environment only these variables. Raises ImageError."""
    config = _object(text).get("config") or {}
    if not isinstance(config, dict):
        raise ImageError("config is not an object")
    pairs = [str(entry).partition("=") for entry in config.get("Env") or ()]
    kept = tuple((name, value) for name, _, value in pairs if name in variables)
    return ImageConfig(str(config.get("User") or ""), kept)


def _object(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImageError("not JSON") from error
    if not isinstance(document, dict):
        raise ImageError("not an object")
    return document


def _digest(entry: object) -> str:
    digest = entry.get("digest") if isinstance(entry, dict) else None
    if not isinstance(digest, str):
        raise ImageError("a digest is missing")
    return digest
