"""CloudFormation's intrinsic functions, resolved as far as a template and its parameters allow.

Other values are :class:`Open`: ``Ref``, ``Fn::GetAtt`` and ``Fn::Sub`` become ``${Name}`` and ``${Name.Arn}``, another
function ``${Fn::ImportValue}``, a dynamic reference ``${resolve:ssm:/name}``. The default of a ``NoEcho`` parameter
is a secret, and is not resolved.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from gmsa_doctor.formats.documents.located import LocatedError, Open, Path
from gmsa_doctor.formats.documents.walk import child, entries
from gmsa_doctor.formats.templates.template_part import Part, as_text, either, opened, without_dynamic

TEXT_LIMIT = 20_000
"""Maximum characters of a function's result: texts that repeat each other grow exponentially."""

WORK_LIMIT = 1_000_000
"""Maximum number of parts to evaluate in one template."""

CHAIN_LIMIT = 20
"""Maximum length of a chain of references between conditions and resources."""

_PHYSICAL_NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::IAM::Role": "RoleName",
    "AWS::SSM::Parameter": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
}
"""The property that ``Ref`` returns, by resource type (the "Return values" on the page of each type)."""

_IN_SUB = re.compile(r"\$\{([^{}]*)\}")
_PARTS_OF_ARNS = re.compile(r"\$\{AWS::(?:Partition|Region|AccountId|URLSuffix)\}")
"""Their values contain no colon, slash or comma."""


