"""The documentation site: a page for each error text, and the repository's pages in its navigation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from docs import site, site_pages
from gmsa_doctor.core import registry
from gmsa_doctor.core.model import Step
from gmsa_doctor.formats.symptoms.catalogue import symptoms


def leaves(node: Any) -> set[str]:
    """The pages of a navigation."""
    if isinstance(node, str):
        return {node}
    items = node.values() if isinstance(node, dict) else node
    return {page for item in items for page in leaves(item)}


NO_KDC = symptoms()["krb.no-kdc"]


def test_an_error_text_is_the_title_of_a_page_that_links_to_its_causes() -> None:
    page = site_pages.symptom_page(NO_KDC)
    assert page.startswith("# Cannot find KDC for realm\n")
    assert NO_KDC.causes
    for cause in NO_KDC.causes:
        assert f"](../docs/checks/{cause}.md)" in page


def test_what_markup_would_eat_stays() -> None:
    title = site_pages.symptom_page(replace(NO_KDC, text="no <b> *x* in `y`")).partition("\n")[0]
    assert title == "# no &lt;b&gt; \\*x\\* in \\`y\\`"


def test_every_page_is_in_the_navigation_or_left_out_on_purpose(tmp_path: Path) -> None:
    site.lay_out(tmp_path)
    shown = leaves(site.configuration(tmp_path, tmp_path / "site")["nav"])
    pages = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.md")}
    assert shown <= pages
    assert {page for page in pages - shown if not page.startswith(("docs/forms/", "deploy/", "ci/"))} == set()


def test_each_step_has_a_guide_with_its_causes_and_fixes() -> None:
    pages = site_pages.step_pages(registry.load())
    assert list(pages) == [f"{step}.md" for step in Step]
    assert "](../symptoms/krb.no-kdc.md)" in pages["dns.md"]
    assert "](../docs/checks/permission.principals.md)" in pages["gmsa-password.md"]
    assert "New-ADServiceAccount" in pages["gmsa-password.md"]


def test_the_versions_are_offered_from_the_newest_on() -> None:
    found = site.versions(["0.9.0", "0.10.0", "0.10.0rc1", "assets", "0.2.0"])
    assert [entry["version"] for entry in found] == ["0.10.0", "0.10.0rc1", "0.9.0", "0.2.0"]
    assert [entry["aliases"] for entry in found] == [["latest"], [], [], []]
