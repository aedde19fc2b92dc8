"""What the roles of container instances may read, by their instance profiles."""

from typing import Any

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import Created
from tests.scenarios.changes import after, all_of, denied, entry, on_ec2, options, role_also
from tests.scenarios.execution_role_start import secret_key
from tests.scenarios.lab import Change, Scenario
from tests.scenarios.policies import ROLE, allow, deny, secret_policy, to, when
from tests.scenarios.task_on_ecs import DOMAINLESS, GET_VALUE, JOINED, instance_profile, instances, register_instance

_CHECK = "instance-role.secret"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecsInstance"
_WITH_THE_SECRET = all_of(on_ec2, instances(DOMAINLESS))


def with_role(*statements: dict[str, Any]) -> Change:
    """On EC2, one instance whose role has a policy of these statements."""

    def register(aws: EmbeddedAws, made: Created) -> None:
        register_instance(aws, made, profile=instance_profile(aws, made, "ecsInstance", *statements))

    return all_of(on_ec2, after(register))


def _joined(aws: EmbeddedAws, made: Created) -> None:
    register_instance(aws, made, JOINED, instance_profile(aws, made, "ecsInstance"))


def _without_profile(aws: EmbeddedAws, made: Created) -> None:
    register_instance(aws, made)


def _one_of_two(aws: EmbeddedAws, made: Created) -> None:
    may = instance_profile(aws, made, "ecsInstance", allow(GET_VALUE, resource=made.secret_arn))
    for profile in (may, instance_profile(aws, made, "oldInstance"), may):
        register_instance(aws, made, profile=profile)


def _by_its_name(aws: EmbeddedAws, made: Created) -> None:
    named = allow(GET_VALUE, resource=made.secret_arn[:-7])
    register_instance(aws, made, profile=instance_profile(aws, made, "ecsInstance", named))


def _without_role(aws: EmbeddedAws, made: Created) -> None:
    register_instance(aws, made, profile=instance_profile(aws, made, "ecsInstance"))
    aws.client("iam").remove_role_from_instance_profile(InstanceProfileName="ecsInstance", RoleName="ecsInstance")


def _external(aws: EmbeddedAws, made: Created) -> None:
    """An external instance, which ECS shows with an id of Systems Manager."""

    id = register_instance(aws, made)
    for one in aws.backend("ecs", made.region).container_instances["demo"].values():
        one.ec2_instance_id = id.replace("i-", "mi-", 1)


WARNINGS = (
    Scenario(
        "a secret with a key that the instance role may not use",
        _CHECK,
        all_of(_WITH_THE_SECRET, secret_key(), role_also(allow("kms:Decrypt"))),
        "none of its policies allows kms:Decrypt",
    ),
    Scenario("no policy of the instance role", _CHECK, with_role(), "ecsInstance is not allowed to read the secret"),
    Scenario(
        "an instance role that may describe the secret only",
        _CHECK,
        with_role(allow("secretsmanager:DescribeSecret")),
        "none of its policies allows secretsmanager:GetSecretValue",
    ),
    Scenario("one instance role of two without the secret", _CHECK, all_of(on_ec2, after(_one_of_two)), "oldInstance"),
    Scenario("the secret by its name for the instance role", _CHECK, all_of(on_ec2, after(_by_its_name)), "-??????"),
    Scenario(
        "a Deny for the instance role",
        _CHECK,
        with_role(allow("*"), deny("secretsmanager:*")),
        " denies ",
    ),
    Scenario(
        "a secret policy that denies the instance role",
        _CHECK,
        all_of(_WITH_THE_SECRET, secret_policy(deny("secretsmanager:*", **to(_ROLE), Sid="NotHosts"))),
        "(NotHosts)",
    ),
    Scenario("an instance without a profile", _CHECK, all_of(on_ec2, after(_without_profile)), "no instance profile"),
    Scenario("an instance profile without a role", _CHECK, all_of(on_ec2, after(_without_role)), "has no role"),
)

HEALTHY = (
    Scenario(
        "a secret with a key that the instance role may use",
        "",
        all_of(with_role(allow("*")), secret_key(), role_also(allow("kms:Decrypt"))),
    ),
    Scenario(
        "a secret with a key whose policy allows both roles",
        "",
        all_of(_WITH_THE_SECRET, secret_key(allow("kms:Decrypt", **to(_ROLE)), allow("kms:Decrypt", **to(ROLE)))),
    ),
    Scenario("an instance role that may read the secret", "", _WITH_THE_SECRET),
    Scenario("an instance role that may do everything", "", with_role(allow("*"))),
    Scenario(
        "a secret policy that allows the instance role",
        "",
        all_of(with_role(), secret_policy(allow(GET_VALUE, **to(_ROLE)))),
    ),
    Scenario(
        "no policy of the instance role with 1.3",
        "",
        all_of(with_role(), options("--fetcher", "1.3", "--live", "never")),
    ),
    Scenario(
        "no policy of the instance role of a host that has joined",
        "",
        all_of(on_ec2, entry("credentialspec:{credspec_arn}"), after(_joined)),
    ),
    Scenario("an external instance", "", all_of(on_ec2, after(_external))),
)

DOUBTS = (
    Scenario(
        "the instances denied", _CHECK, all_of(_WITH_THE_SECRET, denied("ec2", "DescribeInstances")), "ec2:Describe"
    ),
    Scenario(
        "the instance profile denied",
        _CHECK,
        all_of(_WITH_THE_SECRET, denied("iam", "GetInstanceProfile")),
        "iam:GetInstanceProfile",
    ),
    Scenario(
        "the instance role's simulation denied",
        _CHECK,
        all_of(_WITH_THE_SECRET, lambda _, lab: lab.aws.deny("iam", "SimulatePrincipalPolicy", "role/ecsInstance")),
        "iam:SimulatePrincipalPolicy",
    ),
    Scenario(
        "a secret by its name for the instance role",
        _CHECK,
        with_role(allow(GET_VALUE, **when("StringEquals", "secretsmanager:Name", "web"))),
        "secretsmanager:Name",
    ),
)
