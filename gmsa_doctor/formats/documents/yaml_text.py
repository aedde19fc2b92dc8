"""YAML to plain data, with the place of each part.

PyYAML gives the events alone. From there on it is ours, so that a hostile text costs no more than a long one: nothing
is constructed but plain data, nesting and aliases have limits, and each part keeps its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gmsa_doctor.formats.documents.located import DEPTH_LIMIT, YAML_LIMIT, Located, LocatedError, Path, Position

ALIAS_LIMIT = 50_000
"""Parts that aliases may repeat, all together."""

_FUNCTIONS = (
    *("And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Length", "Not"),
    *("Or", "Select", "Split", "Sub", "ToJsonString", "Transform"),
)
_SHORT_FORMS = {"!Ref": "Ref", "!Condition": "Condition", **{f"!{name}": f"Fn::{name}" for name in _FUNCTIONS}}
"""Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html"""

_CORE = "tag:yaml.org,2002:"
_TEXTS = ("!", f"{_CORE}str")
_PLAIN_TAGS = tuple(_CORE + name for name in ("null", "bool", "int", "float", "map", "seq"))


def read_yaml(text: str) -> Located:
    """The one YAML document of a text; CloudFormation's ``!Sub`` and the like are ``{"Fn::Sub": …}``.

    Keys are texts as they stand there. Other local tags (Compose's ``!reset``) are left out. Raises LocatedError,
    whatever the text is.
    """
    if len(text) > YAML_LIMIT:
        raise LocatedError(f"the text is longer than {YAML_LIMIT} characters")
    root = _composed(text)
    reader = _YamlReader()
    return Located(reader.value(root, ()), reader.positions)


# From events to nodes -------------------------------------------------------------------------------


@dataclass(eq=False)
class _YamlNode:
    position: Position
    tag: str | None
    text: str | None = None
    """Of a scalar."""
    plain: bool = False
    """Whether a scalar stands without quotes: then it may be a number."""
    mapping: bool = False
    parts: list[_YamlNode] = field(default_factory=list)
    """Of a list; of a mapping, key and value in turn."""


def _composed(text: str) -> _YamlNode:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _compose(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LocatedError(error.problem or "not YAML", _position(mark) if mark else None) from None
    except yaml.YAMLError:
        raise LocatedError("YAML does not allow this control character", _control_character(text)) from None
    except UnicodeEncodeError:
        raise LocatedError("the text holds half of a surrogate pair") from None


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _control_character(text: str) -> Position | None:
    found = _CONTROL.search(text)
    if not found:
        return None
    before = text[: found.start()]
    return Position(before.count("\n") + 1, found.start() - before.rfind("\n"))


def _compose(events: Iterable[Any]) -> _YamlNode:
    """The tree of the one document. A loop, not a recursion: the depth of the text does not count."""
    import yaml

    root: _YamlNode | None = None
    anchors: dict[str, _YamlNode] = {}
    around: list[_YamlNode] = []
    for event in events:
        kind = type(event)
        if kind in (yaml.SequenceEndEvent, yaml.MappingEndEvent):
            around.pop()
        elif kind is yaml.DocumentStartEvent and root:
            raise LocatedError("a second document begins: files with one are read", _position(event.start_mark))
        elif isinstance(event, yaml.NodeEvent):
            node = _alias(event, anchors) if kind is yaml.AliasEvent else _node(event, anchors)
            if around:
                around[-1].parts.append(node)
            root = root or node
            if isinstance(event, yaml.CollectionStartEvent):
                around.append(node)
                _refuse_depth(len(around), node.position)
    if root is None:
        raise LocatedError("the document is empty")
    return root


def _alias(event: Any, anchors: dict[str, _YamlNode]) -> _YamlNode:
    if event.anchor not in anchors:
        raise LocatedError("the alias has no anchor before it", _position(event.start_mark))
    return anchors[event.anchor]


def _node(event: Any, anchors: dict[str, _YamlNode]) -> _YamlNode:
    import yaml

    scalar = isinstance(event, yaml.ScalarEvent)
    node = _YamlNode(
        _position(event.start_mark),
        event.tag,
        event.value if scalar else None,
        plain=scalar and event.implicit[0],
        mapping=isinstance(event, yaml.MappingStartEvent),
    )
    if event.anchor:
        anchors[event.anchor] = node
    return node


def _refuse_depth(depth: int, position: Position) -> None:
    if depth > DEPTH_LIMIT:
        raise LocatedError(f"this is nested deeper than {DEPTH_LIMIT} levels", position)


# From nodes to data ---------------------------------------------------------------------------------


class _YamlReader:
    """Aliases are followed each time they occur: what they stand for has a path of its own there."""

    def __init__(self) -> None:
        self.positions: dict[Path, Position] = {}
        self.seen: set[_YamlNode] = set()
        self.repeated = 0
        self.around: set[_YamlNode] = set()

    def value(self, node: _YamlNode, path: Path) -> object:
        self.positions.setdefault(path, node.position)
        self._count(node)
        tag = node.tag
        if tag and tag in _SHORT_FORMS:
            name = _SHORT_FORMS[tag]
            if name == "Fn::GetAtt" and node.text is not None:
                return {name: list(node.text.split(".", 1))}
            return {name: self._untagged(node, (*path, name))}
        if tag and not tag.startswith("!") and tag not in (*_TEXTS, *_PLAIN_TAGS):
            raise LocatedError("the tag stands for no plain data", node.position)
        return self._untagged(node, path)

    def _untagged(self, node: _YamlNode, path: Path) -> object:
        if node.text is not None:
            plain = (node.plain and node.tag not in _TEXTS) or node.tag in _PLAIN_TAGS
            return _scalar(node.text) if plain else node.text
        _refuse_depth(len(self.around), node.position)
        self.around.add(node)
        try:
            if not node.mapping:
                return [self.value(one, (*path, index)) for index, one in enumerate(node.parts)]
            return self._mapping(node, path)
        finally:
            self.around.discard(node)

    def _mapping(self, node: _YamlNode, path: Path) -> dict[str, object]:
        value: dict[str, object] = {}
        for key, place, one in self._entries(node):
            self.positions[(*path, key)] = place
            value[key] = self.value(one, (*path, key))
        return value

    def _entries(self, node: _YamlNode) -> Iterator[tuple[str, Position, _YamlNode]]:
        """Keys with their places and values: its own, then those merged in by ``<<`` that it does not have."""
        own: set[str] = set()
        sources: list[_YamlNode] = []
        for key, value in zip(node.parts[::2], node.parts[1::2], strict=True):
            if key.text is None:
                raise LocatedError("the key is no text", key.position)
            if key.text == "<<" and key.plain:
                sources += [value] if value.mapping else value.parts or [value]
                continue
            if key.text in own:
                raise LocatedError("the key occurs twice in its mapping", key.position)
            own.add(key.text)
            yield key.text, key.position, value
        for source in sources:
            yield from self._merged(source, own)

    def _merged(self, source: _YamlNode, own: set[str]) -> Iterator[tuple[str, Position, _YamlNode]]:
        if not source.mapping:
            raise LocatedError("<< takes a mapping, or a list of mappings", source.position)
        self._count(source)
        _refuse_depth(len(self.around), source.position)
        self.around.add(source)
        try:
            for key, place, value in self._entries(source):
                if key not in own:
                    own.add(key)
                    yield key, place, value
        finally:
            self.around.discard(source)

    def _count(self, node: _YamlNode) -> None:
        if node in self.around:
            raise LocatedError("an alias is part of what it stands for", node.position)
        if node not in self.seen:
            self.seen.add(node)
            return
        self.repeated += 1
        if self.repeated > ALIAS_LIMIT:
            raise LocatedError(f"aliases repeat more than {ALIAS_LIMIT} parts", node.position)


_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys([form for word in ("true", "yes", "on") for form in (word, word.title(), word.upper())], True),
    **dict.fromkeys([form for word in ("false", "no", "off") for form in (word, word.title(), word.upper())], False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,300})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")


def _scalar(text: str) -> object:
    """Words and decimal numbers. Other notations of YAML 1.1 stay texts: ``2010-09-09``, ``22:22``, ``0123``, ``0x1F``.

    Who writes one of these in a template or a Compose file means the text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
