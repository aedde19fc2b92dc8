"""Write the image's software bill of materials (CycloneDX 1.6, JSON): `python -m tests.image.sbom FILE`.

It says what is really there: the Python distributions and Debian's packages, as their own records in the image's
root directory tell.
"""

import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tests.image import engine


def bill(root: Path, labels: dict[str, str]) -> Bom:
    """Give the bill of materials of the image with this root directory and these labels."""
    bom = Bom()
    bom.metadata.tools.components.add(this_component())
    image = Component(
        name=labels["title"],
        version=labels["version"],
        description=labels["description"],
        type=ComponentType.CONTAINER,
        bom_ref="image",
    )
    bom.metadata.component = image
    system = dict(_settings(root / "etc/os-release"))
    distro = Component(
        name=system["ID"], version=system["VERSION_ID"], type=ComponentType.OPERATING_SYSTEM, bom_ref="os"
    )
    parts = [distro, *debian_packages(root, system), *python_distributions(root)]
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(image, parts)
    return bom


def python_distributions(root: Path) -> Iterator[Component]:
    """Give what pip has installed, wherever that is."""
    directories = {record.parent.parent for record in root.glob("*/**/site-packages/*.dist-info/METADATA")}
    for one in distributions(path=[str(directory) for directory in sorted(directories)]):
        name = one.metadata["Name"]
        # https://github.com/package-url/purl-spec, type pypi: lower case, `-` for `_`
        purl = PackageURL("pypi", name=name.lower().replace("_", "-"), version=one.version)
        yield Component(
            name=name,
            version=one.version,
            description=_field(one, "Summary"),
            licenses=list(_licenses(one)),
            type=ComponentType.LIBRARY,
            purl=purl,
            bom_ref=str(purl),
        )


def _field(one: Distribution, name: str) -> str | None:
    return next(iter(one.metadata.get_all(name, [])), None)


def _licenses(one: Distribution) -> Iterator[License]:
    text = _field(one, "License-Expression") or _field(one, "License") or ""
    if text and "\n" not in text:  # some put the whole text there
        yield LicenseFactory().make_from_string(text)


def debian_packages(root: Path, system: dict[str, str]) -> Iterator[Component]:
    """Give what dpkg says is installed.

    `upstream` is the source package, by which Debian's security advisories go; scanners read it.
    """
    for paragraph in (root / "var/lib/dpkg/status").read_text(encoding="utf-8").strip().split("\n\n"):
        fields = HeaderParser().parsestr(paragraph)
        if not fields["Status"].endswith(" installed"):
            continue
        qualifiers = {"arch": fields["Architecture"], "distro": f"{system['ID']}-{system['VERSION_ID']}"}
        if fields["Source"]:
            name, _, version = fields["Source"].partition(" ")
            qualifiers["upstream"] = f"{name}@{version.strip('()')}" if version else name
        purl = PackageURL("deb", system["ID"], fields["Package"], fields["Version"], qualifiers)
        yield Component(
            name=fields["Package"],
            version=fields["Version"],
            description=fields["Description"].splitlines()[0],
            type=ComponentType.LIBRARY,
            purl=purl,
            bom_ref=str(purl),
        )


def _settings(file: Path) -> Iterator[tuple[str, str]]:
    """Give the settings of a file such as os-release(5)."""
    for line in file.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        yield name, value.strip('"')


def write(file: Path) -> None:
    """Write the bill of materials of the image that was built last."""
    with engine.mounted() as root:
        text = JsonV1Dot6(bill(root, engine.labels())).output_as_string(indent=2)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
