"""Which checks run inside, and which values they need from outside: derived from the graph, without a list."""

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
from gmsa_doctor.given.request import AdminAccount
from gmsa_doctor.given.vantage import DnsServersInUse, Vantage

INSIDE: frozenset[type] = frozenset(
    {S3, Ssm, SecretsManager, Dns, Tcp, Ldap, Kerberos, KdcQuestions, SqlBrowser, DnsServersInUse}
)
"""The clients that are used inside: with the execution role's permissions, or in the task's network."""
OUTSIDE: frozenset[type] = frozenset({*AWS_CLIENTS, AdminAccount}) - INSIDE
"""Clients for which the execution role usually lacks permissions, and the account from the terminal."""
CLIENTS = INSIDE | OUTSIDE | {TicketCache}


def inside(registry: Registry) -> frozenset[str]:
    """The ids of the checks that need a client of the inside, directly or through another check."""
    return _reached(registry, INSIDE, OUTSIDE | {TicketCache}) - of_canary(registry)


def of_canary(registry: Registry) -> frozenset[str]:
    """The ids of the checks that read the ticket cache of the platform."""
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
    """The types of the values that these checks take and do not give each other."""
    checks = [check for check in registry.checks if check.id in ids]
    taken = frozenset(need.type for check in checks for need in check.needs)
    return taken - {check.gives for check in checks} - CLIENTS - {Vantage}
