"""The findings about an execution role, by values."""

from dataclasses import replace

import pytest

from gmsa_doctor.clients.aws.iam import SimulatedDecision
from gmsa_doctor.clients.aws.kms import Key
from gmsa_doctor.core.model import Status
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.iam_policy_document import Ruling
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.credspec.object import credspec_object
from gmsa_doctor_checks.credspec.secret import secret_value
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.execution_role.kms import own_key_of_secrets_manager
from gmsa_doctor_checks.roles.key_access import KeyUse, not_enabled
from gmsa_doctor_checks.roles.policy_fixes import put_policy
from gmsa_doctor_checks.roles.request_context import has_not, known_of_who_and_what
from gmsa_doctor_checks.roles.simulation import AccessQuestion

ROLE = RoleArn("aws", "123456789012", "webapp", "/ecs/")
READ = AccessQuestion(
    ROLE, "s3:GetObject", "arn:aws:s3:::credspecs/a.json", "the CredSpec", evidence=credspec_object.id
)
NOT_IN_THE_ORGANIZATION = SimulatedDecision(READ.action, READ.resource, "implicitDeny", organizations=False)


@pytest.mark.parametrize("is_key", [False, True])
def test_a_denial_by_an_scp_fails_unless_a_condition_is_not_known(is_key: bool) -> None:
    finding = judge(READ, (NOT_IN_THE_ORGANIZATION,), Ruling(), policy_required=is_key)
    assert (finding.status, "SCP" in finding.summary) == (Status.FAIL, True)
    open_ = replace(NOT_IN_THE_ORGANIZATION, unknown_in_scp=("aws:SourceIp",))
    finding = judge(READ, (open_,), Ruling(), policy_required=is_key)
    assert (finding.status, "a condition on aws:SourceIp" in finding.summary) == (Status.WARN, True)


def test_a_pass_in_an_organization_names_what_was_not_evaluated() -> None:
    allowed = SimulatedDecision(READ.action, READ.resource, "allowed", organizations=True)
    finding = judge(READ, (allowed,), None)
    assert (finding.status, "resource control policies" in finding.summary) == (Status.PASS, True)


def test_a_deny_in_the_resources_policy_fails_with_any_scp() -> None:
    assert judge(READ, (NOT_IN_THE_ORGANIZATION,), Ruling(denies=True)).status is Status.FAIL


@pytest.mark.parametrize(
    ("key", "action", "via", "lacks"),
    [
        ("kms:ViaService", "s3:GetObject", "false", True),
        ("kms:ViaService", "kms:Decrypt", "true", False),
        ("s3:prefix", "s3:GetObject", "false", True),
        ("s3:ExistingObjectTag/app", "s3:GetObject", "false", False),
        ("aws:username", "s3:GetObject", "false", True),
        ("AWS:SourceAccount", "s3:GetObject", "false", True),
        ("aws:SourceVpce", "s3:GetObject", "false", False),
        ("aws:PrincipalOrgID", "s3:GetObject", "false", False),
        ("aws:CalledVia", "s3:GetObject", "false", True),
        ("aws:CalledVia", "kms:Decrypt", "true", False),
        ("ec2:SourceInstanceArn", "s3:GetObject", "false", False),
        ("aws:RequestTag/team", "iam:PassRole", "false", True),
        ("aws:RequestTag/team", "ecs:RunTask", "false", False),
        ("aws:TagKeys", "ecs:TagResource", "false", False),
    ],
)
def test_a_condition_key_that_the_request_lacks_does_not_make_the_result_unknown(
    key: str, action: str, via: str, lacks: bool
) -> None:
    assert has_not(key, action, {"aws:ViaAWSService": via}) is lacks


def test_an_open_condition_key_makes_the_result_unknown() -> None:
    decision = SimulatedDecision(READ.action, READ.resource, "allowed", missing=("aws:SourceVpce",))
    finding = judge(READ, (decision,), None)
    assert (finding.status, "aws:SourceVpce" in finding.summary) == (Status.UNKNOWN, True)


def test_the_context_holds_the_role_session_and_the_account_in_the_resource_arn() -> None:
    resources = (
        "arn:aws:ecr:us-east-1:210987654321:repository/web",
        "arn:aws:ecr:us-east-1:210987654321:repository/db",
    )
    known = known_of_who_and_what(ROLE, resources)
    assert (known["aws:PrincipalArn"], known["aws:PrincipalType"]) == (str(ROLE), "AssumedRole")
    assert (known["aws:PrincipalAccount"], known["aws:ResourceAccount"]) == ("123456789012", "210987654321")


@pytest.mark.parametrize(
    "resources", [("*",), ("arn:aws:s3:::b/k",), ("arn:aws:ecr:us-east-1:210987654321:repository/web", "*")]
)
def test_the_context_lacks_the_account_of_a_resource_whose_arn_has_none(resources: tuple[str, ...]) -> None:
    assert "aws:ResourceAccount" not in known_of_who_and_what(ROLE, resources)


def name_in(command: str) -> str:
    return command.partition("--policy-name ")[2].partition(" ")[0]


def test_the_policy_of_a_fix_never_replaces_another_one() -> None:
    names = {
        name_in(put_policy(ROLE, "secret-GetSecretValue", ("secretsmanager:GetSecretValue",), arn)) for arn in "ab"
    }
    assert len(names) == 2
    again = put_policy(ROLE, "secret-GetSecretValue", ("secretsmanager:GetSecretValue",), "a")
    assert name_in(again) in names
    assert all(name.startswith("gmsa-secret-GetSecretValue-") for name in names)


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        ("Disabled", ["enable-key"]),
        ("PendingDeletion", ["cancel-key-deletion", "enable-key"]),
        ("PendingReplicaDeletion", ["cancel-key-deletion", "enable-key"]),
        ("PendingImport", ["describe-key"]),
        ("Unavailable", ["describe-key"]),
    ],
)
def test_the_commands_that_enable_a_key_depend_on_its_state(state: str, commands: list[str]) -> None:
    use = KeyUse("the secret", "key", "secretsmanager", {}, secret_value.id, texts.SECRET)
    fix = not_enabled(use, Key("arn:aws:kms:us-east-1:123456789012:key/1", state, managed_by_aws=False)).fix
    assert fix
    assert [command.split()[2] for command in fix.commands] == commands


def test_another_account_cannot_use_the_aws_managed_key_of_a_secret() -> None:
    secret = "arn:aws:secretsmanager:us-east-1:{}:secret:gmsa-AbCdEf"
    assert own_key_of_secrets_manager(secret.format(ROLE.account), ROLE) == []
    (finding,) = own_key_of_secrets_manager(secret.format("210987654321"), ROLE)
    assert (finding.status, finding.overruled_by) == (Status.FAIL, "secret.value")
    assert "210987654321" in finding.summary
