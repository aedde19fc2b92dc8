"""The VPC's own resolver, which AmazonProvidedDNS stands for: whether it is on."""

from __future__ import annotations

from gmsa_doctor.authoring import Given, check, passed
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor_checks import links
from gmsa_doctor_checks.values import DhcpOptions
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import own_servers
from gmsa_doctor_checks.vpc_dns.values import VpcResolver


@check("dhcp-options.dns-support", title="The VPC's own resolver can be asked, if the task asks it", docs=links.VPC_DNS)
def dns_support(options: DhcpOptions, ec2: Ec2) -> Given[VpcResolver]:
    """Reads the VPC's attribute `enableDnsSupport`, where the DHCP options lead to AmazonProvidedDNS.

    What follows from it, dhcp-options.domain-name-servers says.

    Why: with the attribute off the VPC's own resolver answers nothing, whatever rules and zones there are. DNS servers
    of the AD are not concerned.

    Fix: turn it on, with `aws ec2 modify-vpc-attribute --enable-dns-support`.
    """
    if own_servers(options):
        return Given(VpcResolver(on=True), passed(f"{options.id} names DNS servers of its own; the VPC's is not asked"))
    on = ec2.vpc_attribute(options.vpc, "enableDnsSupport")
    return Given(VpcResolver(on), passed(f"{options.vpc} has enableDnsSupport {'on' if on else 'off'}"))
