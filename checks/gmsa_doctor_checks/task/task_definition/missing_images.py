"""Which of the task's images Amazon ECR does not have, and which of these a pull through cache rule imports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Finding, Fix, Owner, failed, in_words
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.image_name import EcrRepository, ecr_repository, image_reference
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor_checks.commands import posix, push
from gmsa_doctor_checks.values import FirstPull


@dataclass(frozen=True)
class MissingImage:
    """An image that Amazon ECR does not have; ``has_repository``: its repository exists."""

    name: str
    repository: EcrRepository
    has_repository: bool

    @property
    def text(self) -> str:
        """The sentence about it."""
        repository = self.repository
        if self.has_repository:
            return f"the repository {repository.name} has no image {image_reference(self.name)}"
        return f"the repository {repository.name} does not exist in {repository.region}"


@dataclass(frozen=True)
class MissingImages:
    """The images without a rule, and those that a rule imports. ``error``: why the rules are not known."""

    images: tuple[MissingImage, ...] = ()
    first_pulls: tuple[FirstPull, ...] = ()
    error: ClientError | None = None

    def finding(self, platform: Platform, place: AwsPlace) -> Finding:
        """The failure to pull the images; unknown if the rules are."""
        text = in_words(image.text for image in self.images)
        if self.error:
            unless = f"{text}, unless a pull through cache rule imports it at the first pull: {self.error.text}"
            return replace(self.error.finding(), summary=unless)
        finding = failed(
            f"the task cannot pull its image: {text}",
            observed=f"Amazon ECR does not have {in_words(image.name for image in self.images)}",
            expected="the image in Amazon ECR",
            fix=_push(self.images, place),
        )
        if platform.launch is Launch.FARGATE:
            return finding
        return finding.to_warning("; on EC2, a container instance that pulled it before may use its copy")


def missing_images(definition: TaskDefinition, place: AwsPlace, ecr: Ecr) -> MissingImages:
    """Looks for the task's images in the registry of its own account and region. Raises ClientError.

    The images come first: the rules only matter for those that are missing, and are read only then.
    """
    repositories = {}
    for name in dict.fromkeys(container.image for container in definition.containers):
        repository = ecr_repository(name) if name and not isinstance(name, Open) else None
        if name and repository and (repository.account, repository.region) == (place.account, place.region):
            repositories[name] = repository
    missing = []
    for (name, repository), found in each(repositories.items(), lambda item: _is_there(item[0], item[1], ecr)):
        if isinstance(found, NotFound):
            missing.append(MissingImage(name, repository, has_repository=False))
        elif isinstance(found, ClientError):
            raise found
        elif not found:
            missing.append(MissingImage(name, repository, has_repository=True))
    return _with_rules(tuple(missing), ecr) if missing else MissingImages()


def _is_there(name: str, repository: EcrRepository, ecr: Ecr) -> bool:
    return ecr.has_image(repository.name, image_reference(name), repository.account)


def _with_rules(missing: tuple[MissingImage, ...], ecr: Ecr) -> MissingImages:
    try:
        rules = ecr.cache_rules(missing[0].repository.account)
    except ClientError as error:
        return MissingImages(missing, error=error)
    pulls, without_rule = [], []
    for image in missing:
        rule = next((rule for rule in rules if rule.covers(image.repository.name)), None)
        if rule:
            pulls.append(FirstPull(image.name, rule, makes_repository=not image.has_repository))
        else:
            without_rule.append(image)
    return MissingImages(tuple(without_rule), tuple(pulls))


def _push(images: Sequence[MissingImage], place: AwsPlace) -> Fix:
    create = dict.fromkeys(
        f"aws ecr create-repository --repository-name {posix(image.repository.name)}"
        for image in images
        if not image.has_repository
    )
    tags = dict.fromkeys(
        f"aws ecr list-images --repository-name {posix(image.repository.name)}"
        for image in images
        if image.has_repository
    )
    names = [image.name for image in images if "@" not in image.name]  # a push cannot name a digest
    return Fix(
        "Push the image, or set image in the task definition to an existing image.",
        (*tags, *create, *(push(names, place.region or "<region>") if names else ())),
        Owner.DEVELOPER,
    )
