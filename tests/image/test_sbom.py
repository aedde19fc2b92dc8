import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from gmsa_doctor import __version__
from tests.image import engine, sbom


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("sbom") / "dist/gmsa-doctor.cdx.json"
    sbom.write(file)
    return file.read_text()


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    return dict(json.loads(text))


def purls(document: dict[str, Any], kind: str) -> list[str]:
    return [one["purl"] for one in document["components"] if one.get("purl", "").startswith(f"pkg:{kind}/")]


def test_it_is_valid_cyclonedx(text: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_schema_is_really_held_against_it(document: dict[str, Any]) -> None:
    del document["components"][0]["type"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is not None


def test_it_names_every_debian_package_of_the_image(document: dict[str, Any]) -> None:
    listed = engine.run_program("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n").splitlines()
    there = {tuple(line.split()[1:]) for line in listed if line.startswith("installed ")}
    components = [one for one in document["components"] if one.get("purl", "").startswith("pkg:deb/")]
    assert {(one["name"], one["version"]) for one in components} == there
    assert len(components) == len(there)


def test_it_names_every_python_distribution_of_the_image(document: dict[str, Any]) -> None:
    script = "import importlib.metadata as m; print(*(f'{d.name}@{d.version}'.lower() for d in m.distributions()))"
    there = engine.run_program("python3", "-c", script).replace("_", "-").split()
    assert sorted(purls(document, "pypi")) == sorted(f"pkg:pypi/{one}" for one in there)
    assert f"pkg:pypi/gmsa-doctor@{__version__}" in purls(document, "pypi")


def test_a_scanner_can_tell_the_distribution_and_the_source_package(document: dict[str, Any]) -> None:
    (krb5,) = [purl for purl in purls(document, "deb") if purl.startswith("pkg:deb/debian/libkrb5-3@")]
    assert re.search(r"\?arch=(amd64|arm64)&distro=debian-12&upstream=krb5$", krb5)
    assert {"name": "debian", "version": "12", "type": "operating-system", "bom-ref": "os"} in document["components"]


def test_all_of_it_is_part_of_the_image(document: dict[str, Any]) -> None:
    image = document["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == ("container", "gmsa-doctor", __version__)
    parts = next(one["dependsOn"] for one in document["dependencies"] if one["ref"] == image["bom-ref"])
    assert sorted(parts) == sorted(one["bom-ref"] for one in document["components"])


def test_packages_that_were_removed_are_not_named(tmp_path: Path) -> None:
    file = tmp_path / "var/lib/dpkg/status"
    file.parent.mkdir(parents=True)
    common = "Architecture: amd64\nVersion: 1:2.0-1\nDescription: a thing\n and more of it\n"
    file.write_text(
        f"Package: gone\nStatus: deinstall ok config-files\n{common}\n"
        f"Package: here\nStatus: install ok installed\nSource: thing (2.0)\n{common}\n"
    )
    (part,) = sbom.debian_packages(tmp_path, {"ID": "debian", "VERSION_ID": "12"})
    assert str(part.purl) == "pkg:deb/debian/here@1:2.0-1?arch=amd64&distro=debian-12&upstream=thing%402.0"
    assert part.description == "a thing"
