"""What ECS does on Fargate with the execution role before the container starts: on EC2 the instance's role does it."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Stop, skipped
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.roles.simulation import PolicySimulator


def role_on_fargate(role: ExecutionRole, simulator: PolicySimulator, platform: Platform, does: str) -> RoleArn:
    """The role that IAM can be asked about; ``does`` is what the instance's role does on EC2. Else ends the check."""
    arn = simulator.role(role.arn)
    simulator.not_as_execution_role()
    if platform.launch is Launch.EC2:
        raise Stop(skipped(f"on EC2 the role of the container instance {does}, not the execution role"))
    return arn


def failed_on_fargate(finding: Finding, platform: Platform) -> Finding:
    """A failure as a warning where the launch type is not known."""
    return finding if platform.launch else finding.to_warning(" (on Fargate; on EC2 it does not matter)")
