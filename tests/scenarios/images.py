"""Images in Amazon ECR: whether they exist, first pulls, and what they set (user and environment)."""

from tests.lab.aws import EmbeddedAws
from tests.lab.environment import KRB5CCNAME, Created
from tests.scenarios.changes import after, all_of, container, denied, on_ec2, options, role_also, task
from tests.scenarios.execution_role_start import FROM_HUB, HUB_IMAGE, PULL, TOKEN, cache_rule, image
from tests.scenarios.lab import Change, Scenario
from tests.scenarios.policies import allow

_USER = "task-definition.user"
_ARM = task(runtimePlatform={"operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64"})


def image_with(*architectures: str, user: str = "", env: tuple[str, ...] = ()) -> Change:
    """Let the image be one of Amazon ECR with this user and environment; with architectures, for the first of these."""

    def push(aws: EmbeddedAws, made: Created) -> None:
        aws.images.push("webapp", "1", {"User": user, "Env": ["PATH=/bin", *env]}, *architectures)

    return all_of(image(), role_also(TOKEN, PULL), after(push))


def _lost(aws: EmbeddedAws, made: Created) -> None:
    aws.images.lost = True


def untagged(*, kept: bool) -> Change:
    """Delete the tag after the deployment resolved it; `kept`: the image is there by its digest."""

    def delete(aws: EmbeddedAws, made: Created) -> None:
        digest = aws.images.untag("webapp", "1")
        aws.network.digests["web"] = digest if kept else f"sha256:{'0' * 64}"

    return all_of(image_with(), after(delete))


_variable_of_image = container(environment=[])

FAULTS = (
    Scenario(
        "an image that ECR does not have",
        "task-definition.image",
        all_of(image(pushed=False), role_also(TOKEN, PULL)),
        "the repository webapp has no image 1",
    ),
    Scenario(
        "an image whose tag and digest were deleted",
        "task-definition.image",
        untagged(kept=False),
        "the task cannot pull its image: the repository webapp has no image 1",
    ),
    Scenario(
        "an image without a manifest for the task's platform",
        "task-definition.image",
        image_with("s390x", user="1654"),
        "no manifest for linux/amd64",
    ),
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
    Scenario(
        "a repository that does not exist",
        "task-definition.image",
        all_of(image(repository=""), role_also(TOKEN, PULL)),
        "the repository webapp does not exist",
    ),
    Scenario(
        "a repository that does not exist, for which no pull through cache rule is",
        "task-definition.image",
        all_of(FROM_HUB, cache_rule("quay")),
        "the repository docker-hub/webapp does not exist",
    ),
)

DOUBTS = (
    Scenario(
        "an image of which it may not be known whether it exists",
        "task-definition.image",
        all_of(image_with(), denied("ecr", "DescribeImages")),
        "ecr:DescribeImages",
    ),
    Scenario(
        "an image whose tag was deleted, and it may not be known whether the deployment resolved it",
        "task-definition.image",
        all_of(untagged(kept=True), denied("ecs", "DescribeServiceRevisions")),
        "unless ECS resolved its tag to a digest for the service's deployment: access denied: ecs:DescribeServiceRev",
    ),
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
    Scenario(
        "no repository, and the pull through cache rules may not be read",
        "task-definition.image",
        all_of(FROM_HUB, denied("ecr", "DescribePullThroughCacheRules")),
        "unless a pull through cache rule imports it at the first pull: access denied: ecr:DescribePull",
    ),
)

WARNINGS = (
    Scenario(
        "an image whose tag was deleted after the deployment resolved it",
        "task-definition.image",
        untagged(kept=True),
        "Tasks of the current deployment start from the digest sha256:",
    ),
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
    Scenario(
        "an image that ECR does not have, on EC2",
        "task-definition.image",
        all_of(image(pushed=False), on_ec2, options("--fetcher", "2")),
        "a container instance that pulled it before",
    ),
    Scenario(
        "no repository yet, which a pull through cache rule creates",
        "execution-role.image",
        all_of(FROM_HUB, cache_rule("docker-hub")),
        "none of its policies allows ecr:BatchImportUpstreamImage",
    ),
    Scenario(
        "an image that a pull through cache rule has yet to import into its repository",
        "execution-role.image",
        all_of(FROM_HUB, image(HUB_IMAGE, "docker-hub/webapp", pushed=False), cache_rule("docker-hub")),
        "none of its policies allows ecr:BatchImportUpstreamImage",
    ),
    Scenario(
        "no repository yet, which a rule for all repositories creates",
        "execution-role.image",
        all_of(image(repository=""), role_also(TOKEN, PULL), cache_rule("ROOT")),
        "the pull through cache rule ROOT imports it",
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
    Scenario("an image whose configuration cannot be downloaded", "", all_of(image_with(user="1654"), after(_lost))),
    Scenario(
        "a first pull that creates the repository",
        "",
        all_of(FROM_HUB, role_also(allow("ecr:BatchImportUpstreamImage", "ecr:CreateRepository")), cache_rule("ROOT")),
    ),
    Scenario(
        "a first pull into a repository",
        "",
        all_of(
            FROM_HUB,
            image(HUB_IMAGE, "docker-hub/webapp", pushed=False),
            role_also(allow("ecr:BatchImportUpstreamImage")),
            cache_rule("docker-hub"),
        ),
    ),
)
