"""Names of container images in Amazon ECR.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr(?:\.ecr|-ecr|\.ecr-fips|-ecr-fips)\.(?P<region>[a-z0-9-]+)\."
    r"(?P<domain>[a-z0-9.-]+)/(?P<name>[^@]+)(?:@.*)?",
    re.ASCII,
)


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
    name = re.sub(r":[^/:]*$", "", match["name"])
    return EcrRepository(match["account"], match["region"], name) if name else None
