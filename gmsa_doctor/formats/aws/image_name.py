"""Names of container images: in Amazon ECR, or in a public registry.

Sources: https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html and
https://docs.docker.com/reference/cli/docker/image/tag/
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr(?:\.ecr|-ecr|\.ecr-fips|-ecr-fips)\.(?P<region>[a-z0-9-]+)\."
    r"(?P<domain>[a-z0-9.-]+)/(?P<name>[^@]+)(?:@(?P<digest>.*))?",
    re.ASCII,
)
_TAG = re.compile(r":([^/:]*)$")


@dataclass(frozen=True)
class EcrRepository:
    """A private repository of Amazon ECR."""

    account: str
    region: str
    name: str


def ecr_repository(image: str) -> EcrRepository | None:
    """The repository of an image; None if it is in another registry, such as Amazon ECR Public."""
    match = _ECR.fullmatch(image)
    if not match:
        return None
    name = _TAG.sub("", match["name"])
    return EcrRepository(match["account"], match["region"], name) if name else None


def image_reference(image: str) -> str:
    """The digest of an image's name, otherwise its tag, otherwise ``latest``."""
    name, _, digest = image.partition("@")
    tag = _TAG.search(name)
    return digest or (tag[1] if tag else "latest")


_PUBLIC = (
    "docker.io", "registry-1.docker.io", "index.docker.io", "public.ecr.aws", "ghcr.io", "quay.io", "gcr.io",
    "mcr.microsoft.com", "registry.k8s.io", "registry.gitlab.com", "nvcr.io", "lscr.io",
)  # fmt: skip
"""Registries on the internet. VPC endpoints do not serve pulls from Amazon ECR Public either.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
"""


def public_registry(image: str) -> str:
    """The public registry of an image; empty if it is in ECR, or in a registry that may be in a private network."""
    first, slash, _ = image.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host = first.lower() if named else "docker.io"
    return host if image and any(host == own or host.endswith(f".{own}") for own in _PUBLIC) else ""
