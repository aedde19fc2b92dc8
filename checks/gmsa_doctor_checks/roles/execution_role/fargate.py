"""What ECS does with the execution role on Fargate before the container starts. On EC2 it uses the instance's role."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Stop, skipped
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.roles.simulation import PolicySimulator


def role_on_fargate(role: ExecutionRole, simulator: PolicySimulator, platform: Platform, does: str) -> RoleArn:
    """The role to simulate in IAM. On EC2 it stops the check; ``does`` is what the instance's role does there."""
    arn = simulator.role(role.arn)
    simulator.not_as_execution_role()
    if platform.launch is Launch.EC2:
        raise Stop(skipped(f"on EC2, the role of the container instance {does}, not the execution role"))
    return arn


def failed_on_fargate(finding: Finding, platform: Platform) -> Finding:
    """A failure as a warning if the launch type is unknown."""
    return finding if platform.launch else finding.to_warning(" (applies to Fargate only; the launch type is unknown)")
