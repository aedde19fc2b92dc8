from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.aws.arn import (
    Arn,
    ArnError,
    RoleArn,
    S3ObjectArn,
    SecretArn,
    SsmParameterArn,
    parse_arn,
    parse_role_arn,
    parse_s3_object_arn,
    parse_secret_arn,
    parse_ssm_parameter_arn,
)

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc", "aws-new-one")
PARSERS = (
    parse_arn,
    parse_s3_object_arn,
    parse_ssm_parameter_arn,
    parse_secret_arn,
    parse_role_arn,
)


def test_an_arn_has_five_parts_after_its_first() -> None:
    text = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gmsa-AbCdEf"
    arn = parse_arn(text)
    assert arn == Arn("aws", "secretsmanager", "eu-west-1", "123456789012", "secret:gmsa-AbCdEf")
    assert str(arn) == text


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_partition_of_aws_is_accepted(partition: str) -> None:
    assert parse_s3_object_arn(f"arn:{partition}:s3:::bucket/k").partition == partition


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("arn:aws:s3:::b/k\n", "white space around it"),
        ("b/k", "does not start with arn:"),
        ("arn:aws:s3:::b\u200b/k", "bucket name contains"),
        ("arn:aws:s3:::*/k", "bucket name contains '*'"),
        ("arn:aws:secretsmanager:aws-region:111122223333:secret:x", "its region does not have the form"),
        ("arn:aws:secretsmanager:cn-north-1:111122223333:secret:x", "cn-north-1 is in partition aws-cn"),
        ("ARN:aws:s3:::b/k", "does not start with arn:"),
        ("arn:aws:s3::b/k", "parts between colons"),
        ("arn::s3:::b/k", "partition"),
        ("arn:azure:s3:::b/k", "partition"),
        ("arn:aws::::b/k", "service is missing"),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/x", "it is an ARN of"),
        ("arn:aws:s3:::", "its resource is missing"),
        ("arn:aws:s3:::b", "no object key"),
        ("arn:aws:s3:::b/", "no object key"),
        ("arn:aws:s3:::/k", "bucket name is missing"),
        ("arn:aws:s3:us-east-1::b/k", "a region or an account, which must be empty"),
        ("arn:aws:s3::123456789012:b/k", "a region or an account, which must be empty"),
        ("arn:aws:s3:us-east-1:123456789012:accesspoint/ap/object/k", "an S3 access point"),
        ("arn:aws:s3::123456789012:accesspoint:ap/k", "an S3 access point"),
        ("s3://b/k", "s3:// URL"),
        ("https://b.s3.us-east-1.amazonaws.com/k", "web address"),
        ("http://[", "web address"),
    ],
)
def test_another_text_than_the_arn_of_an_s3_object_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ArnError) as caught:
        parse_s3_object_arn(text)
    assert words in caught.value.reason


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("s3://b/a/k.json", "arn:aws:s3:::b/a/k.json"),
        ("s3://b", None),
        (" arn:aws:s3:::b/k", "arn:aws:s3:::b/k"),
        ("arn:aws-cn:s3:cn-north-1::b/k", "arn:aws-cn:s3:::b/k"),
        ("https://b.s3.us-east-1.amazonaws.com/a%20k.json?X-Amz-Signature=f00", "arn:aws:s3:::b/a k.json"),
        ("https://my.bucket.s3.amazonaws.com/k", "arn:aws:s3:::my.bucket/k"),
        ("https://s3.us-east-1.amazonaws.com/b/a/k", "arn:aws:s3:::b/a/k"),
        ("https://s3-eu-west-1.amazonaws.com/b/k", "arn:aws:s3:::b/k"),
        ("https://b.s3.cn-north-1.amazonaws.com.cn/k", "arn:aws-cn:s3:::b/k"),
        ("https://example.com/k", None),
    ],
)
def test_the_probable_arn_is_suggested(text: str, suggestion: str | None) -> None:
    with pytest.raises(ArnError) as caught:
        parse_s3_object_arn(text)
    assert caught.value.suggestion == suggestion


def test_an_error_does_not_repeat_the_text() -> None:
    with pytest.raises(ArnError) as caught:
        parse_arn("https://b.s3.amazonaws.com/?X-Amz-Signature=f00ba4")
    assert "f00ba4" not in f"{caught.value} {caught.value!r} {caught.value.suggestion}"


@pytest.mark.parametrize("key", ["a/b.json", "with space.json", "Schlüssel.json", "a:b:c", "/k", "a//b"])
def test_a_key_may_contain_nearly_anything(key: str) -> None:
    assert parse_s3_object_arn(f"arn:aws:s3:::bucket/{key}") == S3ObjectArn("aws", "bucket", key)


def test_a_key_with_a_hash_or_the_test_marker_of_the_daemon_is_recognized() -> None:
    assert parse_s3_object_arn("arn:aws:s3:::bucket/a#b").breaks_hand_over
    assert parse_s3_object_arn("arn:aws:s3:::bucket/functionaltestcfspec.json").is_test_marker
    plain = parse_s3_object_arn("arn:aws:s3:::bucket/k")
    assert not plain.breaks_hand_over
    assert not plain.is_test_marker


