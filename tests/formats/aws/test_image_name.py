"""Names of images in private repositories of Amazon ECR."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.aws.image_name import EcrRepository, ecr_repository, image_reference

ACCOUNT = "123456789012"
HOST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "region", "name"),
    [
        (f"{HOST}/web", "eu-west-1", "web"),
        (f"{HOST}/web:1.2", "eu-west-1", "web"),
        (f"{HOST}/team/web-app:latest", "eu-west-1", "team/web-app"),
        (f"{HOST}/web@sha256:0123", "eu-west-1", "web"),
        (f"{HOST}/web:1@sha256:0123", "eu-west-1", "web"),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/web", "cn-north-1", "web"),
        (f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com/web", "us-gov-west-1", "web"),
        (f"{ACCOUNT}.dkr-ecr.eu-west-1.on.aws/web:1", "eu-west-1", "web"),
    ],
)
def test_the_name_of_an_image_has_its_repository(image: str, region: str, name: str) -> None:
    assert ecr_repository(image) == EcrRepository(ACCOUNT, region, name)


@pytest.mark.parametrize(
    "image",
    [
        "",
        "nginx",
        "nginx:1",
        "registry.example/web:1",
        "public.ecr.aws/nginx/nginx:1",
        "123.dkr.ecr.eu-west-1.amazonaws.com/web",
        HOST,
        f"{HOST}/",
        f"{HOST}/:1",
    ],
)
def test_other_registries_are_none(image: str) -> None:
    assert ecr_repository(image) is None


@given(st.text())
def test_any_name_gives_an_answer(image: str) -> None:
    assert ecr_repository(image) is None or image.startswith(ecr_repository(image).account)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("webapp", "latest"),
        ("registry.example:5000/webapp", "latest"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/a/webapp:1.2", "1.2"),
        ("a/webapp:1@sha256:0123", "sha256:0123"),
    ],
)
def test_an_image_has_a_tag_or_a_digest(image: str, reference: str) -> None:
    assert image_reference(image) == reference
