"""What the image of a container in Amazon ECR sets: its user, and its environment."""

from tests.lab.aws import EmbeddedAws
from tests.lab.environment import KRB5CCNAME, Created
from tests.scenarios.changes import after, all_of, container, denied, role_also, task
from tests.scenarios.execution_role_start import PULL, TOKEN, image
from tests.scenarios.lab import Change, Scenario

_USER = "task-definition.user"
_ARM = task(runtimePlatform={"operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64"})


def image_with(*architectures: str, user: str = "", env: tuple[str, ...] = ()) -> Change:
    """Let the image be one of Amazon ECR with this user and environment; with architectures, for the first of these."""

    def push(aws: EmbeddedAws, made: Created) -> None:
        aws.images.push("webapp", "1", {"User": user, "Env": ["PATH=/bin", *env]}, *architectures)

    return all_of(image(), role_also(TOKEN, PULL), after(push))


def _lost(aws: EmbeddedAws, made: Created) -> None:
    aws.images.lost = True


_variable_of_image = container(environment=[])

FAULTS = (
    Scenario("an image that runs as another user", _USER, image_with(user="1654"), "runs as 1654, who cannot read"),
    Scenario(
        "an image of several platforms, where the task's runs as another user",
        _USER,
        all_of(_ARM, image_with("arm64", "amd64", user="app")),
        "USER app in the image",
    ),
    Scenario(
        "an image that runs as another user and sets KRB5CCNAME",
        _USER,
        all_of(_variable_of_image, image_with(user="1654", env=(f"KRB5CCNAME={KRB5CCNAME}",))),
        "runs as 1654",
    ),
)

DOUBTS = (
    Scenario(
        "an image that may not be read",
        "task-definition.image",
        all_of(image_with(user="1654"), denied("ecr", "BatchGetImage")),
        "ecr:BatchGetImage",
    ),
    Scenario(
        "an image whose configuration may not be read",
        "task-definition.image",
        all_of(image_with(user="1654"), denied("ecr", "GetDownloadUrlForLayer")),
        "ecr:GetDownloadUrlForLayer",
    ),
)

WARNINGS = (
    Scenario(
        "KRB5CCNAME neither in the task definition nor in the image",
        "task-definition.krb5ccname",
        all_of(_variable_of_image, image_with()),
        "neither the task definition nor the image sets",
    ),
    Scenario(
        "an image whose KRB5CCNAME names a copy of the ticket",
        "task-definition.user task-definition.krb5ccname",
        all_of(_variable_of_image, image_with(user="1654", env=("KRB5CCNAME=/tmp/krb5cc",))),
        "may name a copy",
    ),
)

HEALTHY = (
    Scenario("an image without a user", "", image_with()),
    Scenario("an image of root", "", image_with(user="0:0")),
    Scenario(
        "an image that runs as another user, which the task definition overrides",
        "",
        all_of(container(user="root"), image_with(user="1654")),
    ),
    Scenario(
        "an image that sets KRB5CCNAME", "", all_of(_variable_of_image, image_with(env=(f"KRB5CCNAME={KRB5CCNAME}",)))
    ),
    Scenario(
        "an image of several platforms, where another one than the task's runs as another user",
        "",
        image_with("arm64", "amd64", user="1654"),
    ),
    Scenario("an image without a manifest for the task's platform", "", image_with("s390x", user="1654")),
    Scenario("an image whose configuration cannot be downloaded", "", all_of(image_with(user="1654"), after(_lost))),
)
