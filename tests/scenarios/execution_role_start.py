"""Keys of the CredSpec and the secret, images, logs, and buckets of other accounts, as far as the role needs them."""

from typing import Any

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import Created, Environment
from tests.scenarios.changes import all_of, boundary, denied, on_ec2, options, role_also
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.policies import ROLE, allow, bucket_of, deny, document, to, when

_KMS, _IMAGE, _LOGS = "execution-role.kms", "execution-role.image", "execution-role.logs"
_GROUP = "log-group.present"
_ELSEWHERE = "210987654321"
_DECRYPT = allow("kms:Decrypt")
DELEGATED = allow("kms:*", **to(f"arn:aws:iam::{ACCOUNT}:root"))
"""The statement of a key's policy that leaves it to the account's own policies."""
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/webapp"
_IMAGE_NAME = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/webapp:1"
TOKEN = _TOKEN = allow("ecr:GetAuthorizationToken")
_LAYERS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")
PULL = _PULL = allow(*_LAYERS, resource=REPOSITORY)


# Keys -------------------------------------------------------------------------------------------------------


def _make_key(aws: EmbeddedAws, made: Created, statements: tuple[dict[str, Any], ...]) -> str:
    policy = document(*(statements or (DELEGATED,)))
    return str(aws.client("kms", made.region).create_key(Policy=policy)["KeyMetadata"]["Arn"])


