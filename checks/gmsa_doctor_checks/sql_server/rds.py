"""SQL Server on Amazon RDS: what it is joined to."""

from __future__ import annotations

import re
from typing import Any

from gmsa_doctor.authoring import Fix, Given, Result, Row, Status, Stop, check, failed, passed, skipped, unknown, warned
from gmsa_doctor.clients.aws.rds import Rds
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.sql_server.several import worst_of
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


@check(
    "sql-server.rds",
    title="The RDS instance has joined the AD",
    docs=links.RDS_KERBEROS,
)
def rds(strings: ConnectionStrings, place: AwsPlace, client: Rds) -> Result[RdsServers]:
    """For servers that are named by their RDS endpoint, asks RDS which AD domain they have joined.

    Each is judged by itself; the worst decides.

    Why: an instance that has joined no domain can log nobody on with Windows authentication. The domain tells under
    which name it is to be connected to: its SPN has that name, and never that of the endpoint.

    Fix: join the instance to the domain (`aws rds modify-db-instance --domain …`).
    """
    hosts = dict.fromkeys(one.string.host.lower() for one in strings.strings)
    ours = {host: found for host in hosts if (found := ENDPOINT.fullmatch(host))}
    if not ours:
        return skipped("no server is named by an endpoint of RDS")
    answers = each(ours.values(), lambda one: _judge(one, place, client))
    judged = [(match, answer.finding() if isinstance(answer, ClientError) else answer) for match, answer in answers]
    findings = [result.finding if isinstance(result, Given) else result for _, result in judged]
    servers = tuple(result.value for _, result in judged if isinstance(result, Given))
    lost = tuple(
        match[0].lower() for (match, _), one in zip(judged, findings, strict=True) if one.status is Status.FAIL
    )
    rows = tuple(Row(match["id"], one.status, one.summary) for (match, _), one in zip(judged, findings, strict=True))
    finding = worst_of(findings, rows if len(rows) > 1 else ())
    return Given(RdsServers(servers, lost), finding) if servers or lost else finding


def _judge(match: re.Match[str], place: AwsPlace, client: Rds) -> Result[RdsServer]:
    """Raises ClientError for what RDS does not tell."""
    host, id, region = match[0].lower(), match["id"], match["cn"] or match["region"]
    if place.region and region and region != place.region:
        return unknown(
            f"{match[0]} is of {region}, and the task runs in {place.region}",
            fix=Fix("Ask there.", (_describe(id, region),)),
        )
    if host.split(".")[1].startswith("proxy-"):
        return unknown(
            f"{match[0]} is an endpoint of RDS Proxy, which tells nothing of the AD",
            expected="the DB instance's own name in the AD",
            fix=Fix("With Windows authentication, connect to the DB instance by its name in the AD."),
        )
    try:
        answer = client.instance(id)
    except NotFound as error:
        return unknown(
            f"there is no DB instance {id} in {place.region}: it is another account's, or was deleted",
            observed=error.text,
            fix=Fix("See that the endpoint is still right.", (_describe(id, place.region),)),
        )
    if _is_custom(answer):
        return Given(RdsServer(host, id, "", ""), passed(f"{id}: of RDS Custom: its owner may have joined it by hand"))
    try:
        domain, status = _membership(answer, id, place)
    except Stop as stop:
        return stop.finding
    value = RdsServer(host, id, domain, _name_in(host, domain, answer))
    if status in _JOINED:
        return Given(value, passed(f"{id}: {domain}: {status}"))
    return Given(
        value,
        warned(
            f"the DB instance {id} is only on its way into its domain, or out of it: {domain}: {status}",
            expected="joined",
            fix=Fix("Wait, and see what becomes of it.", (_describe(id, place.region),)),
        ),
    )


def _is_custom(instance: dict[str, Any]) -> bool:
    """RDS Custom that RDS has joined to no domain: its owner may have, by hand, of which RDS knows nothing.

    Source: the AWS database blog, "Use a self-hosted Active Directory with Amazon RDS Custom for SQL Server".
    """
    return str(instance.get("Engine") or "").startswith("custom-") and not instance.get("DomainMemberships")


def _name_in(endpoint: str, domain: str, instance: dict[str, Any]) -> str:
    """Only of a self-managed AD an organizational unit and a secret are told."""
    membership = instance["DomainMemberships"][0]
    of_directory, of_self_managed = names_in(endpoint, domain)
    if not domain:
        return ""
    return of_self_managed if membership.get("OU") or membership.get("AuthSecretArn") else of_directory


def _membership(instance: dict[str, Any], id: str, place: AwsPlace) -> tuple[str, str]:
    """Domain and status. Raises Stop where no logon of the AD can work."""
    found = instance.get("DomainMemberships") or []
    described = (_describe(id, place.region),)
    if not found:
        raise Stop(
            failed(
                f"the DB instance {id} has joined no AD domain: Windows authentication cannot work",
                observed="no DomainMemberships",
                expected="joined to the gMSA's domain",
                fix=Fix(
                    "Join it to the AD (with --domain-iam-role-name for a directory of AWS; with --domain-fqdn and its "
                    "like for a self-managed one).",
                    (
                        f"aws rds modify-db-instance{place.region_option} --db-instance-identifier {posix(id)} "
                        f"--domain {posix('<directory id>')} --domain-iam-role-name {posix('<role>')}",
                    ),
                ),
            )
        )
    domain, status = str(found[0].get("FQDN") or ""), str(found[0].get("Status") or "")
    if status.lower() in _JOINED or _ON_ITS_WAY.fullmatch(status.lower()):
        return domain.rstrip(".").lower(), status.lower()
    if status.lower() == "failed":
        raise Stop(
            failed(
                f"the DB instance {id} failed to join the AD domain {domain}: Windows authentication cannot work",
                observed=f"DomainMemberships: {status}",
                expected="joined",
                fix=Fix("See its events for the reason, and join it again.", described),
            )
        )
    raise Stop(
        unknown(f"the domain membership of the DB instance {id} is {status or 'not told'}", fix=Fix("Look.", described))
    )


def _describe(id: str, region: str | None) -> str:
    option = f" --region {posix(region)}" if region else ""
    return (
        f"aws rds describe-db-instances{option} --db-instance-identifier {posix(id)} "
        "--query 'DBInstances[0].[Endpoint.Address,DomainMemberships]'"
    )
