"""YAML to plain data, with the position of each part.

PyYAML composes the nodes; this module builds the data, so that a hostile text costs no more than a long one: it builds
only plain data, and limits nesting and aliases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gmsa_doctor.formats.documents.located import DEPTH_LIMIT, TEXT_LIMIT, Located, LocatedError, Path, Position

ALIAS_LIMIT = 50_000
"""Maximum number of parts that all aliases together may repeat."""

DOCUMENT_LIMIT = 100
"""Maximum number of documents: the limit of aliases is for each."""

_FUNCTIONS = (
    *("And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Length", "Not"),
    *("Or", "Select", "Split", "Sub", "ToJsonString", "Transform"),
)
_SHORT_FORMS = {"!Ref": "Ref", "!Condition": "Condition", **{f"!{name}": f"Fn::{name}" for name in _FUNCTIONS}}
"""Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html"""

_CORE = "tag:yaml.org,2002:"
_TEXT = f"{_CORE}str"
_PLAIN_TAGS = tuple(_CORE + name for name in ("null", "bool", "int", "float", "map", "seq"))
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_yaml(text: str) -> Located:
    """The only YAML document of a text, as :func:`read_yaml_documents` reads it."""
    first, *others = read_yaml_documents(text)
    if others:
        raise LocatedError("a second document starts here; only files with one document can be read", others[0].at(()))
    return first


def read_yaml_documents(text: str) -> tuple[Located, ...]:
    """The YAML documents of a text, at least one. Short forms such as ``!Sub`` become ``{"Fn::Sub": …}``.

    Keys are texts as written. Other local tags (Compose's ``!reset``) are ignored. Raises only LocatedError, for any
    text.
    """
    if len(text) > TEXT_LIMIT:
        raise LocatedError(f"the text is longer than {TEXT_LIMIT} characters")
    roots = _composed(text)
    if not roots:
        raise LocatedError("the document is empty")
    if len(roots) > DOCUMENT_LIMIT:
        raise LocatedError(f"there are more than {DOCUMENT_LIMIT} documents", _position(roots[-1].start_mark))
    return tuple(_located(root) for root in roots)


def _located(root: Any) -> Located:
    reader = _YamlReader()
    return Located(reader.value(root, ()), reader.positions)


def _composed(text: str) -> list[Any]:
    """PyYAML's nodes of the documents."""
    import yaml
    from yaml.composer import Composer

    # No method of the composer in libyaml's loader can be replaced, so PyYAML's composer precedes it.
    fast = getattr(yaml, "CSafeLoader", None)
    bases = (_LimitedComposer, Composer, fast) if fast else (_LimitedComposer, yaml.SafeLoader)
    try:
        loader: Any = type("Loader", bases, {"__init__": bases[-1].__init__})(text)
        loader.anchors = {}
        found = []
        while loader.check_node():
            found.append(loader.get_node())
        return found
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LocatedError(error.problem or "this is not YAML", _position(mark) if mark else None) from None
    except yaml.YAMLError:
        match = _CONTROL.search(text)
        start = match.start() if match else 0
        place = Position(text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)) if match else None
        raise LocatedError("YAML does not allow this control character", place) from None
    except UnicodeEncodeError:
        raise LocatedError("the text contains an unpaired surrogate") from None


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _refuse_depth(depth: int, mark: Any) -> None:
    if depth > DEPTH_LIMIT:
        raise LocatedError(f"this is nested deeper than {DEPTH_LIMIT} levels", _position(mark))


