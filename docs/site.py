"""Build the documentation site: ``make site``.

python -m docs.site [--output DIR]    writes the site into DIR/VERSION; fails if a link in it leads nowhere

The pages are those of the repository, at their own paths, a guide for each step to the ticket, and one page for each
error text of the catalogue, so that a search for the text finds it by its title. Other versions in DIR stay, and the
pages offer them: ``versions.json`` has the form that Material for MkDocs reads.
Source: https://squidfunk.github.io/mkdocs-material/setup/setting-up-versioning/
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from docs.site_pages import step_pages, symptom_page
from gmsa_doctor import __version__
from gmsa_doctor.core import registry
from gmsa_doctor.core.model import Step
from gmsa_doctor.formats.symptoms.catalogue import EMITTERS, symptoms

ROOT = Path(__file__).resolve().parents[1]
COPIED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "action.yml",
    ".pre-commit-hooks.yaml",
)
FOLDERS = ("docs", "ci", "deploy")
_LATEST = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>gmsa-doctor</title>
<meta http-equiv="refresh" content="0; url={version}/"><a href="{version}/">gmsa-doctor {version}</a></html>
"""


def lay_out(source: Path) -> None:
    """Copy the pages to this folder, at the paths that they have in the repository, and write those of the texts."""
    for name in COPIED:
        shutil.copy(ROOT / name, source / name.removeprefix("."))
    (source / "README.md").rename(source / "index.md")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    (source / "checks").mkdir()
    shutil.copy(ROOT / "checks" / "README.md", source / "checks")
    (source / "symptoms").mkdir()
    for symptom in symptoms().values():
        (source / "symptoms" / f"{symptom.id}.md").write_text(symptom_page(symptom), encoding="utf-8")
    (source / "how-to").mkdir()
    for name, text in step_pages(registry.load()).items():
        (source / "how-to" / name).write_text(text, encoding="utf-8")


def configuration(source: Path, output: Path) -> dict[str, Any]:
    """What mkdocs needs."""
    texts = [
        {EMITTERS[emitter]: [f"symptoms/{symptom.id}.md" for symptom in group]}
        for emitter, group in groupby(symptoms().values(), key=lambda symptom: symptom.emitter)
    ]
    scheme = {"scheme": "default", "media": "(prefers-color-scheme: light)"}
    dark = {"scheme": "slate", "media": "(prefers-color-scheme: dark)"}
    return {
        "site_name": "gmsa-doctor",
        "docs_dir": str(source),
        "site_dir": str(output),
        "theme": {
            "name": "material",
            "font": False,
            "palette": [
                {**scheme, "toggle": {"icon": "material/weather-night", "name": "Dark"}},
                {**dark, "toggle": {"icon": "material/weather-sunny", "name": "Light"}},
            ],
            "features": ["navigation.tabs", "navigation.indexes", "search.suggest", "content.code.copy"],
        },
        "plugins": ["search"],
        "markdown_extensions": ["admonition", "tables", "fenced_code", {"toc": {"permalink": True}}],
        "extra": {"version": {"provider": "mike"}},
        "nav": [
            {"Quick start": "index.md"},
            {"Tutorials": [f"docs/tutorials/{name}.md" for name in ("setup", "laptop", "task", "ci")]},
            {"How to fix": [f"how-to/{step}.md" for step in Step]},
            {"Checks": ["docs/checks/README.md", *sorted(_pages(source, "docs/checks", "README.md"))]},
            {"Error texts": ["docs/symptoms.md", *texts]},
            {
                "Guides": [
                    "docs/support-case.md", "docs/config.md", "docs/fleet.md", "docs/deploy.md", "docs/image.md",
                    "docs/sql-server.md", "docs/non-root.md", "docs/aws-calls.md", "ci/README.md", "deploy/README.md",
                    "docs/not-proved-live.md",
                ]
            },
            {
                "Development": [
                    "docs/architecture.md", "checks/README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md",
                    {"Decisions": ["docs/decisions/README.md", *sorted(_pages(source, "docs/decisions", "README.md"))]},
                ]
            },
        ],
        "not_in_nav": "docs/forms/*.md\ndeploy/**/*.md\nci/**/*.md\n",
        "validation": {"links": {"not_found": "warn", "absolute_links": "warn", "anchors": "warn"}},
    }  # fmt: skip


def _pages(source: Path, folder: str, index: str) -> list[str]:
    return [f"{folder}/{path.name}" for path in (source / folder).glob("*.md") if path.name != index]


def versions(folders: Iterable[str]) -> list[dict[str, Any]]:
    """What the pages offer, the newest first, which is ``latest``; ``folders`` are the versions that are there."""
    known = sorted((name for name in folders if name[:1].isdigit()), key=_order, reverse=True)
    return [{"version": name, "title": name, "aliases": ["latest"] * (name == known[0])} for name in known]


def _order(version: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.-]", version)]


def main() -> int:
    """Build the site into ``--output``; the exit code of mkdocs."""
    parser = argparse.ArgumentParser(description="Build the documentation site.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "site")
    output = parser.parse_args().output.resolve()
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "pages"
        source.mkdir()
        lay_out(source)
        file = Path(work) / "mkdocs.yml"
        pages = configuration(source, output / __version__)
        file.write_text(yaml.safe_dump(pages, sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(file)]
        code = subprocess.run(command, check=False).returncode
    if code == 0:
        known = versions(folder.name for folder in output.iterdir() if folder.is_dir())
        (output / "versions.json").write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        (output / "index.html").write_text(_LATEST.format(version=known[0]["version"]), encoding="utf-8")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
