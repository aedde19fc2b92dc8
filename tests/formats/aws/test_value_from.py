"""The secrets and parameters that a container's variables come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.aws.arn import Arn, ArnError, SecretArn, SsmParameterArn
from gmsa_doctor.formats.aws.value_from import ParameterSource, SecretSource, Source, named, parse

TEXT = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/db-AbCdEf"
SECRET = SecretArn("aws", "us-east-1", "123456789012", "app/db-AbCdEf")
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter"

SOURCES: dict[str, Source] = {
    TEXT: SecretSource(SECRET),
    f"{TEXT}:::": SecretSource(SECRET),
    f"{TEXT}:url::": SecretSource(SECRET, "url"),
    f"{TEXT}::AWSPREVIOUS:": SecretSource(SECRET, stage="AWSPREVIOUS"),
    f"{TEXT}:::9d4cb84b": SecretSource(SECRET, version="9d4cb84b"),
    f"{TEXT}:url:green:9d4cb84b": SecretSource(SECRET, "url", "green", "9d4cb84b"),
    f"{PARAMETER}/app/db": ParameterSource("/app/db", "us-east-1", "123456789012"),
    f"{PARAMETER}/db": ParameterSource("db", "us-east-1", "123456789012"),
    "/app/db": ParameterSource("/app/db"),
    "db": ParameterSource("db"),
}


@pytest.mark.parametrize(("text", "wanted"), SOURCES.items(), ids=SOURCES)
def test_each_form_is_read(text: str, wanted: Source) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize(
    ("text", "words", "meant"),
    [
        ("", "it is empty", None),
        (" ", "it is empty", None),
        (f"{TEXT}:url", "parts; ECS requires", f"{TEXT}:url::"),
        (f"{TEXT}:url:", "parts; ECS requires", f"{TEXT}:url::"),
        (f"{TEXT}:url:AWSCURRENT", "parts; ECS requires", f"{TEXT}:url:AWSCURRENT:"),
        (f"{TEXT}:url:::", "parts; ECS requires", None),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:", "no secret name", None),
        ("arn:aws:secretsmanager::123456789012:secret:a", "its region", None),
        ("arn:aws:s3:::bucket/key", "it is an ARN of", None),
        (f"{PARAMETER}/", "no parameter name", None),
        ("arn:aws:secretsmanager", "parts between colons", None),
    ],
)
def test_a_text_that_ecs_does_not_accept_is_refused(text: str, words: str, meant: str | None) -> None:
    with pytest.raises(ArnError) as caught:
        parse(text)
    assert words in caught.value.reason
    assert caught.value.suggestion == meant


@given(st.text(max_size=60), st.sampled_from(["", TEXT, f"{TEXT}:", f"{PARAMETER}/", "arn:"]))
def test_any_text_is_read_or_refused(text: str, before: str) -> None:
    try:
        found = parse(before + text)
    except ArnError:
        return
    assert isinstance(found, SecretSource) or found.name


@given(*[st.text("abcAWS-_", max_size=6)] * 3)
def test_the_three_parts_are_read(key: str, stage: str, version: str) -> None:
    assert parse(f"{TEXT}:{key}:{stage}:{version}") == SecretSource(SECRET, key or None, stage or None, version or None)


HERE = Arn("aws-cn", "ecs", "cn-north-1", "210987654321", "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"{TEXT}:url::", SECRET),
        (f"{PARAMETER}/app/db:3", SsmParameterArn("aws-cn", "us-east-1", "123456789012", "app/db")),
        ("/app/db", SsmParameterArn("aws-cn", "cn-north-1", "210987654321", "app/db")),
        ("db:label", SsmParameterArn("aws-cn", "cn-north-1", "210987654321", "db")),
    ],
)
def test_the_arn_for_iam_has_no_keys_and_versions(text: str, wanted: object) -> None:
    assert named(text, HERE) == wanted


def test_the_credentials_of_a_registry_may_be_given_by_name() -> None:
    assert named("registry", HERE, registry=True) == SecretArn("aws-cn", "cn-north-1", "210987654321", "registry")
    assert named(TEXT, HERE, registry=True) == SECRET
