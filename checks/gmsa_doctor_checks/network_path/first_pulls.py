"""Images that Amazon ECR does not have yet, and imports at their first pull by a pull through cache rule."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import Finding, Fix, Owner, in_words, warned
from gmsa_doctor.clients.aws.ecr import CacheRule, Ecr
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.image_name import ecr_repository, image_reference
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.reachability.services import ServicePaths


@dataclass(frozen=True)
class FirstPull:
    """An image that a rule imports."""

    image: str
    rule: CacheRule


def _first_pulls(definition: TaskDefinition, place: AwsPlace, ecr: Ecr) -> tuple[FirstPull, ...]:
    """Those of the task's images in the registry of its own account and region. Raises ClientError."""
    found = []
    for image in dict.fromkeys(container.image or "" for container in definition.containers):
        repository = ecr_repository(image)
        if not repository or (repository.account, repository.region) != (place.account, place.region):
            continue
        rules = ecr.cache_rules(repository.account)
        rule = next((rule for rule in rules if rule.covers(repository.name)), None)
        if rule and not _is_cached(repository.name, image_reference(image), repository.account, ecr):
            found.append(FirstPull(image, rule))
    return tuple(found)


def _is_cached(repository: str, reference: str, account: str, ecr: Ecr) -> bool:
    try:
        return ecr.has_image(repository, reference, account)
    except NotFound:
        return False


def first_pull(paths: ServicePaths, definition: TaskDefinition, place: AwsPlace, ecr: Ecr) -> Finding | None:
    """The finding for images without a route for their first pull; None if all have one. Raises ClientError.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html (considerations)
    """
    closed = [path for path in paths.exits if path.blocked]
    pulls = _first_pulls(definition, place, ecr) if closed else ()
    if not pulls:
        return None
    images, rules = in_words(pull.image for pull in pulls), dict.fromkeys(pull.rule for pull in pulls)
    subnets = ", ".join(dict.fromkeys(path.subnet_name for path in closed))
    by = in_words(f"{rule.prefix} ({rule.upstream})" for rule in rules)
    return warned(
        f"ECR does not have {images} yet: the pull through cache rule {by} imports it at the first pull, which needs a "
        f"route to the internet, and {subnets} has none",
        observed=f"no image {images} in ECR",
        expected="the image in ECR, or a default route through a NAT gateway",
        fix=Fix(
            "Pull the image once from a network with a route to the internet. Later pulls need none.",
            tuple(f"docker pull {posix(pull.image)}" for pull in pulls),
            Owner.DEVELOPER,
        ),
    )
