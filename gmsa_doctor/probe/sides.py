"""Which checks belong inside, and what they are to be handed: told by the graph, with no list to keep."""

from __future__ import annotations

from gmsa_doctor.clients.aws.directory_service import DirectoryService
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.kms import Kms
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.clients.aws.rds import Rds
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles, Route53Resolver
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.clients.aws.sts import Sts
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kerberos
from gmsa_doctor.clients.kerberos.kdc_questions import KdcQuestions
from gmsa_doctor.clients.kerberos.ticket_cache import TicketCache
from gmsa_doctor.clients.ldap.client import Ldap
from gmsa_doctor.clients.network.sql_browser import SqlBrowser
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.model import Check
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.given.admin_account import AdminAccount
from gmsa_doctor.given.vantage import DnsServersInUse, Vantage

INSIDE = frozenset({S3, Ssm, SecretsManager, Dns, Tcp, Ldap, Kerberos, KdcQuestions, SqlBrowser, DnsServersInUse})
"""What answers from the task's place: with the execution role's permissions, or in the task's network."""
OUTSIDE = frozenset(
    {Sts, Ecs, Iam, Kms, Ecr, Logs, Ec2, DirectoryService, Route53, Route53Profiles, Route53Resolver, Rds, AdminAccount}
)
"""What the execution role may not ask, as a rule; and who is asked for at the terminal."""


CLIENTS = INSIDE | OUTSIDE | {TicketCache}


def inside(registry: Registry) -> frozenset[str]:
    """The ids of the checks that need the vantage, directly or by a check on their way."""
    return _reached(registry, INSIDE, OUTSIDE | {TicketCache}) - of_canary(registry)


def of_canary(registry: Registry) -> frozenset[str]:
    """The ids of the checks that look at the ticket cache which the platform has filled."""
    return _reached(registry, frozenset({TicketCache}), OUTSIDE)


def _reached(registry: Registry, by: frozenset[type], but: frozenset[type]) -> frozenset[str]:
    found: set[str] = set()
    for one in registry.checks:  # in the graph's order: what a check needs comes before it
        needs = {need.type for need in one.needs}
        if not needs & but and (needs & by or _givers(one, registry) & found):
            found.add(one.id)
    return frozenset(found)


def to_hand_over(registry: Registry, ids: frozenset[str]) -> frozenset[type]:
    """The types of the values that these checks take and that none of them gives."""
    checks = [one for one in registry.checks if one.id in ids]
    gives = {one.gives for one in checks}
    return frozenset(need.type for one in checks for need in one.needs) - gives - CLIENTS - {Vantage}


def _givers(check: Check, registry: Registry) -> set[str]:
    return {registry.giver[need.type].id for need in check.needs if need.type in registry.giver}
