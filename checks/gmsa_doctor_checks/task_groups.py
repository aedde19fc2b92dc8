"""The security groups of the task's network interface."""

from __future__ import annotations

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.formats.aws.security_group import SecurityGroup, read_security_group
from gmsa_doctor.given.subject import Network
from gmsa_doctor_checks.vpc_values import TaskSubnets


def groups_of_task(network: Network, subnets: TaskSubnets | None, ec2: Ec2) -> tuple[SecurityGroup, ...]:
    """The groups of the task, empty if they are not known; a service that names none is given its VPC's default one.

    Only a service says whether the task gets a public address, so that one is known to be meant. Raises NotFound.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    """
    if network.security_groups:
        return tuple(map(read_security_group, ec2.security_groups(network.security_groups)))
    if network.public_address is None or subnets is None:
        return ()
    return tuple(map(read_security_group, ec2.default_security_group(subnets.vpc.id)))