def test_a_parameter_in_a_hierarchy_starts_with_a_slash() -> None:
    arn = parse_ssm_parameter_arn("arn:aws:ssm:us-east-1:123456789012:parameter/gmsa/spec")
    assert arn == SsmParameterArn("aws", "us-east-1", "123456789012", "gmsa/spec")
    assert arn.name == "/gmsa/spec"
    assert parse_ssm_parameter_arn("arn:aws:ssm:us-east-1:123456789012:parameter/spec").name == "spec"


def test_the_arn_of_a_secret_has_its_name_and_suffix() -> None:
    text = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b-c-AbCdEf"
    arn = parse_secret_arn(text)
    assert arn == SecretArn("aws-us-gov", "us-gov-west-1", "123456789012", "a/b-c-AbCdEf")
    assert (arn.friendly_name, arn.suffix, str(arn)) == ("a/b-c", "AbCdEf", text)


@pytest.mark.parametrize(
    ("name", "doubtful"), [("gmsa", True), ("gmsa-secret", True), ("gmsa-secret-AbCdEf", False), ("a-b1c2d3", True)]
)
def test_the_arn_of_a_secret_may_end_in_a_word_of_six_letters(name: str, doubtful: bool) -> None:
    arn = parse_secret_arn(f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}")
    assert arn.may_lack_its_suffix is doubtful


def test_the_arn_of_a_secret_may_lack_its_suffix() -> None:
    arn = parse_secret_arn("arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa")
    assert (arn.friendly_name, arn.suffix) == ("gmsa", None)


@pytest.mark.parametrize("more", [":password::", ":", ":username:AWSCURRENT:"])
def test_a_json_key_after_the_arn_of_a_secret_is_an_error(more: str) -> None:
    text = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa-AbCdEf"
    with pytest.raises(ArnError) as caught:
        parse_secret_arn(text + more)
    assert caught.value.reason == "a JSON key or a version follows the secret's name"
    assert caught.value.suggestion == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arn:aws:secretsmanager::123456789012:secret:x", "its region"),
        ("arn:aws:secretsmanager:US EAST:123456789012:secret:x", "its region"),
        ("arn:aws:secretsmanager:us-east-1::secret:x", "its account"),
        ("arn:aws:secretsmanager:us-east-1:1234:secret:x", "its account"),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret/x", "no secret name"),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:", "no secret name"),
        ("arn:aws:iam::123456789012:role/x", "it is an ARN of"),
    ],
)
def test_another_text_than_the_arn_of_a_secret_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ArnError) as caught:
        parse_secret_arn(text)
    assert words in caught.value.reason


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("arn:aws:iam::123456789012:role/Web", RoleArn("aws", "123456789012", "Web")),
        ("arn:aws:iam::123456789012:role/a/b/Web", RoleArn("aws", "123456789012", "Web", "/a/b/")),
        (
            "arn:aws:sts::123456789012:assumed-role/Web/i-1",
            RoleArn("aws", "123456789012", "Web", session="i-1"),
        ),
    ],
)
def test_the_role_is_read_with_its_path_or_its_session(text: str, role: RoleArn) -> None:
    assert parse_role_arn(text) == role
    assert parse_role_arn(text).name == "Web"


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::123456789012:user/Web",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:sts::123456789012:assumed-role/Web",
        "arn:aws:iam:::role/Web",
        "arn:aws:s3:::role/Web",
    ],
)
def test_an_arn_without_a_role_is_refused(text: str) -> None:
    with pytest.raises(ArnError):
        parse_role_arn(text)


WORDS = (
    *("arn", "aws", "s3", "ssm", "secretsmanager", "ecs", "iam", "sts", "us-east-1", "123456789012", "secret", "", "/"),
    *("role/x", "bucket/key", "parameter/x", "task-definition/a", "assumed-role/a/b"),
)
near_arns = st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=9).map(":".join)
urls = st.sampled_from(["https://", "s3://", "http://"]).flatmap(lambda prefix: st.text().map(prefix.__add__))


@given(st.text() | near_arns | near_arns.map("arn:aws:".__add__) | urls)
def test_any_text_is_an_arn_or_an_arn_error(text: str) -> None:
    for parser in PARSERS:
        try:
            arn = parser(text)
        except ArnError:
            continue
        hash(arn)
        if not isinstance(arn, RoleArn):
            assert parser(str(arn)) == arn


@given(
    st.sampled_from(PARTITIONS),
    st.from_regex(r"[a-z0-9][a-z0-9.-]{2,20}", fullmatch=True).filter(lambda bucket: bucket != "accesspoint"),
    st.text(min_size=1).filter(lambda key: key.strip() == key),
)
def test_the_arn_of_an_s3_object_round_trips(partition: str, bucket: str, key: str) -> None:
    arn = S3ObjectArn(partition, bucket, key)
    assert parse_s3_object_arn(str(arn)) == arn
