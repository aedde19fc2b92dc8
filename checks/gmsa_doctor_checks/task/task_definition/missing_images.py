"""Which of the task's images Amazon ECR does not have, and which of these the task may start with nevertheless.

A pull through cache rule imports an image at its first pull. For a service, ECS resolves tags to digests, and starts
all tasks of a deployment from these. Sources:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Finding, Fix, Outcome, Owner, failed, in_words
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.image_name import EcrRepository, ecr_repository, image_reference
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform, Subject
from gmsa_doctor_checks.commands import posix, push
from gmsa_doctor_checks.values import FirstPull


@dataclass(frozen=True)
class MissingImage:
    """An image that Amazon ECR does not have; ``has_repository``: its repository exists."""

    name: str
    repository: EcrRepository
    has_repository: bool
    may_start: str = ""
    """Why tasks of the service may start nevertheless."""

    @property
    def text(self) -> str:
        """The sentence about it."""
        repository = self.repository
        if self.has_repository:
            return f"the repository {repository.name} has no image {image_reference(self.name)}"
        return f"the repository {repository.name} does not exist in {repository.region}"


@dataclass(frozen=True)
class MissingImages:
    """The images without a rule, and those that a rule imports.

    ``error``: why it is not known ``whether`` they are imported, or needed.
    """

    images: tuple[MissingImage, ...] = ()
    first_pulls: tuple[FirstPull, ...] = ()
    error: ClientError | None = None
    whether: str = ""

    def finding(self, platform: Platform, place: AwsPlace) -> Finding:
        """The failure to pull the images; a warning if tasks may start nevertheless."""
        text = in_words(image.text for image in self.images)
        if self.error:
            return replace(self.error.finding(), summary=f"{text}, unless {self.whether}: {self.error.text}")
        missing = [image for image in self.images if not image.may_start]
        if not missing:
            reasons = in_words(dict.fromkeys(image.may_start for image in self.images))
            finding = self._failure(self.images, f"a new deployment cannot pull its image: {text}", place)
            return finding.to_warning(f". {reasons}")
        text = in_words(image.text for image in missing)
        finding = self._failure(missing, f"the task cannot pull its image: {text}", place)
        if platform.launch is Launch.FARGATE:
            return finding
        return finding.to_warning("; on EC2, a container instance that pulled it before may use its copy")

    def _failure(self, images: Sequence[MissingImage], summary: str, place: AwsPlace) -> Finding:
        return failed(
            summary,
            observed=f"Amazon ECR does not have {in_words(image.name for image in images)}",
            expected="the image in Amazon ECR",
            fix=_push(images, place),
        )


def missing_images(
    definition: TaskDefinition, place: AwsPlace, ecr: Ecr, subject: Subject, ecs: Outcome[Ecs]
) -> MissingImages:
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
    images = _with_rules(tuple(missing), ecr) if missing else MissingImages()
    if images.error or ecs.value is None or not (subject.service and subject.cluster):
        return images
    try:
        checked = [_resolved(image, definition, subject, ecr, ecs.value) for image in images.images]
    except ClientError as error:
        return replace(images, error=error, whether="ECS resolved its tag to a digest for the service's deployment")
    return replace(images, images=tuple(checked))


def _is_there(name: str, repository: EcrRepository, ecr: Ecr) -> bool:
    return ecr.has_image(repository.name, image_reference(name), repository.account)


def _with_rules(missing: tuple[MissingImage, ...], ecr: Ecr) -> MissingImages:
    try:
        rules = ecr.cache_rules(missing[0].repository.account)
    except ClientError as error:
        whether = "a pull through cache rule imports it at the first pull"
        return MissingImages(missing, error=error, whether=whether)
    pulls, without_rule = [], []
    for image in missing:
        rule = next((rule for rule in rules if rule.covers(image.repository.name)), None)
        if rule:
            pulls.append(FirstPull(image.name, rule, makes_repository=not image.has_repository))
        else:
            without_rule.append(image)
    return MissingImages(tuple(without_rule), tuple(pulls))


def _resolved(image: MissingImage, definition: TaskDefinition, subject: Subject, ecr: Ecr, ecs: Ecs) -> MissingImage:
    """With the digest from which the service's tasks start, if ECR has it. Raises ClientError."""
    if not image.has_repository or "@" in image.name:
        return image
    service = ecs.describe_service(str(subject.service), str(subject.cluster))
    arns = tuple(str(summary["arn"]) for summary in service.get("currentServiceRevisions", ()))
    if not arns and service.get("runningCount"):
        return replace(image, may_start="ECS may have resolved the tag to a digest for the tasks that run")
    containers = {container.name for container in definition.containers if container.image == image.name}
    digests = {
        str(resolved["imageDigest"])
        for revision in (ecs.service_revisions(arns) if arns else ())
        if revision.get("taskDefinition") == definition.arn
        for resolved in revision.get("containerImages", ())
        if resolved.get("containerName") in containers and resolved.get("imageDigest")
    }
    repository = image.repository
    kept = sorted(digest for digest in digests if ecr.has_image(repository.name, digest, repository.account))
    if not kept:
        return image
    return replace(image, may_start=f"Tasks of the current deployment start from the digest {kept[0]}")


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