def object_key(*statements: dict[str, Any]) -> Change:
    """Encrypt the CredSpec object with a customer-managed key that has this policy."""

    def change(it: Environment, _: Lab) -> None:
        def put(aws: EmbeddedAws, made: Created) -> None:
            s3 = aws.client("s3", made.region)
            body = s3.get_object(Bucket=it.bucket, Key=it.key)["Body"].read()
            key = _make_key(aws, made, statements)
            s3.put_object(Bucket=it.bucket, Key=it.key, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

        it.after.append(put)

    return change


def object_key_of_aws(it: Environment, lab: Lab) -> None:
    """Encrypt the CredSpec object with a key that is AWS's own, as aws/s3 is."""

    def take_over(aws: EmbeddedAws, made: Created) -> None:
        for key in aws.backend("kms", made.region).keys.values():
            key.key_manager = "AWS"

    object_key()(it, lab)
    it.after.append(take_over)


def secret_key(*statements: dict[str, Any]) -> Change:
    """Encrypt the secret with a customer-managed key that has this policy."""

    def change(it: Environment, _: Lab) -> None:
        def put(aws: EmbeddedAws, made: Created) -> None:
            key = _make_key(aws, made, statements)
            aws.client("secretsmanager", made.region).update_secret(SecretId=made.secret_arn, KmsKeyId=key)

        it.after.append(put)

    return change


def key_of_the_secret(call: str, **arguments: Any) -> Change:
    """Do something with the secret's key."""

    def change(it: Environment, _: Lab) -> None:
        def do(aws: EmbeddedAws, made: Created) -> None:
            described = aws.client("secretsmanager", made.region).describe_secret(SecretId=made.secret_arn)
            getattr(aws.client("kms", made.region), call)(KeyId=described["KmsKeyId"].rpartition("/")[2], **arguments)

        it.after.append(do)

    return change


def granted(it: Environment, _: Lab) -> None:
    """Grant the secret's key to the role."""
    key_of_the_secret("create_grant", GranteePrincipal=ROLE, Operations=["Decrypt"])(it, _)


def object_key_elsewhere(it: Environment, _: Lab) -> None:
    """Encrypt the CredSpec object with a key of another region."""
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0b2ad402-0000-46ac-8000-7c8d68f8badb"

    def put(aws: EmbeddedAws, made: Created) -> None:
        s3 = aws.client("s3", made.region)
        body = s3.get_object(Bucket=it.bucket, Key=it.key)["Body"].read()
        s3.put_object(Bucket=it.bucket, Key=it.key, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

    it.after.append(put)


def secret_key_by_a_foreign_alias(it: Environment, _: Lab) -> None:
    """Encrypt the secret with a key of another account, named by its alias."""
    alias = f"arn:aws:kms:us-east-1:{_ELSEWHERE}:alias/gmsa"

    def put(aws: EmbeddedAws, made: Created) -> None:
        aws.client("secretsmanager", made.region).update_secret(SecretId=made.secret_arn, KmsKeyId=alias)

    it.after.append(put)


_UNREADABLE = denied("secretsmanager", "GetSecretValue")
"""Then the secret's key is looked at all the same."""


# Images and logs --------------------------------------------------------------------------------------------


def image(name: str = _IMAGE_NAME, repository: str = "webapp", policy: str = "", *, pushed: bool = True) -> Change:
    """Let the image be one of Amazon ECR."""

    def change(it: Environment, lab: Lab) -> None:
        it.container["image"] = name
        if repository:
            it.after.append(lambda aws, made: _make_repository(aws, made, repository, policy))
        if repository and pushed:
            it.after.append(lambda aws, made: aws.images.push(repository, "1", {}))

    return change


def _make_repository(aws: EmbeddedAws, made: Created, name: str, policy: str) -> None:
    ecr = aws.client("ecr", made.region)
    ecr.create_repository(repositoryName=name)
    if policy:
        ecr.set_repository_policy(repositoryName=name, policyText=policy)


def cache_rule(prefix: str) -> Change:
    """Give the registry a pull through cache rule for Docker Hub."""
    return lambda _, lab: lab.aws.network.cache_rules.append((prefix, "registry-1.docker.io"))


HUB_IMAGE = _IMAGE_NAME.replace("webapp", "docker-hub/webapp")
FROM_HUB = all_of(
    image(HUB_IMAGE, ""),
    role_also(_TOKEN, allow(*_LAYERS, resource=REPOSITORY.replace("webapp", "docker-hub/webapp"))),
)


def cached(aws: EmbeddedAws, made: Created) -> None:
    """Let ECR have the image of a pull through cache rule."""
    aws.images.push("docker-hub/webapp", HUB_IMAGE.rpartition(":")[2], {})


def logs(group: str = "/ecs/webapp", *, there: bool = True, **settings: str) -> Change:
    """Let the container log with awslogs."""

    def change(it: Environment, _: Lab) -> None:
        given = {"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs"}
        more = {name.replace("_", "-"): value for name, value in settings.items()}
        it.container["logConfiguration"] = {"logDriver": "awslogs", "options": {**given, **more}}
        if there:
            it.after.append(lambda aws, made: aws.client("logs", made.region).create_log_group(logGroupName=group))

    return change


def without_logs(it: Environment, _: Lab) -> None:
    """Take what is about logs out of the role's policy."""
    it.role_policy = [one for one in it.role_policy or () if "logs:" not in str(one)]


_ON_EC2 = all_of(on_ec2, bucket_of(_ELSEWHERE))

FAULTS = (
    Scenario(
        "a bucket of another account for 1.3",
        "credspec.object",
        all_of(_ON_EC2, options("--fetcher", "1.3")),
        "does not belong to the task's account",
    ),
    Scenario("no kms:Decrypt for the object's key", _KMS, object_key(), "none of its policies allows kms:Decrypt"),
    Scenario("no kms:Decrypt for the secret's key", _KMS, secret_key(), "none of its policies allows kms:Decrypt"),
    Scenario(
        "a key policy without role and account",
        _KMS,
        all_of(role_also(_DECRYPT), secret_key(allow("kms:*", **to(f"{ROLE}2")))),
        "for neither the role nor its account",
    ),
    Scenario(
        "a key policy that denies",
        _KMS,
        all_of(role_also(_DECRYPT), object_key(DELEGATED, deny("kms:Decrypt", **to(), Sid="No"))),
        "denies kms:Decrypt (No)",
    ),
    Scenario(
        "a key for another service",
        _KMS,
        all_of(
            role_also(_DECRYPT),
            secret_key(
                allow("kms:*", **to(ROLE), **when("StringEquals", "kms:ViaService", "s3.us-east-1.amazonaws.com"))
            ),
        ),
        "for neither the role nor its account",
    ),
    Scenario("a Deny of keys", _KMS, all_of(role_also(_DECRYPT, deny("kms:*")), secret_key()), " denies kms:Decrypt"),
    Scenario(
        "a boundary without keys",
        _KMS,
        all_of(role_also(_DECRYPT), secret_key(), boundary(allow("s3:*", "secretsmanager:*"))),
        "permissions boundary does not allow kms:Decrypt",
    ),
    Scenario(
        "a disabled key", _KMS, all_of(secret_key(), key_of_the_secret("disable_key"), _UNREADABLE), "not enabled"
    ),
    Scenario(
        "a key pending deletion",
        _KMS,
        all_of(secret_key(), key_of_the_secret("schedule_key_deletion"), _UNREADABLE),
        "pending deletion",
    ),
    Scenario("no ecr:GetAuthorizationToken", _IMAGE, all_of(image(), role_also(_PULL)), "ecr:GetAuthorizationToken"),
    Scenario("no ecr:BatchGetImage", _IMAGE, all_of(image(), role_also(_TOKEN)), "ecr:BatchGetImage"),
    Scenario(
        "another repository",
        _IMAGE,
        all_of(image(), role_also(_TOKEN, allow(*_LAYERS, resource=REPOSITORY + "2"))),
        "none of its policies allows ecr:",
    ),
    Scenario("no rights to write logs", _LOGS, all_of(logs(), without_logs), "logs:CreateLogStream"),
    Scenario(
        "the log group without its ending",
        _LOGS,
        all_of(
            logs(),
            without_logs,
            role_also(
                allow(
                    "logs:CreateLogStream",
                    "logs:PutLogEvents",
                    resource=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/ecs/webapp",
                )
            ),
        ),
        "/ecs/webapp:*",
    ),
    Scenario(
        "a log group to be created, and no right to",
        _LOGS,
        logs(there=False, awslogs_create_group="true"),
        "logs:CreateLogGroup",
    ),
    Scenario("no such log group", _GROUP, logs(there=False), "the log group /ecs/webapp does not exist"),
)

HEALTHY = (
    Scenario("keys of both", "", all_of(role_also(_DECRYPT), object_key(), secret_key())),
    Scenario("a key policy that allows the role", "", secret_key(allow("kms:Decrypt", **to(ROLE)))),
    Scenario(
        "a key for the service, the account and the secret",
        "",
        all_of(
            role_also(_DECRYPT),
            secret_key(
                allow(
                    "kms:Decrypt",
                    **to(),
                    Condition={
                        "StringEquals": {
                            "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
                            "kms:CallerAccount": ACCOUNT,
                        },
                        "StringLike": {"kms:EncryptionContext:SecretARN": "arn:aws:secretsmanager:*:secret:gmsa/*"},
                    },
                )
            ),
        ),
    ),
    Scenario("a key of another region is not checked", "", object_key_elsewhere),
    Scenario("a key of another account by its alias is not checked", "", secret_key_by_a_foreign_alias),
    Scenario("a grant of the key", "", all_of(secret_key(), granted)),
    Scenario("an image of Amazon ECR", "", all_of(image(), role_also(_TOKEN, _PULL))),
    Scenario(
        "a repository that allows the role",
        "",
        all_of(image(policy=document({"Effect": "Allow", **to(ROLE), "Action": list(_LAYERS)})), role_also(_TOKEN)),
    ),
    Scenario(
        "an image of another account",
        "",
        all_of(
            image(_IMAGE_NAME.replace(ACCOUNT, _ELSEWHERE), ""),
            role_also(_TOKEN, allow(*_LAYERS, resource=REPOSITORY.replace(ACCOUNT, _ELSEWHERE))),
        ),
    ),
    Scenario("an image of Amazon ECR on EC2", "", all_of(image(), on_ec2, options("--fetcher", "2"))),
    Scenario("logs", "", logs()),
    Scenario(
        "a log group to be created",
        "",
        all_of(logs(there=False, awslogs_create_group="true"), role_also(allow("logs:CreateLogGroup"))),
    ),
    Scenario("a log group that may be created and exists", "", logs(awslogs_create_group="true")),
    Scenario("a bucket of another account on Fargate", "", bucket_of(_ELSEWHERE)),
)

WARNINGS = (
    Scenario("a bucket of another account on EC2", "credspec.object", _ON_EC2, "Credentials Fetcher 1.3 rejects this"),
    Scenario(
        "no ecr:BatchCheckLayerAvailability",
        _IMAGE,
        all_of(image(), role_also(_TOKEN, allow(*_LAYERS[:2], resource=REPOSITORY))),
        "ecr:BatchCheckLayerAvailability",
    ),
    Scenario(
        "no logs:PutLogEvents",
        _LOGS,
        all_of(logs(), without_logs, role_also(allow("logs:CreateLogStream"))),
        "its logs are lost",
    ),
    Scenario(
        "no such log group on EC2",
        _GROUP,
        all_of(logs(there=False), on_ec2, options("--fetcher", "2")),
        "may start anyway",
    ),
    Scenario(
        "a key policy for an endpoint",
        _KMS,
        all_of(
            role_also(_DECRYPT),
            secret_key(DELEGATED, deny("kms:Decrypt", **to(), **when("StringNotEquals", "aws:SourceVpce", "vpce-1"))),
        ),
        "aws:SourceVpce",
    ),
)

DOUBTS = (
    Scenario("the key denied", _KMS, all_of(secret_key(), denied("kms", "DescribeKey")), "kms:DescribeKey"),
    Scenario(
        "the key's policy denied",
        _KMS,
        all_of(role_also(_DECRYPT), object_key(), denied("kms", "GetKeyPolicy")),
        "kms:GetKeyPolicy",
    ),
    Scenario("the key's grants denied", _KMS, all_of(secret_key(), denied("kms", "ListGrants")), "kms:ListGrants"),
    Scenario(
        "the secret's description denied", _KMS, denied("secretsmanager", "DescribeSecret"), "secretsmanager:Describe"
    ),
    Scenario(
        "the repository's policy denied",
        _IMAGE,
        all_of(image(), role_also(_TOKEN, _PULL), denied("ecr", "GetRepositoryPolicy")),
        "ecr:GetRepositoryPolicy",
    ),
    Scenario(
        "the log groups denied", _GROUP, all_of(logs(), denied("logs", "DescribeLogGroups")), "logs:DescribeLogGroups"
    ),
)
