"""Checks of a company's own: its buckets and gMSAs are named after its teams."""

import re
from dataclasses import dataclass

from gmsa_doctor.authoring import Finding, Fix, Given, Result, check, failed, passed, skipped
from gmsa_doctor.given.shared_values import CredSpecLocation
from gmsa_doctor_checks.values import GmsaNames

WIKI = "https://wiki.acme.example/gmsa"


@dataclass(frozen=True)
class Team:
    """The team that a CredSpec belongs to."""

    name: str


@check("acme.bucket-name", title="The CredSpec lies in a team's bucket", docs=WIKI)
def bucket_name(location: CredSpecLocation) -> Result[Team]:
    """Reads the team from the bucket's name, `acme-<team>-credspecs`.

    Why: the access to our buckets goes by their names.

    Fix: move the CredSpec to the bucket of your team.
    """
    if not location.bucket:
        return skipped(f"{location.name} is no S3 object")
    match = re.fullmatch(r"acme-([a-z]+)-credspecs", location.bucket)
    if not match:
        return failed(
            f"{location.bucket} is no team's bucket",
            observed=location.bucket,
            expected="acme-<team>-credspecs",
            fix=Fix(
                "Move the CredSpec to your team's bucket.", (f"aws s3 mv {location.name} s3://acme-<team>-credspecs",)
            ),
        )
    return Given(Team(match[1]), passed(f"{location.bucket} is of the team {match[1]}"))


@check("acme.gmsa-name", title="The gMSA is the team's own", docs=WIKI)
def gmsa_name(team: Team, names: GmsaNames) -> Finding:
    """Compares the gMSA's name with the team's.

    Why: nobody runs as another team's account.

    Fix: let the CredSpec name a gMSA that begins with your team's name.
    """
    if names.gmsa.text.startswith(team.name):
        return passed(f"{names.gmsa.text} is of the team {team.name}")
    return failed(f"{names.gmsa.text} is not of the team {team.name}", expected=f"a gMSA named {team.name}…")
