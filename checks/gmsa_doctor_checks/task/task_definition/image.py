"""Whether Amazon ECR has the task's images, and what the container's image sets: its user, and its environment."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    check,
    failed,
    in_words,
    passed,
    skipped,
    unknown,
)
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.kerberos.ticket_cache import VARIABLE
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, ServiceError
from gmsa_doctor.formats.aws.image_config import ImageConfig, ImageError, NoPlatform, read_config, read_manifest
from gmsa_doctor.formats.aws.image_name import EcrRepository, ecr_repository, image_reference
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import KEPT_ENVIRONMENT, TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Launch, Platform, Subject
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.task.task_definition.missing_images import MissingImages, missing_images
from gmsa_doctor_checks.values import CredentialSpec, ImageSettings
from gmsa_doctor_checks.versions import WINDOWS


@check(
    "task-definition.image",
    title="The images exist, and the container's user and environment are known",
    docs=links.TICKET_CACHE_MODE,
    about="container/image",
    owner=Owner.AWS,
)
def image(
    spec: CredentialSpec,
    chosen: ChosenContainer,
    definition: TaskDefinition,
    platform: Platform,
    place: AwsPlace,
    ecr: Outcome[Ecr],
    caller: Outcome[Caller],
    subject: Subject,
    ecs: Outcome[Ecs],
) -> Result[ImageSettings]:
    """Looks for the task's images in Amazon ECR, and reads the `USER` and `KRB5CCNAME` of the container's image.

    It looks for the images of all containers in the private registry of the task's account and region
    (`ecr:DescribeImages`); if one is missing, for a pull through cache rule that imports it
    (`ecr:DescribePullThroughCacheRules`), and for the digest to which ECS resolved its tag for the service's deployment
    (`ecs:DescribeServiceRevisions`). It reads the manifest (`ecr:BatchGetImage`) and the configuration, a few
    kilobytes (`ecr:GetDownloadUrlForLayer`), but no layers. Images in other registries, regions and with
    `repositoryCredentials` are not read: requests to registries count against their pull limits, and may require a
    password.

    Why: ECS cannot pull an image that does not exist, or has no manifest for the task's CPU architecture
    (`CannotPullContainerError`). An image that runs as another user than root cannot read the ticket cache; .NET's
    chiseled images do (`USER 1654`). `task-definition.user` and `task-definition.krb5ccname` use what is read here.
    On EC2, a container instance that pulled the image before may use its copy (ECS developer guide, "Amazon ECS
    container agent configuration", `ECS_IMAGE_PULL_BEHAVIOR`). A service's deployment starts tasks from the digest of
    the image, also after its tag was deleted (same guide, "Container image resolution").

    Fix: push the image; or allow these actions for gmsa-doctor, or set `user` and `KRB5CCNAME` in the task definition,
    where they override the image's.
    """
    as_execution_role = caller.value and caller.value.is_execution_role  # it pulls images, and may not describe them
    try:
        missing = MissingImages()
        if ecr.value and not as_execution_role:
            missing = missing_images(definition, place, ecr.value, subject, ecs)
    except ClientError as error:
        return _absence_unknown(error)
    if missing.images:
        return Given(ImageSettings(None, missing.first_pulls), missing.finding(platform, place))
    found = _settings(chosen, definition, platform, place, ecr, missing)
    if isinstance(found, Given):
        return replace(found, value=replace(found.value, first_pulls=missing.first_pulls))
    return Given(ImageSettings(None, missing.first_pulls), found)


def _settings(
    chosen: ChosenContainer,
    definition: TaskDefinition,
    platform: Platform,
    place: AwsPlace,
    ecr: Outcome[Ecr],
    missing: MissingImages,
) -> Result[ImageSettings]:
    container = chosen.container
    if platform.windows:
        return skipped(WINDOWS)
    if container and container.user and dict(container.environment).get(VARIABLE):
        return passed(f"not read: the task definition sets user and {VARIABLE}")
    name = container.image if container else None
    if not name or isinstance(name, Open):
        return skipped(f"not read: {f'the image is only known at deployment: {name}' if name else 'no image is set'}")
    repository = ecr_repository(name)
    if repository is None or repository.region != place.region:
        where = f"in {repository.region}" if repository else "not in a private Amazon ECR repository"
        return Given(ImageSettings(None), passed(f"not read: {name} is {where}"))
    if ecr.value is None:
        return Given(ImageSettings(None), passed(f"not read: {ecr.finding.summary}"))
    if rules := in_words(
        f"{pull.rule.prefix} ({pull.rule.upstream})" for pull in missing.first_pulls if pull.image == name
    ):
        return skipped(f"not read: ECR does not have {name} yet; the pull through cache rule {rules} imports it")
    return _settings_in(name, repository, definition.cpu_architecture, ecr.value, platform)


def _settings_in(
    name: str, repository: EcrRepository, architecture: str | None, ecr: Ecr, platform: Platform
) -> Result[ImageSettings]:
    try:
        config = _read(repository, image_reference(name), architecture, ecr)
    except Denied as error:
        return _denied(name, error)
    except NoPlatform as error:
        return _other_platform(name, error, platform)
    except (NotFound, ServiceError, ImageError) as error:
        return skipped(f"not read: {name}: {error}")
    except ClientError as error:  # rejected credentials, a proxy, throttling, a time-out
        return error.finding()
    return Given(ImageSettings(config), passed(f"{name} runs as {config.user or 'root (no USER)'}"))


def _absence_unknown(error: ClientError) -> Finding:
    if not isinstance(error, Denied):
        return error.finding()
    return replace(error.finding(), summary=f"it is unknown whether Amazon ECR has the task's images: {error.text}")


def _other_platform(name: str, error: NoPlatform, platform: Platform) -> Finding:
    finding = failed(
        f"the task cannot pull its image {name}: {error}",
        observed=f"{name} is for other platforms",
        expected=f"an image for {error.platform}",
        fix=Fix(
            f"Build the image for {error.platform} and push it, or set runtimePlatform.cpuArchitecture in the task "
            "definition to the image's architecture.",
            (f"docker buildx build --platform {error.platform} --tag {posix(name)} --push .",),
            Owner.DEVELOPER,
        ),
    )
    if platform.launch is Launch.FARGATE:
        return finding
    return finding.to_warning("; on EC2, the container instance's architecture decides")


def _read(repository: EcrRepository, reference: str, architecture: str | None, ecr: Ecr) -> ImageConfig:
    name, account = repository.name, repository.account
    manifest = read_manifest(ecr.manifest(name, account, reference), architecture)
    if manifest.is_index:
        manifest = read_manifest(ecr.manifest(name, account, manifest.digest), architecture)
    return read_config(ecr.config(name, account, manifest.digest), KEPT_ENVIRONMENT)


def _denied(name: str, error: Denied) -> Finding:
    return unknown(
        f"the user that {name} declares is not known, since your credentials are not allowed {error.action}; a user "
        "other than root cannot read the ticket cache",
        observed=error.aws_text or error.text,
        expected="ecr:BatchGetImage and ecr:GetDownloadUrlForLayer allowed",
        fix=Fix(
            "Allow both actions for the credentials that run gmsa-doctor (the statement ReadRepositories of "
            "gmsa-doctor iam-policy), or set user in the task definition.",
            owner=Owner.AWS,
        ),
    )
