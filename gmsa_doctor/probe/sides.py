"""Which checks belong inside, and what they are to be handed: told by the graph, with no list to keep."""

from __future__ import annotations

from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kerberos
from gmsa_doctor.clients.kerberos.kdc_questions import KdcQuestions
from gmsa_doctor.clients.kerberos.ticket_cache import TicketCache
from gmsa_doctor.clients.ldap.client import Ldap
from gmsa_doctor.clients.network.sql_browser import SqlBrowser
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.given.admin_account import AdminAccount
from gmsa_doctor.given.vantage import DnsServersInUse, Vantage

INSIDE: frozenset[type] = frozenset(
    {S3, Ssm, SecretsManager, Dns, Tcp, Ldap, Kerberos, KdcQuestions, SqlBrowser, DnsServersInUse}
)
"""What answers from the task's place: with the execution role's permissions, or in the task's network."""
OUTSIDE: frozenset[type] = frozenset({*AWS_CLIENTS, AdminAccount}) - INSIDE
"""What the execution role may not ask, as a rule; and who is asked for at the terminal."""
CLIENTS = INSIDE | OUTSIDE | {TicketCache}


def inside(registry: Registry) -> frozenset[str]:
    """The ids of the checks that need the vantage, directly or by a check on their way."""
    return _reached(registry, INSIDE, OUTSIDE | {TicketCache}) - of_canary(registry)


def of_canary(registry: Registry) -> frozenset[str]:
    """The ids of the checks that look at the ticket cache which the platform has filled."""
    return _reached(registry, frozenset({TicketCache}), OUTSIDE)


def _reached(registry: Registry, wanted: frozenset[type], excluded: frozenset[type]) -> frozenset[str]:
    reached: set[str] = set()
    for check in registry.in_graph_order:
        needs = {need.type for need in check.needs}
        givers = {registry.giver[kind].id for kind in needs if kind in registry.giver}
        if not needs & excluded and (needs & wanted or givers & reached):
            reached.add(check.id)
    return frozenset(reached)


def to_hand_over(registry: Registry, ids: frozenset[str]) -> frozenset[type]:
    """The types of the values that these checks take and that none of them gives."""
    checks = [check for check in registry.checks if check.id in ids]
    taken = frozenset(need.type for check in checks for need in check.needs)
    return taken - {check.gives for check in checks} - CLIENTS - {Vantage}
