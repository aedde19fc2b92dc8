"""What AWS Directory Service knows of the AD: which kind of directory it is, and whether it is well."""

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
    """Lists the directories of the region, those shared with the account included.

    Why: they tell the addresses of the AD's DNS servers, with which the VPC's DNS is compared. An AD that runs
    elsewhere is not among them; there `--ad-dns` names its DNS servers.

    Fix: allow `ds:DescribeDirectories`.
    """
    found = AwsDirectories(tuple(map(AwsDirectory.of, client.directories())))
    names = ", ".join(f"{own.id} ({own.name}, {own.type})" for own in found.all)
    return Given(found, passed(names or f"none in {place.region}: the AD is a self-managed one, or of another region"))


@check(
    "directory-service.type",
    title="The directory is of a kind that has gMSAs, and is active",
    docs=links.DIRECTORY_SERVICE,
)
def kind(known: AwsDirectories, ad: AdDomain, place: AwsPlace) -> Finding:
    """Looks for a directory of the domain's name, at its type and its stage.

    Why: AWS Managed Microsoft AD and self-managed ADs (also behind an AD Connector) have gMSAs. Simple AD is a Samba
    without them, as far as is known. A directory that is impaired or being restored may not answer.

    Fix: use an AWS Managed Microsoft AD, or a self-managed AD; wait for a directory until it is Active, or recover it.
    """
    domain = ad.in_use.text
    found = known.named(domain)
    if not found:
        return passed(f"Directory Service has no directory {domain}: a self-managed AD")
    kinds = ", ".join(f"{own.id}: {_KINDS.get(own.type, own.type)}, {own.stage}" for own in found)
    if all(own.type == "SimpleAD" for own in found):
        return warned(
            f"{found[0].id} is a Simple AD, which has no gMSAs as far as is known",
            observed=kinds,
            expected="an AWS Managed Microsoft AD, or a self-managed AD",
            fix=Fix("Make an AWS Managed Microsoft AD (or use a self-managed AD), and the gMSA there."),
        )
    inactive = [own for own in found if own.stage not in ("Active", "")]
    if inactive:
        return warned(
            f"{', '.join(f'{own.id} is {own.stage}' for own in inactive)}, not Active; it may not always answer",
            observed=kinds,
            expected="Active",
            fix=Fix(
                "See what Directory Service says of it.",
                tuple(
                    f"aws ds describe-directories{place.region_option} --directory-ids {posix(own.id)} "
                    "--query 'DirectoryDescriptions[].[Stage,StageReason]'"
                    for own in inactive
                ),
            ),
        )
    return passed(kinds)