class _Unresolved(Exception):
    """A value that cannot be resolved. ``label`` is the text in its ``${…}``."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label


class Intrinsics:
    """Resolves the functions of one template."""

    def __init__(
        self,
        template: Mapping[str, object],
        parameters: Mapping[str, str],
        imported: Callable[[str], str | None] = lambda _name: None,
    ) -> None:
        sections = ("Parameters", "Conditions", "Mappings", "Resources")
        self._parameters, self._conditions, self._mappings, self._resources = map(entries, map(template.get, sections))
        self._given = parameters
        self._imported = imported
        self._known: dict[tuple[str, ...], object] = {}
        self._chain: list[tuple[str, ...]] = []
        self._work = 0

    def part(self, value: object, path: Path) -> Part | None:
        """None for AWS::NoValue, which removes its key or item. Raises LocatedError for one that is too large."""
        self._spend()
        name = _function(value)
        if name and isinstance(value, dict):
            return self._called(name, value.get(name), path)
        if isinstance(value, dict):
            parts = {key: self.part(entry, (*path, key)) for key, entry in value.items()}
            return Part({key: part for key, part in parts.items() if part}, path)
        if isinstance(value, list):
            return Part([part for index, item in enumerate(value) if (part := self.part(item, (*path, index)))], path)
        return Part(without_dynamic(value) if isinstance(value, str) else value, path)

    def holds(self, condition: str) -> bool | None:
        """Whether a condition of the template is true; None if that is unknown before deployment."""
        if condition not in self._conditions:
            return None
        truth = self._once(("condition", condition), lambda: self._truth(self._conditions[condition]))
        return truth if isinstance(truth, bool) else None

    # Limits

    def _spend(self, amount: int = 1) -> None:
        self._work += amount
        if self._work > WORK_LIMIT:
            raise LocatedError("the results of the template's functions are too large")

    def _once(self, key: tuple[str, ...], find: Callable[[], object]) -> object:
        """Looks up a condition or resource only once; None for one that refers to itself."""
        if key not in self._known:
            if key in self._chain or len(self._chain) >= CHAIN_LIMIT:
                return None
            self._chain.append(key)
            try:
                self._known[key] = find()
            finally:
                self._chain.pop()
        return self._known[key]

    # Functions

    def _called(self, name: str, argument: object, path: Path) -> Part | None:
        if name == "Ref" and argument == "AWS::NoValue":
            return None
        if name == "Fn::If":
            return self._if(argument, path)
        try:
            function = self._FUNCTIONS.get(name)
            value = function(self, argument, path, name) if function else opened(name)
        except _Unresolved as error:
            value = opened(error.label)
        if isinstance(value, Part):
            return value
        if isinstance(value, str):
            self._spend(len(value) // 100)
            value = without_dynamic(value)
        return Part([Part(item, path) for item in value], path) if isinstance(value, list) else Part(value, path)

    def _ref(self, argument: object, _path: Path, name: str) -> object:
        if not isinstance(argument, str):
            raise _Unresolved(name)
        return self._reference(argument)

    def _get_att(self, argument: object, path: Path, name: str) -> object:
        logical, attribute = argument.split(".", 1) if isinstance(argument, str) and "." in argument else (None, None)
        if isinstance(argument, list) and len(argument) == 2:
            logical, attribute = argument[0], self._text(argument[1], path, name)
        if not isinstance(logical, str) or attribute is None:
            raise _Unresolved(name)
        return self._attribute(logical, attribute)

    def _sub(self, argument: object, path: Path, name: str) -> object:
        variables: dict[str, object] = {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
            argument, variables = argument
        if not isinstance(argument, str):
            raise _Unresolved(name)
        pieces: list[str] = []
        end = 0
        for match in _IN_SUB.finditer(argument):
            pieces += [argument[end : match.start()], self._in_sub(match[1], variables, path)]
            end = match.end()
        return self._together([*pieces, argument[end:]], "", name)

    def _in_sub(self, name: str, variables: dict[str, object], path: Path) -> str:
        if name.startswith("!"):
            return "${" + name[1:] + "}"  # an escape: not for CloudFormation
        if name in variables:
            return self._text(variables[name], path, name)
        try:
            found = self._attribute(*name.split(".", 1)) if "." in name else self._reference(name)
        except _Unresolved as error:
            return opened(error.label)
        return found if isinstance(found, str) else opened(name)

    def _join(self, argument: object, path: Path, name: str) -> object:
        delimiter, items = self._pair(argument, name)
        texts = [as_text(item.value) for item in self._list(items, path, name)]
        if not isinstance(delimiter, str) or None in texts:
            raise _Unresolved(name)
        return self._together([text for text in texts if text is not None], delimiter, name)

    def _select(self, argument: object, path: Path, name: str) -> object:
        index, items = self._pair(argument, name)
        at = self._text(index, path, name)
        found = self._list(items, path, name)
        if not at.isascii() or not at.isdigit() or len(at) > 6 or int(at) >= len(found):
            raise _Unresolved(name)
        return found[int(at)]

    def _split(self, argument: object, path: Path, name: str) -> object:
        delimiter, source = self._pair(argument, name)
        text = self._text(source, path, name)
        if not isinstance(delimiter, str) or not delimiter:
            raise _Unresolved(name)
        if not isinstance(text, Open):
            return self._spent(text.split(delimiter))
        masked = _PARTS_OF_ARNS.sub(lambda match: match[0].replace(":", "\0"), text)
        if delimiter not in ":/," or "${" in _PARTS_OF_ARNS.sub("", text):
            raise _Unresolved(name)
        pieces = [piece.replace("\0", ":") for piece in masked.split(delimiter)]
        return self._spent([Open(piece) if "${" in piece else piece for piece in pieces])

    def _find_in_map(self, argument: object, path: Path, name: str) -> object:
        if not isinstance(argument, list) or len(argument) < 3:
            raise _Unresolved(name)
        found: object = self._mappings
        for level in argument[:3]:
            key = self._text(level, path, name)
            found = None if isinstance(key, Open) else child(found, key)
        if isinstance(found, list) and all(as_text(item) is not None for item in found):
            return self._spent(found)
        if as_text(found) is None:
            raise _Unresolved(name)
        return found

    def _import_value(self, argument: object, path: Path, name: str) -> object:
        export = self._text(argument, path, name)
        value = None if isinstance(export, Open) else self._imported(export)
        if value is None:
            raise _Unresolved(f"{name} {export}")
        return value

    def _if(self, argument: object, path: Path) -> Part | None:
        path = (*path, "Fn::If")
        if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
            return Part(opened("Fn::If"), path[:-1])
        holds = self.holds(argument[0])
        if holds is not None:
            index = 1 if holds else 2
            return self.part(argument[index], (*path, index))
        first, second = (self.part(argument[index], (*path, index)) for index in (1, 2))
        return either(first, second, opened(f"Fn::If {argument[0]}"))

    _FUNCTIONS: ClassVar[dict[str, Callable[[Intrinsics, object, Path, str], object]]] = {
        "Ref": _ref,
        "Fn::GetAtt": _get_att,
        "Fn::Sub": _sub,
        "Fn::Join": _join,
        "Fn::Select": _select,
        "Fn::Split": _split,
        "Fn::FindInMap": _find_in_map,
        "Fn::ImportValue": _import_value,
    }

    # Arguments

    def _pair(self, argument: object, name: str) -> tuple[object, object]:
        if not isinstance(argument, list) or len(argument) != 2:
            raise _Unresolved(name)
        return argument[0], argument[1]

    def _text(self, value: object, path: Path, name: str) -> str:
        part = self.part(value, path)
        text = as_text(part.value) if part else None
        if text is None:
            raise _Unresolved(name)
        return text

    def _list(self, value: object, path: Path, name: str) -> list[Part]:
        part = self.part(value, path)
        if not part or not isinstance(part.value, list):
            raise _Unresolved(name)
        return part.value

    def _spent(self, items: list[object] | list[str]) -> list[object]:
        self._spend(len(items))
        return list(items)

    def _together(self, pieces: list[str], delimiter: str, name: str) -> str:
        length = sum(map(len, pieces)) + len(delimiter) * len(pieces)
        self._spend(len(pieces) + length // 100)
        if length > TEXT_LIMIT:
            raise _Unresolved(name)
        text = without_dynamic(delimiter.join(pieces))
        return Open(text) if any(isinstance(piece, Open) for piece in (*pieces, text)) else text

    # References

    def _reference(self, name: str) -> object:
        if name in self._parameters:
            return self._parameter(name)
        if name.startswith("AWS::") and name in self._given:
            return self._given[name]
        kind = _resource_type(self._resources.get(name))
        if kind in _PHYSICAL_NAMES:
            physical = self._property(name, _PHYSICAL_NAMES[kind])
            if physical:
                return physical
        raise _Unresolved(name)

    def _parameter(self, name: str) -> object:
        declared = entries(self._parameters[name])
        kind = str(declared.get("Type", ""))
        value = self._given.get(name, as_text(declared.get("Default")))
        hidden = kind.startswith("AWS::SSM::Parameter::") or declared.get("NoEcho") in (True, "true", "True")
        if value is None or hidden:
            raise _Unresolved(name)
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return self._spent([*map(str.strip, value.split(","))])
        return value

    def _attribute(self, logical: str, attribute: str) -> str:
        kind = _resource_type(self._resources.get(logical))
        name = None
        if kind in _PHYSICAL_NAMES and attribute == "Arn":
            name = self._property(logical, _PHYSICAL_NAMES[kind])
        if kind == "AWS::S3::Bucket" and attribute == "Arn":
            return self._arn("s3:::", name or opened(logical))
        if kind == "AWS::IAM::Role" and name:
            place = self._property(logical, "Path") or "/"
            return self._arn("iam::", self._given_or_open("AWS::AccountId"), ":role", place, name)
        if kind == "AWS::SSM::Parameter" and attribute == "Value" and (value := self._property(logical, "Value")):
            return value
        raise _Unresolved(f"{logical}.{attribute}")

    def _arn(self, *pieces: str) -> str:
        return self._together(["arn:", self._given_or_open("AWS::Partition"), ":", *pieces], "", "Fn::GetAtt")

    def _given_or_open(self, name: str) -> str:
        return self._given.get(name) or opened(name)

    def _property(self, logical: str, key: str) -> str | None:
        """A resource's property as a text; None without one."""
        value = child(self._resources, logical, "Properties", key)
        if value is None:
            return None

        def find() -> object:
            part = self.part(value, ("Resources", logical, "Properties", key))
            return as_text(part.value) if part else None

        text = self._once((logical, key), find)
        return text if isinstance(text, str) else None

    # Conditions

    def _truth(self, value: object) -> bool | None:
        self._spend()
        if not isinstance(value, dict) or len(value) != 1:
            return None
        ((name, argument),) = value.items()
        if name == "Condition" and isinstance(argument, str):
            return self.holds(argument)
        if not isinstance(argument, list):
            return None
        if name == "Fn::Equals":
            return self._equals(argument)
        truths = [*map(self._truth, argument)]
        if name == "Fn::Not" and len(truths) == 1 and truths[0] is not None:
            return not truths[0]
        if name not in ("Fn::And", "Fn::Or"):
            return None
        decisive = name == "Fn::Or"
        return decisive if decisive in truths else None if None in truths else not decisive

    def _equals(self, argument: list[object]) -> bool | None:
        try:
            texts = [self._text(side, (), "Fn::Equals") for side in argument]
        except _Unresolved:
            return None
        if len(texts) != 2 or any(isinstance(text, Open) for text in texts):
            return None
        return texts[0] == texts[1]


# Values ---------------------------------------------------------------------------------------------


def _function(value: object) -> str | None:
    """The function that an object calls. One among other keys (``Fn::Transform``) applies to the whole object."""
    if not isinstance(value, dict):
        return None
    if len(value) == 1 and "Ref" in value:
        return "Ref"
    return next((key for key in value if isinstance(key, str) and key.startswith("Fn::")), None)


def _resource_type(resource: object) -> str:
    return str(entries(resource).get("Type", ""))
