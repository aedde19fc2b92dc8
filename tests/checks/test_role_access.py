"""What is said about an execution role, by calling with values."""

from collections.abc import Callable, Sequence

import pytest

from gmsa_doctor.clients.iam import Decision
from gmsa_doctor.clients.kms import Key
from gmsa_doctor.formats.arn import RoleArn
from gmsa_doctor.formats.iam_policy_document import Ruling
from gmsa_doctor.model import Finding, Status
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.execution_role.access import Question, judge, judge_with_key, put_policy
from gmsa_doctor_checks.execution_role.kms import _not_enabled, _Use

Judge = Callable[[Question, Sequence[Decision], Ruling], Finding]
ROLE = RoleArn("aws", "123456789012", "webapp", "/ecs/")
READ = Question(ROLE, "s3:GetObject", "arn:aws:s3:::credspecs/a.json", "the CredSpec", evidence="credspec.object")
NOT_IN_THE_ORGANIZATION = Decision(READ.action, READ.resource, "implicitDeny", organizations=False)


@pytest.mark.parametrize("judged", [judge, judge_with_key])
def test_a_denial_of_the_organization_is_a_warning_as_the_simulation_errs_about_conditions(judged: Judge) -> None:
    finding = judged(READ, (NOT_IN_THE_ORGANIZATION,), Ruling())
    assert (finding.status, "(SCP)" in finding.summary) == (Status.WARN, True)


def test_what_the_resource_denies_is_denied_whatever_the_organization_says() -> None:
    assert judge(READ, (NOT_IN_THE_ORGANIZATION,), Ruling(denies=True)).status is Status.FAIL


def name_in(command: str) -> str:
    return command.partition("--policy-name ")[2].partition(" ")[0]


def test_the_policy_of_a_fix_takes_the_place_of_no_other() -> None:
    names = {
        name_in(put_policy(ROLE, "secret-GetSecretValue", ("secretsmanager:GetSecretValue",), one)) for one in "ab"
    }
    assert len(names) == 2
    again = put_policy(ROLE, "secret-GetSecretValue", ("secretsmanager:GetSecretValue",), "a")
    assert name_in(again) in names
    assert all(one.startswith("gmsa-secret-GetSecretValue-") for one in names)


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
def test_a_key_is_enabled_by_what_its_state_takes(state: str, commands: list[str]) -> None:
    use = _Use("the secret", "key", "secretsmanager", {}, "secret.value", texts.SECRET)
    fix = _not_enabled(use, Key("arn:aws:kms:us-east-1:123456789012:key/1", state, managed_by_aws=False)).fix
    assert fix
    assert [one.split()[2] for one in fix.commands] == commands
