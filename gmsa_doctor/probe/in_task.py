"""The probe: runs checks in a task inside the service's network, and sends the findings back."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.clients.aws.fargate import ReportBucket
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.clients.aws.task_metadata import OwnTask
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kerberos
from gmsa_doctor.clients.kerberos.kdc_questions import KdcQuestions
from gmsa_doctor.clients.kerberos.libkrb5 import gssapi_missing
from gmsa_doctor.clients.kerberos.ticket_cache import TicketCache
from gmsa_doctor.clients.ldap.client import Ldap
from gmsa_doctor.clients.network.sql_browser import SqlBrowser
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core import engine
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.model import skipped
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.given.vantage import DnsServersInUse, Vantage
from gmsa_doctor.probe import envelope, handover, sides
from gmsa_doctor.probe.handover import Handover
from gmsa_doctor.probe.mail import report_object
from gmsa_doctor.probe.message import ProbeMessage, SubjectFindings, write_message
from gmsa_doctor.subjects import own_task


def probe(registry: Registry, *, logon: bool, canary: bool, failed_logons: Sequence[str] = ()) -> bool:
    """Run the checks that the environment variable lists. True if the report is complete and was sent.

    ``failed_logons``: the accounts of which a logon failed in another probe.
    Raises UsageError without the variable, or if another version wrote it.
    """
    text = os.environ.get(handover.VARIABLE)
    if not text:
        raise UsageError("`gmsa-doctor run` starts `gmsa-doctor probe` in a task; it does not work anywhere else")
    given = handover.read(text, registry)
    try:
        task = task_metadata.own_task()
    except (ClientError, KeyError):
        task = None  # checks that require it are skipped
    kerberos = Kerberos()
    kerberos.regard_as_failed(failed_logons)
    message = _message(given, registry, _clients(given, task, logon, kerberos), canary)
    message = replace(message, failed_logons=tuple(sorted(set(kerberos.failed_logons) - set(failed_logons))))
    lines = envelope.lines(given.run, write_message(message))
    if given.report_s3 and _written_to_s3(given, given.report_s3, task, lines):
        return True
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return not message.interrupted


def _message(given: Handover, registry: Registry, clients: dict[type, object], canary: bool) -> ProbeMessage:
    cases = [engine.Case(case.name, {**clients, **case.given}) for case in given.cases]
    reported = sides.of_canary(registry) if canary else sides.inside(registry)
    known = frozenset(check.id for check in registry.checks)
    ended = engine.execute(registry, cases, seconds=given.seconds, selected=known & set(given.selected))
    subjects = tuple(
        SubjectFindings(case.name, tuple(finding for finding in findings if finding.check in reported))
        for case, findings in zip(cases, ended.findings, strict=True)
    )
    return ProbeMessage(given.run, subjects, ended.interrupted)


def _clients(given: Handover, task: OwnTask | None, logon: bool, kerberos: Kerberos) -> dict[type, object]:
    outside = skipped("checked from outside, by `gmsa-doctor run`")
    aws = Aws(None, given.region)
    values: dict[type, object] = {
        **dict.fromkeys(sides.OUTSIDE, outside),
        **{kind: kind(aws) for kind in (S3, Ssm, SecretsManager)},
        Vantage: Vantage(inside=True),
        DnsServersInUse: own_task.dns_servers(task),
        Dns: Dns(),
        Tcp: Tcp(),
        Ldap: Ldap(kerberos),
        Kerberos: kerberos,
        KdcQuestions: KdcQuestions(),
        SqlBrowser: SqlBrowser(),
        TicketCache: TicketCache(),
    }
    if missing := gssapi_missing():
        values[Kerberos] = skipped(f"the live flow requires gssapi, which is missing in the image: {missing}")
    elif not logon:
        values[Kerberos] = skipped(
            "no logon from this probe: one before it failed, or may have failed, and more could lock the account"
        )
    return values


def _written_to_s3(given: Handover, uri: str, task: OwnTask | None, lines: list[str]) -> bool:
    """Write the report to S3. If that fails, print the reason: the report goes to the log then."""
    if task is None:
        sys.stdout.write("the report goes to the log: the task metadata endpoint did not return the task's id\n")
        return False
    bucket, key = report_object(uri, given.run, task.arn.rpartition("/")[2])
    try:
        ReportBucket(Aws(None, given.region)).put(bucket, key, "\n".join(lines).encode())
    except ClientError as error:
        sys.stdout.write(f"the report goes to the log: {error.text}\n")
        return False
    return True
