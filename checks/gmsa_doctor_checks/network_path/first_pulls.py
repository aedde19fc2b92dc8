"""Images that Amazon ECR does not have yet, and imports at their first pull by a pull through cache rule."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Outcome, Owner, deferred_to, in_words, warned
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.commands import pull
from gmsa_doctor_checks.reachability.services import ServicePaths
from gmsa_doctor_checks.values import ImageSettings


def first_pull(paths: ServicePaths, place: AwsPlace, image: Outcome[ImageSettings]) -> Finding | None:
    """The finding for images without a route for their first pull; None if all have one.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html (considerations)
    """
    closed = [path for path in paths.exits if path.blocked]
    if not closed:
        return None
    if image.value is None:
        return deferred_to(image.finding, "it is unknown whether an image has to be imported at its first pull")
    pulls = image.value.first_pulls
    if not pulls:
        return None
    images, rules = in_words(first.image for first in pulls), dict.fromkeys(first.rule for first in pulls)
    subnets = ", ".join(dict.fromkeys(path.subnet_name for path in closed))
    by = in_words(f"{rule.prefix} ({rule.upstream})" for rule in rules)
    return warned(
        f"ECR does not have {images} yet: the pull through cache rule {by} imports it at the first pull, which needs a "
        f"route to the internet, and {subnets} has none{paths.doubt}",
        observed=f"no image {images} in ECR",
        expected="the image in ECR, or a default route through a NAT gateway",
        fix=Fix(
            "Pull the image once from a network with a route to the internet. Later pulls need none.",
            pull((first.image for first in pulls), place.region or "<region>"),
            Owner.DEVELOPER,
        ),
    )
