"""VPC Block Public Access, and the exclusions from it.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gmsa_doctor.authoring import Fix
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.reachability.network import TaskSubnets

_OFF, _INGRESS = "off", "block-ingress"
_BOTH, _EGRESS = "allow-bidirectional", "allow-egress"


@dataclass(frozen=True)
class PublicAccess:
    """The mode that applies to a VPC, and the modes of exclusions, by the id of a VPC or a subnet."""

    vpc: str
    mode: str = _OFF
    exclusions: Mapping[str, str] = field(default_factory=dict)

    def blocks(self, subnet: str, *, by_nat: bool) -> bool | None:
        """Whether packets of a subnet do not pass the internet gateway; None if that is not certain."""
        if self.mode == _OFF or (by_nat and self.mode == _INGRESS):
            return False
        excluded = {self.exclusions.get(self.vpc), self.exclusions.get(subnet)}
        if _BOTH in excluded:
            return False
        if _EGRESS in excluded:
            return False if by_nat else None
        return True

    def fix(self, place: AwsPlace, *, by_nat: bool) -> Fix:
        """Exclude the VPC."""
        mode = _EGRESS if by_nat else _BOTH
        command = (
            f"aws ec2 create-vpc-block-public-access-exclusion{place.region_option} "
            f"--internet-gateway-exclusion-mode {mode} --vpc-id {posix(self.vpc)}"
        )
        return Fix(f"Exclude {self.vpc} from VPC Block Public Access.", (command,))


def public_access(subnets: TaskSubnets, ec2: Ec2) -> PublicAccess:
    """The settings that apply to the VPC. Exclusions are read only if the mode is not off. Raises ClientError."""
    vpc = subnets.vpc
    if vpc.public_access == _OFF:
        return PublicAccess(vpc.id)
    found = ec2.public_access_exclusions()
    active = (own for own in found if str(own.get("State")) in ("create-complete", "update-complete"))
    modes = {str(own["ResourceArn"]).rpartition("/")[2]: str(own.get("InternetGatewayExclusionMode")) for own in active}
    return PublicAccess(vpc.id, vpc.public_access, modes)
