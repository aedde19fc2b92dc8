"""Keys, repositories and log groups, against the embedded AWS."""

import os

import pytest

from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.aws.kms import Grant, Kms
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import Denied, NotFound
from tests.lab.aws import ACCOUNT, EmbeddedAws

OPEN = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}'
ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"


@pytest.fixture
def session(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    return Aws()


def test_a_key_is_found_by_arn_id_and_alias(aws: EmbeddedAws, session: Aws) -> None:
    kms = aws.client("kms")
    made = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/gmsa", TargetKeyId=made["KeyId"])
    for name in (made["Arn"], made["KeyId"], "alias/gmsa"):
        found = Kms(session).key(name)
        assert (found.arn, found.state, found.managed_by_aws) == (made["Arn"], "Enabled", False)


def test_a_key_that_is_disabled_or_deleted_says_so(aws: EmbeddedAws, session: Aws) -> None:
    kms = aws.client("kms")
    disabled, deleted = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.disable_key(KeyId=disabled)
    kms.schedule_key_deletion(KeyId=deleted)
    assert Kms(session).key(disabled).state == "Disabled"
    assert Kms(session).key(deleted).state == "PendingDeletion"
    with pytest.raises(NotFound):
        Kms(session).key("1234abcd-12ab-34cd-56ef-1234567890ab")


def test_a_keys_policy_and_grants_are_read(aws: EmbeddedAws, session: Aws) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert '"Statement"' in Kms(session).policy(key)
    assert Kms(session).grants(key, ROLE) == ()
    kms.create_grant(KeyId=key, GranteePrincipal=ROLE, Operations=["Decrypt"])
    assert Kms(session).grants(key, ROLE) == (Grant(ROLE, ("Decrypt",)),)


def test_a_denied_key_is_named_with_the_action(aws: EmbeddedAws, session: Aws) -> None:
    aws.deny("kms", "GetKeyPolicy")
    with pytest.raises(Denied) as caught:
        Kms(session).policy("a-key")
    assert (caught.value.action, caught.value.resource) == ("kms:GetKeyPolicy", "a-key")


def test_a_repository_has_a_policy_or_none_or_does_not_exist(aws: EmbeddedAws, session: Aws) -> None:
    ecr = aws.client("ecr")
    for name in ("open", "plain"):
        ecr.create_repository(repositoryName=name)
    ecr.set_repository_policy(repositoryName="open", policyText=OPEN)
    assert "Statement" in (Ecr(session).policy("open", ACCOUNT) or "")
    assert Ecr(session).policy("plain", ACCOUNT) is None
    with pytest.raises(NotFound):
        Ecr(session).policy("gone", ACCOUNT)


def test_a_log_group_is_found_by_its_full_name_only(aws: EmbeddedAws, session: Aws) -> None:
    aws.client("logs").create_log_group(logGroupName="/ecs/webapp")
    assert Logs(session).has_group("/ecs/webapp")
    assert not Logs(session).has_group("/ecs/web")
