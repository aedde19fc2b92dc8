"""The partitions of AWS, from the SDK's own data."""

import pytest

from gmsa_doctor.formats.aws.arn import ArnError, parse_s3_object_arn
from gmsa_doctor.formats.aws.partitions import is_aws_name, partition_of
from gmsa_doctor.formats.aws.vpc_endpoint import read_vpc_endpoint


@pytest.mark.parametrize(
    ("region", "name", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("mx-central-1", "aws", "amazonaws.com"),
        ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
        ("eusc-de-west-9", "aws-eusc", "amazonaws.eu"),
        ("xx-new-1", "aws", "amazonaws.com"),
    ],
)
def test_a_region_has_a_partition_with_a_dns_suffix(region: str, name: str, suffix: str) -> None:
    found = partition_of(region)
    assert (found.name, found.dns_suffix) == (name, suffix)


def test_names_of_services_are_known_in_every_partition() -> None:
    names = ("logs.us-east-1.amazonaws.com", "logs.cn-north-1.amazonaws.com.cn", "logs.eusc-de-east-1.amazonaws.eu")
    assert all(map(is_aws_name, names))
    assert not is_aws_name("notamazonaws.com")


@pytest.mark.parametrize(
    ("region", "service"),
    [
        ("us-east-1", "com.amazonaws.us-east-1.s3"),
        ("cn-north-1", "com.amazonaws.cn-north-1.s3"),
        ("cn-north-1", "cn.com.amazonaws.cn-north-1.s3"),
        ("eusc-de-east-1", "eu.amazonaws.eusc-de-east-1.s3"),
        ("us-iso-east-1", "gov.ic.c2s.us-iso-east-1.s3"),
    ],
)
def test_an_endpoint_is_known_in_every_partition(region: str, service: str) -> None:
    found = read_vpc_endpoint({"VpcEndpointId": "vpce-1", "ServiceName": service}, region)
    assert found
    assert found.service == "s3"


@pytest.mark.parametrize(
    ("address", "arn"),
    [
        ("https://b.s3.eusc-de-east-1.amazonaws.eu/k.json", "arn:aws-eusc:s3:::b/k.json"),
        ("https://b.s3.us-gov-west-1.amazonaws.com/k.json", "arn:aws-us-gov:s3:::b/k.json"),
        ("https://s3.cn-north-1.amazonaws.com.cn/b/k.json", "arn:aws-cn:s3:::b/k.json"),
        ("https://b.s3.amazonaws.com/k.json", "arn:aws:s3:::b/k.json"),
        ("https://b.s3.example.com/k.json", None),
    ],
)
def test_a_web_address_suggests_the_arn_of_its_partition(address: str, arn: str | None) -> None:
    with pytest.raises(ArnError) as caught:
        parse_s3_object_arn(address)
    assert caught.value.suggestion == arn
