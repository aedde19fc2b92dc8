"""The AD in AWS Directory Service: the type of directory, and its stage."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Given, Result, check, passed, warned
from gmsa_doctor.clients.aws.directory_service import DirectoryService
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, AwsDirectory

_KINDS = {
    "MicrosoftAD": "an AWS Managed Microsoft AD",
    "SharedMicrosoftAD": "an AWS Managed Microsoft AD of another account, shared with this one",
    "ADConnector": "an AD Connector to a self-managed AD",
    "SimpleAD": "a Simple AD",
}


@check(
    "directory-service.directories",
    title="The directories of Directory Service can be listed",
    docs=links.DIRECTORY_SERVICE,
)
def directories(network: Network, client: DirectoryService, place: AwsPlace) -> Result[AwsDirectories]:
    """Lists the directories of the region, including those shared with the account.

    Why: a directory lists the AD's DNS servers, with which the VPC's DNS is compared. A self-managed AD is not listed;
    pass its DNS servers with `--ad-dns`.

    Fix: Allow `ds:DescribeDirectories`.
    """
    found = AwsDirectories(tuple(map(AwsDirectory.of, client.directories())))
    names = ", ".join(f"{own.id} ({own.name}, {own.type})" for own in found.all)
    return Given(found, passed(names or f"none in {place.region}: the AD is self-managed, or in another region"))


@check("directory-service.type", title="The directory supports gMSAs and is active", docs=links.DIRECTORY_SERVICE)
def kind(known: AwsDirectories, ad: AdDomain, place: AwsPlace) -> Finding:
    """Checks the type and the stage of the directory with the domain's name.

    Why: AWS Managed Microsoft AD and self-managed ADs (also behind an AD Connector) support gMSAs. Simple AD, based on
    Samba, probably does not. A directory that is impaired or being restored may not answer.

    Fix: Use an AWS Managed Microsoft AD, or a self-managed AD. Wait until the directory is Active, or recover it.
    """
    domain = ad.in_use.text
    found = known.named(domain)
    if not found:
        return passed(f"Directory Service has no directory {domain}: the AD is self-managed")
    kinds = ", ".join(f"{own.id}: {_KINDS.get(own.type, own.type)}, {own.stage}" for own in found)
    if all(own.type == "SimpleAD" for own in found):
        return warned(
            f"{found[0].id} is a Simple AD, which probably does not support gMSAs",
            observed=kinds,
            expected="an AWS Managed Microsoft AD, or a self-managed AD",
            fix=Fix("Create an AWS Managed Microsoft AD (or use a self-managed AD), and create the gMSA there."),
        )
    inactive = [own for own in found if own.stage not in ("Active", "")]
    if inactive:
        return warned(
            f"{', '.join(f'{own.id} is {own.stage}' for own in inactive)}, not Active; it may not answer",
            observed=kinds,
            expected="Active",
            fix=Fix(
                "Read the reason for the stage, and fix it.",
                tuple(
                    f"aws ds describe-directories{place.region_option} --directory-ids {posix(own.id)} "
                    "--query 'DirectoryDescriptions[].[Stage,StageReason]'"
                    for own in inactive
                ),
            ),
        )
    return passed(kinds)
