"""What exists: asked of AWS and the AD, and of the checks, which run on the service, or on the planned task definition.

Findings decide wherever there is one: a part exists if its check passes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gmsa_doctor.checking import check
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.model import Finding, Fix, Report, Status
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.documents.credspec_text import DomainIdentity, credspec_text
from gmsa_doctor.formats.documents.secret import SecretDocument, SecretFields, read_fields, read_secret
from gmsa_doctor.given.request import AdminAccount, Request
from gmsa_doctor.given.subject import Launch
from gmsa_doctor.setup import directory, parts
from gmsa_doctor.setup.answers import IN_SECRET, Answers
from gmsa_doctor.setup.existing import Existing
from gmsa_doctor.setup.parts import Part
from gmsa_doctor.setup.plan import EXISTS, MISSING, NOT_CHECKED, Known, State, Survey
from gmsa_doctor.setup.shell import FILE
from gmsa_doctor.setup.task import new_task_definition, with_lines

_PASSWORD = CheckId("directory.managed-password")
_OPTIONS_DIFFER = CheckId("resolver-rule.targets")
"""Warns that an existing rule does not forward to the DNS servers of ``--ad-dns``: the plan sets them."""
_PROOF: dict[type[Part], tuple[CheckId, ...]] = {
    parts.RootKey: (_PASSWORD,),
    parts.Group: (_PASSWORD,),
    parts.Member: (_PASSWORD,),
    parts.Permission: (_PASSWORD,),
    parts.Gmsa: (CheckId("directory.gmsa-account"),),
    parts.User: (CheckId("kerberos.user-ticket"),),
    parts.LogGroup: (CheckId("log-group.present"),),
    parts.RolePolicy: (
        CheckId("execution-role.credspec"),
        CheckId("execution-role.secret"),
        CheckId("execution-role.image"),
        CheckId("execution-role.logs"),
    ),
    parts.ForwardRule: (CheckId("dhcp-options.domain-name-servers"),),
    parts.DhcpOptions: (CheckId("dhcp-options.domain-name-servers"),),
    parts.Ingress: (CheckId("network-access.hosts-security-groups"),),
}
"""The checks that pass if a part exists and is right."""
_SYMPTOMS: dict[type[Part], tuple[CheckId, ...]] = {
    parts.TaskDefinition: (CheckId("task-definition.credentialspecs"),),
    parts.Role: (CheckId("execution-role.present"), CheckId("execution-role.trust")),
    parts.Bucket: (CheckId("credspec.object"),),
    parts.CredSpecObject: (CheckId("credspec.object"),),
    parts.Secret: (CheckId("credspec.secret-link"), CheckId("secret.value"), CheckId("secret.fields")),
    parts.ForwardRule: (_OPTIONS_DIFFER, CheckId("dns.domain-controllers")),
    parts.DhcpOptions: (CheckId("dhcp-options.set"), CheckId("dns.domain-controllers")),
    parts.Ingress: (CheckId("network.kerberos"), CheckId("network.ldap")),
}
"""Further checks that fail if the part is missing."""
_IN_AD = (parts.RootKey, parts.Group, parts.User, parts.Member, parts.Gmsa, parts.Permission)
_ASK = Known(State.UNKNOWN, "not checked: --as-user USER asks the AD")


@dataclass(frozen=True)
class Access:
    """With what AWS and the AD are asked. ``request``: the options of the checks; no subject."""

    aws: Aws
    request: Request
    registry: Registry
    watch: check.Watch
    account: AdminAccount | None = None


def survey(answers: Answers, existing: Existing, access: Access) -> tuple[Answers, Survey]:
    """What exists, and what is wrong with it; the answers, in which the secret decides who its user is.

    Raises UsageError.
    """
    known: dict[type[Part], Known] = {**dict.fromkeys(_IN_AD, _ASK), **existing.known, **_of_aws(answers, access.aws)}
    identity, secret_arn, is_empty = None, "", False
    described = _described(answers, access.aws)
    if isinstance(described, Known):
        known[parts.Secret] = described
    else:
        secret_arn, is_empty = str(described["ARN"]), not described.get("VersionIdsToStages")
        known[parts.Secret] = Known(State.MISSING, "it has no value") if is_empty else EXISTS
        if not is_empty and _is_of_another_user(answers, secret_arn, access.aws):
            answers = replace(answers, user=IN_SECRET)
            known |= dict.fromkeys((parts.User, parts.Member), directory.OPEN)
    request = access.request
    if access.account:
        try:
            of_ad, identity = directory.ask(answers, access.account, request.dns_server)
        except ClientError as error:
            of_ad = dict.fromkeys(_IN_AD, Known(State.UNKNOWN, error.text))
            request = replace(request, ask_as=None)  # a wrong password is not tried again
        known |= of_ad
    found = Survey(
        known,
        identity=identity,
        secret_arn=secret_arn,
        secret_is_empty=is_empty,
        revision=existing.revision,
        controller=existing.controller,
        deployment=existing.deployment,
    )
    report = _checked(answers, existing, found, replace(access, request=request))
    return answers, with_findings(found, report, existing)


def _is_of_another_user(answers: Answers, secret: str, aws: Aws) -> bool:
    """Whether the secret certainly has another user name than the answers. That name is not shown."""
    with suppress(ClientError):
        value = SecretsManager(aws).get(secret).text
        document = read_secret(value.reveal()) if value else ()
        fields = read_fields(document) if isinstance(document, SecretDocument) else ()
        return isinstance(fields, SecretFields) and fields.username.lower() != answers.user.lower()
    return False


def _of_aws(answers: Answers, aws: Aws) -> dict[type[Part], Known]:
    s3 = S3(aws)
    return {
        parts.Bucket: _exists(lambda: s3.bucket(answers.bucket)),
        parts.CredSpecObject: _exists(lambda: s3.get(answers.bucket, answers.key)),
        parts.Role: _exists(lambda: Iam(aws).role(answers.role_arn)),
        parts.LogGroup: _exists(lambda: Logs(aws).has_group(answers.log_group)) if answers.log_group else EXISTS,
    }


def _exists(ask: Callable[[], object]) -> Known:
    try:
        return MISSING if ask() is False else EXISTS
    except NotFound:
        return MISSING
    except ClientError as error:
        return Known(State.UNKNOWN, error.text)


def _described(answers: Answers, aws: Aws) -> Mapping[str, object] | Known:
    try:
        return SecretsManager(aws).describe(answers.secret)
    except NotFound:
        return MISSING
    except ClientError as error:
        return Known(State.UNKNOWN, error.text)


# The checks -------------------------------------------------------------------------------------------


def _checked(answers: Answers, existing: Existing, found: Survey, access: Access) -> Report:
    """The report about the service, or about its task definition and CredSpec as planned."""
    if existing.has_gmsa:
        request = replace(
            access.request, services=(answers.service,), cluster=answers.cluster, container=answers.container
        )
        return check.check(request, access.registry, access.watch)
    with tempfile.TemporaryDirectory() as folder:
        request = _planned(answers, existing, found, access.request, Path(folder))
        return check.check(request, access.registry, access.watch)


def _planned(answers: Answers, existing: Existing, found: Survey, request: Request, folder: Path) -> Request:
    task, credspec = folder / FILE, folder / "credspec.json"
    definition = parts.TaskDefinition(
        answers.family,
        answers.container,
        answers.image,
        answers.role_arn,
        answers.credspec_arn,
        answers.log_group,
        answers.region,
    )
    registered = existing.registered
    planned = with_lines(registered, definition) if registered else new_task_definition(definition)
    task.write_text(json.dumps(planned, default=str), encoding="utf-8")
    as_planned = None
    if found.of(parts.CredSpecObject).state is not State.EXISTS:
        identity = found.identity or _stand_in(answers.domain)
        text = credspec_text(answers.gmsa, identity, found.secret_arn or answers.secret_arn)
        credspec.write_text(text, encoding="utf-8")
        as_planned = str(credspec)
    return replace(
        request,
        files=(str(task),),
        credspec_file=as_planned,
        subnets=answers.subnets,
        security_groups=answers.security_groups,
        assign_public_ip=answers.public_address,
        launch_type=existing.launch or Launch.FARGATE,
    )


def _stand_in(domain: str) -> DomainIdentity:
    """Values that Credentials Fetcher on Linux ignores, until the AD is asked for those of the domain."""
    name = domain.partition(".")[0].upper()[:15]
    return DomainIdentity(domain, domain, name, "S-1-5-21-1-1-1", "00000000-0000-0000-0000-000000000000")


def with_findings(found: Survey, report: Report, existing: Existing) -> Survey:
    """The survey, in which checks that passed or failed decide, with the root causes that no missing part explains."""
    findings = {finding.check: finding for subject in report.subjects for finding in subject.findings}
    known = {**found.known, **{kind: _by_checks(kind, found, findings) for kind in _PROOF}}
    if known.get(parts.Role, EXISTS).state is State.MISSING:
        known[parts.RolePolicy] = MISSING
    missing = [kind for kind, of in known.items() if of.state is State.MISSING]
    explained = {str(id) for kind in missing for id in (*_PROOF.get(kind, ()), *_SYMPTOMS.get(kind, ()))}
    repairs = (
        _without_folder(finding)
        for finding in findings.values()
        if (_is_root_cause(finding) or _has_other_targets(finding)) and finding.check not in explained
    )
    return replace(found, known=known, repairs=tuple(repairs), report=report if existing.has_gmsa else None)


def _is_root_cause(finding: Finding) -> bool:
    broken = finding.status in (Status.FAIL, Status.UNKNOWN, Status.ERROR)
    return bool(finding.root and finding.step and broken)


def _has_other_targets(finding: Finding) -> bool:
    """Whether a rule of this account has other targets than ``--ad-dns``. Who shares a rule knows its targets."""
    changeable = bool(finding.fix and finding.fix.commands)
    return finding.check == _OPTIONS_DIFFER and finding.status is Status.WARN and changeable


def _by_checks(kind: type[Part], found: Survey, findings: Mapping[str, Finding]) -> Known:
    asked = found.known.get(kind)
    answers = [findings[id] for id in _PROOF[kind] if id in findings]
    statuses = {finding.status for finding in answers}
    if statuses & {Status.FAIL}:
        failures = [finding for finding in answers if finding.status is Status.FAIL]
        if kind in _IN_AD or (kind is parts.RolePolicy and not all(map(_is_allowed_by_policy, failures))):
            return asked or Known(State.UNKNOWN, failures[0].summary)
        return Known(State.MISSING, failures[0].summary)
    if statuses & {Status.PASS, Status.WARN} and not statuses & {Status.UNKNOWN, Status.ERROR}:
        return EXISTS
    reason = next((finding.summary for finding in answers if finding.status is not Status.PASS), "")
    return asked or (Known(State.UNKNOWN, reason) if reason else NOT_CHECKED)


def _is_allowed_by_policy(failure: Finding) -> bool:
    """Whether a policy of the role would allow what is missing: not with a Deny, or a permissions boundary."""
    return any("put-role-policy" in command for command in (failure.fix.commands if failure.fix else ()))


def _without_folder(finding: Finding) -> Finding:
    """The finding, in whose fix the planned task definition has its name without the folder in which it was checked."""
    if not (finding.fix and finding.location):
        return finding
    folder = str(Path(finding.location.file).parent) + "/"
    text, commands = finding.fix.text.replace(folder, ""), (c.replace(folder, "") for c in finding.fix.commands)
    return replace(finding, fix=Fix(text, tuple(commands), finding.fix.owner))
