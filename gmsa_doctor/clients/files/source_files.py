"""Reads the files to check, and recognizes their kind.

Files without gMSA configuration are sorted out by their bytes, before they are parsed: a repository has thousands.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gmsa_doctor.clients.files.export_values import ExportValues
from gmsa_doctor.clients.files.file_bytes import FILE_LIMIT, STANDARD_INPUT, UTF16, is_utf16, read_bytes, text_of
from gmsa_doctor.clients.files.file_search import Broken, Candidate, find
from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open, Path, read_json
from gmsa_doctor.formats.documents.near_keys import near_keys
from gmsa_doctor.formats.documents.placeholders import marked
from gmsa_doctor.formats.documents.task_definition import TaskDefinitionError, read_task_definition
from gmsa_doctor.formats.documents.walk import child, entries
from gmsa_doctor.formats.documents.yaml_text import read_yaml
from gmsa_doctor.formats.templates import (
    cloudformation,
    compose,
    container_list,
    kubernetes,
    other_formats,
    terraform_plan,
)
from gmsa_doctor.formats.templates.cloudformation import LeftOut

_GMSA_MARKS = (
    *(b"credential_spec", b"credentialspec", b"credential-spec", b"credentials-fetcher"),
    *(b"cmsplugins", b"domainjoinconfig", b"activedirectoryconfig"),
)
"""Every file with gMSA configuration contains one of these, in upper or lower case. Kubernetes files may, too."""

_STRONG_MARKS = (b"containerdefinitions", b"container_definitions", b"aws::ecs::taskdefinition")
"""Every file with a task definition contains one of these (or is a list of containers); other files do not."""


class FileKind(StrEnum):
    """The kind of a file."""

    TASK_DEFINITION = "task definition"
    CONTAINERS = "container definitions"
    TEMPLATE = "CloudFormation template"
    PLAN = "Terraform plan"
    TERRAFORM = "Terraform configuration"
    COMPOSE = "Compose file"
    CREDSPEC = "CredSpec"


@dataclass(frozen=True)
class SourceFile:
    """A file with task definitions, or a CredSpec; ``body``: the bytes of a CredSpec, ``located``: its positions.

    ``left_out``: task definitions (or resources that may create some) that cannot be checked before deployment.
    ``named``: the user named the file, so it must have gMSA configuration. ``has_sign``: something in it is about gMSA.
    """

    path: str
    kind: FileKind
    definitions: tuple[Definition, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    body: bytes | None = field(default=None, repr=False)
    located: Located | None = field(default=None, repr=False)
    parameters: frozenset[str] = frozenset()
    """The names of a CloudFormation template's parameters."""
    named: bool = False
    has_sign: bool = True


def sources(
    patterns: Iterable[str], parameters: Mapping[str, str], root: str = ".", *, pass_over: bool = False
) -> Iterator[SourceFile | Broken]:
    """The files of all patterns, in a stable order. ``parameters``: values for CloudFormation templates.

    ``pass_over``: ignore files without gMSA configuration, even if they are named.
    """
    candidates = find(patterns, root)
    exports = ExportValues([file for file in candidates if isinstance(file, Candidate)], parameters, root)
    for candidate in candidates:
        if isinstance(candidate, Broken):
            yield candidate
            continue
        named = candidate.named and not pass_over
        source = read(replace(candidate, named=named), parameters, root, exports)
        if isinstance(source, Broken) and pass_over and not source.has_sign:
            continue
        if source:
            yield source


# What a file is -------------------------------------------------------------------------------------


def read(
    candidate: Candidate, parameters: Mapping[str, str], root: str = ".", exports: ExportValues | None = None
) -> SourceFile | Broken | None:
    """The file's content; None if it has no gMSA configuration and was not named explicitly. Never raises."""
    path = candidate.path if candidate.path == STANDARD_INPUT else os.path.join(root, candidate.path)
    body = read_bytes(path)
    if isinstance(body, str):
        return Broken(candidate.path, body)
    return classify(candidate, body, parameters, exports)


def classify(
    candidate: Candidate, body: bytes, parameters: Mapping[str, str], exports: ExportValues | None = None
) -> SourceFile | Broken | None:
    """As :func:`read`, for bytes that were read already."""
    path, named = candidate.path, candidate.named
    too_large = len(body) > FILE_LIMIT
    if not named and (too_large or not _has_mark(body, (*_GMSA_MARKS, *_STRONG_MARKS))):
        return None
    has_sign = _has_mark(body, _GMSA_MARKS)
    if too_large:
        return Broken(path, f"is larger than {FILE_LIMIT // 1024 // 1024} MB", has_sign=has_sign)
    if _CREDSPEC_START.match(_without_nul(body[:4096])):  # the checks report its defects better
        return SourceFile(path, FileKind.CREDSPEC, body=body, named=named)
    try:
        found = _Reader(path, body, {**dict(candidate.parameters), **parameters}, exports).source()
    except LocatedError as error:
        reason = other_formats.hint(path, body) or error.reason
        ours = named or _has_mark(body, _STRONG_MARKS)
        return Broken(path, reason, error.position, has_sign) if ours else None
    except RecursionError:
        return Broken(path, "is nested too deeply", has_sign=has_sign)
    if found is None:
        hint = (
            other_formats.hint(path, body) or f"contains no task definition and no CredSpec; {other_formats.SUPPORTED}"
        )
        return Broken(path, hint, has_sign=has_sign) if named else None
    return replace(found, named=named, has_sign=has_sign)


