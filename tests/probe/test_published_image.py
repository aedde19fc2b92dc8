"""The image of a release: in the package by its digest, and absent in a checkout."""

from pathlib import Path

import pytest

from gmsa_doctor.probe.published_image import FILE, published_image

DIGEST = "sha256:" + "0" * 64


def test_a_checkout_has_none() -> None:
    assert not FILE.exists()
    assert published_image() is None


@pytest.mark.parametrize("name", ["registry.example/owner/gmsa-doctor:v1", "registry.example:5000/gmsa-doctor"])
def test_a_release_names_it_with_its_digest(name: str, tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_text(f"{name}@{DIGEST}\n")
    assert published_image(file) == f"{name}@{DIGEST}"


@pytest.mark.parametrize("text", ["", "registry.example/owner/gmsa-doctor:v1", f"gmsa-doctor@{DIGEST}", f"/@{DIGEST}"])
def test_a_reference_without_registry_or_digest_is_a_broken_release(text: str, tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_text(text)
    with pytest.raises(ValueError, match="digest"):
        published_image(file)
