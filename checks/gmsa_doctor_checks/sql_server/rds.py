"""SQL Server on Amazon RDS: what it is joined to."""

from __future__ import annotations

import re
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, Given, Result, Status, check, failed, passed, skipped, unknown, warned
from gmsa_doctor.clients.aws.rds import Rds
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.sql_server.combined import combined
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, RdsServer, RdsServers

ENDPOINT = re.compile(
    r"(?P<id>[a-z0-9-]+)\.[a-z0-9-]+\.(rds\.(?P<cn>cn-[a-z0-9-]+)\.amazonaws\.com\.cn|"
    r"(?P<region>[a-z0-9-]+)\.rds\.amazonaws\.com(\.cn)?)",
    re.IGNORECASE,
)
"""``<id>.<hash>.<region>.rds.amazonaws.com``. Source: the RDS user guide, "Finding the connection information"."""


def names_in(endpoint: str, domain: str) -> tuple[str, str]:
    """An instance's name in its AD domain: in a directory of Directory Service, and in a self-managed AD.

    Source: the RDS user guide, "Connecting … with Windows Authentication" and "Working with self-managed Active
    Directory": RDS keeps a CNAME record of ``<id>.<hash>.<region>.awsrds.<domain>`` there.
    """
    id, hash, *rest = endpoint.lower().split(".")
    region = rest[1] if rest[0] == "rds" else rest[0]
    return f"{id}.{domain}", f"{id}.{hash}.{region}.awsrds.{domain}"


_JOINED = frozenset({"joined", "kerberos-enabled"})
_ON_ITS_WAY = re.compile(r"pending-.*|joining|enabling.*|removing")
"""Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_SQLServerWinAuth.html, domain membership."""


@check("sql-server.rds", title="The RDS instance has joined the AD", docs=links.RDS_KERBEROS)
def rds(strings: ConnectionStrings, place: AwsPlace, client: Rds) -> Result[RdsServers]:
    """For servers that are named by their RDS endpoint, asks RDS which AD domain they have joined.

    Each is judged by itself; the worst decides.

    Why: an instance that has joined no domain can log nobody on with Windows authentication. The domain tells under
    which name it is to be connected to: its SPN has that name, and never that of the endpoint.

    Fix: join the instance to the domain (`aws rds modify-db-instance --domain …`).
    """
    hosts = dict.fromkeys(named.string.host.lower() for named in strings.strings)
    endpoints = [endpoint for host in hosts if (endpoint := ENDPOINT.fullmatch(host))]
    if not endpoints:
        return skipped("no server is named by an endpoint of RDS")
    results = [
        (endpoint, result.finding() if isinstance(result, ClientError) else result)
        for endpoint, result in each(endpoints, lambda endpoint: _judge(endpoint, place, client))
    ]
    findings = [(endpoint, result.finding if isinstance(result, Given) else result) for endpoint, result in results]
    servers = tuple(result.value for _, result in results if isinstance(result, Given))
    lost = tuple(endpoint[0].lower() for endpoint, finding in findings if finding.status is Status.FAIL)
    finding = combined([(endpoint["id"], finding) for endpoint, finding in findings])
    return Given(RdsServers(servers, lost), finding) if servers or lost else finding


def _judge(endpoint: re.Match[str], place: AwsPlace, client: Rds) -> Result[RdsServer]:
    """Raises ClientError for what RDS does not report."""
    host, id, region = endpoint[0].lower(), endpoint["id"], endpoint["cn"] or endpoint["region"]
    if place.region and region and region != place.region:
        return unknown(
            f"{endpoint[0]} is of {region}, and the task runs in {place.region}",
            fix=Fix("Ask there.", (_describe(id, region),)),
        )
    if host.split(".")[1].startswith("proxy-"):
        return unknown(
            f"{endpoint[0]} is an endpoint of RDS Proxy, which tells nothing of the AD",
            expected="the DB instance's own name in the AD",
            fix=Fix("With Windows authentication, connect to the DB instance by its name in the AD."),
        )
    try:
        instance = client.instance(id)
    except NotFound as error:
        return unknown(
            f"there is no DB instance {id} in {place.region}: it is another account's, or was deleted",
            observed=error.text,
            fix=Fix("See that the endpoint is still right.", (_describe(id, place.region),)),
        )
    return _judge_membership(host, id, instance, place)


def _judge_membership(host: str, id: str, instance: dict[str, Any], place: AwsPlace) -> Result[RdsServer]:
    """RDS Custom that RDS has joined to no domain may have been joined by its owner, by hand, unknown to RDS.

    Source: the AWS database blog, "Use a self-hosted Active Directory with Amazon RDS Custom for SQL Server".
    """
    membership = next(iter(instance.get("DomainMemberships") or []), None)
    if membership is None:
        if str(instance.get("Engine") or "").startswith("custom-"):
            finding = passed(f"{id}: of RDS Custom: its owner may have joined it by hand")
            return Given(RdsServer(host, id, "", ""), finding)
        return _not_joined(id, place)
    fqdn, status = str(membership.get("FQDN") or ""), str(membership.get("Status") or "")
    described = (_describe(id, place.region),)
    if status.lower() == "failed":
        return failed(
            f"the DB instance {id} failed to join the AD domain {fqdn}: Windows authentication cannot work",
            observed=f"DomainMemberships: {status}",
            expected="joined",
            fix=Fix("See its events for the reason, and join it again.", described),
        )
    domain, state = fqdn.rstrip(".").lower(), status.lower()
    server = RdsServer(host, id, domain, _name_in(host, domain, membership))
    if state in _JOINED:
        return Given(server, passed(f"{id}: {domain}: {state}"))
    if not _ON_ITS_WAY.fullmatch(state):
        text = f"the domain membership of the DB instance {id} is {status or 'not told'}"
        return unknown(text, fix=Fix("Look.", described))
    finding = warned(
        f"the DB instance {id} is only on its way into its domain, or out of it: {domain}: {state}",
        expected="joined",
        fix=Fix("Wait, and see what becomes of it.", described),
    )
    return Given(server, finding)


def _name_in(endpoint: str, domain: str, membership: dict[str, Any]) -> str:
    """RDS reports an organizational unit and a secret for a self-managed AD only."""
    if not domain:
        return ""
    is_self_managed = bool(membership.get("OU") or membership.get("AuthSecretArn"))
    return names_in(endpoint, domain)[is_self_managed]


def _not_joined(id: str, place: AwsPlace) -> Finding:
    return failed(
        f"the DB instance {id} has joined no AD domain: Windows authentication cannot work",
        observed="no DomainMemberships",
        expected="joined to the gMSA's domain",
        fix=Fix(
            "Join it to the AD (with --domain-iam-role-name for a directory of AWS; with --domain-fqdn and its like "
            "for a self-managed one).",
            (
                f"aws rds modify-db-instance{place.region_option} --db-instance-identifier {posix(id)} "
                f"--domain {posix('<directory id>')} --domain-iam-role-name {posix('<role>')}",
            ),
        ),
    )


def _describe(id: str, region: str | None) -> str:
    option = f" --region {posix(region)}" if region else ""
    return (
        f"aws rds describe-db-instances{option} --db-instance-identifier {posix(id)} "
        "--query 'DBInstances[0].[Endpoint.Address,DomainMemberships]'"
    )
