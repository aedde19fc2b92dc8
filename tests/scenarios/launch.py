"""How the task is started: deployment controllers, partitions and launch types."""

from tests.scenarios.changes import all_of, entry, on_ec2, region, role, service, task
from tests.scenarios.lab import Scenario
from tests.scenarios.policies import OBJECT, VALUE

_NO_ROLE = task(executionRoleArn=None)

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
        "managed instances",
        "container-instances.gmsa",
        all_of(on_ec2, task(requiresCompatibilities=["MANAGED_INSTANCES"])),
        "for which AWS does not document gMSA",
    ),
)

HEALTHY = (
    Scenario(
        "a service that CodeDeploy deploys, without a fault", "", service(deploymentController={"type": "CODE_DEPLOY"})
    ),
    Scenario("a region of GovCloud", "", all_of(region("us-gov-west-1"), role(OBJECT, VALUE))),
)
