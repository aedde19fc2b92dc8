"""Build the documentation site: ``make site``.

python -m docs.site [--output DIR]    writes the site; fails if a link in it leads nowhere

The pages are those of the repository, at their own paths, and one page for each error text of the catalogue, so that a
search for the text finds it by its title.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from gmsa_doctor.formats.symptoms.catalogue import EMITTERS, OUTSIDE, Symptom, symptoms

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
_MEANING = {
    "yes": "This text names the cause.",
    "stage": "This text names the step that failed.",
    "no": "This text alone does not say what failed: look at the lines before and after it.",
}
_NOWHERE = {"not-gmsa": "It is not a gMSA fault.", "no-check": "No check covers it."}


def symptom_page(symptom: Symptom) -> str:
    """The page of an error text, in Markdown."""
    lines = [
        f"# {_plain(symptom.text)}",
        "",
        f"Reported by {EMITTERS[symptom.emitter]} ({symptom.versions}); seen in: {symptom.seen_in}.",
        "",
        _MEANING[symptom.decisive] + (f" {_NOWHERE[symptom.outside]}" if symptom.outside in OUTSIDE else ""),
        "",
    ]
    if symptom.causes:
        lines += ["## Likely causes", ""]
        lines += [f"{number}. [{id}](../docs/checks/{id}.md)" for number, id in enumerate(symptom.causes, 1)]
        lines += [
            "",
            f"To confirm: `gmsa-doctor check --cluster <cluster> --service <service> --only {symptom.causes[0]}`",
            "",
        ]
    if symptom.rules_out:
        lines += [f"Rules out: {_plain(symptom.rules_out)}", ""]
    if symptom.note:
        lines += [_plain(symptom.note), ""]
    lines += [
        "With its surroundings, `gmsa-doctor explain --file LOG` finds the decisive line.",
        "",
        f"Source: {symptom.source}",
    ]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that Markdown and HTML leave alone."""
    for sign in "\\`*_{}[]<>#|$":
        text = (
            text.replace(sign, f"\\{sign}")
            if sign not in "<>"
            else text.replace(sign, {"<": "&lt;", ">": "&gt;"}[sign])
        )
    return text


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
        file.write_text(yaml.safe_dump(configuration(source, output), sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(file)]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
