"""Whether the execution role may read the SSM parameter that holds the CredSpec."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Outcome, check, passed
from gmsa_doctor.formats.aws.arn import parse_ssm_parameter_arn
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject, ExecutionRole
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.credspec.object import credspec_object
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator


@check(
    "execution-role.ssm",
    title="The execution role may read the CredSpec's SSM parameter",
    cause=Cause.TASK_DEFINITION,
    docs=links.EC2_GMSA,
    about="task/executionRoleArn",
    shows=(texts.NO_PARAMETER,),
)
def execution_role_ssm(
    role: ExecutionRole, location: CredSpecLocation, found: Outcome[CredSpecObject], simulator: PolicySimulator
) -> Finding:
    """Simulates `ssm:GetParameters` on the CredSpec's parameter in IAM; on EC2, a CredSpec may be a parameter.

    The role's permissions boundary and the organization's policies apply. With the role's own credentials nothing is
    simulated: credspec.object made the real call.

    Why: the ECS agent reads the parameter with this role before it passes the CredSpec to Credentials Fetcher. It reads
    from the task's own region and account, regardless of the ARN.

    Fix: allow `ssm:GetParameters` on the parameter for the execution role.
    """
    if not location.parameter:
        return passed("the CredSpec is an S3 object, not an SSM parameter: see execution-role.credspec")
    arn = simulator.role(role.arn)
    if known := simulator.already_read(found):
        return known
    named = parse_ssm_parameter_arn(location.arn)
    question = AccessQuestion(
        arn,
        "ssm:GetParameters",
        str(replace(named, region=simulator.place.region or named.region, account=arn.account)),
        "the CredSpec",
        simulator.context,
        evidence=credspec_object.id,
        shows_as=texts.NO_PARAMETER,
    )
    return judge(question, simulator.simulate(question), None)
