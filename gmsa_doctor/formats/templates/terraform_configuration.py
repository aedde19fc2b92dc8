"""Task definitions in Terraform configuration (HCL), as far as it has literal and ``jsonencode`` values.

Variables, locals, references and functions are not evaluated: such values are :class:`Open`. A plan has them
(``terraform show -json``). Requires python-hcl2, the extra ``hcl``; only its syntax tree is used.

Sources: https://developer.hashicorp.com/terraform/language/syntax/configuration;
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecs_task_definition
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from textwrap import dedent
from typing import Any

from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open, Path, Position
from gmsa_doctor.formats.documents.near_keys import near_keys
from gmsa_doctor.formats.documents.walk import items
from gmsa_doctor.formats.templates.terraform_plan import TEXTS, container

_TASK_DEFINITION = "aws_ecs_task_definition"
_NO_HCL = (
    "reading Terraform configuration requires python-hcl2: pip install 'gmsa-doctor[hcl]'; or check the plan, the "
    "output of `terraform show -json tfplan`"
)
_HEREDOC = re.compile(r"<<-?(\w+)\n(.*?)\n?[ \t]*\1\s*\Z", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def definitions(text: str) -> tuple[Definition, ...]:
    """The task definitions in a configuration file, by their addresses. Raises LocatedError."""
    try:
        import hcl2
        from lark.exceptions import LarkError
    except ImportError:
        raise LocatedError(_NO_HCL) from None
    try:
        tree = hcl2.parses_to_tree(text)
    except (LarkError, RecursionError) as error:
        line, column = getattr(error, "line", 0), getattr(error, "column", 0)
        position = Position(line, column) if isinstance(line, int) and line > 0 else None
        raise LocatedError("this is not Terraform's configuration language", position) from None
    blocks = (block for body in tree.children for block in body.children if _kind(block) == "block")
    return tuple(_definition(text, name, block) for block in blocks if (name := _name(block)))


def _kind(node: Any) -> str:
    return str(getattr(node, "data", ""))


def _trees(node: Any) -> list[Any]:
    """The children that are no punctuation, white space or comment."""
    return [child for child in node.children if _kind(child) not in ("", "new_line_or_comment")]


def _name(block: Any) -> str | None:
    """The name of a resource of the type aws_ecs_task_definition."""
    labels = [_literal(label) for label in _trees(block)[:-1]]
    return labels[2] if labels[:2] == ["resource", _TASK_DEFINITION] and len(labels) == 3 else None


def _literal(label: Any) -> str:
    return "".join(str(token) for token in label.scan_values(lambda _token: True)).strip('"')


def _definition(text: str, name: str, block: Any) -> Definition:
    reader = _HclReader(text)
    address = f"{_TASK_DEFINITION}.{name}"
    arguments = dict(reader.arguments(block, ()))
    value: dict[str, object] = {key: arguments[argument] for argument, key in TEXTS.items() if argument in arguments}
    places = {(key,): (argument,) for argument, key in TEXTS.items()}
    if isinstance(compatibilities := arguments.get("requires_compatibilities"), list):
        value["requiresCompatibilities"] = compatibilities
    if isinstance(platform := arguments.get("runtime_platform"), dict):
        names = {"operating_system_family": "operatingSystemFamily", "cpu_architecture": "cpuArchitecture"}
        value["runtimePlatform"] = {key: platform[known] for known, key in names.items() if known in platform}
    containers = arguments.get("container_definitions", Open(f"${{{address}.container_definitions}}"))
    if isinstance(containers, str) and not isinstance(containers, Open):
        with suppress(ValueError, RecursionError):
            containers = json.loads(containers)
    entries = [container(entry) for entry in items(containers)]
    value["containerDefinitions"] = entries if isinstance(containers, list) else Open(str(containers))
    positions: dict[Path, Position] = {(): reader.positions[()]}
    for path, position in reader.positions.items():
        inner = ("containerDefinitions", *path[1:]) if path[:1] == ("container_definitions",) else None
        for key in [inner] if inner else [key for key, place in places.items() if place == path]:
            positions[key] = position
    located = Located(value, positions)
    return Definition(address, located, near=near_keys(located))


class _HclReader:
    """Converts expressions to plain data, with positions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.positions: dict[Path, Position] = {}

    def arguments(self, block: Any, path: Path) -> Iterator[tuple[str, object]]:
        """The arguments of a block, and its nested blocks as objects."""
        self._place(path, block)
        for part in _trees(_trees(block)[-1]):
            inner = (*path, _literal(_trees(part)[0]))
            if _kind(part) == "attribute":
                self._place(inner, part)
                yield str(inner[-1]), self.value(_trees(part)[-1], inner)
            elif _kind(part) == "block":
                yield str(inner[-1]), dict(self.arguments(part, inner))

    def _place(self, path: Path, node: Any) -> None:
        self.positions.setdefault(path, Position(node.meta.line, node.meta.column))

    def value(self, node: Any, path: Path) -> object:
        """An expression's value; Open if it is not a literal."""
        self._place(path, node)
        kind, parts = _kind(node), _trees(node)
        if kind == "expr_term" and len(parts) == 1:
            return self.value(parts[0], path)
        if kind == "literal_value":
            return {"true": True, "false": False}.get(str(node.children[0]))
        if kind in ("int_lit", "float_lit"):
            with suppress(ValueError):  # Python refuses thousands of digits
                return (int if kind == "int_lit" else float)(str(node.children[0]))
        if kind == "tuple":
            return [self.value(part, (*path, index)) for index, part in enumerate(parts)]
        if kind == "object":
            return dict(self._entry(part, path) for part in parts)
        if kind == "function_call" and _literal(parts[0]) == "jsonencode" and len(parts) == 2:
            arguments = _trees(parts[1])
            if len(arguments) == 1:
                return self.value(arguments[0], path)
        if kind == "string":
            return self._string(parts)
        if kind.startswith("heredoc"):
            return self._heredoc(str(node.children[0]))
        return self._open(node)

    def _entry(self, element: Any, path: Path) -> tuple[str, object]:
        key, entry = _trees(element)
        inner = (*path, _literal(key).strip())
        self._place(inner, key)
        return str(inner[-1]), self.value(entry, inner)

    def _string(self, parts: list[Any]) -> str:
        pieces = [
            str(self._open(part.children[0])) if _kind(part.children[0]) else _unescaped(str(part.children[0]))
            for part in parts
        ]
        is_open = any(_kind(part.children[0]) for part in parts)
        return Open("".join(pieces)) if is_open else "".join(pieces)

    def _heredoc(self, source: str) -> str:
        match = _HEREDOC.fullmatch(source)
        text = (dedent(match[2]) if source.startswith("<<-") else match[2]) if match else source
        return Open(text) if re.search(r"(?<![$%])[$%]\{", text) and not _is_json(text) else text

    def _open(self, node: Any) -> Open:
        source = self.text[node.meta.start_pos : node.meta.end_pos]
        source = re.sub(r"\s+", " ", source.removeprefix("${").removesuffix("}")).replace("{", "(").replace("}", ")")
        return Open(f"${{{source.strip()[:200]}}}")


def _is_json(text: str) -> bool:
    with suppress(ValueError, RecursionError):
        return isinstance(json.loads(text), list)
    return False


def _unescaped(text: str) -> str:
    if text in ("$${", "%%{") or text.startswith(("$${", "%%{")):
        return text[1:]
    return re.sub(r'\\([ntr"\\])', lambda match: _ESCAPES[match[1]], text)
