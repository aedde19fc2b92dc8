"""What the container's image sets: its user, and its environment."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Given, Outcome, Owner, Result, check, passed, skipped, unknown
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.kerberos.ticket_cache import VARIABLE
from gmsa_doctor.core.errors import ClientError, Denied
from gmsa_doctor.formats.aws.image_config import ImageConfig, ImageError, read_config, read_manifest
from gmsa_doctor.formats.aws.image_name import EcrRepository, ecr_repository, image_reference
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import KEPT_ENVIRONMENT, TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Platform
from gmsa_doctor_checks import links
from gmsa_doctor_checks.values import CredentialSpec, ImageSettings
from gmsa_doctor_checks.versions import WINDOWS


@check(
    "task-definition.image",
    title="The image's user and environment are known",
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
) -> Result[ImageSettings]:
    """Reads the configuration of an image in a private Amazon ECR repository: its `USER`, and `KRB5CCNAME`.

    It reads the manifest (`ecr:BatchGetImage`) and the configuration, a few kilobytes (`ecr:GetDownloadUrlForLayer`),
    but no layers. Images in other registries, regions and with `repositoryCredentials` are not read: requests to
    registries count against their pull limits, and may require a password.

    Why: an image that runs as another user than root cannot read the ticket cache; .NET's chiseled images do
    (`USER 1654`). `task-definition.user` and `task-definition.krb5ccname` use what is read here.

    Fix: allow both actions for gmsa-doctor, or set `user` and `KRB5CCNAME` in the task definition, where they override
    the image's.
    """
    if platform.windows:
        return skipped(WINDOWS)
    container = chosen.container
    if container and container.user and dict(container.environment).get(VARIABLE):
        return _not_read(f"the task definition sets user and {VARIABLE}")
    name = container.image if container else None
    if not name or isinstance(name, Open):
        return _not_read(f"the image is only known at deployment: {name}" if name else "no image is set")
    repository = ecr_repository(name)
    if repository is None:
        return _not_read(f"{name} is not in a private Amazon ECR repository")
    if repository.region != place.region:
        return _not_read(f"{name} is in {repository.region}")
    if ecr.value is None:
        return _not_read(ecr.finding.summary)
    try:
        config = _read(repository, image_reference(name), definition.cpu_architecture, ecr.value)
    except Denied as error:
        return _denied(name, error)
    except (ClientError, ImageError) as error:
        if isinstance(error, ClientError) and error.fault:  # rejected credentials, a proxy, silence
            return error.finding()
        return _not_read(f"{name}: {error}")
    return Given(ImageSettings(config), passed(f"{name} runs as {config.user or 'root (no USER)'}"))


def _not_read(reason: str) -> Given[ImageSettings]:
    return Given(ImageSettings(None), passed(f"not read: {reason}"))


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
