"""How the task is started: deployment controllers, partitions and launch types."""

from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Created, Environment
from tests.scenarios.changes import all_of, entry, on_ec2, region, role, service, task
from tests.scenarios.lab import Lab, Scenario
from tests.scenarios.network_access import AD_OUT, ALL_IN, acl, rule
from tests.scenarios.network_path import no_default_route
from tests.scenarios.policies import OBJECT, VALUE
from tests.scenarios.task_on_ecs import DOMAINLESS, instances

_NO_ROLE = task(executionRoleArn=None)


def _for_several(it: Environment, _: Lab) -> None:
    """Check a task definition for EC2 and Fargate in the service's network, with no launch type."""
    it.task_definition["requiresCompatibilities"] = ["EC2", "FARGATE"]
    it.service = None

    def name(_: EmbeddedAws, made: Created) -> None:
        where = ("--subnets", made.subnets[0], "--security-groups", made.security_group)
        it.started_by = ("--task-definition", "webapp", *where)

    it.after.append(name)


def _in_cluster(it: Environment, _: Lab) -> None:
    it.after.append(lambda *_: setattr(it, "started_by", (*it.started_by, "--cluster", "demo")))


FAULTS = (
    Scenario(
        "a service that CodeDeploy deploys",
        "execution-role.present",
        all_of(service(deploymentController={"type": "CODE_DEPLOY"}), _NO_ROLE),
        "in the AppSpec in revision.json, set TaskDefinition to the ARN of the new revision",
    ),
    Scenario(
        "a service that an external controller deploys",
        "task-definition.prefix",
        all_of(service(deploymentController={"type": "EXTERNAL"}), entry("CredentialSpecDomainless:{credspec_arn}")),
        "An external controller deploys healthy",
    ),
)

WARNINGS = (
    Scenario(
        "a task definition for two launch types, without a route to S3",
        "network-path.s3",
        all_of(_for_several, no_default_route),
        "(applies to Fargate only; the launch type is unknown)",
    ),
    Scenario(
        "a task definition for two launch types, with a network ACL that denies HTTPS",
        "network-path.network-acls",
        all_of(_for_several, acl(rule(100, "allow", "127.77.0.0/16", out=True, protocol="udp"), *AD_OUT, ALL_IN)),
        "(applies to Fargate only; the launch type is unknown)",
    ),
    Scenario(
        "a task definition for two launch types, and container instances without gMSA",
        "container-instances.gmsa",
        all_of(_for_several, _in_cluster, instances("")),
        "(applies to EC2 only; the launch type is unknown)",
    ),
    Scenario(
        "managed instances",
        "container-instances.gmsa",
        all_of(on_ec2, task(requiresCompatibilities=["MANAGED_INSTANCES"])),
        "for which AWS does not document gMSA",
    ),
)

HEALTHY = (
    Scenario("a task definition for two launch types", "", _for_several),
    Scenario(
        "a task definition for two launch types, and container instances with gMSA",
        "",
        all_of(_for_several, _in_cluster, instances(DOMAINLESS)),
    ),
    Scenario(
        "a service that CodeDeploy deploys, without a fault", "", service(deploymentController={"type": "CODE_DEPLOY"})
    ),
    Scenario("a region of GovCloud", "", all_of(region("us-gov-west-1"), role(OBJECT, VALUE))),
)
