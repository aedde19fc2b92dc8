"""SQL Server on Amazon RDS: the AD domain that it has joined."""

from __future__ import annotations

import re
from typing import Any

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Owner,
    Result,
    Status,
    alternatives,
    check,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.clients.aws.rds import Rds
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.partitions import dns_suffixes
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.sql_server.combined import combined
from gmsa_doctor_checks.sql_server.values import ConnectionStrings, RdsServer, RdsServers

ENDPOINT = re.compile(
    r"(?P<id>[a-z0-9-]+)\.[a-z0-9-]+\.(rds\.(?P<cn>cn-[a-z0-9-]+)|(?P<region>[a-z0-9-]+)\.rds)\."
    rf"({'|'.join(map(re.escape, dns_suffixes()))})",
    re.IGNORECASE,
)
"""``<id>.<hash>.<region>.rds.amazonaws.com``. Source: the RDS user guide, "Finding the connection information"."""


def names_in(endpoint: str, domain: str) -> tuple[str, str]:
    """A DB instance's name in its AD domain: of a Directory Service directory, and of a self-managed AD.

    Source: the RDS user guide, "Connecting … with Windows Authentication" and "Working with self-managed Active
    Directory": RDS keeps a CNAME record of ``<id>.<hash>.<region>.awsrds.<domain>`` there.
    """
    id, hash, *rest = endpoint.lower().split(".")
    region = rest[1] if rest[0] == "rds" else rest[0]
    return f"{id}.{domain}", f"{id}.{hash}.{region}.awsrds.{domain}"


_JOINED = frozenset({"joined", "kerberos-enabled"})
_CHANGING = re.compile(r"pending-.*|joining|enabling.*|removing")
"""Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_SQLServerWinAuth.html, domain membership."""


@check("sql-server.rds", title="RDS DB instance has joined an AD domain", docs=links.RDS_KERBEROS, owner=Owner.AWS)
def rds(strings: ConnectionStrings, place: AwsPlace, client: Rds) -> Result[RdsServers]:
    """For servers that are named by their RDS endpoint, asks RDS which AD domain they have joined.

    Each is checked separately; the worst one decides.

    Why: a DB instance that has not joined a domain cannot use Windows authentication. Its SPN contains its name in that
    domain, never the endpoint, so the application must connect to that name.

    Fix: join the DB instance to the domain (`aws rds modify-db-instance --domain …`).
    """
    hosts = dict.fromkeys(named.string.host.lower() for named in strings.strings)
    endpoints = [endpoint for host in hosts if (endpoint := ENDPOINT.fullmatch(host))]
    if not endpoints:
        return skipped("no server is named by an RDS endpoint")
    results = each(endpoints, lambda endpoint: _judge(endpoint, place, client))
    servers = tuple(result.value for _, result in results if isinstance(result, Given))
    failures = (
        endpoint for endpoint, result in results if isinstance(result, Finding) and result.status is Status.FAIL
    )
    lost = tuple(endpoint[0].lower() for endpoint in failures)
    finding = combined([(endpoint["id"], result) for endpoint, result in results])
    return Given(RdsServers(servers, lost), finding) if servers or lost else finding


def _judge(endpoint: re.Match[str], place: AwsPlace, client: Rds) -> Result[RdsServer]:
    host, id, region = endpoint[0].lower(), endpoint["id"], endpoint["cn"] or endpoint["region"]
    if place.region and region and region != place.region:
        return unknown(
            f"{endpoint[0]} is in {region}, but the task runs in {place.region}",
            fix=Fix("Check the DB instance in that region.", (_describe(id, region),)),
        )
    if host.split(".")[1].startswith("proxy-"):
        return unknown(
            f"{endpoint[0]} is an RDS Proxy endpoint, which does not show an AD domain",
            expected="the DB instance's own name in the AD",
            fix=Fix("Connect to the DB instance by its name in the AD.", owner=Owner.DEVELOPER),
        )
    try:
        instance = client.instance(id)
    except NotFound as error:
        return unknown(
            f"there is no DB instance {id} in {place.region}: it belongs to another account, or was deleted",
            observed=error.text,
            fix=Fix("Check that the endpoint is still correct.", (_describe(id, place.region),)),
        )
    return _judge_membership(host, id, instance, place)