def _has_mark(body: bytes, marks: tuple[bytes, ...]) -> bool:
    lower = _without_nul(body).lower()
    return any(mark in lower for mark in marks)


def _without_nul(body: bytes) -> bytes:
    """UTF-16 and UTF-32 as plain letters, to search for marks."""
    return body.replace(b"\0", b"") if b"\0" in body[:4] else body


_CREDSPEC_KEYS = ("CmsPlugins", "DomainJoinConfig", "ActiveDirectoryConfig")
_CREDSPEC_START = re.compile(rb'[\xef\xbb\xbf\xff\xfe\s]*\{\s*"(?:CmsPlugins|DomainJoinConfig|ActiveDirectoryConfig)"')


class _Reader:
    """Reads one file. Each method raises LocatedError."""

    def __init__(self, path: str, body: bytes, parameters: Mapping[str, str], exports: ExportValues | None) -> None:
        self.path, self.body, self.parameters, self.exports = path, body, parameters, exports

    def source(self) -> SourceFile | None:
        """None for a file without gMSA configuration."""
        text = text_of(self.body)
        if self.path.endswith(".tf"):
            from gmsa_doctor.formats.templates import terraform_configuration  # needs an extra

            return self._source(FileKind.TERRAFORM, *_known(terraform_configuration.definitions(text)))
        text = terraform_plan.without_wrapper(text)
        located = read_json(text) if _is_json(self.path, text) else read_yaml(text)
        if terraform_plan.is_plan(located.value):
            return self._source(FileKind.PLAN, *_known(terraform_plan.definitions(located)))
        if is_utf16(self.body):
            raise LocatedError(UTF16)
        return self._document(located)

    def _document(self, located: Located) -> SourceFile | None:
        value = located.value
        if container_list.is_container_list(value):
            return self._source(FileKind.CONTAINERS, (container_list.definition(self.path, located),))
        if not isinstance(value, dict):
            return None
        if cloudformation.is_template(value):
            return self._template(located, value)
        if credspec := kubernetes.credspec(located):
            body = json.dumps(credspec.value).encode()
            return SourceFile(self.path, FileKind.CREDSPEC, body=body, located=credspec)
        if any(key in value for key in _CREDSPEC_KEYS):
            return SourceFile(self.path, FileKind.CREDSPEC, body=self.body)
        if (root := _task_definition_root(value)) is not None:
            return self._source(FileKind.TASK_DEFINITION, (_definition(self.path, located, root),))
        if compose.is_compose(value):
            return self._source(FileKind.COMPOSE, compose.definitions(located))
        return None

    def _template(self, located: Located, value: Mapping[str, object]) -> SourceFile | None:
        imported = self.exports.of(self.path) if self.exports else lambda _name: None
        template = cloudformation.read_template(located, self.parameters, imported)
        source = self._source(FileKind.TEMPLATE, template.definitions, template.left_out)
        return source and replace(source, parameters=frozenset(map(str, entries(value.get("Parameters")))))

    def _source(
        self, kind: FileKind, found: tuple[Definition, ...], left_out: tuple[LeftOut, ...] = ()
    ) -> SourceFile | None:
        with_marks = tuple(
            replace(definition, located=replace(definition.located, value=marked(definition.located.value)))
            for definition in found
        )
        return SourceFile(self.path, kind, with_marks, left_out) if found or left_out else None


def _is_json(path: str, text: str) -> bool:
    if path.endswith((".yaml", ".yml")):
        return False
    return path.endswith(".json") or text.lstrip()[:1] in ("{", "[")


def _known(found: tuple[Definition, ...]) -> tuple[tuple[Definition, ...], tuple[LeftOut, ...]]:
    """The task definitions with known containers, and the others."""
    known, left_out = [], []
    for definition in found:
        containers = child(definition.located.value, "containerDefinitions")
        if isinstance(containers, Open):
            position = definition.located.at(("containerDefinitions",))
            reason = f"its containers depend on {containers}"
            left_out.append(LeftOut(definition.name, reason, position, until_deployed=True))
        else:
            known.append(definition)
    return tuple(known), tuple(left_out)


def _task_definition_root(value: dict[str, object]) -> Path | None:
    """The path of the task definition: describe-task-definition prints it inside another object."""
    roots: tuple[tuple[str, ...], ...] = ((), ("taskDefinition",))
    keys = {root: (str(key).casefold() for key in entries(child(value, *root))) for root in roots}
    return next((root for root in roots if "containerdefinitions" in keys[root]), None)


def _definition(path: str, located: Located, root: Path) -> Definition:
    """The task definition at ``root``. Raises LocatedError if ECS would reject it."""
    value = located.value[root[0]] if root and isinstance(located.value, dict) else located.value
    inner = {where[len(root) :]: place for where, place in located.positions.items() if where[: len(root)] == root}
    inner_located = Located(value, inner)
    near = near_keys(inner_located)
    try:
        read = read_task_definition(value, near)
    except TaskDefinitionError as error:
        raise LocatedError(f"is not a task definition: {error}", inner_located.at(error.keys)) from None
    return Definition(read.family or os.path.basename(path), inner_located, near=near)
