"""No text of the product has a word that its readers had to read twice."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DENIED = {
    "mend": r"mend(s|ed|ing)?",
    "anew": r"anew|afresh",
    "is no": r"(?<![Tt]here )(is|are) no(?! (longer|more))|(is|are) none of",
    "Let … do": r"Let(?= (?!me\b))",
    "tells": r"tells?|told",
    "is to be": r"(is|are) to be",
    "besides": r"besides?",
    "by itself": r"by (itself|themselves)",
    "spoiled": r"spoiled|spoilt",
    "not asked": r"(not|never) asked(?! for)",
    "a way to": r"(?<!under )ways?",
    "nothing of gMSA": r"nothing of",
    "look at": r"looks? (at|whether)",
    "see that": r"See that",
    "else": r"(?<!or )(?<!thing )(?<!body )(?<!one )(?<!what )(?<!who )(?<!where )else",
}
"""What a reader would call it, and a pattern of whole words."""
QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|“[^”]*”|```.*?```|https?://\S+", re.DOTALL)


def sentences(text: str) -> str:
    """Give the text without what it quotes, on one line."""
    return " ".join(QUOTED.sub(" ", text).split())


@cache
def product_texts() -> list[tuple[str, str]]:
    """Give each string that a user may read, with its place: no docstring but those of checks, which are printed."""
    found = []
    for room in ("gmsa_doctor", "checks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            unread = set(docstrings(nodes))
            for node in nodes:
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unread:
                    found.append((f"{path.relative_to(ROOT)}:{node.lineno}", node.value))
    return [(place, sentences(text)) for place, text in found]


def docstrings(nodes: Iterable[ast.AST]) -> Iterator[int]:
    """Give the ids of the nodes of docstrings, of constants' too, but not those that `explain` prints."""
    for node in nodes:
        body = getattr(node, "body", None)
        if not isinstance(body, list) or is_printed(node):
            continue
        yield from (id(one.value) for one in body if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))


def is_printed(node: ast.AST) -> bool:
    """Tell whether it is a check or a command, whose docstring the user reads."""
    return isinstance(node, ast.FunctionDef) and any(
        "check(" in text or "command(" in text for text in decorators(node)
    )


def decorators(node: ast.FunctionDef) -> list[str]:
    """Give the decorators as they are written."""
    return [ast.unparse(decorator) for decorator in node.decorator_list]


@cache
def pages() -> list[tuple[str, str]]:
    """Give the pages of documentation, but for decisions, which record how it was, and the changes of old versions."""
    found = [path for path in (ROOT / "docs").rglob("*.md") if "decisions" not in path.parts]
    found += [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "checks" / "README.md"]
    return [(str(path.relative_to(ROOT)), sentences(path.read_text("utf-8"))) for path in sorted(found)]


def words(name: str) -> re.Pattern[str]:
    """Give the pattern of a denied phrase."""
    return re.compile(rf"(?<![\w.-])({DENIED[name]})(?![\w-])")


@pytest.mark.parametrize("name", DENIED)
def test_no_text_of_the_product_has_it(name: str) -> None:
    found = [f"{place}: {text}" for place, text in product_texts() if words(name).search(text)]
    assert found == []


@pytest.mark.parametrize("name", DENIED)
def test_no_page_has_it(name: str) -> None:
    found = [
        f"{page}: {text[max(0, match.start() - 40) : match.end() + 40]}"
        for page, text in pages()
        for match in words(name).finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mend", "Mend it, and mend that"),
        ("anew", "make it anew"),
        ("is no", "it is no account"),
        ("Let … do", "Let the role read it."),
        ("tells", "which account N can tell"),
        ("is to be", "reason is to be a text"),
        ("else", "Add it; else remove that."),
    ],
)
def test_the_patterns_find_what_they_are_for(name: str, text: str) -> None:
    assert words(name).search(sentences(text))
    assert not words(name).search(sentences(f"Credentials Fetcher shows `{text}`"))