class _LimitedComposer:
    """Precedes PyYAML's Composer: limits nesting, allows an anchor to be defined again, and does not guess tags."""

    anchors: dict[str, object]
    depth = 0
    """The number of collections that contain the node."""

    def compose_node(self, parent: object, index: object) -> object:
        composer: Any = super()
        event = composer.peek_event()
        if event.anchor is not None and type(event).__name__ != "AliasEvent":
            self.anchors.pop(event.anchor, None)
        elif event.anchor is not None and event.anchor not in self.anchors:
            raise LocatedError("the alias has no anchor before it", _position(event.start_mark))
        if getattr(event, "tag", None) == "!":  # a text, even without quotes
            event.tag = _TEXT
        is_collection = hasattr(event, "flow_style")
        self.depth += is_collection
        _refuse_depth(self.depth, event.start_mark)
        node: object = composer.compose_node(parent, index)
        self.depth -= is_collection
        return node

    def resolve(self, _kind: type, value: str | None, implicit: Any) -> str | None:
        """The tag of a node without one: none for collections and for scalars without quotes."""
        return _TEXT if value is not None and not implicit[0] else None


class _YamlReader:
    """Builds data from nodes. Each alias is expanded, and its parts get their own paths."""

    def __init__(self) -> None:
        self.positions: dict[Path, Position] = {}
        self.seen: set[object] = set()
        self.repeated = 0
        self.around: set[object] = set()

    def value(self, node: Any, path: Path) -> object:
        if path not in self.positions:  # an entry of a mapping has the position of its key
            self.positions[path] = _position(node.start_mark)
        self._count(node)
        if name := _SHORT_FORMS.get(node.tag):
            if name == "Fn::GetAtt" and node.id == "scalar":
                return {name: node.value.split(".", 1)}
            return {name: self._untagged(node, (*path, name))}
        if node.tag and not node.tag.startswith("!") and node.tag not in (_TEXT, *_PLAIN_TAGS):
            raise LocatedError("the tag is not for plain data", _position(node.start_mark))
        return self._untagged(node, path)

    def _untagged(self, node: Any, path: Path) -> object:
        if node.id == "scalar":
            return _scalar(node.value) if node.tag is None or node.tag in _PLAIN_TAGS else node.value
        self._enter(node)
        if node.id == "sequence":
            data: object = [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        else:
            data = entries = dict[str, object]()
            for key, position, value in self._entries(node):
                self.positions[(*path, key)] = position
                entries[key] = self.value(value, (*path, key))
        self.around.remove(node)
        return data

    def _entries(self, node: Any) -> Iterator[tuple[str, Position, Any]]:
        """Keys with their positions and values: its own, then those that ``<<`` adds."""
        own: set[str] = set()
        sources: list[Any] = []
        for key, value in node.value:
            position = _position(key.start_mark)
            if key.id != "scalar":
                raise LocatedError("the key is not a text", position)
            if key.value == "<<" and key.tag is None:
                sources += value.value or [value] if value.id == "sequence" else [value]
                continue
            if key.value in own:
                raise LocatedError("the key occurs twice in its mapping", position)
            own.add(key.value)
            yield key.value, position, value
        for source in sources:
            yield from self._merged(source, own)

    def _merged(self, source: Any, own: set[str]) -> Iterator[tuple[str, Position, Any]]:
        if source.id != "mapping":
            raise LocatedError("<< requires a mapping, or a list of mappings", _position(source.start_mark))
        self._count(source)
        self._enter(source)
        for key, position, value in self._entries(source):
            if key not in own:
                own.add(key)
                yield key, position, value
        self.around.remove(source)

    def _enter(self, node: Any) -> None:
        _refuse_depth(len(self.around), node.start_mark)
        self.around.add(node)

    def _count(self, node: Any) -> None:
        if node in self.around:
            raise LocatedError("the alias contains itself", _position(node.start_mark))
        self.repeated += node in self.seen
        self.seen.add(node)
        if self.repeated > ALIAS_LIMIT:
            raise LocatedError(f"aliases repeat more than {ALIAS_LIMIT} parts", _position(node.start_mark))


_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys([form for word in ("true", "yes", "on") for form in (word, word.title(), word.upper())], True),
    **dict.fromkeys([form for word in ("false", "no", "off") for form in (word, word.title(), word.upper())], False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,300})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")


def _scalar(text: str) -> object:
    """Words and decimal numbers. Other notations of YAML 1.1 stay texts: ``2010-09-09``, ``22:22``, ``0123``, ``0x1F``.

    In a template or a Compose file, they are meant as texts.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