def _judge_membership(host: str, id: str, instance: dict[str, Any], place: AwsPlace) -> Result[RdsServer]:
    """The owner of an RDS Custom DB instance may have joined it by hand, which RDS does not show.

    Source: the AWS database blog, "Use a self-hosted Active Directory with Amazon RDS Custom for SQL Server".
    """
    membership = next(iter(instance.get("DomainMemberships") or []), None)
    if membership is None:
        if str(instance.get("Engine") or "").startswith("custom-"):
            finding = passed(f"{id}: RDS Custom, whose owner may have joined it by hand")
            return Given(RdsServer(host, id, "", ""), finding)
        return failed(
            f"DB instance {id} has not joined an AD domain: Windows authentication cannot work",
            observed="its DomainMemberships are empty",
            expected="joined to the gMSA's domain",
            fix=alternatives(
                Fix(
                    f"If the gMSA's domain is in AWS Managed Microsoft AD, join {id} to that directory, with an IAM "
                    "role that rds.amazonaws.com and directoryservice.rds.amazonaws.com may assume, and that has the "
                    "AWS managed policy AmazonRDSDirectoryServiceAccess.",
                    (_join(id, place),),
                ),
                Fix(
                    "If the gMSA's domain is a self-managed AD, set up an OU, a user that may join computers to it, "
                    f"a KMS key and a secret as in {links.RDS_SELF_MANAGED_AD}. Then join {id} to the AD (command 1).",
                    (_join_self_managed(id, place),),
                ),
            ),
        )
    fqdn, status = str(membership.get("FQDN") or ""), str(membership.get("Status") or "")
    described = (_describe(id, place.region),)
    is_self_managed = bool(membership.get("OU") or membership.get("AuthSecretArn"))  # reported only for such an AD
    join = _join_self_managed if is_self_managed else _join
    if status.lower() == "failed":
        events = f"aws rds describe-events --source-type db-instance --source-identifier {posix(id)} --duration 20160"
        return failed(
            f"DB instance {id} failed to join the AD domain {fqdn}: Windows authentication cannot work",
            observed=f"DomainMemberships: {status}",
            expected="joined",
            fix=Fix(
                "1. Find the reason in the events of the DB instance (command 1), and correct it. 2. Join the DB "
                "instance again (command 2).",
                (events, join(id, place)),
            ),
        )
    domain, state = fqdn.rstrip(".").lower(), status.lower()
    server = RdsServer(host, id, domain, names_in(host, domain)[is_self_managed] if domain else "")
    if state in _JOINED:
        return Given(server, passed(f"{id}: {domain}: {state}"))
    if not _CHANGING.fullmatch(state):
        text = f"the domain membership of DB instance {id} is {status or 'not reported'}"
        return unknown(text, fix=Fix("Check the domain membership of the DB instance.", described))
    finding = warned(
        f"DB instance {id} is still joining or leaving its domain: {domain}: {state}",
        expected="joined",
        fix=Fix("Wait until the status settles, then run this again.", described),
    )
    return Given(server, finding)


def _join(id: str, place: AwsPlace) -> str:
    return (
        f"aws rds modify-db-instance --db-instance-identifier {posix(id)} "
        f"--domain {posix('<directory id>')} --domain-iam-role-name {posix('<role>')} --apply-immediately"
    )


def _join_self_managed(id: str, place: AwsPlace) -> str:
    return (
        f"aws rds modify-db-instance --db-instance-identifier {posix(id)} "
        f"--domain-fqdn {posix('<domain>')} --domain-ou {posix('<DN of the OU>')} "
        f"--domain-auth-secret-arn {posix('<secret ARN>')} "
        f"--domain-dns-ips {posix('<DNS server 1>')} {posix('<DNS server 2>')} --apply-immediately"
    )


def _describe(id: str, region: str | None) -> str:
    option = f" --region {posix(region)}" if region else ""
    return (
        f"aws rds describe-db-instances{option} --db-instance-identifier {posix(id)} "
        "--query 'DBInstances[0].[Endpoint.Address,DomainMemberships]'"
    )
