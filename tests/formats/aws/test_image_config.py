"""Manifests and configurations of images, as registries return them."""

import json

import pytest

from gmsa_doctor.formats.aws.image_config import ImageConfig, ImageError, Manifest, read_config, read_manifest
from gmsa_doctor.formats.aws.image_name import image_reference

INDEX = json.dumps(
    {
        "manifests": [
            {"digest": "sha256:w", "platform": {"os": "windows", "architecture": "amd64"}},
            {"digest": "sha256:a", "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": "sha256:b", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
            {"digest": "sha256:c", "platform": {"os": "unknown", "architecture": "unknown"}},
        ]
    }
)


@pytest.mark.parametrize(
    ("architecture", "digest"), [(None, "sha256:a"), ("X86_64", "sha256:a"), ("ARM64", "sha256:b")]
)
def test_an_index_names_the_manifest_of_the_platform(architecture: str | None, digest: str) -> None:
    assert read_manifest(INDEX, architecture) == Manifest(digest, is_index=True)


def test_a_manifest_names_the_configuration() -> None:
    assert read_manifest('{"config": {"digest": "sha256:x"}, "layers": []}', None) == Manifest("sha256:x")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"config": {}}', '{"manifests": []}', '{"manifests": [1]}', '{"config": {"digest": 7}}']
)
def test_what_is_no_manifest_is_an_error(text: str) -> None:
    with pytest.raises(ImageError):
        read_manifest(text, None)


def test_of_the_environment_only_the_named_variables_are_kept() -> None:
    text = json.dumps({"config": {"User": "1654", "Env": ["PASSWORD=x", "KRB5CCNAME=/tmp/a=b", "PATH"]}})
    assert read_config(text, frozenset({"KRB5CCNAME"})) == ImageConfig("1654", (("KRB5CCNAME", "/tmp/a=b"),))


@pytest.mark.parametrize("text", ["{}", '{"config": null}', '{"config": {"User": null, "Env": null}}'])
def test_a_configuration_without_user_and_environment_is_roots(text: str) -> None:
    assert read_config(text, frozenset()) == ImageConfig("")


@pytest.mark.parametrize("text", ["<Error/>", "[]", '{"config": 7}'])
def test_what_is_no_configuration_is_an_error(text: str) -> None:
    with pytest.raises(ImageError):
        read_config(text, frozenset())


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("web", "latest"),
        ("registry:5000/web", "latest"),
        ("registry:5000/web:2", "2"),
        ("web:2@sha256:abc", "sha256:abc"),
    ],
)
def test_the_reference_is_the_digest_or_the_tag(image: str, reference: str) -> None:
    assert image_reference(image) == reference
