"""The service and its task definition, as ECS holds them: revisions, and container instances."""

import json
from collections.abc import Callable
from typing import Any

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import Created, trust
from tests.scenarios.changes import after, all_of, denied, entry, on_ec2
from tests.scenarios.lab import Change, Scenario
from tests.scenarios.policies import allow, document

DOMAINLESS, JOINED = "ecs.capability.gmsa-domainless", "ecs.capability.gmsa"
GET_VALUE = "secretsmanager:GetSecretValue"


def instances(*attributes: str) -> Change:
    """Register a container instance for each of these, with this attribute; empty: with none of ours.

    Their role may read the secret.
    """

    def register(aws: EmbeddedAws, made: Created) -> None:
        profile = instance_profile(aws, made, "ecsInstance", allow(GET_VALUE, resource=made.secret_arn))
        for attribute in attributes:
            register_instance(aws, made, attribute, profile)

    return after(register)


def instance_profile(aws: EmbeddedAws, made: Created, name: str, *statements: dict[str, Any]) -> str:
    """Make an instance profile and its role, both of this name, and give the name."""
    iam = aws.client("iam", made.region)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust("ec2.amazonaws.com")))
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return name


def register_instance(aws: EmbeddedAws, made: Created, attribute: str = DOMAINLESS, profile: str = "") -> str:
    """Start an EC2 instance, with a profile if it is named, and register it; gives its id."""

    with_profile = {"IamInstanceProfile": {"Name": profile}} if profile else {}
    run = aws.client("ec2", made.region).run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=made.subnets[0], **with_profile
    )
    id = str(run["Instances"][0]["InstanceId"])
    one = aws.backend("ecs", made.region).register_container_instance("demo", id)
    if attribute:
        one.attributes[attribute] = None
    return id


def of_provider(*attributes: str) -> Change:
    """On EC2 with the capacity provider asg, which has an instance for each of these, beside one of no provider."""

    def register(aws: EmbeddedAws, made: Created) -> None:
        backend = aws.backend("ecs", made.region)
        for one in backend.services.values():  # moto does not keep a service's strategy
            one.deployments[0].pop("launchType")
            one.deployments[0]["capacityProviderStrategy"] = [{"capacityProvider": "asg", "weight": 1}]
        profile = instance_profile(aws, made, "ecsInstance", allow(GET_VALUE, resource=made.secret_arn))
        for attribute in attributes:
            register_instance(aws, made, attribute, profile)
        for instance in backend.container_instances["demo"].values():
            setattr(instance, "capacity_provider_name", "asg")  # noqa: B010 - no such field in moto
        register_instance(aws, made, "" if DOMAINLESS in attributes else DOMAINLESS, profile)

    return all_of(on_ec2, after(register))


def requires(*attributes: str) -> Change:
    """Let ECS say that the task definition requires these attributes, which moto does not."""

    def change(aws: EmbeddedAws, made: Created) -> None:
        for revisions in aws.backend("ecs", made.region).task_definitions.values():
            for one in revisions.values():
                setattr(one, "requires_attributes", [{"name": name} for name in attributes])  # noqa: B010 - no such field

    return after(change)


def newer(change: Callable[[dict[str, Any]], object]) -> Change:
    """Register a further revision, changed, which the service does not use."""

    def register(aws: EmbeddedAws, made: Created) -> None:
        ecs = aws.client("ecs", made.region)
        found = ecs.describe_task_definition(taskDefinition=made.task_definition_arn)["taskDefinition"]
        keys = ("family", "containerDefinitions", "executionRoleArn", "networkMode", "requiresCompatibilities")
        arguments = {key: found[key] for key in (*keys, "cpu", "memory")}
        change(arguments)
        ecs.register_task_definition(**arguments)

    return after(register)


def _first(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda arguments: arguments["containerDefinitions"][0].update(fields)


FAULTS = (
    Scenario(
        "no container instance with gMSA, which the task requires",
        "container-instances.gmsa",
        all_of(on_ec2, instances("", ""), requires(DOMAINLESS)),
        "ECS places no task",
    ),
    Scenario(
        "container instances for joined hosts only",
        "container-instances.gmsa",
        all_of(on_ec2, instances(JOINED), requires(DOMAINLESS)),
        "has ecs.capability.gmsa-domainless",
    ),
)

HEALTHY = (
    Scenario("EC2, container instances with gMSA", "", all_of(on_ec2, instances(DOMAINLESS, DOMAINLESS))),
    Scenario(
        "EC2, joined container instances",
        "",
        all_of(on_ec2, entry("credentialspec:{credspec_arn}"), instances(JOINED), requires(JOINED)),
    ),
    Scenario(
        "EC2, some container instances with gMSA, which the task requires",
        "",
        all_of(on_ec2, instances(DOMAINLESS, ""), requires(DOMAINLESS)),
    ),
    Scenario("EC2, a capacity provider's instances with gMSA, others without", "", of_provider(DOMAINLESS)),
    Scenario("a newer revision with another image", "", newer(_first(image="registry.example/webapp:2"))),
)

WARNINGS = (
    Scenario(
        "no container instance of the capacity provider with gMSA",
        "container-instances.gmsa",
        of_provider(""),
        "no container instance of asg has ecs.capability.gmsa-domainless",
    ),
    Scenario(
        "no container instance of the capacity provider with gMSA, which the task requires",
        "container-instances.gmsa",
        all_of(of_provider("", ""), requires(DOMAINLESS)),
        "ECS places no task until one with it is started",
    ),
    Scenario(
        "one container instance of two without gMSA",
        "container-instances.gmsa",
        all_of(on_ec2, instances(DOMAINLESS, "")),
        "tasks placed there start without the gMSA",
    ),
    Scenario(
        "no container instance with gMSA",
        "container-instances.gmsa",
        all_of(on_ec2, instances("")),
        "no container instance of demo has ecs.capability.gmsa-domainless",
    ),
    Scenario(
        "a newer revision with another CredSpec",
        "service.revision",
        newer(_first(credentialSpecs=["credentialspecdomainless:arn:aws:s3:::gmsa-credspecs/new.json"])),
        "webapp:2 is newer and differs in credentialSpecs",
    ),
    Scenario(
        "a newer revision with another execution role",
        "service.revision",
        newer(lambda arguments: arguments.update(executionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/other")),
        "is newer and differs in executionRoleArn",
    ),
    Scenario(
        "a newer revision without credentialSpecs",
        "service.revision",
        newer(_first(credentialSpecs=[])),
        "no credentialSpecs",
    ),
)

DOUBTS = (
    Scenario(
        "the container instances denied",
        "container-instances.gmsa",
        all_of(on_ec2, instances(DOMAINLESS), denied("ecs", "DescribeContainerInstances")),
        "ecs:DescribeContainerInstances",
    ),
    Scenario(
        "the list of container instances denied",
        "container-instances.gmsa",
        all_of(on_ec2, denied("ecs", "ListContainerInstances")),
        "ecs:ListContainerInstances",
    ),
)
